"""What an older revision says and what people decided since, put together so that the stricter of the two holds.

Pure. Used when an older revision is put back: it never permits what has been stopped, ended or narrowed since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from broker.agreements import chains
from broker.errors import Conflict
from broker.vocabulary import AgreementState

Entry = Mapping[str, Any]

_LIVE = AgreementState.IN_FORCE.value
_SETS = ("purposes", "sections", "roles", "labels")
_DATED = frozenset({"state", "signed", "from", "until"})  # taken as the stricter of then and now
_COMPARED = frozenset({*_SETS, "recipients", "sources", "narrowed_by", "ancestors", "break_glass", "obligations"})


def of_both(
    older: Mapping[str, Any],
    modules: Mapping[str, str],
    *,
    present: Mapping[str, Entry],
    conditions: Mapping[str, str | None],
    to: str,
) -> dict[str, Any]:
    """The data of an ``older`` revision, with the state and dates of each agreement no laxer than at ``present``.

    Raises Conflict, naming them, where agreements that were in force then say less now than they did.
    """
    then: Mapping[str, Entry] = older["agreements"]
    narrowing = {id for entry in then.values() for ids in entry["narrowed_by"].values() for id in ids}
    merged = {id: _dated(entry, present.get(id), narrows=id in narrowing) for id, entry in then.items()}
    narrowed = sorted(
        id
        for id, entry in merged.items()
        if entry["state"] == _LIVE
        and (_narrower(present[id], entry) or conditions.get(id) not in (None, modules.get(f"conditions/{id}.rego")))
    )
    if narrowed:
        raise Conflict(
            "rollback-widens",
            f"{', '.join(narrowed)} permitted more then than now. Change what is wrong in the next version instead.",
        )
    again = {"chains": chains.chains(merged)} if "chains" in older else {}
    return {**older, "agreements": merged, **again}


def _dated(then: Entry, now: Entry | None, *, narrows: bool) -> dict[str, Any]:
    if now is None:
        return {**then, "state": AgreementState.ENDED.value}
    if narrows:  # one that limits others limits them as it does now: to stop it would widen what they allow
        return {**then, **{name: now[name] for name in _DATED}}
    return {
        **then,
        "state": then["state"] if now["state"] == _LIVE else now["state"],
        "signed": then["signed"] is True and now["signed"] is True,
        "from": max(then["from"], now["from"]),
        "until": min(then["until"], now["until"]),
    }


def _narrower(now: Entry, then: Entry) -> bool:
    """Whether ``now`` leaves anything out that ``then`` had, or differs in what cannot be compared."""
    if now.keys() != then.keys() or any(now[name] != then[name] for name in now.keys() - _DATED - _COMPARED):
        return True
    sets = [(then[name], now[name]) for name in _SETS]
    sets += [(then[who][by], now[who][by]) for who in ("recipients", "sources") for by in ("organisations", "kinds")]
    return (
        any(not before.keys() <= after.keys() for before, after in sets)
        or not _each_in(now["ancestors"], then["ancestors"])
        or not _each_in(now["obligations"], then["obligations"])
        or not _narrowed_alike(now["narrowed_by"], then["narrowed_by"])
        or (then["break_glass"] is True and now["break_glass"] is not True)
    )


def _each_in(some: Iterable[Any], others: Iterable[Any]) -> bool:
    known = list(others)
    return all(each in known for each in some)


def _narrowed_alike(now: Mapping[str, Iterable[str]], then: Mapping[str, Iterable[str]]) -> bool:
    return all(_each_in(ids, then.get(place, ())) for place, ids in now.items())
