"""How a resident may be asked: caps, turns, quiet hours, blocks, reminders; and that no asker can tell any of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from broker.access.request import Requester
from broker.audit.trail import Trail
from broker.consent import actions, asking, reminding
from broker.consent.asking import Preferences, Quiet
from broker.consent.models import AccessRequestRecord
from broker.database import session_factory
from broker.errors import BrokerError, Conflict, InvalidInput, NotFound, NotPermitted, TooMany
from broker.identity.actions import find_resident
from broker.identity.models import Organisation, Relationship, ResidentHandle
from broker.settings import Settings
from broker.vocabulary import AuditAction, OrganisationKind, Purpose, RelationshipKind, RequestState, Role, Section
from tests.conformance.rows import row
from tests.people import (
    ADA_BORN,
    ADA_NUMBER,
    ADVISER,
    BEFRIENDER,
    FOOD_BANK,
    GP,
    LONG_AGO,
    NOON,
    STRANGER_NUMBER,
    settle,
)

BY_ADA = "resident:ada"
SECTIONS = frozenset({Section.HOUSING})
NIGHT = Quiet(from_=time(21), until=time(8))


@pytest.fixture
def trail(sessions: sessionmaker[Session]) -> Trail:
    return Trail(sessions, key=b"k" * 32)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, lookups_per_minute=100_000, lookups_per_day=100_000)


@pytest.fixture(autouse=True)
def _everybody(session: Session) -> None:
    settle(session)


def handle_of(session: Session, number: str, *, trail: Trail, settings: Settings, asker: Requester = ADVISER) -> str:
    return find_resident(
        session, asker=asker, nhs_number=number, born_on=ADA_BORN, trail=trail, settings=settings, now=NOON
    )


def ask(
    session: Session,
    trail: Trail,
    settings: Settings,
    *,
    number: str = ADA_NUMBER,
    asker: Requester = ADVISER,
    now: datetime = NOON,
    lasting: timedelta = timedelta(days=14),
) -> AccessRequestRecord:
    record = actions.put(
        session,
        requester=asker,
        handle=handle_of(session, number, trail=trail, settings=settings, asker=asker),
        purpose=Purpose.ADVICE_DEBT,
        sections=SECTIONS,
        reason="To help with your arrears.",
        share_until=now + timedelta(days=30),
        expires_at=now + lasting,
        trail=trail,
        now=now,
    )
    session.commit()
    return record


def shown(session: Session, *, now: datetime = NOON) -> list[str]:
    return [record.id for record in asking.waiting(session, "ada", now=now)]


def charities(session: Session, many: int) -> list[Requester]:
    """So many more organisations, each with somebody who asks."""
    codes = [f"GB-CHC-77{number:05}" for number in range(many)]
    for code in codes:
        session.add(
            Organisation(code=code, name=f"Charity {code}", kind=OrganisationKind.VCFSE, service="", joined_at=LONG_AGO)
        )
    session.commit()
    return [replace(ADVISER, organisation=code) for code in codes]


# ---- how often -----------------------------------------------------------------------------------------------------


@row("T19")
@pytest.mark.parametrize("number", [ADA_NUMBER, STRANGER_NUMBER])
def test_of_a_thousand_requests_three_are_taken_whether_or_not_anybody_is_there(
    session: Session, trail: Trail, settings: Settings, number: str
) -> None:
    taken = 0
    for _ in range(1000):
        try:
            ask(session, trail, settings, number=number)
            taken += 1
        except TooMany:
            continue
    assert taken == asking.MOST_OPEN
    assert len(shown(session)) == (asking.MOST_OPEN if number == ADA_NUMBER else 0)


def test_requests_that_run_out_soon_count_for_a_week(session: Session, trail: Trail, settings: Settings) -> None:
    for _ in range(asking.MOST_OPEN):
        ask(session, trail, settings, lasting=timedelta(minutes=5))
    later = NOON + timedelta(days=6)
    with pytest.raises(TooMany, match="too-many-requests"):
        ask(session, trail, settings, now=later, lasting=timedelta(minutes=5))
    assert ask(session, trail, settings, now=NOON + timedelta(days=7)).state is RequestState.PENDING


def test_a_request_that_was_agreed_to_makes_room_and_one_that_was_not_does_not(
    session: Session, trail: Trail, settings: Settings
) -> None:
    records = [ask(session, trail, settings) for _ in range(asking.MOST_OPEN)]
    actions.answer(session, records[0], agree=False, by=BY_ADA, trail=trail, now=NOON)
    with pytest.raises(TooMany):
        ask(session, trail, settings)
    actions.answer(session, records[1], agree=True, by=BY_ADA, trail=trail, now=NOON)
    ask(session, trail, settings)
    with pytest.raises(TooMany):
        ask(session, trail, settings)


def test_an_organisations_second_handle_for_somebody_makes_no_room(
    session: Session, trail: Trail, settings: Settings
) -> None:
    """As after a date of birth was put right: the old handle still serves."""
    old = "a" * 40
    session.add(ResidentHandle(handle=old, organisation_code=FOOD_BANK, resident_id="ada", made_at=NOON))
    session.commit()
    for _ in range(asking.MOST_OPEN):
        ask(session, trail, settings)
    with pytest.raises(TooMany):
        actions.ask(
            session,
            requester=ADVISER,
            handle=old,
            purpose=Purpose.ADVICE_DEBT,
            sections=SECTIONS,
            reason="Again.",
            share_until=NOON + timedelta(days=1),
            trail=trail,
            settings=settings,
            now=NOON,
        )


def test_a_refused_request_leaves_nothing_behind(session: Session, trail: Trail, settings: Settings) -> None:
    for _ in range(asking.MOST_OPEN):
        ask(session, trail, settings)
    with pytest.raises(TooMany):
        ask(session, trail, settings)
    assert len(session.scalars(select(AccessRequestRecord)).all()) == asking.MOST_OPEN
    assert len(trail.entries(session, actions=[AuditAction.ACCESS_REQUESTED])) == asking.MOST_OPEN


@pytest.mark.slow
def test_of_many_at_once_no_more_than_three_are_taken(each_engine: Engine, settings: Settings) -> None:
    sessions = session_factory(each_engine)
    trail = Trail(sessions, key=b"k" * 32)
    with sessions() as session:
        if session.get(Organisation, FOOD_BANK) is None:
            settle(session)
        handle = handle_of(session, ADA_NUMBER, trail=trail, settings=settings)

    def once(_: int) -> bool:
        with sessions() as own:
            try:
                actions.ask(
                    own,
                    requester=ADVISER,
                    handle=handle,
                    purpose=Purpose.ADVICE_DEBT,
                    sections=SECTIONS,
                    reason="Now.",
                    share_until=NOON + timedelta(days=1),
                    trail=trail,
                    settings=settings,
                    now=NOON,
                )
            except TooMany:
                return False
            return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(once, range(16))) == asking.MOST_OPEN


def test_a_resident_is_shown_ten_new_requests_a_week_and_the_others_in_their_turn(
    session: Session, trail: Trail, settings: Settings
) -> None:
    for asker in charities(session, 12):
        ask(session, trail, settings, asker=asker)
    assert len(shown(session)) == asking.MOST_SHOWN_A_WEEK
    assert len(shown(session, now=NOON + timedelta(days=7) - timedelta(seconds=1))) == asking.MOST_SHOWN_A_WEEK
    assert len(shown(session, now=NOON + timedelta(days=7))) == 12


def test_that_others_have_asked_is_told_to_no_asker(session: Session, trail: Trail, settings: Settings) -> None:
    askers = charities(session, 12)
    for asker in askers[:11]:
        ask(session, trail, settings, asker=asker)
    eleventh, alone = (
        ask(session, trail, settings, asker=askers[11], number=number) for number in (ADA_NUMBER, STRANGER_NUMBER)
    )
    assert eleventh.id not in shown(session)
    for at in (NOON, NOON + timedelta(days=8), NOON + timedelta(days=14)):
        assert actions.state_of(eleventh, now=at) is actions.state_of(alone, now=at)
    assert eleventh.expires_at == alone.expires_at


def test_a_blocked_organisation_takes_nobody_elses_turn(session: Session, trail: Trail, settings: Settings) -> None:
    askers = charities(session, 11)
    for asker in askers[:10]:
        asking.block(session, "ada", asker.organisation, by=BY_ADA, trail=trail, now=NOON)
        ask(session, trail, settings, asker=asker)
    assert [ask(session, trail, settings, asker=askers[10]).id] == shown(session)


# ---- at which hours ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "from_"),
    [
        (datetime(2026, 11, 20, 20, 59, tzinfo=UTC), None),
        (datetime(2026, 11, 20, 21, 0, tzinfo=UTC), datetime(2026, 11, 21, 8, tzinfo=UTC)),
        (datetime(2026, 11, 21, 3, 0, tzinfo=UTC), datetime(2026, 11, 21, 8, tzinfo=UTC)),
        (datetime(2026, 11, 21, 8, 0, tzinfo=UTC), None),
        # In summer London is an hour ahead, and in the night that the clocks change, eight is eight.
        (datetime(2026, 7, 1, 20, 30, tzinfo=UTC), datetime(2026, 7, 2, 7, tzinfo=UTC)),
        (datetime(2026, 7, 1, 19, 30, tzinfo=UTC), None),
        (datetime(2027, 3, 27, 22, 0, tzinfo=UTC), datetime(2027, 3, 28, 7, tzinfo=UTC)),
        (datetime(2026, 10, 24, 21, 0, tzinfo=UTC), datetime(2026, 10, 25, 8, tzinfo=UTC)),
    ],
)
def test_quiet_hours_are_londons_and_end_when_they_say(at: datetime, from_: datetime | None) -> None:
    assert NIGHT.over(at) == (from_ or at)


def test_quiet_hours_may_be_within_a_day() -> None:
    nap = Quiet(from_=time(13), until=time(15))
    assert nap.over(datetime(2026, 11, 20, 14, tzinfo=UTC)) == datetime(2026, 11, 20, 15, tzinfo=UTC)
    assert nap.over(datetime(2026, 11, 20, 15, tzinfo=UTC)) == datetime(2026, 11, 20, 15, tzinfo=UTC)


def test_a_request_made_in_quiet_hours_is_shown_when_they_end(
    session: Session, trail: Trail, settings: Settings
) -> None:
    asking.change(session, "ada", Preferences(quiet=NIGHT), by=BY_ADA, trail=trail, now=NOON)
    late = datetime(2026, 11, 20, 22, tzinfo=UTC)
    record = ask(session, trail, settings, now=late)
    assert (shown(session, now=late), actions.state_of(record, now=late)) == ([], RequestState.PENDING)
    morning = datetime(2026, 11, 21, 8, tzinfo=UTC)
    assert shown(session, now=morning - timedelta(seconds=1)) == []
    assert shown(session, now=morning) == [record.id]


def test_preferences_are_kept_whole_and_changed_whole(session: Session, trail: Trail) -> None:
    assert asking.preferences(session, "ada") == Preferences(quiet=None, tell_of_joiners=False)
    for chosen in (Preferences(quiet=NIGHT, tell_of_joiners=True), Preferences()):
        asking.change(session, "ada", chosen, by=BY_ADA, trail=trail, now=NOON)
        assert asking.preferences(session, "ada") == chosen
    assert asking.preferences(session, "ben") == Preferences()
    entries = trail.entries(session, resident="ada", actions=[AuditAction.ASKING_CHANGED])
    assert [entry.body for entry in reversed(entries)] == [
        {"quiet": True, "tell_of_joiners": True},
        {"quiet": False, "tell_of_joiners": False},
    ]


def test_quiet_hours_cannot_be_all_day(session: Session, trail: Trail) -> None:
    always = Preferences(quiet=Quiet(from_=time(9), until=time(9)))
    with pytest.raises(InvalidInput, match="quiet-hours-invalid"):
        asking.change(session, "ada", always, by=BY_ADA, trail=trail, now=NOON)
    assert asking.preferences(session, "ada") == Preferences()


# ---- by whom not ---------------------------------------------------------------------------------------------------


def test_a_blocked_organisation_asks_into_the_air(session: Session, trail: Trail, settings: Settings) -> None:
    before = ask(session, trail, settings)
    asking.block(session, "ada", FOOD_BANK, by=BY_ADA, trail=trail, now=NOON)
    after = ask(session, trail, settings)
    assert shown(session) == []
    for record in (before, after):
        assert not asking.is_shown(session, record, now=NOON)
        assert actions.state_of(record, now=NOON) is RequestState.PENDING
        assert actions.state_of(record, now=NOON + timedelta(days=14)) is RequestState.EXPIRED
    other = ask(session, trail, settings, asker=BEFRIENDER)
    assert shown(session) == [other.id]


def test_a_block_can_be_undone_and_what_still_waits_is_shown(
    session: Session, trail: Trail, settings: Settings
) -> None:
    asking.block(session, "ada", FOOD_BANK, by=BY_ADA, trail=trail, now=NOON)
    asking.block(session, "ada", FOOD_BANK, by=BY_ADA, trail=trail, now=NOON)
    record = ask(session, trail, settings)
    assert asking.blocked(session, "ada") == [FOOD_BANK]
    for _ in range(2):
        asking.unblock(session, "ada", FOOD_BANK, by=BY_ADA, trail=trail, now=NOON)
    assert (asking.blocked(session, "ada"), shown(session)) == ([], [record.id])
    entries = trail.entries(session, resident="ada", actions=[AuditAction.ASKING_CHANGED])
    assert [entry.body for entry in reversed(entries)] == [{"blocked": FOOD_BANK}, {"unblocked": FOOD_BANK}]


def test_what_an_organisation_can_find_on_the_trail_never_says_that_it_was_blocked(
    session: Session, trail: Trail
) -> None:
    asking.block(session, "ada", FOOD_BANK, by=BY_ADA, trail=trail, now=NOON)
    assert trail.entries(session, organisation=FOOD_BANK, actions=[AuditAction.ASKING_CHANGED]) == []


def test_a_block_is_one_residents_alone(session: Session, trail: Trail, settings: Settings) -> None:
    asking.block(session, "ben", FOOD_BANK, by="resident:ben", trail=trail, now=NOON)
    assert shown(session) == [] != [ask(session, trail, settings).id] == shown(session)


# ---- reminding -----------------------------------------------------------------------------------------------------


def _remind(session: Session, record: AccessRequestRecord, trail: Trail, *, after: timedelta) -> str:
    try:
        reminding.remind(session, record, asker=ADVISER, trail=trail, now=NOON + after)
    except BrokerError as refused:
        session.rollback()
        return str(refused)
    return "reminded"


def test_one_reminder_is_sent_after_half_the_time(session: Session, trail: Trail, settings: Settings) -> None:
    record = ask(session, trail, settings)
    with pytest.raises(Conflict, match="reminder-not-now"):
        reminding.remind(session, record, asker=ADVISER, trail=trail, now=NOON + timedelta(days=6))
    at = NOON + timedelta(days=7)
    reminding.remind(session, record, asker=ADVISER, trail=trail, now=at)
    assert record.reminded_at == at
    with pytest.raises(Conflict, match="reminder-not-now"):
        reminding.remind(session, record, asker=ADVISER, trail=trail, now=at + timedelta(days=1))


def test_reminding_looks_the_same_whatever_was_said_and_whoever_is_there(
    session: Session, trail: Trail, settings: Settings
) -> None:
    waiting, nobody = (ask(session, trail, settings, number=number) for number in (ADA_NUMBER, STRANGER_NUMBER))
    declined = ask(session, trail, settings)
    actions.answer(session, declined, agree=False, by=BY_ADA, trail=trail, now=NOON)
    for days in (1, 7, 8, 14):
        said = {_remind(session, each, trail, after=timedelta(days=days)) for each in (waiting, declined, nobody)}
        assert len(said) == 1


# ---- passing on ----------------------------------------------------------------------------------------------------


def pass_on(session: Session, trail: Trail, settings: Settings, code: str, asker: Requester) -> AccessRequestRecord:
    handle = handle_of(session, ADA_NUMBER, trail=trail, settings=settings, asker=asker)
    return reminding.to_pass_on(session, handle, code, asker=asker, settings=settings, now=NOON)


def test_the_practice_passes_a_request_on_by_its_code_and_answers_nothing(
    session: Session, trail: Trail, settings: Settings
) -> None:
    record = ask(session, trail, settings)
    found = pass_on(session, trail, settings, record.binding_code.lower(), GP)
    assert found.id == record.id
    reminding.passed_on(session, found, asker=GP, trail=trail, now=NOON)
    assert record.state is RequestState.PENDING
    newest, *_ = trail.entries(session, resident="ada", actions=[AuditAction.ACCESS_REQUESTED])
    assert (newest.actor, newest.body["how"]) == ("person:gp", "passed-on")


def test_nobody_else_can_look_up_a_request_by_its_code(session: Session, trail: Trail, settings: Settings) -> None:
    record = ask(session, trail, settings)
    with pytest.raises(NotPermitted, match="role-not-permitted"):
        pass_on(session, trail, settings, record.binding_code, ADVISER)
    stranger = replace(GP, organisation=BEFRIENDER.organisation)  # a clinician who is not there for Ada
    for code, asker in ((record.binding_code, stranger), ("BBBBBB", GP)):
        with pytest.raises(NotFound, match="request-unknown"):
            pass_on(session, trail, settings, code, asker)
    asking.block(session, "ada", FOOD_BANK, by=BY_ADA, trail=trail, now=NOON)
    with pytest.raises(NotFound, match="request-unknown"):
        pass_on(session, trail, settings, record.binding_code, GP)


def test_a_worker_passes_on_to_those_on_their_own_caseload(session: Session, trail: Trail, settings: Settings) -> None:
    record = ask(session, trail, settings)
    worker = Requester(organisation=BEFRIENDER.organisation, role=Role.SOCIAL_WORKER, person="befriender")
    caseload = {"kind": RelationshipKind.CASELOAD, "source": "caseload", "from_at": LONG_AGO}
    session.add(
        Relationship(resident_id="ada", organisation_code=worker.organisation, person_id="befriender", **caseload)
    )
    session.commit()
    assert pass_on(session, trail, settings, record.binding_code, worker).id == record.id
    with pytest.raises(NotFound):
        pass_on(session, trail, settings, record.binding_code, replace(worker, person="gp"))


def test_codes_cannot_be_guessed_for_long(session: Session, trail: Trail, settings: Settings) -> None:
    handle = handle_of(session, ADA_NUMBER, trail=trail, settings=settings, asker=GP)
    few = replace(settings, lookups_per_minute=5)
    for code in ("BBBBBB", "CCCCCC", "DDDDDD", "FFFFFF", "GGGGGG"):
        with pytest.raises(NotFound):
            reminding.to_pass_on(session, handle, code, asker=GP, settings=few, now=NOON)
    with pytest.raises(TooMany):
        reminding.to_pass_on(session, handle, "HHHHHH", asker=GP, settings=few, now=NOON)


def test_only_whoever_acts_as_the_resident_may_answer(session: Session, trail: Trail, settings: Settings) -> None:
    record, nobody = (ask(session, trail, settings, number=number) for number in (ADA_NUMBER, STRANGER_NUMBER))
    assert reminding.may_answer(record, resident="ada")
    assert not reminding.may_answer(record, resident="ben")
    assert not reminding.may_answer(nobody, resident="ada")


# ---- how surely, and for how long ----------------------------------------------------------------------------------


def test_a_yes_that_must_be_sure_is_not_taken_from_somebody_less_sure(
    session: Session, trail: Trail, settings: Settings
) -> None:
    record = ask(session, trail, settings)
    record.assurance = 3
    session.commit()
    with pytest.raises(NotPermitted, match="assurance-too-low"):
        actions.answer(session, record, agree=True, assurance=2, by=BY_ADA, trail=trail, now=NOON)
    assert actions.answer(session, record, agree=True, assurance=3, by=BY_ADA, trail=trail, now=NOON) is not None


def test_a_no_never_needs_surety(session: Session, trail: Trail, settings: Settings) -> None:
    record = ask(session, trail, settings)
    record.assurance = 3
    session.commit()
    assert actions.answer(session, record, agree=False, by=BY_ADA, trail=trail, now=NOON) is None
    assert record.state is RequestState.DECLINED


def test_sharing_for_a_while_begins_with_the_answer(session: Session, trail: Trail, settings: Settings) -> None:
    record = ask(session, trail, settings)
    record.share_seconds = 3600
    session.commit()
    at = NOON + timedelta(days=2)
    until = at + timedelta(hours=2)
    with pytest.raises(InvalidInput, match="more-than-asked"):
        actions.answer(session, record, agree=True, until=until, by=BY_ADA, trail=trail, now=at)
    consent = actions.answer(session, record, agree=True, by=BY_ADA, trail=trail, now=at)
    assert consent is not None
    assert consent.provisions[0].until_at == at + timedelta(hours=1)


def test_a_resident_who_is_there_is_asked_whatever_else_waits(
    session: Session, trail: Trail, settings: Settings
) -> None:
    first, *_ = [ask(session, trail, settings) for _ in range(asking.MOST_OPEN)]
    handle = first.handle
    asking.change(session, "ada", Preferences(quiet=Quiet(time(11), time(13))), by=BY_ADA, trail=trail, now=NOON)
    asked = {"handle": handle, "purpose": Purpose.ADVICE_DEBT, "sections": SECTIONS, "reason": "You are here."}
    asked["share_until"] = NOON + timedelta(days=1)
    here = actions.ask(
        session,
        requester=ADVISER,
        present=True,
        trail=trail,
        settings=settings,
        now=NOON,
        **asked,  # type: ignore[arg-type]
    )
    assert here.id in shown(session)
    with pytest.raises(TooMany):
        actions.ask(session, requester=ADVISER, trail=trail, settings=settings, now=NOON, **asked)  # type: ignore[arg-type]
