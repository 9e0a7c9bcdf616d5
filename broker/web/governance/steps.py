"""What may happen next to a version of an agreement, for whoever is looking. Offers; the pages it leads to decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import url_for

from broker.agreements.actions import signed
from broker.agreements.models import LIVE, OPEN, TRANSITIONS, SharingAgreement
from broker.vocabulary import AgreementState
from broker.web.governance.acting import may_write, why_not_sign


@dataclass(frozen=True)
class Step:
    """One thing that can be done. ``sends`` says it is a form's button, not a link to a page that asks first.

    ``main`` is the next step on the way into force; ``warning`` leads away from it.
    """

    words: str
    path: str
    sends: bool = False
    main: bool = False
    warning: bool = False


def steps_of(agreement: SharingAgreement, versions: Sequence[SharingAgreement]) -> list[Step]:
    """The steps open to whoever is signed in, the likeliest first; none for those who only read."""
    steps = [_step("Read and sign", "governance.sign", agreement, main=True)] if not why_not_sign(agreement) else []
    if may_write(agreement):
        steps += _for_writer(agreement, versions)
    return steps


def _for_writer(agreement: SharingAgreement, versions: Sequence[SharingAgreement]) -> list[Step]:
    steps: list[Step] = []
    may_become = TRANSITIONS[agreement.state]
    if agreement.state is AgreementState.DRAFT:
        steps.append(_step("Send for review", "governance.submit", agreement, sends=True, main=True))
    if AgreementState.IN_FORCE in may_become and signed(agreement):
        suspended = agreement.state is AgreementState.SUSPENDED
        words, act = ("Resume", "resume") if suspended else ("Put in force", "put-in-force")
        steps.append(_step(words, "governance.confirm", agreement, act=act, main=True))
    if agreement.state in (AgreementState.IN_REVIEW, AgreementState.APPROVED):
        steps.append(_step("Call it back", "governance.call_back", agreement, sends=True))
    if agreement.state in OPEN:
        steps.append(_step("Edit the text", "governance.edit", agreement))
    if agreement.state in LIVE and not _being_changed(versions):
        steps.append(Step("Propose a change", url_for("governance.change", agreement_id=agreement.id)))
    if AgreementState.SUSPENDED in may_become:
        steps.append(_step("Suspend", "governance.confirm", agreement, act="suspend", warning=True))
    if AgreementState.ENDED in may_become:
        words = "Give up this draft" if agreement.state in OPEN else "End"
        steps.append(_step(words, "governance.confirm", agreement, act="end", warning=True))
    return steps


def _being_changed(versions: Sequence[SharingAgreement]) -> bool:
    return any(each.state in OPEN for each in versions)


def _step(
    words: str,
    endpoint: str,
    agreement: SharingAgreement,
    *,
    act: str | None = None,
    sends: bool = False,
    main: bool = False,
    warning: bool = False,
) -> Step:
    path = url_for(endpoint, agreement_id=agreement.id, version=agreement.number, act=act)
    return Step(words, path, sends=sends, main=main, warning=warning)
