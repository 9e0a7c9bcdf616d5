"""Who looked: every look and every no, in words, and only ever one's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from broker.audit.trail import Event
from broker.vocabulary import AuditAction, Section
from broker.web.resident.activity import Act, lines_of
from tests.people import ADA_BORN, ADA_NUMBER, BEN_BORN, BEN_NUMBER, NOON
from tests.web.conftest import Door, Visitor

CARE = {"sections": ["allergies-and-adverse-reaction"], "reason": "She is in clinic with me."}


def test_a_look_names_who_for_what_which_parts_and_their_words(gp: Visitor, ada: Visitor) -> None:
    gp.send(f"{gp.find(ADA_NUMBER, ADA_BORN)}/team-permission/direct-care", **CARE)
    page = ada.get("/my/activity").text
    for words in (
        "Millrace Surgery: Saw part of your record",
        "Dr Noor Vale (clinician)",
        "For direct care",
        "Allergies and adverse reactions",
        "20 November 2026 at 12:00pm",
    ):
        assert words in page
    assert "Penicillin" not in page


def test_a_no_is_shown_too(adviser: Visitor, ada: Visitor) -> None:
    found = adviser.find(ADA_NUMBER, ADA_BORN)
    adviser.send(f"{found}/team-permission/advice-debt", sections=["housing"], reason="She came to us.")
    page = ada.get("/my/activity").text
    assert "Harvest Shelf: Asked to see your record, and was told no" in page
    assert "They asked for: Housing" in page
    assert "She came to us." in page
    assert "Saw part of your record" not in page


def test_being_looked_for_and_asked_is_shown(adviser: Visitor, ada: Visitor) -> None:
    adviser.ask(adviser.find(ADA_NUMBER, ADA_BORN), Section.HOUSING)
    page = ada.get("/my/activity").text
    assert "Harvest Shelf: Looked for you by NHS number and date of birth" in page
    assert "Harvest Shelf: Asked you for permission" in page


def test_emergency_access_stands_out(gp: Visitor, door: Door) -> None:
    gp.send(f"{gp.find(BEN_NUMBER, BEN_BORN)}/emergency", reason="Collapsed in the waiting room.")
    page = door.signed_in("resident:ben").get("/my/activity").text
    assert "Emergency access" in page
    assert "Collapsed in the waiting room." in page


def test_ones_own_changes_are_shown(ada: Visitor) -> None:
    ada.send("/my/withhold", what="everything", organisation="everybody")
    assert "You cut down what is shared" in ada.get("/my/activity").text


def test_an_answer_says_which_it_was_and_to_whom(adviser: Visitor, ada: Visitor) -> None:
    found = adviser.find(ADA_NUMBER, ADA_BORN)
    for answer in ("yes", "no"):
        record = adviser.ask(found, Section.HOUSING)
        ada.send(f"/my/requests/{record.id}", answer=answer)
    page = ada.get("/my/activity").text
    yes, no = page.split("You said yes to a request")[1], page.split("You said no to a request")[1]
    assert "Harvest Shelf" in yes.split("</div>")[0]
    assert "Harvest Shelf" in no.split("</div>")[0]
    assert "Housing" in yes.split("</div>")[0]


def test_a_choice_says_what_it_was_about(ada: Visitor) -> None:
    ada.send("/my/withhold", what="kinds", labels=["mental-health"], organisation="everybody")
    assert "What it was about: Mental health" in ada.get("/my/activity").text


def test_reads_of_one_day_that_are_alike_are_one_line_with_each_time_in_it(
    gp: Visitor, ada: Visitor, door: Door
) -> None:
    path = f"{gp.find(ADA_NUMBER, ADA_BORN)}/team-permission/direct-care"
    for reason in ("In clinic.", "On the telephone."):
        gp.send(path, **{**CARE, "reason": reason})
        door.clock.forward(timedelta(minutes=10))
    page = ada.get("/my/activity").text

    assert page.count("Saw part of your record") == 1
    assert "Millrace Surgery: Saw part of your record, 2 times" in page
    assert "First on 20 November 2026 at 12:00pm, last on 20 November 2026 at 12:10pm, Dr Noor Vale" in page
    assert "Show each time" in page
    assert "In clinic." in page
    assert "On the telephone." in page


def test_a_read_for_another_purpose_on_another_day_or_in_an_emergency_is_a_line_of_its_own() -> None:
    read = Act(
        at=NOON, heading="Saw part of your record", person="Dr Noor Vale", organisation="Millrace Surgery",
        role="Clinician", purpose="Direct care", sections=(), emergency=False, refused=False, own=False, words="",
        reads=True, by="person:gp",
    )  # fmt: skip
    others = (
        replace(read, purpose="Checking"),
        replace(read, at=NOON - timedelta(days=1)),
        replace(read, by="person:other"),
        replace(read, emergency=True),
        replace(read, refused=True, reads=False),
    )

    assert [len(line.acts) for line in lines_of([read, read, read])] == [3]
    for other in others:
        assert [len(line.acts) for line in lines_of([read, other, other, read])] == (
            [1, 1, 1, 1] if other.emergency or other.refused else [1, 2, 1]
        )


def test_a_trial_of_a_source_is_not_called_a_look_for_them(ada: Visitor, door: Door) -> None:
    for actor, act in (("operator:command-line", "tried"), ("operator:command-line", "")):
        event = Event(
            action=AuditAction.RESIDENT_SOUGHT, actor=actor, organisation=None, resident="ada",
            body={"sources": ["millrace-gp"], "act": act}, note="A new version was put in.",
        )  # fmt: skip
        with door.broker.sessions() as session:
            door.broker.trail.append(session, event, now=door.clock())
            session.commit()
    page = ada.get("/my/activity").text

    assert page.count("Whoever runs this service tested a source system with your details") == 1
    assert page.count("Looked for you by NHS number") == 1
    assert "A new version was put in." in page


def test_nobody_sees_who_looked_at_somebody_else(gp: Visitor, door: Door) -> None:
    gp.send(f"{gp.find(ADA_NUMBER, ADA_BORN)}/team-permission/direct-care", **CARE)
    assert "Nobody has looked." in door.signed_in("resident:ben").get("/my/activity").text


def test_a_long_history_has_more_pages(ada: Visitor) -> None:
    for _ in range(51):
        ada.send("/my/withhold", what="everything", organisation="everybody")
    page = ada.get("/my/activity").text
    assert page.count("You cut down what is shared") == 50
    older = page.split('href="/my/activity?before=')[1].split('"')[0]
    assert ada.get(f"/my/activity?before={older}").text.count("You cut down what is shared") == 1
