"""What changes between two versions, in plain sentences by kind. Compares nothing itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from broker.agreements.difference import Change, ChangeKind, Difference
from broker.web.governance.acting import names_of

HEADINGS = {
    ChangeKind.WIDER: "Newly allowed",
    ChangeKind.NARROWER: "Newly refused",
    ChangeKind.COMPATIBLE: "Other changes",
}


@dataclass(frozen=True)
class Group:
    """The changes of one kind, in sentences under their heading."""

    heading: str
    sentences: tuple[str, ...]


def grouped(changes: Difference) -> list[Group]:
    """What is newly allowed, newly refused and neither, in that order; a kind without changes is left out."""
    codes = {str(code) for change in changes.changes for code in change.codes}
    names = names_of(*codes) if codes else {}
    groups = [
        Group(heading, tuple(_named(change, names) for change in changes.changes if change.kind is kind))
        for kind, heading in HEADINGS.items()
    ]
    return [group for group in groups if group.sentences]


def _named(change: Change, names: dict[str, str]) -> str:
    """A change's sentence, with an organisation's name where it says its code."""
    sentence = change.sentence
    for code in map(str, change.codes):
        if names[code] != code:
            pieces = re.split(rf"(?<![\w-]){re.escape(code)}(?![\w-])", sentence)
            sentence = names[code].join(pieces)
    return sentence
