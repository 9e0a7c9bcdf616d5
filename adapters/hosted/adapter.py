"""What an organisation keeps here, as a source system: asked about one resident, like any other. Writes nothing.

An item is used only where its NHS number and date of birth both agree with the resident's. One that does not open is a
stated gap: a damaged store never looks like an empty one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adapters.answering import Answering, Limits, Unanswered, no_answer
from adapters.csv_file import Worker
from broker.records.source import ResidentIdentity, SourceAnswer, SourceCheck
from broker.vocabulary import GapCause, Section

from .keeping import Hosting
from .store import HostedStore, Item, StoreLost

_DOES_NOT_OPEN = "item that cannot be opened"


class Hosted:
    """One organisation's own entries, kept here for it. See SourceSystem."""

    personal = True

    def __init__(
        self,
        *,
        id: str,
        label: str,
        organisation: str,
        options: Mapping[str, Any],
        limits: Limits,
        hosting: Hosting | None = None,
    ) -> None:
        self.id, self.label, self.organisation = id, label, organisation
        self.sections: frozenset[Section] = options["sections"]
        self._store = hosting.store(id) if hosting else None
        self._limits, self._worker = limits, Worker()

    async def fetch(self, resident: ResidentIdentity, sections: frozenset[Section]) -> SourceAnswer:
        asked = sections & self.sections
        if not asked:
            return SourceAnswer()
        numbers = {*filter(None, (resident.nhs_number,)), *resident.former_numbers}
        local = resident.local_ids.get(self.id)
        if not (numbers or local):
            return no_answer(asked, GapCause.NOT_LINKED, "there is no number to ask by")
        try:
            return await self._worker.run(lambda: self._answer(resident, asked, numbers, local))
        except Unanswered as error:
            return no_answer(asked, error.cause, error.detail)
        except StoreLost:
            return no_answer(asked, GapCause.MALFORMED, "what is kept here cannot be read")

    def _answer(
        self, resident: ResidentIdentity, asked: frozenset[Section], numbers: set[str], local: str | None
    ) -> SourceAnswer:
        held = self._begun().about(nhs_numbers=sorted(numbers), local_id=local, spend=self._limits.allowance().spend)
        if not held.items and not held.spoiled:
            return no_answer(asked, GapCause.NOT_LINKED)
        answering = Answering(asked)
        if held.spoiled:
            answering.not_understood[_DOES_NOT_OPEN] += held.spoiled
            answering.gap(asked, GapCause.MALFORMED, "some of what is kept here could not be opened")
        for kept in held.items:
            self._add(kept.item, resident, answering)
        return answering.answer()

    def _add(self, item: Item, resident: ResidentIdentity, answering: Answering) -> None:
        entry = item.entry
        if not about(item, resident):
            sections = (entry.section,) if entry else ()
            answering.gap(sections, GapCause.WRONG_PERSON, "an item does not agree on who it is about")
        elif entry is not None:
            answering.add(replace(entry, provenance=replace(entry.provenance, source=self.id)))

    def _begun(self) -> HostedStore:
        if self._store is None or not self._store.begun:
            raise Unanswered(GapCause.UNREACHABLE, "nothing has been put in here yet")
        return self._store

    async def check(self) -> SourceCheck:
        try:
            return await self._worker.run(self._checked)
        except Unanswered as error:
            return SourceCheck(False, error.cause, (("Problem", error.detail),))
        except StoreLost:
            return SourceCheck(False, GapCause.MALFORMED, (("Problem", "what is kept here cannot be read"),))

    def _checked(self) -> SourceCheck:
        """Opens every item, so that one that was damaged or moved is found before somebody misses it."""
        store = self._begun()
        held = store.everything()
        facts = (
            ("Items", f"{len(held.items):,}"),
            ("Items that cannot be opened", f"{held.spoiled:,}"),
            ("Batches", f"{len(store.batches()):,}"),
        )
        return SourceCheck(not held.spoiled, GapCause.MALFORMED if held.spoiled else None, facts)


def about(item: Item, resident: ResidentIdentity) -> bool:
    """Whether both identifiers agree. A number that either side does not have is not a disagreement."""
    if item.born_on != resident.born_on:
        return False
    return not item.nhs_number or not resident.nhs_number or resident.is_known_by(item.nhs_number)
