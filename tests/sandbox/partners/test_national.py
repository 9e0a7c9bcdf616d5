"""The sandbox's national services, and the broker's adapters against them: a number superseded, a flag, a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientSession, web

from adapters import Egress, Http, build
from broker.records.source import Asker, ResidentIdentity, Sought
from broker.vocabulary import GapCause, Purpose, Role, Section
from sandbox.neighbourhood.named import ADA, DANIEL, GRACE, SAMUEL
from sandbox.neighbourhood.place import Place
from sandbox.partners.national import FLAGS, NRL, PDS, NationalServer
from sandbox.partners.process import new_app

PLACE = Place(1, 60)
ASKER = Asker("XX9T01", Role.CLINICIAN, Purpose.DIRECT_CARE, "5f0c7f5e-0000-4000-8000-000000000001")
HEADERS = {"X-Request-ID": "5f0c7f5e-0000-4000-8000-000000000002", "NHSD-End-User-Organisation-ODS": "XX9T01"}


def resident(index: int) -> ResidentIdentity:
    person = PLACE.person(index)
    return ResidentIdentity(person.nhs_number, person.born_on, asked_by=ASKER)


def serving(use: Callable[[str], Any], **options: Any) -> Any:
    async def run() -> Any:
        app = new_app()
        NationalServer(PLACE, **options).add_to(app)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            return await use(f"http://127.0.0.1:{runner.addresses[0][1]}")
        finally:
            await runner.cleanup()

    return asyncio.run(run())


def asked(kind: str, path: str, use: Callable[[Any], Any], *, most: int = 1000, **configured: str) -> Any:
    """What an adapter of this kind answers, of services that allow ``most`` requests a second."""

    async def through(origin: str) -> Any:
        http = Http(egress=Egress([origin.partition("//")[2]]))
        settings = {name: value.replace("{origin}", origin) for name, value in configured.items()}
        about = {"id": "national", "label": "National", "kind": kind, "organisation": "XX9T01"}
        configuration = {"base_url": f"{origin}{path}", "per_second": 1000, **settings}
        system = build({**about, "configuration": configuration}, http=http, secret=lambda name: "")
        try:
            return await use(system)
        finally:
            await http.close()

    return serving(through, per_second=most)


def fetched(kind: str, path: str, index: int, *sections: Section, **more: Any) -> Any:
    return asked(kind, path, lambda system: system.fetch(resident(index), frozenset(sections)), **more)


def test_somebody_ordinary_is_read_whole() -> None:
    answer = fetched("pds-fhir", PDS, ADA, Section.DEMOGRAPHICS, Section.GP_PRACTICE, Section.CONTACTS)
    assert not answer.gaps
    assert {e.section for e in answer.entries} == {Section.DEMOGRAPHICS, Section.GP_PRACTICE, Section.CONTACTS}
    assert PLACE.person(ADA).postcode in repr(answer.entries)


def test_somebody_flagged_is_read_without_where_they_are() -> None:
    person = PLACE.person(GRACE)
    answer = fetched("pds-fhir", PDS, GRACE, Section.DEMOGRAPHICS, Section.GP_PRACTICE)
    assert [e.title for e in answer.entries] == [person.name]
    assert person.postcode not in repr(answer.entries)


def test_a_superseded_number_is_not_shown_until_tracing_learns_of_it() -> None:
    server = NationalServer(PLACE)
    person, only = PLACE.person(DANIEL), frozenset({Section.DEMOGRAPHICS})
    answer = fetched("pds-fhir", PDS, DANIEL, Section.DEMOGRAPHICS)
    assert [gap.cause for gap in answer.gaps] == [GapCause.WRONG_PERSON]
    assert person.nhs_number is not None
    since = replace(resident(DANIEL), nhs_number=server.superseded_by, former_numbers=frozenset({person.nhs_number}))
    answer = asked("pds-fhir", PDS, lambda system: system.fetch(since, only))
    assert [e.title for e in answer.entries] == [person.name]
    sought = Sought(person.nhs_number, person.born_on, person.given_name, person.family_name)
    traced = asked("pds-fhir", PDS, lambda system: system.trace(sought))
    assert traced.nhs_number == server.superseded_by != person.nhs_number
    by_name = replace(sought, nhs_number=None, postcode=person.postcode)
    assert asked("pds-fhir", PDS, lambda system: system.trace(by_name)).nhs_number == server.superseded_by
    flagged = PLACE.person(GRACE)
    sought = Sought(flagged.nhs_number, flagged.born_on, flagged.given_name, flagged.family_name)
    assert asked("pds-fhir", PDS, lambda system: system.trace(sought)).sensitive


def test_a_number_nobody_has_is_not_known() -> None:
    nobody = replace(resident(ADA), nhs_number=PLACE.nhs_number_of(700_000))
    answer = asked("pds-fhir", PDS, lambda system: system.fetch(nobody, frozenset({Section.DEMOGRAPHICS})))
    assert [gap.cause for gap in answer.gaps] == [GapCause.NOT_LINKED]


def test_more_than_five_in_a_second_are_refused_and_the_brokers_own_budget_keeps_below_it() -> None:
    async def six(system: Any) -> list[Any]:
        one = resident(ADA)
        return [await system.fetch(one, frozenset({Section.DEMOGRAPHICS})) for _ in range(6)]

    answers = asked("pds-fhir", PDS, six, most=5)
    assert [bool(answer.entries) for answer in answers] == [True] * 5 + [False]
    assert [gap.cause for gap in answers[5].gaps] == [GapCause.BUSY]


@pytest.mark.slow
def test_at_the_pace_it_allows_nobody_is_refused() -> None:
    async def seven(system: Any) -> list[Any]:
        one = resident(ADA)
        return [await system.fetch(one, frozenset({Section.DEMOGRAPHICS})) for _ in range(7)]

    answers = asked("pds-fhir", PDS, seven, most=5, per_second="5")
    assert all(answer.entries for answer in answers)


def test_pointers_and_the_documents_behind_them() -> None:
    births = {"pds_base_url": f"{{origin}}{PDS}"}
    answer = fetched("nrl", NRL, SAMUEL, Section.CONTINGENCY, **births)
    assert [e.title for e in answer.entries] == ["ReSPECT form"]
    both = (Section.CONTINGENCY, Section.CARE_PLAN)
    answer = fetched("nrl", NRL, SAMUEL, *both, **births, fetch_documents="yes")
    assert not answer.gaps
    assert "What matters to Samuel" in repr(answer.entries)


def test_adjustments_say_who_agreed() -> None:
    births = {"pds_base_url": f"{{origin}}{PDS}"}
    answer = fetched("patient-flags", FLAGS, ADA, Section.INDIVIDUAL_REQUIREMENTS, **births)
    assert "Hearing impairment" in {e.title for e in answer.entries}
    assert {dict(e.details)["Agreed by"] for e in answer.entries} == {"the person themselves"}


@pytest.mark.parametrize(("kind", "path"), [("pds-fhir", PDS), ("nrl", NRL), ("patient-flags", FLAGS)])
def test_each_service_passes_its_check(kind: str, path: str) -> None:
    assert asked(kind, path, lambda system: system.check()).ok


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        (f"{PDS}/Patient/{PLACE.nhs_number_of(ADA)}", {}, 400, "MISSING_VALUE"),
        (f"{PDS}/Patient/{PLACE.nhs_number_of(ADA)}", {**HEADERS, "X-Request-ID": "1"}, 400, "INVALID_VALUE"),
        (f"{PDS}/Patient/9990000019", HEADERS, 400, "INVALID_RESOURCE_ID"),
        (f"{PDS}/Patient", HEADERS, 400, "MISSING_VALUE"),
        (f"{FLAGS}/Flag", HEADERS, 400, "MISSING_VALUE"),
    ],
)
def test_what_a_client_must_send_is_asked_for(path: str, headers: dict[str, str], status: int, code: str) -> None:
    async def asking(origin: str) -> tuple[int, Any]:
        async with ClientSession() as client, client.get(f"{origin}{path}", headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    got, outcome = serving(asking)
    assert got == status
    assert outcome["issue"][0]["details"]["coding"][0]["code"] == code
