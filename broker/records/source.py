"""What a source system is: the one protocol every adapter speaks, and the shapes that pass through it.

Knows nothing of consent, policy or storage. An adapter answers for one resident; it never decides who may see it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol, runtime_checkable

from broker.vocabulary import GapCause, LabelSource, Purpose, Role, Section, Sensitivity

# Whether what is asked just now is for an emergency: then a source is asked even where it wanted to be left alone.
urgent: ContextVar[bool] = ContextVar("urgent", default=False)


@dataclass(frozen=True, slots=True)
class Asker:
    """On whose behalf a source is asked, for the protocols that must be told (GP Connect, PDS, NRL).

    ``person`` is the broker's own id for a worker, or None where a partner's system asks; never a name.
    """

    organisation: str
    role: Role
    purpose: Purpose
    request: str  # the id of the access request
    person: str | None = None


@dataclass(frozen=True, slots=True)
class ResidentIdentity:
    """Who to ask a source about. Two identifiers, so that every answer can be cross-checked.

    ``nhs_number`` is 10 digits or None; ``local_ids`` maps a source's id to its own identifier for this resident.
    ``former_numbers`` are NHS numbers that the national register has superseded by ``nhs_number``: an answer under one
    of them is about this resident. ``sensitive`` is that register's flag: whereabouts are not to be learnt or shown.
    """

    nhs_number: str | None = field(repr=False)
    born_on: date = field(repr=False)
    local_ids: Mapping[str, str] = field(default_factory=dict, repr=False)
    former_numbers: frozenset[str] = field(default=frozenset(), repr=False)
    sensitive: bool = False
    asked_by: Asker | None = None

    def is_known_by(self, number: str) -> bool:
        """Whether ``number`` is this resident's NHS number, or was."""
        return number == self.nhs_number or number in self.former_numbers


@dataclass(frozen=True, slots=True)
class Coding:
    """One code: ``system`` is a URI, ``display`` what the source called it (may be empty)."""

    system: str
    code: str
    display: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an entry came from. ``recorded_by`` and ``organisation`` are as the source states them, or empty."""

    source: str  # the source system's id
    received_at: datetime  # UTC
    organisation: str = ""
    recorded_by: str = ""


@dataclass(frozen=True, slots=True)
class LabelBasis:
    """Why an entry has a label: by what it is known, and how surely (0 to 1)."""

    sensitivity: Sensitivity
    source: LabelSource

    @property
    def confidence(self) -> float:
        return self.source.confidence


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """One item in a section, as one source gave it.

    ``id`` is unique within its source. ``at`` is a date or a UTC instant, None where the source gives none.
    ``details`` are (label, text) pairs in the order to show them. ``original`` is the item as received, kept only
    for the length of the request. ``labels`` is filled in by ``labels.py``, never by an adapter, except for labels the
    source itself states (FHIR ``meta.security``), which an adapter passes on in ``stated_labels``. ``label_basis`` says
    of each label how it is known, surest first.
    """

    id: str
    section: Section
    title: str
    provenance: Provenance
    at: date | datetime | None = None
    status: str = ""
    codes: tuple[Coding, ...] = ()
    details: tuple[tuple[str, str], ...] = ()
    linked: tuple[str, ...] = ()  # ids, in the same source, of entries this one is about (an encounter's condition …)
    stated_labels: frozenset[Sensitivity] = frozenset()
    labels: frozenset[Sensitivity] = frozenset()
    label_basis: tuple[LabelBasis, ...] = ()
    original: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    fhir_release: str = field(default="", compare=False)  # "4.0" where ``original`` is a FHIR R4 resource


@dataclass(frozen=True, slots=True)
class Gap:
    """A source was asked for ``section`` and gave no usable answer. ``detail`` is safe to show: no identifier in it."""

    section: Section
    cause: GapCause
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SourceAnswer:
    """Everything one source said about one resident.

    ``gaps`` names sections that could not be read, in whole or in part; a section with neither entry nor gap was read
    and is empty. ``not_understood`` counts what came and was not mapped, by its name (``{"Device": 2}``).
    """

    entries: tuple[RecordEntry, ...] = ()
    gaps: tuple[Gap, ...] = ()
    not_understood: Mapping[str, int] = field(default_factory=dict)


class SourceSystem(Protocol):
    """Where entries come from. Implementations live in ``adapters`` and pass ``tests/adapters/conformance``.

    ``id`` is stable and unique (``riverside-gp``), ``label`` is plain words, ``organisation`` the code of the
    organisation whose system it is, ``sections`` what it can hold, ``personal`` False for a directory that is asked
    about nobody.
    """

    @property
    def id(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def organisation(self) -> str: ...
    @property
    def sections(self) -> frozenset[Section]: ...
    @property
    def personal(self) -> bool: ...

    async def fetch(self, resident: ResidentIdentity, sections: frozenset[Section]) -> SourceAnswer:
        """Everything this source holds for ``sections`` about ``resident``.

        Runs on the process's one event loop and is cancelled at the caller's deadline. Never raises for the
        source's own fault: that is a ``Gap`` for each section asked. Every answer is cross-checked against the
        resident's NHS number and date of birth; a mismatch is a gap (``wrong-person``), never an entry.
        """
        ...

    async def check(self) -> SourceCheck:
        """Ask the source whether it is there and what it can do, without naming any resident."""
        ...


@dataclass(frozen=True, slots=True)
class SourceCheck:
    """What ``broker sources check`` shows. ``ok`` is False with the ``cause`` where the source cannot be used."""

    ok: bool
    cause: GapCause | None = None
    facts: tuple[tuple[str, str], ...] = ()  # (label, text), for an operator


@dataclass(frozen=True, slots=True)
class Sought:
    """Whom a national register is asked about: by number, or, for somebody who has none here, by who they are."""

    nhs_number: str | None = field(repr=False)
    born_on: date = field(repr=False)
    given_name: str = field(repr=False)
    family_name: str = field(repr=False)
    postcode: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Traced:
    """What a national register said of one person, or why nothing sure was learnt (``cause``; then all else is empty).

    ``nhs_number`` is the number in use: another than was asked by has superseded it. ``sensitive`` is its flag.
    """

    nhs_number: str = field(default="", repr=False)
    sensitive: bool = False
    died_on: date | None = None
    cause: GapCause | None = None
    detail: str = ""


@runtime_checkable
class NationalRegister(SourceSystem, Protocol):
    """A source that can also say who somebody is: by which number, whether flagged, whether alive."""

    async def trace(self, sought: Sought) -> Traced:
        """Never raises for the register's own fault, and never guesses: two candidates are none."""
        ...
