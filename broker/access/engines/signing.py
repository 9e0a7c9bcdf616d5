"""Sign what engines are given, and check it before one is given it: ES256 (RFC 7518 §3.4), as OPA verifies a bundle.

Never signs by chance: signatures are deterministic (RFC 6979), so equal content has equal bytes. Never takes a key, or
an algorithm, from what is to be checked: ``kid`` chooses among the broker's own keys, and ES256 is the only algorithm.

A signature says who made something, not when. That an old bundle is not put back is for ``access.policy`` to see to.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from broker.access.engines.bundle_file import SIGNATURES
from broker.access.engines.keyring import Keyring, PrivateKey
from broker.agreements.canonical import canonical
from broker.errors import EngineUnclear
from broker.settings import Settings

SCOPE = "sharing"  # OPA's ``signing.scope`` must say the same
_ALGORITHM = "ES256"
_BUNDLE, _REPORT = "JWT", "impact-report+jws"  # ``typ``: one is never taken for the other
_HASH = "SHA-256"


@dataclass(frozen=True)
class BundleKeys:
    """The keys a broker signs with. Reads them afresh each time, so that a change reaches every process at once."""

    keyring: Keyring

    @classmethod
    def of(cls, settings: Settings) -> BundleKeys:
        """The keys in the data folder. The first is made when something is first signed or shown."""
        return cls(Keyring(settings.data_folder / "secrets" / "bundle-keys.json"))

    def sign(self, files: Mapping[str, bytes], *, kid: str | None = None) -> str:
        """The text of ``.signatures.json`` for a bundle of ``files``: one JWT over the name and hash of each.

        By the key that signs, or by the accepted one called ``kid``; raises NotFound for another. ``data.json`` and
        ``.manifest`` must be canonical JSON already: OPA hashes those as such, others as they are.
        """
        payload = canonical({"files": _described(files), "scope": SCOPE})
        return canonical({"signatures": [self._signed(payload, _BUNDLE, kid=kid)]}).decode()

    def verify(self, files: Mapping[str, bytes], signatures: str) -> None:
        """Raise EngineUnclear unless ``signatures`` is this broker's, over exactly ``files``."""
        payload = _json(self._checked(_the_one(signatures), _BUNDLE))
        if payload != {"files": payload.get("files"), "scope": SCOPE}:
            raise EngineUnclear("the bundle's signature says other things than which files it is over")
        if payload["files"] != _described(files):
            raise EngineUnclear("the bundle's files are not those that were signed")

    def signed_by(self, signatures: str) -> str:
        """The ``kid`` that ``signatures`` names. Checks nothing: ``verify`` does."""
        return str(_header(_the_one(signatures)).get("kid"))

    def sign_detached(self, payload: bytes) -> str:
        """A signature to be kept beside ``payload``: a JWS without its content (RFC 7515 Appendix F)."""
        header, _, signature = self._signed(payload, _REPORT).split(".")
        return f"{header}..{signature}"

    def verify_detached(self, payload: bytes, signature: str) -> None:
        """Raise EngineUnclear unless ``signature`` is this broker's, over exactly ``payload``."""
        header, content, rest = _parts(signature)
        if content:
            raise EngineUnclear("a detached signature brings no content of its own")
        self._checked(f"{header}.{_base64(payload)}.{rest}", _REPORT)

    def public_keys(self) -> dict[str, Any]:
        """Every key that is accepted, as a JSON Web Key Set (RFC 7517 §5); the announced one is among them."""
        return {"keys": [{**key.jwk, "use": "sig", "alg": _ALGORITHM} for key in self.keyring.accepted().values()]}

    def opa_keys(self) -> dict[str, dict[str, str]]:
        """OPA's ``keys``. Its ``signing.keyid`` must name one of them, or it takes unsigned bundles as well."""
        return {kid: {"algorithm": _ALGORITHM, "key": key.pem} for kid, key in self.keyring.accepted().items()}

    def _signed(self, payload: bytes, kind: str, *, kid: str | None = None) -> str:
        kid, key = self.keyring.signing(kid)
        header = canonical({"alg": _ALGORITHM, "kid": kid, "typ": kind})
        content = f"{_base64(header)}.{_base64(payload)}"
        return f"{content}.{_base64(_signature(key, content.encode()))}"

    def _checked(self, token: str, kind: str) -> bytes:
        """What ``token`` says, its signature checked. Raises EngineUnclear."""
        header = _header(token)
        if header != {"alg": _ALGORITHM, "kid": header.get("kid"), "typ": kind}:
            raise EngineUnclear("the signature is not of the kind that this broker makes")
        key = self.keyring.accepted().get(str(header["kid"]))
        if key is None:
            raise EngineUnclear("the signature is by a key that this broker does not accept")
        content, _, signature = token.rpartition(".")
        raw = _bytes(signature)
        if len(raw) != 64:
            raise EngineUnclear("the signature is not 64 bytes")
        numbers = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        try:
            key.public.verify(encode_dss_signature(*numbers), content.encode(), ECDSA(SHA256()))
        except InvalidSignature as error:
            raise EngineUnclear("the signature does not hold") from error
        return _bytes(content.partition(".")[2])


def _described(files: Mapping[str, bytes]) -> list[dict[str, str]]:
    return [
        {"algorithm": _HASH, "hash": sha256(content).hexdigest(), "name": name}
        for name, content in sorted(files.items())
        if name != SIGNATURES
    ]


def _the_one(signatures: str) -> str:
    """The one JWT: OPA takes neither more nor fewer, and a plugin that verifies otherwise is not asked for here."""
    found = _json(signatures.encode())
    listed = found.get("signatures")
    if found.keys() != {"signatures"} or not isinstance(listed, list) or len(listed) != 1:
        raise EngineUnclear("a bundle has exactly one signature")
    return str(listed[0])


def _header(token: str) -> dict[str, Any]:
    return _json(_bytes(_parts(token)[0]))


def _parts(token: str) -> tuple[str, str, str]:
    parts = token.split(".")
    if len(parts) != 3:
        raise EngineUnclear("a signature has three parts")
    return parts[0], parts[1], parts[2]


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise EngineUnclear("the signature is not JSON") from error
    if not isinstance(found, dict):
        raise EngineUnclear("the signature is not an object")
    return found


def _signature(key: PrivateKey, content: bytes) -> bytes:
    """The two numbers side by side, as JWS has them (RFC 7518 §3.4)."""
    r, s = decode_dss_signature(key.sign(content, ECDSA(SHA256(), deterministic_signing=True)))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _base64(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    """Base64url without padding, written in the one way there is. Raises EngineUnclear."""
    try:
        content = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError as error:
        raise EngineUnclear("the signature is not base64url") from error
    if _base64(content) != text:
        raise EngineUnclear("the signature is base64url with stray characters")
    return content
