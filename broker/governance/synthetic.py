"""Made-up requests that touch what an agreement touches, so that a change nobody has yet asked under can be seen.

The same two sets of rules always give the same requests. About nobody: no resident, worker or decision is in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice, product
from typing import Any

from broker.access.engines import Bundle
from broker.identity.actions import NOBODY
from broker.vocabulary import OrganisationKind, Purpose, RelationshipKind, Role, Section, Tier

MOST = 1_000
ELSEWHERE = "elsewhere"  # a place that is nobody's
_SURELY = 3  # assurance: no request fails for how somebody signed in
_A_WHILE = 60  # seconds since everything in a made-up request began
_Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Touched:
    """What an agreement touches, in either of two sets of rules: itself, those under it, and those it narrows."""

    organisations: tuple[str, ...]
    purposes: tuple[str, ...]
    roles: tuple[str, ...]
    sections: tuple[str, ...]
    places: tuple[str, ...]
    sources: tuple[tuple[str, str], ...]  # (organisation, kind); one of them "" where the agreement names the other
    kinds: tuple[str, ...]

    @classmethod
    def by(cls, agreement: str, *rules: Bundle) -> Touched:
        found = [entry for each in rules for entry in _affected(agreement, each.data["sharing"]["agreements"])]
        exact = {code for code in _codes(found, "purposes") if not Purpose(code).grouping}
        return cls(
            organisations=tuple(sorted({code for entry in found for code in entry["recipients"]["organisations"]})),
            purposes=_in_order(Purpose, exact),
            roles=_in_order(Role, _codes(found, "roles")),
            sections=_in_order(Section, _codes(found, "sections")),
            places=tuple(sorted({entry["place"] for entry in found if entry["place"] is not None})),
            sources=tuple(sorted(_sources(found))),
            kinds=_in_order(OrganisationKind, {kind for entry in found for kind in entry["recipients"]["kinds"]}),
        )

    def by_request(self, question: Mapping[str, Any]) -> bool:
        """Whether a request could be answered differently at all: for its organisation and purpose."""
        asked = question["request"]["purpose"], question["subject"]["organisation"]
        return asked[0] in self.purposes and asked[1] in self.organisations


def requests(
    touched: Touched, *, kinds: Mapping[str, str], places: Sequence[str], now: datetime, most: int = MOST
) -> tuple[list[dict[str, Any]], int]:
    """Every combination of organisation, purpose, role and circumstance, the most telling circumstances first.

    ``kinds`` is the kind of each organisation known to the broker, ``places`` those it serves. At most ``most`` are
    made; how many were left out is returned with them.
    """
    inside = list(touched.places or places) or [ELSEWHERE]
    outside = next((place for place in places if place not in inside), ELSEWHERE)
    askers = list(product(touched.organisations, touched.purposes, touched.roles))
    circumstances = list(_circumstances(inside, outside))
    sources = _described(touched, kinds)
    pairs = product(circumstances, askers)
    found = [
        _request(number, asker, circumstance, touched.sections, sources, kinds, int(now.timestamp()))
        for number, (circumstance, asker) in enumerate(islice(pairs, most), start=1)
    ]
    return found, len(circumstances) * len(askers) - len(found)


@dataclass(frozen=True)
class _Circumstance:
    permitted: bool
    relationship: tuple[RelationshipKind, Tier | None] | None
    place: str


_USUAL = (RelationshipKind.REFERRAL, None)
_TEAMS = tuple((RelationshipKind.NEIGHBOURHOOD_TEAM, tier) for tier in Tier)
_INVITED = (RelationshipKind.INVITED, None)
_OTHERS = tuple(
    (kind, None)
    for kind in RelationshipKind
    if (kind, None) not in (_USUAL, _INVITED) and kind is not RelationshipKind.NEIGHBOURHOOD_TEAM
)


def _circumstances(inside: Sequence[str], outside: str) -> Iterator[_Circumstance]:
    for place in inside:
        yield _Circumstance(True, _USUAL, place)
        yield _Circumstance(False, _USUAL, place)
    for related in (_INVITED, *_TEAMS):
        yield _Circumstance(True, related, inside[0])
    yield _Circumstance(True, _USUAL, outside)
    yield _Circumstance(True, None, inside[0])
    for related in (_INVITED, *_TEAMS):
        yield _Circumstance(False, related, inside[0])
    yield _Circumstance(False, _USUAL, outside)
    for related, permitted in product(_OTHERS, (True, False)):
        yield _Circumstance(permitted, related, inside[0])


def _request(
    number: int,
    asker: tuple[str, str, str],
    circumstance: _Circumstance,
    sections: Sequence[str],
    sources: Mapping[str, Mapping[str, str]],
    kinds: Mapping[str, str],
    tick: int,
) -> dict[str, Any]:
    organisation, purpose, role = asker
    emergency = purpose == Purpose.EMERGENCY.value
    begun = tick - _A_WHILE
    return {
        "request": {
            "id": f"synthetic-{number}",
            "time": tick,
            "purpose": purpose,
            "sections": sorted(sections),
            "pairs": [{"section": section, "source": source} for section in sorted(sections) for source in sources],
            "sources": {source: dict(described) for source, described in sources.items()},
            "break_glass": {"reason": "stated"} if emergency else None,
        },
        "subject": {
            "organisation": organisation,
            "kind": kinds.get(organisation, ""),
            "active": True,
            "role": role,
            "person": "made-up",
            "member": True,
            "assurance": _SURELY,
        },
        "resident": {"id": NOBODY, "place": circumstance.place, "neighbourhood": "", "age": 40},
        "facts": {
            "relationships": _related(circumstance, organisation, begun),
            "provisions": [_permission(organisation, begun)] if circumstance.permitted else [],
        },
    }


def _related(circumstance: _Circumstance, organisation: str, begun: int) -> list[dict[str, Any]]:
    if circumstance.relationship is None:
        return []
    kind, tier = circumstance.relationship
    return [
        {
            "kind": kind.value,
            "organisation": organisation,
            "person": None,
            "team": None,
            "tier": None if tier is None else tier.value,
            "from": begun,
            "until": None if kind.longest is None else begun + kind.longest,
            "source": "",
        }
    ]


def _permission(organisation: str, begun: int) -> dict[str, Any]:
    return {
        "id": "provision-0",
        "consent": "consent-0",
        "type": "permit",
        "organisation": organisation,
        "purposes": None,
        "sections": None,
        "labels": None,
        "from": begun,
        "until": None,
        "ended": None,
    }


def _affected(agreement: str, entries: Mapping[str, _Entry]) -> list[_Entry]:
    """The agreement, those under it, and those that it narrows. Empty where it is not among ``entries``."""
    return [
        entry
        for id, entry in entries.items()
        if id == agreement
        or agreement in entry["ancestors"]
        or any(agreement in narrowing for narrowing in entry["narrowed_by"].values())
    ]


def _codes(entries: Iterable[_Entry], name: str) -> set[str]:
    return {code for entry in entries for code in entry[name]}


def _sources(entries: Iterable[_Entry]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for entry in entries:
        found |= {(organisation, "") for organisation in entry["sources"]["organisations"]}
        found |= {("", kind) for kind in entry["sources"]["kinds"]}
    return found


def _described(touched: Touched, kinds: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """A made-up source for each organisation and kind of organisation that may be a source."""
    return {
        f"synthetic-{organisation or kind}": {"organisation": organisation, "kind": kind or kinds.get(organisation, "")}
        for organisation, kind in touched.sources
    }


def _in_order(codes: Any, wanted: set[str]) -> tuple[str, ...]:
    return tuple(code.value for code in codes if code.value in wanted)
