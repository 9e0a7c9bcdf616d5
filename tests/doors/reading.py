"""How the tests read the FHIR side: as somebody, for a purpose, and what came back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from broker.records.source import Provenance, RecordEntry, ResidentIdentity, SourceAnswer
from broker.settings import Settings
from broker.vocabulary import Section
from tests.doors.conftest import House, build_house
from tests.people import NOON, SURGERY, ToldSource

PURPOSE = "X-Purpose-Of-Use"


@dataclass
class Reader:
    """Somebody with a token, who reads for a purpose."""

    house: House
    token: str
    purpose: str | None = "direct-care"
    headers: Mapping[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Any:
        return self.ask("GET", path, headers)

    def post(self, path: str, form: Mapping[str, str], **headers: str) -> Any:
        return self.ask("POST", path, headers, data=form)

    def ask(self, method: str, path: str, headers: Mapping[str, str], **options: Any) -> Any:
        sent = {"Authorization": f"Bearer {self.token}", **self.headers}
        if self.purpose is not None:
            sent[PURPOSE] = self.purpose
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.house.client.open(local(path), method=method, headers=sent, **options)


def local(url: str) -> str:
    """The part of an address that this house answers at."""
    parts = urlsplit(url)
    path = parts.path if parts.path.startswith("/fhir") else f"/fhir/{parts.path}"
    return f"{path}?{parts.query}" if parts.query else path


def found(answer: Any, mode: str = "match") -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return [each["resource"] for each in answer.get_json().get("entry", ()) if each["search"]["mode"] == mode]


def names(answer: Any) -> list[str]:
    """What each thing found is called, in order."""
    return [str(each.get("code", {}).get("text") or each.get("name")) for each in found(answer)]


def link(answer: Any, relation: str) -> str | None:
    return next((each["url"] for each in answer.get_json()["link"] if each["relation"] == relation), None)


def codes(answer: Any) -> list[str]:
    """Our own codes of what an OperationOutcome, or a bundle's, says."""
    body = answer.get_json()
    if body["resourceType"] == "Bundle":
        issues = [issue for each in found(answer, "outcome") for issue in each["issue"]]
    else:
        issues = body["issue"]
    return [issue["details"]["coding"][0]["code"] for issue in issues]


@dataclass
class Holding(ToldSource):
    """A source that holds entries as they are given."""

    entries: tuple[RecordEntry, ...] = ()
    at_most: frozenset[Section] = frozenset(Section)

    @property
    def sections(self) -> frozenset[Section]:
        return self.at_most

    async def fetch(self, resident: ResidentIdentity, sections: frozenset[Section]) -> SourceAnswer:
        self.asked.append(sections)
        if self.fault is not None:
            raise self.fault
        return SourceAnswer(entries=tuple(entry for entry in self.entries if entry.section in sections))


def entry(section: Section, number: int, title: str, **changes: Any) -> RecordEntry:
    """Something the surgery holds; the higher its number, the longer ago."""
    kept = {"at": NOON.date() - timedelta(days=number), **changes}
    return RecordEntry(f"{section.value}-{number}", section, title, Provenance("millrace-gp", NOON, SURGERY), **kept)


USUAL = (
    entry(Section.DEMOGRAPHICS, 1, "Ada Okoro"),
    entry(Section.ALLERGIES, 1, "Penicillin"),
    entry(Section.PROBLEMS, 1, "Diabetes"),
    entry(Section.PROBLEMS, 2, "Asthma"),
    entry(Section.HOUSING, 1, "Lives alone"),
)


def built(folder: Path, template: Path) -> Iterator[House]:
    """A house whose surgery holds what a test gives it, for tests that change nothing else."""
    often = {"lookups_per_minute": 10**6, "lookups_per_day": 10**6, "decision_deadline_ms": 60_000}
    for house in build_house(Settings(data_folder=folder / "var", demonstration=True, **often), template=template):
        house.sources["millrace-gp"] = Holding("millrace-gp", SURGERY, entries=USUAL)
        yield house


def hold(house: House, *entries: RecordEntry) -> None:
    """From now on the surgery holds exactly these."""
    source = house.sources["millrace-gp"]
    assert isinstance(source, Holding)
    source.entries = entries
