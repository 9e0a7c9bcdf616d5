"""What was worked out of every agreement when the rules were last published, so that next time only changes are.

Gives exactly what ``bundle.build_data`` gives, already written as canonical JSON: a test compares the two. Kept in
memory alone; a process that has published nothing yet works everything out.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session, selectinload

from broker.agreements import bundle, chains, generated
from broker.agreements.canonical import canonical
from broker.agreements.document import AgreementDocument, from_stored
from broker.agreements.models import COUNTS, SharingAgreement, Signature
from broker.database import table_of
from broker.vocabulary import AgreementState

_AT_ONCE = 300  # agreements read in one query

_AGREEMENT, _SIGNATURE = table_of(SharingAgreement).c, table_of(Signature).c
_STANDING: Select[Any] = select(
    _AGREEMENT.id,
    _AGREEMENT.number,
    _AGREEMENT.state,
    _AGREEMENT.digest,
    _AGREEMENT.conditions,
    _AGREEMENT.from_at,
    _AGREEMENT.until_at,
)
_SIGNED: Select[Any] = select(
    _SIGNATURE.agreement_id, _SIGNATURE.agreement_number, _SIGNATURE.digest, _SIGNATURE.organisation_code
).where(_SIGNATURE.voided_at.is_(None))


@dataclass(frozen=True)
class Standing:
    """Everything of an agreement's counting version that may change while its text does not, and its text's digest."""

    number: int
    state: AgreementState
    digest: str
    conditions: str | None
    from_at: datetime
    until_at: datetime
    signed_by: frozenset[str]


@dataclass(frozen=True)
class _Worked:
    """One agreement, worked out. ``base`` knows nothing of other agreements; ``entry`` and ``chain`` do."""

    standing: Standing
    text: AgreementDocument
    base: dict[str, Any]
    entry: dict[str, Any]
    entry_text: bytes
    chain_text: bytes | None


class Workings:
    """The rules and agreements as they stand, worked out anew only where they changed. Safe to share by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, _Worked] = {}
        self._index: bytes = canonical({})

    def of(self, session: Session) -> tuple[dict[str, str], dict[str, bytes], int]:
        """The modules by path, each part of the data as canonical JSON, and how many agreements there are.

        Reads what stands in ``session``'s transaction, whatever it has read before.
        """
        standing = _counting(session)
        with self._lock:
            kept = {id: worked for id, worked in self._kept.items() if worked.standing == standing.get(id)}
            rows = _read(session, {id: each.number for id, each in standing.items() if id not in kept})
            worked = _worked_out(standing, kept, rows)
            if not _same_texts(self._kept, worked):
                self._index = canonical(bundle.index_of({id: each.text for id, each in worked.items()}))
            self._kept, index = worked, self._index
        own = {bundle.path_of(id): text for id, each in standing.items() if (text := bundle.binding(each)) is not None}
        return bundle.load_modules() | own, _parts(worked, index), len(worked)


def _counting(session: Session) -> dict[str, Standing]:
    """The version of each agreement that counts, by id, in the order of ids (``actions.every``)."""
    signed: dict[tuple[str, int, str], set[str]] = {}
    for signature in session.execute(_SIGNED):
        signed.setdefault(tuple(signature[:3]), set()).add(signature.organisation_code)
    chosen: dict[str, Row[Any]] = {}
    for row in session.execute(_STANDING):
        rival = chosen.get(row.id)
        if rival is None or _rank(row) < _rank(rival):
            chosen[row.id] = row
    return {id: _standing(row, signed) for id, row in sorted(chosen.items())}


def _standing(row: Row[Any], signed: Mapping[tuple[str, int, str], set[str]]) -> Standing:
    signed_by = frozenset(signed.get((row.id, row.number, row.digest), ()))
    return Standing(row.number, row.state, row.digest, row.conditions, row.from_at, row.until_at, signed_by)


def _rank(row: Row[Any]) -> tuple[int, int]:
    return _RANKS[row.state], -row.number


_RANKS = {state: rank for rank, state in enumerate(COUNTS)}


def _read(session: Session, wanted: Mapping[str, int]) -> dict[str, SharingAgreement]:
    ids = list(wanted)
    found: dict[str, SharingAgreement] = {}
    for start in range(0, len(ids), _AT_ONCE):
        query = select(SharingAgreement).where(SharingAgreement.id.in_(ids[start : start + _AT_ONCE]))
        whole = query.options(selectinload(SharingAgreement.signatures)).execution_options(populate_existing=True)
        found |= {row.id: row for row in session.scalars(whole) if row.number == wanted[row.id]}
    return found


def _worked_out(
    standing: Mapping[str, Standing], kept: Mapping[str, _Worked], rows: Mapping[str, SharingAgreement]
) -> dict[str, _Worked]:
    texts = {id: kept[id].text if id in kept else from_stored(rows[id].document) for id in standing}
    bases = {
        id: kept[id].base if id in kept else bundle.entry_of(rows[id], texts[id], ancestors=[], narrowed_by={})
        for id in standing
    }
    entries = bundle.linked(bases, texts)
    for id, worked in kept.items():
        if entries[id] == worked.entry:
            entries[id] = worked.entry  # the very same, so that what was written of it can be used again
    changed = {id for id, entry in entries.items() if id not in kept or entry is not kept[id].entry}
    chained = _chains(entries, changed)
    return {
        id: _Worked(
            standing[id],
            texts[id],
            bases[id],
            entry,
            kept[id].entry_text if id not in changed else canonical(entry),
            chained[id] if id in chained else kept[id].chain_text,
        )
        for id, entry in entries.items()
    }


def _chains(entries: Mapping[str, dict[str, Any]], changed: set[str]) -> dict[str, bytes | None]:
    """The chain of each agreement that changed, or that has one above it that did."""
    anew = [id for id, entry in entries.items() if not changed.isdisjoint((id, *entry["ancestors"]))]
    members = {each for id in anew for each in (id, *entries[id]["ancestors"]) if each in entries}
    made = chains.chains({id: entries[id] for id in members})
    return {id: canonical(made[id]) if id in made else None for id in anew}


def _same_texts(old: Mapping[str, _Worked], new: Mapping[str, _Worked]) -> bool:
    return old.keys() == new.keys() and all(
        each.text is old[id].text or each.text == old[id].text for id, each in new.items()
    )


def _parts(worked: Mapping[str, _Worked], index: bytes) -> dict[str, bytes]:
    return {
        "vocabulary": canonical(generated.vocabulary()),
        "tables": canonical(bundle.load_tables()),
        "agreements": _object((id, each.entry_text) for id, each in worked.items()),
        "chains": _object((id, each.chain_text) for id, each in worked.items() if each.chain_text is not None),
        "by_org_purpose": index,
    }


def _object(members: Iterable[tuple[str, bytes]]) -> bytes:
    return b"{" + b",".join(canonical(name) + b":" + text for name, text in sorted(members)) + b"}"
