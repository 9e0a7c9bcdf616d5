"""Pairing, from both sides: a code on one screen, typed on another, and who used it."""

from __future__ import annotations

import re
from datetime import timedelta
from xml.etree import ElementTree

import pytest
import segno

from broker.vocabulary import AuditAction
from broker.web.resident.pairing import picture
from tests.people import ADA_BORN, ADA_NUMBER
from tests.web.conftest import TOKEN, Door, Visitor

CODE = re.compile(r'<p class="broker-code" aria-label="[^"]*">([A-Z0-9]{4}-[A-Z0-9]{4})</p>')


def new_code(ada: Visitor) -> str:
    answer = ada.send("/my/pairing")
    assert answer.status_code == 200
    found = CODE.search(answer.text)
    assert found is not None
    return found[1]


def test_a_code_leads_a_worker_to_the_page_that_looking_leads_to(door: Door, ada: Visitor, adviser: Visitor) -> None:
    answer = adviser.send("/partner/pair", code=new_code(ada))
    assert answer.status_code == 303
    assert answer.headers["Location"] == adviser.find(ADA_NUMBER, ADA_BORN)
    assert "Harvest Shelf, on 20 November 2026 at 12:00pm" in ada.get("/my/pairing").text
    assert "Used your pairing code" in ada.get("/my/activity").text
    [entry] = door.trail(AuditAction.RESIDENT_PAIRED)
    assert (entry.actor, entry.resident) == ("person:adviser", "ada")


def test_a_code_is_shown_once_and_no_address_leads_to_it(ada: Visitor) -> None:
    shown = ada.send("/my/pairing")
    code = CODE.search(shown.text)
    assert code is not None
    assert shown.headers["Cache-Control"] == "no-store"
    assert code[1] not in ada.get("/my/pairing").text
    assert "Location" not in shown.headers


def test_opening_the_page_makes_no_code(door: Door, ada: Visitor) -> None:
    assert CODE.search(ada.get("/my/pairing").text) is None
    assert not door.trail(AuditAction.ASKING_CHANGED)


def test_the_picture_is_the_code_and_nothing_else() -> None:
    """The symbol of these very letters, as the library draws it from them; nothing that the page's rules forbid."""
    drawn = ElementTree.fromstring(str(picture("BCDF-2345")))
    path = next(each for each in drawn.iter() if each.tag.endswith("path"))
    expected = segno.make("BCDF-2345", error="m", micro=False).svg_inline(scale=6)
    assert path.attrib["d"] in expected
    assert not {"style", "onload", "href"} & {name for each in drawn.iter() for name in each.attrib}
    assert {each.tag.rpartition("}")[2] for each in drawn.iter()} == {"svg", "path"}


@pytest.mark.parametrize("typed", ["BBBB-BBBB", "not a code", "<script>x</script>", "9" * 400])
def test_a_code_that_does_not_work_is_said_beside_its_field(adviser: Visitor, typed: str) -> None:
    answer = adviser.send("/partner/pair", code=typed)
    assert answer.status_code == 422
    assert answer.text.count("This code does not work.") == 2
    assert 'href="#code"' in answer.text
    assert "<script>x" not in answer.text


def test_used_expired_and_made_up_codes_give_one_page(door: Door, ada: Visitor, adviser: Visitor) -> None:
    used, expired = new_code(ada), new_code(ada)
    adviser.send("/partner/pair", code=used)
    door.clock.forward(timedelta(minutes=10))
    pages = {
        TOKEN.sub("", adviser.send("/partner/pair", code=code).text).replace(code, "CODE")
        for code in (used, expired, "BBBB-BBBB")
    }
    assert len(pages) == 1


def test_no_code_is_asked_for_plainly(adviser: Visitor) -> None:
    answer = adviser.send("/partner/pair", code=" ")
    assert answer.status_code == 422
    assert answer.text.count("Enter the code that the person gave you.") == 2


def test_the_search_page_offers_it(adviser: Visitor) -> None:
    assert 'href="/partner/pair"' in adviser.get("/partner/find").text


def test_guessing_is_slowed_down(open_door: object) -> None:
    door: Door = open_door(demonstration=True)  # type: ignore[operator]
    adviser = door.signed_in("adviser")
    for _ in range(5):
        assert adviser.send("/partner/pair", code="BBBB-BBBB").status_code == 422
    answer = adviser.send("/partner/pair", code="BBBB-BBBB")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
