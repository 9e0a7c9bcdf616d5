"""Who may sign which text, what a signature binds to, and which state follows which."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session, sessionmaker

from broker.agreements import actions
from broker.agreements.actions import Signatory
from broker.agreements.document import AgreementDocument, Written, write
from broker.agreements.models import SharingAgreement
from broker.audit.trail import Trail
from broker.errors import BrokerError, Conflict, InvalidInput, NotFound, NotPermitted
from broker.vocabulary import AgreementState, AuditAction, Role
from tests import texts
from tests.people import COUNCIL, FOOD_BANK, INTEGRATOR, NOON, SURGERY, settle

AUTHOR = "person:partnership-lead"
ASH = Signatory("food-bank-lead", "Ash Dunmore", FOOD_BANK, Role.IG_LEAD)
KIT = Signatory("ig-lead", "Kit Arden", COUNCIL, Role.IG_LEAD)
UMA = Signatory("surgery-guardian", "Dr Uma Laing", SURGERY, Role.CALDICOTT_GUARDIAN)
ALL = (ASH, KIT, UMA)
Draft = Callable[..., SharingAgreement]


@pytest.fixture
def trail(sessions: sessionmaker[Session]) -> Trail:
    return Trail(sessions, key=b"k" * 32)


@pytest.fixture(autouse=True)
def _everybody(session: Session, trail: Trail) -> None:
    settle(session)
    for framework in texts.frameworks():
        actions.adopt(session, write(framework), by="operator:tests", trail=trail, now=NOON)
    session.commit()


@pytest.fixture
def draft(session: Session, trail: Trail) -> Draft:
    def drafted(document: AgreementDocument | None = None, *, author: str = AUTHOR) -> SharingAgreement:
        return actions.draft(session, write(document or texts.advice()), author=author, trail=trail, now=NOON)

    return drafted


@pytest.fixture
def in_review(session: Session, trail: Trail, draft: Draft) -> SharingAgreement:
    agreement = draft()
    return actions.move(session, agreement, to=AgreementState.IN_REVIEW, by=AUTHOR, trail=trail, now=NOON)


def sign(session: Session, trail: Trail, agreement: SharingAgreement, who: Signatory, *, digest: str = "") -> None:
    actions.sign(session, agreement, signatory=who, digest=digest or agreement.digest, trail=trail, now=NOON)


def refused(error: type[BrokerError], code: str, act: Callable[[], object]) -> None:
    with pytest.raises(error) as caught:
        act()
    assert getattr(caught.value, "code", None) == code


def test_the_last_signature_approves_and_none_before_it(
    session: Session, trail: Trail, in_review: SharingAgreement
) -> None:
    states = []
    for who in ALL:
        sign(session, trail, in_review, who)
        states.append(in_review.state)
    assert states == [AgreementState.IN_REVIEW, AgreementState.IN_REVIEW, AgreementState.APPROVED]
    assert actions.waiting_for(in_review) == []


def test_nothing_comes_into_force_before_every_party_has_signed(
    session: Session, trail: Trail, in_review: SharingAgreement
) -> None:
    sign(session, trail, in_review, ASH)
    for to in (AgreementState.APPROVED, AgreementState.IN_FORCE):
        with pytest.raises(Conflict):
            actions.move(session, in_review, to=to, by=AUTHOR, trail=trail, now=NOON)
    assert in_review.state is AgreementState.IN_REVIEW


def test_whoever_wrote_it_cannot_sign_it_and_a_colleague_can(session: Session, trail: Trail, draft: Draft) -> None:
    agreement = draft(author="person:food-bank-lead")
    actions.move(session, agreement, to=AgreementState.IN_REVIEW, by=AUTHOR, trail=trail, now=NOON)
    refused(NotPermitted, "author-may-not-sign", lambda: sign(session, trail, agreement, ASH))
    colleague = Signatory("adviser", "Sol Marsh", FOOD_BANK, Role.IG_LEAD)
    sign(session, trail, agreement, colleague)
    assert FOOD_BANK not in actions.waiting_for(agreement)


def test_everybody_who_edited_it_is_its_author(session: Session, trail: Trail, draft: Draft) -> None:
    agreement = draft(author="person:food-bank-lead")
    changed = write(texts.advice(retention="Two years."))
    actions.edit(session, agreement, changed, author="person:ig-lead", trail=trail, now=NOON)
    actions.move(session, agreement, to=AgreementState.IN_REVIEW, by=AUTHOR, trail=trail, now=NOON)
    for author in (KIT, ASH):
        refused(NotPermitted, "author-may-not-sign", lambda who=author: sign(session, trail, agreement, who))
    sign(session, trail, agreement, UMA)


@pytest.mark.parametrize(
    ("who", "error", "code"),
    [
        (Signatory("befriender", "Wren Holt", INTEGRATOR, Role.IG_LEAD), NotPermitted, "not-a-party"),
        (Signatory("adviser", "Sol Marsh", FOOD_BANK, Role.CASE_WORKER), NotPermitted, "role-may-not-sign"),
        (Signatory("gp", "Dr Noor Vale", SURGERY, Role.PRIVACY_OFFICER), NotPermitted, "role-may-not-sign"),
    ],
)
def test_only_a_partys_own_lead_or_guardian_signs(
    session: Session,
    trail: Trail,
    in_review: SharingAgreement,
    who: Signatory,
    error: type[BrokerError],
    code: str,
) -> None:
    refused(error, code, lambda: sign(session, trail, in_review, who))
    assert actions.standing_signatures(in_review) == []


def test_a_party_signs_once_and_a_person_for_one_party(
    session: Session, trail: Trail, in_review: SharingAgreement
) -> None:
    sign(session, trail, in_review, KIT)
    refused(Conflict, "signed-already", lambda: sign(session, trail, in_review, KIT))
    elsewhere = Signatory(KIT.person, KIT.name, SURGERY, Role.IG_LEAD)
    refused(NotPermitted, "signed-for-another", lambda: sign(session, trail, in_review, elsewhere))


def test_a_signature_is_on_the_text_that_was_read(session: Session, trail: Trail, in_review: SharingAgreement) -> None:
    refused(Conflict, "agreement-changed", lambda: sign(session, trail, in_review, ASH, digest="0" * 64))


def test_any_later_edit_voids_every_signature(session: Session, trail: Trail, in_review: SharingAgreement) -> None:
    for who in ALL:
        sign(session, trail, in_review, who)
    text = in_review.text + "# a word more\n"
    same_words = Written(texts.advice(), text)
    changed = write(texts.advice(retention="Two years."))
    actions.edit(session, in_review, changed, author=AUTHOR, trail=trail, now=NOON)
    assert in_review.state is AgreementState.DRAFT
    assert actions.standing_signatures(in_review) == []
    assert same_words.digest != changed.digest


def test_even_a_change_of_comments_alone_voids_them_and_so_does_calling_the_text_back(
    session: Session, trail: Trail, in_review: SharingAgreement
) -> None:
    sign(session, trail, in_review, ASH)
    remarked = Written(texts.advice(), in_review.text + "# as the trustees asked\n")
    assert remarked.digest == in_review.digest
    actions.edit(session, in_review, remarked, author=AUTHOR, trail=trail, now=NOON)
    assert actions.standing_signatures(in_review) == []

    for to in (AgreementState.IN_REVIEW, AgreementState.DRAFT, AgreementState.IN_REVIEW):
        if to is AgreementState.DRAFT:
            sign(session, trail, in_review, ASH)
        actions.move(session, in_review, to=to, by=AUTHOR, trail=trail, now=NOON)
    assert FOOD_BANK in actions.waiting_for(in_review)
    sign(session, trail, in_review, ASH)
    assert FOOD_BANK not in actions.waiting_for(in_review)


def test_conditions_are_part_of_what_is_signed(session: Session, trail: Trail, in_review: SharingAgreement) -> None:
    sign(session, trail, in_review, ASH)
    document = texts.advice()
    added = Written(document, in_review.text, 'package conditions["TB-ADVICE"]\n')
    actions.edit(session, in_review, added, author=AUTHOR, trail=trail, now=NOON)
    assert actions.waiting_for(in_review) == [FOOD_BANK, SURGERY, COUNCIL]


def test_an_amendment_is_the_next_version_and_leaves_the_present_one_serving(
    session: Session, trail: Trail, in_review: SharingAgreement, draft: Draft
) -> None:
    for who in ALL:
        sign(session, trail, in_review, who)
    actions.move(session, in_review, to=AgreementState.IN_FORCE, by=AUTHOR, trail=trail, now=NOON)
    second = draft(texts.advice(retention="Two years."))
    assert (second.number, second.state) == (2, AgreementState.DRAFT)
    assert actions.called(session, "TB-ADVICE") is in_review
    refused(Conflict, "agreement-being-changed", lambda: draft(texts.advice(retention="One year.")))

    actions.move(session, second, to=AgreementState.IN_REVIEW, by=AUTHOR, trail=trail, now=NOON)
    for who in ALL:
        sign(session, trail, second, who)
    actions.move(session, second, to=AgreementState.IN_FORCE, by=AUTHOR, trail=trail, now=NOON)
    assert in_review.state is AgreementState.SUPERSEDED
    assert actions.called(session, "TB-ADVICE") is second
    assert [each.number for each in actions.every(session) if each.id == "TB-ADVICE"] == [2]


def test_a_version_that_starts_later_waits_while_another_serves(
    session: Session, trail: Trail, in_review: SharingAgreement, draft: Draft
) -> None:
    for who in ALL:
        sign(session, trail, in_review, who)
    actions.move(session, in_review, to=AgreementState.IN_FORCE, by=AUTHOR, trail=trail, now=NOON)
    later = draft(texts.advice(from_on="2026-12-01"))
    actions.move(session, later, to=AgreementState.IN_REVIEW, by=AUTHOR, trail=trail, now=NOON)
    for who in ALL:
        sign(session, trail, later, who)

    def begin(days: int) -> None:
        now = NOON + timedelta(days=days)
        actions.move(session, later, to=AgreementState.IN_FORCE, by=AUTHOR, trail=trail, now=now)

    refused(Conflict, "agreement-not-started", lambda: begin(0))
    assert in_review.state is AgreementState.IN_FORCE
    begin(11)
    assert (in_review.state, later.state) == (AgreementState.SUPERSEDED, AgreementState.IN_FORCE)


def test_what_is_in_force_is_amended_and_never_edited(
    session: Session, trail: Trail, in_review: SharingAgreement
) -> None:
    for who in ALL:
        sign(session, trail, in_review, who)
    actions.move(session, in_review, to=AgreementState.IN_FORCE, by=AUTHOR, trail=trail, now=NOON)
    changed = write(texts.advice(retention="Two years."))
    refused(
        Conflict,
        "agreement-not-open",
        lambda: actions.edit(session, in_review, changed, author=AUTHOR, trail=trail, now=NOON),
    )


def test_an_agreement_keeps_its_id_and_is_under_one_that_there_is(session: Session, trail: Trail, draft: Draft) -> None:
    agreement = draft()
    other = write(texts.care())
    refused(
        InvalidInput,
        "agreement-id-changed",
        lambda: actions.edit(session, agreement, other, author=AUTHOR, trail=trail, now=NOON),
    )
    refused(InvalidInput, "agreement-parent-unknown", lambda: draft(texts.care(under="LON-GONE")))


def test_what_was_never_drafted_cannot_be_found(session: Session) -> None:
    refused(NotFound, "agreement-unknown", lambda: actions.called(session, "TB-NOTHING"))
    refused(NotFound, "agreement-unknown", lambda: actions.version(session, "LON-CARE", 9))


def test_every_act_is_on_the_trail_with_the_text_it_was_done_to(
    session: Session, trail: Trail, in_review: SharingAgreement
) -> None:
    sign(session, trail, in_review, ASH)
    session.commit()
    (entry,) = trail.entries(session, actions=[AuditAction.AGREEMENT_SIGNED])
    assert entry.actor == "person:food-bank-lead"
    assert (entry.body["digest"], entry.body["signatory"]) == (in_review.digest, FOOD_BANK)
    acts = [each.body["act"] for each in trail.entries(session, actions=[AuditAction.AGREEMENT_CHANGED], limit=2)]
    assert acts == ["moved", "drafted"]


def test_an_agreement_signed_on_paper_names_who_signed_for_each_party(session: Session, trail: Trail) -> None:
    adopted = actions.adopt(session, write(texts.advice()), by="operator:tests", trail=trail, now=NOON)
    assert adopted.state is AgreementState.IN_FORCE
    assert {each.organisation_code: each.signed_by for each in adopted.signatures} == {
        each.organisation: each.name for each in texts.advice().signatories
    }
    assert all(each.person_id is None for each in adopted.signatures)
