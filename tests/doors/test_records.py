"""The main job at the API: find, ask, be told why not, be given permission, read, be narrowed, be refused."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from broker.errors import TrailUnavailable
from broker.identity.models import SourceLink
from broker.vocabulary import AuditAction
from tests import texts
from tests.doors.conftest import House
from tests.people import ADA_BORN, ADA_NUMBER, BEN_BORN, BEN_NUMBER, NOON, STRANGER_NUMBER

NEEDED = ["housing", "money-and-benefits", "person-demographics"]


def find(house: House, token: str, number: str = ADA_NUMBER) -> str:
    answer = house.call(
        "POST", "/api/residents/find", token=token, json={"nhs_number": number, "born_on": ADA_BORN.isoformat()}
    )
    assert answer.status_code == 200, answer.get_json()
    handle: str = answer.get_json()["resident"]
    return handle


def view(house: House, token: str, handle: str, **changes: Any) -> Any:
    body = {"resident": handle, "purpose": "advice-debt", "sections": NEEDED, "reason": "Arrears", **changes}
    return house.call("POST", "/api/records/view", token=token, json={k: v for k, v in body.items() if v is not None})


def ask(house: House, token: str, handle: str, **changes: Any) -> Any:
    until = (NOON + timedelta(days=30)).isoformat()
    body = {
        "resident": handle,
        "purpose": "advice-debt",
        "sections": NEEDED,
        "reason": "Arrears",
        "until": until,
        **changes,
    }
    return house.call("POST", "/api/access-requests", token=token, json=body)


def agree(house: House, adviser: str, ada: str, handle: str) -> str:
    """Ada is asked and agrees; gives the consent's id."""
    asked = ask(house, adviser, handle).get_json()
    answered = house.call("POST", f"/api/my/access-requests/{asked['id']}/answer", token=ada, json={"agree": True})
    assert answered.status_code == 200, answered.get_json()
    consent: str = house.call("GET", "/api/my/consents", token=ada).get_json()[0]["id"]
    return consent


def titles(answer: Any) -> dict[str, list[str]]:
    return {part["section"]: [entry["title"] for entry in part["entries"]] for part in answer.get_json()["sections"]}


def codes(answer: Any) -> set[str]:
    return {reason["code"] for reason in answer.get_json()["reasons"]}


def test_without_permission_nothing_is_released_and_nobody_is_asked(house: House, adviser: str) -> None:
    answer = view(house, adviser, find(house, adviser))
    assert answer.status_code == 403
    assert answer.mimetype == "application/problem+json"
    assert answer.get_json()["code"] == "access-refused"
    assert answer.get_json()["requestable"] is True
    assert all(source.asked == [] for source in house.sources.values())


def test_with_permission_the_record_is_assembled_from_every_source(house: House, adviser: str, ada: str) -> None:
    handle = find(house, adviser)
    agree(house, adviser, ada, handle)
    answer = view(house, adviser, handle)
    assert answer.status_code == 200, answer.get_json()
    found = titles(answer)
    assert set(found["housing"]) == {"Lives alone", "Council tenancy"}
    assert found["money-and-benefits"] == ["Council tax arrears"]
    assert set(found) == set(NEEDED)
    assert answer.headers["Cache-Control"] == "no-store"


def test_only_permitted_sections_are_asked_of_a_source(house: House, adviser: str, ada: str) -> None:
    handle = find(house, adviser)
    agree(house, adviser, ada, handle)
    answer = view(house, adviser, handle, sections=[*NEEDED, "problems"])
    assert answer.status_code == 200
    assert "problems" not in {section.value for asked in house.sources["millrace-gp"].asked for section in asked}
    assert titles(answer).get("problems", []) == []
    assert "section-not-for-purpose" in codes(answer) or "section-not-in-agreement" in codes(answer)


def test_narrowing_bites_on_the_very_next_look(house: House, adviser: str, ada: str) -> None:
    handle = find(house, adviser)
    consent = agree(house, adviser, ada, handle)
    house.wait(timedelta(seconds=5))
    narrowed = house.call(
        "POST", f"/api/my/consents/{consent}/narrow", token=ada, json={"stop_sections": ["money-and-benefits"]}
    )
    assert narrowed.status_code == 200
    answer = view(house, adviser, handle)
    assert titles(answer)["money-and-benefits"] == []
    assert titles(answer)["housing"] != []
    assert "consent-withdrawn" in codes(answer)
    assert view(house, adviser, handle, sections=["money-and-benefits"]).status_code == 403


def test_withdrawing_closes_the_record_at_once(house: House, adviser: str, ada: str) -> None:
    handle = find(house, adviser)
    consent = agree(house, adviser, ada, handle)
    house.wait(timedelta(seconds=5))
    assert house.call("POST", f"/api/my/consents/{consent}/withdraw", token=ada).status_code == 200
    assert view(house, adviser, handle).status_code == 403


def test_a_permission_that_ran_out_closes_the_record(house: House, adviser: str, ada: str) -> None:
    handle = find(house, adviser)
    agree(house, adviser, ada, handle)
    house.wait(timedelta(days=31))
    assert view(house, house.token(person="adviser"), handle).status_code == 403


def test_what_a_resident_withholds_outranks_what_they_permitted(house: House, adviser: str, ada: str) -> None:
    handle = find(house, adviser)
    agree(house, adviser, ada, handle)
    house.call("POST", "/api/my/withholdings", token=ada, json={"sections": ["housing"]})
    assert titles(view(house, adviser, handle))["housing"] == []


def test_a_suspended_agreement_refuses_and_a_resumed_one_releases(house: House, adviser: str, ada: str) -> None:
    from broker.agreements import actions
    from broker.agreements.models import SharingAgreement
    from broker.governance.publishing import publish
    from broker.vocabulary import AgreementState

    handle = find(house, adviser)
    agree(house, adviser, ada, handle)
    for to, expected in ((AgreementState.SUSPENDED, 403), (AgreementState.IN_FORCE, 200)):
        house.wait(timedelta(seconds=1))
        with house.session() as session:
            agreement = session.get_one(SharingAgreement, ("TB-ADVICE", 1))
            actions.move(session, agreement, to=to, by="operator:t", trail=house.broker.trail, now=house.time[0])
            publish(house.broker, session, by="operator:t", now=house.time[0])
        assert view(house, adviser, handle).status_code == expected


def test_the_registered_practice_reads_on_implied_consent(house: House, gp: str) -> None:
    answer = view(
        house, gp, find(house, gp), purpose="direct-care", sections=["problems", "allergies-and-adverse-reaction"]
    )
    assert answer.status_code == 200, answer.get_json()
    assert set(titles(answer)["problems"]) == {"Asthma", "Diabetes"}


def test_without_a_relationship_no_agreement_helps(house: House, gp: str) -> None:
    handle = house.call(
        "POST", "/api/residents/find", token=gp, json={"nhs_number": "9990000026", "born_on": "2015-06-01"}
    ).get_json()["resident"]
    answer = view(house, gp, handle, purpose="direct-care", sections=["problems"])
    assert answer.status_code == 403
    assert codes(answer) == {"no-relationship"}


def test_emergency_access_is_refused_to_a_charity(house: House, adviser: str) -> None:
    answer = view(
        house,
        adviser,
        find(house, adviser),
        purpose="emergency",
        sections=["housing"],
        break_glass={"reason": "Locked out"},
    )
    assert answer.status_code == 403


def test_emergency_access_opens_for_a_clinician_without_a_relationship_and_tells(house: House, gp: str) -> None:
    handle = house.call(
        "POST", "/api/residents/find", token=gp, json={"nhs_number": "9990000026", "born_on": "2015-06-01"}
    ).get_json()["resident"]
    answer = view(
        house,
        gp,
        handle,
        purpose="emergency",
        sections=["allergies-and-adverse-reaction"],
        break_glass={"reason": "Found collapsed"},
    )
    assert answer.status_code == 200, answer.get_json()
    told = {duty["code"] for duty in answer.get_json()["obligations"]}
    assert {"notify-resident", "notify-privacy-officer", "review"} <= told
    with house.session() as session:
        kinds = set(session.scalars(text("SELECT kind FROM notice")))
    assert {"notify-resident", "notify-privacy-officer", "review"} <= kinds


def test_nobody_is_decided_like_a_stranger(house: House, gp: str, adviser: str) -> None:
    """The answers for somebody unknown and for somebody who has nothing to do with you are the same, byte for byte."""
    for token, purpose in ((gp, "direct-care"), (adviser, "advice-debt")):
        stranger = house.call(
            "POST", "/api/residents/find", token=token, json={"nhs_number": "9990000026", "born_on": "2015-06-01"}
        ).get_json()["resident"]
        answers = [
            json.loads(view(house, token, handle, purpose=purpose, sections=["housing"]).text.replace(handle, "theirs"))
            for handle in (stranger, find(house, token, STRANGER_NUMBER))
        ]
        for answer in answers:
            answer.pop("decision")
        assert answers[0] == answers[1]


def test_every_decision_and_release_is_on_the_trail_before_it_leaves(house: House, adviser: str, ada: str) -> None:
    handle = find(house, adviser)
    agree(house, adviser, ada, handle)
    answer = view(house, adviser, handle).get_json()
    with house.session() as session:
        release, decision = house.broker.trail.entries(
            session, resident="ada", actions=[AuditAction.DECISION, AuditAction.RELEASE], limit=2
        )
    assert (release.action, decision.action) == (AuditAction.RELEASE, AuditAction.DECISION)
    assert decision.body["decision"] == release.body["decision"] == answer["decision"]
    assert decision.note == "Arrears"
    assert decision.body["agreements"] == ["TB-ADVICE"]


def test_a_refusal_is_on_the_trail_too(house: House, adviser: str) -> None:
    view(house, adviser, find(house, adviser))
    with house.session() as session:
        (entry,) = house.broker.trail.entries(session, resident="ada", actions=[AuditAction.DECISION])
    assert entry.body["permitted_any"] is False


def test_if_the_trail_cannot_be_written_nothing_is_asked_and_nothing_leaves(
    house: House, gp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = find(house, gp)

    def broken(*_: object, **__: object) -> int:
        raise TrailUnavailable("the disk is full")

    monkeypatch.setattr(house.broker.trail, "record", broken)
    answer = view(house, gp, handle, purpose="direct-care", sections=["problems"])
    assert answer.status_code == 503
    assert "Asthma" not in answer.text
    assert all(source.asked == [] for source in house.sources.values())


def test_if_the_release_cannot_be_written_what_was_fetched_stays_here(
    house: House, gp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle, record = find(house, gp), house.broker.trail.record

    def only_decisions(event: Any, **options: Any) -> int:
        if event.action is AuditAction.RELEASE:
            raise TrailUnavailable("the disk is full")
        return record(event, **options)

    monkeypatch.setattr(house.broker.trail, "record", only_decisions)
    answer = view(house, gp, handle, purpose="direct-care", sections=["problems"])
    assert answer.status_code == 503
    assert "Asthma" not in answer.text


def test_a_source_that_fails_is_a_stated_gap(house: House, gp: str) -> None:
    house.sources["millrace-gp"].fault = RuntimeError("9990000018 broke it")
    answer = view(house, gp, find(house, gp), purpose="direct-care", sections=["problems"])
    assert answer.status_code == 200
    (part,) = answer.get_json()["sections"]
    assert part["silence"] == "unavailable"
    assert [gap["source"] for gap in part["gaps"]] == ["millrace-gp"]
    assert "9990000018" not in answer.text


def test_a_view_can_be_a_fhir_searchset_or_document(house: House, gp: str) -> None:
    handle = find(house, gp)
    for kind, first in (("fhir-searchset", "Patient"), ("fhir-document", "Composition")):
        answer = view(house, gp, handle, purpose="direct-care", sections=["problems"], format=kind)
        assert answer.mimetype == "application/fhir+json"
        bundle = answer.get_json()
        assert bundle["entry"][0]["resource"]["resourceType"] == first
        assert "Asthma" in answer.text


def test_a_resident_sees_who_looked_by_the_end_organisations_name(house: House, adviser: str, ada: str) -> None:
    handle = find(house, adviser)
    agree(house, adviser, ada, handle)
    view(house, adviser, handle)
    looks = house.call("GET", "/api/my/activity", token=ada).get_json()
    assert (looks[0]["action"], looks[0]["organisation_name"], looks[0]["role"]) == (
        "release",
        "Harvest Shelf",
        "case-worker",
    )
    assert set(looks[0]["released"]) == set(NEEDED)


def test_another_organisation_polls_a_request_like_one_that_never_was(house: House, adviser: str, gp: str) -> None:
    asked = ask(house, adviser, find(house, adviser)).get_json()
    theirs = house.call("GET", f"/api/access-requests/{asked['id']}", token=gp)
    nothing = house.call("GET", f"/api/access-requests/{'0' * 32}", token=gp)
    assert theirs.status_code == nothing.status_code == 404
    assert theirs.data == nothing.data


def test_another_residents_choices_are_not_there(house: House, adviser: str, ada: str) -> None:
    consent = agree(house, adviser, ada, find(house, adviser))
    ben = house.token(resident="ben")
    assert house.call("POST", f"/api/my/consents/{consent}/withdraw", token=ben).status_code == 404
    assert house.call("GET", "/api/my/activity", token=ben).get_json() == []


def test_an_agreement_that_expired_is_named_as_expired(house: House, gp: str) -> None:
    house.adopt(texts.agreement("LON-OLD", until_on="2026-03-01", review_on="2026-02-01"))
    house.wait(timedelta(days=800))
    gp = house.token(person="gp")
    answer = view(house, gp, find(house, gp), purpose="direct-care", sections=["problems"])
    assert answer.status_code == 403
    assert codes(answer) == {"agreement-expired"}


def test_a_yes_to_one_section_is_no_invitation_to_the_rest(house: House, gp: str) -> None:
    """The surgery does not know Ben. What he lets it see for his care is all that it sees."""
    with house.session() as session:
        session.add(SourceLink(resident_id="ben", source_id="millrace-gp", local_id=None, linked_at=NOON))
        session.commit()
    sought = {"nhs_number": BEN_NUMBER, "born_on": BEN_BORN.isoformat()}
    handle = house.call("POST", "/api/residents/find", token=gp, json=sought).get_json()["resident"]
    wanted = {"purpose": "direct-care", "sections": ["problems", "housing"]}
    asked = ask(house, gp, handle, **wanted).get_json()
    said = {"agree": True, "sections": ["problems"]}
    ben = house.token(resident="ben")
    house.call("POST", f"/api/my/access-requests/{asked['id']}/answer", token=ben, json=said)
    answer = view(house, gp, handle, **wanted)
    assert titles(answer) == {"problems": ["Diabetes", "Asthma"], "housing": []}
    assert "consent-needed" in codes(answer)
    assert view(house, gp, handle, purpose="direct-care", sections=["housing"]).status_code == 403
