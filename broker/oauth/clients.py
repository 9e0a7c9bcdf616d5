"""A partner's system as Authlib asks about it: what it is registered for, and nothing more."""

from __future__ import annotations

import re
from typing import Any

from authlib.oauth2.rfc6749 import ClientMixin

from broker.doors import now, session
from broker.identity.models import Client, Organisation
from broker.oauth.refusals import InvalidScopeError, refuse
from broker.oauth.smart_scopes import covered

METHODS = ["private_key_jwt"]
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,59}")  # no colon: never taken for a typed subject (RFC 9700 §4.15)
LONGEST_SCOPE = 500  # characters of all of them


class RegisteredClient(ClientMixin):  # type: ignore[misc]  # Authlib is untyped
    """One client, live: neither revoked nor of an organisation that has left."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.jwks: dict[str, Any] = client.jwks

    def get_client_id(self) -> str:
        return self.client.id

    def get_allowed_scope(self, scope: str) -> str:
        """Exactly what was asked, where all of it is allowed; asking for more is refused, never trimmed."""
        asked, registered = scope.split(" "), self.client.scopes.split()
        allowed = all(each in registered or covered(each, registered) for each in asked)
        return " ".join(asked) if asked and allowed else ""

    def must_have(self, scope: str | None) -> str:
        """The scopes asked for. Raises InvalidScopeError for none, one that is not registered, or one twice."""
        asked = (scope or "").split(" ")
        if len(scope or "") > LONGEST_SCOPE or not self.get_allowed_scope(scope or "") or len(set(asked)) != len(asked):
            refuse(InvalidScopeError, "Ask for at least one scope, and only for those this client is registered for.")
        return " ".join(asked)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """By exact comparison (RFC 9700 §2.1)."""
        return redirect_uri in self.client.redirect_uris

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.client.grant_types


def client_called(client_id: str) -> RegisteredClient | None:
    """The live client of this id; None where there is none."""
    client = session().get(Client, client_id) if ID.fullmatch(client_id) else None
    if client is None or client.revoked_at is not None:
        return None
    organisation = session().get(Organisation, client.organisation_code)
    return RegisteredClient(client) if organisation and organisation.active(at=now()) else None
