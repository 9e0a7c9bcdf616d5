"""A resident's consents as FHIR: read, brought, withdrawn; and held to at the very next request."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from broker.access import fhir_consents
from broker.access.engines import consents as rules
from broker.consent import fhir
from broker.errors import EngineUnavailable
from broker.governance import fidelity
from broker.vocabulary import ACT_REASON, AccessLevel, AuditAction, Section, Sensitivity
from tests.doors.conftest import BY, House
from tests.doors.test_proxies import proxy_token
from tests.doors.test_records import find
from tests.people import ADA_NUMBER, BEN_NUMBER, FOOD_BANK, SURGERY

ME = {"reference": "Patient/me"}


def consent(provision: dict[str, Any], **changes: Any) -> dict[str, Any]:
    made = {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [fhir.SCOPE]},
        "category": [{"coding": [fhir.CATEGORY]}],
        "patient": ME,
        "dateTime": "2026-06-01T10:00:00Z",
        "policy": [{"uri": "https://sharing.example/policy"}],
        "provision": provision,
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def actor(code: str) -> list[dict[str, Any]]:
    return [{"role": {"coding": [fhir.RECIPIENT]}, "reference": fhir.organisation_out(code)}]


def sections(*named: Section) -> list[dict[str, Any]]:
    return [fhir.section_out(each) for each in named]


DEBT = [{"system": "urn:neighbourhood-broker:purpose", "code": "advice-debt"}]
PERMIT = {"type": "permit", "actor": actor(FOOD_BANK), "purpose": DEBT, "class": sections(Section.HOUSING)}


def bring(house: House, token: str, provision: dict[str, Any], **changes: Any) -> Any:
    return house.call("POST", "/fhir/Consent", token=token, json=consent(provision, **changes))


def code_of(answer: Any) -> str:
    return str(answer.get_json()["issue"][0]["details"]["coding"][0]["code"])


def acts(house: House) -> list[AuditAction]:
    kept = (AuditAction.CONSENT_GIVEN, AuditAction.CONSENT_NARROWED, AuditAction.CONSENT_WITHDRAWN)
    with house.session() as session:
        return [entry.action for entry in house.broker.trail.entries(session, actions=kept, newest_first=False)]


def sees(house: House, token: str, purpose: str, *named: Section) -> dict[str, list[str]]:
    """What a worker is shown, by section; or why not."""
    body = {
        "resident": find(house, token),
        "purpose": purpose,
        "sections": [each.value for each in named],
        "reason": "To help.",
    }
    answer = house.call("POST", "/api/records/view", token=token, json=body)
    if answer.status_code != 200:
        return {"": [answer.get_json()["code"]]}
    return {
        part["section"]: sorted(entry["title"] for entry in part["entries"]) for part in answer.get_json()["sections"]
    }


def test_a_permission_that_is_brought_is_read_back_and_opens_the_very_next_request(
    house: House, ada: str, adviser: str
) -> None:
    assert sees(house, adviser, "advice-debt", Section.HOUSING) == {"": ["access-refused"]}
    answer = bring(house, ada, PERMIT)
    assert answer.status_code == 201
    assert answer.mimetype == "application/fhir+json"
    made = answer.get_json()
    assert answer.headers["Location"].endswith(f"/fhir/Consent/{made['id']}")
    assert (made["status"], made["provision"]["type"]) == ("active", "permit")
    assert acts(house) == [AuditAction.CONSENT_GIVEN]
    assert sees(house, adviser, "advice-debt", Section.HOUSING) == {"housing": ["Council tenancy", "Lives alone"]}
    read = house.call("GET", f"/fhir/Consent/{made['id']}", token=ada)
    assert read.get_json() == made


def test_every_choice_however_made_is_there_to_see_and_nobody_elses(house: House, ada: str) -> None:
    until = (house.time[0] + timedelta(days=9)).isoformat()
    given = {"organisation": FOOD_BANK, "purposes": ["advice-debt"], "sections": ["housing"], "until": until}
    house.call("POST", "/api/my/consents", token=ada, json=given)
    bring(house, ada, {"type": "deny", "class": sections(Section.MONEY)})
    found = house.call("GET", "/fhir/Consent?patient=me", token=ada).get_json()
    assert (found["type"], found["total"]) == ("searchset", 2)
    assert {each["resource"]["provision"]["type"] for each in found["entry"]} == {"permit", "deny"}
    other = house.token(resident="ben")
    assert "entry" not in house.call("GET", "/fhir/Consent?patient=me", token=other).get_json()
    for each in found["entry"]:
        answer = house.call("GET", f"/fhir/Consent/{each['resource']['id']}", token=other)
        assert (answer.status_code, code_of(answer)) == (404, "consent-unknown")
    assert house.call("GET", f"/fhir/Consent?patient={BEN_NUMBER[:3]}", token=ada).status_code == 404
    assert house.call("GET", "/fhir/Consent", token=ada).status_code == 400
    assert house.call("GET", "/fhir/Consent?patient=me&actor=x", token=ada).status_code == 400


def test_a_withdrawn_consent_is_never_active_and_closes_the_record_at_once(
    house: House, ada: str, adviser: str
) -> None:
    made = bring(house, ada, PERMIT).get_json()
    address = f"/fhir/Consent/{made['id']}"
    changed = house.call("PUT", address, token=ada, json={**made, "status": "active"})
    assert (changed.status_code, code_of(changed)) == (400, "only-to-withdraw")
    other = house.call("PUT", address, token=house.token(resident="ben"), json={**made, "status": "inactive"})
    assert other.status_code == 404
    another = house.call("PUT", address, token=ada, json={**made, "id": "x", "status": "inactive"})
    assert code_of(another) == "id-differs"
    assert sees(house, adviser, "advice-debt", Section.HOUSING)["housing"]
    house.wait(timedelta(seconds=5))
    answer = house.call("PUT", address, token=ada, json={**made, "status": "inactive"})
    assert (answer.status_code, answer.get_json()["status"]) == (200, "inactive")
    assert answer.get_json()["provision"]["period"]["end"]
    assert sees(house, adviser, "advice-debt", Section.HOUSING) == {"": ["access-refused"]}
    assert house.call("GET", "/fhir/Consent?patient=me&status=active", token=ada).get_json()["total"] == 0
    assert house.call("GET", "/fhir/Consent?patient=me&status=inactive", token=ada).get_json()["total"] == 1
    assert house.call("PUT", address, token=ada, json={**made, "status": "inactive"}).status_code == 409
    assert acts(house) == [AuditAction.CONSENT_GIVEN, AuditAction.CONSENT_WITHDRAWN]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a draft": (consent(PERMIT, status="draft"), "consent-status-draft"),
    "no status": (consent(PERMIT, status=None), "consent-status-unreadable"),
    "no policy": (consent(PERMIT, policy=None), "consent-policy-missing"),
    "another patient": (consent(PERMIT, patient={"reference": "Patient/ben"}), "consent-other-patient"),
    "a patient by name": (consent(PERMIT, patient={"display": "Ada Okoro"}), "consent-patient-unresolvable"),
    "an empty list": (consent({**PERMIT, "purpose": []}), "consent-coding-unreadable"),
    "an unknown type": (consent({**PERMIT, "type": "allow"}), "consent-type-unreadable"),
    "an actor by name": (
        consent({**PERMIT, "actor": [{"role": {"coding": [fhir.RECIPIENT]}, "reference": {"display": "Food bank"}}]}),
        "consent-actor-unresolvable",
    ),
    "a modifier": (consent(PERMIT, modifierExtension=[{"url": "x"}]), "consent-modifier-extension"),
    "something contained": (consent(PERMIT, contained=[{"resourceType": "Organization"}]), "contained-not-kept"),
    "nobody known": (consent({**PERMIT, "actor": actor("XX000")}), "organisation-unknown"),
    "two organisations": (consent({**PERMIT, "actor": actor(FOOD_BANK) + actor(SURGERY)}), "one-organisation"),
    "nobody in particular": (consent({"type": "permit"}), "consent-says-nothing"),
    "another kind": ({"resourceType": "Patient"}, "not-a-consent"),
}


def test_what_cannot_be_read_safely_is_refused_and_nothing_is_kept(house: House, ada: str) -> None:
    for name, (resource, code) in REFUSED.items():
        answer = house.call("POST", "/fhir/Consent", token=ada, json=resource)
        assert (answer.status_code, code_of(answer)) == (400, code), name
    assert house.call("GET", "/fhir/Consent?patient=me", token=ada).get_json()["total"] == 0
    assert acts(house) == []


def test_a_resident_may_be_named_by_their_number_in_the_body_and_by_nobody_elses(house: House, ada: str) -> None:
    number = {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": ADA_NUMBER}
    answer = bring(house, ada, PERMIT, patient={"identifier": number})
    assert answer.status_code == 201
    assert ADA_NUMBER not in answer.get_data(as_text=True)
    others = bring(house, ada, PERMIT, patient={"identifier": {**number, "value": BEN_NUMBER}})
    assert others.status_code == 400


def test_no_worker_brings_or_reads_a_consent(house: House, adviser: str) -> None:
    for method, path in (("GET", "/fhir/Consent?patient=me"), ("POST", "/fhir/Consent"), ("PUT", "/fhir/Consent/x")):
        assert house.call(method, path, token=adviser, json=consent(PERMIT)).status_code == 403
        assert house.call(method, path, json=consent(PERMIT)).status_code == 401


def test_who_acts_for_a_resident_sees_and_changes_as_far_as_they_may(house: House, ada: str) -> None:
    bring(house, ada, {"type": "deny", "securityLabel": fhir.labels_out([Sensitivity.DOMESTIC_ABUSE])})
    made = bring(house, ada, {"type": "deny", "class": sections(Section.MONEY)}).get_json()
    for_ada = proxy_token(house, AccessLevel.SEE_SHARING)
    found = house.call("GET", "/fhir/Consent?patient=me", token=for_ada).get_json()
    assert [each["resource"]["id"] for each in found["entry"]] == [made["id"]]
    assert bring(house, for_ada, {"type": "deny"}).status_code == 403
    stopped = house.call("PUT", f"/fhir/Consent/{made['id']}", token=for_ada, json={**made, "status": "inactive"})
    assert stopped.status_code == 403


# ---- what provisions cannot say --------------------------------------------------------------------------------------


def test_a_permission_of_one_month_opens_that_month_alone(house: House, ada: str, adviser: str) -> None:
    """Of the council's and the surgery's entries one each is of 1 May, and no more is of that day."""
    day = {"start": "2026-05-01", "end": "2026-05-01"}
    wide = {**PERMIT, "class": sections(Section.HOUSING, Section.MONEY)}
    assert bring(house, ada, {**wide, "dataPeriod": day}).status_code == 201
    found = sees(house, adviser, "advice-debt", Section.HOUSING, Section.MONEY)
    assert found == {"housing": ["Council tenancy", "Lives alone"], "money-and-benefits": ["Council tax arrears"]}
    before = {"end": "2026-04-30"}
    again = bring(house, ada, {"type": "deny", "provision": [{**wide, "dataPeriod": before}]})
    assert again.status_code == 201
    assert not any(sees(house, adviser, "advice-debt", Section.HOUSING, Section.MONEY).values())


def test_a_refusal_of_one_day_keeps_that_day_from_whoever_cares(house: House, ada: str, gp: str) -> None:
    assert sees(house, gp, "direct-care", Section.PROBLEMS) == {"problems": ["Asthma", "Diabetes"]}
    answer = bring(house, ada, {"type": "deny", "dataPeriod": {"start": "2026-05-02", "end": "2026-05-02"}})
    assert (answer.status_code, acts(house)) == (201, [AuditAction.CONSENT_NARROWED])
    assert sees(house, gp, "direct-care", Section.PROBLEMS) == {"problems": ["Asthma"]}
    made = answer.get_json()
    house.call("PUT", f"/fhir/Consent/{made['id']}", token=ada, json={**made, "status": "inactive"})
    assert sees(house, gp, "direct-care", Section.PROBLEMS) == {"problems": ["Asthma", "Diabetes"]}


def test_where_the_rules_cannot_be_asked_nothing_they_might_be_about_is_given(
    house: House, ada: str, gp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(house, ada, {"type": "deny", "dataPeriod": {"start": "2031"}})
    assert sees(house, gp, "direct-care", Section.PROBLEMS) == {"problems": ["Asthma", "Diabetes"]}
    monkeypatch.setattr(fhir_consents, "PATIENCE", timedelta(0))
    assert sees(house, gp, "direct-care", Section.PROBLEMS) == {"problems": []}
    with pytest.raises(EngineUnavailable):
        rules.decide({}, deadline=timedelta(0))


def test_what_there_was_no_time_to_judge_is_said_to_be_unavailable_and_not_withheld_or_empty(
    house: House, ada: str, gp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(house, ada, {"type": "deny", "dataPeriod": {"start": "2031"}})
    body = {
        "resident": find(house, gp),
        "purpose": "direct-care",
        "sections": [Section.PROBLEMS.value, Section.ALLERGIES.value],
        "reason": "To help.",
    }
    whole = house.call("POST", "/api/records/view", token=gp, json=body).get_json()["sections"]
    assert not any(part["gaps"] for part in whole)
    monkeypatch.setattr(fhir_consents, "PATIENCE", timedelta(0))
    late = house.call("POST", "/api/records/view", token=gp, json=body).get_json()["sections"]
    for part in late:  # whether or not there was anything in it
        assert (part["entries"], part["silence"]) == ([], "unavailable"), part
        assert {gap["cause"] for gap in part["gaps"]} == {"late"}


def coded(first: int, many: int) -> list[dict[str, Any]]:
    return [{"coding": [{"system": "http://snomed.info/sct", "code": str(first + n)}]} for n in range(many)]


def refusals(many: int) -> dict[str, Any]:
    """A document of so many provisions, each of one code that nothing here has."""
    return {"type": "deny", "provision": [{"type": "deny", "code": coded(n, 1)} for n in range(many - 1)]} | {
        "code": coded(0, many)
    }


def test_a_consent_that_says_more_than_is_read_is_refused_and_one_that_says_less_is_taken(
    house: House, ada: str, gp: str
) -> None:
    most = rules.MOST
    too_much: list[dict[str, Any]] = [
        refusals(most.provisions + 1),
        {"type": "deny", "code": coded(0, most.values // 4)},
        {"type": "deny", "code": coded(0, 1), "id": "x" * most.characters},
        {"type": "deny", "provision": [{}] * 5000},
    ]
    for provision in too_much:
        answer = bring(house, ada, provision)
        assert (answer.status_code, code_of(answer)) == (400, "consent-too-complex")
        assert str(most.provisions) in answer.get_json()["issue"][0]["details"]["text"]
    assert acts(house) == []
    assert bring(house, ada, refusals(most.provisions)).status_code == 201
    assert sees(house, gp, "direct-care", Section.PROBLEMS) == {"problems": ["Asthma", "Diabetes"]}


def test_what_is_kept_already_counts_until_it_is_withdrawn(house: House, ada: str) -> None:
    many = rules.MOST.provisions // 2 + 1
    first = bring(house, ada, refusals(many)).get_json()
    assert code_of(bring(house, ada, refusals(many))) == "consent-too-complex"
    assert bring(house, ada, PERMIT).status_code == 201  # kept as a choice of ours, and so no document
    house.call("PUT", f"/fhir/Consent/{first['id']}", token=ada, json={**first, "status": "inactive"})
    assert bring(house, ada, refusals(many)).status_code == 201


def test_documents_that_say_more_than_is_read_keep_back_all_they_could_be_about(
    house: House, ada: str, gp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(house, ada, refusals(3))
    assert sees(house, gp, "direct-care", Section.PROBLEMS) == {"problems": ["Asthma", "Diabetes"]}
    monkeypatch.setattr(rules, "MOST", rules.Weight(provisions=2, values=800, characters=9000))
    assert sees(house, gp, "direct-care", Section.PROBLEMS) == {"problems": []}


def test_somebody_who_enforces_it_elsewhere_is_told_no_where_only_a_part_is_refused(
    house: House, ada: str, gp: str
) -> None:
    handle = find(house, gp)

    def decides(section: Section) -> bool:
        question = {
            "subject": {"type": "person", "id": "gp", "properties": {"role": "clinician"}},
            "action": {"name": "share", "properties": {"purpose": "direct-care"}},
            "resource": {"type": "record-section", "id": section.value, "properties": {"resident": handle}},
        }
        return bool(house.call("POST", "/access/v1/evaluation", token=gp, json=question).get_json()["decision"])

    assert decides(Section.PROBLEMS)
    day = {"start": "2026-05-02", "end": "2026-05-02"}
    bring(house, ada, {"type": "deny", "class": sections(Section.PROBLEMS), "dataPeriod": day})
    assert not decides(Section.PROBLEMS)
    with house.session() as session:
        (said,) = house.broker.trail.entries(session, actions=(AuditAction.DECISION,), limit=1)
        found = fidelity.check(house.broker, session, by=BY, now=house.time[0])
    assert (said.body["narrowed"], said.body["permitted_any"], said.body["permitted"]) == (True, False, {})
    assert set(said.body["refused"]["problems"]["millrace-gp"]) == {"consent-withheld"}
    assert (found.holds, found.different) == (True, 0), "what is recorded is what the rules said"
    assert decides(Section.ALLERGIES)
    with house.session() as session:
        (said,) = house.broker.trail.entries(session, actions=(AuditAction.DECISION,), limit=1)
    assert "narrowed" not in said.body


def test_a_purpose_in_hl7s_words_speaks_of_what_is_below_it_too(house: House, ada: str, adviser: str) -> None:
    support = [{"system": ACT_REASON, "code": "SUPNWK"}]
    assert bring(house, ada, {**PERMIT, "purpose": support}).status_code == 201
    assert sees(house, adviser, "advice-debt", Section.HOUSING)["housing"]
    elsewhere = [{"system": ACT_REASON, "code": "HRESCH"}]
    answer = bring(house, ada, {**PERMIT, "purpose": elsewhere})
    assert code_of(answer) == "consent-says-nothing"
