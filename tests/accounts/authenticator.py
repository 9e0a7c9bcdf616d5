"""A passkey device in software, which can be told to do each thing a good one never would."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
ES256, ES512 = -7, -36


@dataclass
class Device:
    """One key on one device. What it is told at a single ceremony stands in ``Ceremony``'s options."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    handle: bytes = b""
    count: int = 0

    def make(self, options: str, *, origin: str, alg: int = ES256, flags: int = PRESENT | VERIFIED, **lies: Any) -> str:
        """The answer to ``options`` for making a passkey, as the page's script sends it."""
        asked = json.loads(options)
        self.handle = base64url_to_bytes(asked["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        size = (self.key.curve.key_size + 7) // 8
        public = cbor2.dumps(
            {1: 2, 3: alg, -1: 1 if alg == ES256 else 3, -2: numbers.x.to_bytes(size), -3: numbers.y.to_bytes(size)}
        )
        attested = bytes(16) + len(self.id).to_bytes(2) + self.id + public
        data = self._data(lies.get("host") or asked["rp"]["id"], flags | ATTESTED) + attested
        client = self._client("webauthn.create", lies.get("challenge") or asked["challenge"], origin)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(clientDataJSON=client, attestationObject=attestation)

    def prove(self, options: str, *, origin: str, flags: int = PRESENT | VERIFIED, **lies: Any) -> str:
        """The answer to ``options`` for proving the passkey."""
        asked = json.loads(options)
        self.count += lies.get("counts", 1)
        data = self._data(lies.get("host") or asked["rpId"], flags)
        client = self._client(lies.get("kind", "webauthn.get"), lies.get("challenge") or asked["challenge"], origin)
        signer = lies.get("signer") or self.key
        signature = signer.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        handle = lies.get("handle", self.handle)
        return self._answer(clientDataJSON=client, authenticatorData=data, signature=signature, userHandle=handle)

    def _data(self, host: str, flags: int) -> bytes:
        return hashlib.sha256(host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)

    def _client(self, kind: str, challenge: str, origin: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}).encode()

    def _answer(self, **response: bytes | None) -> str:
        said = {name: bytes_to_base64url(value) for name, value in response.items() if value is not None}
        id = bytes_to_base64url(self.id)
        return json.dumps({"id": id, "rawId": id, "type": "public-key", "response": said})
