"""What an agreement and everything above it open together, worked out once so that no decision need work it out again.

Pure, from the entries that ``bundle`` makes. It puts sets and dates together and settles nothing: whether an agreement
has begun, whether its state refuses, and what a resident's place narrows are for the rules to say, at the time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Entry = Mapping[str, Any]


def chains(entries: Mapping[str, Entry]) -> dict[str, dict[str, Any]]:
    """The chain of each agreement that somebody receives under, by its id.

    One above which an agreement cannot be found has none, and so opens nothing. ``policies/README.md`` has the shape.
    """
    return {
        id: _chain([id, *entry["ancestors"]], entries)
        for id, entry in entries.items()
        if entry["recipients"]["organisations"] and all(above in entries for above in entry["ancestors"])
    }


def _chain(ids: Sequence[str], entries: Mapping[str, Entry]) -> dict[str, Any]:
    members = [entries[id] for id in ids]
    return {
        "signed": all(member["signed"] is True for member in members),
        "states": _distinct(member["state"] for member in members),
        "from": max(member["from"] for member in members),
        "until": min(member["until"] for member in members),
        "instants": _distinct(member[edge] for member in members for edge in ("from", "until")),
        "places": _distinct(member["place"] for member in members if member["place"] is not None),
        "recipients": _each_of(member["recipients"] for member in members),
        "sources": _each_of(member["sources"] for member in members),
        **{name: _in_all(member[name] for member in members) for name in ("purposes", "sections", "roles", "labels")},
        "explicit": any(member["confidentiality"] == "explicit" for member in members),
        "disclosures": _distinct(member["disclosure"] for member in members),
        "break_glass": all(member["break_glass"] is True for member in members),
        "obligations": _all_of(member["obligations"] for member in members),
        "conditions": [id for id in ids if entries[id]["conditions"]],
        "narrowed_by": members[0]["narrowed_by"],
    }


def _distinct(values: Iterable[Any]) -> list[Any]:
    return sorted(set(values))


def _in_all(sets: Iterable[Mapping[str, bool]]) -> dict[str, bool]:
    """What every one of ``sets`` has, in the order of the first."""
    first, *others = sets
    return {code: True for code in first if all(code in other for other in others)}


def _all_of(lists: Iterable[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Each obligation that any of ``lists`` has, once, in an order that does not depend on theirs."""
    found = {json.dumps(duty, sort_keys=True): dict(duty) for duties in lists for duty in duties}
    return [found[text] for text in sorted(found)]


def _each_of(named: Iterable[Entry]) -> list[Entry]:
    """What must each be met, by an organisation or its kind; without those that another's being met implies."""
    kept: list[Entry] = []
    for one in named:
        if not any(_within(other, one) for other in kept):
            kept = [*(other for other in kept if not _within(one, other)), one]
    return kept


def _within(one: Entry, other: Entry) -> bool:
    """Whether everybody whom ``one`` names, by organisation or by kind, ``other`` names in the same way."""
    return all(one[name].keys() <= other[name].keys() for name in ("organisations", "kinds"))
