"""Put what messages say into a hosted source: what is newer in place of what is older, and no message twice.

Blocks, and knows no socket. An item is named by its person as well as by its own number, so that two people's cannot
meet; the name betrays neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from adapters.hosted.store import Batch, HostedStore, Item
from broker.records.source import RecordEntry, ResidentIdentity
from broker.vocabulary import Section

from .reading import Said

WHAT = "hl7v2"
_PREFIX = f"{WHAT}:"
Stated = Callable[[Batch, ResidentIdentity], None]


class Keeping:
    """One hosted source that messages go into. What belongs to none of its ``sections`` is not kept.

    ``stated`` puts each batch, and whom it is about, on the trail; what it raises is raised.
    """

    def __init__(
        self, store: HostedStore, *, sections: Iterable[Section], by: str, stated: Stated = lambda batch, person: None
    ) -> None:
        self._store, self._sections, self._by, self._stated = store, frozenset(sections), by, stated

    def keep(self, said: Said, *, now: datetime) -> bool:
        """Keep what a message says, and return once that is safe. False where this very message was kept before.

        Control ids alone do not say that: each application of a facility counts its own, and some begin again. Another
        message under one that was taken is another message. The store keeps the name as a keyed digest.
        A message that was kept but could not be put on the trail is kept again when it is sent again, to no effect.
        """
        name = "\0".join((WHAT, said.application, said.facility, said.control_id, said.digest))
        if self._store.has_taken(name):
            return False
        known = self._known(said)
        after = said.after(known)
        prefix = self._prefix(said)
        fresh = [id for id, entry in after.items() if known.get(id) is not entry and entry.section in self._sections]
        items = [self._item(prefix, id, after.get(id), said) for id in (*fresh, *(known.keys() - after.keys()))]
        if items:
            batch = self._store.add_batch(items, by=self._by, what=WHAT, now=now)
            self._stated(batch, said.person)
        self._store.remember_taken(name, now=now)
        return True

    def _known(self, said: Said) -> Mapping[str, RecordEntry]:
        """What messages said of this person before, by its own id."""
        number = said.person.nhs_number or ""
        if not self._store.begun:
            return {}
        prefix = self._prefix(said)
        held = self._store.about(nhs_numbers=(number,))
        return {
            kept.item.key.removeprefix(prefix): _own(kept.item.entry, prefix)
            for kept in held.items
            if kept.item.entry is not None
            and kept.item.key.startswith(prefix)
            and kept.item.born_on == said.person.born_on
        }

    def _prefix(self, said: Said) -> str:
        person = f"{said.person.nhs_number} {said.person.born_on.isoformat()}"
        (name,) = self._store.names_for([person])
        return f"{_PREFIX}{name[:20]}/"

    def _item(self, prefix: str, id: str, entry: RecordEntry | None, said: Said) -> Item:
        kept = entry and replace(entry, id=prefix + id, linked=tuple(prefix + each for each in entry.linked))
        return Item(key=prefix + id, nhs_number=said.person.nhs_number, born_on=said.person.born_on, entry=kept)


def _own(entry: RecordEntry, prefix: str) -> RecordEntry:
    linked = tuple(each.removeprefix(prefix) for each in entry.linked)
    return replace(entry, id=entry.id.removeprefix(prefix), linked=linked)
