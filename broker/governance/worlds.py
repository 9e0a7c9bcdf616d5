"""A question with everything its answer depends on, and the same with one thing changed. Pure, and decides nothing.

What is changed is changed in a copy: nothing here reaches the database, and no agreement, choice or relationship is
touched. Knows how agreements are published (``agreements.bundle``), and not what the rules make of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from broker.agreements.chains import chains

_YEAR = 366 * 86_400  # seconds


@dataclass(frozen=True)
class World:
    """Everything an answer depends on, beside the rules: the question, and the ``sharing`` document."""

    question: Mapping[str, Any]
    sharing: Mapping[str, Any] = field(repr=False)


# ---- what an agreement is bounded by, and where it is found ----


def within_reach(world: World) -> World:
    """``world`` with only the agreements that could matter to it, so that the cost does not grow with their number."""
    agreements = world.sharing["agreements"]
    organisation, purpose = world.question["subject"]["organisation"], world.question["request"]["purpose"]
    place = world.question["resident"]["place"]
    near = [
        id
        for id, entry in agreements.items()
        if organisation in entry["recipients"]["organisations"]
        or (purpose in entry["purposes"] and entry["place"] in (None, place))
    ]
    kept = set(near)
    for id in near:
        kept.update(agreements[id]["ancestors"], *agreements[id]["narrowed_by"].values())
    index = {organisation: world.sharing["by_org_purpose"].get(organisation, {})}
    fewer = {id: entry for id, entry in agreements.items() if id in kept}
    linked = {id: chain for id, chain in world.sharing["chains"].items() if id in kept}
    sharing = {**world.sharing, "agreements": fewer, "chains": linked, "by_org_purpose": index}
    return World(world.question, sharing)


def chain_of(world: World, id: str) -> tuple[str, ...]:
    """The agreement and those above it that are there."""
    agreements = world.sharing["agreements"]
    return tuple(each for each in (id, *agreements[id]["ancestors"]) if each in agreements)


def narrowings_of(world: World, id: str) -> tuple[str, ...]:
    named = world.sharing["agreements"][id]["narrowed_by"].get(world.question["resident"]["place"], ())
    return tuple(each for each in named if each in world.sharing["agreements"])


def organisation_of(world: World, source: str) -> str:
    described = world.question["request"]["sources"].get(source)
    return str(described.get("organisation", "")) if isinstance(described, Mapping) else ""


def number(value: Any) -> float:
    """``value`` where it is a number, else 0."""
    return value if isinstance(value, int | float) else 0


# ---- the same world, with one thing changed --------------------------------------------------------------------------


def asked(world: World, part: str, **changed: Any) -> World:
    return replace(world, question={**world.question, part: {**world.question[part], **changed}})


def subject(**changed: Any) -> Callable[[World], World]:
    return lambda given: asked(given, "subject", **changed)


def request(**changed: Any) -> Callable[[World], World]:
    return lambda given: asked(given, "request", **changed)


def with_facts(world: World, **added: list[Any]) -> World:
    facts = world.question["facts"]
    return asked(world, "facts", **{name: [*facts[name], *more] for name, more in added.items()})


def each(ids: Iterable[str], **changed: Any) -> Callable[[World], World]:
    """Each of these agreements with these fields of its entry."""
    return lambda given: entries_with(given, dict.fromkeys(ids, changed))


def entries_with(world: World, changed: Mapping[str, Mapping[str, Any]]) -> World:
    """``world`` with these fields of these agreements' entries, and all that is derived from entries made anew."""
    agreements = world.sharing["agreements"]
    entries = {**agreements, **{id: {**agreements[id], **fields} for id, fields in changed.items()}}
    return replace(world, sharing={**world.sharing, "agreements": entries, "chains": chains(entries)})


def naming(ids: Iterable[str], **added: Iterable[str]) -> Callable[[World], World]:
    """Each of these agreements with these codes among those it names."""

    def make(given: World) -> World:
        agreements = given.sharing["agreements"]
        return entries_with(
            given, {id: {name: _and(agreements[id][name], codes) for name, codes in added.items()} for id in ids}
        )

    return make


def _and(named: Mapping[str, bool], codes: Iterable[str]) -> dict[str, bool]:
    return {**named, **dict.fromkeys(codes, True)}


def standing(ids: Iterable[str]) -> Callable[[World], World]:
    """Signed, in force, begun and not over."""

    def make(given: World) -> World:
        now = int(number(given.question["request"]["time"]))
        entries = given.sharing["agreements"]
        return entries_with(
            given,
            {
                id: {
                    "signed": True,
                    "state": "in-force",
                    "from": min(entries[id]["from"], now),
                    "until": max(entries[id]["until"], now + _YEAR),
                }
                for id in ids
            },
        )

    return make


def reaching(ids: Iterable[str], organisation: str) -> Callable[[World], World]:
    def make(given: World) -> World:
        entries = given.sharing["agreements"]
        return entries_with(given, {id: {"sources": _with_one(entries[id]["sources"], organisation)} for id in ids})

    return make


def _with_one(named: Mapping[str, Any], organisation: str) -> dict[str, Any]:
    return {**named, "organisations": _and(named["organisations"], [organisation])}


def covering(world: World, ids: Iterable[str]) -> Callable[[World], World]:
    organisation, purpose = world.question["subject"]["organisation"], world.question["request"]["purpose"]

    def make(given: World) -> World:
        entries = given.sharing["agreements"]
        return entries_with(
            given,
            {
                id: {
                    "recipients": _with_one(entries[id]["recipients"], organisation),
                    "purposes": _and(entries[id]["purposes"], [purpose]),
                }
                for id in ids
            },
        )

    return make


def joining(world: World, id: str) -> Callable[[World], World]:
    """``id`` and those above it name this organisation and purpose, and are found under them."""
    organisation, purpose = world.question["subject"]["organisation"], world.question["request"]["purpose"]
    name = covering(world, chain_of(world, id))

    def make(given: World) -> World:
        named = name(given)
        index = named.sharing["by_org_purpose"]
        theirs = index.get(organisation, {})
        found = {**index, organisation: {**theirs, purpose: _and(theirs.get(purpose, {}), [id])}}
        return replace(named, sharing={**named.sharing, "by_org_purpose": found})

    return make
