"""The record of processing activities (UK GDPR Art. 30(1)), read from the agreements. Adds nothing they do not say.

One activity for each agreement and party that decides why and how: a controller keeps a record of its own.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

from broker.agreements.terms import AgreementDocument, Part, Party

NO_TRANSFERS = "None is agreed outside the United Kingdom."
NOT_STATED = "Not stated"


@dataclass(frozen=True)
class ProcessingActivity:
    """One line of the register. Every field is in words, as a regulator would read it."""

    agreement: str
    title: str
    controller: str
    controller_contact: str
    joint_controllers: str
    processors: str
    part_in_it: str
    purposes: str
    purpose_statement: str
    lawful_basis: str
    data_subjects: str
    categories_of_data: str
    sensitive_kinds: str
    recipients: str
    transfers: str
    hosting: str
    retention: str
    disposal: str
    security: str
    impact_assessment: str
    from_on: str
    until_on: str


def processing_activities(
    documents: Iterable[AgreementDocument], *, names: Mapping[str, str]
) -> list[ProcessingActivity]:
    """The register of every document, by agreement and then by controller. ``names`` are by organisation's code."""
    found = [activity for document in documents for activity in _of(document, names)]
    return sorted(found, key=lambda each: (each.agreement, each.controller))


def as_csv(activities: Sequence[ProcessingActivity]) -> str:
    """The register as a spreadsheet reads it, headings first. No cell can be taken for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow([field.name.replace("_", " ").capitalize() for field in fields(ProcessingActivity)])
    for activity in activities:
        writer.writerow([_cell(getattr(activity, field.name)) for field in fields(activity)])
    return out.getvalue()


def _of(d: AgreementDocument, names: Mapping[str, str]) -> Iterator[ProcessingActivity]:
    if d.narrows:  # nothing is processed under an agreement that only closes
        return
    for party in d.parties:
        if party.part is not Part.PROCESSOR:
            yield _activity(d, party, names)


def _activity(d: AgreementDocument, party: Party, names: Mapping[str, str]) -> ProcessingActivity:
    return ProcessingActivity(
        agreement=d.id,
        title=d.title,
        controller=_named(party.organisation, names),
        controller_contact=party.contact or NOT_STATED,
        joint_controllers=_others(d, party, Part.JOINT_CONTROLLER, names),
        processors=_others(d, party, Part.PROCESSOR, names),
        part_in_it=_part(party),
        purposes=_listed(purpose.label for purpose in d.purposes),
        purpose_statement=d.purpose_statement,
        lawful_basis=_law(d),
        data_subjects=d.data_subjects or NOT_STATED,
        categories_of_data=_listed(agreed.section.label for agreed in d.sections),
        sensitive_kinds=_listed(label.label for label in d.labels) or "None",
        recipients=_recipients(d, names),
        transfers=NO_TRANSFERS,
        hosting=d.flow.hosting if d.flow else NOT_STATED,
        retention=d.retention,
        disposal=d.disposal or NOT_STATED,
        security=d.security or NOT_STATED,
        impact_assessment=f"{d.dpia_reference}, {d.dpia_on.isoformat()}",
        from_on=d.from_on.isoformat(),
        until_on=d.until_on.isoformat(),
    )


def _others(d: AgreementDocument, party: Party, part: Part, names: Mapping[str, str]) -> str:
    if part is Part.JOINT_CONTROLLER and party.part is not Part.JOINT_CONTROLLER:
        return "None"
    others = [_named(other.organisation, names) for other in d.parties if other.part is part and other is not party]
    return _listed(others) or "None"


def _part(party: Party) -> str:
    shares = [word for word, does in (("gives", party.gives), ("receives", party.receives)) if does]
    return " and ".join(shares).capitalize() or "Oversees"


def _law(d: AgreementDocument) -> str:
    said = [_articles(d.article_6, d.article_9, d.schedule_1)]
    for other in d.other_bases:
        purposes = _listed(purpose.label for purpose in other.purposes)
        said.append(f"for {purposes}: {_articles(other.article_6, other.article_9, other.schedule_1)}")
    return "; ".join(said)


def _articles(article_6: str, article_9: str | None, schedule_1: str | None) -> str:
    condition = f" with Schedule 1 {schedule_1}" if schedule_1 else ""
    return f"Article {article_6}" + (f" and Article {article_9}{condition}" if article_9 else "")


def _recipients(d: AgreementDocument, names: Mapping[str, str]) -> str:
    receiving = [_named(code, names) for code in d.receivers]
    kinds = [f"{kind.label}, where an agreement under this one names it" for kind in d.recipient_kinds]
    return _listed([*receiving, *kinds])


def _named(code: str, names: Mapping[str, str]) -> str:
    return f"{names[code]} ({code})" if names.get(code, code) != code else code


def _listed(words: Iterable[str]) -> str:
    return "; ".join(words)


def _cell(value: str) -> str:
    """A spreadsheet takes a cell that begins so for a formula, and an apostrophe keeps it text (CWE-1236)."""
    return f"'{value}" if value.lstrip()[:1] in ("=", "+", "-", "@") or value[:1] in ("\t", "\r", "\n") else value
