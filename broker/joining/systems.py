"""An organisation's systems as its administrator sees them. Registers none, and stops none.

A key is shown by its thumbprint (RFC 7638), which is enough to compare it with the partner's own and to nobody's use.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jwk
from joserfc.errors import JoseError
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.audit.trail import Trail
from broker.errors import NotFound
from broker.identity.models import Client
from broker.vocabulary import AuditAction

_LOOKED_AT = 500  # entries of tokens given, newest first


@dataclass(frozen=True, slots=True)
class Key:
    """One public key of a system: its name there, what kind it is, and its SHA-256 thumbprint in base64url."""

    kid: str
    kind: str
    thumbprint: str


@dataclass(frozen=True)
class System:
    """One registered system, with its keys and when it was last given a token."""

    client: Client
    keys: tuple[Key, ...]
    used_at: datetime | None


def of_organisation(session: Session, organisation: str, *, trail: Trail) -> list[System]:
    """Every system of an organisation's, revoked or not, by name; of when it was used, what the trail's newest say."""
    last: dict[object, datetime] = {}
    for entry in trail.entries(
        session, organisation=organisation, actions=[AuditAction.TOKEN_ISSUED], limit=_LOOKED_AT
    ):
        last.setdefault(entry.body.get("client"), entry.at)
    found = session.scalars(select(Client).where(Client.organisation_code == organisation))
    listed = sorted(found, key=lambda each: (each.revoked_at is not None, each.name, each.id))
    return [System(each, keys_of(each), last.get(each.id)) for each in listed]


def called(session: Session, client_id: str, *, organisation: str, trail: Trail) -> System:
    """One system of this organisation's. Another's looks like none. Raises NotFound."""
    for each in of_organisation(session, organisation, trail=trail):
        if each.client.id == client_id:
            return each
    raise NotFound("system-unknown", "There is no such system here.", field="system")


def keys_of(client: Client) -> tuple[Key, ...]:
    """Its registered keys; one that cannot be read is shown as that, not left out."""
    listed = client.jwks.get("keys")
    return tuple(_key(each) for each in listed) if isinstance(listed, list) else ()


def _key(kept: Any) -> Key:
    try:
        key = jwk.import_key(kept)
        return Key(kid=str(key.kid or ""), kind=_kind(key), thumbprint=str(key.thumbprint()))
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return Key(kid="", kind="unreadable", thumbprint="")


def _kind(key: jwk.Key) -> str:
    curve = getattr(key, "curve_name", "")
    return f"{key.key_type} {curve}".strip()
