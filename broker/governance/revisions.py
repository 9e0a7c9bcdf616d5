"""What is different between two published revisions: rules, tables, and what each agreement opens. Reads only."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from broker.access.engines import Bundle
from broker.agreements.models import PolicyRevision
from broker.errors import InvalidInput, NotFound

_FEWEST = 4  # characters of a revision's name or digest that can stand for it

# Each part of an agreement as it is published, in the words of its text.
_PARTS = {
    "level": "level",
    "place": "place",
    "ancestors": "agreements above it",
    "narrowed_by": "what narrows it",
    "state": "state",
    "signed": "signed by every party",
    "from": "first instant",
    "until": "last instant",
    "recipients": "recipients",
    "purposes": "purposes",
    "sections": "sections",
    "sources": "sources",
    "roles": "roles",
    "labels": "sensitivities",
    "confidentiality": "confidentiality",
    "disclosure": "disclosure",
    "break_glass": "emergency access",
    "obligations": "obligations",
    "conditions": "conditions of its own",
}
_DERIVED = {"revision", "agreements", "chains", "by_org_purpose"}  # of the published document: told as agreements


@dataclass(frozen=True)
class Altered:
    """One thing that is not the same: an agreement, file or table (``subject``), and what changed (``sentence``)."""

    kind: str  # "agreement-gained", "agreement-lost", "agreement-changed", "rules" or "data"
    subject: str
    sentence: str


def called(session: Session, name: str) -> PolicyRevision:
    """The revision called ``name``: all of its name, or the beginning of it or of its digest, if only one begins so.

    Raises NotFound for none, InvalidInput where several begin so.
    """
    column = PolicyRevision
    exact = session.scalar(select(column).where(column.revision == name))
    if exact is not None:
        return exact
    begins = or_(column.revision.startswith(name, autoescape=True), column.digest.startswith(name, autoescape=True))
    found = session.scalars(select(column).where(begins).limit(2)).all() if len(name) >= _FEWEST else []
    if len(found) > 1:
        raise InvalidInput("revision-ambiguous", f"Several revisions begin with {name}. Write more of it.")
    if not found:
        raise NotFound("revision-unknown", "There is no such revision. See: broker policies revisions")
    return found[0]


def newest(session: Session, *, limit: int) -> list[PolicyRevision]:
    """The newest revisions, newest first; the first is in force."""
    return list(session.scalars(select(PolicyRevision).order_by(PolicyRevision.id.desc()).limit(limit)))


def differences(before: Bundle, after: Bundle) -> list[Altered]:
    """Everything that ``after`` has otherwise than ``before``: agreements first, then rules, then tables and words."""
    return [*_agreements(before, after), *_modules(before.modules, after.modules), *_data(before, after)]


def _agreements(before: Bundle, after: Bundle) -> Iterator[Altered]:
    old, new = (bundle.data["sharing"].get("agreements", {}) for bundle in (before, after))
    for id in sorted(new.keys() - old.keys()):
        yield Altered("agreement-gained", id, f"{id} is new, and is {new[id]['state']}.")
    for id in sorted(old.keys() - new.keys()):
        yield Altered("agreement-lost", id, f"{id} is no longer there.")
    for id in sorted(old.keys() & new.keys()):
        for part in (*_PARTS, *sorted((old[id].keys() | new[id].keys()) - _PARTS.keys())):
            if old[id].get(part) != new[id].get(part):
                said = _change(old[id].get(part), new[id].get(part))
                yield Altered("agreement-changed", id, f"{id}: {_PARTS.get(part, part)}: {said}.")


def _change(old: Any, new: Any) -> str:
    """What was added to a set and what was taken from it; for anything else, from what to what."""
    added, taken = _flat(new) - _flat(old), _flat(old) - _flat(new)
    if isinstance(old, dict | list) and isinstance(new, dict | list) and (added or taken):
        parts = [f"{word} {', '.join(sorted(items))}" for word, items in (("adds", added), ("drops", taken)) if items]
        return "; ".join(parts)
    return f"from {_plain(old)} to {_plain(new)}"


def _flat(value: Any, path: str = "") -> set[str]:
    """The leaves of a document as text: ``organisations XX9GP1``. A set is published as ``{code: true}``."""
    if isinstance(value, dict):
        return {leaf for key, part in value.items() for leaf in _flat(part, f"{path} {key}".strip())}
    if isinstance(value, list):
        return {leaf for part in value for leaf in _flat(part, path)}
    return {path if value is True else f"{path} {_plain(value)}".strip()}


def _plain(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "none" if value is None else "yes" if value else "no"
    return "…" if isinstance(value, dict | list) else str(value)


def _modules(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Altered]:
    for path in sorted(old.keys() | new.keys()):
        if old.get(path) != new.get(path):
            yield Altered("rules", path, f"{path}: {_lines(old.get(path, ''), new.get(path, ''))}.")


def _lines(old: str, new: str) -> str:
    marks = [line[:1] for line in difflib.ndiff(old.splitlines(), new.splitlines())]
    return f"{marks.count('+')} lines added, {marks.count('-')} taken out"


def _data(before: Bundle, after: Bundle) -> Iterator[Altered]:
    old, new = (bundle.data["sharing"] for bundle in (before, after))
    for part in sorted((old.keys() | new.keys()) - _DERIVED):
        if old.get(part) != new.get(part):
            yield Altered("data", part, f"{part}: {_shortened(_change(old.get(part), new.get(part)))}.")


def _shortened(said: str, most: int = 400) -> str:
    return said if len(said) <= most else f"{said[:most].rpartition(',')[0]}, and more"
