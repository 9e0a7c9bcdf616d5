"""Recent decisions with their reasons, for those who answer for them. Names no resident."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from flask import render_template, request
from sqlalchemy import select

from broker.audit.trail import Entry
from broker.doors import parts, session
from broker.identity.models import Organisation
from broker.vocabulary import AuditAction, DenialReason, Obligation, OrganisationKind, Purpose, Role, Section
from broker.web.access import GOVERNORS, signed_in, who
from broker.web.governance import governance
from broker.web.trail_words import code_of, codes_of, reasons_by_section, rules_in_words

A_PAGE = 50

# Those who oversee a place, a system or the region answer for all of it; others for their own organisation's people.
OVERSEERS = frozenset({OrganisationKind.REGION, OrganisationKind.ICB, OrganisationKind.INTEGRATOR})


class Outcome(StrEnum):
    """How a decision came out."""

    PERMITTED = "permitted"
    REFUSED = "refused"

    @property
    def label(self) -> str:
        return "Something was shared" if self is Outcome.PERMITTED else "Nothing was shared"


@dataclass(frozen=True)
class Decided:
    """One decision in words. ``refused`` pairs a reason with the sections it was given for."""

    index: int
    at: datetime
    organisation: str
    role: str
    purpose: str
    permitted: tuple[str, ...]
    refused: tuple[tuple[str, tuple[str, ...]], ...]
    obligations: tuple[str, ...]
    emergency: bool
    rules: str

    @property
    def outcome(self) -> Outcome:
        return Outcome.PERMITTED if self.permitted else Outcome.REFUSED


@governance.get("/decisions")
@who(*GOVERNORS)
def decisions() -> str:
    """Decisions, newest first, narrowed to an organisation or an outcome where asked."""
    names = _overseen()
    organisation = request.args.get("organisation", "")
    outcome = code_of(Outcome, request.args.get("outcome"))
    asked_for = organisation if organisation in names else _own_alone(names)
    entries = parts().trail.entries(
        session(),
        organisation=asked_for,
        actions=(AuditAction.DECISION,),
        limit=A_PAGE,
        before=request.args.get("before", type=int),
    )
    shown = [_decided(entry, names) for entry in entries]
    return render_template(
        "governance/decisions.jinja",
        decided=[each for each in shown if outcome in (None, each.outcome)],
        names=names,
        organisation=organisation if organisation in names else "",
        outcome=outcome.value if outcome else "",
        outcomes=tuple(Outcome),
        older=entries[-1].index if len(entries) == A_PAGE else None,
    )


def _overseen() -> dict[str, str]:
    """The organisations whose decisions this reader answers for, by code and name."""
    own = session().get(Organisation, signed_in().organisation_code)
    assert own is not None, "a worker's session names an organisation"
    if own.kind not in OVERSEERS:
        return {own.code: own.name}
    everybody = session().execute(select(Organisation.code, Organisation.name).order_by(Organisation.name))
    return dict(everybody.all())


def _own_alone(names: Mapping[str, str]) -> str | None:
    return next(iter(names)) if len(names) == 1 else None


def _decided(entry: Entry, names: Mapping[str, str]) -> Decided:
    body = entry.body
    purpose, role = code_of(Purpose, body.get("purpose")), code_of(Role, body.get("role"))
    return Decided(
        index=entry.index,
        at=entry.at,
        organisation=names.get(entry.organisation or "", ""),
        role=role.label if role else "",
        purpose=purpose.label if purpose else "",
        permitted=tuple(each.label for each in codes_of(Section, body.get("permitted"))),
        refused=_reasons(body),
        obligations=tuple(each.label for each in codes_of(Obligation, body.get("obligations"))),
        emergency=bool(body.get("break_glass")),
        rules=rules_in_words(body.get("revision")),
    )


def _reasons(body: Mapping[str, object]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each reason once, with its sections; reasons for the whole request carry none."""
    whole = [(reason.label, ()) for reason in codes_of(DenialReason, body.get("reasons"))]
    by_reason: dict[DenialReason, set[Section]] = {}
    for section, reason in reasons_by_section(body.get("refused")):
        by_reason.setdefault(reason, set()).add(section)
    each = [
        (reason.label, tuple(section.label for section in Section if section in by_reason[reason]))
        for reason in DenialReason
        if reason in by_reason
    ]
    return (*whole, *(pair for pair in each if pair[0] not in {words for words, _ in whole}))
