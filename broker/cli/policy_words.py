"""What ``broker policies`` prints: each result in words that fit 100 columns, or as JSON. Works nothing out."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from itertools import groupby
from typing import Any

import click

from broker.agreements.findings import Finding
from broker.agreements.models import PolicyRevision
from broker.cli.policy_tools import Opa
from broker.governance.explaining import Explanation
from broker.governance.fidelity import Fidelity
from broker.governance.playground import Covered, Played
from broker.governance.revisions import Altered
from broker.governance.ruletests import Report
from broker.vocabulary import DenialReason, Obligation, Purpose, Role, Section, Sensitivity

WIDTH = 100
MOST_ROWS = 40  # of a table; the rest is in the JSON


def say(text: str, *, indent: str = "") -> None:
    """``text``, wrapped, later lines further in."""
    click.echo(textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  "))


def as_json(value: Any) -> None:
    click.echo(json.dumps(plain(value), indent=2, ensure_ascii=False))


def plain(value: Any) -> Any:
    """``value`` with its dataclasses as objects, so that JSON can say it."""
    if is_dataclass(value) and not isinstance(value, type):
        shown = [each.name for each in fields(value) if each.repr]
        return {name: plain(getattr(value, name)) for name in shown}
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(part) for part in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def findings(found: Sequence[Finding], *, files: int) -> None:
    for each in found:
        place = ":".join(str(part) for part in (each.file, each.line, each.column) if part)
        say(f"{place}: {each.code}: {each.message}")
    said = f"{len(found)} to put right" if found else "nothing is wrong"
    click.echo(f"{files} {'file' if files == 1 else 'files'}: {said}.")


def by_opa(opa: Opa) -> None:
    if not opa.ran:
        click.echo("OPA is not on the PATH, so opa fmt and opa check were not run.")
    else:
        click.echo(opa.said or "OPA agrees: opa fmt and opa check --strict find nothing.")


def tests(report: Report) -> None:
    for test in report.failed:
        say(f"FAIL {test.file}:{test.line} {test.name} {test.problem}".rstrip())
    for path, lines in report.coverage.items():
        if lines.not_covered:
            say(f"{path}: {lines.share} %, not lines {_ranges(lines)}", indent="  ")
    passed = len(report.tests) - len(report.failed)
    if not report.tests:
        click.echo("There is no test: no rule called test_… in a file called …_test.rego.")
        return
    click.echo(f"{passed} passed, {len(report.failed)} failed; {report.share} % of the rules' lines are reached.")


def _ranges(lines: Covered) -> str:
    """``3, 7-9``."""
    runs = [[n for _, n in run] for _, run in groupby(enumerate(lines.not_covered), lambda each: each[1] - each[0])]
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def revisions(found: Sequence[PolicyRevision], *, as_json: bool) -> None:
    if as_json:
        names = ("revision", "digest", "restores", "published_by", "published_at")
        rows = [{name: getattr(each, name) for name in names} for each in found]
        click.echo(json.dumps(rows, indent=2, default=lambda instant: instant.isoformat()))
        return
    for place, each in enumerate(found):
        mark = "in force" if place == 0 else ""
        back = f" puts back {each.restores.rpartition('/')[2][:12]}" if each.restores else ""
        click.echo(
            f"{each.digest[:12]}  {each.published_at:%Y-%m-%d %H:%M:%S} UTC  {mark:<8}  {each.published_by}{back}"
        )
    if not found:
        click.echo("Nothing has been published. See: broker policies publish")


def differences(found: Sequence[Altered], before: str, after: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"before": before, "after": after, "differences": plain(found)}, indent=2))
        return
    click.echo(f"From {_short(before)}\n  to {_short(after)}")
    for each in found:
        say(each.sentence, indent="  ")
    if not found:
        click.echo("  Nothing is different.")


def _short(revision: str) -> str:
    instant, _, digest = revision.rpartition("/")
    return f"{instant} {digest[:12]}"


def explanation(found: Explanation, register: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_explained(found, register), indent=2, ensure_ascii=False))
        return
    if register != "ig-lead":
        for sentence in found.for_resident if register == "resident" else found.for_requester:
            say(sentence)
        if not (found.for_resident if register == "resident" else found.for_requester):
            click.echo("There is nothing to tell.")
        return
    _for_ig_lead(found)


def _for_ig_lead(found: Explanation) -> None:
    if found.problem:
        say(f"The rules could not be asked again: {found.problem}")
    elif not found.same:
        say("The rules, asked again, do not answer as is recorded. See: broker policies replay")
    for row in found.rows:
        said = f"refused by {row.layer.label.lower()}: {', '.join(row.reasons)}" if row.layer else "permitted"
        under = f" under {', '.join(row.agreements)}" if row.agreements else ""
        say(f"{row.section.value} from {row.source}: {said}{under}")
    for finding in found.for_ig_lead:
        say(f"[{finding.layer} / {finding.reason}] {finding.sentence} {finding.hint}".rstrip())
    _listed("Nearest agreements", map(str, found.near_misses))
    _listed("What would have made it allowed", map(str, found.would_allow))
    _listed("Left out of what is permitted", (f"{label}: {why}" for label, why in found.left_out.items()))


def _listed(title: str, lines: Iterable[str]) -> None:
    for place, line in enumerate(lines):
        if place == 0:
            click.echo(f"{title}:")
        say(line, indent="  ")


def _explained(found: Explanation, register: str) -> Any:
    if register != "ig-lead":
        return list(found.for_resident if register == "resident" else found.for_requester)
    wanted = ("rows", "for_ig_lead", "near_misses", "would_allow", "left_out", "same", "problem")
    return {name: plain(getattr(found, name)) for name in wanted}


def impact(report: Mapping[str, Any], digest: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"digest": digest, "report": report}, indent=2, ensure_ascii=False))
        return
    requests, fidelity, totals = report["requests"], report["fidelity"], report["totals"]
    click.echo(f"{report['agreement']}, version {report['version']}, text {report['digest'][:12]}")
    say(
        f"Compared on {requests['recorded']} recorded and {requests['synthetic']} made-up requests "
        f"({requests['distinct']} distinct). Of {fidelity['replayed']} recorded decisions made again, "
        f"{fidelity['same']} came out the same."
    )
    _table("Gains", report["gains"], ("organisation", "purpose", "role", "section", "requests", "residents"))
    _table("Losses", report["losses"], ("organisation", "purpose", "role", "section", "requests", "residents"))
    _table("Sensitivities gained", report["labels_gained"], ("organisation", "section", "label"))
    _listed("Named in approving, with a reason", (_row_said(row) for row in report["sensitive"]))
    _listed("In all", (f"{name}: {_flat(value)}" for name, value in totals.items()))
    click.echo(f"Report {digest[:12]} is signed and kept.")


def _table(title: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Rows of words, each column as wide as it must be, cut to the page; nothing where there are none."""
    if not rows:
        return
    said = [[word(str(row.get(name, ""))) for name in columns] for row in rows[:MOST_ROWS]]
    wide = [min(24, max(len(each[place]) for each in (columns, *said))) for place in range(len(columns))]
    click.echo(f"{title}:")
    for cells in (columns, *said):
        line = "  ".join(f"{cell[:size]:<{size}}" for cell, size in zip(cells, wide, strict=True))
        click.echo(f"  {line}".rstrip()[:WIDTH])
    if len(rows) > MOST_ROWS:
        click.echo(f"  and {len(rows) - MOST_ROWS} more; --json has them all")


def _row_said(row: Any) -> str:
    return ", ".join(word(str(value)) for value in row.values()) if isinstance(row, Mapping) else word(str(row))


def _flat(value: Any) -> str:
    return ", ".join(f"{key} {part}" for key, part in value.items()) if isinstance(value, Mapping) else str(value)


def word(code: str) -> str:
    """A code's plain label; itself where it is no code."""
    for words in (Section, Purpose, Role, Sensitivity, DenialReason, Obligation):
        if code in list(words):
            return words(code).label
    return code


def fidelity(found: Fidelity, *, as_json: bool) -> None:
    said = {**plain(found), "different": found.different, "holds": found.holds}
    if as_json:
        click.echo(json.dumps(said, indent=2))
        return
    say(
        f"{found.replayed} decisions were made again: {found.same} came out the same, {found.different} did not. "
        f"{found.unanswered} were refused by the broker itself, and {found.unknown} by rules no longer kept."
    )
    _listed("Different", found.examples)


def played(found: Played, *, as_json: bool) -> None:
    if as_json:
        explained = _explained(found.explanation, "ig-lead") if found.explanation else None
        said = {"answer": found.answer, "explanation": explained, "problem": found.problem}
        click.echo(json.dumps({**said, "coverage": plain(found.coverage)}, indent=2, ensure_ascii=False))
        return
    if found.problem:
        say(found.problem)
    if found.explanation:
        _for_ig_lead(found.explanation)
    _listed("Lines that had a part in it", (f"{path}: {lines.share} %" for path, lines in found.coverage.items()))
