"""Made-up agreements and questions in the policy's own shape: for measuring engines, and for comparing their answers.

Everything is drawn with a seed, so two engines are asked the same. No person or organisation in it exists.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, TypeVar

from broker.access.engines import Bundle
from broker.agreements import bundle, chains
from broker.vocabulary import (
    Confidentiality,
    Disclosure,
    Obligation,
    OrganisationKind,
    Purpose,
    RelationshipKind,
    Role,
    Section,
    Sensitivity,
    Tier,
)

T = TypeVar("T")

GROUP = 10  # agreements that stand or fall together: one for London, one for a system, the rest for places
ORGANISATIONS = 6  # in each group
NOW = 1_800_000_000  # the made-up present, in seconds since 1970 UTC
DAY = 24 * 3600

_READERS = (Role.CLINICIAN, Role.SOCIAL_WORKER, Role.CARE_COORDINATOR, Role.LINK_WORKER, Role.CASE_WORKER)
_KINDS = (
    OrganisationKind.GP_PRACTICE,
    OrganisationKind.ACUTE_TRUST,
    OrganisationKind.LOCAL_AUTHORITY,
    OrganisationKind.VCFSE,
    OrganisationKind.COMMUNITY_PROVIDER,
    OrganisationKind.HOSPICE,
)
_LABELS = tuple(label for label in Sensitivity if not label.in_law)


def organisation(group: int, number: int) -> str:
    return f"XX9{group:04}{number}"


def place(group: int, number: int) -> str:
    return f"P{group:04}{number}"


def world(agreements: int, *, seed: int = 1, tidy: bool = True) -> Bundle:
    """The real rules with ``agreements`` made-up agreements. Untidy ones are unsigned, late, suspended and uneven."""
    chance = random.Random(seed)
    entries: dict[str, Any] = {}
    for group in range(-(-agreements // GROUP)):
        entries |= _group(group, min(GROUP, agreements - len(entries)), chance, tidy=tidy)
    index: dict[str, dict[str, dict[str, bool]]] = {}
    for id, entry in entries.items():
        for code in entry["recipients"]["organisations"]:
            for purpose in entry["purposes"]:
                index.setdefault(code, {}).setdefault(purpose, {})[id] = True
    revision = f"2027-01-15T08:00:00Z/{agreements}-{seed}"
    derived = {"agreements": entries, "chains": chains.chains(entries), "by_org_purpose": index}
    data = {**bundle.build_data([]), "revision": revision, **derived}
    return Bundle(revision, bundle.load_modules(), {"sharing": data})


def _group(group: int, count: int, chance: random.Random, *, tidy: bool) -> dict[str, Any]:
    ids = [f"DSA-{group:04}{number}" for number in range(count)]
    entries = {}
    for number, id in enumerate(ids):
        above = ids[: min(number, 2)][::-1]
        entries[id] = _agreement(group, number, above, chance, tidy=tidy)
    narrowing = [id for id in ids[2:] if chance.random() < (0.1 if tidy else 0.2)]
    for id in ids:
        for narrower in (other for other in narrowing if other != id):
            where = entries[narrower]["place"]
            entries[id]["narrowed_by"].setdefault(where, []).append(narrower)
    return entries


def _agreement(group: int, number: int, above: list[str], chance: random.Random, *, tidy: bool) -> dict[str, Any]:
    full = 0.95 if tidy else 0.9
    flaw = 0.0 if tidy else 0.03
    return {
        "level": ("london", "system", "place")[min(number, 2)],
        "place": None if number < 2 else place(group, number % 2),
        "ancestors": above,
        "narrowed_by": {},
        "state": chance.choice(("suspended", "ended", "approved")) if chance.random() < flaw else "in-force",
        "signed": chance.random() >= flaw,
        "from": NOW + chance.choice((1, DAY)) if chance.random() < flaw else NOW - chance.choice((0, DAY, 400 * DAY)),
        "until": NOW - chance.choice((0, DAY)) if chance.random() < flaw else NOW + chance.choice((1, DAY, 400 * DAY)),
        "recipients": {
            "organisations": _some((organisation(group, n) for n in range(ORGANISATIONS)), 0.6, chance),
            "kinds": _some(_KINDS, full, chance) if number < 2 else {},
        },
        "purposes": _reached(_some(Purpose, full * 0.9, chance)),
        "sections": _some(Section, full, chance),
        "sources": {
            "organisations": _some((organisation(group, n) for n in range(ORGANISATIONS)), 0.4, chance),
            "kinds": _some(_KINDS, full, chance),
        },
        "roles": _some(_READERS, full, chance),
        "labels": _some(Sensitivity, full, chance),
        "confidentiality": chance.choices([basis.value for basis in Confidentiality], (6, 2, 1, 1))[0],
        "disclosure": chance.choice([disclosure.value for disclosure in Disclosure]),
        "break_glass": chance.random() < full,
        "conditions": False,
        "obligations": [{"obligation": code} for code in _some(Obligation, 0.2, chance)],
    }


def questions(agreements: int, *, seed: int = 2, ordinary: bool = False) -> Iterator[dict[str, Any]]:
    """Questions without end about ``world(agreements)``. Ordinary ones are what a working day brings."""
    chance = random.Random(seed)
    groups = max(1, agreements // GROUP)
    number = 0
    while True:
        number += 1
        yield _question(f"q{number}", chance.randrange(groups), chance, ordinary=ordinary)


def _question(id: str, group: int, chance: random.Random, *, ordinary: bool) -> dict[str, Any]:
    odd = 0.0 if ordinary else 0.02
    asker = chance.randrange(ORGANISATIONS)
    emergency = chance.random() < (0.02 if ordinary else 0.12)
    purpose = Purpose.EMERGENCY.value if emergency else _or(_any(Purpose, chance), _usual(asker, chance), odd, chance)
    sections = _sections(purpose, odd, chance)
    sources = {f"source-{n}": _source(group, chance) for n in range(chance.randint(1, 5))}
    pairs = [{"section": section, "source": source} for section in sections for source in sources]
    return {
        "request": {
            "id": id,
            "time": NOW,
            "purpose": _or("made-up-purpose", purpose, odd / 3, chance),
            "sections": sections,
            "pairs": pairs if ordinary else chance.sample(pairs, chance.randint(0, len(pairs))),
            "sources": sources,
            "break_glass": _break_glass(emergency, odd, chance),
        },
        "subject": {
            "organisation": _or("XX90NONE", organisation(group, asker), odd / 3, chance),
            "kind": _or(_any(["", *OrganisationKind], chance), _KINDS[asker].value, odd, chance),
            "active": chance.random() >= odd,
            "role": _or(_any(Role, chance), _any(_READERS, chance), odd, chance),
            "person": _or(None, "worker-1", odd, chance),
            "member": chance.random() >= odd,
            "assurance": _or(chance.choice((0, 1)), 2, odd, chance),
            "review_overdue": chance.random() < odd,
        },
        "resident": {
            "id": "resident-1",
            "place": _or("P-elsewhere", place(group, chance.randrange(2)), odd, chance),
            "neighbourhood": "N1",
            "age": chance.randint(0, 99),
        },
        "facts": {
            "relationships": [
                *([_caseload(group, asker)] if ordinary or chance.random() < 0.4 else []),
                *(_relationship(group, asker, chance) for _ in range(chance.choice((0, 1, 2, 3, 3, 4)))),
            ],
            "provisions": [_provision(n, group, asker, chance) for n in range(chance.randint(0, 4))],
        },
    }


@cache
def _needs() -> dict[str, Any]:
    """For each purpose, the kinds of organisation that may have it and the sections it could need."""
    return dict(bundle.load_tables()["purposes"])


def _any(codes: Iterable[str], chance: random.Random) -> str:
    return str(chance.choice(list(codes)))


def _usual(asker: int, chance: random.Random) -> str:
    """A purpose this kind of organisation may have, other than an emergency."""
    tables = _needs()
    fitting = [purpose for purpose in tables if _KINDS[asker].value in tables[purpose]["kinds"]]
    return chance.choice([purpose for purpose in fitting if purpose != Purpose.EMERGENCY.value])


def _sections(purpose: str, odd: float, chance: random.Random) -> list[str]:
    needed: list[str] = _needs().get(purpose, {}).get("sections") or [section.value for section in Section]
    drawn = chance.sample(needed, min(len(needed), chance.randint(4, 12)))
    odder = ["made-up-section", *Section]
    return list(dict.fromkeys(_or(_any(odder, chance), section, odd, chance) for section in drawn))


def _source(group: int, chance: random.Random) -> dict[str, str]:
    number = chance.randrange(ORGANISATIONS)
    return {"organisation": organisation(group, number), "kind": _KINDS[number].value}


def _break_glass(emergency: bool, odd: float, chance: random.Random) -> dict[str, str] | None:
    if emergency == (chance.random() < odd):
        return None
    return {"reason": _or("  ", "Found unconscious", odd, chance)}


def _relationship(group: int, asker: int, chance: random.Random) -> dict[str, Any]:
    kind = chance.choice(list(RelationshipKind))
    begun = NOW - chance.choice((-60, 0, 60, 60, DAY // 2, 300 * DAY))
    return {
        "kind": kind.value,
        "organisation": _or(organisation(group, 0), organisation(group, asker), 0.1, chance),
        "person": chance.choice((None, None, "worker-1", "worker-1", "worker-2")),
        "team": "team-1" if kind is RelationshipKind.NEIGHBOURHOOD_TEAM else None,
        "tier": chance.choice([tier.value for tier in Tier]) if kind is RelationshipKind.NEIGHBOURHOOD_TEAM else None,
        "from": begun,
        "until": chance.choice((None, None, NOW, NOW + 60, begun + (kind.longest or DAY))),
        "source": "recorded",
    }


def _caseload(group: int, asker: int) -> dict[str, Any]:
    return {
        "kind": RelationshipKind.CASELOAD.value,
        "organisation": organisation(group, asker),
        "person": "worker-1",
        "team": None,
        "tier": None,
        "from": NOW - DAY,
        "until": None,
        "source": "recorded",
    }


def _provision(number: int, group: int, asker: int, chance: random.Random) -> dict[str, Any]:
    permit = chance.random() < 0.75
    return {
        "id": f"provision-{number}",
        "consent": f"consent-{number}",
        "type": "permit" if permit else "deny",
        "organisation": chance.choice((organisation(group, asker), organisation(group, asker), None)),
        "purposes": _listed(Purpose, 0.7, chance),
        "sections": _listed(Section, 0.6 if permit else 0.2, chance),
        "labels": None if permit or chance.random() < 0.5 else _listed(_LABELS, 0.3, chance),
        "from": NOW - chance.choice((-60, 0, DAY)),
        "until": chance.choice((None, None, NOW, NOW + DAY, NOW - 60)),
        "ended": chance.choice((None, None, None, NOW, NOW - 60, NOW + 60)),
    }


def _reached(purposes: Iterable[str]) -> dict[str, bool]:
    """``purposes`` and all below them, as an agreement is published."""
    return {below.value: True for purpose in purposes for below in Purpose(purpose).reach}


def _some(codes: Iterable[str], share: float, chance: random.Random) -> dict[str, bool]:
    return {str(code): True for code in codes if chance.random() < share}


def _listed(codes: Iterable[str], share: float, chance: random.Random) -> list[str] | None:
    return None if chance.random() < 0.3 else list(_some(codes, share, chance))


def _or(rarely: T, usually: T, odds: float, chance: random.Random) -> T:
    return rarely if chance.random() < odds else usually


# ---- questions no door would let through -----------------------------------------------------------------------------

_WRONG: Sequence[Any] = (None, True, 0, -1, 1.5, "", "0", "allow", [], [None], {}, {"": True}, 2**53)


def spoiled(question: dict[str, Any], *, seed: int) -> dict[str, Any]:
    """``question`` with one value replaced by another of any type, or left out."""
    chance = random.Random(seed)
    changed = copy.deepcopy(question)
    holder, key = chance.choice(list(_places(changed)))
    if isinstance(holder, dict) and chance.random() < 0.3:
        del holder[key]
    else:
        holder[key] = chance.choice(_WRONG)
    return changed


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) in ``value``."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)
