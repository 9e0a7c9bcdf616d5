"""A resident's own word on what is sensitive: what may be said, by whom, what is kept of it, and what it changes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from broker.access import label_choices
from broker.audit.trail import Trail
from broker.consent import labelling
from broker.consent.models import LabelChoice
from broker.errors import InvalidInput, NotFound, NotPermitted
from broker.identity.models import Resident
from broker.records.labels import label
from broker.records.own_labels import NOT_THEIRS_TO_DISPUTE
from broker.records.source import Coding, Provenance, RecordEntry
from broker.settings import Settings
from broker.vocabulary import SNOMED_CT, AuditAction, Section, Sensitivity
from tests.people import NOON, settle

S = Sensitivity
ADA, BY_ADA, BY_CAS = "ada", "resident:ada", "resident:cas"
ENTRY = RecordEntry("Condition/1", Section.PROBLEMS, "Anxiety about driving", Provenance("millrace-gp", NOON))
KEYS = label_choices.keys_of(b"k" * 32, ENTRY)
TABLES = Path(__file__).parents[2] / "policies/tables/data.json"


@pytest.fixture
def trail(sessions: sessionmaker[Session]) -> Trail:
    return Trail(sessions, key=b"k" * 32)


@pytest.fixture(autouse=True)
def _everybody(session: Session) -> None:
    settle(session)


def say(session: Session, trail: Trail, kind: Sensitivity, applies: bool, **more: object) -> LabelChoice:
    given = {"by": BY_ADA, "trail": trail, "now": NOON, **more}
    return labelling.say(session, ADA, KEYS, kind, applies, **given)  # type: ignore[arg-type]


def said(session: Session) -> dict[Sensitivity, bool]:
    return {choice.sensitivity: choice.applies for choice in labelling.said_of(session, ADA, KEYS)}


def born(session: Session, years_ago: int) -> None:
    session.get_one(Resident, ADA).born_on = date(NOON.year - years_ago, NOON.month, NOON.day)
    session.commit()


def test_what_is_said_is_kept_without_the_entry_and_leaves_one_entry_on_the_trail(
    session: Session, trail: Trail
) -> None:
    kept = say(session, trail, S.MENTAL_HEALTH, True)
    assert (kept.entry, kept.applies, kept.made_by) == (KEYS.entry, True, BY_ADA)
    (written,) = trail.entries(session, actions=(AuditAction.LABEL_CHANGED,))
    assert (written.body["label"], written.body["applies"]) == ("mental-health", True)
    assert "Condition" not in str(written.body)
    assert said(session) == {S.MENTAL_HEALTH: True}


def test_what_is_said_last_stands_and_what_was_said_before_is_history(session: Session, trail: Trail) -> None:
    say(session, trail, S.ALCOHOL, True)
    say(session, trail, S.ALCOHOL, False, now=NOON + timedelta(minutes=1))
    assert said(session) == {S.ALCOHOL: False}
    assert len(session.scalars(select(LabelChoice)).all()) == 2


def test_what_is_taken_back_is_as_if_it_had_not_been_said(session: Session, trail: Trail) -> None:
    say(session, trail, S.ALCOHOL, True)
    labelling.take_back(session, ADA, KEYS.entry, S.ALCOHOL, by=BY_ADA, trail=trail, now=NOON)
    assert said(session) == {}
    assert len(trail.entries(session, actions=(AuditAction.LABEL_CHANGED,))) == 2
    with pytest.raises(NotFound):
        labelling.take_back(session, ADA, KEYS.entry, S.ALCOHOL, by=BY_ADA, trail=trail, now=NOON)


@pytest.mark.parametrize("kind", [each for each in S if each.in_law])
@pytest.mark.parametrize("applies", [True, False])
def test_nobody_says_anything_of_what_the_law_restricts(
    session: Session, trail: Trail, kind: Sensitivity, applies: bool
) -> None:
    with pytest.raises(NotPermitted, match="law"):
        say(session, trail, kind, applies)
    assert session.scalars(select(LabelChoice)).all() == []


@pytest.mark.parametrize("kind", [S.SAFEGUARDING, S.THIRD_PARTY])
@pytest.mark.parametrize("applies", [True, False])
def test_nobody_says_anything_that_would_hide_an_entry_from_themself(
    session: Session, trail: Trail, kind: Sensitivity, applies: bool
) -> None:
    with pytest.raises(NotPermitted) as refusal:
        say(session, trail, kind, applies)
    assert refusal.value.code == "label-not-theirs-to-say"
    assert session.scalars(select(LabelChoice)).all() == []


def test_what_may_be_said_is_what_the_own_record_opens() -> None:
    opened: list[str] = json.loads(TABLES.read_text())["own_record"]["labels"]
    assert {each.value for each in labelling.THEIRS} == set(opened)


def test_what_was_said_can_be_taken_back_by_its_key_alone(session: Session, trail: Trail) -> None:
    """Also of a kind that cannot be said any more."""
    kept = LabelChoice(resident_id=ADA, entry="a" * 64, sensitivity=S.SAFEGUARDING, applies=True, made_at=NOON)
    kept.made_by = BY_ADA
    session.add(kept)
    session.commit()
    assert labelling.all_said(session, ADA) == [kept]
    labelling.take_back(session, ADA, "a" * 64, S.SAFEGUARDING, by=BY_ADA, trail=trail, now=NOON)
    assert labelling.all_said(session, ADA) == []


def test_what_may_not_be_disputed_is_what_a_dispute_would_be_passed_over_for() -> None:
    assert labelling.NOT_THEIRS | {each for each in S if each.in_law} == NOT_THEIRS_TO_DISPUTE


def test_what_a_source_itself_states_is_not_disputed(session: Session, trail: Trail) -> None:
    with pytest.raises(NotPermitted) as refusal:
        say(session, trail, S.HIV, False, stated={S.HIV})
    assert refusal.value.code == "label-stated"
    assert not say(session, trail, S.ALCOHOL, False, stated={S.HIV}).applies


def test_somebody_who_acts_for_a_resident_neither_says_nor_takes_back(session: Session, trail: Trail) -> None:
    say(session, trail, S.HIV, True)
    for refused in (
        lambda: say(session, trail, S.ALCOHOL, True, by=BY_CAS),
        lambda: say(session, trail, S.HIV, False, by=BY_CAS),
        lambda: labelling.take_back(session, ADA, KEYS.entry, S.HIV, by=BY_CAS, trail=trail, now=NOON),
    ):
        with pytest.raises(NotPermitted) as refusal:
            refused()
        assert refusal.value.code == "label-not-theirs"
    assert said(session) == {S.HIV: True}


@pytest.mark.parametrize(("years", "may"), [(15, False), (16, True)])
def test_a_child_adds_and_disputes_from_sixteen(session: Session, trail: Trail, years: int, may: bool) -> None:
    born(session, years)
    assert say(session, trail, S.SEXUAL_HEALTH, True).applies
    if may:
        assert not say(session, trail, S.MENTAL_HEALTH, False).applies
        return
    with pytest.raises(NotPermitted) as refusal:
        say(session, trail, S.MENTAL_HEALTH, False)
    assert refusal.value.code == "label-too-young"


@pytest.mark.parametrize("key", ["", "Condition/1", "g" * 64, "a" * 63])
def test_only_an_entrys_key_is_kept(session: Session, trail: Trail, key: str) -> None:
    for keys in (labelling.Keys(key, KEYS.content), labelling.Keys(KEYS.entry, key)):
        with pytest.raises(InvalidInput):
            labelling.say(session, ADA, keys, S.HIV, True, by=BY_ADA, trail=trail, now=NOON)


def test_a_key_is_useless_without_the_secret_and_tells_entries_apart() -> None:
    keys = {
        label_choices.entry_key(secret, source, id)
        for secret in (b"k" * 32, b"l" * 32)
        for source, id in (("a", "bc"), ("ab", "c"), ("a", "b"))
    }
    assert len(keys) == 6
    assert all(len(key) == 64 for key in keys)


def test_choices_are_found_by_source_and_id_and_for_their_resident_alone(
    session: Session, trail: Trail, settings: Settings
) -> None:
    keys = label_choices.keys_of(settings, ENTRY)
    assert label_choices.choices_for(session, settings, ADA) is None
    labelling.say(session, ADA, keys, S.HIV, True, by=BY_ADA, trail=trail, now=NOON)
    choices = label_choices.choices_for(session, settings, ADA)
    assert choices is not None
    assert choices(ENTRY) == {S.HIV: True}
    assert choices(replace(ENTRY, title="Schizophrenia")) == {S.HIV: True}
    assert choices(replace(ENTRY, id="Condition/2")) == {}
    assert choices(replace(ENTRY, provenance=Provenance("weir-gp", NOON))) == {}
    assert label_choices.choices_for(session, settings, "cas") is None


@pytest.mark.parametrize(
    "now_says",
    [
        {"title": "Paranoid schizophrenia"},
        {"codes": (Coding(SNOMED_CT, "64905009"),)},
        {"status": "relapsed"},
        {"details": (("Note", "Sectioned in May"),)},
        {"stated_labels": frozenset({S.ALCOHOL})},
        {"original": {"note": [{"text": "Seen by the mental health team"}]}},
        {"original": {"code": {"coding": [{"system": SNOMED_CT, "code": "64905009"}]}}},
    ],
)
def test_a_dispute_does_not_outlive_what_it_was_said_of(
    session: Session, trail: Trail, settings: Settings, now_says: dict[str, Any]
) -> None:
    """An id may be for good while what stands under it changes: then it is labelled anew."""
    keys = label_choices.keys_of(settings, ENTRY)
    labelling.say(session, ADA, keys, S.MENTAL_HEALTH, False, by=BY_ADA, trail=trail, now=NOON)
    choices = label_choices.choices_for(session, settings, ADA)
    assert label([ENTRY], choices=choices)[0].labels == frozenset()
    assert S.MENTAL_HEALTH in label([replace(ENTRY, **now_says)], choices=choices)[0].labels


def test_a_dispute_holds_while_what_is_said_stays_the_same(session: Session, trail: Trail, settings: Settings) -> None:
    keys = label_choices.keys_of(settings, ENTRY)
    labelling.say(session, ADA, keys, S.MENTAL_HEALTH, False, by=BY_ADA, trail=trail, now=NOON)
    choices = label_choices.choices_for(session, settings, ADA)
    again = replace(
        ENTRY,
        provenance=Provenance("millrace-gp", NOON + timedelta(days=40)),
        linked=("Encounter/2",),
        original={"Reporting_Period": "2026-05", "Service": "Home support"},
    )
    assert label([again], choices=choices)[0].labels == frozenset()


def test_what_narrows_stands_over_what_opens(session: Session, settings: Settings) -> None:
    """Where two records became one, both may have been said."""
    keys = label_choices.keys_of(settings, ENTRY)
    for applies in (True, False):
        kind = {"sensitivity": S.MENTAL_HEALTH, "applies": applies, "made_by": BY_ADA}
        session.add(LabelChoice(resident_id=ADA, entry=keys.saying(applies), made_at=NOON, **kind))
    session.commit()
    choices = label_choices.choices_for(session, settings, ADA)
    assert choices is not None
    assert choices(ENTRY) == {S.MENTAL_HEALTH: True}
