"""Which ids each route takes, in its address and in what is sent to it. A new route must be given a place here.

An address's ids are known by their names; what is sent is said for every route that takes something sent. ``PUBLISHED``
are ids of what everybody in that audience may see, so that nobody's is another's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.attacks.town import Kind, Town

# ---- ids in addresses: by argument; with the room or the endpoint before it where a name has two meanings ----------

PUBLISHED = None
ADDRESSES: dict[str, Kind | None] = {
    "handle": Kind.HANDLE,
    "request_id": Kind.REQUEST,
    "resident.request_id": Kind.OWN_REQUEST,
    "api_own.request_id": Kind.OWN_REQUEST,
    "consent_id": Kind.CONSENT,
    "proxy_id": Kind.PROXY,
    "practice.proxy_id": Kind.PATIENTS_PROXY,
    "resident.act.proxy_id": Kind.ACTING,
    "resident.give_up.proxy_id": Kind.ACTING,
    "asking_id": Kind.ASKING,
    "decision_id": Kind.DECISION,
    "decision": Kind.EMERGENCY,
    "grant_id": Kind.WORKERS_GRANT,
    "kept_id": Kind.WORKERS_KEPT,
    "passkey_id": Kind.PASSKEY,
    "member_id": Kind.MEMBER,
    "client_id": Kind.SYSTEM,
    "application_id": Kind.APPLICATION,
    "hosting.source_id": Kind.HOSTED,
    "batch_id": Kind.BATCH,
    "waiting_id": Kind.WAITING,
    # Every governor reads every agreement: that they are public among those who answer for them is the point of them.
    "agreement_id": PUBLISHED,
    "version": PUBLISHED,
    "act": PUBLISHED,
    "template_id": PUBLISHED,
    # What rules are in force, for the engines that follow them; whose token opens it is tests/doors/test_bundles.py.
    "kid": PUBLISHED,
    "part": PUBLISHED,
    "name": PUBLISHED,
    "route": PUBLISHED,
    "purpose": PUBLISHED,
    "provider_id": PUBLISHED,
    # A resident's handle, or an id that begins with one: whose it is, the handle says.
    "resource_id": Kind.HANDLE,
    "kind": PUBLISHED,
}
# What the arguments that name nobody's thing are in a probe.
FILLED: dict[str, Any] = {"route": "ask-resident", "purpose": "advice-debt", "kind": "Patient"}

# ---- ids in what is sent -------------------------------------------------------------------------------------------

Send = Callable[[Town, str, str], dict[str, Any]]  # town, who asks, the id: options of a request


def _json(**body: Any) -> dict[str, Any]:
    return {"json": body}


def _ask(town: Town, who: str, id: str) -> dict[str, Any]:
    until = "2026-12-10T12:00:00Z"
    body = {"resident": id, "purpose": "advice-debt", "sections": ["housing"], "reason": "Rent", "until": until}
    return {"json": body}


def _view(town: Town, who: str, id: str) -> dict[str, Any]:
    return _json(resident=id, purpose="advice-debt", sections=["housing"], reason="Rent")


def _fhir_search(town: Town, who: str, id: str) -> dict[str, Any]:
    return {"data": {"_id": id}}


def _evaluation(town: Town, who: str, id: str) -> dict[str, Any]:
    return {"json": {**_subject(town, who), **_action(), "resource": _section(id)}}


def _evaluations(town: Town, who: str, id: str) -> dict[str, Any]:
    return {"json": {**_subject(town, who), **_action(), "evaluations": [{"resource": _section(id)}]}}


def _search_action(town: Town, who: str, id: str) -> dict[str, Any]:
    return {"json": {**_subject(town, who), "resource": _section(id)}}


def _search_subject(town: Town, who: str, id: str) -> dict[str, Any]:
    return {"json": {"subject": {"type": "person"}, **_action(), "resource": _section(id)}}


def _search_resource(town: Town, who: str, id: str) -> dict[str, Any]:
    resource = {"type": "record-section", "properties": {"resident": id}}
    return {"json": {**_subject(town, who), **_action(), "resource": resource}}


def _subject(town: Town, who: str) -> dict[str, Any]:
    from tests.attacks.town import asker, person

    return {"subject": {"type": "person", "id": person(who, asker(who))}}


def _action() -> dict[str, Any]:
    return {"action": {"name": "share", "properties": {"purpose": "advice-debt"}}}


def _section(handle: str) -> dict[str, Any]:
    return {"type": "record-section", "id": "housing", "properties": {"resident": handle}}


def _par(town: Town, who: str, id: str) -> dict[str, Any]:
    system = town.systems[who]
    return {"system": system.asking(scope="records.read", authorization_details=system.details(id))}


def _backchannel(town: Town, who: str, id: str) -> dict[str, Any]:
    system = town.systems[who]
    return {
        "system": {"scope": "records.read", "login_hint": id, "authorization_details": system.details(id)},
    }


def _token(town: Town, who: str, id: str) -> dict[str, Any]:
    return {"system": {"token": id}}


def _code(town: Town, who: str, id: str) -> dict[str, Any]:
    # The verifier is right, so that whose code it is alone decides.
    from tests.attacks.town import ORGANISATIONS

    owner = next((each for each in ORGANISATIONS if town.has[Kind.CODE, each] == id), who)
    partner = town.systems[owner]
    said = {"grant_type": "authorization_code", "code": id, "redirect_uri": partner.redirect_uri}
    return {"system": {**said, "code_verifier": partner.verifier}, "proof": True}


def _refresh(town: Town, who: str, id: str) -> dict[str, Any]:
    return {"system": {"grant_type": "refresh_token", "refresh_token": id}, "proof": True}


def _poll(town: Town, who: str, id: str) -> dict[str, Any]:
    return {"system": {"grant_type": "urn:openid:params:grant-type:ciba", "auth_req_id": id}, "proof": True}


def _authorize(town: Town, who: str, id: str) -> dict[str, Any]:
    return {"query_string": {"client_id": town.systems[who].client_id, "request_uri": id}}


def _authorized(town: Town, who: str, id: str) -> dict[str, Any]:
    return {"form": {"client_id": town.systems[who].client_id, "request_uri": id, "answer": "yes"}}


SENT: dict[str, dict[Kind, Send]] = {
    "api_partner.ask": {Kind.HANDLE: _ask},
    "api_partner.read_view": {Kind.HANDLE: _view},
    "api_fhir.search_by_body": {Kind.HANDLE: _fhir_search},
    "api_authzen.evaluation": {Kind.HANDLE: _evaluation},
    "api_authzen.evaluations": {Kind.HANDLE: _evaluations},
    "api_authzen.search_action": {Kind.HANDLE: _search_action},
    "api_authzen.search_subject": {Kind.HANDLE: _search_subject},
    "api_authzen.search_resource": {Kind.HANDLE: _search_resource},
    "oauth_pushed_authorization_request": {Kind.HANDLE: _par},
    "oauth_backchannel_authentication": {Kind.HANDLE: _backchannel},
    "oauth_introspection": {Kind.TOKEN: _token},
    "oauth_revocation": {Kind.TOKEN: _token},
    "oauth_token": {Kind.CODE: _code, Kind.REFRESH: _refresh, Kind.BACKCHANNEL: _poll},
    "authorize.ask": {Kind.PUSHED: _authorize},
    "authorize.answer": {Kind.PUSHED: _authorized},
}
# Where what is sent names nothing that is anybody's. Each is here because somebody looked.
SENDS_NO_ID = frozenset(
    {
        "api_partner.find",  # an NHS number and a date of birth: tests/attacks/test_enumeration.py
        "api_partner.pair",  # a code a resident said aloud: the same
        "partner.found",
        "partner.paired",
        "api_own.give",
        "api_own.record",  # whose it is, the token says
        "api_own.withhold",
        "api_consents_fhir.create",
        "demonstration_token",
        "demonstration.become",
        "smart_token",  # client_credentials alone
        "oauth_registration",
        "opa_logs",
        "opa_status",
        "sign_in.end",
        "resident.withheld",
        "resident.labels",  # a keyed digest, looked for in one's own record alone: tests/web/resident/test_labels.py
        "resident.label_said",  # the same
        "resident.change_asking",
        "resident.unblock",  # an organisation's code, which is public
        "resident.make_code",
        "resident.appointed",
        "resident.asked_to_act",
        "resident.back_to_own",
        "administration.invited",
        "governance.begun",
        "governance.written_new",
        "governance.played",
        "join.applied",
        "join.stands",  # a secret that only the applicant was shown
        "join.withdraw",
        "again.in_demonstration",
        "again.by_passkey",
        "again.by_password",
        "accounts.by_passkey",
        "accounts.by_password",
        "accounts.where",
        "accounts.redeem",
        "accounts.accept_with_passkey",
        "accounts.accept_with_password",
        "my_sign_in.add",
        "my_sign_in.change_app",
        "my_sign_in.change_password",
        "my_sign_in.new_codes",
        "my_sign_in.sign_out_everywhere",
    }
)
# A form that would be acted upon, for those who send more than a press of a button.
FORMS: dict[str, dict[str, Any]] = {
    "resident.answered": {"answer": "no"},
    "resident.answer_proxy": {"answer": "no"},
    "resident.again": {"length": "28"},
    "partner.choose": {"route": "ask-resident", "purpose": "advice-debt"},
    "partner.ask_resident": {"sections": ["housing"], "length": "28", "reason": "To help."},
    "partner.team_permission": {"sections": ["housing"], "reason": "To help."},
    "partner.break_glass": {"reason": "Collapsed."},
    "partner.passed_on": {"reason": "To help.", "words": "To help."},
    "governance.review_emergency": {"found": "appropriate", "words": "It was."},
    "administration.vouch": {"why": "We know them."},
    "administration.refuse": {"why": "We do not know them."},
    "administration.admit": {"why": "We know them."},
    "administration.change_role": {"role": "case-worker"},
    "hosting.confirmed": {"answer": "keep"},
    "hosting.export": {"form": "csv"},
    "hosting.delete_person": {"nhs_number": "9990000018"},
    "hosting.delete_everything": {"typed": "Kept here"},
}
BODIES: dict[str, dict[str, Any]] = {
    "api_own.answer": {"agree": False},
    "api_own.narrow": {"stop_sections": ["money-and-benefits"]},
    "api_consents_fhir.withdraw": {"resourceType": "Consent", "status": "inactive"},
}


def as_text(options: dict[str, Any]) -> str:
    """Options of a request, for the message of a test that fails."""
    return json.dumps(options, default=str, sort_keys=True)
