"""A resident's choices: what each act keeps, what it refuses, and that each leaves exactly one entry."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from broker.audit.trail import Trail
from broker.consent import actions, asking
from broker.consent.models import AccessRequestRecord, Consent
from broker.errors import Conflict, InvalidInput, NotFound, TooMany
from broker.identity.actions import find_resident
from broker.identity.models import Relationship
from broker.settings import Settings
from broker.vocabulary import AuditAction, ProvisionType, Purpose, RelationshipKind, RequestState, Section, Sensitivity
from tests.people import ADA_BORN, ADA_NUMBER, ADVISER, BEFRIENDER, FOOD_BANK, NOON, STRANGER_NUMBER, settle

SECTIONS = frozenset({Section.HOUSING, Section.MONEY})
BY_ADA = "resident:ada"


@pytest.fixture
def trail(sessions: sessionmaker[Session]) -> Trail:
    return Trail(sessions, key=b"k" * 32)


@pytest.fixture(autouse=True)
def _everybody(session: Session) -> None:
    settle(session)


def ask(session: Session, trail: Trail, settings: Settings, **changes: object) -> AccessRequestRecord:
    number = changes.pop("number", ADA_NUMBER)
    handle = find_resident(
        session, asker=ADVISER, nhs_number=str(number), born_on=ADA_BORN, trail=trail, settings=settings, now=NOON
    )
    given = {
        "requester": ADVISER,
        "handle": handle,
        "purpose": Purpose.ADVICE_DEBT,
        "sections": SECTIONS,
        "reason": "To help with your arrears.",
        "share_until": NOON + timedelta(days=30),
        "now": NOON,
        **changes,
    }
    return actions.ask(session, trail=trail, settings=settings, **given)  # type: ignore[arg-type]


def give(session: Session, trail: Trail) -> Consent:
    return actions.give(
        session,
        resident="ada",
        organisation=FOOD_BANK,
        purposes=frozenset({Purpose.ADVICE_DEBT}),
        sections=SECTIONS,
        until=None,
        by=BY_ADA,
        trail=trail,
        now=NOON,
    )


def acts(session: Session, trail: Trail) -> list[AuditAction]:
    return [entry.action for entry in trail.entries(session, resident="ada", newest_first=False)]


def test_a_resident_is_asked_and_agrees(session: Session, trail: Trail, settings: Settings) -> None:
    record = ask(session, trail, settings)
    consent = actions.answer(session, record, agree=True, by=BY_ADA, trail=trail, now=NOON)
    assert consent is not None
    (provision,) = consent.provisions
    assert (provision.type, provision.organisation_code) == (ProvisionType.PERMIT, FOOD_BANK)
    assert (provision.purposes, provision.sections) == (frozenset({Purpose.ADVICE_DEBT}), SECTIONS)
    assert provision.until_at == record.share_until
    assert acts(session, trail) == [
        AuditAction.RESIDENT_SOUGHT,
        AuditAction.ACCESS_REQUESTED,
        AuditAction.ACCESS_ANSWERED,
    ]


def test_agreeing_invites_the_organisation_for_as_long(session: Session, trail: Trail, settings: Settings) -> None:
    record = ask(session, trail, settings)
    actions.answer(session, record, agree=True, until=NOON + timedelta(days=7), by=BY_ADA, trail=trail, now=NOON)
    invited = session.scalars(select(Relationship).where(Relationship.kind == RelationshipKind.INVITED)).one()
    assert (invited.resident_id, invited.organisation_code) == ("ada", FOOD_BANK)
    assert invited.until_at == NOON + timedelta(days=7)


def test_a_silent_no_looks_like_no_answer_and_then_like_expiry(
    session: Session, trail: Trail, settings: Settings
) -> None:
    declined, unanswered = ask(session, trail, settings), ask(session, trail, settings)
    actions.answer(session, declined, agree=False, by=BY_ADA, trail=trail, now=NOON)
    for at, seen in ((NOON, RequestState.PENDING), (NOON + timedelta(days=15), RequestState.EXPIRED)):
        assert actions.state_of(declined, now=at) is actions.state_of(unanswered, now=at) is seen


def test_nobody_can_be_led_to_share_more_than_was_asked(session: Session, trail: Trail, settings: Settings) -> None:
    record = ask(session, trail, settings)
    more = {"sections": SECTIONS | {Section.PROBLEMS}}, {"until": record.share_until + timedelta(days=1)}
    for wider in more:
        with pytest.raises(InvalidInput, match="more-than-asked"):
            actions.answer(session, record, agree=True, by=BY_ADA, trail=trail, now=NOON, **wider)  # type: ignore[arg-type]
    assert record.state is RequestState.PENDING


def test_a_request_is_answered_once(session: Session, trail: Trail, settings: Settings) -> None:
    record = ask(session, trail, settings)
    actions.answer(session, record, agree=False, by=BY_ADA, trail=trail, now=NOON)
    with pytest.raises(Conflict, match="request-closed"):
        actions.answer(session, record, agree=True, by=BY_ADA, trail=trail, now=NOON)


def test_a_request_that_ran_out_cannot_be_answered(session: Session, trail: Trail, settings: Settings) -> None:
    record = ask(session, trail, settings)
    with pytest.raises(Conflict, match="request-closed"):
        actions.answer(session, record, agree=True, by=BY_ADA, trail=trail, now=record.expires_at)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sections": frozenset()}, "sections-missing"),
        ({"reason": "  "}, "reason-missing"),
        ({"share_until": NOON}, "until-invalid"),
        ({"share_until": NOON + timedelta(days=400)}, "until-invalid"),
    ],
)
def test_a_request_that_says_too_little_is_refused(
    session: Session, trail: Trail, settings: Settings, change: dict[str, object], code: str
) -> None:
    with pytest.raises(InvalidInput, match=code):
        ask(session, trail, settings, **change)


def test_asking_cannot_become_pestering_whether_or_not_anybody_is_there(
    session: Session, trail: Trail, settings: Settings
) -> None:
    for number in (ADA_NUMBER, STRANGER_NUMBER):
        for _ in range(asking.MOST_OPEN):
            ask(session, trail, Settings(data_folder=settings.data_folder, lookups_per_minute=50), number=number)
        with pytest.raises(TooMany, match="too-many-requests"):
            ask(session, trail, Settings(data_folder=settings.data_folder, lookups_per_minute=50), number=number)


def test_another_organisations_handle_asks_nobody(session: Session, trail: Trail, settings: Settings) -> None:
    theirs = ask(session, trail, settings).handle
    with pytest.raises(NotFound, match="resident-unknown"):
        ask(session, trail, settings, requester=BEFRIENDER, handle=theirs)


def test_narrowing_ends_the_sections_and_keeps_what_was(session: Session, trail: Trail) -> None:
    consent = give(session, trail)
    later = NOON + timedelta(hours=1)
    actions.narrow(session, consent, stop_sections=frozenset({Section.MONEY}), by=BY_ADA, trail=trail, now=later)
    ended = [p for p in consent.provisions if p.ended_at is not None]
    left = [p for p in consent.provisions if p.ended_at is None]
    assert [(p.sections, p.ended_at) for p in ended] == [(SECTIONS, later)]
    assert [p.sections for p in left] == [frozenset({Section.HOUSING})]


def test_narrowing_to_nothing_ends_the_permission(session: Session, trail: Trail) -> None:
    consent = give(session, trail)
    actions.narrow(session, consent, stop_sections=SECTIONS, by=BY_ADA, trail=trail, now=NOON)
    assert actions.in_use(session, "ada", now=NOON) == []
    with pytest.raises(Conflict, match="consent-ended"):
        actions.withdraw(session, consent, by=BY_ADA, trail=trail, now=NOON)


def test_stopping_what_is_not_shared_is_refused(session: Session, trail: Trail) -> None:
    consent = give(session, trail)
    with pytest.raises(InvalidInput, match="nothing-to-stop"):
        actions.narrow(session, consent, stop_sections=frozenset({Section.PROBLEMS}), by=BY_ADA, trail=trail, now=NOON)


def test_withdrawing_ends_the_permission_and_the_invitation_at_once(session: Session, trail: Trail) -> None:
    consent = give(session, trail)
    later = NOON + timedelta(hours=1)
    actions.withdraw(session, consent, by=BY_ADA, trail=trail, now=later)
    assert {p.ended_at for p in consent.provisions} == {later}
    invited = session.scalars(select(Relationship).where(Relationship.kind == RelationshipKind.INVITED)).one()
    assert invited.until_at == later
    assert acts(session, trail) == [AuditAction.CONSENT_GIVEN, AuditAction.CONSENT_WITHDRAWN]


def test_what_is_withheld_is_a_denial_of_those_sections_or_labels(session: Session, trail: Trail) -> None:
    consent = actions.withhold(
        session,
        resident="ada",
        organisation=None,
        sections=None,
        labels=frozenset({Sensitivity.ALCOHOL}),
        by=BY_ADA,
        trail=trail,
        now=NOON,
    )
    (provision,) = consent.provisions
    assert (provision.type, provision.organisation_code, provision.sections) == (ProvisionType.DENY, None, None)
    assert provision.labels == frozenset({Sensitivity.ALCOHOL})


@pytest.mark.parametrize(
    "empty", [{"sections": frozenset(), "labels": None}, {"sections": None, "labels": frozenset()}]
)
def test_withholding_nothing_is_refused_and_never_means_everything(
    session: Session, trail: Trail, empty: dict[str, object]
) -> None:
    with pytest.raises(InvalidInput, match="sections-missing"):
        actions.withhold(
            session,
            resident="ada",
            organisation=FOOD_BANK,
            by=BY_ADA,
            trail=trail,
            now=NOON,
            **empty,  # type: ignore[arg-type]
        )


def test_a_permission_that_has_run_out_is_no_longer_in_use(session: Session, trail: Trail) -> None:
    actions.give(
        session,
        resident="ada",
        organisation=FOOD_BANK,
        purposes=frozenset({Purpose.ADVICE_DEBT}),
        sections=SECTIONS,
        until=NOON + timedelta(days=1),
        by=BY_ADA,
        trail=trail,
        now=NOON,
    )
    assert len(actions.in_use(session, "ada", now=NOON)) == 1
    assert actions.in_use(session, "ada", now=NOON + timedelta(days=1)) == []


def test_of_two_answers_at_once_one_stands(
    session: Session, sessions: sessionmaker[Session], trail: Trail, settings: Settings
) -> None:
    record = ask(session, trail, settings)
    with sessions() as elsewhere:
        same = elsewhere.get_one(AccessRequestRecord, record.id)
        assert same.state is RequestState.PENDING
        actions.answer(session, record, agree=False, by=BY_ADA, trail=trail, now=NOON)
        elsewhere.rollback()
        with pytest.raises(Conflict):
            actions.answer(elsewhere, same, agree=True, by=BY_ADA, trail=trail, now=NOON)
    assert record.state is RequestState.DECLINED
    assert session.scalars(select(Consent)).all() == []


def test_an_answer_cannot_end_before_it_begins(session: Session, trail: Trail, settings: Settings) -> None:
    record = ask(session, trail, settings)
    for until in (NOON, NOON - timedelta(days=9)):
        with pytest.raises(InvalidInput, match="after now"):
            actions.answer(session, record, agree=True, until=until, by=BY_ADA, trail=trail, now=NOON)
    assert record.state is RequestState.PENDING
