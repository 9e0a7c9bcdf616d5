"""What is new since somebody last looked: pointed out, never at the price of telling what is withheld."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from broker.access import looks
from broker.access.models import LastLook
from broker.access.release import Release, release_record
from broker.access.request import AccessRequest, Requester
from broker.database import new_id
from broker.records.view import JoinedEntry, RecordView, SectionView
from broker.vocabulary import Purpose, Role, Section
from tests.doors.conftest import House, house  # noqa: F401  the fixture
from tests.people import NOON, SURGERY
from tests.records.cast import CHARITY, GP, entry

KEY = b"k" * 32
THEN, LATER = NOON, NOON + timedelta(days=3)
ASTHMA, DIABETES = entry("1", "Asthma"), entry("2", "Diabetes")
SAME_ASTHMA = entry("9", "Asthma", source=CHARITY)


def view(*things: JoinedEntry, section: Section = Section.PROBLEMS) -> RecordView:
    return RecordView((SectionView(section, things),), (), {}, False, NOON)


def one(*entries: object) -> JoinedEntry:
    first, *others = entries
    return JoinedEntry(first, tuple(others))  # type: ignore[arg-type]


def marks(before: RecordView, after: RecordView) -> dict[tuple[str, str], looks.Change]:
    """What is pointed out in ``after`` to somebody who looked at ``before``."""
    _, seen = looks.compare({}, before, key=KEY, now=THEN)
    changes, _ = looks.compare(seen, after, key=KEY, now=LATER)
    return dict(changes.marks)


def test_the_first_look_points_nothing_out() -> None:
    changes, seen = looks.compare({}, view(one(ASTHMA)), key=KEY, now=THEN)

    assert (changes.marks, changes.since) == ({}, {})
    assert seen


def test_what_was_not_there_is_new_and_what_says_something_else_has_changed() -> None:
    changed = replace(ASTHMA, status="resolved")

    assert marks(view(one(ASTHMA)), view(one(ASTHMA))) == {}
    assert marks(view(one(ASTHMA)), view(one(ASTHMA), one(DIABETES))) == {(GP, "2"): "new"}
    assert marks(view(one(ASTHMA)), view(one(changed))) == {(GP, "1"): "changed"}


def test_a_second_source_that_tells_of_it_is_a_change_and_one_that_no_longer_does_is_not() -> None:
    joined = one(ASTHMA, SAME_ASTHMA)

    assert marks(view(one(ASTHMA)), view(joined)) == {(GP, "1"): "changed"}
    assert marks(view(joined), view(one(ASTHMA))) == {}
    assert marks(view(joined), view(one(SAME_ASTHMA))) == {}, "which of them comes first is no news"


def test_what_is_withheld_meanwhile_and_shown_again_is_never_pointed_out() -> None:
    _, first = looks.compare({}, view(one(ASTHMA), one(DIABETES)), key=KEY, now=THEN)
    gone, second = looks.compare(first, view(one(ASTHMA)), key=KEY, now=LATER)
    back, _ = looks.compare({**first, **second}, view(one(ASTHMA), one(DIABETES)), key=KEY, now=LATER)

    assert dict(gone.marks) == dict(back.marks) == {}


def test_a_part_that_was_never_looked_at_is_not_all_new() -> None:
    _, seen = looks.compare({}, view(one(ASTHMA)), key=KEY, now=THEN)
    housing = view(one(entry("3", "Tenancy", section=Section.HOUSING)), section=Section.HOUSING)

    changes, _ = looks.compare(seen, housing, key=KEY, now=LATER)

    assert dict(changes.marks) == {}


def test_it_says_since_when() -> None:
    _, seen = looks.compare({}, view(one(ASTHMA)), key=KEY, now=THEN)

    changes, _ = looks.compare(seen, view(one(DIABETES)), key=KEY, now=LATER)

    assert changes.since == {Section.PROBLEMS: THEN}


# ---- kept ----------------------------------------------------------------------------------------------------------


def released(house: House, asker: Requester, *sections: Section) -> Release:  # noqa: F811
    purpose = Purpose.OWN_RECORD if asker.resident else Purpose.DIRECT_CARE
    asked = AccessRequest(new_id(), asker, "ada", purpose, frozenset(sections), house.time[0])
    with house.session() as session:
        return release_record(house.broker, session, asked)


GP_HERE = Requester(SURGERY, Role.CLINICIAN, person="gp", assurance=2)
ADA = Requester("", Role.RESIDENT, assurance=3, resident="ada")


def look(house: House, asker: Requester) -> dict[str, looks.Change]:  # noqa: F811
    found = looks.since_last(house.broker, released(house, asker, Section.PROBLEMS))
    return {entry_id: mark for (_, entry_id), mark in found.marks.items()}


def test_each_reader_has_looks_of_their_own(house: House) -> None:  # noqa: F811
    look(house, GP_HERE)
    house.sources["millrace-gp"].holds = {Section.PROBLEMS: ("Asthma", "Diabetes", "Gout")}

    assert look(house, ADA) == {}
    assert look(house, GP_HERE) == {"problems-2": "new"}
    assert look(house, GP_HERE) == {}


def test_nothing_of_the_record_is_kept_in_words_and_a_system_alone_leaves_none(house: House) -> None:  # noqa: F811
    release = released(house, GP_HERE, Section.PROBLEMS)
    looks.since_last(house.broker, release)
    asker = replace(GP_HERE, person=None, client="a-system")
    looks.since_last(house.broker, replace(release, request=replace(release.request, requester=asker)))

    with house.session() as session:
        kept = session.scalars(select(LastLook)).one()
    assert (kept.reader, kept.resident_id) == ("person:gp", "ada")
    assert len(kept.seen) == 16 * 3, "a part of the record, and two entries in it"
    assert b"Asthma" not in kept.seen
    assert b"problems" not in kept.seen


def test_what_is_remembered_has_an_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(looks, "MOST", 2)
    look(house, GP_HERE)

    with house.session() as session:
        assert len(session.scalars(select(LastLook)).one().seen) == 32


def test_where_it_cannot_be_kept_nothing_is_marked_and_nothing_is_stopped(house: House) -> None:  # noqa: F811
    with house.session() as session:
        session.execute(text("drop table last_look"))
        session.commit()

    assert look(house, GP_HERE) == {}
