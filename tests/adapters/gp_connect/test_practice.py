"""A practice of the sandbox, asked over the wire: the adapter and the partner speak the same protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from adapters import Egress, Http, build
from broker.records.source import ResidentIdentity, SourceAnswer
from broker.vocabulary import GapCause, Section, Sensitivity
from sandbox.neighbourhood import cast
from sandbox.neighbourhood.named import ADA, BETH, GRACE, IMANI
from sandbox.neighbourhood.place import Place
from sandbox.partners.gp_connect import BASE, GpConnectServer
from tests.adapters.conformance.asking import described, no_secret
from tests.adapters.conformance.worlds import CARE

PLACE = Place(1, 60)


def identity(index: int) -> ResidentIdentity:
    person = PLACE.person(index)
    return ResidentIdentity(person.nhs_number, person.born_on, asked_by=CARE)


def served(use: Callable[[str], Any], practice: str = cast.LOCK_KEEPERS.code, **options: Any) -> Any:
    """What ``use`` makes of the address of a practice that is served for as long as it takes."""

    async def run() -> Any:
        app = web.Application()
        GpConnectServer(PLACE, practice, **options).add_to(app)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            return await use(f"http://127.0.0.1:{runner.addresses[0][1]}")
        finally:
            await runner.cleanup()

    return asyncio.run(run())


def record(index: int, practice: str = cast.LOCK_KEEPERS.code, **options: Any) -> SourceAnswer:
    async def ask(address: str) -> SourceAnswer:
        client = Http(egress=Egress([address.removeprefix("http://")]))
        configuration = {"base_url": address + BASE, "from_asid": "1", "to_asid": "2"}
        system = build(described("gp-connect-structured", configuration), http=client, secret=no_secret)
        assert (await system.check()).ok
        answer = await system.fetch(identity(index), system.sections)
        await client.close()
        return answer

    return served(ask, practice, **options)  # type: ignore[no-any-return]


def test_a_residents_record_at_a_practice_is_read_whole() -> None:
    answer = record(ADA)
    assert not answer.gaps
    assert not answer.not_understood
    titles = {entry.title for entry in answer.entries}
    assert {"Ada Bright", "Lock Keepers Surgery", "Diabetes mellitus type 2", "Metformin 500mg tablets"} <= titles
    assert {entry.section for entry in answer.entries} >= {
        *(Section.ALLERGIES, Section.MEDICATIONS, Section.PROBLEMS, Section.PROFESSIONAL_CONTACTS),
        *(Section.RESULTS, Section.OBSERVATIONS, Section.SOCIAL_CONTEXT, Section.DEMOGRAPHICS, Section.GP_PRACTICE),
    }
    ids = [entry.id for entry in answer.entries]
    assert len(ids) == len(set(ids))
    metformin = next(entry for entry in answer.entries if entry.title == "Metformin 500mg tablets")
    assert dict(metformin.details)["Kind of prescription"] == "Repeat"


def test_what_the_practice_labels_arrives_labelled() -> None:
    entries = record(ADA).entries
    labels = {entry.title: entry.stated_labels for entry in entries}
    assert labels["Alcohol dependence"] == {Sensitivity.ALCOHOL}
    assert labels["Diabetes mellitus type 2"] == frozenset()
    (told,) = (entry for entry in entries if "drinks heavily" in str(entry.details))
    assert Sensitivity.THIRD_PARTY in told.stated_labels


def test_what_is_linked_is_there_or_was_never_an_entry() -> None:
    entries = record(ADA).entries
    linked = {each for entry in entries for each in entry.linked}
    assert linked
    assert linked <= {entry.id for entry in entries}


def test_a_person_for_whom_something_is_kept_back_is_answered_with_a_warning() -> None:
    answer = record(BETH)
    assert {gap.cause for gap in answer.gaps} == {GapCause.REFUSED}
    assert Section.PROBLEMS in {gap.section for gap in answer.gaps}
    assert not any("Termination" in entry.title for entry in answer.entries)


def test_a_sensitive_person_and_one_who_is_registered_elsewhere_are_both_not_known() -> None:
    hidden = record(GRACE, cast.HILLTOP_PRACTICE.code)
    elsewhere = record(GRACE, cast.LOCK_KEEPERS.code, sensitive=())
    assert repr(hidden) == repr(elsewhere)
    assert {gap.cause for gap in hidden.gaps} == {GapCause.NOT_LINKED}
    assert record(GRACE, cast.HILLTOP_PRACTICE.code, sensitive=()).entries


def test_a_person_who_said_no_at_the_practice_is_refused() -> None:
    assert {gap.cause for gap in record(IMANI, dissents={IMANI}).gaps} == {GapCause.REFUSED}
    assert not record(IMANI).gaps


def test_parts_that_are_switched_off_are_stated_and_the_rest_is_read() -> None:
    answer = record(ADA, off=["includeReferrals", "includeMedication"])
    assert {gap.section for gap in answer.gaps} == {Section.REFERRALS, Section.MEDICATIONS}
    assert any(entry.section is Section.PROBLEMS for entry in answer.entries)
    assert not any(entry.section is Section.MEDICATIONS and entry.id.startswith("Med") for entry in answer.entries)


_HEADERS = {
    "Content-Type": "application/fhir+json",
    "Ssp-TraceID": "8c2b7b1e-3b52-4f9c-9d6e-6a3f2c1d0e9f",
    "Ssp-From": "1",
    "Ssp-To": "2",
    "Ssp-InteractionID": "urn:nhs:names:services:gpconnect:fhir:operation:gpc.getstructuredrecord-1",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Ssp-TraceID", "one"),
        ("Ssp-From", ""),
        ("Ssp-InteractionID", "urn:another"),
        ("Content-Type", "application/json"),
        ("Authorization", "Bearer a.b.c"),
        ("Authorization", "Basic x"),
    ],
)
def test_the_practice_refuses_a_request_that_does_not_say_who_asks(name: str, value: str) -> None:
    async def ask(address: str) -> int:
        async with aiohttp.ClientSession() as session:
            body = json.dumps({"resourceType": "Parameters", "parameter": []})
            url = f"{address}{BASE}/Patient/$gpc.getstructuredrecord"
            async with session.post(url, data=body, headers={**_HEADERS, name: value}) as response:
                assert "OperationOutcome" in await response.text()
                return response.status

    assert served(ask) in (400, 415)


def test_somebody_else_in_the_practices_answer_is_never_read() -> None:
    other = replace(identity(ADA), born_on=PLACE.person(GRACE).born_on)

    async def ask(address: str) -> SourceAnswer:
        client = Http(egress=Egress([address.removeprefix("http://")]))
        configuration = {"base_url": address + BASE, "from_asid": "1", "to_asid": "2"}
        system = build(described("gp-connect-structured", configuration), http=client, secret=no_secret)
        answer = await system.fetch(other, system.sections)
        await client.close()
        return answer

    answer = served(ask)
    assert not answer.entries
    assert {gap.cause for gap in answer.gaps} == {GapCause.WRONG_PERSON}
