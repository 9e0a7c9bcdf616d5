"""Every error is a page in words: a refusal says what it is, a fault gives a reference and nothing else."""

from __future__ import annotations

import re
from typing import Any

import pytest

from broker.errors import Conflict, InvalidInput, NotAuthenticated, NotFound, NotPermitted, TooMany, TrailUnavailable
from tests.web.conftest import Door, Visitor


def _raising(door: Door, error: Exception) -> None:
    def broken(**_: Any) -> None:
        raise error

    door.app.view_functions["partner.home"] = broken  # type: ignore[assignment]


def test_an_address_that_nothing_serves_is_a_page(visitor: Visitor) -> None:
    answer = visitor.get("/nowhere")
    assert answer.status_code == 404
    assert answer.mimetype == "text/html"
    assert '<h1 class="nhsuk-heading-l">Page not found</h1>' in answer.text


def test_the_wrong_method_is_a_page_that_says_what_is_allowed(visitor: Visitor) -> None:
    answer = visitor.client.delete("/")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (InvalidInput("a", "Words for a person."), 422),
        (NotAuthenticated("a", "Words for a person."), 401),
        (NotPermitted("a", "Words for a person."), 403),
        (Conflict("a", "Words for a person."), 409),
        (TooMany("a", "Words for a person.", retry_after=60), 429),
    ],
)
def test_a_refusal_has_its_status_and_its_words(door: Door, visitor: Visitor, refusal: Any, status: int) -> None:
    _raising(door, refusal)
    answer = visitor.get("/partner")
    assert answer.status_code == status
    assert "Words for a person." in answer.text
    assert answer.headers.get("Retry-After") == ("60" if status == 429 else None)


def test_what_is_not_there_never_says_more(door: Door, visitor: Visitor) -> None:
    _raising(door, NotFound("resident-unknown", "Somebody else has this handle."))
    assert "Somebody else" not in visitor.get("/partner").text


@pytest.mark.parametrize(("fault", "status"), [(TrailUnavailable("disk full"), 503), (ValueError("9990000018"), 500)])
def test_a_fault_gives_a_reference_and_no_cause(
    door: Door, visitor: Visitor, capfd: pytest.CaptureFixture[str], fault: Exception, status: int
) -> None:
    _raising(door, fault)
    answer = visitor.get("/partner")
    assert answer.status_code == status
    assert "Sorry, something went wrong" in answer.text
    assert "Traceback" not in answer.text
    assert str(fault) not in answer.text
    reference = re.search(r"<strong>([0-9a-f]{12})</strong>", answer.text)
    assert reference is not None
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_body_that_is_too_large_is_refused(visitor: Visitor) -> None:
    answer = visitor.client.post("/demo/sign-in", data={"who": "x" * (2 * 1024 * 1024)})
    assert answer.status_code == 413
    assert "The most that can be sent from a page is 1 MB. Your operator can bring in a larger file" in answer.text
