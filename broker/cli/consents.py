"""``broker consents``: what FHIR consents say of a request, offline. Opens no database, asks no system, keeps nothing.

The rules are those a release is held to (``policies/broker/fhir_consent``), in the engine inside the broker.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
DENIED, UNUSABLE = 1, 2  # exit codes


@click.group()
def consents() -> None:
    """Say what FHIR consents permit, and try decision vectors."""


@consents.command()
@click.option("--consents", "folder", required=True, type=_FOLDER, help="Folder of FHIR R4 Consents, or Bundles.")
@click.option("--request", "file", required=True, type=_FILE, help="What is asked, as JSON.")
@click.option("--at", help="The instant it is asked at, such as 2026-06-01T10:00:00Z. Else the request's; else now.")
@click.option("--json", "as_json", is_flag=True, help="Write the whole decision as JSON, keys in order.")
def decide(folder: Path, file: Path, at: str | None, as_json: bool) -> None:
    """Permit or deny, by which consent and provision, and why.

    Exit code: 0 permit, 1 deny, or where items are named and none is permitted, 2 unusable input.
    """
    from broker.cli.consent_files import Unusable, question
    from broker.errors import EngineUnavailable

    try:
        answer = _decided(question(folder, file, at=at))
        if "instant-unreadable" in answer["reasons"]:
            raise Unusable("instant-unreadable", file, "the instant is no FHIR instant, such as 2026-06-01T10:00:00Z.")
    except Unusable as unusable:
        click.echo(f"Unusable ({unusable.code}): {unusable.detail}", err=True)
        raise SystemExit(UNUSABLE) from None
    except EngineUnavailable:
        click.echo("Unusable (too-much-at-once): ask about fewer items or consents; there was no time.", err=True)
        raise SystemExit(UNUSABLE) from None
    click.echo(written(answer) if as_json else in_words(answer))
    items = answer["items"]
    if answer["decision"] != "permit" or (items and all(item["decision"] != "permit" for item in items)):
        raise SystemExit(DENIED)


@consents.command("try")
@click.argument("folder", type=_FOLDER)
def try_(folder: Path) -> None:
    """Decide every vector in FOLDER, and say which are decided otherwise than they expect."""
    from broker.cli.consent_files import Unusable, read

    files = sorted(folder.rglob("*.json"))
    wrong = 0
    for file in files:
        try:
            vector = read(file)
            if not isinstance(vector, dict) or not {"input", "expected"} <= vector.keys():
                raise Unusable("not-a-vector", file, "a vector is a JSON object with input and expected.")
            if not isinstance(vector["input"], dict):
                raise Unusable("not-a-vector", file, "its input is no JSON object.")
            if _decided(vector["input"]) == vector["expected"]:
                continue
            said = "decided otherwise than expected"
        except Unusable as unusable:
            said = f"cannot be used ({unusable.code}): {unusable.detail}"
        wrong += 1
        click.echo(f"{file.relative_to(folder)}: {said}")
    click.echo(f"{len(files)} vectors, {len(files) - wrong} decided as expected.")
    if wrong or not files:
        raise SystemExit(DENIED)


def _decided(asked: dict[str, Any]) -> dict[str, Any]:
    from datetime import timedelta

    from broker.access.engines import consents as rules

    return rules.decide(asked, deadline=timedelta(seconds=30))


def written(answer: dict[str, Any]) -> str:
    """The one way a decision is written: keys in order, so that two of them can be compared byte by byte."""
    import json

    return json.dumps(answer, indent=2, sort_keys=True, ensure_ascii=False)


def in_words(answer: dict[str, Any]) -> str:
    """The decision, line by line, for somebody at a terminal."""
    decision = "permit" if answer["decision"] == "permit" else "deny"
    nothing = " (nothing on file speaks of this)" if answer["decision"] == "not-applicable" else ""
    lines = [f"{decision}{nothing}", f"  why: {', '.join(answer['reasons'])}"]
    lines += [f"  by: {_place(place)}" for place in answer["decided_by"]]
    for residual in answer["residuals"]:
        said = ", ".join(sorted(residual.keys() - {"type", "consent", "path"})) or "everything else"
        lines.append(f"  {residual['type']}: {said}, by {_place(residual)}")
    for standing in answer["consents"]:
        if standing["standing"] != "counts":
            lines.append(f"  consent {standing['consent']} is {standing['standing']}: {', '.join(standing['reasons'])}")
    for item in answer["items"]:
        name = item["id"] or f"item {item['item']}"
        by = "; ".join(map(_place, item["decided_by"])) or "nothing"
        lines.append(f"  {name}: {item['decision']} ({', '.join(item['reasons'])}), by {by}")
    return "\n".join(lines)


def _place(place: dict[str, Any]) -> str:
    return f"{place['consent']} {place['path']}" if place["consent"] else "what no consent speaks of"
