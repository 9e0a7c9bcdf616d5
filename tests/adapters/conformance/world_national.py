"""The national services as a world of the conformance suite: demographics, the record locator, patient flags."""

from __future__ import annotations

from typing import Any

from broker.records.source import ResidentIdentity
from broker.vocabulary import Section
from tests.adapters.conformance.worlds import Holding, NetworkWorld
from tests.adapters.listener import Reply, Request, as_json
from tests.adapters.national_people import FHIR, Resource, flag, named, page, person, pointer, refused


def paged(holding: Holding, request: Request, make: Any, url: str, first: list[Resource] | None = None) -> Resource:
    """One page of what is held, with a link to the next; what is not understood, and ``first``, on the first."""
    number = int((request.all("page") or ["0"])[0])
    start = number * holding.per_page
    shown = [make(n) for n in range(start, min(start + holding.per_page, holding.items))]
    if number == 0:
        shown = [*(first or []), *shown, *({"resourceType": "Basic", "id": f"b{n}"} for n in range(holding.unknown))]
    more = {"relation": "next", "url": f"{url}?page={number + 1}"}
    return page(shown, link=[more] if start + holding.per_page < holding.items else [])


class NationalWorld(NetworkWorld):
    personal, media = True, FHIR

    def configuration(self, url: str) -> dict[str, Any]:
        return {"base_url": url, "per_second": 1000}


class PdsWorld(NationalWorld):
    kind, section, names_in = "pds-fhir", Section.CONTACTS, "path"

    def answer(self, holding: Holding, request: Request, url: str) -> Reply:
        if request.path.endswith("/Patient"):
            return refused("MISSING_VALUE", status=400)
        if not request.path.endswith("/RelatedPerson"):
            return as_json(person(holding.person), media=FHIR)
        address = f"{url}/Patient/{holding.person.nhs_number}/RelatedPerson"
        return as_json(paged(holding, request, lambda n: self._contact(holding.person, n), address), media=FHIR)

    def _contact(self, who: ResidentIdentity, number: int) -> Resource:
        return {
            "resourceType": "RelatedPerson",
            "id": f"r{number}",
            "patient": named(who),
            "name": [{"family": "Okoro", "given": [f"Number {number}"]}],
        }


class NrlWorld(NationalWorld):
    kind, section = "nrl", Section.CONTINGENCY

    def answer(self, holding: Holding, request: Request, url: str) -> Reply:
        page_of = bool(request.all("page"))
        if not (request.all("subject:identifier") or page_of):
            return refused("MISSING_VALUE", status=400)
        first = [person(holding.person)] if holding.items else []
        make = lambda n: pointer(holding.person, n)  # noqa: E731
        return as_json(paged(holding, request, make, f"{url}/DocumentReference", first), media=FHIR)


class FlagsWorld(NationalWorld):
    kind, section, names_in = "patient-flags", Section.INDIVIDUAL_REQUIREMENTS, "patient"

    def answer(self, holding: Holding, request: Request, url: str) -> Reply:
        if not (request.all("patient") or request.all("page")):
            return refused("MISSING_VALUE", status=400)
        first = [person(holding.person)] if holding.items else []
        make = lambda n: flag(holding.person, n)  # noqa: E731
        return as_json(paged(holding, request, make, f"{url}/Flag", first), media=FHIR)


WORLDS: tuple[NetworkWorld, ...] = (PdsWorld(), NrlWorld(), FlagsWorld())
