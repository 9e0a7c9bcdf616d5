"""What is published is signed; what is served is exactly that, and never older than what was; what is put back is
never wider than what people have narrowed since."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select, text, update
from sqlalchemy.orm import Session

from broker.access.engines import strict
from broker.access.engines.bundle_file import bundle_files
from broker.access.parts import Broker
from broker.access.policy import PolicyInForce, published_bundle, revision_in_force, signed_bundle
from broker.agreements import actions, bundle
from broker.agreements.actions import Signatory
from broker.agreements.document import AgreementDocument, Written, write
from broker.agreements.models import PolicyRevision, SharingAgreement
from broker.agreements.workings import Workings
from broker.app import assemble
from broker.audit.models import AuditEntry
from broker.database import session_factory
from broker.errors import Conflict, EngineUnavailable, EngineUnclear, NotFound
from broker.governance import signing_keys
from broker.governance.publishing import publish, rollback
from broker.settings import Settings
from broker.vocabulary import AgreementState, AuditAction, Role
from tests import texts
from tests.conformance.rows import row
from tests.doors.conftest import House
from tests.doors.test_records import codes, find, view
from tests.governance.conftest import ASH, AUTHOR, BY, KIT, UMA
from tests.people import COUNCIL, NOON, SURGERY, settle

LATER = NOON + timedelta(hours=1)


@pytest.fixture
def session(governed: Broker) -> Session:
    return governed.sessions()


def newest(session: Session) -> PolicyRevision:
    return session.scalars(select(PolicyRevision).order_by(PolicyRevision.id.desc()).limit(1)).one()


def move(broker: Broker, session: Session, id: str, to: AgreementState, *, now: datetime = LATER) -> PolicyRevision:
    actions.move(session, actions.called(session, id), to=to, by=BY, trail=broker.trail, now=now)
    return publish(broker, session, by=BY, now=now)


def entry(session: Session, id: str) -> dict[str, Any]:
    found: dict[str, Any] = published_bundle(session).data["sharing"]["agreements"][id]
    return found


def amend(broker: Broker, session: Session, written: Written, *, now: datetime) -> PolicyRevision:
    """The next version of an agreement, signed by every party and put in force."""
    drafted = actions.draft(session, written, author=AUTHOR, trail=broker.trail, now=now)
    actions.move(session, drafted, to=AgreementState.IN_REVIEW, by=AUTHOR, trail=broker.trail, now=now)
    for signatory in signatories(written.document):
        actions.sign(session, drafted, signatory=signatory, digest=drafted.digest, trail=broker.trail, now=now)
    actions.move(session, drafted, to=AgreementState.IN_FORCE, by=AUTHOR, trail=broker.trail, now=now)
    return publish(broker, session, by=BY, now=now)


def signatories(document: AgreementDocument) -> list[Signatory]:
    who = {each.organisation: each for each in (ASH, KIT, UMA)}
    return [who[party.organisation] for party in document.parties]


# ---- publishing ----------------------------------------------------------------------------------------------------


def test_what_is_published_is_signed_whole(governed: Broker, session: Session) -> None:
    published = newest(session)
    signed = signed_bundle(session, published.revision, keys=governed.signing)
    assert signed.signatures == published.signatures
    governed.signing.verify(bundle_files(signed.bundle), published.signatures)
    assert governed.policy.revision(session) == published.revision


def test_the_same_rules_and_agreements_have_the_same_digest_and_another_name(
    governed: Broker, session: Session
) -> None:
    before = newest(session)
    after = publish(governed, session, by=BY, now=LATER)
    assert after.digest == before.digest
    assert after.revision != before.revision
    assert move(governed, session, "TB-CARE", AgreementState.SUSPENDED).digest != before.digest


def test_a_clock_put_back_still_gives_a_newer_revision(governed: Broker, session: Session) -> None:
    before = newest(session).revision
    after = publish(governed, session, by=BY, now=NOON - timedelta(days=1)).revision
    assert bundle.published_at(after) > bundle.published_at(before)
    assert governed.policy.revision(session) == after


def test_what_is_worked_out_from_changes_is_what_is_worked_out_from_scratch(governed: Broker, session: Session) -> None:
    for id, to in (("TB-CARE", AgreementState.SUSPENDED), ("LON-CARE", AgreementState.ENDED)):
        move(governed, session, id, to)
        _, parts, count = governed.workings.of(session)
        rows = actions.every(session)
        assert parts == bundle.parts_of(bundle.build_data(rows))
        assert parts == Workings().of(session)[1]
        assert count == len(rows)


def test_a_changed_row_is_seen_however_it_was_changed(governed: Broker, session: Session) -> None:
    """The workings are kept between publications, and the database is what counts."""
    care = actions.called(session, "TB-CARE")
    assert entry(session, "TB-CARE")["until"] > LATER.timestamp()
    with governed.sessions() as other:
        other.execute(update(SharingAgreement).where(SharingAgreement.id == "TB-CARE").values(until_at=LATER))
        other.execute(text("DELETE FROM agreement_signature WHERE agreement_id = 'TB-ADVICE'"))
        other.commit()
    assert care.until_at != LATER  # what this session read before
    publish(governed, session, by=BY, now=LATER)
    assert entry(session, "TB-CARE")["until"] == int(LATER.timestamp())
    assert entry(session, "TB-ADVICE")["signed"] is False


def test_an_agreements_own_conditions_are_in_the_bundle(governed: Broker, session: Session) -> None:
    conditions = 'package conditions["TB-ADVICE"]\n\ndeny contains "agreement-not-begun" if input.request.time < 0\n'
    written = Written(texts.advice(title="Advice, on conditions"), "", conditions)
    amend(governed, session, written, now=LATER)
    assert published_bundle(session).modules["conditions/TB-ADVICE.rego"] == conditions
    assert governed.policy.revision(session) == newest(session).revision


# ---- serving only that ---------------------------------------------------------------------------------------------


def unpacked(row: PolicyRevision) -> tuple[dict[str, str], dict[str, Any]]:
    modules, data = bundle.unpacked_text(row.content)
    return modules, json.loads(data)


def changed_data(row: PolicyRevision) -> dict[str, Any]:
    modules, data = unpacked(row)
    data["agreements"]["TB-CARE"]["break_glass"] = not data["agreements"]["TB-CARE"]["break_glass"]
    return {"content": bundle.packed(modules, data)}


def changed_rule(row: PolicyRevision) -> dict[str, Any]:
    modules, data = unpacked(row)
    path = "broker/decision/decision.rego"
    return {"content": bundle.packed({**modules, path: modules[path] + "\n"}, data)}


def added_rule(row: PolicyRevision) -> dict[str, Any]:
    modules, data = unpacked(row)
    more = {"conditions/more.rego": 'package conditions["more"]\n'}
    return {"content": bundle.packed(modules | more, data)}


def missing_mask(row: PolicyRevision) -> dict[str, Any]:
    modules, data = unpacked(row)
    rules = {path: text for path, text in modules.items() if not path.startswith(strict.OWN_ROOT)}
    return {"content": bundle.packed(rules, data)}


TAMPERED: dict[str, Callable[[PolicyRevision], dict[str, Any]]] = {
    "data": changed_data,
    "a rule": changed_rule,
    "one rule more": added_rule,
    "a file less": missing_mask,
    "nonsense": lambda row: {"content": b"nonsense"},
    "nothing": lambda row: {"content": b""},
    "no signature": lambda row: {"signatures": ""},
    "half a signature": lambda row: {"signatures": row.signatures[: len(row.signatures) // 2]},
    "a signature of another": lambda row: {"signatures": row.signatures.replace("ey", "eY", 1)},
    "another name": lambda row: {"revision": f"2030-01-01T00:00:00.000000Z/{row.digest}"},
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_changed_since_it_was_signed_is_not_served(governed: Broker, session: Session, what: str) -> None:
    row = newest(session)
    session.execute(update(PolicyRevision).where(PolicyRevision.id == row.id).values(TAMPERED[what](row)))
    session.commit()
    with pytest.raises(EngineUnavailable):
        governed.policy.revision(session)
    publish(governed, session, by=BY, now=LATER)
    assert governed.policy.revision(session) == newest(session).revision


def test_what_cannot_be_served_refuses_and_the_older_revision_does_not_answer_for_it(house: House) -> None:
    gp = house.token(person="gp")
    handle = find(house, gp)
    assert view(house, gp, handle, purpose="direct-care", sections=["problems"]).status_code == 200
    house.adopt(replace(texts.advice(), id="TB-MORE"))
    with house.session() as session:
        session.execute(update(PolicyRevision).where(PolicyRevision.id == newest(session).id).values(signatures="{}"))
        session.commit()
    answer = view(house, gp, handle, purpose="direct-care", sections=["problems"])
    assert (answer.status_code, codes(answer)) == (403, {"policy-unavailable"})
    assert house.client.get("/ready").get_json()["waiting_for"] == "policy"


@row("T4")
def test_an_older_revision_put_back_in_the_database_is_not_served(governed: Broker, session: Session) -> None:
    older = newest(session).revision
    newer = move(governed, session, "TB-CARE", AgreementState.SUSPENDED).revision
    assert governed.policy.revision(session) == newer
    session.execute(delete(PolicyRevision).where(PolicyRevision.revision == newer))
    session.commit()
    assert revision_in_force(session) == older
    with pytest.raises(EngineUnavailable, match="not newer"):
        governed.policy.revision(session)


def test_a_process_that_has_just_started_is_not_given_an_older_one_either(governed: Broker, session: Session) -> None:
    newer = move(governed, session, "TB-CARE", AgreementState.SUSPENDED).revision
    afresh = PolicyInForce(governed.policy.engine, governed.signing)
    assert afresh.revision(session) == newer
    session.execute(delete(PolicyRevision).where(PolicyRevision.revision == newer))
    session.commit()
    afresh = PolicyInForce(governed.policy.engine, governed.signing)
    with pytest.raises(EngineUnavailable, match="trail"):
        afresh.revision(session)


def test_an_older_revision_can_still_be_read(governed: Broker, session: Session) -> None:
    older = newest(session).revision
    move(governed, session, "TB-CARE", AgreementState.SUSPENDED)
    assert published_bundle(session, older).data["sharing"]["agreements"]["TB-CARE"]["state"] == "in-force"
    with pytest.raises(EngineUnavailable):
        published_bundle(session, "2026-01-01T00:00:00.000000Z/none")


# ---- putting an older one back -------------------------------------------------------------------------------------


def test_a_text_that_grew_too_wide_is_put_back_as_a_newer_revision(governed: Broker, session: Session) -> None:
    older = newest(session)
    wider = texts.advice(labels=["mental-health"])
    amend(governed, session, write(wider), now=LATER)
    assert entry(session, "TB-ADVICE")["labels"] == {"mental-health": True}
    restored = rollback(governed, session, to=older.revision, by=BY, now=LATER)
    assert entry(session, "TB-ADVICE")["labels"] == {}
    assert (restored.restores, restored.digest) == (older.revision, older.digest)
    assert governed.policy.revision(session) == restored.revision
    written = governed.trail.entries(session, actions=[AuditAction.POLICY_PUBLISHED], limit=1)[0]
    assert (written.body["act"], written.body["restores"]) == ("rolled-back", older.revision)
    assert actions.called(session, "TB-ADVICE").number == 2  # no agreement is changed


def test_the_next_publication_ends_it(governed: Broker, session: Session) -> None:
    older = newest(session).revision
    amend(governed, session, write(texts.advice(labels=["mental-health"])), now=LATER)
    rollback(governed, session, to=older, by=BY, now=LATER)
    publish(governed, session, by=BY, now=LATER)
    assert entry(session, "TB-ADVICE")["labels"] == {"mental-health": True}


@pytest.mark.parametrize("to", [AgreementState.SUSPENDED, AgreementState.ENDED])
def test_what_was_stopped_since_stays_stopped(governed: Broker, session: Session, to: AgreementState) -> None:
    older = newest(session).revision
    move(governed, session, "TB-CARE", to)
    rollback(governed, session, to=older, by=BY, now=LATER)
    assert entry(session, "TB-CARE")["state"] == to.value
    assert published_bundle(session).data["sharing"]["chains"]["TB-CARE"]["states"] == sorted({to.value, "in-force"})
    assert entry(session, "TB-ADVICE")["state"] == "in-force"


def test_what_was_shortened_or_unsigned_since_stays_so(governed: Broker, session: Session) -> None:
    older = newest(session).revision
    session.execute(update(SharingAgreement).where(SharingAgreement.id == "TB-CARE").values(until_at=LATER))
    session.execute(text("DELETE FROM agreement_signature WHERE agreement_id = 'TB-ADVICE'"))
    session.commit()
    publish(governed, session, by=BY, now=LATER)
    rollback(governed, session, to=older, by=BY, now=LATER)
    assert entry(session, "TB-CARE")["until"] == int(LATER.timestamp())
    assert entry(session, "TB-ADVICE")["signed"] is False


NARROWER: dict[str, dict[str, Any]] = {
    "fewer sections": {"sections": texts.because(texts.ADVICE_SECTIONS[:2])},
    "one obligation more": {"obligations": [{"obligation": "no-onward-sharing"}]},
    "other sources": {"sources": {"organisations": [], "kinds": ["gp-practice"]}},
    "told less": {"disclosure": "never-tell"},
}


@pytest.mark.parametrize("how", NARROWER)
def test_what_was_narrowed_since_is_not_widened_again(governed: Broker, session: Session, how: str) -> None:
    older = newest(session).revision
    amend(governed, session, write(texts.advice(**NARROWER[how])), now=LATER)
    before = newest(session).revision
    with pytest.raises(Conflict, match=r"rollback-widens.*TB-ADVICE") as refused:
        rollback(governed, session, to=older, by=BY, now=LATER)
    assert "TB-CARE" not in refused.value.detail
    assert newest(session).revision == before


def test_conditions_added_since_are_not_dropped(governed: Broker, session: Session) -> None:
    older = newest(session).revision
    conditions = 'package conditions["TB-ADVICE"]\n\ndeny contains "agreement-not-begun" if input.request.time < 0\n'
    amend(governed, session, Written(texts.advice(), "", conditions), now=LATER)
    with pytest.raises(Conflict, match="rollback-widens"):
        rollback(governed, session, to=older, by=BY, now=LATER)


def test_an_agreement_that_narrows_another_is_not_dropped(governed: Broker, session: Session) -> None:
    older = newest(session).revision
    fewer = texts.because(texts.CARE_SECTIONS[:1])
    text = texts.care(narrows=True, parties=[texts.party(SURGERY), texts.party(COUNCIL)], sections=fewer)
    narrowing = replace(text, id="TB-LESS")
    actions.adopt(session, write(narrowing), by=BY, trail=governed.trail, now=LATER)
    publish(governed, session, by=BY, now=LATER)
    assert entry(session, "TB-CARE")["narrowed_by"] == {"TB": ["TB-LESS"]}
    with pytest.raises(Conflict, match="rollback-widens"):
        rollback(governed, session, to=older, by=BY, now=LATER)


def test_an_agreement_that_is_newer_than_the_revision_stops_with_it(governed: Broker, session: Session) -> None:
    older = newest(session).revision
    actions.adopt(session, write(replace(texts.advice(), id="TB-MORE")), by=BY, trail=governed.trail, now=LATER)
    publish(governed, session, by=BY, now=LATER)
    rollback(governed, session, to=older, by=BY, now=LATER)
    assert "TB-MORE" not in published_bundle(session).data["sharing"]["agreements"]


def test_only_a_revision_that_was_published_signed_and_is_not_in_force_is_put_back(
    governed: Broker, session: Session
) -> None:
    older = newest(session)
    with pytest.raises(NotFound, match="revision-in-force"):
        rollback(governed, session, to=older.revision, by=BY, now=LATER)
    with pytest.raises(NotFound, match="revision-unknown"):
        rollback(governed, session, to="2026-01-01T00:00:00.000000Z/none", by=BY, now=LATER)
    publish(governed, session, by=BY, now=LATER)
    session.execute(update(PolicyRevision).where(PolicyRevision.id == older.id).values(changed_rule(older)))
    session.commit()
    with pytest.raises(Conflict, match="revision-not-ours"):
        rollback(governed, session, to=older.revision, by=BY, now=LATER)


# ---- changing the key ----------------------------------------------------------------------------------------------


def test_a_key_is_changed_without_a_moment_in_which_nothing_is_served(governed: Broker, session: Session) -> None:
    old = governed.signing.signed_by(newest(session).signatures)
    revision = governed.policy.revision(session)
    new = signing_keys.announce(governed, session, by=BY, now=LATER)
    assert PolicyInForce(governed.policy.engine, governed.signing).revision(session) == revision
    assert signing_keys.rotate(governed, session, by=BY, now=LATER) == (new, revision)
    assert governed.signing.signed_by(newest(session).signatures) == new
    assert PolicyInForce(governed.policy.engine, governed.signing).revision(session) == revision
    signing_keys.retire(governed, session, old, by=BY, now=LATER)
    assert PolicyInForce(governed.policy.engine, governed.signing).revision(session) == revision
    acts = [each.body.get("act") for each in governed.trail.entries(session, actions=[AuditAction.KEYS_CHANGED])]
    assert acts[:3] == ["key-retired", "key-rotated", "key-announced"]


def test_a_key_that_is_still_needed_is_not_retired(governed: Broker, session: Session) -> None:
    old = governed.signing.signed_by(newest(session).signatures)
    signing_keys.announce(governed, session, by=BY, now=LATER)
    governed.signing.keyring.rotate()  # as if the rotation had been cut off before the revision was signed again
    with pytest.raises(Conflict, match="key-in-use"):
        signing_keys.retire(governed, session, old, by=BY, now=LATER)


def test_what_was_signed_by_a_retired_key_is_read_and_never_served_or_put_back(
    governed: Broker, session: Session
) -> None:
    first = newest(session)
    old = governed.signing.signed_by(first.signatures)
    signing_keys.announce(governed, session, by=BY, now=LATER)
    publish(governed, session, by=BY, now=LATER)
    signing_keys.rotate(governed, session, by=BY, now=LATER)
    signing_keys.retire(governed, session, old, by=BY, now=LATER)
    assert published_bundle(session, first.revision).revision == first.revision
    with pytest.raises(EngineUnclear):
        signed_bundle(session, first.revision, keys=governed.signing)
    with pytest.raises(Conflict, match="revision-not-ours"):
        rollback(governed, session, to=first.revision, by=BY, now=LATER)


def test_what_was_changed_is_never_signed_again(governed: Broker, session: Session) -> None:
    row = newest(session)
    session.execute(update(PolicyRevision).where(PolicyRevision.id == row.id).values(changed_rule(row)))
    session.commit()
    signing_keys.announce(governed, session, by=BY, now=LATER)
    with pytest.raises(EngineUnclear):
        signing_keys.rotate(governed, session, by=BY, now=LATER)
    assert governed.signing.keyring.signing()[0] == governed.signing.signed_by(row.signatures)


def test_the_trail_says_what_was_published(governed: Broker, session: Session) -> None:
    published = move(governed, session, "TB-CARE", AgreementState.SUSPENDED)
    written = session.scalars(select(AuditEntry).order_by(AuditEntry.index.desc()).limit(1)).one()
    assert json.loads(written.body) == {"revision": published.revision, "agreements": 4}
    assert Role.IG_LEAD.value not in written.body


@pytest.fixture
def either(each_engine: Engine, settings: Settings) -> Iterator[Broker]:
    """A broker with four agreements in force, on each kind of database."""
    settings.data_folder.mkdir(mode=0o700, exist_ok=True)
    broker = assemble(settings, session_factory(each_engine), clock=lambda: NOON)
    with broker.sessions() as session:
        settle(session)
        for document in (*texts.frameworks(), texts.care(), texts.advice()):
            actions.adopt(session, write(document), by=BY, trail=broker.trail, now=NOON)
        publish(broker, session, by=BY, now=NOON)
    yield broker
    broker.policy.engine.close()


def test_of_two_publications_at_once_neither_forgets_the_others_change(either: Broker) -> None:
    with either.sessions() as first, ThreadPoolExecutor(1) as elsewhere:
        stopped = actions.called(first, "TB-CARE")
        actions.move(first, stopped, to=AgreementState.SUSPENDED, by=BY, trail=either.trail, now=LATER)

        def publish_elsewhere() -> None:
            with either.sessions() as second:
                actions.every(second)  # what it has read before the first commits
                second.rollback()
                publish(either, second, by=BY, now=LATER)

        waiting = elsewhere.submit(publish_elsewhere)
        publish(either, first, by=BY, now=LATER)
        waiting.result()
        assert entry(first, "TB-CARE")["state"] == "suspended"
        assert len(set(first.scalars(select(PolicyRevision.revision)))) == 3
