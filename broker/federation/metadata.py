"""A provider's description of itself (OpenID Connect Discovery 1.0), read once and pinned. Never read in a sign-in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from broker.errors import InvalidInput
from broker.federation import asking
from broker.federation.kinds import KINDS
from broker.federation.signatures import ALGORITHMS, checked_keys
from broker.vocabulary import ProviderKind

WELL_KNOWN = "/.well-known/openid-configuration"
_LONGEST = {"authorization_endpoint": 500, "token_endpoint": 500, "userinfo_endpoint": 500, "jwks_uri": 500}


@dataclass(frozen=True, slots=True)
class Pinned:
    """What is kept of a description: addresses, keys and algorithms, each checked."""

    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str | None
    jwks_uri: str | None
    jwks: dict[str, Any] = field(repr=False)
    algorithms: list[str]
    client_algorithm: str
    says_issuer: bool


def fetch(issuer: str) -> dict[str, Any]:
    """The description at the issuer's well-known address. Raises InvalidInput where there is none to be had."""
    check_issuer(issuer)
    return _told(f"{issuer.rstrip('/')}{WELL_KNOWN}", "The provider’s description cannot be read")


def keys_at(jwks_uri: str) -> dict[str, Any]:
    """The public keys at a pinned address. Raises InvalidInput where there are none to be had."""
    try:
        return checked_keys(_told(jwks_uri, "The provider’s keys cannot be read"))
    except ValueError as error:
        raise _wrong("jwks", str(error)) from error


def check_issuer(issuer: str) -> None:
    """https, or http on this machine alone; no query, no fragment. Raises InvalidInput."""
    parts = urlsplit(issuer)
    if not asking.may_be_asked(issuer, issuer=issuer) or parts.query or len(issuer) > 300:
        raise _wrong("issuer", "An issuer is an https address without a query.")


def pin(
    description: Mapping[str, Any],
    *,
    kind: ProviderKind,
    issuer: str,
    also_at: Iterable[str] = (),
    algorithms: Iterable[str] = (),
) -> Pinned:
    """What to keep of ``description``. Its addresses are at the issuer's host, or one of ``also_at``. Keys are fetched
    from its ``jwks_uri`` unless it holds ``jwks``. ``algorithms`` replaces what the kind takes in an ID token.

    Raises InvalidInput, naming the field, for whatever does not fit.
    """
    check_issuer(issuer)
    if description.get("issuer") != issuer:
        raise _wrong("issuer", "The description is of another issuer (compare every character).")
    hosts = {urlsplit(issuer).netloc, *also_at}
    addresses = {name: _address(description, name, issuer=issuer, hosts=hosts) for name in _LONGEST}
    authorization, token = addresses["authorization_endpoint"], addresses["token_endpoint"]
    if authorization is None or token is None:
        raise _wrong("token_endpoint", "It names no authorization or token address.")
    if KINDS[kind].needs_userinfo and addresses["userinfo_endpoint"] is None:
        raise _wrong("userinfo_endpoint", "A provider of this kind is asked about its users, and it names no address.")
    _check_what_it_can_do(description)
    return Pinned(
        authorization_endpoint=authorization,
        token_endpoint=token,
        userinfo_endpoint=addresses["userinfo_endpoint"],
        jwks_uri=addresses["jwks_uri"],
        jwks=_keys(description, addresses["jwks_uri"]),
        algorithms=_algorithms(description, tuple(algorithms) or KINDS[kind].algorithms),
        client_algorithm=_client_algorithm(description, kind),
        says_issuer=description.get("authorization_response_iss_parameter_supported") is True,
    )


def _check_what_it_can_do(description: Mapping[str, Any]) -> None:
    """The code flow, S256 and private_key_jwt, where it says what it can do. Raises InvalidInput."""
    for name, needed in (
        ("response_types_supported", "code"),
        ("code_challenge_methods_supported", "S256"),
        ("token_endpoint_auth_methods_supported", "private_key_jwt"),
    ):
        offered = description.get(name)
        if offered is not None and (not isinstance(offered, list) or needed not in offered):
            raise _wrong(name, f"It does not offer {needed}, which is needed.")


def _address(description: Mapping[str, Any], name: str, *, issuer: str, hosts: set[str]) -> str | None:
    found = description.get(name)
    if found is None:
        return None
    if not isinstance(found, str) or len(found) > _LONGEST[name] or not asking.may_be_asked(found, issuer=issuer):
        raise _wrong(name, "This is not an https address.")
    if urlsplit(found).netloc not in hosts:
        host = urlsplit(found).netloc
        raise _wrong(name, f"It is at {host}, not at the issuer. If that is right, add it with --also-at {host}.")
    return found


def _keys(description: Mapping[str, Any], jwks_uri: str | None) -> dict[str, Any]:
    if "jwks" not in description:
        if jwks_uri is None:
            raise _wrong("jwks_uri", "It names no keys.")
        return keys_at(jwks_uri)
    try:
        return checked_keys(description["jwks"])
    except ValueError as error:
        raise _wrong("jwks", str(error)) from error


def _algorithms(description: Mapping[str, Any], taken: tuple[str, ...]) -> list[str]:
    """Those that we take and it offers."""
    if any(name not in ALGORITHMS for name in taken):
        raise _wrong("algorithms", f"Only {', '.join(ALGORITHMS)} can be taken.")
    offered = description.get("id_token_signing_alg_values_supported", list(taken))
    found = [name for name in taken if isinstance(offered, list) and name in offered]
    if not found:
        raise _wrong("id_token_signing_alg_values_supported", f"It signs with none of {', '.join(taken)}.")
    return found


def _client_algorithm(description: Mapping[str, Any], kind: ProviderKind) -> str:
    preferred = KINDS[kind].client_algorithms
    offered = description.get("token_endpoint_auth_signing_alg_values_supported")
    found = [name for name in preferred if not isinstance(offered, list) or name in offered]
    if not found:
        raise _wrong("token_endpoint_auth_signing_alg_values_supported", f"It takes none of {', '.join(preferred)}.")
    return found[0]


def _told(address: str, words: str) -> dict[str, Any]:
    try:
        status, found = asking.get_json(address)
    except asking.NoAnswer as error:
        raise InvalidInput("provider-silent", f"{words}: {error.why}.", field=address) from error
    if status != 200:
        raise InvalidInput("provider-silent", f"{words}: it answered {status}.", field=address)
    return found


def _wrong(field_name: str, words: str) -> InvalidInput:
    return InvalidInput("provider-description-wrong", words, field=field_name)
