"""How the story is told: what is said, what is promised and checked, and requests over real HTTP. Knows no story."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from rich.console import Console
from rich.table import Table

from broker.demonstration.proving import new_key, proof
from broker.vocabulary import Section


@dataclass(frozen=True)
class Answer:
    """What came back: the status, and the body as JSON."""

    status: int
    body: Any


@dataclass
class Teller:
    """Says what happens, and keeps count of the promises that did not hold."""

    console: Console
    base: str
    broken: list[str] = field(default_factory=list)
    key: Any = field(default_factory=new_key)  # what a system's tokens are bound to
    bound: set[str] = field(default_factory=set)  # those tokens

    def chapter(self, title: str) -> None:
        self.console.print(f"\n[bold]{title}[/bold]")

    def say(self, text: str) -> None:
        self.console.print(f"  {text}", markup=False)

    def promise(self, text: str, held: bool) -> None:
        self.console.print(f"  [{'green' if held else 'red'}]{'✓' if held else '✗'}[/] ", end="")
        self.console.print(text, markup=False)
        if not held:
            self.broken.append(text)

    def call(self, method: str, path: str, *, token: str | None = None, body: Any = None, form: Any = None) -> Answer:
        """One request to the broker. Refusals are answers, so they are returned like any other."""
        headers = {"Accept": "application/json"}
        data = None
        if body is not None:
            headers["Content-Type"], data = "application/json", json.dumps(body).encode()
        if form is not None:
            headers["Content-Type"], data = "application/x-www-form-urlencoded", urlencode(form).encode()
        if token is not None:
            headers["Authorization"] = f"{'DPoP' if token in self.bound else 'Bearer'} {token}"
        if form is not None or token in self.bound:
            headers["DPoP"] = proof(self.key, method, self.base + path, token=token)
        request = Request(self.base + path, data=data, headers=headers, method=method)  # our own address
        try:
            with urlopen(request, timeout=15) as answer:
                return Answer(answer.status, json.loads(answer.read() or b"null"))
        except HTTPError as error:
            return Answer(error.code, json.loads(error.read() or b"null"))


def say_reasons(teller: Teller, body: Any) -> None:
    """Each reason once, with the sections it holds for; a reason that holds for some sources alone names them."""
    said: dict[tuple[str, str, str], list[str]] = {}
    for reason in (body or {}).get("reasons", []):
        section = Section(reason["section"]).label if reason.get("section") else "All of it"
        said.setdefault((reason["detail"], reason["code"], ", ".join(reason["sources"])), []).append(section)
    for (detail, code, sources), sections in said.items():
        teller.say(f"{', '.join(sections)}: {detail} ({code}{'; ' + sources if sources else ''})")


def show_view(teller: Teller, body: Mapping[str, Any]) -> None:
    table = Table("Section", "Entries", "From", "Not shown, or missing", box=None, pad_edge=False)
    for part in body["sections"]:
        from_ = sorted({source for entry in part["entries"] for source in _sources(entry)})
        missing = [f"{gap['label']} {gap['detail']}" for gap in part["gaps"]]
        if part["withheld"]:
            missing.append("some is withheld")
        if part["silence"]:
            missing.insert(0, part["silence"])
        titles = "; ".join(entry["title"] for entry in part["entries"][:2])
        count = f"{len(part['entries'])}" + (f": {titles}" if titles else "")
        table.add_row(part["label"], count, ", ".join(from_), "; ".join(missing))
    teller.console.print(table)
    states = ", ".join(f"{status['label']}: {status['state']}" for status in body["sources"])
    teller.say(f"Sources: {states}")
    teller.say(f"Agreements relied on: {', '.join(body['agreements'])}")
    for duty in body["obligations"]:
        teller.say(f"Condition: {duty['label']}")


def _sources(entry: Mapping[str, Any]) -> list[str]:
    return [entry["source"], *(other["source"] for other in entry["also_from"])]
