"""What one sharing agreement says, as values: its parties, what they share, why, under which law and until when.

Holds no rule and reads no text: ``document`` makes these, and refuses what breaks the rules.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

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


class Part(StrEnum):
    """What a party is, in the words of UK GDPR Art. 4(7), 4(8) and 26."""

    CONTROLLER = "controller"
    JOINT_CONTROLLER = "joint-controller"
    PROCESSOR = "processor"


class Assurance(StrEnum):
    """How a party stands with the Data Security and Protection Toolkit (DSPT)."""

    EXCEEDED = "exceeded"
    MET = "met"
    APPROACHING = "approaching"
    NOT_REQUIRED = "not-required"

    @property
    def enough(self) -> bool:
        """Whether this standing answers for itself, with no note beside it."""
        return self in (Assurance.EXCEEDED, Assurance.MET)


@dataclass(frozen=True)
class Dspt:
    """A party's standing with the Data Security and Protection Toolkit, and the day it was published."""

    status: Assurance
    on: date | None = None
    note: str | None = None


@dataclass(frozen=True)
class Party:
    """One organisation that signs. ``receives`` lets it ask under this agreement; ``gives`` says its systems answer."""

    organisation: str
    part: Part
    receives: bool
    gives: bool
    contact: str | None = None
    dspt: Dspt | None = None
    public_authority: bool | None = None

    @property
    def public(self) -> bool:
        """Whether it is a public authority: as it says, or else as its code does (a charity or company is none)."""
        if self.public_authority is not None:
            return self.public_authority
        return not self.organisation.upper().startswith(("GB-CHC-", "GB-COH-"))


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
class Basis:
    """A UK GDPR lawful basis, for the purposes it names, or for all that no other basis names."""

    article_6: str
    article_9: str | None
    schedule_1: str | None = None
    purposes: tuple[Purpose, ...] = ()


@dataclass(frozen=True)
class Flow:
    """How information travels, and where it rests."""

    method: str
    frequency: str
    hosting: str


@dataclass(frozen=True)
class Rights:
    """Who answers residents (UK GDPR Arts 13 to 22)."""

    access_requests: str
    objections: str
    complaints: str
    privacy_notice: str


@dataclass(frozen=True)
class Incidents:
    """Whom the other parties tell of a breach, and within how many hours."""

    contact: str
    hours: int


@dataclass(frozen=True)
class Signatory:
    """Who is to sign for a party, as the document names them."""

    organisation: str
    name: str
    role: Role


@dataclass(frozen=True, kw_only=True)
class AgreementDocument:
    """The whole text of one agreement. Made by ``read`` or ``from_mapping``, never in a state that breaks their rules.

    ``recipient_kinds`` are the kinds of organisation that an agreement under this one may add. An agreement that
    ``narrows`` gives nobody anything: it limits what the one above may open for the residents of ``place``. What is
    None by default must be there before anybody signs, or only if it applies: ``schema`` says which.
    """

    id: str
    title: str
    level: Level
    place: str | None
    under: str | None
    narrows: bool
    purpose_statement: str
    benefits: str | None = None
    changes_agreed: str | None = None
    parties: tuple[Party, ...]
    recipient_kinds: tuple[OrganisationKind, ...]
    purposes: tuple[Purpose, ...]
    data_subjects: str | None = None
    geography: str | None = None
    sections: tuple[AgreedSection, ...]
    source_organisations: tuple[str, ...]
    source_kinds: tuple[OrganisationKind, ...]
    roles: tuple[Role, ...]
    labels: tuple[Sensitivity, ...]
    article_6: str
    article_9: str | None
    schedule_1: str | None = None
    powers: str | None = None
    s251: str | None = None
    other_bases: tuple[Basis, ...] = ()
    confidentiality: Confidentiality
    disclosure: Disclosure
    break_glass: bool
    obligations: tuple[Agreed, ...]
    flow: Flow | None = None
    rights: Rights | None = None
    security: str | None = None
    incidents: Incidents | None = None
    retention: str
    disposal: str | None = None
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

    @property
    def individual_care(self) -> bool:
        """Whether every purpose is the care of the resident themselves. Read from the purposes, never stated."""
        return all(purpose.within(Purpose.DIRECT_CARE) or purpose is Purpose.EMERGENCY for purpose in self.purposes)

    @property
    def national_opt_out(self) -> bool:
        """Whether the national data opt-out applies: to what stands on section 251 support, and nothing else here.

        It does not apply to individual care, explicit consent, a legal duty or an overriding public interest (DCB3058).
        """
        return self.confidentiality is Confidentiality.S251

    @property
    def basis(self) -> Basis:
        """The lawful basis for every purpose that ``other_bases`` does not name."""
        return Basis(self.article_6, self.article_9, self.schedule_1)

    def basis_of(self, purpose: Purpose) -> Basis:
        """The lawful basis that ``purpose`` stands on: that which names it, or the nearest above it, or the first."""
        for named in purpose.lineage:
            for other in self.other_bases:
                if named in other.purposes:
                    return other
        return self.basis

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical document (RFC 8785), in hex. What a signature binds to."""
        return digest_of(self.as_mapping())

    def as_mapping(self) -> dict[str, Any]:
        """The document as JSON says it, in the order it is written. What is not said is left out."""
        return {
            "id": self.id,
            "title": self.title,
            "level": self.level.value,
            "place": self.place,
            "under": self.under,
            "narrows": self.narrows,
            "purpose_statement": self.purpose_statement,
            **_said({"benefits": self.benefits, "changes_agreed": self.changes_agreed}),
            "parties": [_party_mapping(party) for party in self.parties],
            "recipients": {"kinds": _values(self.recipient_kinds)},
            "purposes": _values(self.purposes),
            **_said({"data_subjects": self.data_subjects, "geography": self.geography}),
            "sections": [{"section": s.section.value, "because": s.because} for s in self.sections],
            "sources": {"organisations": list(self.source_organisations), "kinds": _values(self.source_kinds)},
            "roles": _values(self.roles),
            "labels": _values(self.labels),
            "lawful_basis": _basis_mapping(self),
            "confidentiality": self.confidentiality.value,
            "disclosure": self.disclosure.value,
            "break_glass": self.break_glass,
            "obligations": [{"obligation": o.obligation.value, **o.parameters} for o in self.obligations],
            **_said({"flow": _fields(self.flow), "rights": _fields(self.rights), "security": self.security}),
            **_said({"incidents": _fields(self.incidents)}),
            "retention": self.retention,
            **_said({"disposal": self.disposal}),
            "onward_sharing": self.onward_sharing,
            "dpia": {"reference": self.dpia_reference, "on": self.dpia_on.isoformat()},
            "review_on": self.review_on.isoformat(),
            "from_on": self.from_on.isoformat(),
            "until_on": self.until_on.isoformat(),
            "signatories": [
                {"organisation": s.organisation, "name": s.name, "role": s.role.value} for s in self.signatories
            ],
        }


def digest_of(mapping: Mapping[str, Any]) -> str:
    """SHA-256 of ``mapping`` as canonical JSON (RFC 8785), in hex.

    For what an agreement can hold (names in ASCII; text, small whole numbers, yes and no) the standard library writes
    the same bytes, a good deal faster; a test holds the two together.
    """
    canonical = json.dumps(mapping, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _party_mapping(party: Party) -> dict[str, Any]:
    dspt = party.dspt
    standing = {"status": dspt.status.value, "on": _day(dspt.on), "note": dspt.note} if dspt else None
    return {
        "organisation": party.organisation,
        "part": party.part.value,
        "receives": party.receives,
        "gives": party.gives,
        **_said(
            {
                "contact": party.contact,
                "dspt": _said(standing) if standing else None,
                "public_authority": party.public_authority,
            }
        ),
    }


def _basis_mapping(document: AgreementDocument) -> dict[str, Any]:
    also = [{"purposes": _values(other.purposes), **_articles(other)} for other in document.other_bases]
    more = _said({"powers": document.powers, "s251": document.s251, "also": also or None})
    return {**_articles(document.basis), **more}


def _articles(basis: Basis) -> dict[str, Any]:
    condition = _said({"schedule_1": basis.schedule_1})
    return {"article_6": basis.article_6, "article_9": basis.article_9, **condition}


def _said(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that say something. What is not said is left out, so that an older text keeps its digest."""
    return {name: value for name, value in fields.items() if value is not None}


def _fields(record: Flow | Rights | Incidents | None) -> dict[str, Any] | None:
    return None if record is None else dict(vars(record))


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _values(codes: tuple[StrEnum, ...]) -> list[str]:
    return [code.value for code in codes]
