"""Pairing codes: once, for ten minutes, by one organisation; every wrong one alike, and none of them a permission."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from broker.audit.trail import Trail
from broker.consent import codes, pairing
from broker.consent.models import Consent, PairingCode
from broker.database import session_factory
from broker.errors import NotFound, TooMany
from broker.identity.actions import find_resident, resident_behind
from broker.identity.models import Organisation, Relationship, Resident
from broker.settings import Settings
from broker.vocabulary import AuditAction
from tests.people import ADA_BORN, ADA_NUMBER, ADVISER, BEFRIENDER, BEFRIENDERS, FOOD_BANK, NOON, settle

BY_ADA = "resident:ada"


@pytest.fixture
def trail(sessions: sessionmaker[Session]) -> Trail:
    return Trail(sessions, key=b"k" * 32)


@pytest.fixture
def many(settings: Settings) -> Settings:
    """Settings under which looking is not limited."""
    return replace(settings, lookups_per_minute=1000, lookups_per_day=1000)


@pytest.fixture(autouse=True)
def _everybody(session: Session) -> None:
    settle(session)


def new_code(session: Session, trail: Trail, settings: Settings, *, after: timedelta = timedelta()) -> str:
    return pairing.new_code(session, "ada", by=BY_ADA, trail=trail, settings=settings, now=NOON + after)


def test_a_code_gives_the_handle_that_looking_would(session: Session, trail: Trail, many: Settings) -> None:
    code = new_code(session, trail, many)
    handle = pairing.use(session, code, asker=ADVISER, trail=trail, settings=many, now=NOON)
    looked = find_resident(
        session, asker=ADVISER, nhs_number=ADA_NUMBER, born_on=ADA_BORN, trail=trail, settings=many, now=NOON
    )
    assert handle == looked
    assert resident_behind(session, handle, organisation=FOOD_BANK) == "ada"
    with pytest.raises(NotFound):
        resident_behind(session, handle, organisation=BEFRIENDERS)


def test_somebody_without_an_nhs_number_can_be_paired_too(session: Session, trail: Trail, many: Settings) -> None:
    session.get_one(Resident, "ada").nhs_number = None
    session.commit()
    handles = {
        pairing.use(session, new_code(session, trail, many), asker=asker, trail=trail, settings=many, now=NOON)
        for asker in (ADVISER, ADVISER, BEFRIENDER)
    }
    assert len(handles) == 2
    assert {len(handle) for handle in handles} == {40}


def test_a_handle_made_before_somebody_was_known_comes_to_stand_for_them(
    session: Session, trail: Trail, many: Settings
) -> None:
    ada = session.get_one(Resident, "ada")
    ada.nhs_number = None
    session.commit()
    looking = {"asker": ADVISER, "nhs_number": ADA_NUMBER, "born_on": ADA_BORN, "trail": trail}
    handle = find_resident(session, **looking, settings=many, now=NOON)  # type: ignore[arg-type]
    ada.nhs_number = ADA_NUMBER
    session.commit()
    code = new_code(session, trail, many)
    assert pairing.use(session, code, asker=ADVISER, trail=trail, settings=many, now=NOON) == handle
    assert resident_behind(session, handle, organisation=FOOD_BANK) == "ada"


def test_the_resident_sees_who_used_a_code(session: Session, trail: Trail, many: Settings) -> None:
    code = new_code(session, trail, many)
    assert pairing.used(session, "ada", now=NOON) == []
    pairing.use(session, code, asker=ADVISER, trail=trail, settings=many, now=NOON)
    [used] = pairing.used(session, "ada", now=NOON)
    assert (used.used_by, used.used_at) == (FOOD_BANK, NOON)
    [entry] = trail.entries(session, resident="ada", actions=[AuditAction.RESIDENT_PAIRED])
    assert (entry.actor, entry.organisation) == ("person:adviser", FOOD_BANK)
    assert code not in str(entry.body)


def test_a_code_permits_nothing(session: Session, trail: Trail, many: Settings) -> None:
    before = len(session.scalars(select(Relationship)).all())
    pairing.use(session, new_code(session, trail, many), asker=ADVISER, trail=trail, settings=many, now=NOON)
    assert session.scalars(select(Consent)).all() == []
    assert len(session.scalars(select(Relationship)).all()) == before


@pytest.mark.parametrize("spoil", ["used", "expired", "never", "malformed", "empty", "huge"])
def test_every_code_that_does_not_work_looks_alike_and_leaves_as_much(
    session: Session, trail: Trail, many: Settings, spoil: str
) -> None:
    code = new_code(session, trail, many)
    if spoil == "used":
        pairing.use(session, code, asker=BEFRIENDER, trail=trail, settings=many, now=NOON)
    tried = {"never": "BBBBBBBB", "malformed": "0O1I-ÅÅÅÅ", "empty": "", "huge": "B" * 100_000}.get(spoil, code)
    at = NOON + (timedelta(minutes=10) if spoil == "expired" else timedelta())
    before = len(trail.entries(session, limit=100))
    with pytest.raises(NotFound) as refused:
        pairing.use(session, tried, asker=ADVISER, trail=trail, settings=many, now=at)
    assert (refused.value.code, refused.value.field) == ("pairing-code-unknown", "code")
    newest, *_ = trail.entries(session, limit=100)
    assert len(trail.entries(session, limit=100)) == before + 1
    assert (newest.action, newest.resident, newest.organisation) == (AuditAction.RESIDENT_SOUGHT, None, FOOD_BANK)


def test_a_code_works_until_its_ten_minutes_are_over(session: Session, trail: Trail, many: Settings) -> None:
    code = new_code(session, trail, many)
    late = NOON + timedelta(minutes=10) - timedelta(seconds=1)
    assert pairing.use(session, code, asker=ADVISER, trail=trail, settings=many, now=late)


def test_case_spaces_and_hyphens_do_not_count(session: Session, trail: Trail, many: Settings) -> None:
    for typed in (str.lower, pairing.in_halves, lambda code: f" {code[:2]} {code[2:]} "):
        code = new_code(session, trail, many)
        assert pairing.use(session, typed(code), asker=ADVISER, trail=trail, settings=many, now=NOON)


def test_a_sixth_code_ends_the_oldest(session: Session, trail: Trail, many: Settings) -> None:
    made = [new_code(session, trail, many, after=timedelta(seconds=second)) for second in range(6)]
    at = NOON + timedelta(seconds=10)
    with pytest.raises(NotFound):
        pairing.use(session, made[0], asker=ADVISER, trail=trail, settings=many, now=at)
    for code in made[1:]:
        assert pairing.use(session, code, asker=ADVISER, trail=trail, settings=many, now=at)


def test_the_newest_of_codes_made_in_one_instant_works(session: Session, trail: Trail, many: Settings) -> None:
    made = [new_code(session, trail, many) for _ in range(20)]
    assert pairing.use(session, made[-1], asker=ADVISER, trail=trail, settings=many, now=NOON)
    live = select(PairingCode).where(PairingCode.used_at.is_(None), PairingCode.expires_at > NOON)
    assert len(session.scalars(live).all()) == pairing.MOST_LIVE - 1


def test_guessing_is_limited_for_the_whole_organisation(session: Session, trail: Trail, settings: Settings) -> None:
    colleagues = [replace(ADVISER, person=f"worker-{number}") for number in range(6)]
    code = new_code(session, trail, settings)
    for colleague in colleagues[:5]:
        with pytest.raises(NotFound):
            pairing.use(session, "BBBBBBBB", asker=colleague, trail=trail, settings=settings, now=NOON)
    with pytest.raises(TooMany):
        pairing.use(session, code, asker=colleagues[5], trail=trail, settings=settings, now=NOON)
    assert pairing.use(session, code, asker=BEFRIENDER, trail=trail, settings=settings, now=NOON)


def test_fifty_guesses_a_day_are_the_most(session: Session, trail: Trail, settings: Settings) -> None:
    at = NOON
    for _ in range(50):
        at += timedelta(seconds=61)
        with pytest.raises(NotFound):
            pairing.use(session, "BBBBBBBB", asker=ADVISER, trail=trail, settings=settings, now=at)
    with pytest.raises(TooMany):
        pairing.use(session, "BBBBBBBB", asker=ADVISER, trail=trail, settings=settings, now=at + timedelta(minutes=2))


def test_what_is_kept_is_not_the_code_nor_a_digest_that_anybody_can_make(
    session: Session, trail: Trail, settings: Settings
) -> None:
    import hashlib

    code = new_code(session, trail, settings)
    kept = session.scalars(select(PairingCode)).one()
    assert code not in kept.digest
    assert kept.digest != hashlib.sha256(code.encode()).hexdigest()
    assert len(code) == 8
    assert set(code) <= set(codes.LETTERS)
    assert not set("AEIOU01") & set(codes.LETTERS)


@pytest.mark.slow
def test_of_thirty_two_who_use_a_code_at_once_one_does(each_engine: Engine, many: Settings) -> None:
    sessions = session_factory(each_engine)
    trail = Trail(sessions, key=b"k" * 32)
    with sessions() as session:
        if session.get(Organisation, FOOD_BANK) is None:
            settle(session)
        code = pairing.new_code(session, "ada", by=BY_ADA, trail=trail, settings=many, now=NOON)

    def once(number: int) -> bool:
        asker = ADVISER if number % 2 else BEFRIENDER
        with sessions() as own:
            try:
                pairing.use(own, code, asker=asker, trail=trail, settings=many, now=NOON)
            except NotFound:
                return False
            return True

    with ThreadPoolExecutor(32) as pool:
        assert sum(pool.map(once, range(32))) == 1
