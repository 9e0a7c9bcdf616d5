"""The child's side of ``child``: read one job, evaluate it within limits, write one line of JSON for each answer.

A program, started with nothing of its parent's but its modules: it knows no setting and no database, reaches no file
and no network, and imports little, so that it starts at once.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from broker.access.engines import probe, strict
from broker.access.engines.confined import Limits, confine, widen
from broker.errors import Fault

PROBLEMS = "problems"
_PLACE = re.compile(r"--> (?P<file>[^\n]*):(?P<line>\d+):(?P<column>\d+)\s*(?:\n|$)")
_ERROR = re.compile(r"^error: (?P<message>.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Finding:
    """What is wrong with a module, and where. ``line`` and ``column`` are from 1, None where no place can be named."""

    code: str
    message: str
    line: int | None = None
    column: int | None = None
    file: str = ""


def finding_of(error: str, *, file: str = "") -> Finding:
    """An engine's error text as a finding: where, and what is wrong, without the excerpt it may print."""
    place, message = _PLACE.search(error), _ERROR.search(error)
    said = message["message"].strip() if message else strict.brief(ValueError(error))
    if not place:
        return Finding("rego-invalid", said[: strict.LONGEST_NAME], file=file)
    where = (int(place["line"]), int(place["column"]))
    return Finding("rego-invalid", said[: strict.LONGEST_NAME], *where, file=place["file"] or file)


def in_short(finding: Finding) -> str:
    place = f"{finding.file}:{finding.line}:{finding.column}: " if finding.line else ""
    return f"{place}{finding.message}"


def main() -> None:
    """Do the one job on the input, within its limits, and write the answers."""
    import regorus  # everything that needs a file is imported before no more can be opened

    job = json.loads(sys.stdin.buffer.read())
    answers = os.dup(1)
    os.dup2(2, 1)  # what the engine prints of its own accord is no answer
    confine(Limits(*job.pop("limits")), parent=job.pop("parent"), streams=(answers,))
    lines = _ACTS[job.pop("act")](regorus.Engine, **job)
    with os.fdopen(answers, "wb") as out:
        for line in lines:
            out.write(line.encode() + b"\n")
            out.flush()
    os._exit(0)  # nothing is left to tidy, and a large engine takes its time over it


def _evaluate(
    engine_of: Any, *, modules: dict[str, str], data: str, documents: list[str], coverage: bool, questions: list[str]
) -> Iterator[str]:
    engine, fault = _engine(engine_of, modules, data, coverage)
    if fault is not None:
        yield _written({"fault": fault})
        return
    yield _written({"loaded": len(modules)})
    for question in questions:
        yield _answered(engine, question, documents)
    if coverage:
        widen()
        report = json.loads(engine.get_coverage_report_as_json())
        lines = {each["path"]: {name: each[name] for name in ("covered", "not_covered")} for each in report["files"]}
        yield _written(lines)


def _cases(
    engine_of: Any, *, modules: dict[str, str], data: list[str], cases: list[Any], documents: list[str]
) -> Iterator[str]:
    engine, fault = _engine(engine_of, modules, "{}")
    if fault is not None:
        yield _written({"fault": fault})
        return
    yield _written({"loaded": len(modules)})
    given = None
    for place, question in cases:
        if place != given:
            engine.clear_data()
            engine.add_data_json(data[place])
            given = place
        yield _answered(engine, question, documents)


def _engine(engine_of: Any, modules: Mapping[str, str], data: str, coverage: bool = False) -> tuple[Any, str | None]:
    engine = engine_of()
    try:
        engine.set_enable_coverage(coverage)
        for path, text in modules.items():
            strict.check_package(path, engine.add_policy(path, text))
        engine.add_data_json(data)
    except (RuntimeError, Fault) as error:
        return engine, str(error)
    return engine, None


def _answered(engine: Any, question: str, documents: Sequence[str]) -> str:
    """One line: what the engine printed for each document, put together without being read again."""
    parts, problems = [], {}
    try:
        engine.set_input_json(question)
    except RuntimeError as error:
        return _written({**dict.fromkeys(documents), PROBLEMS: {"": strict.brief(error)}})
    for document in documents:
        value = "null"
        try:
            value = engine.eval_rule_as_json(f"data.{document}").replace("\n", "")
        except RuntimeError as error:
            problems[document] = in_short(finding_of(str(error)))
        if value == '"<undefined>"':
            value = "null"
        parts.append(f"{json.dumps(document)}:{value}")
    if problems:
        parts.append(f"{json.dumps(PROBLEMS)}:{json.dumps(problems)}")
    return "{" + ",".join(parts) + "}"


def _check(engine_of: Any, *, modules: dict[str, str]) -> Iterator[str]:
    """Each module alone, then each that could be read evaluated with the others, so that what is undefined shows."""
    packages = {}
    for path, text in modules.items():
        yield _written({"reading": path})
        try:
            packages[path] = engine_of().add_policy(path, text)
        except RuntimeError as error:
            yield _written({"fault": str(error)})
    engine = _together(engine_of, {path: modules[path] for path in packages})
    for path, package in packages.items():
        yield _written({"reading": path})
        try:
            engine.eval_query_as_json(_reference(package))
        except RuntimeError as error:
            yield _written({"fault": str(error)})


def _together(engine_of: Any, modules: Mapping[str, str]) -> Any:
    engine = engine_of()
    for path, text in modules.items():
        engine.add_policy(path, text)
    engine.set_input_json(json.dumps(dict(probe.QUESTION)))
    return engine


def _reference(package: str) -> str:
    """``data.conditions.MG-ADVICE``, as the engine names a package, as a query for it."""
    return "data" + "".join(f"[{json.dumps(part)}]" for part in package.split(".")[1:])


def _written(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_ACTS: dict[str, Callable[..., Iterator[str]]] = {"evaluate": _evaluate, "cases": _cases, "check": _check}

if __name__ == "__main__":
    main()
