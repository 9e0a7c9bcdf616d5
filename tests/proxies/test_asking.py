"""Asking to act for somebody: one answer whether or not they exist; the resident's own yes; and stopping at once."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from broker.errors import Conflict, InvalidInput, NotFound, NotPermitted, TooMany
from broker.identity.models import Resident
from broker.proxies import actions, deciding
from broker.proxies.acting import acts_for, begin, standing_for
from broker.proxies.actions import Wish
from broker.proxies.models import Proxy
from broker.vocabulary import AccessLevel, LegalBasis, ProxyReason, ProxyRelation, ProxyState
from tests.people import ADA_BORN, ADA_NUMBER, BEN_BORN, BEN_NUMBER, NOON, STRANGER_NUMBER
from tests.proxies.conftest import ALL, CAS_BORN, CAS_NUMBER, FEW, GP, Cast

LATER = NOON + timedelta(hours=1)


def appoint(cast: Cast, resident: str = "ada", levels: frozenset[AccessLevel] = FEW, **more: object) -> None:
    said: dict[str, Any] = {"relation": ProxyRelation.FRIEND, "basis": LegalBasis.CONSENT, "levels": levels, **more}
    wish = Wish(**said)
    actions.appoint(
        cast.session,
        wish,
        resident=resident,
        nhs_number=CAS_NUMBER,
        born_on=CAS_BORN,
        trail=cast.trail,
        settings=cast.settings,
        now=NOON,
    )


def test_asking_makes_a_proposal_that_lets_nobody_act(cast: Cast) -> None:
    cast.ask()
    assert cast.proxy().state is ProxyState.PROPOSED
    assert standing_for(cast.session, proxy_resident="cas", resident="ada", now=NOON) is None


@pytest.mark.parametrize(
    ("number", "born_on"), [(STRANGER_NUMBER, ADA_BORN), (ADA_NUMBER, BEN_BORN), (CAS_NUMBER, CAS_BORN)]
)
def test_asking_for_nobody_says_nothing_and_keeps_only_an_entry(cast: Cast, number: str, born_on: date) -> None:
    cast.ask(number=number, born_on=born_on)
    assert cast.session.scalars(select(Proxy)).all() == []
    assert [(entry.resident, entry.body["act"]) for entry in cast.entries()] == [
        (None, "asked-in-vain"),
        ("cas", "asked"),
    ]


def test_asking_twice_keeps_one_and_says_nothing(cast: Cast) -> None:
    cast.ask()
    cast.ask(levels=FEW)
    assert cast.proxy().levels == ALL
    assert cast.entries()[0].body["quiet"] is True


def test_asking_again_after_a_no_is_the_same_proxy_with_its_history(cast: Cast) -> None:
    cast.ask()
    cast.decide(cast.proxy(), agree=False, reason=ProxyReason.APPLICATION_REJECTED_SAFEGUARDING, now=LATER)
    cast.ask(now=LATER + timedelta(hours=1))
    states = [change.state for change in cast.proxy().changes]
    assert states == [ProxyState.PROPOSED, ProxyState.REJECTED, ProxyState.PROPOSED]


def test_looking_for_people_is_limited_as_it_is_for_workers(cast: Cast) -> None:
    for _ in range(cast.settings.lookups_per_minute):
        cast.ask(number=STRANGER_NUMBER)
    with pytest.raises(TooMany):
        cast.ask()


def test_a_child_cannot_act_for_somebody(cast: Cast) -> None:
    with pytest.raises(NotPermitted, match="proxy-too-young"):
        cast.ask(asker="ben")


def test_a_power_of_attorney_needs_words(cast: Cast) -> None:
    with pytest.raises(InvalidInput, match="evidence-missing"):
        cast.ask(basis=LegalBasis.POWER_OF_ATTORNEY, words=" ")


def test_a_resident_appoints_by_their_own_yes_alone(cast: Cast) -> None:
    appoint(cast)
    proxy = cast.proxy()
    assert (proxy.resident_id, proxy.proxy_resident_id, proxy.agreed_at) == ("ada", "cas", NOON)
    with pytest.raises(InvalidInput, match="basis-wrong"):
        appoint(cast, basis=LegalBasis.DEPUTY, words="An order.")


def _seen(cast: Cast) -> tuple[list[str], list[tuple[object, ...]], list[bool]]:
    """What Ada is shown: of people, of the trail, and of what she asked."""
    people = [each.proxy_resident_id for each in actions.of_resident(cast.session, "ada", now=NOON)]
    loud = [dict(entry.body) for entry in cast.entries() if entry.resident == "ada" and not entry.body.get("quiet")]
    return (
        people,
        [tuple(body.items()) for body in loud],
        [each.appoints for each in actions.asked_by(cast.session, "ada")],
    )


@pytest.mark.parametrize("before", ["nothing", "nobody", "refused", "taken-back"])
def test_appointing_shows_the_same_whoever_there_is(cast: Cast, before: str) -> None:
    if before == "nobody":
        cast.session.get_one(Resident, "cas").nhs_number = None
        cast.session.flush()
    appoint(cast)
    assert _seen(cast) == ([], [(("act", "asked"),)], [True])
    if before == "refused":
        cast.decide(cast.proxy(), agree=False, reason=ProxyReason.APPLICATION_REJECTED_SAFEGUARDING)
        assert _seen(cast) == ([], [(("act", "asked"),)], [True])
    if before == "taken-back":
        [asking] = actions.asked_by(cast.session, "ada")
        with pytest.raises(NotFound):
            actions.take_back(cast.session, asking.id, resident="cas", trail=cast.trail, now=NOON)
        actions.take_back(cast.session, asking.id, resident="ada", trail=cast.trail, now=NOON)
        assert cast.proxy().state is ProxyState.INACTIVE
        assert _seen(cast) == ([], [(("act", "taken-back"),), (("act", "asked"),)], [])


def test_appointing_somebody_who_was_stopped_quietly_looks_like_any_other(cast: Cast) -> None:
    proxy = cast.standing()
    why = ProxyReason.ROLE_DEACTIVATED_SAFEGUARDING
    deciding.suspend(cast.session, proxy, verifier=GP, reason=why, quiet=True, trail=cast.trail, now=NOON)
    before = len(_seen(cast)[1])
    appoint(cast)
    people, entries, asked = _seen(cast)
    assert (people, asked) == ([], [True])
    assert entries[: len(entries) - before] == [(("act", "asked"),)]
    assert cast.proxy().state is ProxyState.SUSPENDED


def test_with_the_practices_yes_there_is_a_name_and_nothing_left_of_the_asking(cast: Cast) -> None:
    appoint(cast)
    cast.decide(cast.proxy())
    people, entries, asked = _seen(cast)
    assert (people, asked) == (["cas"], [])
    assert dict(entries[0])["state"] == "active"


def test_somebody_who_asks_themselves_is_named_even_where_they_were_appointed_before(cast: Cast) -> None:
    appoint(cast)
    cast.decide(cast.proxy(), agree=False, reason=ProxyReason.APPLICATION_REJECTED_SAFEGUARDING)
    cast.ask()
    assert _seen(cast)[0] == ["cas"]
    assert [each.appoints for each in actions.asked_by(cast.session, "cas")] == [False]


def test_a_child_hands_on_no_more_than_they_could_do(cast: Cast) -> None:
    with pytest.raises(NotPermitted, match="proxy-beyond-resident"):
        appoint(cast, resident="ben")


def test_consent_waits_for_the_residents_own_yes(cast: Cast) -> None:
    cast.ask()
    with pytest.raises(NotPermitted, match="proxy-not-agreed"):
        cast.decide(cast.proxy())
    cast.agree(cast.proxy(), levels=FEW)
    cast.decide(cast.proxy())
    assert cast.proxy().state is ProxyState.ACTIVE
    assert cast.proxy().levels == FEW


def test_a_yes_is_never_to_more_than_was_asked(cast: Cast) -> None:
    cast.ask(levels=FEW)
    with pytest.raises(InvalidInput, match="levels-wrong"):
        cast.agree(cast.proxy(), levels=ALL)


def test_a_no_of_the_residents_ends_it_and_is_given_once(cast: Cast) -> None:
    cast.ask()
    actions.answer(cast.session, cast.proxy(), agree=False, resident="ada", trail=cast.trail, now=NOON)
    assert cast.proxy().reason is ProxyReason.APPLICATION_REJECTED_NO_CONSENT
    with pytest.raises(NotFound):
        cast.agree(cast.proxy())


def test_a_yes_is_given_once(cast: Cast) -> None:
    cast.ask()
    cast.agree(cast.proxy())
    with pytest.raises(Conflict, match="proxy-answered"):
        cast.agree(cast.proxy())


def test_the_resident_stops_it_at_once_and_only_they_do(cast: Cast) -> None:
    proxy = cast.standing()
    with pytest.raises(NotFound):
        actions.stop(cast.session, proxy, resident="cas", trail=cast.trail, now=NOON)
    actions.stop(cast.session, proxy, resident="ada", trail=cast.trail, now=NOON)
    assert standing_for(cast.session, proxy_resident="cas", resident="ada", now=NOON) is None
    assert cast.entries()[0].actor == "resident:ada"


def test_acting_is_noted_for_the_resident_with_the_basis(cast: Cast) -> None:
    proxy = cast.standing()
    begin(cast.session, proxy.id, proxy_resident="cas", trail=cast.trail, now=LATER)
    entry = cast.entries()[0]
    assert (entry.actor, entry.resident) == ("resident:cas", "ada")
    assert entry.body["acting"] == {"acting_for": "ada", "proxy": proxy.id, "basis": "consent"}
    assert cast.proxy().last_used_at == LATER


def test_nobody_acts_by_somebody_elses_proxy(cast: Cast) -> None:
    proxy = cast.standing()
    for who in ("ben", "ada"):
        with pytest.raises(NotFound):
            begin(cast.session, proxy.id, proxy_resident=who, trail=cast.trail, now=NOON)
    assert acts_for(cast.session, "cas", now=NOON) == [proxy]
    assert acts_for(cast.session, "ada", now=NOON) == []


def test_the_trail_holds_no_name_number_or_word_of_the_asking(cast: Cast) -> None:
    cast.ask(words="I look after her.")
    cast.agree(cast.proxy())
    cast.decide(cast.proxy(), words="Her letter seen.")
    bodies = repr([dict(entry.body) for entry in cast.entries()])
    for word in (ADA_NUMBER, "Ada", "Cas", "look after", "letter"):
        assert word not in bodies


def test_the_two_are_residents_and_never_one(cast: Cast) -> None:
    cast.ask(number=BEN_NUMBER, born_on=BEN_BORN, basis=LegalBasis.PARENTAL_RESPONSIBILITY)
    assert cast.proxy().resident == cast.session.get_one(Resident, "ben")
