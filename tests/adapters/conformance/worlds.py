"""A world for each kind of source: how to make a real one hold something, so that one suite can test every adapter.

A new adapter adds a world here and changes no test.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from broker.records.source import Asker, ResidentIdentity
from broker.vocabulary import NHS_NUMBER, Purpose, Role, Section
from tests.adapters.listener import Reply, Request, as_json

CARE = Asker("XX9T01", Role.CLINICIAN, Purpose.DIRECT_CARE, request="a-request", person="a-worker")
ADA = ResidentIdentity("9990000018", date(1964, 3, 14), asked_by=CARE)
STRANGER = ResidentIdentity("9990000034", date(1971, 9, 2))


@dataclass(frozen=True)
class Holding:
    """What a source holds: ``items`` for one section of one person, a page at a time, and ``unknown`` things beside."""

    items: int = 3
    person: ResidentIdentity = ADA
    per_page: int = 100
    unknown: int = 0

    def about(self, person: ResidentIdentity) -> Holding:
        return replace(self, person=person)


class NetworkWorld:
    """A source over HTTP. ``answer`` gives the reply to a request; ``personal`` says whether it is told of somebody.

    ``names_in`` is the one place where its protocol puts the NHS number into an address, where it does: ``path``, or
    the name of a parameter of the query. It stands nowhere else, in no header, and no date of birth stands anywhere.
    """

    kind: str
    personal: bool
    section: Section
    media: str
    paged = True  # whether a long answer comes in pages, each asked for
    names_in: str = ""

    def configuration(self, url: str) -> dict[str, Any]:
        return {"base_url": url}

    def answer(self, holding: Holding, request: Request, url: str) -> Reply:
        raise NotImplementedError


class FhirWorld(NetworkWorld):
    kind, personal, section, media = "fhir-r4", True, Section.ALLERGIES, "application/fhir+json"

    def answer(self, holding: Holding, request: Request, url: str) -> Reply:
        if request.path.endswith("/metadata"):
            return as_json(_CAPABILITY, media=self.media)
        page = int((request.all("page") or ["0"])[0])
        first = page * holding.per_page
        shown = [_allergy(number) for number in range(first, min(first + holding.per_page, holding.items))]
        entries = [_entry(resource, url, "include") for resource in shown]
        if page == 0:
            entries.insert(0, _entry(_patient(holding.person), url, "match"))
            entries += [
                _entry({"resourceType": "Basic", "id": f"b{n}"}, url, "include") for n in range(holding.unknown)
            ]
        echoed = "&".join(f"_revinclude={value}" for value in request.all("_revinclude"))
        links = [{"relation": "self", "url": f"{url}/Patient?{echoed}"}]
        if first + holding.per_page < holding.items:
            links.append({"relation": "next", "url": f"{url}/Patient?page={page + 1}"})
        bundle = {"resourceType": "Bundle", "type": "searchset", "total": 1, "link": links, "entry": entries}
        return as_json(bundle, media=self.media)


_CAPABILITY = {
    "resourceType": "CapabilityStatement",
    "fhirVersion": "4.0.1",
    "rest": [{"resource": [{"type": "Patient"}, {"type": "AllergyIntolerance"}]}],
}


def _entry(resource: Mapping[str, Any], url: str, mode: str) -> dict[str, Any]:
    return {
        "fullUrl": f"{url}/{resource['resourceType']}/{resource['id']}",
        "resource": resource,
        "search": {"mode": mode},
    }


def _patient(person: ResidentIdentity) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": "p1",
        "identifier": [{"system": NHS_NUMBER, "value": person.nhs_number}],
        "birthDate": person.born_on.isoformat(),
        "name": [{"family": "Bright", "given": ["Ada"]}],
    }


def _allergy(number: int) -> dict[str, Any]:
    return {
        "resourceType": "AllergyIntolerance",
        "id": f"a{number}",
        "patient": {"reference": "Patient/p1"},
        "code": {"text": f"Substance {number}"},
    }


class DirectoryWorld(NetworkWorld):
    kind, personal, section, media = "open-referral-uk", False, Section.SIGNPOSTING, "application/json"

    def answer(self, holding: Holding, request: Request, url: str) -> Reply:
        if request.path.endswith("/base/"):
            return as_json({"version": "3.0", "profile": "Open Referral UK"})
        number = int(request.all("page")[0])
        first = (number - 1) * holding.per_page
        services: list[Any] = [
            {"id": f"s{n}", "name": f"Service {n}", "status": "active"}
            for n in range(first, min(first + holding.per_page, holding.items))
        ]
        if number == 1:
            services += [{"id": f"u{n}"} for n in range(holding.unknown)]  # no name: not a service
        pages = max(1, -(-holding.items // holding.per_page))
        return as_json(
            {
                "total_items": holding.items,
                "total_pages": pages,
                "page_number": number,
                "last_page": number >= pages,
                "contents": services,
            }
        )


class FileWorld:
    """A source that is files. ``write`` makes them in a folder; ``header`` and ``row`` let a test spoil them."""

    kind: str
    personal = True
    section: Section
    header: tuple[str, ...]

    def configuration(self, folder: Path) -> dict[str, Any]:
        raise NotImplementedError

    def row(self, person: ResidentIdentity, number: int) -> list[str]:
        raise NotImplementedError

    def file(self, folder: Path) -> Path:
        return folder / "export.csv"

    def parts(self, folder: Path) -> dict[str, Any]:
        """What else its adapter is built with."""
        return {}

    def write(self, holding: Holding, folder: Path) -> None:
        rows = [self.row(holding.person, number) for number in range(holding.items)]
        rows += [self.not_understood(holding.person, number) for number in range(holding.unknown)]
        with self.file(folder).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([self.header, *rows])

    def not_understood(self, person: ResidentIdentity, number: int) -> list[str]:
        raise NotImplementedError


class CldWorld(FileWorld):
    kind, section = "cld-csv", Section.SERVICES
    header = (
        *("LA_Name", "Reporting_Period_Start_Date", "Reporting_Period_End_Date", "NHS_Number"),
        *("LA_Person_Unique_Identifier", "Date_of_Birth", "Event_Type", "Event_Reference", "Event_Start_Date"),
        "Service_Type",
    )

    def configuration(self, folder: Path) -> dict[str, Any]:
        return {"folder": str(folder)}

    def row(self, person: ResidentIdentity, number: int, kind: str = "Service") -> list[str]:
        period = ["Testbourne Council", "2026-04-01", "2026-06-30"]
        who = [person.nhs_number or "", "LA-1", person.born_on.isoformat()]
        return [*period, *who, kind, f"E{number}", "2026-05-01", f"Service {number}"]

    def not_understood(self, person: ResidentIdentity, number: int) -> list[str]:
        return self.row(person, 9000 + number, "Something else")


@dataclass
class CaseworkWorld(FileWorld):
    kind: str = "casework-csv"
    section: Section = Section.MONEY
    header: tuple[str, ...] = ("NHS no", "Born", "Matter", "Opened", "Summary")
    mapping: dict[str, Any] = field(
        default_factory=lambda: {
            "section": "money-and-benefits",
            "title_column": "Summary",
            "date_column": "Opened",
            "when": {"Matter": "Debt"},
        }
    )

    def configuration(self, folder: Path) -> dict[str, Any]:
        return {
            "path": str(self.file(folder)),
            "nhs_number_column": "NHS no",
            "born_on_column": "Born",
            "date_format": "%d/%m/%Y",
            "entries": [self.mapping],
        }

    def row(self, person: ResidentIdentity, number: int, matter: str = "Debt") -> list[str]:
        return [person.nhs_number or "", f"{person.born_on:%d/%m/%Y}", matter, "01/05/2026", f"Matter {number}"]

    def not_understood(self, person: ResidentIdentity, number: int) -> list[str]:
        return self.row(person, 9000 + number, "Gardening")


# Here, for each builds on what is above.
from tests.adapters.conformance import world_extracts, world_national  # noqa: E402
from tests.adapters.conformance.world_gp_connect import GpConnectWorld  # noqa: E402
from tests.adapters.conformance.world_hosted import HostedWorld  # noqa: E402

NETWORK: tuple[NetworkWorld, ...] = (FhirWorld(), DirectoryWorld(), GpConnectWorld(), *world_national.WORLDS)
FILES: tuple[FileWorld, ...] = (CldWorld(), CaseworkWorld(), *world_extracts.WORLDS)
EVERY: tuple[NetworkWorld | FileWorld, ...] = (*NETWORK, *FILES, HostedWorld())
