"""Registering partners' systems: what each may ever ask for, and the public keys it proves itself by. Keeps no secret.

There is one way to authenticate, so none is chosen: a system without keys, or with a shared secret, cannot be written
down at all. What is registered is the most that can be asked; what is agreed and what is allowed are decided elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from broker.audit.trail import Event, Trail
from broker.errors import Conflict, InvalidInput, NotFound
from broker.grants import actions as grants
from broker.identity.actions import organisation_called
from broker.identity.models import Client
from broker.oauth import smart_scopes
from broker.oauth.clients import ID
from broker.oauth.keys import ALGORITHMS, check_set
from broker.oauth.scopes import PARTNER_SCOPES, SCOPES
from broker.oauth.smart_scopes import LAUNCH_PATIENT, OFFLINE, ONLINE, Unusable
from broker.settings import is_loopback
from broker.vocabulary import AuditAction, ClientProfile, Role

CODE, REFRESH, CREDENTIALS = "authorization_code", "refresh_token", "client_credentials"
CIBA = "urn:openid:params:grant-type:ciba"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
GRANT_TYPES: dict[ClientProfile, tuple[str, ...]] = {
    ClientProfile.FAPI2: (CODE, REFRESH, CREDENTIALS, CIBA),
    ClientProfile.SMART_APP: (CODE, REFRESH),
    ClientProfile.SMART_BACKEND: (CREDENTIALS,),
    ClientProfile.NHS: (EXCHANGE, CREDENTIALS),
}
# Where a SMART app's or service's own scopes may be joined by ours: to learn whom to ask about, and to ask them.
_BESIDE_SMART = frozenset({"residents.find", "access.request"})
_CONTEXTS = {ClientProfile.SMART_APP: ("patient", "user"), ClientProfile.SMART_BACKEND: ("system",)}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
LONGEST_SCOPES, LONGEST_ADDRESS, MOST_ADDRESSES = 500, 500, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Everything that is registered of a system, by whoever registers it."""

    name: str
    role: Role
    jwks: dict[str, Any]
    scopes: tuple[str, ...] = PARTNER_SCOPES
    profile: ClientProfile = ClientProfile.FAPI2
    grant_types: tuple[str, ...] = (CREDENTIALS,)
    redirect_uris: tuple[str, ...] = ()
    signs_requests: bool = False
    resource_server: bool = False

    @classmethod
    def of(cls, client: Client) -> Registration:
        return cls(
            name=client.name,
            role=client.role,
            jwks=dict(client.jwks),
            scopes=tuple(client.scopes.split()),
            profile=client.profile,
            grant_types=tuple(client.grant_types),
            redirect_uris=tuple(client.redirect_uris),
            signs_requests=client.signs_requests,
            resource_server=client.resource_server,
        )


def add(
    session: Session,
    client_id: str,
    wanted: Registration,
    *,
    organisation: str,
    demonstration: bool,
    by: str,
    trail: Trail,
    now: datetime,
) -> Client:
    """Register a system of ``organisation``. Raises InvalidInput, naming the field, or Conflict. The caller commits."""
    if not ID.fullmatch(client_id):
        raise InvalidInput("client-id-malformed", "An id is up to sixty letters, digits and . _ ~ -.", field="client")
    organisation_called(session, organisation)
    check(wanted, demonstration=demonstration)
    if session.get(Client, client_id) is not None:
        raise Conflict("client-exists", f"There is already a client {client_id}.")
    client = Client(
        id=client_id,
        organisation_code=organisation,
        role=wanted.role,
        profile=wanted.profile,
        registered_at=now,
    )
    _keep(client, wanted)
    session.add(client)
    _entry(session, client, "registered", by=by, trail=trail, now=now)
    return client


def change(
    session: Session, client_id: str, *, demonstration: bool, by: str, trail: Trail, now: datetime, **changes: Any
) -> Client:
    """Register something else of a system; its organisation and profile stay. The caller commits.

    Where it may ask for less from now on, or in another role, everything it was let do ends.
    """
    client = called(session, client_id)
    before = Registration.of(client)
    wanted = replace(before, **changes)
    if wanted.profile is not before.profile:
        raise InvalidInput("profile-is-for-good", "A client keeps its profile. Register another.", field="profile")
    check(wanted, demonstration=demonstration)
    _keep(client, wanted)
    if _is_less(wanted, before):
        grants.end_every(session, client=client.id, by=by, why="client-narrowed", trail=trail, now=now)
    _entry(session, client, "changed", by=by, trail=trail, now=now)
    return client


def revoke(session: Session, client_id: str, *, by: str, trail: Trail, now: datetime) -> Client:
    """Let a system ask for nothing more: every grant and token of its is dead from now on. The caller commits."""
    client = called(session, client_id)
    client.revoked_at = now
    session.flush()
    grants.end_every(session, client=client.id, by=by, why="client-revoked", trail=trail, now=now)
    _entry(session, client, "revoked", by=by, trail=trail, now=now)
    return client


def called(session: Session, client_id: str) -> Client:
    """The registered system of this id. Raises NotFound for none, Conflict for one that was revoked."""
    client = session.get(Client, client_id)
    if client is None:
        raise NotFound("client-unknown", f"There is no client {client_id}.")
    if client.revoked_at is not None:
        raise Conflict("client-revoked", f"{client_id} was revoked. Register another.")
    return client


def check(wanted: Registration, *, demonstration: bool) -> None:
    """Raise InvalidInput, naming the field, for anything that may not be registered."""
    if not 1 <= len(wanted.name.strip()) <= 200:
        raise InvalidInput("name-missing", "Say what the system is called.", field="name")
    if wanted.role in (Role.RESIDENT, Role.PROXY):
        why = "A system asks in the role of a worker; a resident lets it ask for them by their own grant."
        raise InvalidInput("role-not-for-systems", why, field="role")
    check_keys(wanted.jwks)
    _check_grant_types(wanted)
    _check_scopes(wanted)
    if len(wanted.redirect_uris) > MOST_ADDRESSES or len(set(wanted.redirect_uris)) != len(wanted.redirect_uris):
        raise InvalidInput("redirect-uri-wrong", "Give at most ten addresses, each once.", field="redirect_uris")
    for address in wanted.redirect_uris:
        check_address(address, demonstration=demonstration)


def keys_in(text: str) -> dict[str, Any]:
    """A JWKS written as JSON. Raises InvalidInput."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("jwks-malformed", "This is not a set of JSON Web Keys.", field="jwks") from error
    check_keys(found)
    return dict(found)


def check_keys(jwks: Any) -> None:
    """Public keys alone, each of a kind and size that is taken, each once, each for signing. Raises InvalidInput."""
    listed = jwks.get("keys") if isinstance(jwks, dict) else None
    if isinstance(listed, list) and any(isinstance(each, dict) and _PRIVATE & each.keys() for each in listed):
        raise InvalidInput("jwks-not-public", "Give public keys alone, and keep the private ones.", field="jwks")
    try:
        keys = check_set(jwks)
    except ValueError as error:
        raise InvalidInput("jwks-malformed", f"The keys cannot be taken: {error}.", field="jwks") from error
    if any(each.get("use", "sig") != "sig" or each.get("alg", "ES256") not in ALGORITHMS for each in jwks["keys"]):
        raise InvalidInput("jwks-not-for-signing", "A key is for something other than signing here.", field="jwks")
    named = [each["kid"] for each in jwks["keys"] if "kid" in each]
    if any(not isinstance(kid, str) for kid in named):
        raise InvalidInput("jwks-malformed", "A key's name is text.", field="jwks")
    if len({key.thumbprint() for key in keys}) != len(keys) or len(set(named)) != len(named):
        raise InvalidInput("jwks-duplicate", "A key, or a key's name, is there twice.", field="jwks")


def check_address(address: str, *, demonstration: bool) -> None:
    """An address people may be sent back to: https, whole, and nothing in it that could mean another. Raises
    InvalidInput. A demonstration alone takes http, and only to its own machine."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _wrong_address("It cannot be read.") from error
    if not re.fullmatch(r"[!-~]+", address) or len(address) > LONGEST_ADDRESS or set(address) & set('\\"<>^`{|}*'):
        raise _wrong_address("It holds a character that an address has not, or a wildcard.")
    if not host or parts.username is not None or parts.password is not None or "#" in address or port == 0:
        raise _wrong_address("It names no host, somebody to sign in as, or a fragment.")
    if parts.scheme != "https" and not (parts.scheme == "http" and demonstration and is_loopback(host)):
        raise _wrong_address("It must be https.")
    if any(segment in (".", "..") for segment in parts.path.split("/")):
        raise _wrong_address("Its path must be written out.")


def _wrong_address(why: str) -> InvalidInput:
    return InvalidInput(
        "redirect-uri-wrong", f"People cannot be sent back to that address. {why}", field="redirect_uris"
    )


def _check_grant_types(wanted: Registration) -> None:
    allowed, asked = GRANT_TYPES[wanted.profile], wanted.grant_types
    if not asked or not set(asked) <= set(allowed) or len(set(asked)) != len(asked):
        why = f"A client of this profile has one or more of: {', '.join(allowed)}."
        raise InvalidInput("grant-type-wrong", why, field="grant_types")
    if REFRESH in asked and not {CODE, CIBA} & set(asked):
        raise InvalidInput(
            "grant-type-wrong", "There is nothing to renew without somebody's grant.", field="grant_types"
        )
    if (CODE in asked) != bool(wanted.redirect_uris):
        why = "A client that asks people has an address to send them back to; another has none."
        raise InvalidInput("redirect-uri-wrong", why, field="redirect_uris")
    if wanted.signs_requests and (CODE not in asked or CIBA in asked):
        why = "A client that signs its requests asks people in a browser, and nobody who is absent."
        raise InvalidInput("signs-requests-wrong", why, field="signs_requests")


def _check_scopes(wanted: Registration) -> None:
    scopes = wanted.scopes
    if not scopes or len(set(scopes)) != len(scopes) or len(" ".join(scopes)) > LONGEST_SCOPES:
        raise InvalidInput("scope-wrong", "Give one or more scopes, each once.", field="scopes")
    for scope in scopes:
        _check_scope(scope, wanted.profile)


def _check_scope(scope: str, profile: ClientProfile) -> None:
    contexts = _CONTEXTS.get(profile)
    if contexts is None:
        if scope not in SCOPES:
            raise InvalidInput("scope-wrong", f"A client of this profile cannot have {scope}.", field="scopes")
        return
    if scope in _BESIDE_SMART or (scope in (LAUNCH_PATIENT, OFFLINE, ONLINE) and profile is ClientProfile.SMART_APP):
        return
    try:
        found = smart_scopes.read(scope)
    except Unusable as error:
        raise InvalidInput("scope-wrong", str(error), field="scopes") from error
    if found.context not in contexts:
        raise InvalidInput("scope-wrong", f"A client of this profile cannot have {scope}.", field="scopes")


def _is_less(wanted: Registration, before: Registration) -> bool:
    def lost(now: Iterable[str], then: Iterable[str]) -> bool:
        return bool(set(then) - set(now))

    return (
        lost(wanted.scopes, before.scopes)
        or lost(wanted.grant_types, before.grant_types)
        or wanted.role is not before.role
    )


def _keep(client: Client, wanted: Registration) -> None:
    client.name, client.role, client.jwks = wanted.name.strip(), wanted.role, wanted.jwks
    client.scopes, client.grant_types = " ".join(wanted.scopes), list(wanted.grant_types)
    client.redirect_uris = list(wanted.redirect_uris)
    client.signs_requests, client.resource_server = wanted.signs_requests, wanted.resource_server


def _entry(session: Session, client: Client, act: str, *, by: str, trail: Trail, now: datetime) -> None:
    body = {
        "client": client.id,
        "act": act,
        "profile": client.profile.value,
        "scopes": client.scopes.split(),
        "grant_types": list(client.grant_types),
    }
    session.flush()
    trail.append(
        session,
        Event(action=AuditAction.CLIENT_CHANGED, actor=by, organisation=client.organisation_code, body=body),
        now=now,
    )
