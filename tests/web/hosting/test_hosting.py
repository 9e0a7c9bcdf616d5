"""What an organisation keeps here, as its own people put it in, take it back, take it away and delete it."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest

from broker.database import new_id
from broker.identity.models import Source, SourceLink
from broker.vocabulary import AuditAction, Role
from tests.people import ADA_NUMBER, COUNCIL, FOOD_BANK, NOON, ToldSource
from tests.web.conftest import TOKEN, Door, Visitor
from tests.web.test_administration import employ

HERE = "/organisation/kept-here"
PANTRY = f"{HERE}/pantry-notes"
HEADER = b"NHS number,Date of birth,Section,Title,Date,Note,Status,Recorded by,Reference\n"
ROW = f"{ADA_NUMBER},14/03/1964,Housing,Rent arrears,12/01/2026,Two months,Open,Jo,A-1\n".encode()
WRONG = b"9990000019,14/03/1964,Housing,Damp,,,,,A-2\n"
NOTE = {
    "nhs_number": ADA_NUMBER,
    "born_on__day": "14",
    "born_on__month": "3",
    "born_on__year": "1964",
    "section": "housing",
    "title": "Damp in the bedroom",
    "text": "Since November",
}


@pytest.fixture
def pantry(door: Door, told: dict[str, ToldSource]) -> Visitor:
    """The food bank's administrator, who has a place to keep entries in; the council has one too."""
    for id, owner in (("pantry-notes", FOOD_BANK), ("council-notes", COUNCIL)):
        told[id] = ToldSource(id, owner, {})
        with door.broker.sessions.begin() as session:
            registered = {"kind": "hosted", "organisation_code": owner, "configuration": {"sections": "housing"}}
            session.add(Source(id=id, label="Our notes", added_at=NOON, **registered))
    employ(door, "boss", "Pia Lund", FOOD_BANK, Role.ADMINISTRATOR)
    return door.signed_in("boss")


def send_table(visitor: Visitor, data: bytes, path: str = PANTRY) -> str:
    """Where the table waits; the page's text where it was refused."""
    found = TOKEN.search(visitor.get(f"{path}/add").text)
    assert found is not None
    form = {"csrf_token": found[1], "file": (io.BytesIO(data), "clients.csv")}
    answer = visitor.client.post(f"{path}/add", data=form, content_type="multipart/form-data")
    return answer.headers["Location"] if answer.status_code == 303 else answer.text


def acts(door: Door) -> list[str]:
    return [str(entry.body["act"]) for entry in reversed(door.trail(AuditAction.HOSTED_CHANGED))]


def linked(door: Door) -> int:
    with door.broker.sessions() as session:
        return session.query(SourceLink).filter(SourceLink.source_id == "pantry-notes").count()


def test_a_table_is_seen_before_it_is_kept_and_can_be_taken_back(pantry: Visitor, door: Door) -> None:
    waiting = send_table(pantry, HEADER + ROW)
    shown = pantry.get(waiting).text
    assert "1 row is right and would become 1 entry" in shown
    assert "Rent arrears" in shown
    assert acts(door) == []
    assert pantry.send(waiting, answer="keep").status_code == 303
    assert (acts(door), linked(door)) == (["added"], 1)
    assert pantry.get(waiting).status_code == 404
    page = pantry.get(PANTRY).text
    assert "1 item is in use" in page
    assert "By Pia Lund" in page
    batch = re.search(rf'href="({HERE}/batches/[0-9a-f]+)"', page)
    assert batch is not None
    assert pantry.send(f"{batch[1]}/undo", page=batch[1]).status_code == 303
    assert "0 items are in use" in pantry.get(PANTRY).text
    assert acts(door) == ["added", "undone"]
    assert ADA_NUMBER not in str([entry.body for entry in door.trail(AuditAction.HOSTED_CHANGED)])


def test_wrong_rows_are_said_and_good_ones_kept_only_where_that_is_chosen(pantry: Visitor, door: Door) -> None:
    waiting = send_table(pantry, HEADER + ROW + WRONG)
    shown = pantry.get(waiting).text
    assert "1 row is wrong." in shown
    assert "9990000019" not in shown
    assert pantry.send(waiting, answer="keep").status_code == 422
    assert pantry.send(waiting).status_code == 422
    assert acts(door) == []
    assert pantry.send(waiting, answer="good-rows").status_code == 303
    assert acts(door) == ["added"]


def test_a_table_that_is_not_wanted_is_forgotten(pantry: Visitor, door: Door) -> None:
    waiting = send_table(pantry, HEADER + ROW)
    assert pantry.send(waiting, answer="nothing").status_code == 303
    assert pantry.get(waiting).status_code == 404
    assert acts(door) == []


def test_a_table_waits_for_whoever_sent_it_alone_and_not_for_long(pantry: Visitor, door: Door) -> None:
    waiting = send_table(pantry, HEADER + ROW)
    employ(door, "second", "Sam Oak", FOOD_BANK, Role.ADMINISTRATOR)
    assert door.signed_in("second").get(waiting).status_code == 404
    assert pantry.get(waiting).status_code == 200
    door.clock.forward(timedelta(minutes=21))
    assert door.signed_in("boss").get(waiting).status_code == 404


def test_what_is_no_table_is_refused_with_words(pantry: Visitor) -> None:
    for data in (b"", b"<html>", b"\0\0\0"):
        assert "There is a problem" in send_table(pantry, data)


def test_the_template_can_be_taken_filled_in_and_sent_back(pantry: Visitor) -> None:
    template = pantry.get(f"{PANTRY}/template.csv")
    assert template.headers["Content-Disposition"].startswith("attachment")
    assert "wrong" not in pantry.get(send_table(pantry, template.data + ROW)).text


def test_a_note_is_kept_once_however_often_it_is_sent(pantry: Visitor, door: Door) -> None:
    name = new_id().replace("-", "")[:32]
    for _ in range(2):
        assert pantry.send(f"{PANTRY}/note", **NOTE, name=name).status_code == 303
    assert "1 item is in use" in pantry.get(PANTRY).text
    assert linked(door) == 1


def test_a_note_about_somebody_unknown_is_answered_alike(pantry: Visitor, door: Door) -> None:
    known = pantry.send(f"{PANTRY}/note", **NOTE)
    unknown = pantry.send(f"{PANTRY}/note", **{**NOTE, "nhs_number": "9990000042"})
    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])
    assert linked(door) == 1


def test_a_note_that_lacks_something_is_not_kept(pantry: Visitor, door: Door) -> None:
    for changes in (
        {"nhs_number": "9990000019"},
        {"born_on__year": ""},
        {"born_on__year": "2064"},
        {"section": "problem-list"},
        {"title": ""},
        {"at__day": "31", "at__month": "2", "at__year": "2026"},
        {"text": "x" * 4001},
    ):
        assert pantry.send(f"{PANTRY}/note", **{**NOTE, **changes}).status_code == 422, changes
    assert acts(door) == []


def test_a_case_worker_may_add_a_note_and_nothing_else(pantry: Visitor, door: Door) -> None:
    worker = door.signed_in("manager")
    assert f'href="{HERE}"' in worker.get("/partner").text
    assert worker.send(f"{PANTRY}/note", **NOTE).status_code == 303
    for page in (PANTRY, f"{PANTRY}/add", f"{PANTRY}/take-away"):
        assert worker.get(page).status_code == 403
    assert door.signed_in("pantry-lead").get(HERE).status_code == 403


def test_everything_is_taken_away_only_after_a_fresh_proof(pantry: Visitor, door: Door) -> None:
    pantry.send(f"{PANTRY}/note", **NOTE)
    page = f"{PANTRY}/take-away"
    answer = pantry.send(f"{PANTRY}/export", page=page, form="csv")
    assert b"Damp in the bedroom" in answer.data
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "no-store" in answer.headers["Cache-Control"]
    door.clock.forward(timedelta(minutes=6))
    for path, form in (("export", {"form": "csv"}), ("delete-person", {"nhs_number": ADA_NUMBER})):
        answer = pantry.send(f"{PANTRY}/{path}", page=page, **form)
        assert answer.headers["Location"].startswith("/sign-in/again")
    assert pantry.send(f"{PANTRY}/delete-everything", page=page, typed="Our notes").status_code == 303
    assert acts(door) == ["added", "exported"]


def test_deleting_a_person_deletes_their_link(pantry: Visitor, door: Door) -> None:
    pantry.send(f"{PANTRY}/note", **NOTE)
    page = f"{PANTRY}/take-away"
    assert pantry.send(f"{PANTRY}/delete-person", page=page).status_code == 422
    assert "0 items were deleted" in pantry.send(f"{PANTRY}/delete-person", page=page, nhs_number="9990000042").text
    assert "1 item was deleted" in pantry.send(f"{PANTRY}/delete-person", page=page, nhs_number=ADA_NUMBER).text
    assert linked(door) == 0


def test_everything_is_deleted_only_where_its_name_is_typed(pantry: Visitor, door: Door) -> None:
    pantry.send(f"{PANTRY}/note", **NOTE)
    page = f"{PANTRY}/take-away"
    assert pantry.send(f"{PANTRY}/delete-everything", page=page, typed="our").status_code == 422
    assert pantry.send(f"{PANTRY}/delete-everything", page=page, typed="Our notes").status_code == 303
    assert "0 items are in use" in pantry.get(PANTRY).text
    assert (acts(door), linked(door)) == (["added", "all-deleted"], 0)


def test_another_organisations_is_as_if_it_were_not_there(pantry: Visitor) -> None:
    for page in ("", "/add", "/note", "/take-away", "/template.csv"):
        theirs, nobodys = (pantry.get(f"{HERE}/{id}{page}") for id in ("council-notes", "council-nothing"))
        assert (theirs.status_code, nobodys.status_code) == (404, 404)
        plain = [re.sub(r"[0-9a-z]{20,}", "", each.text) for each in (theirs, nobodys)]
        assert plain[0] == plain[1]
    assert "council" not in pantry.get(HERE).text


def test_a_source_of_another_kind_is_not_kept_here(pantry: Visitor, door: Door) -> None:
    employ(door, "council-boss", "Ola Ray", COUNCIL, Role.ADMINISTRATOR)
    council = door.signed_in("council-boss")
    assert council.get(f"{HERE}/council-notes").status_code == 200
    assert council.get(f"{HERE}/council-housing").status_code == 404
