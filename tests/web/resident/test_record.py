"""A resident's own record on a page: from every source, in plain words, and nobody else's."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from broker.identity.models import Resident
from broker.vocabulary import AccessLevel, AuditAction, Section, Sensitivity
from tests.doors.reading import Holding, entry
from tests.people import ADA_NUMBER, SURGERY, ToldSource
from tests.web.conftest import Door, Visitor
from tests.web.proxy_cast import let_cas_act
from tests.web.resident.test_proxies import act, end

HEADINGS = re.compile(r'<h2 class="nhsuk-heading-m" id="([a-z-]+)">')


@pytest.fixture
def ada(door: Door) -> Visitor:
    return door.signed_in("resident:ada")


def carer(door: Door, *levels: AccessLevel) -> Visitor:
    let_cas_act(door, levels=frozenset(levels))
    cas = door.signed_in("resident:cas")
    act(cas)
    return cas


def test_a_resident_reads_what_everybody_holds_with_where_it_is_from_and_when(ada: Visitor) -> None:
    page = ada.get("/my/record").text

    for title in ("Penicillin", "Asthma", "Council tenancy", "Housing benefit"):
        assert title in page
    assert "From Millrace Gp at Millrace Surgery, 1 May 2026" in page
    assert page.count("<h1") == 1
    assert 'href="/my/record"' in ada.get("/my").text


def test_no_nhs_number_is_on_it(ada: Visitor, told: dict[str, ToldSource]) -> None:
    for path in ("/my/record", "/my/record/summary"):
        assert ADA_NUMBER not in ada.get(path).text
        assert "NHS number" not in ada.get(path).text


def test_about_me_is_first_and_the_rest_in_a_residents_order(ada: Visitor, told: dict[str, ToldSource]) -> None:
    told["millrace-gp"].holds = {
        Section.PROBLEMS: ("Asthma",),
        Section.MEDICATIONS: ("Inhaler",),
        Section.ABOUT_ME: ("I like tea",),
        Section.DEMOGRAPHICS: ("Ada Okoro",),
    }

    found = HEADINGS.findall(ada.get("/my/record").text)
    assert found == [
        "about-me",
        "medications-and-medical-devices",
        "problems",
        "person-demographics",
        "housing",
        "money-and-benefits",
    ]


def test_only_the_parts_that_are_chosen_are_shown(ada: Visitor, door: Door) -> None:
    page = ada.get("/my/record?section=problems&section=nonsense").text

    assert "Asthma" in page
    assert "Council tenancy" not in page
    assert "Council Housing" not in page
    assert "Show everything" in page
    assert door.trail(AuditAction.DECISION)[0].body["sections"] == ["problems"]


def test_a_part_that_is_chosen_alone_shows_no_more_than_it_does_among_all(
    ada: Visitor, told: dict[str, ToldSource]
) -> None:
    told["millrace-gp"] = _with_something_the_law_bars()
    for path in ("/my/record", f"/my/record?section={Section.ALLERGIES.value}"):
        page = ada.get(path).text
        assert "Penicillin" in page
        assert "Noted with the certificate" not in page


def _with_something_the_law_bars() -> ToldSource:
    barred = entry(Section.PROBLEMS, 1, "Old name", stated_labels=frozenset({Sensitivity.GENDER_RECOGNITION}))
    linked = entry(Section.ALLERGIES, 1, "Noted with the certificate", linked=(barred.id,))
    plain = entry(Section.ALLERGIES, 2, "Penicillin")
    return Holding("millrace-gp", SURGERY, entries=(barred, linked, plain))


def test_each_entry_leads_to_saying_whether_it_is_private_for_the_resident_alone(ada: Visitor, door: Door) -> None:
    page = ada.get("/my/record").text
    keys = re.findall(r'name="entry" value="([0-9a-f]{64})"', page)

    assert len(set(keys)) == len(keys) == page.count("Say whether this is private")
    assert ada.send("/my/record/private", page="/my/record", entry=keys[0]).status_code == 200
    assert "Say whether this is private" not in carer(door, AccessLevel.CONDITIONS).get("/my/record").text


def test_what_could_not_be_read_is_said(ada: Visitor, told: dict[str, ToldSource]) -> None:
    told["council-housing"].fault = RuntimeError("down")
    page = ada.get("/my/record").text

    assert "Asthma" in page
    assert "Could not be read" in page


def test_what_must_be_judged_first_leaves_no_trace(ada: Visitor, told: dict[str, ToldSource]) -> None:
    told["millrace-gp"].holds = {Section.PROBLEMS: ("Asthma",), Section.SAFEGUARDING: ("Strategy meeting",)}
    page = ada.get("/my/record").text

    assert "Strategy meeting" not in page
    assert "afeguarding" not in page


def test_one_page_says_that_it_is_not_the_whole_record_and_what_it_leaves_out(
    ada: Visitor, told: dict[str, ToldSource]
) -> None:
    told["millrace-gp"].holds = {
        Section.ALLERGIES: tuple(f"Allergy {number}" for number in range(9)),
        Section.FAMILY_HISTORY: tuple(f"Cousin {number}" for number in range(9)),
    }
    page = ada.get("/my/record/summary").text

    assert "Not the whole record" in page
    assert "Page 1 of 1" in page
    assert re.search(r"Left out of this page:</strong>\s*family history \(5\)", page)
    assert all(f"Allergy {number}" in page for number in range(9)), "no allergy is left out"


def test_where_there_is_little_room_problems_are_given_by_their_names(
    ada: Visitor, told: dict[str, ToldSource]
) -> None:
    told["millrace-gp"].holds = {
        Section.MEDICATIONS: tuple(f"Medicine {number}" for number in range(25)),
        Section.PROBLEMS: tuple(f"Problem {number}" for number in range(25)),
    }
    page = ada.get("/my/record/summary").text

    assert "By name alone: <strong>Problem" in page
    assert all(f"{what} {number}<" in page for what in ("Medicine", "Problem") for number in range(25))


def test_a_part_that_does_not_exist_is_said_and_everything_is_shown(ada: Visitor) -> None:
    page = ada.get("/my/record?section=nope").text

    assert "One part you asked for is not in this list, so everything is shown." in page
    assert "Asthma" in page
    assert "so only the rest is shown" in ada.get("/my/record?section=problems&section=nope").text
    assert "not in this list" not in ada.get("/my/record?section=problems").text


def test_a_child_too_young_is_offered_no_record_and_told_when_in_words_for_them(door: Door, ada: Visitor) -> None:
    assert 'href="/my/record"' in ada.get("/my").text
    with door.broker.sessions() as session, session.begin():
        session.get_one(Resident, "ada").born_on = date(2014, 5, 5)

    assert 'href="/my/record"' not in ada.get("/my").text
    for path in ("/my/record", "/my/record/summary"):
        answer = ada.get(path)
        assert answer.status_code == 403
        assert "You can read your record here when you are 13." in answer.text
        assert "colleague" not in answer.text


def test_what_is_new_since_last_time_is_pointed_out_once(ada: Visitor, door: Door, told: dict[str, ToldSource]) -> None:
    assert "New since" not in ada.get("/my/record").text
    told["millrace-gp"].holds = {**told["millrace-gp"].holds, Section.PROBLEMS: ("Asthma", "Gout")}
    door.clock.forward(timedelta(minutes=5))

    page = ada.get("/my/record").text
    assert page.count("New since 20 November 2026") == 1
    assert "New since" not in ada.get("/my/record").text


# ---- who looked ----------------------------------------------------------------------------------------------------


def test_ones_own_reading_is_not_among_who_looked_unless_asked_for(ada: Visitor) -> None:
    ada.get("/my/record")

    assert "You read your own record" not in ada.get("/my/activity").text
    assert "You read your own record" in ada.get("/my/activity?own=1").text


def test_what_somebody_read_for_them_is_always_there_with_who(ada: Visitor, door: Door) -> None:
    carer(door, AccessLevel.CONDITIONS).get("/my/record")
    page = ada.get("/my/activity").text

    assert "Cas Wye, acting for you" in page
    assert "Saw part of your record" in page


def test_a_proxy_does_not_learn_what_the_resident_read(ada: Visitor, door: Door) -> None:
    ada.get("/my/record")
    cas = carer(door, AccessLevel.SEE_WHO_LOOKED)

    for path in ("/my/activity", "/my/activity?own=1"):
        assert "own record" not in cas.get(path).text


# ---- somebody who acts for them ------------------------------------------------------------------------------------


def test_a_proxy_reads_what_their_levels_open_under_a_banner_that_says_for_whom(door: Door) -> None:
    cas = carer(door, AccessLevel.CONDITIONS)
    page = cas.get("/my/record").text

    assert "You are acting for Ada Okoro." in page
    assert "Ada’s record" in page
    assert "Asthma" in page
    assert "Penicillin" not in page
    assert "Council tenancy" not in page
    assert "4 Weir Cottages" not in page
    released = door.trail(AuditAction.RELEASE)[0]
    assert (released.actor, released.resident, released.body["acting"]["proxy"]) == ("resident:cas", "ada", "proxy")


def test_a_proxy_who_chooses_more_than_their_levels_open_gets_no_more(door: Door, told: dict[str, ToldSource]) -> None:
    page = carer(door, AccessLevel.CONDITIONS).get("/my/record?section=housing&section=person-demographics").text

    assert "Council tenancy" not in page
    assert told["council-housing"].asked == []


def test_a_proxy_whose_levels_open_no_part_of_the_record_has_no_page_of_it(door: Door) -> None:
    cas = carer(door, AccessLevel.SEE_SHARING)

    assert cas.get("/my/record").status_code == cas.get("/my/record/summary").status_code == 403
    assert 'href="/my/record"' not in cas.get("/my").text


@pytest.mark.parametrize("how", ["quietly", "stopped", "ran-out"])
def test_a_proxy_who_may_act_no_longer_is_put_out(door: Door, how: str) -> None:
    cas = carer(door, AccessLevel.CONDITIONS)
    end(door, how)

    answer = cas.get("/my/record")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/my")


@pytest.mark.parametrize("who", ["gp", "adviser"])
def test_a_worker_has_no_such_page(door: Door, who: str) -> None:
    assert door.signed_in(who).get("/my/record").status_code == 403
