"""Finding somebody: two identifiers, clear errors, and nothing learned about who exists."""

from __future__ import annotations

import re

import pytest

from broker.vocabulary import AuditAction
from tests.people import ADA_BORN, ADA_NUMBER, STRANGER_NUMBER
from tests.web.conftest import TOKEN, Door, Visitor

GOOD = {"nhs_number": "999 000 0018", "born_on__day": "14", "born_on__month": "3", "born_on__year": "1964"}


def _without_handle_and_token(page: str, found: str) -> str:
    return TOKEN.sub("", page).replace(found, "HANDLE")


def test_two_identifiers_lead_to_the_page_that_asks(adviser: Visitor, door: Door) -> None:
    answer = adviser.send("/partner/find", **GOOD)
    assert answer.status_code == 303
    assert re.fullmatch(r"/partner/residents/[0-9a-f]{40}", answer.headers["Location"])
    (entry,) = door.trail(AuditAction.RESIDENT_SOUGHT)
    assert (entry.actor, entry.resident) == ("person:adviser", "ada")


def test_the_page_is_the_same_for_somebody_who_is_not_known(adviser: Visitor) -> None:
    known, unknown = adviser.find(ADA_NUMBER, ADA_BORN), adviser.find(STRANGER_NUMBER, ADA_BORN)
    wrong_birthday = adviser.find(ADA_NUMBER, ADA_BORN.replace(year=1965))
    pages = {_without_handle_and_token(adviser.get(found).text, found) for found in (known, unknown, wrong_birthday)}
    assert len(pages) == 1
    assert len({known, unknown, wrong_birthday}) == 3


@pytest.mark.parametrize(
    ("wrong", "words", "field"),
    [
        ({"nhs_number": ""}, "Enter an NHS number.", "nhs_number"),
        ({"nhs_number": "12345"}, "An NHS number has 10 digits.", "nhs_number"),
        ({"nhs_number": "9990000019"}, "its check digit is wrong", "nhs_number"),
        ({"nhs_number": "<script>x</script>"}, "An NHS number has 10 digits.", "nhs_number"),
        ({"born_on__day": "31", "born_on__month": "2"}, "There is no such date.", "born_on-day"),
        ({"born_on__year": ""}, "Enter a date of birth", "born_on-day"),
        ({"born_on__year": "99999999999999999999"}, "There is no such date.", "born_on-day"),
        ({"born_on__year": "2027"}, "A date of birth is in the past.", "born_on-day"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    adviser: Visitor, door: Door, wrong: dict[str, str], words: str, field: str
) -> None:
    answer = adviser.send("/partner/find", **{**GOOD, **wrong})
    assert answer.status_code == 422
    assert "<title>Error: Find somebody" in answer.text
    assert answer.text.count(words) == 2  # in the summary, and beside the field
    assert f'href="#{field}"' in answer.text
    assert f'id="{field}"' in answer.text
    assert "<script>x" not in answer.text
    assert not door.trail(AuditAction.RESIDENT_SOUGHT)


def test_what_was_typed_is_not_lost(adviser: Visitor) -> None:
    answer = adviser.send("/partner/find", **{**GOOD, "born_on__year": ""})
    assert 'value="999 000 0018"' in answer.text
    assert 'value="14"' in answer.text


def test_looking_for_too_many_people_is_slowed_down(adviser: Visitor) -> None:
    for _ in range(30):
        adviser.find(STRANGER_NUMBER, ADA_BORN)
    answer = adviser.send("/partner/find", **GOOD)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "60"


def test_no_address_holds_an_identifier(adviser: Visitor) -> None:
    found = adviser.find(ADA_NUMBER, ADA_BORN)
    assert ADA_NUMBER not in found
    assert ADA_NUMBER not in adviser.get(found).text


def test_another_organisations_handle_looks_like_none_at_all(adviser: Visitor, gp: Visitor) -> None:
    theirs = gp.find(ADA_NUMBER, ADA_BORN)
    never_given = theirs[:-1] + ("0" if theirs[-1] != "0" else "1")
    for page in ("", "/ask-resident/advice-debt", "/team-permission/advice-debt", "/emergency"):
        other, unknown = adviser.get(theirs + page), adviser.get(never_given + page)
        assert (other.status_code, unknown.status_code) == (404, 404)
        assert TOKEN.sub("", other.text) == TOKEN.sub("", unknown.text)
