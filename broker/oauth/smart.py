"""SMART App Launch 2.2: the second, narrower profile, for clients registered so. Opens nothing that policy refuses.

An app is used by one person: a worker (``user/…``) or the resident themselves (``patient/…``, ``launch/patient``). A
backend service is used by nobody (``system/…``). Both push their requests and prove possession of a key, as all do.
"""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from broker.access.request import Requester
from broker.doors import now, parts, session
from broker.grants.models import Grant
from broker.identity import actions as identity
from broker.identity.models import Resident
from broker.oauth import smart_scopes
from broker.oauth.clients import METHODS, RegisteredClient
from broker.oauth.guard import public
from broker.oauth.keys import ALGORITHMS
from broker.oauth.refusals import InvalidRequestError, InvalidScopeError, refuse
from broker.oauth.smart_scopes import LAUNCH_PATIENT, OFFLINE, ONLINE, Unusable
from broker.settings import Settings
from broker.vocabulary import ClientProfile

APPS = (ClientProfile.SMART_APP, ClientProfile.SMART_BACKEND)


def base(settings: Settings) -> str:
    """The address an app knows this server's FHIR side by."""
    return f"{settings.issuer}/fhir"


def check_launch(client: RegisteredClient, asked: dict[str, str]) -> None:
    """What only an app is asked, of a request it pushes. Raises InvalidScopeError and InvalidRequestError.

    ``aud`` keeps an app from being talked into sending its token to somebody else's server (SMART §2.0.8.1).
    """
    found = _read(asked["scope"])
    if client.client.profile is not ClientProfile.SMART_APP:
        if found or {LAUNCH_PATIENT, OFFLINE, ONLINE} & set(asked["scope"].split()):
            refuse(InvalidScopeError, "These scopes are for a SMART app.")
        return
    if asked.get("aud") != base(parts().settings):
        refuse(InvalidRequestError, "The aud must be the address of this server's FHIR side.")
    if "authorization_details" in asked:
        refuse(InvalidRequestError, "A SMART app asks by its scopes alone.")
    if any(each.context == "system" for each in found):
        refuse(InvalidScopeError, "A system scope is for a service that nobody uses.")


def check_backend(client: RegisteredClient, scopes: str) -> None:
    """Raises InvalidScopeError for a scope that a system on nobody's behalf cannot have."""
    found = _read(scopes)
    if any(each.context != "system" for each in found) or {LAUNCH_PATIENT, OFFLINE, ONLINE} & set(scopes.split()):
        refuse(InvalidScopeError, "A service that nobody uses asks for system scopes alone.")
    if found and client.client.profile is not ClientProfile.SMART_BACKEND:
        refuse(InvalidScopeError, "A system scope is for a SMART backend service.")


def launch_context(client: RegisteredClient, grant: Grant) -> dict[str, Any]:
    """What a token's answer says of the launch, such as ``patient``; empty for other profiles. The caller commits."""
    if not (resident := _launched_by(grant)):
        return {}
    asker = Requester(organisation=client.client.organisation_code, role=client.client.role, client=client.client.id)
    kept = identity.handle_for(session(), resident, asker=asker, settings=parts().settings, now=now())
    return {"patient": kept}


def context_told(client: RegisteredClient, grant: Grant | None) -> dict[str, Any]:
    """The same for introspection: ``patient`` as the organisation that asks would know them. Keeps nothing."""
    if grant is None or not (resident := _launched_by(grant)):
        return {}
    organisation = client.client.organisation_code
    return {"patient": identity.handle_named(resident, organisation=organisation, settings=parts().settings)}


def _launched_by(grant: Grant) -> Resident | None:
    if LAUNCH_PATIENT not in grant.scopes.split() or grant.resident_id is None:
        return None
    return session().get(Resident, grant.resident_id)


def _read(scopes: str) -> list[smart_scopes.ResourceScope]:
    try:
        return smart_scopes.resource_scopes(scopes)
    except Unusable as error:
        raise InvalidScopeError(description=str(error)) from error


@public
def configuration() -> Response:
    """``.well-known/smart-configuration``: application/json, whatever is accepted (SMART §2.0.9.1)."""
    issuer = parts().settings.issuer
    return jsonify(
        authorization_endpoint=f"{issuer}/oauth/authorize",
        pushed_authorization_request_endpoint=f"{issuer}/oauth/par",
        require_pushed_authorization_requests=True,
        token_endpoint=f"{issuer}/smart/token",
        token_endpoint_auth_methods_supported=METHODS,
        token_endpoint_auth_signing_alg_values_supported=list(ALGORITHMS),
        introspection_endpoint=f"{issuer}/oauth/introspect",
        revocation_endpoint=f"{issuer}/oauth/revoke",
        dpop_signing_alg_values_supported=list(ALGORITHMS),
        grant_types_supported=["authorization_code", "refresh_token", "client_credentials"],
        response_types_supported=["code"],
        code_challenge_methods_supported=["S256"],
        scopes_supported=[LAUNCH_PATIENT, OFFLINE, ONLINE, *_offered()],
        capabilities=CAPABILITIES,
    )


CAPABILITIES = [
    "launch-standalone",
    "client-confidential-asymmetric",
    "context-standalone-patient",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
]


def _offered() -> list[str]:
    """Scopes that open something."""
    return [f"{context}/{kind}.rs" for context in ("patient", "user", "system") for kind in smart_scopes.SECTIONS]
