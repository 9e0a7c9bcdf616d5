"""The sharing agreements: those in force, being changed and ended, and each version whole. Changes none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from flask import render_template
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from broker.agreements import actions
from broker.agreements.document import AgreementDocument, from_mapping
from broker.agreements.models import LIVE, OPEN, SharingAgreement, Signature
from broker.doors import now, session
from broker.governance.changes import written
from broker.identity.models import Place
from broker.vocabulary import AgreementState, Level, Section
from broker.web.access import GOVERNORS, signed_in, who
from broker.web.governance import governance
from broker.web.governance.acting import WRITERS, may_write, name_of_actor, names_of, own_organisation, why_not_sign
from broker.web.governance.differences import Group, grouped
from broker.web.governance.editor import compared_with_live
from broker.web.governance.particulars import lawful_basis, particulars
from broker.web.governance.steps import steps_of


@dataclass(frozen=True)
class Listed:
    """One version in a list: what it is, what it is for, and who must still sign it."""

    agreement: SharingAgreement
    document: AgreementDocument
    waiting_for: tuple[str, ...]  # names of organisations


@governance.get("")
@who(*GOVERNORS)
def home() -> str:
    """Every agreement by what is happening to it, from London inwards."""
    every = session().scalars(select(SharingAgreement).options(selectinload(SharingAgreement.signatures))).all()
    names = names_of()
    listed = sorted(
        (_listed(each, names) for each in every),
        key=lambda each: (list(Level).index(each.agreement.level), each.document.title, -each.agreement.number),
    )
    live = [each for each in listed if each.agreement.state in LIVE]
    return render_template(
        "governance/home.jinja",
        live=live,
        being_changed=[each for each in listed if each.agreement.state in OPEN],
        ended=_ended(listed, {each.agreement.id for each in live}),
        at=now(),
        places={place.code: place.name for place in session().scalars(select(Place))},
        may_start=signed_in().role in WRITERS,
        own=own_organisation().name,
    )


@governance.get("/agreements/<agreement_id>")
@who(*GOVERNORS)
def agreement(agreement_id: str) -> str:
    """One agreement as it now stands: the version that counts."""
    return _page(actions.called(session(), agreement_id))


@governance.get("/agreements/<agreement_id>/<int:version>")
@who(*GOVERNORS)
def version(agreement_id: str, version: int) -> str:
    """One version of it, with what may happen to that version next."""
    return _page(actions.version(session(), agreement_id, version))


def _page(found: SharingAgreement) -> str:
    """A version's document laid out line by line. The three legal questions stay three answers."""
    document = from_mapping(found.document)
    every = actions.every(session())
    versions = actions.versions(session(), found.id)
    above = next((each for each in every if each.id == found.under), None)
    return render_template(
        "governance/agreement.jinja",
        agreement=found,
        in_force=found.in_force(at=now()),
        document=document,
        names=names_of(*_organisations(document)),
        lawful_basis=lawful_basis(document),
        particulars=particulars(document),
        sections=sorted(document.sections, key=lambda line: list(Section).index(line.section)),
        place=session().get(Place, found.place_code) if found.place_code else None,
        wider=above,
        narrower=[each for each in every if each.under == found.id],
        kinds=_labels(document.recipient_kinds),
        source_kinds=_labels(document.source_kinds),
        obligations=_labels(line.obligation for line in document.obligations),
        signatures=_signatures(found),
        waiting_for=actions.waiting_for(found),
        versions=versions,
        counting=actions.called(session(), found.id),
        author=", ".join(map(name_of_actor, found.authors)),
        steps=steps_of(found, versions),
        may_write=may_write(found),
        why_not_sign=why_not_sign(found),
        groups=_changes(found),
    )


def _changes(agreement: SharingAgreement) -> list[Group] | None:
    """What this version would change of the one in force; None where it is not on its way to replace another."""
    if agreement.state not in OPEN:
        return None
    compared = compared_with_live(written(agreement))
    return None if compared.first else grouped(compared.changes)


def _listed(agreement: SharingAgreement, names: dict[str, str]) -> Listed:
    open_ = agreement.state in OPEN
    waiting = actions.waiting_for(agreement) if open_ else []
    return Listed(agreement, from_mapping(agreement.document), tuple(names.get(code, code) for code in waiting))


def _ended(listed: Sequence[Listed], live: set[str]) -> list[Listed]:
    """The newest version of each agreement that is over. One replaced by a version in force is that one's history."""
    over: dict[str, Listed] = {}
    for each in listed:
        if each.agreement.state in (AgreementState.ENDED, AgreementState.SUPERSEDED) and each.agreement.id not in live:
            over.setdefault(each.agreement.id, each)
    return list(over.values())


def _labels(codes: Iterable[StrEnum]) -> list[str]:
    return [str(getattr(code, "label", code)) for code in codes]


def _signatures(agreement: SharingAgreement) -> list[Signature]:
    """Signatures on the text as it now stands; one on an older text no longer counts."""
    return sorted(actions.standing_signatures(agreement), key=lambda each: (each.signed_at, each.organisation_code))


def _organisations(document: AgreementDocument) -> set[str]:
    """Every organisation the document names, so never none."""
    return {party.organisation for party in document.parties} | set(document.source_organisations)
