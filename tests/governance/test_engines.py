"""What OPA servers say of themselves is kept as it was last said, once, and shows who is behind and by how long."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.access.parts import Broker
from broker.access.policy import revision_in_force
from broker.errors import Conflict, InvalidInput
from broker.governance import engines
from broker.governance.models import DecisionRecord, EngineDecision, EngineReport
from broker.governance.publishing import publish
from tests.governance.conftest import BY
from tests.people import NOON, SURGERY

LATER = NOON + timedelta(minutes=10)


@pytest.fixture
def session(governed: Broker) -> Iterator[Session]:
    with governed.sessions() as session:
        yield session


def status(revision: str | None, id: str = "opa-1", **bundle: Any) -> dict[str, Any]:
    found = {"name": "sharing", "active_revision": revision, **bundle}
    return {"labels": {"id": id, "version": "1.20.2"}, "bundles": {"sharing": found}, "plugins": {}}


def line(id: str = "d1", **changes: Any) -> dict[str, Any]:
    return {
        "labels": {"id": "opa-1"},
        "decision_id": id,
        "path": "broker/decision/result",
        "bundles": {"sharing": {"revision": "r1"}},
        "input": {"request": {"id": f"q-{id}"}},
        "result": {"revision": "r1", "sha256": "a" * 64},
        "timestamp": "2026-11-20T12:00:00Z",
        **changes,
    }


def decisions(session: Session) -> list[EngineDecision]:
    return list(session.scalars(select(EngineDecision).order_by(EngineDecision.id)))


# ---- the fleet -----------------------------------------------------------------------------------------------------


def test_who_enforces_what_is_in_force_is_current_and_who_does_not_is_behind(
    governed: Broker, session: Session
) -> None:
    older = revision_in_force(session)
    publish(governed, session, by=BY, now=LATER)
    newer = revision_in_force(session)
    publish(governed, session, by=BY, now=LATER + timedelta(minutes=5))
    newest = revision_in_force(session)
    now = LATER + timedelta(minutes=7)
    for id, revision in (("a", newest), ("b", newer), ("c", older), ("d", None), ("e", "another broker's")):
        engines.take_status(session, status(revision, id), now=now)
    fleet = engines.fleet(session, now)
    assert [each.id for each in fleet] == ["a", "b", "c", "d", "e"]
    assert [each.current for each in fleet] == [True, False, False, False, False]
    minutes = [None if each.behind is None else each.behind / timedelta(minutes=1) for each in fleet]
    assert minutes == [0, 2, 7, None, None]


def test_only_the_last_that_a_server_said_is_kept(session: Session) -> None:
    engines.take_status(session, status("r1", code="bundle_error", message="signature\ndoes not hold"), now=NOON)
    assert engines.fleet(session, NOON)[0].fault == "bundle_error: signature does not hold"
    engines.take_status(session, status("r2"), now=LATER)
    (standing,) = engines.fleet(session, LATER)
    assert (standing.revision, standing.fault, standing.reported_at) == ("r2", None, LATER)


def test_a_server_that_cannot_send_its_log_says_so(session: Session) -> None:
    report = status("r1") | {"decision_logs": {"code": "decision_log_error", "message": "refused"}}
    engines.take_status(session, report, now=NOON)
    assert engines.fleet(session, NOON)[0].fault == "decision_log_error: refused"


def test_when_it_was_activated_is_known_or_it_never_was(session: Session) -> None:
    for said, found in (
        ("2026-11-20T12:00:00.123456789Z", datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        (None, None),
    ):
        kept = engines.take_status(session, status("r1", last_successful_activation=said), now=NOON)
        assert kept.activated_at == found


def test_a_bundle_by_another_name_is_ours_where_it_is_the_only_one(session: Session) -> None:
    only = status("r1") | {"bundles": {"mine": {"active_revision": "r1"}}}
    assert engines.take_status(session, only, now=NOON).revision == "r1"
    several = only | {"bundles": {"mine": {"active_revision": "r1"}, "other": {"active_revision": "r2"}}}
    assert engines.take_status(session, several, now=NOON).revision is None
    assert engines.take_status(session, several | {"bundles": None}, now=NOON).revision is None


def test_a_server_long_silent_is_forgotten(session: Session) -> None:
    engines.take_status(session, status("r1", "old"), now=NOON)
    now = NOON + engines.FORGOTTEN
    assert engines.fleet(session, now) == []
    engines.take_status(session, status("r1", "new"), now=now)
    assert [each.id for each in session.scalars(select(EngineReport))] == ["new"]


def test_there_is_an_end_to_how_many_are_kept(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "MOST_ENGINES", 2)
    for id in ("a", "b", "a"):
        engines.take_status(session, status("r1", id), now=NOON)
    with pytest.raises(Conflict, match="engines-too-many"):
        engines.take_status(session, status("r1", "c"), now=NOON)


# ---- decision logs -------------------------------------------------------------------------------------------------


def test_a_line_is_kept_once_however_often_it_is_sent(session: Session) -> None:
    assert engines.take_decisions(session, [line("d1"), line("d2"), line("d1")], now=NOON) == 2
    assert engines.take_decisions(session, [line("d2"), line("d3")], now=LATER) == 1
    assert [(each.id, each.request, each.received_at) for each in decisions(session)] == [
        ("d1", "q-d1", NOON),
        ("d2", "q-d2", NOON),
        ("d3", "q-d3", LATER),
    ]


def test_two_threads_that_are_sent_the_same_both_succeed(
    governed: Broker, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = engines._add

    def after_another(mine: Session, found: Any) -> int:
        monkeypatch.setattr(engines, "_add", add)
        mine.rollback()  # SQLite would make the other wait; PostgreSQL does not
        with governed.sessions() as other:
            add(other, found)
        mine.add_all(EngineDecision(**row) for row in found.values())  # as if it had not seen them
        mine.commit()
        raise AssertionError("the database takes no line twice")

    monkeypatch.setattr(engines, "_add", after_another)
    assert engines.take_decisions(session, [line("d1")], now=NOON) == 0
    assert len(decisions(session)) == 1


def test_only_decisions_are_kept(session: Session) -> None:
    others = [
        line("d1", path="system/health"),
        line("d2", path=""),
        line("d3", path="broker/decision"),
        line("d4", path=None),
    ]
    ours = [line("d5"), line("d6", path="/broker/decision/result")]
    assert engines.take_decisions(session, others + ours, now=NOON) == 2
    assert [each.id for each in decisions(session)] == ["d5", "d6"]


def test_an_answer_is_known_by_its_hash(session: Session) -> None:
    answer = {"revision": "r1", "pairs": [], "request": "q"}
    hashed = sha256(json.dumps(answer, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    given = [answer, {"revision": "r1", "sha256": hashed}, None, {"sha256": "no hash"}]
    engines.take_decisions(session, [line(f"d{n}", result=each) for n, each in enumerate(given)], now=NOON)
    found = [each.result_hash for each in decisions(session)]
    assert found[:3] == [hashed, hashed, None]
    assert found[3] not in (None, "no hash")


def test_a_decision_the_broker_has_no_record_of_is_found(governed: Broker, session: Session) -> None:
    in_force = revision_in_force(session)
    session.add(
        DecisionRecord(
            decision="mine",
            made_at=NOON,
            kept_until=LATER,
            organisation_code=SURGERY,
            revision=in_force,
            engine="opa",
            result_hash="a" * 64,
        )
    )
    ours = {"bundles": {"sharing": {"revision": in_force}}}
    lines = [
        line("known", **ours),
        line("other-answer", **ours, result={"sha256": "b" * 64}),
        line("no-answer", **ours, result=None),
        line("stale", result={"sha256": "c" * 64}),
        line("asked-if-there", **ours, result={"sha256": "d" * 64}, input={"request": {"id": "probe"}}),
    ]
    engines.take_decisions(session, lines, now=LATER)
    found = engines.uncorroborated(session, since=NOON - timedelta(hours=1))
    assert [each.id for each in found] == ["no-answer", "other-answer"]
    assert engines.uncorroborated(session, since=NOON + timedelta(seconds=1)) == []


def test_what_is_missing_without_harm_is_left_blank(session: Session) -> None:
    bare = {name: value for name, value in line().items() if name not in ("input", "result", "bundles")}
    engines.take_decisions(session, [bare], now=NOON)
    (kept,) = decisions(session)
    assert (kept.request, kept.revision, kept.result_hash) == ("", None, None)


def test_lines_are_let_go_in_time(session: Session) -> None:
    engines.take_decisions(session, [line("d1")], now=NOON)
    engines.take_decisions(session, [line("d2")], now=NOON + engines.KEPT + timedelta(seconds=1))
    assert [each.id for each in decisions(session)] == ["d2"]


def test_one_line_that_cannot_be_read_refuses_them_all(session: Session) -> None:
    for wrong in (None, "line", {}, line(timestamp="soon"), line(decision_id=""), line(labels=None)):
        with pytest.raises(InvalidInput):
            engines.take_decisions(session, [line("d1"), wrong], now=NOON)
        session.rollback()
    assert decisions(session) == []
