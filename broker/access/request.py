"""The question and the answer: who asks for which sections of whose record, why, and what was decided.

Values only. Shaped as AuthZEN 1.0 (subject, action, resource, context); reads no database and decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from broker.vocabulary import DenialReason, Disclosure, Obligation, Purpose, Role, Section, Sensitivity


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks. ``person`` is None where a partner's system asks on nobody's behalf.

    ``organisation`` is the end organisation's code, never the broker. ``assurance`` is 0 to 3: how surely we know them.
    ``resident`` is who asks where that is a resident, for themself or for somebody they act for: never whose record it
    is. Such a requester has no organisation (an empty code), and whether they may act is read live, never carried here.
    """

    organisation: str
    role: Role
    person: str | None = None
    client: str | None = None
    assurance: int = 1
    resident: str | None = None


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """Emergency access, declared: why, in the requester's own words."""

    reason: str


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """Read these sections of this resident's record, for this purpose, now.

    ``id`` is a UUID; ``resident`` the resident's internal id, never an NHS number; ``made_at`` is UTC.
    """

    id: str
    requester: Requester
    resident: str
    purpose: Purpose
    sections: frozenset[Section]
    made_at: datetime
    break_glass: BreakGlass | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """What was decided for one section from one source.

    ``permitted`` is exactly "no reasons". ``withheld_labels`` are the sensitivities to leave out of what is permitted.
    """

    section: Section
    source: str
    reasons: tuple[DenialReason, ...] = ()
    agreements: tuple[str, ...] = ()
    withheld_labels: frozenset[Sensitivity] = frozenset()

    @property
    def permitted(self) -> bool:
        return not self.reasons


@dataclass(frozen=True, slots=True)
class Duty:
    """An obligation with its parameters, as the policy states it."""

    obligation: Obligation
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, for every section and every source asked about.

    ``pairs`` holds exactly one Pair for each (section, source) asked, ordered by section then source.
    ``reasons`` are those that hold for the whole request. ``requestable`` says that asking the resident could change
    the answer. ``revision`` names the policy that decided, ``engine`` what evaluated it. ``answer`` is what the engine
    said, word for word; None where the broker itself refused, because no answer could be relied on.
    """

    id: str
    pairs: tuple[Pair, ...]
    reasons: tuple[DenialReason, ...]
    duties: tuple[Duty, ...]
    disclosure: Disclosure
    requestable: bool
    revision: str
    engine: str
    decided_at: datetime
    valid_until: datetime | None = None
    answer: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    @property
    def permitted(self) -> bool:
        """Whether anything at all may be released."""
        return any(pair.permitted for pair in self.pairs)

    @property
    def agreements(self) -> tuple[str, ...]:
        """Every agreement relied on, once, in order."""
        return tuple(sorted({a for pair in self.pairs if pair.permitted for a in pair.agreements}))
