"""What changing an agreement does: who must sign what, whose permission stands or runs out, and who is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.access.parts import Broker
from broker.access.policy import revision_in_force
from broker.agreements import actions
from broker.agreements.actions import Signatory
from broker.agreements.document import write
from broker.agreements.models import SharingAgreement
from broker.consent import actions as consent
from broker.consent.models import AccessRequestRecord, Consent
from broker.errors import Conflict, InvalidInput
from broker.governance import changes, impact
from broker.governance.changes import Effects
from broker.identity.actions import find_resident
from broker.notices.models import Notice
from broker.vocabulary import AgreementState, AuditAction, Purpose, RequestState, Role, Section
from tests import texts
from tests.governance.conftest import ASH, AUTHOR, BY, KIT, UMA
from tests.people import ADA_BORN, ADA_NUMBER, ADVISER, COUNCIL, FOOD_BANK, INTEGRATOR, NOON, SURGERY

SECTIONS = frozenset({Section.HOUSING, Section.MONEY})
SOON = NOON + timedelta(hours=1)

pytestmark = pytest.mark.slow  # each works out what a change would do


@pytest.fixture
def session(governed: Broker) -> Any:
    with governed.sessions() as session:
        yield session


def drafted(broker: Broker, session: Session, **changed: Any) -> SharingAgreement:
    """The next version of the food bank's agreement, in review."""
    document = texts.advice(**changed)
    agreement = actions.draft(session, write(document), author=AUTHOR, trail=broker.trail, now=NOON)
    changes.submit(broker, session, agreement, by=AUTHOR, now=NOON)
    return agreement


def sign(
    broker: Broker,
    session: Session,
    agreement: SharingAgreement,
    who: Signatory,
    impact_digest: str,
    *,
    reason: str | None = None,
    now: datetime = NOON,
) -> None:
    """``who`` signs the text as it now stands, with the impact report of that digest before them."""
    changes.approve(
        broker,
        session,
        agreement,
        signatory=who,
        digest=agreement.digest,
        impact_digest=impact_digest,
        reason=reason,
        now=now,
    )


def approved(broker: Broker, session: Session, *, reason: str | None = None, **changed: Any) -> SharingAgreement:
    agreement = drafted(broker, session, **changed)
    report = changes.work_out(broker, session, agreement, by=AUTHOR, now=NOON)
    for who in (ASH, KIT, UMA):
        sign(broker, session, agreement, who, report.digest, reason=reason)
    return agreement


def amended(broker: Broker, session: Session, **changed: Any) -> Effects:
    agreement = approved(broker, session, reason="The service cannot help without it.", **changed)
    return changes.put_in_force(broker, session, agreement, by=AUTHOR, now=SOON)


def permission(broker: Broker, session: Session, *, asked: bool = False) -> Consent:
    """Ada's permission to the food bank: of her own accord, or because she was asked."""
    if not asked:
        return consent.give(
            session,
            resident="ada",
            organisation=FOOD_BANK,
            purposes=frozenset({Purpose.ADVICE_DEBT}),
            sections=SECTIONS,
            until=None,
            by="resident:ada",
            trail=broker.trail,
            now=NOON,
        )
    trail, settings = broker.trail, broker.settings
    handle = find_resident(
        session, asker=ADVISER, nhs_number=ADA_NUMBER, born_on=ADA_BORN, trail=trail, settings=settings, now=NOON
    )
    request = consent.ask(
        session,
        requester=ADVISER,
        handle=handle,
        purpose=Purpose.ADVICE_DEBT,
        sections=SECTIONS,
        reason="To help with your arrears.",
        share_until=NOON + timedelta(days=30),
        trail=trail,
        settings=settings,
        now=NOON,
    )
    given = consent.answer(session, request, agree=True, by="resident:ada", trail=trail, now=NOON)
    assert given is not None
    return given


def stands(session: Session, *, at: datetime = SOON) -> bool:
    return bool(consent.in_use(session, "ada", now=at + timedelta(seconds=1)))


def told(session: Session, *, resident: str | None = None, organisation: str | None = None) -> set[str]:
    found = select(Notice.kind).where(Notice.resident_id == resident, Notice.organisation_code == organisation)
    return set(session.scalars(found))


def because(*more: Section) -> list[dict[str, str]]:
    return texts.because((*texts.ADVICE_SECTIONS, *more))


def refused(error: type[Exception], code: str, act: Callable[[], object]) -> None:
    with pytest.raises(error) as caught:
        act()
    assert getattr(caught.value, "code", None) == code


# ---- what must be true before anything changes ----------------------------------------------------------------------


def test_a_party_signs_with_the_impact_report_in_front_of_it(governed: Broker, session: Session) -> None:
    agreement = drafted(governed, session, retention="Two years.")

    def signed(impact_digest: str) -> None:
        sign(governed, session, agreement, ASH, impact_digest)

    refused(Conflict, "impact-missing", lambda: signed("0" * 64))
    report = changes.work_out(governed, session, agreement, by=AUTHOR, now=NOON)
    refused(Conflict, "impact-changed", lambda: signed("0" * 64))
    signed(report.digest)
    (signature,) = actions.standing_signatures(agreement)
    assert signature.impact == report.digest


def test_once_a_party_has_signed_the_report_stands(governed: Broker, session: Session) -> None:
    agreement = drafted(governed, session, retention="Two years.")
    report = changes.work_out(governed, session, agreement, by=AUTHOR, now=NOON)
    sign(governed, session, agreement, ASH, report.digest)
    refused(Conflict, "signed-already", lambda: changes.work_out(governed, session, agreement, by=AUTHOR, now=SOON))


def test_newly_permitted_sensitive_information_needs_a_written_reason(governed: Broker, session: Session) -> None:
    actions.move(
        session,
        actions.called(session, "LON-COMMUNITY"),
        to=AgreementState.ENDED,
        by=BY,
        trail=governed.trail,
        now=NOON,
    )
    wide = texts.frameworks()[1].as_mapping() | {"id": "LON-WIDE", "labels": ["mental-health"]}
    actions.adopt(session, write(texts.document.from_mapping(wide)), by=BY, trail=governed.trail, now=NOON)
    agreement = drafted(governed, session, under="LON-WIDE", labels=["mental-health"])
    report = changes.work_out(governed, session, agreement, by=AUTHOR, now=NOON)
    assert report.report["sensitive"]

    def signed(reason: str | None) -> None:
        sign(governed, session, agreement, ASH, report.digest, reason=reason)

    refused(InvalidInput, "reason-missing", lambda: signed("  "))
    signed("Debt that follows from illness cannot be dealt with blind.")
    assert actions.standing_signatures(agreement)[0].reason


def test_what_is_not_approved_cannot_be_put_in_force(governed: Broker, session: Session) -> None:
    agreement = drafted(governed, session, retention="Two years.")
    before = revision_in_force(session)
    refused(
        Conflict, "agreement-state", lambda: changes.put_in_force(governed, session, agreement, by=AUTHOR, now=SOON)
    )
    session.rollback()
    assert revision_in_force(session) == before


# ---- permissions already given --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"review_on": "2027-05-01"}, id="a change of the review date"),
        pytest.param({"sections": because(Section.CONTACTS)}, id="a section more"),
        pytest.param({"sections": because()[:2]}, id="sections fewer"),
    ],
)
def test_a_permission_stands_where_the_change_is_of_what_it_names_or_of_words(
    governed: Broker, session: Session, changed: dict[str, Any]
) -> None:
    permission(governed, session)
    found = amended(governed, session, **changed)
    assert found.running_out == ()
    assert stands(session)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"roles": ["case-worker", "link-worker"]}, id="a role more"),
        pytest.param(
            {"obligations": [{"obligation": "no-onward-sharing"}], "retention": "For ever."}, id="kept longer"
        ),
    ],
)
def test_a_permission_runs_out_where_the_agreement_grows_in_ways_it_does_not_speak_of(
    governed: Broker, session: Session, changed: dict[str, Any]
) -> None:
    permission(governed, session)
    found = amended(governed, session, **changed)
    assert len(found.running_out) == 1
    assert not stands(session)
    assert "permission-run-out" in told(session, resident="ada")
    assert "permission-run-out" in told(session, organisation=FOOD_BANK)
    (entry,) = governed.trail.entries(session, actions=[AuditAction.CONSENT_OUTGROWN])
    assert (entry.resident, entry.organisation) == ("ada", FOOD_BANK)


def test_whoever_was_asked_before_is_asked_again_and_whoever_was_not_is_only_told(
    governed: Broker, session: Session
) -> None:
    permission(governed, session, asked=True)
    amended(governed, session, roles=["case-worker", "link-worker"])
    again = consent.requests_to(session, "ada", now=SOON)
    assert [(each.purpose, each.sections) for each in again] == [(Purpose.ADVICE_DEBT, SECTIONS)]
    first = session.scalars(select(AccessRequestRecord).where(AccessRequestRecord.state == RequestState.GRANTED)).one()
    assert again[0].binding_code != first.binding_code

    consent.answer(session, again[0], agree=True, by="resident:ada", trail=governed.trail, now=SOON)
    assert stands(session)


def test_a_permission_of_another_organisation_is_not_touched(governed: Broker, session: Session) -> None:
    kept = consent.give(
        session,
        resident="ada",
        organisation=SURGERY,
        purposes=frozenset({Purpose.ADVICE_DEBT}),
        sections=SECTIONS,
        until=None,
        by="resident:ada",
        trail=governed.trail,
        now=NOON,
    )
    amended(governed, session, roles=["case-worker", "link-worker"])
    assert [each.id for each in consent.in_use(session, "ada", now=SOON)] == [kept.id]


# ---- who is told ----------------------------------------------------------------------------------------------------


def test_residents_and_every_party_are_told_once_of_more_and_of_less(governed: Broker, session: Session) -> None:
    permission(governed, session)
    amended(governed, session, sections=because(Section.CONTACTS))
    assert told(session, resident="ada") == {"agreement-wider"}
    for party in (FOOD_BANK, SURGERY, COUNCIL):
        assert told(session, organisation=party) == {"agreement-wider"}


def test_nobody_but_the_parties_is_told_of_a_change_of_words(governed: Broker, session: Session) -> None:
    permission(governed, session)
    amended(governed, session, review_on="2027-05-01")
    assert told(session, resident="ada") == set()
    assert told(session, organisation=FOOD_BANK) == {"agreement-changed"}


def test_suspending_and_ending_tell_those_who_shared_and_publish_at_once(governed: Broker, session: Session) -> None:
    permission(governed, session)
    agreement = actions.called(session, "TB-ADVICE")
    before = revision_in_force(session)
    changes.suspend(governed, session, agreement, by=BY, now=SOON)
    assert revision_in_force(session) != before
    assert told(session, resident="ada") == {"agreement-suspended"}
    changes.resume(governed, session, agreement, by=BY, now=SOON + timedelta(minutes=1))
    changes.end(governed, session, agreement, by=BY, now=SOON + timedelta(minutes=2))
    assert told(session, resident="ada") == {"agreement-suspended", "agreement-resumed", "agreement-ended"}
    refused(
        Conflict,
        "agreement-state",
        lambda: changes.resume(governed, session, agreement, by=BY, now=SOON + timedelta(minutes=3)),
    )


def test_giving_up_a_draft_changes_nothing_that_is_enforced(governed: Broker, session: Session) -> None:
    agreement = drafted(governed, session, retention="Two years.")
    before = revision_in_force(session)
    changes.end(governed, session, agreement, by=AUTHOR, now=SOON)
    assert revision_in_force(session) == before
    assert told(session, organisation=FOOD_BANK) == set()


def test_what_is_approved_and_has_begun_is_due(governed: Broker, session: Session) -> None:
    agreement = approved(governed, session, retention="Two years.", from_on="2026-12-01")
    assert changes.due(session, now=SOON) == []
    assert changes.due(session, now=NOON + timedelta(days=12)) == [agreement]


# ---- two acts at once ----------------------------------------------------------------------------------------------


def test_last_signatures_given_at_once_all_count_and_approve_it(governed: Broker, session: Session) -> None:
    agreement = drafted(governed, session)
    report = changes.work_out(governed, session, agreement, by=AUTHOR, now=NOON)
    opened = [governed.sessions() for _ in range(3)]
    read = [actions.version(each, agreement.id, agreement.number) for each in opened]
    assert [actions.standing_signatures(each) for each in read] == [[], [], []]  # before anybody signs

    for each, version, who in zip(opened, read, (ASH, KIT, UMA), strict=True):
        words = {"digest": version.digest, "impact_digest": report.digest, "reason": "Needed."}
        changes.approve(governed, each, version, signatory=who, **words, now=NOON)

    assert actions.version(governed.sessions(), agreement.id, agreement.number).state is AgreementState.APPROVED


def test_what_has_come_into_force_meanwhile_is_not_called_back(governed: Broker, session: Session) -> None:
    agreement = approved(governed, session, reason="Needed.")
    other = governed.sessions()
    read = actions.version(other, agreement.id, agreement.number)
    assert read.state is AgreementState.APPROVED
    changes.put_in_force(governed, session, agreement, by=AUTHOR, now=SOON)

    with pytest.raises(Conflict):
        changes.call_back(governed, other, read, by=AUTHOR, now=SOON)
    kept = actions.version(governed.sessions(), agreement.id, agreement.number)
    assert (kept.state, actions.signed(kept)) == (AgreementState.IN_FORCE, True)


def test_every_party_signs_on_one_and_the_same_report(governed: Broker, session: Session) -> None:
    agreement = drafted(governed, session)
    report = changes.work_out(governed, session, agreement, by=AUTHOR, now=NOON)
    words = {"digest": agreement.digest, "reason": "Needed."}
    changes.approve(governed, session, agreement, signatory=ASH, impact_digest=report.digest, now=NOON, **words)
    later = impact.report(governed, session, agreement, by=AUTHOR, now=SOON)  # begun before the first had signed
    assert later.digest != report.digest

    with pytest.raises(Conflict, match="earlier report"):
        changes.approve(governed, session, agreement, signatory=KIT, impact_digest=later.digest, now=SOON, **words)
    assert [each.person_id for each in actions.standing_signatures(agreement)] == [ASH.person]


# ---- agreements beneath what changed --------------------------------------------------------------------------------


BETH = Signatory("partnership-lead", "Beth Corran", INTEGRATOR, Role.IG_LEAD)


def framework_amended(broker: Broker, session: Session, **changed: Any) -> Effects:
    """The next version of London's framework for everything but care, signed by its two parties and in force."""
    document = texts.document.from_mapping(texts.frameworks()[1].as_mapping() | changed)
    agreement = actions.draft(session, write(document), author="person:gp", trail=broker.trail, now=NOON)
    changes.submit(broker, session, agreement, by="person:gp", now=NOON)
    report = changes.work_out(broker, session, agreement, by="person:gp", now=NOON)
    for who in (BETH, KIT):
        sign(broker, session, agreement, who, report.digest, reason="It was agreed for all of London.")
    return changes.put_in_force(broker, session, agreement, by="person:gp", now=SOON)


def test_a_framework_that_grows_outgrows_permissions_under_an_agreement_that_waited_for_it(
    governed: Broker, session: Session
) -> None:
    amended(governed, session, labels=["mental-health"])
    permission(governed, session)
    found = framework_amended(governed, session, labels=["mental-health"])
    assert [each.organisation_code for each in found.running_out] == [FOOD_BANK]
    assert not stands(session)
    assert "permission-run-out" in told(session, resident="ada")


def test_a_framework_that_grows_leaves_alone_permissions_under_an_agreement_that_does_not_follow(
    governed: Broker, session: Session
) -> None:
    permission(governed, session)
    found = framework_amended(governed, session, labels=["mental-health"])
    assert found.running_out == ()
    assert stands(session)


@pytest.mark.parametrize(("roles", "runs_out"), [(["case-worker"], False), (["case-worker", "link-worker"], True)])
def test_a_narrowing_that_ends_outgrows_what_it_had_closed_and_nothing_else(
    governed: Broker, session: Session, roles: list[str], runs_out: bool
) -> None:
    amended(governed, session, roles=roles)
    narrowing = texts.agreement(
        "TB-NARROWS",
        level="place",
        place="TB",
        under="LON-COMMUNITY",
        narrows=True,
        recipients={"kinds": []},
        purposes=["advice-debt"],
        roles=["case-worker"],
        confidentiality="explicit",
        break_glass=False,
    )
    kept = actions.adopt(session, write(narrowing), by=BY, trail=governed.trail, now=NOON)
    permission(governed, session)
    found = changes.end(governed, session, kept, by=BY, now=SOON)
    assert bool(found.running_out) is runs_out
    assert stands(session) is not runs_out


def test_a_permission_that_outlived_an_agreement_does_not_serve_a_wider_one_after_it(
    governed: Broker, session: Session
) -> None:
    permission(governed, session)
    changes.end(governed, session, actions.called(session, "TB-ADVICE"), by=BY, now=NOON)
    found = amended(governed, session, roles=["case-worker", "link-worker"])
    assert len(found.running_out) == 1


def test_a_report_on_rules_that_have_changed_since_cannot_be_signed(governed: Broker, session: Session) -> None:
    agreement = drafted(governed, session, retention="Two years.")
    report = changes.work_out(governed, session, agreement, by=AUTHOR, now=NOON)
    changes.suspend(governed, session, actions.called(session, "TB-CARE"), by=BY, now=SOON)

    def signed() -> None:
        sign(governed, session, agreement, ASH, report.digest, now=SOON)

    refused(Conflict, "impact-stale", signed)
