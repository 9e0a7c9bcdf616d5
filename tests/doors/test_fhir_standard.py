"""Everything that is said in FHIR holds against R4 itself: types, bindings and invariants, by HAPI FHIR's validator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from broker.api import fhir, outcomes
from broker.vocabulary import AuditAction, ConsentStatus, DenialReason, GapCause, ProvisionType, Purpose, Section
from tests.consent.test_fhir import out, provision
from tests.doors.conftest import House
from tests.doors.test_fhir_audit_events import SAID, entry, events
from tests.doors.test_fhir_valid import HANDLE, SERVER, documents, every_way, released
from tests.peers import validator
from tests.people import NOON

pytestmark = [pytest.mark.needs("hapi"), pytest.mark.slow]
SEEN = (0, 2)  # residents of the synthetic place


def told() -> Iterator[Mapping[str, Any]]:
    for index in SEEN:
        view = fhir.telling(released(documents(index)), SERVER)
        yield from (each.resource for each in (view.resident, *view.things) if each is not None)
        yield from (made for _, made in list(fhir.provenances(view.things))[:3])
    for section in Section:
        yield from list(every_way(section))[-4:]  # a status, codes and labels, details, and no words at all


def wholes() -> Iterator[Mapping[str, Any]]:
    yield fhir.bundle(released(documents(0)), kind="document", handle=HANDLE)
    yield outcomes.outcome(
        [outcomes.of_gap(each, label="A source", section="Allergies", detail="") for each in GapCause]
    )
    yield outcomes.outcome([outcomes.of_denial(each, section="Allergies", hint="") for each in DenialReason])


def acts() -> Iterator[Mapping[str, Any]]:
    more = {**SAID, "client": "desk", "released": {"problems": 2}, "sources": ["millrace-gp"]}
    for action in AuditAction:
        yield from events(entry(action, SAID), entry(action, more))


def choices() -> Iterator[Mapping[str, Any]]:
    wide = provision(purposes=frozenset({Purpose.DIRECT_CARE}), sections=frozenset({Section.HOUSING}))
    yield out(wide)
    yield out(wide, provision(ProvisionType.DENY, sections=frozenset({Section.MONEY})))
    yield out(provision(ended_at=NOON), status=ConsentStatus.INACTIVE, ended_at=NOON)
    yield out(provision(until_at=NOON + timedelta(days=2)))


def shape(value: Any) -> Any:
    """Which elements there are, whatever they say, and the codes of the systems that R4 itself binds."""
    if isinstance(value, Mapping):
        said = {name: shape(each) for name, each in value.items()}
        return tuple(sorted(said.items(), key=str)) + (
            (value["code"],) if "hl7.org" in str(value.get("system")) else ()
        )
    return tuple(sorted({shape(each) for each in value}, key=str)) if isinstance(value, list) else type(value).__name__


def test_everything_that_is_told_is_valid_r4(house: House, tmp_path: Path) -> None:
    capability = house.client.get("/fhir/metadata").get_json()
    resources = [*told(), *wholes(), *acts(), *choices(), capability]
    assert len({each["resourceType"] for each in resources}) > 20
    resources = list({(each["resourceType"], shape(each)): each for each in resources}.values())
    assert sorted({each.partition("\t")[2] for each in validator.errors(resources, tmp_path)}) == []


def test_the_validator_would_have_said_so(tmp_path: Path) -> None:
    wrong = {"resourceType": "Observation", "status": "guessed", "code": {"text": "Pulse"}}
    empty = {"resourceType": "Consent", "status": "active", "scope": {"text": "x"}, "category": [{"text": "x"}]}
    found = "\n".join(validator.errors([wrong, empty], tmp_path))
    assert "ObservationStatus" in found
    assert "ppc-1" in found
