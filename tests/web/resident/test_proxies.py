"""Acting for somebody on a resident's pages: no further than the levels, with their name on it, and out at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from broker.agreements.models import SharingAgreement
from broker.consent.models import Consent
from broker.identity.models import Organisation, Resident
from broker.proxies import actions, deciding
from broker.proxies.deciding import Verifier
from broker.proxies.models import Proxy
from broker.vocabulary import AccessLevel, AuditAction, ProxyReason, ProxyState, Role, Section
from broker.web.access import RESIDENTS_AND_PROXIES
from tests.conformance.rows import row
from tests.people import ADA_BORN, ADA_NUMBER, FOOD_BANK, NOON, STRANGER_NUMBER, SURGERY
from tests.web.conftest import Door, Visitor, choices_of
from tests.web.proxy_cast import CAS_BORN, CAS_NUMBER, let_cas_act, settle_cas

GP = Verifier(by="person:gp", organisation=SURGERY, role=Role.CLINICIAN)
PER_VISIT = re.compile(r'name="csrf_token" value="[0-9a-f]+"')
PAGES = ("/my", "/my/sharing", "/my/activity", "/my/withhold")


@pytest.fixture
def cas(door: Door) -> Visitor:
    """A friend of Ada's, who may act for her."""
    let_cas_act(door)
    return door.signed_in("resident:cas")


def act(visitor: Visitor, proxy: str = "proxy") -> None:
    answer = visitor.send(f"/my/proxies/{proxy}/act", page="/my/proxies")
    assert answer.status_code == 303, answer.text


def end(door: Door, how: str) -> None:
    """End it, one way or another, as the practice, the resident or the clock does."""
    with door.broker.sessions() as session:
        proxy, trail = session.scalars(select(Proxy)).one(), door.broker.trail
        safeguarding = ProxyReason.ROLE_DEACTIVATED_SAFEGUARDING
        if how == "quietly":
            deciding.suspend(session, proxy, verifier=GP, reason=safeguarding, quiet=True, trail=trail, now=NOON)
        if how == "suspended":
            reason = ProxyReason.ROLE_SUSPENDED
            deciding.suspend(session, proxy, verifier=GP, reason=reason, trail=trail, now=NOON)
        if how == "ended":
            reason = ProxyReason.ROLE_DEACTIVATED_MISUSE
            deciding.end(session, proxy, verifier=GP, reason=reason, trail=trail, now=NOON)
        if how == "stopped":
            actions.stop(session, proxy, resident="ada", trail=trail, now=NOON)
        if how == "ran-out":
            proxy.until_at = NOON
            session.commit()
        if how == "never":
            for change in proxy.changes:
                session.delete(change)
            session.delete(proxy)
            session.commit()


def bytes_of(visitor: Visitor, path: str) -> tuple[int, str, str]:
    answer = visitor.get(path)
    return answer.status_code, answer.headers.get("Location", ""), PER_VISIT.sub("", answer.text)


def test_every_page_says_for_whom_and_one_press_leads_back(cas: Visitor) -> None:
    act(cas)
    for path in PAGES:
        assert "You are acting for Ada Okoro." in cas.get(path).text, path
    assert "Hello, Ada" in cas.get("/my").text
    cas.send("/my/proxies/back", page="/my")
    home = cas.get("/my").text
    assert "You are acting for" not in home
    assert "Hello, Cas" in home


def test_acting_begins_a_session_with_a_new_secret(cas: Visitor) -> None:
    before = cas.client.get_cookie("broker-session")
    act(cas)
    after = cas.client.get_cookie("broker-session")
    assert before is not None
    assert after is not None
    assert before.value != after.value


def test_every_page_open_to_proxies_is_open_to_residents_and_names_a_level(door: Door) -> None:
    views: dict[str, Any] = {n: v for n, v in door.app.view_functions.items() if n.startswith("resident.")}
    open_to = {name: view for name, view in views.items() if Role.PROXY in view.audience}
    assert all(view.audience == frozenset(RESIDENTS_AND_PROXIES) for view in open_to.values())
    unlevelled = {name for name, view in open_to.items() if view.level is None}
    # What is read of the record is each level's to say, and policy's: tests/web/resident/test_record.py.
    assert unlevelled == {"resident.home", "resident.back_to_own", "resident.record", "resident.record_summary"}
    closed = {"resident.proxies", "resident.appoint", "resident.appointed", "resident.act", "resident.stop_proxy"}
    assert closed <= views.keys() - open_to.keys()


@pytest.mark.parametrize(
    ("level", "path"),
    [
        (AccessLevel.SEE_SHARING, "/my/sharing"),
        (AccessLevel.SEE_WHO_LOOKED, "/my/activity"),
        (AccessLevel.CHANGE_SHARING, "/my/withhold"),
    ],
)
def test_a_page_opens_with_its_level_and_with_no_other(door: Door, level: AccessLevel, path: str) -> None:
    let_cas_act(door, levels=frozenset({level}))
    cas = door.signed_in("resident:cas")
    act(cas)
    for page in PAGES[1:]:
        assert cas.get(page).status_code == (200 if page == path else 403), page
        assert (f'href="{page}"' in cas.get("/my").text) is (page == path), page


def test_a_proxy_appoints_nobody_and_decides_nothing_about_themselves(cas: Visitor) -> None:
    act(cas)
    for path in ("/my/proxies", "/my/proxies/appoint", "/my/proxies/ask", "/my/proxies/proxy", "/my/pairing"):
        assert cas.get(path).status_code in (403, 404), path


def test_a_choice_made_for_somebody_names_who_made_it(cas: Visitor, ada: Visitor, door: Door) -> None:
    act(cas)
    cas.send("/my/withhold", what="everything", organisation="everybody")
    (choice,) = choices_of(door, "ada")
    assert choice.given_by == "resident:cas"
    entry = door.trail(AuditAction.CONSENT_NARROWED)[0]
    assert (entry.actor, entry.resident) == ("resident:cas", "ada")
    assert entry.body["acting"] == {"acting_for": "ada", "proxy": "proxy", "basis": "consent"}
    looked = ada.get("/my/activity").text
    assert "Cas Wye, acting for you" in looked
    assert "Cut down what is shared" in looked
    assert "by Cas Wye, acting for you" in ada.get(f"/my/sharing/{choice.id}").text


def test_what_one_does_for_oneself_names_nobody_else(ada: Visitor, door: Door) -> None:
    ada.send("/my/withhold", what="everything", organisation="everybody")
    assert "acting" not in door.trail(AuditAction.CONSENT_NARROWED)[0].body
    assert "You cut down what is shared" in ada.get("/my/activity").text


def test_a_proxy_answers_a_request_where_they_were_let(door: Door, adviser: Visitor, cas: Visitor) -> None:
    record = adviser.ask(adviser.find(ADA_NUMBER, ADA_BORN), Section.HOUSING)
    assert cas.get(f"/my/requests/{record.id}").status_code == 404
    act(cas)
    assert cas.get(f"/my/requests/{record.id}").status_code == 200
    cas.send(f"/my/requests/{record.id}", answer="yes")
    entry = door.trail(AuditAction.ACCESS_ANSWERED)[0]
    assert (entry.actor, entry.body["acting"]["basis"]) == ("resident:cas", "consent")


@pytest.mark.parametrize("how", ["quietly", "suspended", "ended", "stopped", "ran-out"])
def test_whoever_may_act_no_longer_is_out_at_the_very_next_page(door: Door, cas: Visitor, how: str) -> None:
    act(cas)
    assert cas.get("/my/sharing").status_code == 200
    end(door, how)
    out = cas.get("/my/sharing")
    assert (out.status_code, out.headers["Location"]) == (303, "/my")
    assert "Hello, Cas" in cas.get("/my").text


@row("T15")
@pytest.mark.parametrize("path", ["/my", "/my/sharing", "/my/proxies", "/my/sharing/nothing"])
def test_a_quiet_stop_looks_to_the_proxy_as_any_other_end_does_to_the_byte(
    open_door: Callable[..., Door], path: str
) -> None:
    """First while they act, then on their own pages, from the moment it ended."""
    seen = {}
    for how in ("quietly", "ended", "stopped", "ran-out", "never"):
        door = open_door(demonstration=True)
        let_cas_act(door)
        cas = door.signed_in("resident:cas")
        act(cas)
        end(door, how)
        pages = ["/my", "/my/proxies", "/my/proxies/proxy", "/my/activity"]
        seen[how] = [bytes_of(cas, path), *(bytes_of(cas, page) for page in pages)]
        tried = cas.send("/my/proxies/proxy/act", page="/my/proxies")
        seen[how].append((tried.status_code, "", PER_VISIT.sub("", tried.text)))
    assert all(each == seen["quietly"] for each in seen.values())


@pytest.mark.parametrize("how", ["quietly", "ended"])
def test_no_page_of_the_proxys_says_why(door: Door, cas: Visitor, how: str) -> None:
    act(cas)
    end(door, how)
    cas.get("/my")
    for path in ("/my", "/my/proxies", "/my/activity", "/my/sharing"):
        page = cas.get(path).text.lower()
        for word in ("safeguarding suspended", "misused", "suspend", "ended that somebody", "ada"):
            assert word not in page, (path, word)


def test_the_residents_own_pages_do_not_betray_a_quiet_stop(door: Door, cas: Visitor, ada: Visitor) -> None:
    end(door, "quietly")
    own = " ".join(ada.get(path).text for path in ("/my", "/my/proxies", "/my/activity"))
    for word in ("suspend", "Safeguarding", "Cas", "Who may act for you changed"):
        assert word not in own
    assert door.trail(AuditAction.PROXY_CHANGED)[0].body["quiet"] is True


def test_the_resident_sees_who_may_act_and_stops_it_with_one_press(door: Door, cas: Visitor, ada: Visitor) -> None:
    page = ada.get("/my/proxies/proxy").text
    for words in ("Cas Wye", "Millrace Surgery", "Change and stop sharing", "20 November 2027"):
        assert words in page
    act(cas)
    assert ada.send("/my/proxies/proxy/stop", page="/my/proxies/proxy").status_code == 303
    assert "Nobody can act for you." in ada.get("/my/proxies").text
    assert cas.get("/my/sharing").status_code == 303


def test_nobody_sees_or_stops_what_is_not_theirs(door: Door, cas: Visitor) -> None:
    ben = door.signed_in("resident:ben")
    assert ben.get("/my/proxies/proxy").status_code == 404
    assert ben.send("/my/proxies/proxy/stop", page="/my/proxies/appoint").status_code == 404
    assert ben.send("/my/proxies/proxy/act", page="/my/proxies/appoint").status_code == 404


ASKED: dict[str, Any] = {"relation": "friend", "basis": "consent", "levels": ["see-sharing"]}


def born(born_on: object) -> dict[str, Any]:
    return {f"born_on__{part}": str(getattr(born_on, part)) for part in ("day", "month", "year")}


PER_ASKING = re.compile(r"/my/proxies/asked/[0-9a-f]{32}/take-back")


def seen_after(door: Door, who: str, path: str, number: str, born_on: object) -> tuple[Any, ...]:
    """All that whoever asks is shown afterwards, but for the id of what they asked."""
    visitor = door.signed_in(who)
    sent = visitor.send(path, nhs_number=number, **born(born_on), **ASKED)
    pages = [bytes_of(visitor, page) for page in (sent.headers["Location"], "/my/proxies", "/my/activity", "/my")]
    return sent.status_code, *[(status, PER_ASKING.sub("", text)) for status, _, text in pages]


@row("T15")
def test_asking_says_the_same_whether_or_not_there_is_such_a_person(open_door: Callable[..., Door]) -> None:
    answers = set()
    for number in (ADA_NUMBER, STRANGER_NUMBER, CAS_NUMBER):
        door = open_door(demonstration=True)
        settle_cas(door)
        answers.add(seen_after(door, "resident:cas", "/my/proxies/ask", number, ADA_BORN))
    assert len(answers) == 1


@row("T15")
def test_appointing_says_the_same_whether_or_not_there_is_such_a_person(open_door: Callable[..., Door]) -> None:
    """Also where there was somebody who was stopped quietly."""
    answers = set()
    for number, how in ((CAS_NUMBER, ""), (STRANGER_NUMBER, ""), (CAS_NUMBER, "quietly")):
        door = open_door(demonstration=True)
        settle_cas(door)
        if how:
            let_cas_act(door)
            end(door, how)
        seen = seen_after(door, "resident:ada", "/my/proxies/appoint", number, CAS_BORN)
        assert "Cas" not in str(seen)
        answers.add(seen)
    assert len(answers) == 1


def test_what_was_asked_is_taken_back_with_one_press(door: Door, ada: Visitor) -> None:
    settle_cas(door)
    ada.send("/my/proxies/appoint", nhs_number=CAS_NUMBER, **born(CAS_BORN), **ASKED)
    back = PER_ASKING.search(ada.get("/my/proxies").text)
    assert back is not None
    assert door.signed_in("resident:ben").send(back[0], page="/my/proxies/appoint").status_code == 404
    assert ada.send(back[0], page="/my/proxies").status_code == 303
    assert "you asked" not in ada.get("/my/proxies").text
    with door.broker.sessions() as session:
        assert session.scalars(select(Proxy)).one().state is ProxyState.INACTIVE


def test_somebody_who_asked_waits_for_the_residents_yes_and_then_for_the_practice(door: Door, ada: Visitor) -> None:
    settle_cas(door)
    cas = door.signed_in("resident:cas")
    cas.send("/my/proxies/ask", nhs_number=ADA_NUMBER, **born(ADA_BORN), **ASKED)
    with door.broker.sessions() as session:
        proxy = session.scalars(select(Proxy)).one()
    assert "Cas Wye" in ada.get("/my/proxies").text
    said = ada.send(
        f"/my/proxies/{proxy.id}/answer", page=f"/my/proxies/{proxy.id}", answer="yes", levels=["see-sharing"]
    )
    assert said.status_code == 303
    assert "Your practice decides next" in ada.get("/my/proxies").text
    assert "Act for Ada" not in cas.get("/my/proxies").text


def test_appointing_needs_a_fresh_proof_and_stopping_none(door: Door, ada: Visitor, cas: Visitor) -> None:
    door.clock.forward(timedelta(seconds=door.broker.settings.fresh_seconds + 60))
    sent = ada.send(
        "/my/proxies/appoint", nhs_number=CAS_NUMBER, **born(CAS_BORN), relation="friend", levels=["see-sharing"]
    )
    assert "/sign-in/again" in sent.headers["Location"]
    stopped = ada.send("/my/proxies/proxy/stop", page="/my/proxies/proxy")
    assert stopped.headers["Location"] == "/my/proxies"


def test_a_wrong_form_says_what_is_wrong(door: Door) -> None:
    settle_cas(door)
    cas = door.signed_in("resident:cas")
    sent = cas.send("/my/proxies/ask", nhs_number="1", basis="best-interest")
    assert sent.status_code == 422
    for words in ("Enter a date of birth.", "Choose what you are to them.", "Say what shows it"):
        assert words in sent.text


def test_a_proxy_is_not_shown_services_whose_name_says_too_much(door: Door, cas: Visitor, ada: Visitor) -> None:
    """The food bank is made a service that receives what proxies never see; the same page is the resident's still."""
    with door.broker.sessions() as session:
        for agreement in session.scalars(select(SharingAgreement)):
            document = dict(agreement.document)
            if any(party["organisation"] == FOOD_BANK and party["receives"] for party in document["parties"]):
                agreement.document = {**document, "labels": ["domestic-abuse"]}
        name = session.get_one(Organisation, FOOD_BANK).name
        session.commit()
    adviser = door.signed_in("adviser")
    record = adviser.ask(adviser.find(ADA_NUMBER, ADA_BORN), Section.HOUSING)
    assert name in ada.get("/my").text
    assert name in ada.get("/my/activity").text
    act(cas)
    assert cas.get(f"/my/requests/{record.id}").status_code == 404
    for path in ("/my", "/my/activity", "/my/sharing"):
        assert name not in cas.get(path).text, path


def test_a_proxy_does_not_read_what_others_wrote(door: Door, gp: Visitor, cas: Visitor, ada: Visitor) -> None:
    reason = "She told us she is afraid."
    found = gp.find(ADA_NUMBER, ADA_BORN)
    gp.send(f"{found}/team-permission/direct-care", sections=["allergies-and-adverse-reaction"], reason=reason)
    assert reason in ada.get("/my/activity").text
    act(cas)
    page = cas.get("/my/activity").text
    assert "Millrace Surgery" in page
    assert reason not in page


def test_death_and_a_birthday_put_somebody_out_too(door: Door, cas: Visitor) -> None:
    act(cas)
    with door.broker.sessions() as session:
        session.get_one(Resident, "ada").died_on = NOON.date()
        session.commit()
    assert cas.get("/my/sharing").status_code == 303


def test_nobody_acts_for_somebody_by_naming_them(door: Door, cas: Visitor) -> None:
    assert cas.send("/my/proxies/other/act", page="/my/proxies").status_code == 404
    with door.broker.sessions() as session:
        assert session.scalars(select(Consent)).all() == []
        assert session.scalars(select(Proxy)).one().state is ProxyState.ACTIVE
