"""A sharing agreement as a document: what organisations write, sign and publish, read strictly and rendered back.

Pure. Says what was agreed; whether it is signed or in force is the row's to say, and what it allows is the policy's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from broker.agreements import building, findings, paper, rules, schema
from broker.agreements.paper import LARGEST_TEXT as LARGEST_TEXT
from broker.agreements.schema import ID as ID
from broker.agreements.schema import ORGANISATION as ORGANISATION
from broker.agreements.schema import PLACE as PLACE
from broker.agreements.terms import Agreed as Agreed
from broker.agreements.terms import AgreedSection as AgreedSection
from broker.agreements.terms import AgreementDocument as AgreementDocument
from broker.agreements.terms import Assurance as Assurance
from broker.agreements.terms import Basis as Basis
from broker.agreements.terms import Dspt as Dspt
from broker.agreements.terms import Flow as Flow
from broker.agreements.terms import Incidents as Incidents
from broker.agreements.terms import Part as Part
from broker.agreements.terms import Party as Party
from broker.agreements.terms import Rights as Rights
from broker.agreements.terms import Signatory as Signatory
from broker.agreements.terms import digest_of as digest_of
from broker.errors import InvalidInput


@dataclass(frozen=True)
class Written:
    """An agreement as its author wrote it: the text, comments and all, what it says, and its own conditions in Rego."""

    document: AgreementDocument
    text: str
    conditions: str | None = None

    @property
    def digest(self) -> str:
        """What signatures bind to: the document, and the conditions where it has any. SHA-256, in hex."""
        return digest_with(self.document, self.conditions)


def digest_with(document: AgreementDocument, conditions: str | None) -> str:
    """SHA-256, in hex, of a document and its conditions."""
    if conditions is None:
        return document.digest
    return digest_of({"document": document.digest, "conditions": hashlib.sha256(conditions.encode()).hexdigest()})


def write(document: AgreementDocument) -> Written:
    """``document`` as text, for one that nobody wrote by hand."""
    return Written(document, render(document))


def render(document: AgreementDocument) -> str:
    """``document`` as YAML, so that ``read(render(document)) == document``."""
    return paper.write(document.as_mapping())


def with_changes(text: str, changes: Mapping[str, Any], *, without: Iterable[str] = ()) -> str:
    """``text`` with the fields at these paths changed or taken away, and every comment kept: how an amendment begins.

    Raises InvalidInput for a text that cannot be read, or a path that is not there.
    """
    _plain(paper.read(text))
    try:
        return paper.changed(text, changes, without=without)
    except (KeyError, IndexError, TypeError) as error:
        raise InvalidInput("field-unknown", "There is no such field in this text.", field=str(error.args[0])) from error


def read(text: str) -> AgreementDocument:
    """The agreement written in ``text``, YAML 1.2 or JSON. Raises InvalidInput, naming the field at fault.

    A draft need not be ready to sign: ``read_written`` is as strict as a signature needs.
    """
    return from_mapping(_plain(paper.read(text)))


def read_written(text: str, conditions: str | None = None) -> Written:
    """``text`` as something that can be put to the parties. Raises InvalidInput for the first finding it has."""
    for found in findings.check_text(text, conditions=conditions):
        raise InvalidInput(found.code, found.message, field=found.field or None)
    return Written(read(text), text, conditions)


def from_mapping(value: Any) -> AgreementDocument:
    """The agreement a mapping holds. Raises InvalidInput, naming the field at fault (``sections[2].section``)."""
    loaded, faults = schema.load(value)
    for placed in faults:
        raise InvalidInput(placed.fault.code, placed.fault.detail, field=placed.path or None)
    document = building.built(loaded)
    for broken in rules.broken(document):
        raise InvalidInput(broken.code, broken.detail, field=broken.field)
    return document


def from_stored(value: Any) -> AgreementDocument:
    """The agreement of a row, which was read strictly when it was kept: the same document, some seven times sooner.

    Takes its words on trust, and no code, field, rule or yes and no: whatever is out of the ordinary is read strictly
    after all, so that what is wrong is named and nothing is let through.
    """
    try:
        document = building.restored(value)
    except (KeyError, ValueError, TypeError, AttributeError):
        return from_mapping(value)
    if _ordinary(document, value):
        return document
    return from_mapping(value)


def _plain(written: paper.Paper) -> Any:
    """What a text holds. Raises InvalidInput for the first thing in it that is no plain YAML."""
    for blot in written.blots:
        where = f" (line {blot.at.line})" if blot.at else ""
        raise InvalidInput(blot.code, f"{blot.detail}{where}")
    return written.value


def _ordinary(document: AgreementDocument, value: Any) -> bool:
    """Whether ``document`` says all that ``value`` says and nothing else, and breaks no rule."""
    some = (document.parties, document.purposes, document.sections, document.roles, document.signatories)
    flags = (document.narrows, document.break_glass, *(party.receives for party in document.parties))
    codes = (document.purposes, document.roles, document.labels, document.source_organisations)
    return (
        all(some)
        and all(len(set(each)) == len(each) for each in codes)
        and all(type(flag) is bool for flag in flags)
        and document.as_mapping() == value
        and next(rules.broken(document), None) is None
    )
