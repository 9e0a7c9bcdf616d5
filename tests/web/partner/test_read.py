"""Reading the record: what each route shows, what is refused and why, and that nobody learns who exists."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from broker.errors import TrailUnavailable
from broker.vocabulary import AuditAction, Section, Sensitivity
from tests.doors.reading import Holding, entry
from tests.people import (
    ADA_BORN,
    ADA_NUMBER,
    BEN_BORN,
    BEN_NUMBER,
    INTEGRATOR,
    STRANGER_NUMBER,
    SURGERY,
    ToldSource,
    connect,
)
from tests.web.conftest import TOKEN, Door, Visitor

CARE = {"sections": ["allergies-and-adverse-reaction", "problems"], "reason": "She is in clinic with me."}


@pytest.fixture
def patient(gp: Visitor) -> str:
    return f"{gp.find(ADA_NUMBER, ADA_BORN)}/team-permission/direct-care"


def _agree(door: Door, request_id: str, **answer: object) -> None:
    sent = door.signed_in("resident:ada").send(f"/my/requests/{request_id}", **{"answer": "yes", **answer})
    assert sent.status_code == 303, sent.text


def test_a_team_that_has_permission_reads_the_record(gp: Visitor, patient: str, door: Door) -> None:
    answer = gp.send(patient, **CARE)
    assert answer.status_code == 200
    for words in ("Ada Okoro", "born 14 March 1964", "Penicillin", "Latex", "Asthma", "From Millrace Gp, 1 May 2026"):
        assert words in answer.text
    assert "This may not be everything." in answer.text
    assert "Council tenancy" not in answer.text
    assert [entry.action for entry in door.trail(AuditAction.DECISION, AuditAction.RELEASE)] == [
        AuditAction.RELEASE,
        AuditAction.DECISION,
    ]


def test_a_part_that_is_asked_for_alone_shows_no_more_than_it_does_among_others(
    gp: Visitor, patient: str, told: dict[str, ToldSource]
) -> None:
    barred = entry(Section.PROBLEMS, 1, "Old name", stated_labels=frozenset({Sensitivity.GENDER_RECOGNITION}))
    linked = entry(Section.ALLERGIES, 1, "Noted with the certificate", linked=(barred.id,))
    plain = entry(Section.ALLERGIES, 2, "Penicillin")
    told["millrace-gp"] = Holding("millrace-gp", SURGERY, entries=(barred, linked, plain))
    for sections in (CARE["sections"], [Section.ALLERGIES.value]):
        page = gp.send(patient, **{**CARE, "sections": sections}).text
        assert "Penicillin" in page
        assert "Noted with the certificate" not in page


def test_the_record_has_no_address_of_its_own_and_is_kept_nowhere(gp: Visitor, patient: str) -> None:
    assert gp.send(patient, **CARE).headers["Cache-Control"] == "no-store"
    assert "Penicillin" not in gp.get(patient).text


def test_a_section_with_nothing_in_it_says_so(gp: Visitor, patient: str) -> None:
    page = gp.send(patient, **{**CARE, "sections": ["medications-and-medical-devices"]}).text
    assert "Nothing to show for" in page
    assert "Nothing recorded" in page


def test_a_source_that_fails_is_a_stated_gap(gp: Visitor, patient: str, told: dict[str, ToldSource]) -> None:
    told["millrace-gp"].fault = RuntimeError("out of order")
    page = gp.send(patient, **CARE).text
    assert "Could not be read" in page
    assert "Penicillin" not in page
    assert "out of order" not in page


def test_a_long_section_is_folded_and_loses_nothing(gp: Visitor, patient: str, told: dict[str, ToldSource]) -> None:
    told["millrace-gp"].holds = {Section.PROBLEMS: tuple(f"Problem {number}" for number in range(8))}
    page = gp.send(patient, **{**CARE, "sections": ["problems"]}).text
    assert "Show 3 more" in page
    assert all(f"Problem {number}" in page for number in range(8))


def test_what_a_source_says_is_only_words(gp: Visitor, patient: str, told: dict[str, ToldSource]) -> None:
    told["millrace-gp"].holds = {Section.ALLERGIES: ("<script>x</script>",)}
    page = gp.send(patient, **CARE).text
    assert "&lt;script&gt;x" in page
    assert "<script>x" not in page


def test_a_reason_must_be_given(gp: Visitor, patient: str, door: Door) -> None:
    answer = gp.send(patient, **{**CARE, "reason": ""})
    assert answer.status_code == 422
    assert "Say how your team already has permission." in answer.text
    assert not door.trail(AuditAction.DECISION)


def test_without_permission_the_answer_is_no_in_words_with_the_way_to_ask(adviser: Visitor, door: Door) -> None:
    found = adviser.find(ADA_NUMBER, ADA_BORN)
    sent = {"sections": ["housing"], "reason": "She came to us."}
    answer = adviser.send(f"{found}/team-permission/advice-debt", **sent)
    assert answer.status_code == 403
    assert "You cannot see this record" in answer.text
    assert f'href="{found}/ask-resident/advice-debt?sections=housing"' in answer.text
    assert not door.trail(AuditAction.RELEASE)
    assert "Ada" not in answer.text


def test_what_was_refused_is_chosen_already_when_asking_the_resident(adviser: Visitor) -> None:
    found = adviser.find(ADA_NUMBER, ADA_BORN)
    page = adviser.get(f"{found}/ask-resident/advice-debt?sections=housing&sections=problems").text
    boxes = [box for box in page.split("<input") if 'name="sections"' in box]
    assert [box.split('value="')[1].split('"')[0] for box in boxes if " checked" in box] == ["housing"]


def test_a_clinician_may_take_all_that_the_agreement_allows_at_once(gp: Visitor, patient: str) -> None:
    page = gp.send(patient, sections=["everything"], reason="She is in clinic with me.").text
    for words in ("Penicillin", "Asthma", "Council tenancy"):
        assert words in page


def test_nobody_else_may(adviser: Visitor) -> None:
    page = f"{adviser.find(ADA_NUMBER, ADA_BORN)}/team-permission/advice-debt"
    assert 'value="everything"' not in adviser.get(page).text
    answer = adviser.send(page, sections=["everything"], reason="She came to us.")
    assert answer.status_code == 422
    assert "Choose at least one part of the record." in answer.text


def test_a_source_outside_the_agreement_is_said_once_and_quietly(
    gp: Visitor, patient: str, door: Door, told: dict[str, ToldSource]
) -> None:
    """The surgery's agreement has no integrator among its sources: that is no news in every section."""
    told["place-directory"] = ToldSource("place-directory", INTEGRATOR, {Section.HOUSING: ("Housing office",)})
    with door.broker.sessions() as session:
        connect(session, "place-directory", INTEGRATOR)
    page = gp.send(patient, sections=["housing"], reason="She is in clinic with me.").text
    assert page.count("Not in your agreement") == 1
    assert "not shared with you" not in page


def test_a_part_the_resident_closed_is_not_taken_for_one_outside_the_agreement(
    gp: Visitor, patient: str, door: Door
) -> None:
    ada = door.signed_in("resident:ada")
    ada.send("/my/withhold", what="parts", sections=["problems"], organisation="everybody")
    page = gp.send(patient, **CARE).text
    assert "Some information is not shared with you." in page
    assert "The resident has chosen not to share this." in page
    assert "Not in your agreement" not in page


def test_the_no_is_the_same_for_somebody_who_is_not_known(adviser: Visitor) -> None:
    sent = {"sections": ["housing"], "reason": "They came to us."}
    pages = set()
    for number, born_on in ((BEN_NUMBER, BEN_BORN), (STRANGER_NUMBER, BEN_BORN)):
        found = adviser.find(number, born_on)
        answer = adviser.send(f"{found}/team-permission/advice-debt", **sent)
        assert answer.status_code == 403
        pages.add(TOKEN.sub("", answer.text).replace(found, "HANDLE"))
    assert len(pages) == 1


def test_once_the_resident_agrees_the_worker_reads_what_was_agreed(adviser: Visitor, door: Door) -> None:
    record = adviser.ask(adviser.find(ADA_NUMBER, ADA_BORN), Section.HOUSING, Section.MONEY)
    page = f"/partner/requests/{record.id}"
    before = adviser.send(f"{page}/record", page="/partner/find")
    assert before.status_code == 403
    _agree(door, record.id, answer="less", sections=["housing"], sooner="as-asked")
    assert "They agreed" in adviser.get(page).text
    answer = adviser.send(f"{page}/record", page=page)
    assert answer.status_code == 200
    assert "Rent arrears" in answer.text
    assert "Housing benefit" not in answer.text
    assert "Penicillin" not in answer.text


def test_what_a_resident_stopped_is_closed_on_the_very_next_look(adviser: Visitor, door: Door) -> None:
    record = adviser.ask(adviser.find(ADA_NUMBER, ADA_BORN), Section.HOUSING)
    page = f"/partner/requests/{record.id}"
    _agree(door, record.id)
    assert "Rent arrears" in adviser.send(f"{page}/record", page=page).text
    ada = door.signed_in("resident:ada")
    choice = ada.get("/my/sharing").text.split('href="/my/sharing/')[1].split('"')[0]
    assert ada.send(f"/my/sharing/{choice}/stop", page=f"/my/sharing/{choice}").status_code == 303
    after = adviser.send(f"{page}/record", page=page)
    assert after.status_code == 403
    assert "The permission you were given has ended." in after.text
    assert "Rent arrears" not in after.text


def test_what_a_resident_took_back_is_not_asked_for_again_by_habit(adviser: Visitor, door: Door) -> None:
    """She stopped one part of two: asking for both offers to ask for neither what is open nor what she closed."""
    record = adviser.ask(adviser.find(ADA_NUMBER, ADA_BORN), Section.HOUSING, Section.MONEY)
    _agree(door, record.id)
    ada = door.signed_in("resident:ada")
    choice = ada.get("/my/sharing").text.split('href="/my/sharing/')[1].split('"')[0]
    page = f"/my/sharing/{choice}"
    ada.send(f"{page}/stop", page=page, what="some", sections=["housing"])
    found = adviser.find(ADA_NUMBER, ADA_BORN)
    sent = {"sections": ["housing", "community-support"], "reason": "She came to us."}
    refused = adviser.send(f"{found}/team-permission/advice-debt", **sent).text
    assert "The resident has withdrawn permission for this." in refused
    assert 'ask-resident/advice-debt?sections=community-support"' in refused


def test_permission_that_has_run_out_opens_nothing(adviser: Visitor, door: Door) -> None:
    record = adviser.ask(adviser.find(ADA_NUMBER, ADA_BORN), Section.HOUSING)
    _agree(door, record.id)
    door.clock.forward(timedelta(days=29))
    adviser.become("adviser")
    page = f"/partner/requests/{record.id}"
    assert adviser.send(f"{page}/record", page=page).status_code == 403


def test_emergency_access_warns_needs_a_reason_and_tells(gp: Visitor, door: Door) -> None:
    found = gp.find(BEN_NUMBER, BEN_BORN)
    assert "a privacy officer is told" in gp.get(f"{found}/emergency").text
    refused = gp.send(f"{found}/emergency", reason=" ")
    assert refused.status_code == 422
    assert "Say what the emergency is." in refused.text
    answer = gp.send(f"{found}/emergency", reason="Collapsed in the waiting room.")
    assert answer.status_code == 200
    assert "Emergency access." in answer.text
    (decided,) = door.trail(AuditAction.DECISION)
    assert decided.body["break_glass"] is True
    assert decided.note == "Collapsed in the waiting room."


def test_emergency_access_is_closed_to_everybody_else(adviser: Visitor, door: Door) -> None:
    found = adviser.find(ADA_NUMBER, ADA_BORN)
    answer = adviser.send(f"{found}/emergency", page=found, reason="Let me in.")
    assert answer.status_code == 422
    assert not door.trail(AuditAction.DECISION)


def test_where_the_trail_cannot_be_written_nothing_is_shown(
    gp: Visitor, patient: str, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise TrailUnavailable("the disk is full")

    monkeypatch.setattr(door.broker.trail, "record", full)
    answer = gp.send(patient, **CARE)
    assert answer.status_code == 503
    assert "Penicillin" not in answer.text
    assert "disk" not in answer.text


# ---- in what order, what is new, and what is printed -----------------------------------------------------------------

ALL = {"sections": "everything", "reason": "Registered here."}
HEADINGS = re.compile(r'<h2 class="nhsuk-heading-m" id="([a-z-]+)">')


def test_what_the_reader_needs_comes_first(gp: Visitor, patient: str, told: dict[str, ToldSource]) -> None:
    told["millrace-gp"].holds = {**told["millrace-gp"].holds, Section.HOUSING: ("Lives alone",)}
    found = HEADINGS.findall(gp.send(patient, **ALL).text)

    order = [section for section in found if section != "sources"]
    assert order == ["allergies-and-adverse-reaction", "problems", "person-demographics", "housing"], (
        "a clinician looks for harm first"
    )


def test_what_is_new_since_the_last_look_is_pointed_out_and_what_has_gone_is_not_mentioned(
    gp: Visitor, patient: str, told: dict[str, ToldSource], door: Door
) -> None:
    assert "since" not in gp.send(patient, **CARE).text
    told["millrace-gp"].holds = {**told["millrace-gp"].holds, Section.ALLERGIES: ("Penicillin",)}
    door.clock.forward(timedelta(minutes=5))
    gone = gp.send(patient, **CARE).text
    assert "since" not in gone
    assert "Latex" not in gone
    told["millrace-gp"].holds = {**told["millrace-gp"].holds, Section.ALLERGIES: ("Penicillin", "Latex", "Nickel")}
    page = gp.send(patient, **CARE).text

    assert page.count("New since 20 November 2026") == 1, "Latex had been seen before"


def test_one_page_to_print_is_another_reading_and_says_for_whom_and_what_it_leaves_out(
    gp: Visitor, patient: str, told: dict[str, ToldSource], door: Door
) -> None:
    many = tuple(f"Allergy {number:02} to {'something ' * 12}" for number in range(30))
    told["millrace-gp"].holds = {Section.ALLERGIES: many}
    assert "Show one page to print" in gp.send(patient, **CARE).text
    page = gp.send(patient, **CARE, summary="1").text

    assert "Not the whole record" in page
    assert "Page 1 of 1. For direct care, to Dr Noor Vale, Millrace Surgery (clinician), on 20 November 2026" in page
    assert re.search(r"Left out of this page:</strong> allergies[a-z ]* \(\d+\)", page)
    assert "Allergy 00" not in page
    assert len(door.trail(AuditAction.RELEASE)) == 2


def test_one_page_is_refused_as_the_whole_is(adviser: Visitor, door: Door) -> None:
    found = adviser.find(ADA_NUMBER, ADA_BORN)
    sent = {"sections": ["housing"], "reason": "Rent", "summary": "1"}
    answer = adviser.send(f"{found}/team-permission/advice-debt", **sent)

    assert answer.status_code == 403
    assert "Not the whole record" not in answer.text


def test_an_emergency_is_not_declared_again_by_a_press_of_a_button(gp: Visitor) -> None:
    found = gp.find(ADA_NUMBER, ADA_BORN)
    page = gp.send(f"{found}/emergency", reason="Collapsed in the waiting room.").text

    assert "Emergency access" in page
    assert "Show one page to print" not in page
