"""A directory of services: what is shown of each, and that it is bounded."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from adapters import Egress, Http, build
from broker.records.source import SourceAnswer
from broker.vocabulary import GapCause, Section
from tests.adapters.conformance.asking import described, no_secret
from tests.adapters.conformance.worlds import ADA, STRANGER
from tests.adapters.listener import Listener, Request, as_json

SIGNPOSTING = frozenset({Section.SIGNPOSTING})
DEBT_ADVICE = {
    "id": "s1",
    "name": "Debt advice",
    "status": "active",
    "organization": {"id": "o1", "name": "Lantern Row"},
    "description": "Help to make sense of debts",
    "url": "https://lantern.example",
    "email": "hello@lantern.example",
    "fees_description": "Free",
    "phones": [{"number": "020 7946 0166"}, {"number": "020 7946 0166"}],
    "languages": [{"name": "English"}, {"name": "Bengali"}],
    "eligibility": [{"eligibility_type": "family"}],
    "attributes": [{"taxonomy_term": {"taxonomy": "urn:t", "code": "debt", "name": "Debt"}}],
    "last_modified": "2026-10-01T10:00:00Z",
}


def page(services: list[Any], **more: Any) -> dict[str, Any]:
    return {"total_items": len(services), "total_pages": 1, "last_page": True, "contents": services, **more}


def ask(document: Any, **configured: Any) -> tuple[SourceAnswer, list[Request]]:
    async def run() -> tuple[SourceAnswer, list[Request]]:
        async with Listener(lambda request: as_json(document)) as source:
            client = Http(egress=Egress([source.place]))
            configuration = {"base_url": source.url, **configured}
            system = build(described("open-referral-uk", configuration), http=client, secret=no_secret)
            answer = await system.fetch(ADA, SIGNPOSTING)
            await client.close()
            return answer, source.requests

    return asyncio.run(run())


def test_a_service_is_shown_as_a_person_would_look_for_it() -> None:
    answer, _ = ask(page([DEBT_ADVICE]))
    (entry,) = answer.entries
    assert (entry.id, entry.title, entry.provenance.organisation) == ("service/s1", "Debt advice", "Lantern Row")
    assert dict(entry.details) == {
        "Run by": "Lantern Row",
        "What it offers": "Help to make sense of debts",
        "Who it is for": "family",
        "Cost": "Free",
        "Telephone": "020 7946 0166",
        "Email": "hello@lantern.example",
        "Website": "https://lantern.example",
        "Languages": "English; Bengali",
    }
    assert entry.codes[0].code == "debt"
    assert str(entry.at) == "2026-10-01"


def test_a_service_that_is_no_longer_run_is_left_out() -> None:
    answer, _ = ask(page([DEBT_ADVICE, {**DEBT_ADVICE, "id": "s2", "status": "defunct"}]))
    assert len(answer.entries) == 1


def test_the_older_profile_is_read_too() -> None:
    answer, _ = ask({"totalElements": 1, "last_page": True, "content": [DEBT_ADVICE]})
    assert len(answer.entries) == 1


def test_a_directory_longer_than_is_read_says_so() -> None:
    answer, requests = ask(page([DEBT_ADVICE], last_page=False, total_pages=99), most_pages=3)
    assert len(requests) == 3
    assert [gap.cause for gap in answer.gaps] == [GapCause.TOO_LARGE]
    assert answer.entries


def test_a_directory_that_counts_more_than_it_sends_says_so() -> None:
    answer, _ = ask(page([DEBT_ADVICE], total_items=5))
    assert [gap.cause for gap in answer.gaps] == [GapCause.FAULT]


def test_a_configured_taxonomy_narrows_what_is_asked_for() -> None:
    _, requests = ask(page([]), taxonomy_id="debt")
    assert requests[0].all("taxonomy_id") == ["debt"]


def test_everybody_is_answered_alike() -> None:
    async def both() -> None:
        async with Listener(lambda request: as_json(page([DEBT_ADVICE]))) as source:
            client = Http(egress=Egress([source.place]))
            configuration = {"base_url": source.url}
            system = build(described("open-referral-uk", configuration), http=client, secret=no_secret)
            await system.fetch(ADA, SIGNPOSTING)
            await system.fetch(STRANGER, SIGNPOSTING)
            await client.close()
            first, second = source.requests
            assert (first.target, first.body, first.headers) == (second.target, second.body, second.headers)

    asyncio.run(both())


@pytest.mark.parametrize("field", ["phones", "languages", "organization", "attributes", "last_modified", "description"])
@pytest.mark.parametrize("rubbish", [7, "x", [7], {"a": 1}, None])
def test_rubbish_in_a_service_ends_no_fetch(field: str, rubbish: Any) -> None:
    answer, _ = ask(page([{**DEBT_ADVICE, field: rubbish}, {**DEBT_ADVICE, "id": "s2"}]))
    assert "service/s2" in {entry.id for entry in answer.entries}
    assert len(answer.entries) + sum(answer.not_understood.values()) == 2
