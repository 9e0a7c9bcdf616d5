"""A sharing agreement as a document: what organisations write, sign and publish, read strictly and rendered back.

Pure. Says what was agreed; whether it is signed or in force is the row's to say, and what it allows is the policy's.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

import rfc8785
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.tokens import AliasToken

from broker.agreements import rules
from broker.agreements.fields import Fields
from broker.errors import InvalidInput
from broker.vocabulary import (
    Confidentiality,
    Disclosure,
    Level,
    Obligation,
    OrganisationKind,
    Purpose,
    Role,
    Section,
    Sensitivity,
)

LARGEST_TEXT = 256 * 1024  # characters of YAML or JSON
ID = r"[A-Za-z0-9][A-Za-z0-9-]{1,58}"
PLACE = r"[A-Za-z0-9][A-Za-z0-9-]{0,18}"
ORGANISATION = r"[A-Za-z0-9][A-Za-z0-9-]{1,38}"
ARTICLE_6 = r"6\(1\)\([a-f]\)"
ARTICLE_9 = r"9\(2\)\([a-j]\)"


class Part(StrEnum):
    """What a party is, in the words of UK GDPR Art. 4(7), 4(8) and 26."""

    CONTROLLER = "controller"
    JOINT_CONTROLLER = "joint-controller"
    PROCESSOR = "processor"


@dataclass(frozen=True)
class Party:
    """One organisation that signs. ``receives`` lets it ask under this agreement; ``gives`` says its systems answer."""

    organisation: str
    part: Part
    receives: bool
    gives: bool


@dataclass(frozen=True)
class AgreedSection:
    """One section that may be shared, and why no less would do (UK GDPR Art. 5(1)(c))."""

    section: Section
    because: str


@dataclass(frozen=True)
class Agreed:
    """An obligation that goes with whatever is released, and its parameters."""

    obligation: Obligation
    parameters: Mapping[str, str | int | bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Signatory:
    """Who is to sign for a party, as the document names them."""

    organisation: str
    name: str
    role: Role


@dataclass(frozen=True)
class AgreementDocument:
    """The whole text of one agreement. Made by ``read`` or ``from_mapping``, never in a state that breaks their rules.

    ``recipient_kinds`` are the kinds of organisation that an agreement under this one may add. An agreement that
    ``narrows`` gives nobody anything: it limits what the one above may open for the residents of ``place``.
    """

    id: str
    title: str
    level: Level
    place: str | None
    under: str | None
    narrows: bool
    purpose_statement: str
    parties: tuple[Party, ...]
    recipient_kinds: tuple[OrganisationKind, ...]
    purposes: tuple[Purpose, ...]
    sections: tuple[AgreedSection, ...]
    source_organisations: tuple[str, ...]
    source_kinds: tuple[OrganisationKind, ...]
    roles: tuple[Role, ...]
    labels: tuple[Sensitivity, ...]
    article_6: str
    article_9: str | None
    confidentiality: Confidentiality
    disclosure: Disclosure
    break_glass: bool
    obligations: tuple[Agreed, ...]
    retention: str
    onward_sharing: str
    dpia_reference: str
    dpia_on: date
    review_on: date
    from_on: date
    until_on: date
    signatories: tuple[Signatory, ...]

    @property
    def from_at(self) -> datetime:
        """The first instant of ``from_on``, UTC."""
        return datetime.combine(self.from_on, time.min, UTC)

    @property
    def until_at(self) -> datetime:
        """The instant after ``until_on``, its last day, UTC."""
        return datetime.combine(self.until_on + timedelta(days=1), time.min, UTC)

    @property
    def receivers(self) -> tuple[str, ...]:
        return tuple(party.organisation for party in self.parties if party.receives)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical document (RFC 8785), in hex. What a signature binds to."""
        return digest_of(self.as_mapping())

    def as_mapping(self) -> dict[str, Any]:
        """The document as JSON says it, in the order it is written."""
        return {
            "id": self.id,
            "title": self.title,
            "level": self.level.value,
            "place": self.place,
            "under": self.under,
            "narrows": self.narrows,
            "purpose_statement": self.purpose_statement,
            "parties": [
                {"organisation": p.organisation, "part": p.part.value, "receives": p.receives, "gives": p.gives}
                for p in self.parties
            ],
            "recipients": {"kinds": _values(self.recipient_kinds)},
            "purposes": _values(self.purposes),
            "sections": [{"section": s.section.value, "because": s.because} for s in self.sections],
            "sources": {"organisations": list(self.source_organisations), "kinds": _values(self.source_kinds)},
            "roles": _values(self.roles),
            "labels": _values(self.labels),
            "lawful_basis": {"article_6": self.article_6, "article_9": self.article_9},
            "confidentiality": self.confidentiality.value,
            "disclosure": self.disclosure.value,
            "break_glass": self.break_glass,
            "obligations": [{"obligation": o.obligation.value, **o.parameters} for o in self.obligations],
            "retention": self.retention,
            "onward_sharing": self.onward_sharing,
            "dpia": {"reference": self.dpia_reference, "on": self.dpia_on.isoformat()},
            "review_on": self.review_on.isoformat(),
            "from_on": self.from_on.isoformat(),
            "until_on": self.until_on.isoformat(),
            "signatories": [
                {"organisation": s.organisation, "name": s.name, "role": s.role.value} for s in self.signatories
            ],
        }


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


def read(text: str) -> AgreementDocument:
    """The agreement written in ``text``, YAML 1.2 or JSON. Raises InvalidInput, naming the field at fault."""
    if len(text) > LARGEST_TEXT:
        raise InvalidInput("document-too-large", f"An agreement has at most {LARGEST_TEXT} characters.")
    try:
        # An alias says nothing that cannot be written out, and a few of them can stand for gigabytes.
        if any(isinstance(token, AliasToken) for token in YAML(typ="safe", pure=True).scan(text)):
            raise InvalidInput("document-malformed", "Write everything out: an agreement has no aliases.")
        value = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" on line {mark.line + 1}" if mark else ""
        raise InvalidInput("document-malformed", f"This is not YAML or JSON{where}.") from error
    return from_mapping(value)


def render(document: AgreementDocument) -> str:
    """``document`` as YAML, so that ``read(render(document)) == document``."""
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump(document.as_mapping(), out)
    return out.getvalue()


def digest_of(mapping: Mapping[str, Any]) -> str:
    """SHA-256 of ``mapping`` as canonical JSON (RFC 8785), in hex."""
    return hashlib.sha256(rfc8785.dumps(dict(mapping))).hexdigest()


def from_mapping(value: Any) -> AgreementDocument:
    """The agreement a mapping holds. Raises InvalidInput, naming the field at fault (``sections[2].section``)."""
    given = Fields(value)
    recipients, sources = given.record("recipients"), given.record("sources")
    basis, dpia = given.record("lawful_basis"), given.record("dpia")
    document = AgreementDocument(
        id=given.text("id", pattern=ID),
        title=given.text("title"),
        level=given.code("level", Level),
        place=given.text_or_none("place", pattern=PLACE),
        under=given.text_or_none("under", pattern=ID),
        narrows=given.flag("narrows", default=False),
        purpose_statement=given.text("purpose_statement"),
        parties=tuple(_party(party) for party in given.records("parties", some=True)),
        recipient_kinds=recipients.codes("kinds", OrganisationKind),
        purposes=given.codes("purposes", Purpose, some=True),
        sections=tuple(_section(section) for section in given.records("sections", some=True)),
        source_organisations=sources.texts("organisations", pattern=ORGANISATION),
        source_kinds=sources.codes("kinds", OrganisationKind),
        roles=given.codes("roles", Role, some=True),
        labels=given.codes("labels", Sensitivity),
        article_6=basis.text("article_6", pattern=ARTICLE_6),
        article_9=basis.text_or_none("article_9", pattern=ARTICLE_9),
        confidentiality=given.code("confidentiality", Confidentiality),
        disclosure=given.code("disclosure", Disclosure),
        break_glass=given.flag("break_glass"),
        obligations=tuple(_obligation(obligation) for obligation in given.records("obligations")),
        retention=given.text("retention"),
        onward_sharing=given.text("onward_sharing"),
        dpia_reference=dpia.text("reference"),
        dpia_on=dpia.day("on"),
        review_on=given.day("review_on"),
        from_on=given.day("from_on"),
        until_on=given.day("until_on"),
        signatories=tuple(_signatory(signatory) for signatory in given.records("signatories", some=True)),
    )
    for part in (given, recipients, sources, basis, dpia):
        part.end()
    rules.check(document)
    return document


def _party(given: Fields) -> Party:
    party = Party(
        organisation=given.text("organisation", pattern=ORGANISATION),
        part=given.code("part", Part),
        receives=given.flag("receives"),
        gives=given.flag("gives"),
    )
    given.end()
    return party


def _signatory(given: Fields) -> Signatory:
    signatory = Signatory(
        organisation=given.text("organisation", pattern=ORGANISATION),
        name=given.text("name"),
        role=given.code("role", Role),
    )
    given.end()
    return signatory


def _section(given: Fields) -> AgreedSection:
    section = AgreedSection(section=given.code("section", Section), because=given.text("because"))
    given.end()
    return section


def _obligation(given: Fields) -> Agreed:
    return Agreed(obligation=given.code("obligation", Obligation), parameters=given.rest())


def _values(codes: tuple[StrEnum, ...]) -> list[str]:
    return [code.value for code in codes]
