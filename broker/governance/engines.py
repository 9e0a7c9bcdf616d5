"""What OPA servers say of themselves: which revision each enforces, and which decisions it gave. Asks none of them.

Corroboration alone: the broker's own trail is the record. Keeps no question, no answer and no text of a query: of a
decision only who gave it, to which request, by which revision, and a hash of the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from broker.access.engines import DECISION, probe
from broker.access.policy import revision_in_force
from broker.agreements.canonical import canonical
from broker.agreements.models import PolicyRevision
from broker.errors import Conflict, InvalidInput
from broker.governance.models import DecisionRecord, EngineDecision, EngineReport

BUNDLE = "sharing"  # what the bundle is called in an OPA server's configuration
MOST_ENGINES = 500
MOST_LINES = 10_000  # in one post of a decision log
FORGOTTEN = timedelta(days=7)  # an engine not heard of for so long is gone: each start of OPA is another
KEPT = timedelta(days=90)  # a line of a decision log

PROBE: str = probe.QUESTION["request"]["id"]  # how the broker asks whether an OPA server answers at all
_SKEW = timedelta(hours=1)  # between the broker's clock and an OPA server's
_PATH = DECISION.replace(".", "/")
_ID, _REVISION, _FAULT, _VERSION = 80, 100, 300, 40  # characters
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class EngineStanding:
    """How one OPA server stands. ``behind`` is how long a newer revision has been out; None where it is not known."""

    id: str
    version: str
    revision: str | None
    behind: timedelta | None
    current: bool
    fault: str | None
    reported_at: datetime


def take_status(session: Session, report: Mapping[str, Any], *, now: datetime) -> EngineReport:
    """Keep the last that an OPA server said of itself (OPA status API). Commits. Raises InvalidInput, Conflict."""
    labels = _object(report, "labels")
    id = _text(labels, "id", _ID)
    forget(session, now=now)
    kept = session.get(EngineReport, id)
    if kept is None and (session.scalar(select(func.count()).select_from(EngineReport)) or 0) >= MOST_ENGINES:
        raise Conflict("engines-too-many", "More OPA servers report here than the broker keeps account of.")
    found = _bundle_of(report)
    values = {
        "version": _text(labels, "version", _VERSION, or_none=True) or "",
        "revision": _text(found, "active_revision", _REVISION, or_none=True),
        "activated_at": _instant(found, "last_successful_activation"),
        "fault": _fault(found) or _fault(_object(report, "decision_logs", or_empty=True)),
        "reported_at": now,
    }
    kept = session.merge(EngineReport(id=id, **values))
    session.commit()
    return kept


def take_decisions(session: Session, lines: Sequence[Any], *, now: datetime) -> int:
    """Keep what is new of a decision log (OPA decision log API), and say how much that was. Commits.

    The same line twice is one line: OPA sends again what it is not sure of. Lines of other documents are passed over.
    Raises InvalidInput where any line cannot be read, and then keeps none.
    """
    if len(lines) > MOST_LINES:
        raise InvalidInput("log-too-long", f"A decision log is posted {MOST_LINES} lines at a time.")
    found = {row["id"]: row for line in lines if (row := _line(line, now=now)) is not None}
    session.execute(delete(EngineDecision).where(EngineDecision.received_at < now - KEPT))
    try:
        return _add(session, found)
    except IntegrityError:  # the same lines were being kept by another thread
        session.rollback()
        return _add(session, found)


def fleet(session: Session, now: datetime) -> list[EngineStanding]:
    """Every OPA server heard of lately, by id, and how far behind it is."""
    in_force = revision_in_force(session)
    reports = session.scalars(select(EngineReport).where(EngineReport.reported_at > now - FORGOTTEN))
    return [
        EngineStanding(
            id=report.id,
            version=report.version,
            revision=report.revision,
            behind=_behind(session, report.revision, now=now),
            current=report.revision is not None and report.revision == in_force,
            fault=report.fault,
            reported_at=report.reported_at,
        )
        for report in sorted(reports, key=lambda report: report.id)
    ]


def uncorroborated(session: Session, *, since: datetime, limit: int = 100) -> list[EngineDecision]:
    """The newest decisions that an OPA server gave and that the broker has no record of: somebody else asked it.

    An answer from a revision that had been replaced is left out: the broker refuses those, and records the refusal.
    """
    recorded = select(DecisionRecord.result_hash).where(DecisionRecord.made_at >= since - _SKEW)
    unknown = or_(EngineDecision.result_hash.is_(None), EngineDecision.result_hash.not_in(recorded))
    wanted = select(EngineDecision).where(EngineDecision.made_at >= since, EngineDecision.request != PROBE, unknown)
    newest_first = wanted.order_by(EngineDecision.made_at.desc(), EngineDecision.id)
    found = (row for row in session.scalars(newest_first) if row.revision == _in_force(session, at=row.made_at))
    return list(islice(found, limit))


def _in_force(session: Session, *, at: datetime) -> str | None:
    by_then = select(PolicyRevision.revision).where(PolicyRevision.published_at <= at)
    revision: str | None = session.scalar(by_then.order_by(PolicyRevision.id.desc()).limit(1))
    return revision


def forget(session: Session, *, now: datetime) -> None:
    """Let go of servers that have long been silent. Does not commit."""
    session.execute(delete(EngineReport).where(EngineReport.reported_at <= now - FORGOTTEN))


def _behind(session: Session, revision: str | None, *, now: datetime) -> timedelta | None:
    """How long the first revision after ``revision`` has been out; zero where there is none."""
    mine = select(PolicyRevision.id).where(PolicyRevision.revision == revision)
    if revision is None or (place := session.scalar(mine)) is None:
        return None
    after = select(func.min(PolicyRevision.published_at)).where(PolicyRevision.id > place)
    newer = session.scalar(after)
    return timedelta(0) if newer is None else max(timedelta(0), now - newer)


def _add(session: Session, found: Mapping[str, Mapping[str, Any]]) -> int:
    ids = list(found)
    known: set[str] = set()
    for start in range(0, len(ids), 500):  # no database takes as many parameters as there may be lines
        known.update(session.scalars(select(EngineDecision.id).where(EngineDecision.id.in_(ids[start : start + 500]))))
    session.add_all(EngineDecision(**row) for id, row in found.items() if id not in known)
    session.commit()
    return len(found.keys() - known)


# ---- reading what they say: each of these returns what it names, or raises InvalidInput -----------------------------


def _line(line: Any, *, now: datetime) -> dict[str, Any] | None:
    """One line, as it is kept; None where it is of another document than the decision."""
    if not isinstance(line, Mapping):
        raise InvalidInput("log-malformed", "Each line of a decision log is an object.")
    id = _text(line, "decision_id", _ID)
    engine = _text(_object(line, "labels"), "id", _ID)
    made_at = _instant(line, "timestamp")
    if made_at is None:
        raise InvalidInput("log-malformed", "Each line of a decision log says when.", field="timestamp")
    if str(line.get("path", "")).strip("/") != _PATH:
        return None
    bundles = _object(line, "bundles", or_empty=True)
    return {
        "id": id,
        "engine": engine,
        "request": _request(line),
        "revision": _text(_object(bundles, BUNDLE, or_empty=True), "revision", _REVISION, or_none=True),
        "result_hash": _result_hash(line.get("result")),
        "made_at": made_at,
        "received_at": now,
    }


def _request(line: Mapping[str, Any]) -> str:
    question = line.get("input")
    asked = question.get("request") if isinstance(question, Mapping) else None
    return (_text(asked, "id", _ID, or_none=True) if isinstance(asked, Mapping) else None) or ""


def _result_hash(result: Any) -> str | None:
    """The hash that the mask left, or, from a server that did not mask, the hash of what it sent."""
    if not isinstance(result, Mapping):
        return None
    hashed = result.get("sha256")
    if isinstance(hashed, str) and _HASH.fullmatch(hashed):
        return hashed
    return sha256(canonical(result)).hexdigest()


def _bundle_of(report: Mapping[str, Any]) -> Mapping[str, Any]:
    """What it says of our bundle; where it calls it something else, of its only one."""
    bundles = _object(report, "bundles", or_empty=True)
    name = next(iter(bundles)) if len(bundles) == 1 else BUNDLE
    return _object(bundles, name, or_empty=True)


def _fault(found: Mapping[str, Any]) -> str | None:
    said = [text for name in ("code", "message") if (text := found.get(name)) and isinstance(text, str)]
    return " ".join(": ".join(said).split())[:_FAULT] or None


def _object(within: Mapping[str, Any], name: str, *, or_empty: bool = False) -> Mapping[str, Any]:
    value = within.get(name)
    if value is None and or_empty:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidInput("report-malformed", "A field that is an object is something else.", field=name)
    return value


def _text(within: Mapping[str, Any], name: str, longest: int, *, or_none: bool = False) -> str | None:
    value = within.get(name)
    if or_none and value in (None, ""):
        return None
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise InvalidInput("report-malformed", f"A text of at most {longest} characters is missing.", field=name)
    return value


def _instant(within: Mapping[str, Any], name: str) -> datetime | None:
    """An RFC 3339 instant. None where there is none: Go writes the year 1 for never."""
    value = within.get(name)
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(str(value))
        return None if found.year < 1970 or found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput("report-malformed", "An instant cannot be read.", field=name) from error
