"""What a FHIR source's own resource is passed on as: what its entry tells, and nothing that names somebody else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from broker.access.release import Release
from broker.access.request import AccessRequest, Decision
from broker.api import fhir
from broker.records.source import Provenance, RecordEntry
from broker.records.view import JoinedEntry, RecordView, SectionView
from broker.vocabulary import Disclosure, Purpose, Section, Silence
from tests.people import ADA_NUMBER, BEN_NUMBER, GP, NOON

NUMBER = {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": ADA_NUMBER}
OTHERS_NUMBER = {**NUMBER, "value": BEN_NUMBER}
PATIENT: Mapping[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [NUMBER, {"system": "https://hospital.example/mrn", "value": "MRN-77"}],
    "text": {"status": "generated", "div": "<div>all of it</div>"},
    "name": [{"family": "Okoro", "given": ["Ada"]}],
    "telecom": [{"system": "phone", "value": "020 7946 0000"}],
    "birthDate": "1964-03-14",
    "photo": [{"contentType": "image/png", "data": "aGVsbG8="}],
    "contact": [{"name": {"family": "Secretsister"}, "telecom": [{"value": "020 7946 0999"}]}],
    "communication": [{"language": {"text": "Igbo"}}],
    "generalPractitioner": [{"display": "Millrace Surgery"}],
    "link": [{"other": {"reference": "Patient/p2", "display": "Twin Okoro"}, "type": "seealso"}],
    "extension": [{"url": "https://example/birth-mother", "valueString": "Mother Okoro"}],
}
CONDITION: Mapping[str, Any] = {
    "resourceType": "Condition",
    "id": "c1",
    "code": {"text": "Asthma"},
    "identifier": [{"system": "https://hospital.example/problem", "value": "PR-9"}],
    "subject": {"reference": "Patient/p1", "display": "Ada Okoro", "identifier": NUMBER},
    "asserter": {"reference": "RelatedPerson/r1", "display": "Secretsister"},
    "recorder": {"reference": "#doc"},
    "encounter": {"reference": "Encounter/e9", "display": "Clinic visit"},
    "evidence": [{"detail": [{"type": "Patient", "identifier": OTHERS_NUMBER, "display": "Twin Okoro"}]}],
    "contained": [
        {"resourceType": "Practitioner", "id": "doc", "name": [{"text": "Dr Vale"}], "text": {"div": "<p>x</p>"}},
        {"resourceType": "Patient", "id": "twin", "name": [{"text": "Twin Okoro"}], "identifier": [OTHERS_NUMBER]},
        {"resourceType": "Condition", "id": "other", "code": {"coding": [{"code": "86406008"}]}},
    ],
    "extension": [
        {"url": "https://example/of", "valueReference": {"reference": "Patient/p2", "display": "Twin Okoro"}},
        {"url": "https://example/id", "valueIdentifier": OTHERS_NUMBER},
        {"url": "https://example/scan", "valueAttachment": {"contentType": "text/plain", "data": "aGVsbG8="}},
        {"url": "https://example/plain", "valueString": "Kept"},
    ],
}


def test_demographics_do_not_bring_the_rest_of_a_patient_with_them() -> None:
    made, text = bundle({Section.DEMOGRAPHICS: [entry(PATIENT, Section.DEMOGRAPHICS)]})
    patient = resources(made, "Patient")[-1]
    assert (patient["name"][0]["family"], patient["telecom"][0]["value"]) == ("Okoro", "020 7946 0000")
    for other in ("Secretsister", "0999", ADA_NUMBER, "MRN-77", "Igbo", "Millrace", "Twin", "Mother", "aGVsbG8", "div"):
        assert other not in text


def test_a_contact_is_told_as_itself_and_not_as_the_patient() -> None:
    contact = entry(PATIENT, Section.CONTACTS, part="contact-1", title="Secretsister")
    made, text = bundle({Section.CONTACTS: [contact]})
    (told,) = resources(made, "RelatedPerson")
    assert told["name"] == [{"text": "Secretsister"}]
    assert told["patient"]["reference"] == made["entry"][0]["fullUrl"]
    assert "Okoro" not in text


def test_a_resource_names_nobody_but_the_resident_and_who_gave_the_service() -> None:
    made, text = bundle({Section.PROBLEMS: [entry(CONDITION, Section.PROBLEMS)]})
    (condition,) = resources(made, "Condition")
    assert condition["code"]["text"] == "Asthma"
    assert condition["subject"] == {"reference": made["entry"][0]["fullUrl"]}
    assert [each["resourceType"] for each in condition["contained"]] == ["Practitioner"]
    assert condition["recorder"]["reference"] == "#doc"
    assert condition["encounter"] == {"display": "Clinic visit"}
    assert {"url": "https://example/plain", "valueString": "Kept"} in condition["extension"]
    for other in ("Twin", "Secretsister", ADA_NUMBER, BEN_NUMBER, "PR-9", "86406008", "aGVsbG8", "<p>"):
        assert other not in text


def test_a_reference_to_another_patient_never_becomes_one_to_the_resident() -> None:
    appointment = {
        "resourceType": "Appointment",
        "id": "a1",
        "participant": [
            {"actor": {"reference": "Patient/p1"}, "status": "accepted"},
            {"actor": {"reference": "Patient/p2", "display": "Twin Okoro"}, "status": "accepted"},
        ],
    }
    entries = [entry(CONDITION, Section.PROBLEMS), entry(appointment, Section.APPOINTMENTS)]
    made, text = bundle({Section.PROBLEMS: entries[:1], Section.APPOINTMENTS: entries[1:]})
    (told,) = resources(made, "Appointment")
    subject = made["entry"][0]["fullUrl"]
    assert [each["actor"] for each in told["participant"]] == [{"reference": subject}, {"display": "Not included"}]
    assert "Twin" not in text


def test_a_document_from_a_source_does_not_bring_its_bytes() -> None:
    letter = {
        "resourceType": "DocumentReference",
        "id": "d1",
        "content": [{"attachment": {"contentType": "text/plain", "data": "aGVsbG8=", "url": "http://10.0.0.5/d/1"}}],
    }
    _, text = bundle({Section.DOCUMENTS: [entry(letter, Section.DOCUMENTS)]})
    assert "text/plain" in text
    assert "aGVsbG8" not in text
    assert "10.0.0.5" not in text


def test_odd_shapes_from_a_source_are_passed_over() -> None:
    odd = {"resourceType": "Condition", "contained": ["x", 7], "subject": "p1", "extension": {}, "participant": [None]}
    made, _ = bundle({Section.PROBLEMS: [entry(odd, Section.PROBLEMS)]})
    assert resources(made, "Condition")


def test_an_empty_section_is_never_said_to_be_nil_known() -> None:
    empty = SectionView(Section.ALLERGIES, silence=Silence.EMPTY)
    made, text = bundle({}, kind="fhir-document", more=(empty,))
    (composition,) = resources(made, "Composition")
    assert composition["section"][0]["emptyReason"] == {"text": "Nothing recorded"}
    assert "nilknown" not in text


def entry(original: Mapping[str, Any], section: Section, *, part: str = "", title: str = "As told") -> RecordEntry:
    whole = f"{original['resourceType']}/{original.get('id', 'x')}"
    return RecordEntry(
        id=f"{whole}#{part}" if part else whole,
        section=section,
        title=title,
        provenance=Provenance("millrace-gp", NOON),
        at=date(2026, 5, 1),
        original=original,
        fhir_release="4.0",
    )


def bundle(
    entries: Mapping[Section, list[RecordEntry]], *, kind: str = "searchset", more: tuple[SectionView, ...] = ()
) -> tuple[dict[str, Any], str]:
    sections = tuple(SectionView(section, tuple(map(JoinedEntry, found))) for section, found in entries.items())
    wanted = frozenset(section.section for section in (*sections, *more))
    request = AccessRequest("id", GP, "ada", Purpose.DIRECT_CARE, wanted, NOON)
    decision = Decision("d", (), (), (), Disclosure.TELL, False, "r", "e", NOON)
    view = RecordView((*sections, *more), (), {}, False, NOON)
    made = fhir.bundle(Release(request, decision, view), kind=kind.removeprefix("fhir-"), handle="handle")
    return made, json.dumps(made)


def resources(made: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each["resource"] for each in made["entry"] if each["resource"]["resourceType"] == kind]
