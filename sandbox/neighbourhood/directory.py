"""The place's services directory, in Open Referral UK shapes (HSDS 3.0). Asks and says nothing about any resident."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sandbox.neighbourhood import cast
from sandbox.neighbourhood.services import SERVICES, TERMS, Service

Thing = dict[str, Any]

_TAXONOMY = "Marlowe Green community needs"


def directory(today: date) -> Thing:
    """Everything the directory publishes, by the name of its endpoint; objects are nested as HSDS 3.0 nests them."""
    terms = {name: _term(name) for name in TERMS}
    services = [_service(each, terms, today) for each in SERVICES]
    organisations = {service["organization"]["id"]: service["organization"] for service in services}
    at_locations = [place | {"service_id": each["id"]} for each in services for place in each["service_at_locations"]]
    locations = {place["location"]["id"]: place["location"] for place in at_locations}
    return {
        "services": services,
        "organizations": list(organisations.values()),
        "taxonomies": [_taxonomy()],
        "taxonomy_terms": list(terms.values()),
        "locations": list(locations.values()),
        "service_at_locations": at_locations,
    }


def _id(*name: str) -> str:
    return str(uuid5(NAMESPACE_URL, "https://directory.marlowe-green.example/" + "/".join(name)))


def _taxonomy() -> Thing:
    return {
        "id": _id("taxonomy"),
        "name": _TAXONOMY,
        "description": "What people in Marlowe Green come looking for",
        "uri": "https://directory.marlowe-green.example/needs",
        "version": "1",
    }


def _term(name: str) -> Thing:
    return {
        "id": _id("term", name),
        "code": name.lower().replace(" ", "-"),
        "name": name,
        "description": name,
        "taxonomy": _TAXONOMY,
        "taxonomy_detail": _taxonomy(),
    }


def _service(offered: Service, terms: dict[str, Thing], today: date) -> Thing:
    organisation = offered.organisation
    id = _id("service", organisation.code, offered.name)
    checked_on = today.replace(day=1).isoformat()
    name, whom = offered.name, offered.eligible
    return {
        "id": id,
        "name": name,
        "description": offered.offers,
        "status": "active",
        "url": f"{_organisation(organisation)['website']}{_slug(name)}",
        "email": f"hello@{_host(organisation)}",
        "eligibility_description": whom,
        "fees_description": "Free",
        "assured_date": checked_on,
        "last_modified": f"{checked_on}T00:00:00+00:00",
        "organization": _organisation(organisation),
        "eligibility": [{"id": _id("eligibility", id), "eligibility": whom}],
        "cost_options": [{"id": _id("cost", id), "option": "Free", "amount": 0, "currency": "GBP"}],
        "phones": [{"id": _id("phone", id), "number": f"020 7946 0{int(id[:6], 16) % 1000:03d}"}],
        "contacts": [{"id": _id("contact", id), "name": organisation.name, "email": f"hello@{_host(organisation)}"}],
        "languages": [{"id": _id("language", id), "name": "English", "code": "en"}],
        "schedules": [_schedule(offered)],
        "attributes": [{"id": _id("attribute", id), "link_entity": "service", "taxonomy_term": terms[offered.term]}],
        # A service that keeps its address to itself is at no location.
        "service_at_locations": [_at(id, offered.street, organisation)] if offered.street else [],
    }


def _schedule(offered: Service) -> Thing:
    return {
        "id": _id("schedule", offered.organisation.code, offered.name),
        "freq": "WEEKLY",
        "byday": offered.day,
        "opens_at": offered.opens,
        "closes_at": offered.closes,
        "description": f"Every week, {offered.opens} to {offered.closes}",
    }


def _at(service: str, street: str, organisation: cast.Organisation) -> Thing:
    location = _id("location", street)
    address = {
        "id": _id("address", street),
        "address_1": street,
        "city": cast.PLACE_NAME,
        "region": "London",
        "state_province": "London",
        "postal_code": "QX1 1CC",
        "country": "GB",
        "address_type": "physical",
    }
    return {
        "id": _id("at", service, street),
        "description": f"{organisation.name}, {street}",
        "location": {
            "id": location,
            "location_type": "physical",
            "name": f"{organisation.name}, {street}",
            "addresses": [address],
        },
    }


def _organisation(organisation: cast.Organisation) -> Thing:
    return {
        "id": _id("organisation", organisation.code),
        "name": organisation.name,
        "description": organisation.service,
        "website": f"https://{_host(organisation)}/",
        "organization_identifiers": [
            {"id": _id("identifier", organisation.code), "identifier_type": "org-id", "identifier": organisation.code}
        ],
    }


def _host(organisation: cast.Organisation) -> str:
    return f"{_slug(organisation.name)}.example"


def _slug(name: str) -> str:
    return "-".join("".join(c for c in name.lower() if c.isalnum() or c == " ").split())
