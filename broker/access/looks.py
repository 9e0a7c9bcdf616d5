"""What is new since somebody last looked: keyed digests of what they were shown, and of nothing else.

Keeps no entry, title or code, and says only that something is new or has changed. That something is there no longer is
never said: it may have been withheld since, and its absence would tell. A fault here costs the marks, never the record.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy.exc import SQLAlchemyError

from broker import logs
from broker.access.models import LastLook
from broker.access.parts import Broker
from broker.access.release import Release
from broker.access.request import AccessRequest, Requester
from broker.errors import Fault
from broker.records.source import RecordEntry
from broker.records.view import JoinedEntry, RecordView
from broker.vocabulary import Section

log = logs.logger(__name__)

SECRET = "looks"  # noqa: S105  the name of one, not one
MOST = 10_000  # entries remembered of one record, the latest shown first to stay
_HALF = 8  # bytes: which entry it is, and then what it said
_SHOWN = struct.Struct(">q")

Change = Literal["new", "changed"]
Seen = dict[bytes, bytes]


@dataclass(frozen=True)
class Changes:
    """What is new or changed, by an entry's source and id; and for each section, since when. Nothing is no news."""

    marks: Mapping[tuple[str, str], Change] = field(default_factory=dict)
    since: Mapping[Section, datetime] = field(default_factory=dict)

    def of(self, joined: JoinedEntry) -> Change | None:
        return self.marks.get(_name(joined.entry))


def since_last(broker: Broker, release: Release, *, shown: RecordView | None = None) -> Changes:
    """What is new to this reader in what they are ``shown`` (the release's view, unless less), remembered from now on.

    For a person or a resident: a system that asks on nobody's behalf reads for nobody. In a transaction of its own,
    after the release; where it fails nothing is marked.
    """
    reader = _reader(release.request.requester)
    if reader is None:
        return Changes()
    try:
        return _since_last(broker, release.request, reader, shown or release.view)
    except (SQLAlchemyError, Fault, ValueError) as fault:
        log.warning("What was last looked at could not be kept: %s", type(fault).__name__)
        return Changes()


def compare(seen: Seen, view: RecordView, *, key: bytes, now: datetime) -> tuple[Changes, Seen]:
    """The marks of ``view`` against what was ``seen`` before, and what has been seen now. Pure."""
    marks: dict[tuple[str, str], Change] = {}
    since: dict[Section, datetime] = {}
    new: Seen = {}
    for section in view.sections:
        place = _digest(key, "section", section.section.value)
        before = seen.get(place)
        new[place] = _SHOWN.pack(int(now.timestamp()))
        if before is not None:
            since[section.section] = datetime.fromtimestamp(_SHOWN.unpack(before)[0], UTC)
        for joined in section.entries:
            told = dict(_told(joined, key))
            new.update(told)
            change = _change(told, seen)
            if before is not None and change is not None:  # the first time, everything would be new
                marks[_name(joined.entry)] = change
    return Changes(marks, since), new


def _change(told: Seen, seen: Seen) -> Change | None:
    """New where none of those who tell of it was seen; changed where one is new, or says something else."""
    if not any(which in seen for which in told):
        return "new"
    return None if all(seen.get(which) == said for which, said in told.items()) else "changed"


def _told(joined: JoinedEntry, key: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each entry alone, and what it says of itself: what it is to others may change by what is withheld."""
    for entry in (joined.entry, *joined.others):
        which = _digest(key, "entry", *_name(entry))
        codes = [part for code in entry.codes for part in (code.system, code.code)]
        details = [part for detail in entry.details for part in detail]
        yield which, _digest(key, "said", entry.title, entry.status, str(entry.at), *codes, "", *details)


def _since_last(broker: Broker, request: AccessRequest, reader: str, view: RecordView) -> Changes:
    now = view.made_at
    with broker.sessions() as session:
        kept = session.get(LastLook, (reader, request.resident))
        seen = _read(kept.seen) if kept is not None else {}
        changes, new = compare(seen, view, key=_key(broker, request, reader), now=now)
        packed = _packed({**new, **{which: said for which, said in seen.items() if which not in new}})
        if kept is None:
            session.add(LastLook(reader=reader, resident_id=request.resident, looked_at=now, seen=packed))
        else:
            kept.looked_at, kept.seen = now, packed
        session.commit()
    return changes


def _reader(requester: Requester) -> str | None:
    if requester.resident is not None:
        return f"resident:{requester.resident}"
    return f"person:{requester.person}" if requester.person is not None else None


def _key(broker: Broker, request: AccessRequest, reader: str) -> bytes:
    """Of one reader, at one organisation, about one resident: what is seen in one job is not news in another."""
    secret = broker.settings.secret(SECRET)
    return hmac.digest(secret, _joined((request.requester.organisation, reader, request.resident)), "sha256")


def _digest(key: bytes, *parts: str) -> bytes:
    return hmac.digest(key, _joined(parts), "sha256")[:_HALF]


def _joined(parts: tuple[str, ...]) -> bytes:
    return "".join(f"{len(part)}:{part}" for part in parts).encode()


def _name(entry: RecordEntry) -> tuple[str, str]:
    return entry.provenance.source, entry.id


def _read(seen: bytes) -> Seen:
    size = 2 * _HALF
    return {seen[at : at + _HALF]: seen[at + _HALF : at + size] for at in range(0, len(seen) - size + 1, size)}


def _packed(seen: Seen) -> bytes:
    return b"".join(which + said for which, said in list(seen.items())[:MOST])
