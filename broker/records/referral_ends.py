"""A referral seen from both ends: one source says that it was sent, and another that it was received.

The same service, received on the day it was sent or within seven days after. A booking reference that both ends have is
not looked at here: by that they share a key already (``likeness``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime

from broker.records.likeness import Likeness
from broker.records.occasions import day
from broker.records.particulars import plain
from broker.records.source import RecordEntry
from broker.vocabulary import Section

LONGEST_BETWEEN_ENDS = 7  # days from a referral's being sent to its being received
_MOST_TRIED = 16  # of those received, that one which was sent is compared with
_SENT = re.compile(r"\b(?:referr(?:al|ed) (?:\w+ ){0,2}to|refer to|(?:referral )?sent(?: to)?|outgoing referral)\b")
_RECEIVED = re.compile(r"\b(?:referr(?:al|ed) (?:\w+ ){0,2}(?:from|by)|(?:referral )?received|incoming referral)\b")
_SENT_TO = frozenset({"to", "sent to", "referred to", "receiver", "recipient"})
_RECEIVED_FROM = frozenset({"from", "received from", "referred by", "received", "came from"})
_SERVICES = frozenset({"service", "specialty", "service requested", "to", "sent to", "referred to"})
_ANY_SERVICE = frozenset(
    {
        *("referral", "referred", "refer", "to", "from", "by", "received", "sent", "for", "the", "a", "of", "and"),
        *("service", "services", "team", "clinic", "department", "request", "requested", "new", "outgoing"),
        *("incoming", "on", "patient", "self", "gp", "routine", "urgent", "practice", "surgery"),
    }
)


def both_ends(compared: Sequence[Likeness]) -> list[tuple[int, int]]:
    """A referral that one source says it sent, and another that it received: the nearest in time first."""
    ends: dict[frozenset[str], tuple[list[int], list[int]]] = {}
    for position, each in enumerate(compared):
        if each.entry.section is Section.REFERRALS and each.occasion:
            end = _end(each.entry)
            service = _service(each.entry)
            if end and service:
                ends.setdefault(service, ([], []))[end == "received"].append(position)
    found = []
    for sent, received in ends.values():
        for one in sent:
            for other in received[:_MOST_TRIED]:
                days = (_date(compared[other].entry.at) - _date(compared[one].entry.at)).days
                # It is received on the day it was sent or after: one received before was another.
                if 0 <= days <= LONGEST_BETWEEN_ENDS and compared[one].source != compared[other].source:
                    found.append((days, one, other))
    return [(one, other) for _, one, other in sorted(found)]


def _date(at: date | datetime | None) -> date:
    assert at is not None, "an event without a date has no occasion"
    return date.fromisoformat(day(at))


def _end(entry: RecordEntry) -> str:
    """Which end of a referral tells of it; "" where it does not say, or says both."""
    said = plain(entry.title)
    names = {name.casefold() for name, _ in entry.details}
    stated = {plain(text) for name, text in entry.details if name.casefold() == "direction"}
    sent = bool(_SENT.search(said)) or bool(names & _SENT_TO) or bool(stated & {"sent", "outgoing", "made"})
    received = bool(_RECEIVED.search(said)) or bool(names & _RECEIVED_FROM) or bool(stated & {"received", "incoming"})
    return "" if sent == received else "sent" if sent else "received"


def _service(entry: RecordEntry) -> frozenset[str]:
    """The words that name the service a referral is to."""
    stated = [text for name, text in entry.details if name.casefold() in _SERVICES]
    return frozenset(plain(stated[0] if stated else entry.title).split()) - _ANY_SERVICE
