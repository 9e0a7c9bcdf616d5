"""Evaluate rules in a child process, within limits: drafts, tests, replays, the playground. Never in a request's path.

What the child does is ``child_work``; this is the side that asks, and that kills it at its limits (``confined``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from broker.access.engines import DECISION, Bundle, strict
from broker.access.engines.child_work import PROBLEMS, Finding, finding_of, in_short
from broker.access.engines.confined import Limits, running
from broker.errors import EngineUnavailable, EngineUnclear, Fault

__all__ = ["DECISION", "PROBLEMS", "Case", "Finding", "Limits", "check", "evaluate", "evaluate_cases"]

_MODULE = "broker.access.engines.child_work"
_CHECKING = Limits(cpu_seconds=5, memory_mb=256, wall_seconds=10.0)


@dataclass(frozen=True)
class Case:
    """A question and the data it is put to, ``{"sharing": …}``."""

    question: Mapping[str, Any]
    data: Mapping[str, Any]


def evaluate(
    bundle: Bundle,
    questions: Sequence[Mapping[str, Any] | str],
    *,
    documents: Sequence[str] = (DECISION,),
    coverage: bool = False,
    workers: int = 1,
    limits: Limits | None = None,
) -> Iterator[dict[str, Any]]:
    """What each of ``documents`` is for each question, ``{"<document>": value, …}``, in the order of the questions.

    A document that is undefined or cannot be evaluated is None; why not is in ``{"problems": {"<document>": text}}``,
    where there is any. With ``coverage`` one item follows the last: ``{"coverage": {path: {"covered": [line, …],
    "not_covered": [line, …]}}}``. Each of ``workers`` children has ``limits`` of its own.

    Raises EngineUnavailable, naming the limit, where a child is stopped or dies; EngineUnclear where the bundle cannot
    be loaded, or a question cannot be written as JSON.
    """
    strict.check_bundle(bundle)
    texts = [question if isinstance(question, str) else strict.to_json(question) for question in questions]
    count = max(1, min(workers, len(texts)))
    job = {
        "act": "evaluate",
        "modules": dict(sorted(bundle.modules.items())),
        "data": strict.data_of(bundle),
        "documents": list(documents),
        "coverage": coverage,
    }
    with ExitStack() as stack:
        children = [stack.enter_context(_started({**job, "questions": texts[n::count]}, limits)) for n in range(count)]
        for lines in children:
            _loaded(next(lines, b""))
        for number in range(len(texts)):
            yield _line(next(children[number % count], b""))
        if coverage:
            yield {"coverage": _merged([_line(next(lines, b"")) for lines in children])}


def evaluate_cases(
    modules: Mapping[str, str], cases: Sequence[Case], *, documents: Sequence[str], limits: Limits | None = None
) -> list[dict[str, Any]]:
    """What each of ``documents`` is in each case, as ``evaluate`` gives them, by one child for them all.

    For asking the same rules again about data that differ a little. Raises as ``evaluate`` does.
    """
    for path, text in modules.items():
        strict.check_module(path, text)
    texts: dict[str, int] = {}  # each document of data once, with its number
    asked = [[texts.setdefault(strict.to_json(c.data), len(texts)), strict.to_json(c.question)] for c in cases]
    job = {"act": "cases", "modules": dict(sorted(modules.items())), "data": list(texts), "cases": asked}
    with _started({**job, "documents": list(documents)}, limits) as lines:
        _loaded(next(lines, b""))
        return [_line(next(lines, b"")) for _ in cases]


def check(modules: Mapping[str, str], *, limits: Limits | None = None) -> list[Finding]:
    """What the engine has against ``modules``, by path: each read alone, then all together. No text makes it raise.

    What does not end in time, or wants too much memory, is a finding too.
    """
    found = [finding for path, text in sorted(modules.items()) for finding in _too_much(path, text)]
    safe = {path: text for path, text in sorted(modules.items()) if path not in {each.file for each in found}}
    return found + _checked(safe, limits or _CHECKING)


def _too_much(path: str, text: str) -> list[Finding]:
    try:
        strict.check_module(path, text)
    except EngineUnclear as fault:
        message = str(fault).removeprefix(f"{path}: ")
        return [Finding("rego-unsafe", f"This is not given to the engine: {message}. Simplify it.", file=path)]
    return []


def _checked(modules: Mapping[str, str], limits: Limits) -> list[Finding]:
    found, reading = [], ""
    try:
        with _started({"act": "check", "modules": dict(modules)}, limits) as lines:
            for line in lines:
                said = _line(line)
                reading = said.get("reading", reading)
                if "fault" in said:
                    found.append(finding_of(said["fault"], file=reading))
    except EngineUnavailable as fault:
        # What stopped it says nothing of the others, which are then read without it.
        rest = {path: text for path, text in modules.items() if path != reading} if reading else {}
        found = [Finding("rego-stopped", f"{_sentence(fault)} Make it simpler.", file=reading)]
        found += _checked(rest, limits) if rest else []
    return list(dict.fromkeys(found))


def _sentence(fault: Fault) -> str:
    text = str(fault)
    return f"{text[:1].upper()}{text[1:]}."


def _started(job: Mapping[str, Any], limits: Limits | None) -> Any:
    bound = limits or Limits()
    whole = {**job, "parent": os.getpid(), "limits": [bound.cpu_seconds, bound.memory_mb, bound.wall_seconds]}
    return running(_MODULE, strict.to_json(whole).encode(), bound)


def _line(line: bytes) -> dict[str, Any]:
    said = strict.from_json(line)
    if not isinstance(said, dict):
        raise EngineUnclear("the child process wrote something that is no answer")
    return said


def _loaded(line: bytes) -> None:
    said = _line(line)
    if "fault" in said:
        raise EngineUnclear(f"the rules could not be loaded: {in_short(finding_of(said['fault']))}")


def _merged(reports: Sequence[Mapping[str, Mapping[str, list[int]]]]) -> dict[str, dict[str, list[int]]]:
    """One report of several: a line is covered where any child covered it."""
    covered: dict[str, set[int]] = {}
    known: dict[str, set[int]] = {}
    for report in reports:
        for path, lines in report.items():
            covered.setdefault(path, set()).update(lines["covered"])
            known.setdefault(path, set()).update(lines["covered"], lines["not_covered"])
    return {
        path: {"covered": sorted(covered[path]), "not_covered": sorted(known[path] - covered[path])} for path in known
    }
