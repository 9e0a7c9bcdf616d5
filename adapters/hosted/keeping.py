"""Where hosted sources' files are, and whose keys open them. Reads no item."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .sealing import Masters, fingerprint
from .store import HostedStore, keys_held


@dataclass(frozen=True)
class Hosting:
    """The folder of every hosted source's file, and what gives the master secrets, the present one first."""

    folder: Path
    masters: Masters = field(repr=False)

    def store(self, source: str) -> HostedStore:
        """One source's store, begun or not. Raises InvalidInput for a name that is unfit for a file."""
        return HostedStore(self.folder, source, self.masters)

    def stores(self) -> Iterator[HostedStore]:
        """Every store there is, also of sources that are asked no longer."""
        for path in sorted(self.folder.glob("[!.]*.db")):
            yield self.store(path.stem)

    def rekey(self, renew: Callable[[], None], retire: Callable[[], None], *, drop_spoiled: bool = False) -> Rekeyed:
        """Seal every store anew. ``renew`` makes another master secret the present one; ``retire`` forgets the former.

        One that was broken off goes on where it stopped: a store sealed under the present secret is left as it is.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with keys_held(self.folder):
            renew()
            present = fingerprint(self.masters()[0])
            due = [store for store in self.stores() if store.sealed_under() != present]
            dropped = sum(store.rekey(drop_spoiled=drop_spoiled) for store in due)
            retire()
        return Rekeyed(len(due), dropped)


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """How many stores were sealed anew, and how many of their items did not open and are gone."""

    stores: int
    dropped: int
