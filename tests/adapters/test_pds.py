"""The Personal Demographics Service: whose record it is, what a flag hides, what a number in use is, and tracing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from adapters.answering import Unanswered
from adapters.national import Budget
from broker.records.source import NationalRegister, ResidentIdentity, Sought, Traced
from broker.vocabulary import NHS_NUMBER, ODS_CODE, GapCause, Section
from tests.adapters.conformance.worlds import ADA, STRANGER
from tests.adapters.listener import Reply, Request, as_json
from tests.adapters.national_people import CONFIDENTIALITY, FHIR, named, page, person, refused
from tests.adapters.national_services import ASKED_FOR, RENUMBERED, WORKER, ask, having

ALL = frozenset({Section.DEMOGRAPHICS, Section.GP_PRACTICE, Section.CONTACTS, Section.INDIVIDUAL_REQUIREMENTS})
NOW_KNOWN_AS = ResidentIdentity(RENUMBERED, ADA.born_on)
_UK = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-"
_WORDS = {"coding": [{"code": "fr", "display": "French"}]}
LIVES_SOMEWHERE: dict[str, Any] = {
    "address": [{"use": "home", "line": ["7 Quay Walk"], "postalCode": "ZZ9 9AA"}],
    "telecom": [{"system": "phone", "value": "020 7946 0001"}],
    "contact": [{"relationship": [{"text": "Sister"}], "telecom": [{"system": "phone", "value": "020 7946 0002"}]}],
    "generalPractitioner": [
        {"identifier": {"system": ODS_CODE, "value": "XX9T01", "period": {"start": "2020-01-01"}}},
        {"identifier": {"system": ODS_CODE, "value": "XX9T77", "period": {"end": "2021-01-01"}}},
    ],
    "extension": [
        {
            "url": f"{_UK}NHSCommunication",
            "extension": [
                {"url": "language", "valueCodeableConcept": _WORDS},
                {"url": "interpreterRequired", "valueBoolean": True},
            ],
        },
        {
            "url": f"{_UK}ContactPreference",
            "extension": [{"url": "PreferredContactTimes", "valueString": "Not after seven"}],
        },
        {"url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace", "valueAddress": {"city": "Quayton"}},
    ],
}
RELATIVE = {
    "resourceType": "RelatedPerson",
    "id": "r1",
    "patient": named(ADA),
    "name": [{"family": "Vale", "given": ["Mara"]}],
}


def labelled(code: str) -> dict[str, Any]:
    return {"meta": {"security": [{"system": CONFIDENTIALITY, "code": code}]}}


def register(patient: dict[str, Any], *relatives: dict[str, Any]) -> Any:
    def answer(request: Request) -> Reply:
        if request.path.endswith("/RelatedPerson"):
            return as_json(page(list(relatives)), media=FHIR)
        return as_json(patient, media=FHIR)

    return answer


def shown(answer: Any) -> str:
    return repr([(e.title, e.details, e.provenance) for e in answer.entries])


def test_demographics_practice_contacts_and_needs_are_read() -> None:
    answer, _ = ask("pds-fhir", register(person(ADA, **LIVES_SOMEWHERE), RELATIVE), ALL)
    assert not answer.gaps
    assert {entry.section for entry in answer.entries} == ALL
    for said in ("Ada Bright", "7 Quay Walk", "XX9T01", "Sister", "Mara Vale", "French", "needed", "Not after seven"):
        assert said in shown(answer)
    assert "XX9T77" not in shown(answer), "a practice they have left"
    assert ADA.nhs_number not in shown(answer)


def test_who_asks_and_for_which_request_is_in_the_headers_and_no_person_is() -> None:
    _, requests = ask("pds-fhir", register(person(ADA), RELATIVE), ALL)
    assert [r.target for r in requests] == ["/base/Patient/9990000018", "/base/Patient/9990000018/RelatedPerson"]
    assert len({UUID(r.headers["x-request-id"]) for r in requests}) == 2
    for request in requests:
        assert request.headers["x-correlation-id"] == WORKER.request
        assert request.headers["nhsd-end-user-organisation-ods"] == "XX9T01"
        assert "worker-1" not in repr(request.headers)


def test_an_organisation_without_an_ods_code_asks_under_the_one_that_is_set() -> None:
    charity = replace(ASKED_FOR, asked_by=replace(WORKER, organisation="GB-CHC-9900001"))
    _, requests = ask("pds-fhir", register(person(ADA)), ALL, resident=charity, organisation_code="XX9T09")
    assert {r.headers["nhsd-end-user-organisation-ods"] for r in requests} == {"XX9T09"}


@pytest.mark.parametrize("code", ["R", "V", "N", ""])
def test_whereabouts_of_somebody_who_is_flagged_are_not_shown_even_where_they_are_sent(code: str) -> None:
    patient = person(ADA, **{**LIVES_SOMEWHERE, **(labelled(code) if code else {"meta": {}})})
    answer, requests = ask("pds-fhir", register(patient, RELATIVE), ALL)
    assert {e.section for e in answer.entries} == {Section.DEMOGRAPHICS, Section.INDIVIDUAL_REQUIREMENTS}
    assert not answer.gaps, "as somebody of whom little is recorded, so that nothing tells"
    for said in ("Quay", "ZZ9", "7946", "XX9T01", "Sister", "Vale", "Quayton"):
        assert said not in shown(answer)
    assert len(requests) == 1, "their contacts are not asked for"


def test_somebody_the_broker_knows_to_be_flagged_is_so_whatever_the_register_says_now() -> None:
    flagged = replace(ASKED_FOR, sensitive=True)
    answer, _ = ask("pds-fhir", register(person(ADA, **LIVES_SOMEWHERE), RELATIVE), ALL, resident=flagged)
    assert answer.entries
    assert "Quay" not in shown(answer)


@pytest.mark.parametrize(
    "patient",
    [
        person(STRANGER),
        person(ResidentIdentity(ADA.nhs_number, STRANGER.born_on)),
        person(ResidentIdentity(RENUMBERED, STRANGER.born_on)),
        person(ADA, identifier=[{"system": NHS_NUMBER, "value": STRANGER.nhs_number}]),
        person(ADA, id=STRANGER.nhs_number),
        person(ADA, identifier=[]),
        person(ADA, birthDate="1964"),
        person(ResidentIdentity("9990000019", ADA.born_on)),
    ],
)
def test_a_person_in_any_doubt_is_the_wrong_one(patient: dict[str, Any]) -> None:
    answer, requests = ask("pds-fhir", register(patient, RELATIVE), ALL)
    assert not answer.entries
    assert {gap.cause for gap in answer.gaps} == {GapCause.WRONG_PERSON}
    assert len(requests) == 1


def test_a_number_known_to_be_theirs_gives_the_same_persons_record() -> None:
    relative = {**RELATIVE, "patient": named(NOW_KNOWN_AS)}
    known = replace(ASKED_FOR, former_numbers=frozenset({RENUMBERED}))
    answer, requests = ask("pds-fhir", register(person(NOW_KNOWN_AS, **LIVES_SOMEWHERE), relative), ALL, resident=known)
    assert not answer.gaps
    assert "Mara Vale" in shown(answer)
    assert requests[1].target == f"/base/Patient/{RENUMBERED}/RelatedPerson"


@pytest.mark.parametrize("given", ["Tom", "Ada"])
def test_another_number_with_the_same_birthday_is_not_shown_until_they_are_traced(given: str) -> None:
    other = person(NOW_KNOWN_AS, **{**LIVES_SOMEWHERE, "name": [{"family": "Bright", "given": [given]}]})
    answer, requests = ask("pds-fhir", register(other, RELATIVE), ALL)
    assert not answer.entries
    assert {gap.cause for gap in answer.gaps} == {GapCause.WRONG_PERSON}
    assert {gap.detail for gap in answer.gaps} == {"the register knows this person by another number: trace them"}
    assert len(requests) == 1


def test_a_contact_of_somebody_else_is_a_gap_and_not_an_entry() -> None:
    stray = {**RELATIVE, "patient": named(STRANGER)}
    answer, _ = ask("pds-fhir", register(person(ADA), stray, {**RELATIVE, "id": "r2", "patient": {}}), ALL)
    assert "Vale" not in shown(answer)
    assert [(g.section, g.cause) for g in answer.gaps] == [(Section.CONTACTS, GapCause.WRONG_PERSON)]


@pytest.mark.parametrize(
    ("code", "status", "cause"),
    [
        ("RESOURCE_NOT_FOUND", 404, GapCause.NOT_LINKED),
        ("INVALIDATED_RESOURCE", 404, GapCause.NOT_LINKED),
        ("INVALID_RESOURCE_ID", 400, GapCause.FAULT),
        ("SOMETHING_ELSE", 404, GapCause.FAULT),
        ("ACCESS_DENIED", 403, GapCause.REFUSED),
        ("TOO_MANY_REQUESTS", 429, GapCause.BUSY),
        ("TOO_MANY_REQUESTS", 503, GapCause.BUSY),
    ],
)
def test_a_code_of_the_service_is_a_cause(code: str, status: int, cause: GapCause) -> None:
    answer, _ = ask("pds-fhir", lambda request: refused(code, status=status), ALL)
    assert not answer.entries
    assert {gap.cause for gap in answer.gaps} == {cause}
    assert code not in repr(answer.gaps)


def test_what_is_redacted_is_not_known() -> None:
    answer, _ = ask("pds-fhir", register(person(ADA, **labelled("REDACTED"))), ALL)
    assert {gap.cause for gap in answer.gaps} == {GapCause.NOT_LINKED}


_OWN_PATH = "/base/Patient/9990000018/RelatedPerson"


@pytest.mark.parametrize(
    ("following", "followed"),
    [
        (f"{_OWN_PATH}?page=2", True),
        ("/base/Patient/x/RelatedPerson?page=2", True),
        ("/base/Patient/x/RelatedPerson?patient=9990000018", False),
        ("/base/Patient/x/RelatedPerson?patient=%39990000018", False),
        ("/base/Patient/x/RelatedPerson?patient=%2539990000018", False),
        ("/base/Patient/x/RelatedPerson?patient=999+000+0018", False),
        ("/base/Patient/x/RelatedPerson?patient=9990000026", False),
        ("/base/pages/9990000018?page=2", False),
        ("/base/pages/999-000-0026", False),
        (f"{_OWN_PATH}?patient=9990000018", False),
    ],
)
def test_a_next_page_names_the_resident_nowhere_but_in_the_path_that_was_asked(following: str, followed: bool) -> None:
    def answer(request: Request) -> Reply:
        if request.path == "/base/Patient/9990000018":
            return as_json(person(ADA), media=FHIR)
        more = {} if "page=2" in request.target else {"link": [{"relation": "next", "url": following}]}
        return as_json(page([RELATIVE], **more), media=FHIR)

    known = replace(ASKED_FOR, former_numbers=frozenset({RENUMBERED}))
    found, requests = ask("pds-fhir", answer, ALL, resident=known)
    assert (len(requests) == 3) is followed
    assert [g.cause for g in found.gaps] == ([] if followed else [GapCause.FAULT])


# ---- how often it is asked ----------------------------------------------------------------------------------------


def test_a_budget_gives_each_its_turn_and_tells_the_one_that_would_wait_too_long() -> None:
    at: list[float] = [100.0]

    async def asked() -> list[GapCause | None]:
        budget = Budget(5, window=0.02, clock=lambda: at[0])
        given: list[GapCause | None] = []
        for patience in (0, 0, 0, 0, 0, 0.01, 0.02):
            try:
                await budget.turn(patience=patience)
                given.append(None)
            except Unanswered as error:
                given.append(error.cause)
        at[0] += 0.05
        await budget.turn(patience=0)
        return given

    assert asyncio.run(asked()) == [None] * 5 + [GapCause.BUSY, None]


def test_one_beyond_the_budget_is_a_stated_gap() -> None:
    def use(system: Any) -> Any:
        async def twice() -> list[Any]:
            return [await system.fetch(ASKED_FOR, frozenset({Section.DEMOGRAPHICS})) for _ in range(2)]

        return twice()

    configured = {"per_second": 1, "answer_within_ms": 50}
    (first, second), requests = having("pds-fhir", register(person(ADA)), use, **configured)
    assert first.entries
    assert [gap.cause for gap in second.gaps] == [GapCause.BUSY]
    assert len(requests) == 1


# ---- tracing ------------------------------------------------------------------------------------------------------

SOUGHT = Sought(ADA.nhs_number, ADA.born_on, "Ada", "Bright")
BY_NAME = Sought(None, ADA.born_on, "Ada", "Bright", "ZZ9 9AA")


def trace(answer: Any, sought: Sought) -> tuple[Traced, list[Request]]:
    return having("pds-fhir", answer, lambda system: system.trace(sought))


def test_it_is_a_national_register_and_a_fhir_server_is_not() -> None:
    async def kind(system: Any) -> bool:
        return isinstance(system, NationalRegister)

    assert having("pds-fhir", register(person(ADA)), kind)[0]


@pytest.mark.parametrize("code", ["U", "R", "V"])
def test_tracing_says_the_number_in_use_the_flag_and_a_death(code: str) -> None:
    patient = person(NOW_KNOWN_AS, deceasedDateTime="2026-01-05T00:00:00+00:00", **labelled(code))
    traced, _ = trace(register(patient), SOUGHT)
    assert traced == Traced(nhs_number=RENUMBERED, sensitive=code != "U", died_on=date(2026, 1, 5))
    assert RENUMBERED not in repr(traced)


@pytest.mark.parametrize(
    ("family", "given", "same"),
    [
        ("BRIGHT", ["ada", "Mary"], True),
        ("Bríght ", ["Ada"], True),
        ("Bright", ["Tom"], False),
        ("Blunt", ["Ada"], False),
        ("", [], False),
    ],
)
def test_another_number_is_taken_only_where_the_whole_name_agrees(family: str, given: list[str], same: bool) -> None:
    names = [{"use": "old", "family": "Blunt", "given": ["Tom"]}, {"family": family, "given": given}]
    traced, _ = trace(register(person(NOW_KNOWN_AS, name=names)), SOUGHT)
    assert traced.nhs_number == (RENUMBERED if same else "")
    assert traced.cause is (None if same else GapCause.WRONG_PERSON)


def test_a_name_that_changed_under_the_same_number_is_the_same_person() -> None:
    traced, _ = trace(register(person(ADA, name=[{"family": "Vale", "given": ["Ada"]}])), SOUGHT)
    assert traced.nhs_number == ADA.nhs_number


def test_nobody_without_a_name_here_is_given_another_number() -> None:
    nameless = replace(SOUGHT, family_name="", given_name="")
    traced, _ = trace(register(person(NOW_KNOWN_AS, name=[{"family": "", "given": [""]}])), nameless)
    assert traced.cause is GapCause.WRONG_PERSON


def test_tracing_somebody_else_learns_nothing() -> None:
    traced, _ = trace(register(person(STRANGER)), SOUGHT)
    assert (traced.cause, traced.nhs_number) == (GapCause.WRONG_PERSON, "")


def found(*patients: dict[str, Any], score: Any = 1, **more: Any) -> Any:
    entries = [{"resource": each, "search": {"score": score}} for each in patients]
    return lambda request: as_json(
        {"resourceType": "Bundle", "type": "searchset", "entry": entries, **more}, media=FHIR
    )


def test_one_exact_match_is_somebody_without_a_number_here() -> None:
    traced, (request,) = trace(found(person(ADA), total=1), BY_NAME)
    assert traced.nhs_number == ADA.nhs_number
    assert request.all("address-postcode") == ["ZZ9 9AA"]
    assert request.all("_max-results") == ["1"]


@pytest.mark.parametrize(
    "answer",
    [
        found(),
        found(person(ADA), person(NOW_KNOWN_AS)),
        found(person(ADA), total=2),
        found(person(ADA), score=0.98),
        found(person(ADA), score=True),
        found(person(ADA), score=None),
        found(person(ADA, birthDate="1964-03-15")),
        found(person(ADA, name=[{"family": "Brigt", "given": ["Ada"]}])),
        found(person(ADA, name=[{"family": "Bright", "given": ["Adah"]}])),
        lambda request: refused("TOO_MANY_MATCHES", status=200),
    ],
)
def test_whatever_is_not_certain_is_no_match(answer: Any) -> None:
    traced, _ = trace(answer, BY_NAME)
    assert traced.cause is not None
    assert traced.nhs_number == ""


def test_nobody_is_searched_for_by_name_alone_or_for_a_view() -> None:
    traced, requests = trace(found(person(ADA)), replace(BY_NAME, postcode=""))
    assert traced.cause is GapCause.NOT_LINKED
    assert requests == []
    answer, requests = ask("pds-fhir", found(person(ADA)), ALL, resident=replace(ASKED_FOR, nhs_number=None))
    assert {gap.cause for gap in answer.gaps} == {GapCause.NOT_LINKED}
    assert requests == []
