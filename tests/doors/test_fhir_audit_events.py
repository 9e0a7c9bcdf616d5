"""The trail as AuditEvents: valid, coded as BALP has it, and shown to nobody whom the trail itself is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fhirkit
import pytest

from broker.api import audit_events
from broker.audit.trail import Entry
from broker.oauth import tokens
from broker.vocabulary import OWN, AuditAction, DenialReason, Role
from tests.doors.conftest import House
from tests.doors.reading import Reader, built, found
from tests.doors.test_records import find, view
from tests.people import ADA_NUMBER, NOON, SURGERY

KEY = b"k" * 32


def entry(action: AuditAction, body: dict[str, Any], **changes: Any) -> Entry:
    kept = {"actor": "person:gp", "organisation": SURGERY, "resident": "ada", "note": "Seen her", **changes}
    return Entry(index=7, id="e", at=NOON, action=action, body=body, leaf_hash=b"", **kept)


def events(*entries: Entry, plainly: bool = True) -> list[dict[str, Any]]:
    return [made for each in entries for made in audit_events.Events(key=KEY, plainly=plainly).of(each)]


SAID = {"request": "r-1", "decision": "d-1", "purpose": "direct-care", "role": "clinician", "permitted_any": True}
REFUSED = {
    **SAID,
    "permitted_any": False,
    "reasons": [],
    "refused": {"housing": {"millrace-gp": [DenialReason.NO_RELATIONSHIP.value]}},
}


def profiles(made: dict[str, Any]) -> list[str]:
    return [name.removeprefix(audit_events.BALP) for name in made.get("meta", {}).get("profile", ())]


def codes_of(made: dict[str, Any]) -> tuple[str, str, str]:
    return made["type"]["code"], made["subtype"][0]["code"], made["action"]


@pytest.mark.parametrize("action", list(AuditAction))
def test_every_act_becomes_a_valid_event(action: AuditAction) -> None:
    for body in (SAID, {}, {**SAID, "client": "desk", "released": {"problems": 2}, "sources": ["millrace-gp"]}):
        for organisation, resident in ((SURGERY, "ada"), (None, None)):
            made = events(entry(action, body, organisation=organisation, resident=resident))
            assert made
            assert [str(issue) for each in made for issue in fhirkit.validate(each)] == []
            assert "Seen her" not in json.dumps(made), "what people wrote is personal"


def test_a_decision_is_an_authorisation_permitted_or_denied() -> None:
    (yes,) = events(entry(AuditAction.DECISION, {**SAID, "agreements": ["TB-CARE"]}))
    (no,) = events(entry(AuditAction.DECISION, REFUSED))
    assert (profiles(yes), codes_of(yes), yes["outcome"]) == (["AuthZconsent"], ("110113", "AuthZ-Consent", "E"), "0")
    assert (no["outcome"], no["outcomeDesc"]) == ("8", DenialReason.NO_RELATIONSHIP.label)
    agents = [each["type"]["coding"][0]["code"] for each in yes["agent"]]
    assert agents == ["110150", "IRCP", "PROV", "authserver"]
    assert yes["purposeOfEvent"][0]["coding"][0]["code"] == "TREAT"
    assert "TB-CARE" in json.dumps(yes["entity"])


def test_a_release_is_a_query_and_a_disclosure_and_a_receipt() -> None:
    body = {**SAID, "released": {"problems": 2}, "sources": ["millrace-gp"], "client": "desk"}
    query, source, recipient = events(entry(AuditAction.RELEASE, body))
    opaque = "OAUTHaccessTokenUse.Opaque"
    assert (profiles(query), codes_of(query)) == (["PatientQuery", opaque], ("rest", "search", "E"))
    assert (profiles(source), codes_of(source)) == (["PrivacyDisclosure.Source", opaque], ("110106", "disclose", "R"))
    assert (profiles(recipient)[0], codes_of(recipient)) == (
        "PrivacyDisclosure.Recipient",
        ("110107", "disclose", "C"),
    )
    (asked,) = [each["query"] for each in query["entity"] if "query" in each]
    assert asked
    assert next(each for each in query["agent"] if each["requestor"])["type"]["coding"][0]["code"] == "UserOauthAgent"
    without = events(entry(AuditAction.RELEASE, {**SAID, "released": {}, "sources": []}))
    assert [profiles(each) for each in without] == [["PatientQuery"]]


def test_a_residents_own_reading_is_a_read() -> None:
    (made,) = events(entry(AuditAction.RECORD_VIEWED_BY_RESIDENT, SAID, actor="resident:ada", organisation=None))
    assert (profiles(made), codes_of(made)) == (["PatientRead"], ("rest", "read", "R"))
    assert "ada" not in json.dumps(made), "a resident is named by what the trail calls them"


def test_a_quiet_change_is_no_event() -> None:
    quiet = entry(AuditAction.PROXY_CHANGED, {"quiet": True, "state": "suspended"})
    assert events(quiet) == []
    assert list(audit_events.exported([quiet], key=KEY)) == []


def test_a_resident_is_told_less_than_those_who_answer_for_the_trail() -> None:
    refused = entry(AuditAction.DECISION, REFUSED)
    (told,), (answered) = events(refused, plainly=False), events(refused)
    assert told["outcomeDesc"] == "Not permitted"
    assert f"{OWN}:actor" not in json.dumps(told)
    assert f"{OWN}:actor" in json.dumps(answered)


# ---- to whom they are shown ----


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[House]:
    for house in built(tmp_path_factory.mktemp("looked"), sqlite_template):
        gp = house.token(person="gp")
        assert view(house, gp, find(house, gp), purpose="direct-care", sections=["problems"]).status_code == 200
        yield house


def shown(house: House, path: str = "AuditEvent", **who: str) -> Any:
    return Reader(house, house.token(**who), purpose=None).get(path)


def test_a_resident_sees_who_looked_and_it_is_what_their_list_says(house: House) -> None:
    answer = shown(house, resident="ada")
    assert fhirkit.validate(answer.get_json()) == []
    listed = house.call("GET", "/api/my/activity", token=house.token(resident="ada")).get_json()
    assert {each["id"].partition("-")[0] for each in found(answer)} == {str(each["index"]) for each in listed}
    assert ADA_NUMBER not in answer.text
    assert found(shown(house, "AuditEvent?patient=me&_count=1", resident="ada")) == found(answer)[:1]


def test_another_resident_sees_nothing_of_it_and_may_not_ask(house: House) -> None:
    assert found(shown(house, resident="ben")) == []
    assert shown(house, f"AuditEvent?patient={'a' * 40}", resident="ben").status_code == 403


def test_a_worker_sees_nobodys_and_an_ig_lead_their_organisations(house: House) -> None:
    assert shown(house, person="gp").status_code == 403
    mine = found(shown(house, person="surgery-guardian"))
    assert {profiles(each)[0] for each in mine} >= {"AuthZconsent", "PatientQuery"}
    assert found(shown(house, person="food-bank-lead")) == [], "the food bank had no part in it"
    assert len(found(shown(house, person="partnership-lead"))) == len(mine), "an integrator answers for all"
    assert "Okoro" not in json.dumps(mine)


@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        ("patient/Observation.rs", 403),
        ("patient/Observation.rs patient/Condition.rs", 403),
        ("user/*.rs", 403),
        ("own.read", 200),
        ("patient/*.rs", 200),
        ("patient/Observation.rs own.read", 200),
    ],
)
def test_a_residents_app_sees_it_only_with_a_scope_of_everything_or_of_what_is_their_own(
    house: House, scopes: str, status: int
) -> None:
    assert with_scopes(house, scopes, role=Role.RESIDENT, resident="ada").status_code == status


@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        ("user/Observation.rs", 403),
        ("patient/*.rs", 403),
        ("records.read", 200),
        ("user/*.rs", 200),
    ],
)
def test_so_does_an_app_of_somebody_who_answers_for_the_trail(house: House, scopes: str, status: int) -> None:
    who = {"role": Role.CALDICOTT_GUARDIAN, "person": "surgery-guardian", "organisation": SURGERY}
    assert with_scopes(house, scopes, **who).status_code == status


def with_scopes(house: House, scopes: str, **who: Any) -> Any:
    with house.session() as session:
        token = tokens.issue(session, scopes=scopes, settings=house.broker.settings, now=house.time[0], **who)
        session.commit()
    return Reader(house, token, purpose=None).get("AuditEvent")
