"""The keys this server signs its own statements with, apart from those of the policy bundle, and their one address.

A key is announced, then signs, then is only accepted, then is retired (``access.engines.keyring``). Whoever verifies
reads them here, and may keep what they read for ``SECONDS``: wait as long between one step and the next.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, jsonify
from joserfc import jws
from joserfc.jwk import ECKey
from sqlalchemy.orm import Session

from broker.access.engines.keyring import Keyring
from broker.access.parts import Broker
from broker.audit.trail import Event
from broker.doors import parts
from broker.oauth.guard import public
from broker.settings import Settings
from broker.vocabulary import AuditAction

ALGORITHM = "ES256"
SECONDS = 300


@dataclass(frozen=True)
class TokenKeys:
    """The keys in the data folder, read afresh each time, so that a change reaches every process at once."""

    keyring: Keyring

    @classmethod
    def of(cls, settings: Settings) -> TokenKeys:
        return cls(Keyring(settings.data_folder / "secrets" / "token-keys.json"))

    def sign(self, claims: dict[str, Any], *, kind: str) -> str:
        """``claims`` as a JWS of the type ``kind``, by the key that signs now."""
        kid, key = self.keyring.signing()
        header = {"alg": ALGORITHM, "kid": kid, "typ": kind}
        return jws.serialize_compact(header, json.dumps(claims), ECKey.import_key(key), algorithms=[ALGORITHM])

    def public_keys(self) -> dict[str, Any]:
        """Every key that is accepted, the announced one among them, as a JSON Web Key Set (RFC 7517 §5)."""
        return {"keys": [{**key.jwk, "use": "sig", "alg": ALGORITHM} for key in self.keyring.accepted().values()]}


@public
def jwks() -> Response:
    answer = jsonify(TokenKeys.of(parts().settings).public_keys())
    answer.headers["Cache-Control"] = f"public, max-age={SECONDS}"
    return answer


def announce(broker: Broker, session: Session, *, by: str, now: datetime) -> str:
    """Make the next key, and return its ``kid``: shown from now on, and signing nothing yet. Commits."""
    kid = TokenKeys.of(broker.settings).keyring.announce().kid
    _entry(broker, session, by=by, now=now, act="key-announced", key=kid)
    return kid


def rotate(broker: Broker, session: Session, *, by: str, now: datetime) -> str:
    """Sign with the announced key from now on. Commits. Raises Conflict where none is announced."""
    kid = TokenKeys.of(broker.settings).keyring.rotate().kid
    _entry(broker, session, by=by, now=now, act="key-rotated", key=kid)
    return kid


def retire(broker: Broker, session: Session, kid: str, *, by: str, now: datetime) -> None:
    """Show a key no more. Commits. Raises NotFound, and Conflict while it signs or is about to."""
    TokenKeys.of(broker.settings).keyring.retire(kid)
    _entry(broker, session, by=by, now=now, act="key-retired", key=kid)


def _entry(broker: Broker, session: Session, *, by: str, now: datetime, **body: str) -> None:
    event = Event(action=AuditAction.KEYS_CHANGED, actor=by, body={"of": "tokens", **body})
    broker.trail.append(session, event, now=now)
    session.commit()
