"""A name, a password and a code together; and nothing said, by word, work or wait, of which of them was wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from broker.accounts import account, passwords, proving, recovery
from broker.accounts.models import Account, Attempts, Password
from broker.accounts.proving import Door
from broker.errors import InvalidInput, NotAuthenticated, Refusal, TooMany
from broker.vocabulary import AuditAction
from tests.accounts.conftest import PASSWORD, Kept
from tests.people import NOON


def prove(session: Session, door: Door, **typed: Any) -> str:
    said = {"name": "sol@harvest.example", "password": PASSWORD, "code": "", "now": NOON} | typed
    return proving.prove_by_password(session, door, **said).person_id


def test_all_three_together_prove_who_it_is(settled: Session, adviser: Kept, door: Door) -> None:
    assert prove(settled, door, name=" SOL@harvest.EXAMPLE", code=adviser.code()) == "adviser"


def test_a_recovery_code_takes_the_place_of_the_apps_and_never_of_the_password(
    settled: Session, adviser: Kept, door: Door
) -> None:
    with pytest.raises(NotAuthenticated):
        prove(settled, door, password="not the right words", code=adviser.codes[0])
    assert prove(settled, door, code=adviser.codes[0]) == "adviser"
    with pytest.raises(NotAuthenticated):
        prove(settled, door, code=adviser.codes[0])


@pytest.mark.parametrize(
    "typed",
    [
        {"name": "somebody.else"},
        {"name": ""},
        {"password": "three harbour lantern"},
        {"password": ""},
        {"password": "x" * 100_000},
        {"code": "000000"},
        {"code": ""},
    ],
    ids=str,
)
def test_anything_wrong_is_refused_in_the_same_words(
    settled: Session, adviser: Kept, door: Door, typed: dict[str, str]
) -> None:
    with pytest.raises(NotAuthenticated, match="The name, the password or the code is not right"):
        prove(settled, door, **({"code": adviser.code()} | typed))
    (entry,) = door.trail.entries(settled, actions=(AuditAction.SIGN_IN_REFUSED,))
    assert (entry.actor, entry.body["why"]) == ("broker", "not-proved")
    # A code is not used up by somebody who does not know the password.
    settled.query(Attempts).delete()
    assert prove(settled, door, code=adviser.code()) == "adviser"


@contextmanager
def _work(engine: Engine, patch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was done meanwhile: each statement's first words, and each hash worked out."""
    done: list[str] = []

    def noted(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "audit_node" not in statement:  # how many depends on the length of the trail alone
            done.append(" ".join(statement.split()[:3]))

    matches = passwords.matches
    patch.setattr(passwords, "matches", lambda phc, typed: done.append("argon2id") or matches(phc, typed))
    event.listen(engine, "before_cursor_execute", noted)
    yield done
    event.remove(engine, "before_cursor_execute", noted)
    patch.undo()


def test_a_name_nobody_has_costs_the_same_work_as_one_somebody_has(
    settled: Session, adviser: Kept, door: Door, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords.nobodys()
    settled.query(Attempts).delete()
    settled.commit()
    work: dict[str, list[str]] = {}
    for name in ("sol@harvest.example", "nobody@harvest.example"):
        settled.expunge_all()
        other = replace(door, network=f"192.0.{len(work)}.1")
        with _work(engine, monkeypatch) as done, pytest.raises(NotAuthenticated):
            prove(settled, other, name=name, password="not the right words", code="123456")
        work[name] = list(done)
    known, unknown = work.values()
    assert known == unknown
    assert known.count("argon2id") == 1


@pytest.mark.parametrize("name", ["sol@harvest.example", "nobody@harvest.example"])
def test_five_wrong_in_a_row_make_a_growing_wait_whoever_is_named(
    settled: Session, adviser: Kept, door: Door, name: str
) -> None:
    at, waits = NOON, []
    for _ in range(4):
        with pytest.raises(NotAuthenticated):
            prove(settled, door, name=name, code="000000", now=at)
    for _ in range(3):
        with pytest.raises(NotAuthenticated):
            prove(settled, door, name=name, code="000000", now=at)
        with pytest.raises(TooMany) as wait:
            prove(settled, door, name=name, code="000000", now=at)
        waits.append(wait.value.retry_after)
        at += timedelta(seconds=wait.value.retry_after)
    assert waits == [31, 61, 121]


def test_while_it_waits_even_the_right_answer_is_not_looked_at(settled: Session, adviser: Kept, door: Door) -> None:
    for _ in range(5):
        with pytest.raises(NotAuthenticated):
            prove(settled, door, code="000000")
    with pytest.raises(TooMany):
        prove(settled, door, code=adviser.code())
    later = NOON + timedelta(seconds=30)
    assert prove(settled, door, code=adviser.code(steps=1), now=later) == "adviser"
    assert prove(settled, door, code=adviser.codes[0], now=later) == "adviser"


def test_many_names_from_one_part_of_the_network_wait_too(settled: Session, door: Door) -> None:
    for number in range(50):
        near = replace(door, network=f"192.0.2.{number}")
        with pytest.raises(NotAuthenticated):
            prove(settled, near, name=f"name{number}")
    with pytest.raises(TooMany):
        prove(settled, door, name="another")
    with pytest.raises(NotAuthenticated):
        prove(settled, replace(door, network="198.51.100.1"), name="another")


def test_somebody_who_signs_in_now_and_then_does_not_clear_the_way_to_guess_at_others(
    settled: Session, adviser: Kept, door: Door
) -> None:
    for number in range(48):
        with pytest.raises(NotAuthenticated):
            prove(settled, door, name=f"name{number}")
    assert prove(settled, door, code=adviser.code()) == "adviser"
    for number in (49, 50):
        with pytest.raises(NotAuthenticated):
            prove(settled, door, name=f"name{number}")
    with pytest.raises(TooMany):
        prove(settled, door, name="name51")


def test_no_password_is_kept_only_its_hash(settled: Session, adviser: Kept) -> None:
    kept = settled.scalars(select(Password)).one()
    assert kept.hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert PASSWORD not in kept.hashed


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("short", "password-too-short"),
        ("x" * 257, "password-too-long"),
        ("password1234", "password-common"),
        ("!!Liverpool2026!!", "password-common"),
        ("123456789012", "password-common"),
        ("aaaaaaaaaaaa", "password-common"),
        ("abcabcabcabc", "password-common"),
        ("qwertyuiopas", "password-common"),
        ("solmarsh2026", "password-about-you"),
        ("HarvestShelf1!", "password-about-you"),
        ("sol@harvest.example", "password-about-you"),
    ],
)
def test_what_anybody_would_try_first_is_refused(typed: str, code: str) -> None:
    known = ["Sol Marsh", "Harvest Shelf", "sol@harvest.example"]
    with pytest.raises(InvalidInput) as refusal:
        passwords.chosen(typed, known=known)
    assert refusal.value.code == code


@pytest.mark.parametrize("typed", ["three harbour lanterns", "x9!kd02-Qpz7", "ﬁve ﬁne ﬁddles", "пятнадцать слов"])
def test_a_password_of_any_words_is_taken_and_known_again(settled: Session, adviser: Kept, typed: str) -> None:
    passwords.keep(settled, "adviser", passwords.chosen(typed, known=["Sol Marsh"]), now=NOON)
    assert passwords.is_right(settled, "adviser", typed)
    assert not passwords.is_right(settled, "adviser", typed + " ")
    assert not passwords.is_right(settled, "gp", typed)


def test_emptying_an_account_leaves_no_way_in(settled: Session, adviser: Kept, door: Door) -> None:
    account.empty(settled, "adviser", by="operator:tests", organisation=None, trail=door.trail, now=NOON)
    settled.commit()
    settled.expunge_all()
    assert not account.can_sign_in(settled, "adviser")
    assert recovery.left(settled, "adviser") == 0
    with pytest.raises(NotAuthenticated):
        prove(settled, door, code=adviser.code())


@pytest.mark.parametrize("name", ["", "ab", "with space", "x" * 101, "<b>sol</b>", "-sol", "\u202esol"])
def test_a_name_that_could_not_be_typed_again_is_not_taken(settled: Session, name: str) -> None:
    with pytest.raises(InvalidInput):
        account.make(settled, "gp", name, now=NOON)


def test_two_spellings_of_one_name_are_one_name(settled: Session, adviser: Kept) -> None:
    for same in ("SOL@harvest.example", "ｓｏｌ@harvest.example"):
        with pytest.raises(Refusal, match="Choose another name"):
            account.make(settled, "gp", same, now=NOON)


def test_what_failed_is_forgotten_after_a_day(settled: Session, adviser: Kept, door: Door) -> None:
    for _ in range(5):
        with pytest.raises(NotAuthenticated):
            prove(settled, door, code="000000")
    later = NOON + timedelta(days=1, seconds=1)
    with pytest.raises(NotAuthenticated):
        prove(settled, door, code="000000", now=later)
    with pytest.raises(NotAuthenticated):
        prove(settled, door, name="another", now=later)
    assert settled.scalars(select(Attempts.failures).where(Attempts.last_at < later)).all() == []


def prove_again(session: Session, door: Door, own: Account, code: str) -> None:
    proving.prove_again_by_password(session, door, own, password=PASSWORD, code=code, now=NOON)


def test_strangers_who_guess_at_a_name_keep_nobody_from_proving_themselves_again(
    settled: Session, adviser: Kept, door: Door
) -> None:
    for _ in range(5):
        with pytest.raises(NotAuthenticated):
            prove(settled, door, code="000000")
    with pytest.raises(TooMany):
        prove(settled, door, code=adviser.code())
    prove_again(settled, door, settled.get_one(Account, "adviser"), adviser.code())


def test_somebody_at_an_open_session_guesses_five_times_and_then_waits(
    settled: Session, adviser: Kept, door: Door
) -> None:
    own = settled.get_one(Account, "adviser")
    for number in range(5):
        with pytest.raises(NotAuthenticated):
            prove_again(settled, replace(door, network=f"10.0.{number}.1"), own, "000000")
    with pytest.raises(TooMany):
        prove_again(settled, door, own, adviser.code())
    assert prove(settled, door, code=adviser.code()) == "adviser"
