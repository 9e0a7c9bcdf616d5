"""A practice decides who may act for its patients, and nobody else's practice does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from broker.proxies.models import Proxy
from broker.vocabulary import AuditAction, ProxyState
from tests.people import ADA_BORN, ADA_NUMBER
from tests.web.conftest import Door, Visitor
from tests.web.proxy_cast import let_cas_act, settle_cas

BORN: dict[str, Any] = {f"born_on__{part}": str(getattr(ADA_BORN, part)) for part in ("day", "month", "year")}


@pytest.fixture
def asked(door: Door) -> str:
    """Cas asks to act for Ada with a power of attorney."""
    settle_cas(door)
    door.signed_in("resident:cas").send(
        "/my/proxies/ask",
        nhs_number=ADA_NUMBER,
        **BORN,
        relation="carer",
        basis="health-and-welfare-lasting-power-of-attorney",
        words="Registered with the Office of the Public Guardian.",
        levels=["see-sharing", "see-who-looked"],
    )
    return kept(door).id


def kept(door: Door) -> Proxy:
    with door.broker.sessions() as session:
        return session.scalars(select(Proxy)).one()


def decide(visitor: Visitor, proxy: str, **form: Any) -> Any:
    return visitor.send(f"/practice/proxies/{proxy}/decide", page=f"/practice/proxies/{proxy}", **form)


def test_the_practice_sees_who_asks_and_says_yes_to_less(gp: Visitor, door: Door, asked: str) -> None:
    assert "Cas Wye for Ada Okoro" in gp.get("/practice/proxies").text
    assert "Registered with the Office" in gp.get(f"/practice/proxies/{asked}").text
    decide(gp, asked, answer="yes", levels=["see-sharing"], until="182", words="The register shows it.")
    proxy = kept(door)
    assert (proxy.state, [level.value for level in proxy.levels]) == (ProxyState.ACTIVE, ["see-sharing"])
    cas = door.signed_in("resident:cas")
    assert "Act for Ada Okoro" in cas.get("/my/proxies").text


def test_a_yes_without_what_shows_it_is_refused_beside_the_field(gp: Visitor, door: Door, asked: str) -> None:
    answer = decide(gp, asked, answer="yes", levels=["see-sharing"], until="365", words="")
    assert "Write down what you saw" in answer.text
    assert kept(door).state is ProxyState.PROPOSED


def test_a_no_needs_a_reason_and_whoever_asked_is_not_told(gp: Visitor, door: Door, asked: str) -> None:
    assert "Choose a reason." in decide(gp, asked, answer="no").text
    decide(gp, asked, answer="no", reason="application-rejected-safeguarding")
    assert kept(door).state is ProxyState.REJECTED
    assert "Ada" not in door.signed_in("resident:cas").get("/my/proxies").text


def test_another_organisation_finds_nothing(door: Door, asked: str) -> None:
    lead = door.signed_in("pantry-lead")
    assert lead.get("/practice/proxies").status_code == 404
    assert door.signed_in("overseer").get("/practice/proxies").status_code == 404, "an integrator has no patients"
    assert lead.get(f"/practice/proxies/{asked}").status_code == 404
    assert "/practice/proxies" not in lead.get("/governance").text


@pytest.mark.parametrize("who", ["adviser", "privacy-officer", "resident:ada"])
def test_nobody_else_opens_a_practices_pages(door: Door, asked: str, who: str) -> None:
    assert door.signed_in(who).get("/practice/proxies").status_code == 403


def test_a_yes_needs_a_fresh_proof_and_a_no_none(gp: Visitor, door: Door, asked: str) -> None:
    door.clock.forward(timedelta(seconds=door.broker.settings.fresh_seconds + 60))
    sent = decide(gp, asked, answer="yes", levels=["see-sharing"], until="365", words="Seen.")
    assert "/sign-in/again" in sent.headers["Location"]
    decide(gp, asked, answer="no", reason="application-rejected-not-needed")
    assert kept(door).state is ProxyState.REJECTED


def test_it_is_stopped_with_a_reason_that_goes_with_how(gp: Visitor, door: Door) -> None:
    proxy = let_cas_act(door)
    page, path = f"/practice/proxies/{proxy}", f"/practice/proxies/{proxy}/stop"
    assert "Choose whether to end or to suspend it." in gp.send(path, page=page).text
    assert "Choose a reason that goes with it." in gp.send(path, page=page, how="end").text
    for_ending = "role-deactivated-misuse-of-system"
    assert gp.send(path, page=page, how="suspend", why_suspend=for_ending).status_code == 422
    form: dict[str, Any] = {"how": "end", "why_end": for_ending}
    gp.send(f"/practice/proxies/{proxy}/stop", page=f"/practice/proxies/{proxy}", **form)
    assert kept(door).state is ProxyState.INACTIVE
    assert "It was misused" in gp.get(f"/practice/proxies/{proxy}").text


def test_a_practices_page_chooses_nothing_for_it(gp: Visitor, door: Door, asked: str) -> None:
    assert " checked" not in gp.get(f"/practice/proxies/{asked}").text


def test_nothing_is_chosen_before_it_is_stopped_and_each_way_has_its_own_reasons(gp: Visitor, door: Door) -> None:
    proxy = let_cas_act(door)
    stop = gp.get(f"/practice/proxies/{proxy}").text.partition("Stop it</h2>")[2]
    assert " checked" not in stop
    assert stop.count('value="role-deactivated-misuse-of-system"') == 1
    assert stop.count('name="why_suspend"') == 3


def test_where_it_stands_is_said_in_plain_words(gp: Visitor, door: Door) -> None:
    proxy = let_cas_act(door)
    assert "They may act now" in gp.get("/practice/proxies").text
    gp.send(f"/practice/proxies/{proxy}/stop", page=f"/practice/proxies/{proxy}", how="suspend", why_suspend="other",
            stop_words="A letter came.")  # fmt: skip
    assert "Stopped for now, until somebody has looked" in gp.get(f"/practice/proxies/{proxy}").text


def test_a_quiet_stop_needs_a_fresh_proof_and_tells_only_the_practice(gp: Visitor, door: Door) -> None:
    proxy = let_cas_act(door)
    page, path = f"/practice/proxies/{proxy}", f"/practice/proxies/{proxy}/stop-quietly"
    assert gp.send(path, page=page, why="role-deactivated-safeguarding").status_code == 303
    assert kept(door).quiet
    assert "Do not mention it to whoever acts." in gp.get(page).text
    assert door.trail(AuditAction.PROXY_CHANGED)[0].actor == "person:gp"


def test_a_quiet_stop_sends_somebody_signed_in_long_ago_to_prove_it_again(gp: Visitor, door: Door) -> None:
    proxy = let_cas_act(door)
    door.clock.forward(timedelta(seconds=door.broker.settings.fresh_seconds + 60))
    sent = gp.send(
        f"/practice/proxies/{proxy}/stop-quietly",
        page=f"/practice/proxies/{proxy}",
        why="role-deactivated-safeguarding",
    )
    assert "/sign-in/again" in sent.headers["Location"]
    assert kept(door).state is ProxyState.ACTIVE


def test_looking_again_lets_it_go_on_as_far_as_is_ticked(gp: Visitor, door: Door) -> None:
    proxy = let_cas_act(door)
    gp.send(
        f"/practice/proxies/{proxy}/review",
        page=f"/practice/proxies/{proxy}",
        basis="consent",
        levels=["see-sharing"],
        until="365",
    )
    assert [level.value for level in kept(door).levels] == ["see-sharing"]
