"""Paging: nothing is lost or given twice, and no address of a further page says who was asked about."""

from __future__ import annotations

import pytest

from sandbox.partners import paging
from tests.sandbox.partners.partner import NUMBERS, PER_RESIDENT, Answer, Partner


def _all_pages(partner: Partner, first: Answer) -> list[Answer]:
    pages = [first]
    while (following := pages[-1].link("next")) is not None:
        pages.append(partner.ask("GET", following))
        assert len(pages) < 50
    return pages


@pytest.mark.parametrize("count", [1, 2, 3, 6, 7, 100])
def test_every_match_is_on_exactly_one_page(practice: Partner, count: int) -> None:
    first = practice.post_form("/Observation/_search", {"patient": "p0", "_count": str(count)})
    pages = _all_pages(practice, first)
    assert [id for page in pages for id in page.ids()] == [f"p0-o{n}" for n in range(PER_RESIDENT)]
    assert len(pages) == -(-PER_RESIDENT // count)
    assert {page.json["total"] for page in pages} == {PER_RESIDENT}
    assert all(len(page.ids()) <= count for page in pages)


def test_each_page_brings_what_its_own_matches_bring(practice: Partner) -> None:
    first = practice.get("/Patient", {"_count": "1", "_revinclude": "Observation:patient", "birthdate": "ge1900"})
    pages = _all_pages(practice, first)
    assert [page.ids("match") for page in pages] == [["p0"], ["p1"], ["p2"]]
    assert all(len(page.ids("include")) == PER_RESIDENT for page in pages)


def test_no_further_page_has_an_identifier_in_its_address(practice: Partner) -> None:
    search = [("patient.identifier", NUMBERS[0]), ("_count", "2")]
    following = practice.post_form("/Observation/_search", search).link("next")
    assert following is not None
    assert NUMBERS[0] not in following
    assert "p0" not in following


def test_a_page_may_be_fetched_again(practice: Partner) -> None:
    following = practice.get("/Observation", {"patient": "p0", "_count": "2"}).link("next") or ""
    once, twice = practice.ask("GET", following), practice.ask("GET", following)
    assert once.ids() == twice.ids() == ["p0-o2", "p0-o3"]


def test_a_page_no_longer_kept_is_gone(practice: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MOST_KEPT", 1)
    oldest = practice.get("/Observation", {"patient": "p0", "_count": "2"}).link("next") or ""
    practice.get("/Observation", {"patient": "p1", "_count": "2"})
    answer = practice.ask("GET", oldest)
    assert (answer.status, answer.issue) == (410, "expired")


def test_a_page_of_one_type_is_not_had_through_another(practice: Partner) -> None:
    following = practice.get("/Observation", {"patient": "p0", "_count": "2"}).link("next") or ""
    assert practice.ask("GET", following.replace("/Observation?", "/Condition?")).status == 410


def test_a_count_of_nought_counts_only(practice: Partner) -> None:
    answer = practice.get("/Observation", {"patient": "p0", "_count": "0"})
    assert answer.json["total"] == PER_RESIDENT
    assert answer.link("next") is None
    assert "entry" not in answer.json


@pytest.mark.parametrize("count", ["-1", "many", "1.5", "99999999999"])
def test_a_count_that_is_no_number_is_refused(practice: Partner, count: str) -> None:
    answer = practice.get("/Observation", {"patient": "p0", "_count": count})
    assert (answer.status, answer.issue) == (400, "value")


def test_everything_about_one_patient_comes_page_by_page(practice: Partner) -> None:
    first = practice.get("/Patient/p0/$everything", {"_count": "4"})
    ids = [id for page in _all_pages(practice, first) for id in page.ids()]
    assert ids == ["p0", "p0-a", *(f"p0-o{n}" for n in range(PER_RESIDENT))]
    assert practice.get("/Patient/p9/$everything").issue == "not-found"
