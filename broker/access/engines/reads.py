"""What the text of a bundle's rules reads, as far as it says so plainly: the question's time, and which agreements.

Looks at text and evaluates nothing. Where it cannot be sure it says that everything is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

# What hides a word of Rego: a comment, a string, a raw string.
_HIDDEN = re.compile(r'#[^\n]*|"(?:\\.|[^"\\\n])*"|`[^`]*`')
_INPUT = re.compile(r"\binput\b((?:\.\w+)*)")
_DATA = re.compile(r"\bdata\b(?!\.broker\.|\.conditions\[)((?:\.\w+)*)")
_NARROWING = re.compile(r"\bdata\.sharing\.agreements\[narrowing\]")

# What a question may read of itself for its answer to hold until the instant the answer names.
_TIMELESS = frozenset({".request.purpose", ".request.sections"})
_CHANGING = re.compile(r"\b(?:data|http|io|net|opa|rand|time|uuid)\b")  # what may differ from one moment to the next
_FIRST = '{"agreements":'  # canonical JSON has its names in order, and no other part comes before this one


def words_of(text: str) -> str:
    """``text`` without what hides a word."""
    return _HIDDEN.sub('""', text)


def own_conditions(modules: Mapping[str, str]) -> list[str]:
    """The words of each agreement's own conditions."""
    return [words_of(text) for path, text in modules.items() if path.lstrip("/").startswith("conditions/")]


def hold_until_they_say(modules: Mapping[str, str]) -> bool:
    """Whether an answer holds until its ``valid_until``: whether no agreement's own conditions could read the time.

    Nor the request's id, or anything outside the question: they read what it is for and which sections, or nothing.
    """
    for words in own_conditions(modules):
        if _CHANGING.search(words) or not set(_INPUT.findall(words)) <= _TIMELESS:
            return False
    return True


def only_narrowings(modules: Mapping[str, str]) -> bool:
    """Whether the rules look up no agreement but one that narrows another: chains say all else."""
    if any(re.search(r"\bdata\b", words) for words in own_conditions(modules)):
        return False
    seen = [words_of(text) for text in modules.values()]
    read = [path for words in seen for path in _DATA.findall(_NARROWING.sub("found", words))]
    return all(_names_another_part(path) for path in read)


def _names_another_part(path: str) -> bool:
    return path.startswith(".sharing.") and path.split(".")[2] != "agreements"


def without_others(written: str) -> str:
    """``written``, the data's canonical JSON, with only those of its agreements that narrow another.

    As it is, where it is not such a document.
    """
    if not written.startswith(_FIRST):
        return written
    try:
        agreements, end = json.JSONDecoder().raw_decode(written, len(_FIRST))
        kept = {id: agreements[id] for id in sorted(_narrowing(agreements.values())) if id in agreements}
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return written
    return _FIRST + json.dumps(kept, separators=(",", ":"), ensure_ascii=False) + written[end:]


def _narrowing(agreements: Iterable[Mapping[str, Any]]) -> set[str]:
    return {id for entry in agreements for ids in entry["narrowed_by"].values() for id in ids}
