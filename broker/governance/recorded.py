"""Every decision, kept so that it can be made again: its question without names, and its answer, encrypted.

Written in the commit of the decision's entry on the trail, so neither is there without the other. Holds no record and
no word of free text. Nobody opens one unseen: that is on the trail too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import CursorResult, Row, Table, select, update
from sqlalchemy.orm import Session

from broker.access import pdp
from broker.access.engines import strict
from broker.access.facts import Facts
from broker.access.parts import Broker
from broker.access.request import AccessRequest, Decision
from broker.agreements.canonical import canonical
from broker.audit.leaf import instant_text
from broker.audit.trail import Beside, Event
from broker.database import table_of
from broker.errors import EngineUnclear, NotFound, TrailUnavailable
from broker.governance import sealed
from broker.governance.models import DecisionRecord
from broker.governance.sealed import Keys, RecordUnreadable
from broker.identity.actions import NOBODY
from broker.settings import Settings
from broker.vocabulary import AuditAction

MOST = 10_000  # decisions opened at once
_TABLE: Table = table_of(DecisionRecord)
_LONGEST_ENGINE, _LONGEST_REVISION = 80, 100
_KEPT = select(*_TABLE.c).where(_TABLE.c.sealed.is_not(None))
_NEWEST_FIRST = _KEPT.order_by(_TABLE.c.made_at.desc(), _TABLE.c.decision)
# White space as Rego's trim_space has it (Unicode White_Space), which is not quite what Python's ``strip`` takes off.
_BLANK = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
# The lists in an answer that are sets: their order says nothing, and engines need not agree on it.
_SETS = ("reasons", "agreements", "withheld_labels")


@dataclass(frozen=True)
class Recorded:
    """One decision, opened. ``answer`` is None where the broker itself refused, because no engine answered."""

    decision: str
    made_at: datetime
    organisation: str
    revision: str
    engine: str
    question: dict[str, Any] = field(repr=False)
    answer: dict[str, Any] | None = field(repr=False)
    result_hash: str = ""


@dataclass(frozen=True)
class Recorder:
    """Makes the row that is written beside a decision's entry."""

    keys: Keys
    kept: timedelta

    @classmethod
    def of(cls, settings: Settings) -> Recorder:
        return cls(Keys.of(settings), timedelta(days=settings.decision_days))

    def __call__(self, request: AccessRequest, facts: Facts, decision: Decision) -> list[Beside]:
        """Raises TrailUnavailable where it cannot be written down: a decision without its record is none."""
        try:
            return [(_TABLE, record_of(self.keys, request, facts, decision, kept=self.kept))]
        except (ValueError, EngineUnclear) as error:
            raise TrailUnavailable("the decision cannot be recorded") from error


def record_of(
    keys: Keys, request: AccessRequest, facts: Facts, decision: Decision, *, kept: timedelta
) -> dict[str, Any]:
    """The row that keeps ``decision``, for as long as ``kept`` from when the request was made."""
    answer = canonical(None if decision.answer is None else in_order(decision.answer))
    row: dict[str, Any] = {
        "decision": decision.id,
        "made_at": request.made_at,
        "kept_until": request.made_at + kept,
        "organisation_code": request.requester.organisation,
        "revision": decision.revision[:_LONGEST_REVISION],
        "engine": decision.engine[:_LONGEST_ENGINE],
        "result_hash": sha256(answer).hexdigest(),
    }
    return row | {"sealed": sealed_with(row, keys, without_names(pdp.question(request, facts), keys), answer)}


def sealed_with(row: Mapping[str, Any], keys: Keys, question: Mapping[str, Any], answer: bytes) -> bytes:
    """A question without names and an answer as canonical JSON, locked and bound to the rest of their ``row``."""
    content = b'{"question":' + strict.to_json(question).encode() + b',"answer":' + answer + b"}"
    return keys.seal(content, beside=_in_the_open(row))


def without_names(question: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
    """``question`` with nobody named in it, such that the rules answer it alike.

    The resident, the worker and other people are pseudonyms. What the rules never read (a choice's own id, a team, what
    a relationship was told by) is left out, and of an emergency's reason it is kept only that there was one. A
    condition that names a person by id would read a pseudonym here: ``fidelity`` finds that out.
    """
    asked, subject, resident = question["request"], question["subject"], question["resident"]
    glass = asked["break_glass"]
    stated = None if glass is None else {"reason": "stated" if str(glass["reason"]).strip(_BLANK) else ""}
    return {
        "request": {**asked, "break_glass": stated},
        "subject": {**subject, "person": _person(subject["person"], keys)},
        "resident": {**resident, "id": resident_pseudonym(resident["id"], keys)},
        "facts": {
            "relationships": [_relationship(each, keys) for each in question["facts"]["relationships"]],
            "provisions": [
                {**each, "id": f"provision-{place}", "consent": f"consent-{place}"}
                for place, each in enumerate(question["facts"]["provisions"])
            ],
        },
    }


def resident_pseudonym(resident: str, keys: Keys) -> str:
    """Who a question is about. Nobody stays nobody, so that nobody is ever counted as a resident."""
    return NOBODY if resident == NOBODY else keys.pseudonym("resident", resident)


def in_order(answer: Mapping[str, Any]) -> dict[str, Any]:
    """``answer`` with the lists that are sets sorted, so that equal answers are equal text. Anything else is kept."""
    found = _sorted_sets(answer)
    pairs = found.get("pairs")
    if isinstance(pairs, list):
        rows = [_sorted_sets(each) if isinstance(each, Mapping) else each for each in pairs]
        found["pairs"] = sorted(rows, key=_place)
    if isinstance(found.get("obligations"), list):
        found["obligations"] = sorted(found["obligations"], key=canonical)
    return found


def hash_of(answer: Mapping[str, Any] | None) -> str:
    """SHA-256, in hex, of an answer put ``in_order``, as canonical JSON."""
    return sha256(canonical(answer)).hexdigest()


def decisions(
    broker: Broker,
    session: Session,
    *,
    by: str,
    now: datetime,
    since: datetime | None = None,
    organisation: str | None = None,
    organisations: Collection[str] | None = None,
    revision: str | None = None,
    limit: int = MOST,
    why: str = "reading",
) -> Iterator[Recorded]:
    """The newest decisions that match all that is given and have not been forgotten, newest first.

    That ``by`` opened them, how many, which and ``why`` (a code) is on the trail before any is given. Commits. One that
    cannot be opened is left out, and counted there: a single altered row must not hide all the others.
    """
    forget(session, now=now)
    session.commit()
    wanted = _NEWEST_FIRST.limit(limit).where(_TABLE.c.kept_until > now)
    body: dict[str, Any] = {"why": why}
    if since is not None:
        wanted, body["since"] = wanted.where(_TABLE.c.made_at >= since), instant_text(since)
    if revision is not None:
        wanted, body["revision"] = wanted.where(_TABLE.c.revision == revision), revision
    if organisation is not None or organisations is not None:
        asked = sorted({organisation} if organisation is not None else set(organisations or ()))
        wanted, body["organisations"] = wanted.where(_TABLE.c.organisation_code.in_(asked)), asked
    keys = Keys.of(broker.settings)
    opened: list[tuple[Row[Any], bytes]] = []
    unreadable = 0
    rows = session.execute(wanted).all()
    session.commit()  # hold nothing while they are opened: every decision has to be written meanwhile
    for row in rows:
        try:
            opened.append((row, keys.unlock(row.sealed, beside=_in_the_open(row._asdict()))))
        except RecordUnreadable:
            unreadable += 1
    _say_so(broker, session, by=by, now=now, **body, opened=len(opened), unreadable=unreadable)
    return (_recorded(row, content) for row, content in opened)


def decision(broker: Broker, session: Session, id: str, *, by: str, now: datetime, why: str = "reading") -> Recorded:
    """One decision, opened, which is on the trail. Commits.

    Raises NotFound where there is none, RecordUnreadable where it is forgotten or cannot be opened.
    """
    row = session.execute(select(*_TABLE.c).where(_TABLE.c.decision == id)).one_or_none()
    session.commit()
    if row is None:
        raise NotFound("decision-unknown", "There is no such decision.", field="decision")
    content = None if row.kept_until <= now else row.sealed
    opened = Keys.of(broker.settings).unlock(content, beside=_in_the_open(row._asdict()))
    _say_so(broker, session, by=by, now=now, why=why, decision=id, opened=1, unreadable=0)
    return _recorded(row, opened)


def forget(session: Session, *, now: datetime) -> int:
    """Empty the records that have been kept long enough, and say how many. Their hashes stay. Does not commit."""
    due = (_TABLE.c.kept_until <= now) & _TABLE.c.sealed.is_not(None)
    done = session.execute(update(_TABLE).where(due).values(sealed=None))
    assert isinstance(done, CursorResult)
    return done.rowcount


def renew_key(broker: Broker, session: Session, *, by: str, now: datetime) -> str:
    """Lock records with a new key from now on, and return the old one's id; it opens what it locked. Commits."""
    old = sealed.replace_key(broker.settings)
    event = Event(action=AuditAction.KEYS_CHANGED, actor=by, body={"act": "record-key-renewed", "key": old})
    broker.trail.append(session, event, now=now)
    session.commit()
    return old


def _in_the_open(row: Mapping[str, Any]) -> str:
    """What is kept beside the sealed part and must not be changed without it."""
    columns = ("decision", "organisation_code", "revision", "engine", "result_hash")
    return "\0".join(["decision-record", instant_text(row["made_at"]), *(str(row[column]) for column in columns)])


def _recorded(row: Row[Any], content: bytes) -> Recorded:
    found = sealed.read(content)
    return Recorded(
        decision=row.decision,
        made_at=row.made_at,
        organisation=row.organisation_code,
        revision=row.revision,
        engine=row.engine,
        question=found["question"],
        answer=found["answer"],
        result_hash=row.result_hash,
    )


def _say_so(broker: Broker, session: Session, *, by: str, now: datetime, **body: Any) -> None:
    broker.trail.append(session, Event(action=AuditAction.DECISIONS_READ, actor=by, body=body), now=now)
    session.commit()


def _person(id: str | None, keys: Keys) -> str | None:
    return None if id is None else keys.pseudonym("person", id)


def _relationship(given: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
    return {**given, "person": _person(given["person"], keys), "team": None, "source": ""}


def _sorted_sets(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: sorted(value, key=str) if name in _SETS and isinstance(value, list) else value
        for name, value in given.items()
    }


def _place(row: Any) -> tuple[str, str]:
    if not isinstance(row, Mapping):
        return ("", str(row))
    return (str(row.get("section")), str(row.get("source")))
