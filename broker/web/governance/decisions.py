"""Recent decisions with their reasons, for those who answer for them. Names no resident.

An organisation answers for what its own people asked, and for what its own systems were asked to give.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from flask import render_template, request
from sqlalchemy import select

from broker.agreements.actions import every
from broker.audit.trail import Entry
from broker.doors import parts, session
from broker.identity.models import Organisation, Source
from broker.vocabulary import AuditAction, DenialReason, Obligation, Purpose, Role, Section
from broker.web.access import GOVERNORS, who
from broker.web.governance import governance
from broker.web.governance.acting import oversees, own_organisation
from broker.web.reasons import furthest
from broker.web.trail_words import code_of, codes_of, reasons_by_section, rules_in_words

A_PAGE = 50
# How much of the trail is read for one page, where most of it may be somebody else's.
A_STRETCH, MOST_STRETCHES = 200, 10


class Outcome(StrEnum):
    """How a decision came out."""

    PERMITTED = "permitted"
    REFUSED = "refused"

    @property
    def label(self) -> str:
        return "Something was shared" if self is Outcome.PERMITTED else "Nothing was shared"


@dataclass(frozen=True)
class Decided:
    """One decision in words. ``refused`` pairs a reason with the sections it was given for, none for all of them.

    ``outside`` names the sources that the agreement does not include, which were therefore not asked. ``decision`` is
    what the trail calls it, empty where whoever looks may not have it explained.
    """

    index: int
    decision: str
    at: datetime
    organisation: str
    role: str
    purpose: str
    permitted: tuple[str, ...]
    refused: tuple[tuple[str, tuple[str, ...]], ...]
    outside: tuple[str, ...]
    agreements: tuple[tuple[str, str], ...]  # those relied on: id and title
    obligations: tuple[str, ...]
    emergency: bool
    rules: str


@governance.get("/decisions")
@who(*GOVERNORS)
def decisions() -> str:
    """Decisions, newest first, narrowed to an organisation or an outcome where asked."""
    own, overseer = own_organisation(), oversees()
    names = dict(session().execute(select(Organisation.code, Organisation.name).order_by(Organisation.name)).all())
    asked = request.args.get("organisation", "")
    organisation = asked if overseer and asked in names else ""
    outcome = code_of(Outcome, request.args.get("outcome"))
    entries, older = _newest(organisation or None, None if overseer else own.code, outcome)
    labels = dict(session().execute(select(Source.id, Source.label)).all())
    titles = {each.id: each.title for each in every(session())}
    return render_template(
        "governance/decisions.jinja",
        decided=[
            _decided(entry, names, labels, titles, opens=overseer or entry.organisation == own.code)
            for entry in entries
        ],
        own=own,
        names=names if overseer else {},
        organisation=organisation,
        outcome=outcome.value if outcome else "",
        outcomes=tuple(Outcome),
        older=older,
    )


def _newest(asked_by: str | None, answered_for: str | None, outcome: Outcome | None) -> tuple[list[Entry], int | None]:
    """A page of decisions, and the index to go on from where there may be more.

    ``answered_for`` leaves those that an organisation, or one of its systems, had a part in; None leaves all.
    """
    own_sources = frozenset(session().scalars(select(Source.id).where(Source.organisation_code == answered_for)))
    found: list[Entry] = []
    before = request.args.get("before", type=int)
    for _ in range(MOST_STRETCHES):
        stretch = parts().trail.entries(
            session(), organisation=asked_by, actions=(AuditAction.DECISION,), limit=A_STRETCH, before=before
        )
        for entry in stretch:
            before = entry.index
            if outcome in (None, _outcome(entry)) and _part_of(entry, answered_for, own_sources):
                found.append(entry)
            if len(found) == A_PAGE:
                return found, before
        if len(stretch) < A_STRETCH:
            return found, None
    return found, before


def _outcome(entry: Entry) -> Outcome:
    return Outcome.PERMITTED if entry.body.get("permitted") else Outcome.REFUSED


def _part_of(entry: Entry, organisation: str | None, sources: Collection[str]) -> bool:
    return organisation in (None, entry.organisation) or not _permitted_of(entry.body).isdisjoint(sources)


def _permitted_of(body: Mapping[str, object]) -> frozenset[str]:
    """The sources that something was permitted to be shown of. One read for its labels alone showed nothing."""
    permitted = body.get("permitted")
    by_section = permitted.values() if isinstance(permitted, dict) else ()
    return frozenset(str(source) for sources in by_section if isinstance(sources, list) for source in sources)


def _decided(
    entry: Entry, names: Mapping[str, str], labels: Mapping[str, str], titles: Mapping[str, str], *, opens: bool
) -> Decided:
    body = entry.body
    purpose, role = code_of(Purpose, body.get("purpose")), code_of(Role, body.get("role"))
    return Decided(
        index=entry.index,
        decision=str(body.get("decision", "")) if opens else "",
        at=entry.at,
        organisation=names.get(entry.organisation or "", ""),
        role=role.label if role else "",
        purpose=purpose.label if purpose else "",
        permitted=tuple(each.label for each in codes_of(Section, body.get("permitted"))),
        refused=_reasons(body),
        outside=tuple(sorted(labels.get(source, source) for source in _outside(body))),
        agreements=_relied_on(body, titles),
        obligations=tuple(each.label for each in codes_of(Obligation, body.get("obligations"))),
        emergency=bool(body.get("break_glass")),
        rules=rules_in_words(body.get("revision")),
    )


def _reasons(body: Mapping[str, object]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each reason once, with its sections; reasons for the whole request carry none.

    That one source is outside the agreement is no reason where another gave the section, or a later layer refused it.
    """
    whole = codes_of(DenialReason, body.get("reasons"))
    permitted = codes_of(Section, body.get("permitted"))
    by_section: dict[Section, set[DenialReason]] = {}
    for section, reason in reasons_by_section(body.get("refused")):
        if section not in permitted or reason is not DenialReason.SOURCE_NOT_IN_AGREEMENT:
            by_section.setdefault(section, set()).add(reason)
    told: dict[DenialReason, set[Section]] = {}
    for section, reasons in by_section.items():
        for reason in furthest(reasons):
            told.setdefault(reason, set()).add(section)
    each = [
        (reason.label, tuple(section.label for section in Section if section in told[reason]))
        for reason in DenialReason
        if reason in told and reason not in whole
    ]
    return (*((reason.label, ()) for reason in whole), *each)


def _relied_on(body: Mapping[str, object], titles: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    ids = body.get("agreements")
    return tuple((str(id_), titles[str(id_)]) for id_ in ids if str(id_) in titles) if isinstance(ids, list) else ()


def _outside(body: Mapping[str, object]) -> frozenset[str]:
    """The sources that were closed by the agreement not including them, and by nothing else."""
    reasons: dict[str, set[str]] = {}
    refused = body.get("refused")
    for sources in refused.values() if isinstance(refused, dict) else ():
        for source, given in sources.items() if isinstance(sources, dict) else ():
            reasons.setdefault(source, set()).update(given)
    alone = {DenialReason.SOURCE_NOT_IN_AGREEMENT.value}
    return frozenset(source for source, given in reasons.items() if given == alone) - _permitted_of(body)
