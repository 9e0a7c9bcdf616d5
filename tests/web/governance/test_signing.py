"""Signing: a party's own people sign exactly what they read, and nobody who wrote it does."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from broker.audit.leaf import canonical
from broker.governance import impact
from broker.governance.models import ImpactReport
from broker.vocabulary import AuditAction
from tests.web.conftest import Door
from tests.web.governance.conftest import HIDDEN, Amendment, sign, with_money


@pytest.fixture
def review(narrower: Amendment) -> Amendment:
    """In review, with what it would do worked out."""
    return narrower.submitted().worked_out()


def test_the_page_shows_exactly_what_is_signed(door: Door, review: Amendment) -> None:
    page = door.signed_in("guardian").get(f"{review.path}/sign").text
    for words in (
        "Sign for Millrace Surgery",
        review.row.digest,
        f">{review.row.digest[:12]}<",
        "Newly refused",
        "Problems and conditions",
        "Read the whole report",
        "Ro Finch",
    ):
        assert words in page
    assert {name for name, _ in HIDDEN.findall(page)} == {"digest", "impact"}


def test_two_people_of_two_organisations_sign_and_it_is_approved(door: Door, review: Amendment) -> None:
    assert review.signed_by("guardian").status_code == 303
    assert review.state == "in-review"
    page = door.signed_in("overseer").get("/governance").text
    assert "Waiting for a signature from Testbourne Council." in page
    assert review.signed_by("ig-lead").status_code == 303
    assert review.state == "approved"
    assert [entry.body["signatory"] for entry in door.trail(AuditAction.AGREEMENT_SIGNED)] == ["XX9T02", "XX9T01"]


def test_a_signature_names_its_report_and_appears_on_the_page(door: Door, review: Amendment) -> None:
    review.signed_by("guardian")
    page = door.signed_in("ig-lead").get(review.path).text
    assert "Millrace Surgery: Dr Vi Moss, Caldicott Guardian" in page
    (entry,) = door.trail(AuditAction.AGREEMENT_SIGNED)
    assert len(str(entry.body["impact"])) == 64


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("overseer", "is not a party to it"),
        ("pantry-lead", "Harvest Shelf is not a party to it."),
        ("privacy-officer", "An IG lead or a Caldicott Guardian signs for a party."),
    ],
)
def test_whoever_may_not_sign_is_told_why_and_has_no_form(door: Door, review: Amendment, who: str, words: str) -> None:
    visitor = door.signed_in(who)
    page = visitor.get(f"{review.path}/sign").text
    assert words in page
    assert 'name="digest"' not in page
    answer = sign(visitor, review.path, digest=review.row.digest, impact="0" * 64)
    assert answer.status_code in (403, 409)
    assert not door.trail(AuditAction.AGREEMENT_SIGNED)


def test_whoever_wrote_it_cannot_sign_and_a_colleague_can(door: Door, review: Amendment) -> None:
    author = door.signed_in("ig-lead")
    answer = author.send(f"{review.path}/edit", text=with_money(review.row.text), digest=review.row.digest, do="save")
    assert answer.status_code == 303
    author.send(f"{review.path}/submit", page=review.path)
    author.send(f"{review.path}/impact")
    page = author.get(f"{review.path}/sign").text
    assert "You wrote this text, so you cannot sign it." in page
    assert 'name="digest"' not in page
    report = HIDDEN.findall(door.signed_in("council-colleague").get(f"{review.path}/sign").text)
    answer = sign(author, review.path, **dict(report))
    assert answer.status_code == 403
    assert "Whoever wrote this text cannot sign it." in answer.text
    assert review.signed_by("council-colleague", reason="It helps.").status_code == 303


def test_a_text_that_changed_meanwhile_is_not_signed(door: Door, review: Amendment) -> None:
    guardian = door.signed_in("guardian")
    read = dict(HIDDEN.findall(guardian.get(f"{review.path}/sign").text))
    author = door.signed_in("overseer")
    text = with_money(review.row.text)
    author.send(f"{review.path}/edit", text=text, digest=review.row.digest, do="save")
    review.submitted().worked_out()
    answer = sign(guardian, review.path, **read, reason="It helps.")
    assert answer.status_code == 409
    assert "It is not what you read" in answer.text
    assert "Nothing was signed." in answer.text
    assert f'href="{review.path}/sign"' in answer.text
    assert not door.trail(AuditAction.AGREEMENT_SIGNED)


def test_a_report_that_was_worked_out_again_must_be_read_again(door: Door, review: Amendment) -> None:
    answer = review.signed_by("guardian", impact="0" * 64)
    assert answer.status_code == 409
    assert "It is not what you read" in answer.text


def test_without_a_report_nobody_signs(door: Door, narrower: Amendment) -> None:
    narrower.submitted()
    page = door.signed_in("guardian").get(f"{narrower.path}/sign").text
    assert "so nobody can sign it" in page
    answer = narrower.signed_by("guardian", digest=narrower.row.digest, impact="0" * 64)
    assert answer.status_code == 409


def test_a_draft_is_not_signed_and_nobody_signs_twice(door: Door, narrower: Amendment) -> None:
    assert (
        "It can be signed only while it is in review." in door.signed_in("guardian").get(f"{narrower.path}/sign").text
    )
    narrower.submitted().worked_out()
    fields = dict(HIDDEN.findall(door.signed_in("guardian").get(f"{narrower.path}/sign").text))
    assert narrower.signed_by("guardian").status_code == 303
    assert narrower.signed_by("guardian", **fields).status_code == 409
    assert len(door.trail(AuditAction.AGREEMENT_SIGNED)) == 1


def test_what_is_newly_permitted_and_sensitive_needs_a_reason(door: Door, review: Amendment) -> None:
    report_something_sensitive(door, review)
    guardian = door.signed_in("guardian")
    page = guardian.get(f"{review.path}/sign").text
    assert "Sensitive information newly permitted" in page
    assert "Millrace Surgery, for direct care: Safeguarding." in page
    for empty in ({}, {"reason": "  "}):
        answer = sign(guardian, review.path, **empty)
        assert answer.status_code == 422
        assert "Say why this sensitive information is needed." in answer.text
        assert 'href="#reason"' in answer.text
        assert 'id="reason"' in answer.text
    assert not door.trail(AuditAction.AGREEMENT_SIGNED)
    assert sign(guardian, review.path, reason="The team must know of a risk.").status_code == 303
    assert "“The team must know of a risk.”" in guardian.get(review.path).text


def test_where_nothing_is_sensitive_no_reason_is_asked(door: Door, review: Amendment) -> None:
    assert 'name="reason"' not in door.signed_in("guardian").get(f"{review.path}/sign").text


def report_something_sensitive(door: Door, review: Amendment) -> None:
    """A newer report on the same text, which says that safeguarding is newly permitted."""
    with door.broker.sessions() as session:
        before = impact.latest(session, review.row)
        assert before is not None
        line = {"organisation": "XX9T01", "purpose": "direct-care", "section": "safeguarding", "label": ""}
        report = {**before.report, "sensitive": [line]}
        content = canonical(report)
        session.add(
            ImpactReport(
                digest=hashlib.sha256(content).hexdigest(),
                agreement_id=before.agreement_id,
                agreement_number=before.agreement_number,
                agreement_digest=before.agreement_digest,
                base_revision=before.base_revision,
                report=report,
                signature=door.broker.signing.sign_detached(content),
                made_by=before.made_by,
                made_at=before.made_at + timedelta(minutes=1),
            )
        )
        session.commit()


def test_a_form_without_its_token_signs_nothing(door: Door, review: Amendment) -> None:
    guardian = door.signed_in("guardian")
    fields = dict(HIDDEN.findall(guardian.get(f"{review.path}/sign").text))
    assert guardian.client.post(f"{review.path}/sign", data=fields).status_code == 403
    assert not door.trail(AuditAction.AGREEMENT_SIGNED)
