"""The sharing agreements, and the whole text of one, in plain words. Changes none."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum

from flask import render_template
from sqlalchemy import select

from broker.agreements.actions import called, every
from broker.agreements.document import AgreementDocument, from_mapping
from broker.agreements.models import SharingAgreement, Signature
from broker.doors import now, session
from broker.identity.models import Organisation, Place
from broker.vocabulary import Level, Section
from broker.web.access import GOVERNORS, who
from broker.web.governance import governance


@governance.get("")
@who(*GOVERNORS)
def home() -> str:
    """Every agreement: those in force first, from London inwards."""
    at = now()
    known = sorted(
        every(session()),
        key=lambda each: (not each.in_force(at=at), list(Level).index(each.level), each.title),
    )
    return render_template(
        "governance/home.jinja",
        agreements=[(each, from_mapping(each.document)) for each in known],
        at=at,
        places={place.code: place.name for place in session().scalars(select(Place))},
    )


@governance.get("/agreements/<agreement_id>")
@who(*GOVERNORS)
def agreement(agreement_id: str) -> str:
    """One agreement, its document laid out line by line. The three legal questions stay three answers."""
    found = called(session(), agreement_id)
    document = from_mapping(found.document)
    return render_template(
        "governance/agreement.jinja",
        agreement=found,
        in_force=found.in_force(at=now()),
        document=document,
        names=_names(document),
        sections=sorted(document.sections, key=lambda line: list(Section).index(line.section)),
        place=session().get(Place, found.place_code) if found.place_code else None,
        wider=called(session(), found.under) if found.under else None,
        narrower=[each for each in every(session()) if each.under == found.id],
        kinds=_labels(document.recipient_kinds),
        source_kinds=_labels(document.source_kinds),
        obligations=_labels(line.obligation for line in document.obligations),
        signatures=_signatures(found),
    )


def _labels(codes: Iterable[StrEnum]) -> list[str]:
    return [str(getattr(code, "label", code)) for code in codes]


def _signatures(agreement: SharingAgreement) -> list[Signature]:
    """Signatures on the text as it now stands; one on an older text no longer counts."""
    current = [each for each in agreement.signatures if each.digest == agreement.digest]
    return sorted(current, key=lambda each: (each.signed_at, each.organisation_code))


def _names(document: AgreementDocument) -> dict[str, str]:
    """The names of every organisation the document names, by code; a code nobody registered stands for itself."""
    codes: Collection[str] = {party.organisation for party in document.parties} | set(document.source_organisations)
    found = session().execute(select(Organisation.code, Organisation.name).where(Organisation.code.in_(codes)))
    return {code: code for code in codes} | dict(found.all())
