"""The services directory: the endpoints Open Referral UK requires, its page wrapper, and its filters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.partners.directory import DirectoryServer
from sandbox.partners.faults import FaultBoard, control
from sandbox.partners.process import new_app
from tests.sandbox.partners.partner import Partner, serving

WRAPPER = {"total_items", "total_pages", "page_number", "size", "first_page", "last_page", "empty", "contents"}


def _service(number: int, taxonomy: str) -> dict[str, Any]:
    return {
        "id": f"s{number}",
        "name": f"Service {number}",
        "last_modified": f"2026-01-{number + 1:02d}T10:00:00+00:00",
        "organization": {"id": "lantern" if number < 3 else "larder"},
        "attributes": [{"taxonomy_term": {"id": f"term-{number % 2}", "taxonomy_detail": {"id": taxonomy}}}],
    }


LISTINGS = {
    "services": [_service(n, "needs" if n < 4 else "ages") for n in range(7)],
    "taxonomies": [{"id": "needs", "name": "Needs"}, {"id": "ages", "name": "Ages"}],
    "service_at_locations": [{"id": f"at{n}", "service_id": f"s{n}"} for n in range(7)],
    "organizations": [{"id": "lantern"}],
}


@pytest.fixture
def directory() -> Iterator[Partner]:
    app, board = new_app(), FaultBoard()
    control(app, board, {"marlowe-directory": "open-referral-uk"})
    DirectoryServer("marlowe-directory", LISTINGS, base="", board=board).add_to(app)
    with serving(app, base="") as partner:
        yield partner


def _ids(answer: Any) -> list[str]:
    return [item["id"] for item in answer.json["contents"]]


def test_the_root_says_which_standard_it_speaks(directory: Partner) -> None:
    answer = directory.get("/")
    assert set(answer.json) == {"version", "profile", "openapi_url"}
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("endpoint", ["services", "taxonomies", "service_at_locations", "organizations"])
def test_each_list_is_served_whole_and_one_by_one(directory: Partner, endpoint: str) -> None:
    answer = directory.get(f"/{endpoint}")
    assert set(answer.json) == WRAPPER
    assert answer.json["contents"] == LISTINGS[endpoint]
    first = LISTINGS[endpoint][0]
    assert directory.get(f"/{endpoint}/{first['id']}").json == first
    assert directory.get(f"/{endpoint}/nothing").status == 404


def test_a_list_it_was_not_given_is_not_there_but_a_required_one_is_empty() -> None:
    app, board = new_app(), FaultBoard()
    DirectoryServer("bare", {}, base="", board=board).add_to(app)
    with serving(app, base="") as bare:
        assert bare.get("/organizations").status == 404
        wrapper = bare.get("/services").json
    assert (wrapper["empty"], wrapper["total_pages"], wrapper["first_page"], wrapper["last_page"]) == (
        True,
        0,
        True,
        True,
    )


@pytest.mark.parametrize("size", [1, 3, 7, 50])
def test_the_pages_together_are_the_whole_list(directory: Partner, size: int) -> None:
    seen: list[str] = []
    for number in range(1, 20):
        page = directory.get("/services", {"page": str(number), "per_page": str(size)})
        seen += _ids(page)
        assert page.json["first_page"] == (number == 1)
        assert page.json["total_items"] == 7
        if page.json["last_page"]:
            break
    assert seen == [service["id"] for service in LISTINGS["services"]]
    assert page.json["total_pages"] == number


def test_a_page_past_the_last_is_empty(directory: Partner) -> None:
    page = directory.get("/services", {"page": "9"}).json
    assert (page["empty"], page["size"], page["contents"], page["last_page"]) == (True, 0, [], True)


@pytest.mark.parametrize(
    "query", [{"page": "0"}, {"page": "-1"}, {"per_page": "x"}, {"modified_after": "soon"}], ids=str
)
def test_a_filter_that_makes_no_sense_is_refused(directory: Partner, query: dict[str, str]) -> None:
    assert directory.get("/services", query).status == 400


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"taxonomy_id": "needs"}, [0, 1, 2, 3]),
        ({"taxonomy_id": "none"}, []),
        ({"taxonomy_term_id": "term-1"}, [1, 3, 5]),
        ({"organization_id": "larder"}, [3, 4, 5, 6]),
        ({"modified_after": "2026-01-05"}, [5, 6]),
        ({"modified_after": "2026-01-05T09:00:00Z"}, [4, 5, 6]),
        ({"taxonomy_id": "needs", "organization_id": "larder"}, [3]),
    ],
    ids=str,
)
def test_filters_are_and_ed_for_services_and_where_they_are(
    directory: Partner, query: dict[str, str], expected: list[int]
) -> None:
    assert _ids(directory.get("/services", query)) == [f"s{n}" for n in expected]
    assert _ids(directory.get("/service_at_locations", query)) == [f"at{n}" for n in expected]


def test_a_directory_can_be_made_to_fail_too(directory: Partner) -> None:
    fault = {"source": "marlowe-directory", "status": 503}
    directory.control.post_json("/faults", fault, kind="application/json")
    assert directory.get("/services").status == 503
    directory.control.ask("DELETE", "/faults")
    assert directory.get("/services").status == 200
