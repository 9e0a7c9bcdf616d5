"""Of a resident whom the national register flags, no source's whereabouts are shown, and nothing says so."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

import pytest

from adapters.csv_file import Row
from adapters.hosted.sealed_entry import entry_from, entry_into
from adapters.hosted.template import standard_columns
from adapters.reading_files import READERS
from broker.access.request import Pair
from broker.records.source import RecordEntry, SourceAnswer
from broker.records.view import RecordView, assemble
from broker.records.whereabouts import hidden
from broker.vocabulary import Disclosure, Section
from tests.adapters.conformance.worlds import ADA
from tests.adapters.gp_connect.records import HL7_UK
from tests.adapters.gp_connect.stu3 import bundle
from tests.adapters.gp_connect.stu3 import patient as stu3_patient
from tests.adapters.hl7v2.spoken import FACILITY, message, visit
from tests.records.cast import GP, NOW, entry, outcome

# Each of these tells where she is, how to reach her, or where she is registered.
SECRETS = ("Lock Row", "ZZ1 1AA", "Testbourne", "07700", "ada@", "Weir Practice", "X26001", "UPRN", "100012345")
PRACTICE = {
    "resourceType": "Organization",
    "id": "g",
    "name": "Weir Practice",
    "address": [{"line": ["9 Lock Row"], "postalCode": "ZZ1 1AA"}],
    "telecom": [{"system": "phone", "value": "07700 900123"}],
}
REACHED = {
    "address": [{"line": ["1 Lock Row"], "city": "Testbourne", "postalCode": "ZZ1 1AA"}],
    "telecom": [{"system": "phone", "value": "07700 900123"}, {"system": "email", "value": "ada@example.org"}],
}


def fhir(*, told: bool) -> bytes:
    where: dict[str, Any] = REACHED if told else {}
    ethnic = {
        "url": "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-EthnicCategory",
        "valueCodeableConcept": {"text": "British"},
    }
    lives = {"url": "https://example.org/lives-at", "valueAddress": REACHED["address"][0]}
    patient = {
        "resourceType": "Patient",
        "id": "p",
        "identifier": [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": ADA.nhs_number}],
        "name": [{"family": "Bright", "given": ["Ada"]}],
        "birthDate": ADA.born_on.isoformat(),
        "gender": "female",
        "communication": [{"language": {"text": "Polish"}}],
        "extension": [ethnic, *([lives] if told else ())],
        "contact": [{"name": {"text": "Bo Bright"}, "relationship": [{"text": "Brother"}], **_contact(where)}],
        **where,
    }
    if told:
        patient |= {
            "generalPractitioner": [{"reference": "#g"}],
            "contained": [PRACTICE],
            "text": {"status": "generated", "div": "<div>1 Lock Row</div>"},
        }
    problem = {
        "resourceType": "Condition",
        "id": "c",
        "subject": {"reference": "Patient/p"},
        "code": {"text": "Asthma"},
        "clinicalStatus": {"coding": [{"code": "active"}]},
    }
    found = [{"resource": each} for each in (patient, problem)]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": found}).encode()


def _contact(where: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value[0] if name == "address" else value for name, value in where.items()}


def gp_connect(*, told: bool) -> bytes:
    patient = stu3_patient(ADA)
    patient = {name: value for name, value in patient.items() if name not in _PLACES}
    if told:
        registered = {
            "url": f"{HL7_UK}RegistrationDetails-1",
            "extension": [{"url": "registrationPeriod", "valuePeriod": {"start": "2001-01-01"}}],
        }
        patient |= {**REACHED, "managingOrganization": {"reference": "Organization/g"}, "extension": [registered]}
        return json.dumps(bundle(patient, PRACTICE)).encode()
    return json.dumps(bundle(patient)).encode()


_PLACES = {"address", "telecom", "generalPractitioner", "managingOrganization", "extension"}


def hl7v2(*, told: bool) -> bytes:
    where = "|||1 Lock Row^^Testbourne^^ZZ1 1AA||07700 900123" if told else "|||"
    person = f"PID|1||999 000 0018^^^NHS^NH||Bright^Ada^^^Mrs||19640314|F{where}"
    practice = ("PD1|||Weir Practice^^X26001",) if told else ()
    contact = (
        "NK1|1|Bright^Bo|BRO^Brother|1 Lock Row^^^^ZZ1 1AA|07700 900123" if told else "NK1|1|Bright^Bo|BRO^Brother"
    )
    return message("ADT^A01", *practice, contact, visit(), person=person)


def cld(*, told: bool) -> bytes:
    row = {
        "Reporting_Period_Start_Date": "2026-01-01",
        "Reporting_Period_End_Date": "2026-03-31",
        "LA_Name": "The council",
        "NHS_Number": ADA.nhs_number or "",
        "LA_Person_Unique_Identifier": "LA-77",
        "Date_of_Birth": "14/03/1964",
        "Event_Type": "Service",
        "Event_Reference": "E1",
        "Event_Start_Date": "01/02/2026",
        "Service_Type": "Home support",
        "Primary_Support_Reason": "Physical support",
        "Accommodation_Status": "Settled",
        "Postcode": "ZZ1 1AA" if told else "",
        "GP_Practice_Name": "Weir Practice" if told else "",
        "GP_Practice_Code": "X26001" if told else "",
    }
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, row)
    writer.writeheader()
    writer.writerow(row)
    return out.getvalue().encode()


DOCUMENTS = {"fhir-r4": fhir, "gp-connect-structured": gp_connect, "hl7v2": hl7v2, "cld": cld}


def read(kind: str, *, told: bool) -> tuple[RecordEntry, ...]:
    if kind == "hosted":  # which keeps what a message told, and nothing of the message
        return tuple(
            _named(entry_from(json.loads(json.dumps(entry_into(each))), id=each.id))
            for each in read("hl7v2", told=told)
        )
    answer: SourceAnswer = READERS[kind](DOCUMENTS[kind](told=told), source=GP, now=NOW).answer
    assert answer.entries
    return answer.entries


def _named(kept: RecordEntry) -> RecordEntry:
    return entry(
        kept.id, kept.title, section=kept.section, at=kept.at, status=kept.status, details=kept.details,
        linked=kept.linked, original=kept.original, codes=kept.codes,
    )  # fmt: skip


def view(entries: tuple[RecordEntry, ...], *, sensitive: bool) -> RecordView:
    return assemble(
        pairs=[Pair(section, GP) for section in Section],
        outcomes=[outcome(GP, *entries)],
        requested=frozenset(Section),
        disclosure=Disclosure.TELL,
        clinical=True,
        made_at=NOW,
        sensitive=sensitive,
    )


def words(shown: RecordView) -> str:
    told = [each for section in shown.sections for each in section.entries]
    return json.dumps([asdict(each) for each in told], default=str)


EVERY = (*DOCUMENTS, "hosted")


@pytest.mark.parametrize("kind", EVERY)
def test_the_view_is_that_of_a_record_that_never_had_whereabouts(kind: str) -> None:
    flagged = view(read(kind, told=True), sensitive=True)
    never = view(read(kind, told=False), sensitive=False)
    assert flagged == never


@pytest.mark.parametrize("kind", EVERY)
def test_neither_what_is_shown_nor_what_was_received_tells_them(kind: str) -> None:
    assert any(secret in words(view(read(kind, told=True), sensitive=False)) for secret in SECRETS)
    flagged = words(view(read(kind, told=True), sensitive=True))
    assert not [secret for secret in SECRETS if secret in flagged]


@pytest.mark.parametrize("kind", ["fhir-r4", "gp-connect-structured"])
def test_what_is_passed_on_is_what_would_be_of_a_record_that_never_had_them(kind: str) -> None:
    flagged, never = hidden(read(kind, told=True)), hidden(read(kind, told=False))
    assert [each.original for each in flagged] == [each.original for each in never]
    assert all(each.original for each in flagged)


@pytest.mark.parametrize("kind", EVERY)
def test_whoever_is_not_flagged_loses_nothing(kind: str) -> None:
    shown = view(read(kind, told=True), sensitive=False)
    assert "ZZ1 1AA" in words(shown)
    assert {each.section for each in shown.sections if each.entries} >= {Section.DEMOGRAPHICS, Section.GP_PRACTICE}


@pytest.mark.parametrize("kind", EVERY)
def test_a_record_that_never_had_them_is_as_it_was(kind: str) -> None:
    entries = read(kind, told=False)
    assert hidden(entries) == entries


def hosted(section: Section, title: str, note: str = "") -> tuple[RecordEntry, ...]:
    """A row of the table that an organisation without any system fills in."""
    values = {"Section": section.label, "Title": title, "Note": note, "Date": "", "Reference": "1"}
    columns = standard_columns(Section)
    row = Row(2, values)
    return tuple(columns.entry(row, place, mapped, source=GP, now=NOW) for place, mapped in columns.fitting(row))


@pytest.mark.parametrize(
    ("section", "title", "note"),
    [
        (Section.DEMOGRAPHICS, "Address", "The mill, by the weir"),
        (Section.DEMOGRAPHICS, "Ada Okoro, 4 Weir Cottages", ""),
        (Section.DEMOGRAPHICS, "Ada", "lives with her aunt in Testbourne"),
        (Section.DEMOGRAPHICS, "Moved to Testbourne", ""),
        (Section.CONTACTS, "Bo, 07700 900123", ""),
        (Section.HOUSING, "Tenancy of 4 Weir Cottages", ""),
        (Section.HOUSING, "Flat 3", ""),
        (Section.GP_PRACTICE, "Weir Practice", ""),
    ],
)
def test_an_address_that_somebody_wrote_into_a_table_goes(section: Section, title: str, note: str) -> None:
    assert hosted(section, title, note)
    assert hidden(hosted(section, title, note)) == ()


def test_what_says_nothing_of_where_stays() -> None:
    contact = entry("1", "Bo Bright", section=Section.CONTACTS, details=(("Relationship", "Brother"), ("Email", "b@x")))
    home = entry(
        "2",
        "Tenancy",
        section=Section.HOUSING,
        details=(("Kind of letting", "Secure, 3 bedroom house"), ("Property (UPRN)", "100012345"), ("Council", "Weir")),
    )
    need = entry("3", "Care needs", section=Section.ASSESSMENTS, details=(("Needs addressed", "Washing"),))
    nearby = entry("4", "Food bank", section=Section.SIGNPOSTING, details=(("Address", "2 Mill Lane"),))
    kept = hidden((contact, home, need, nearby))
    assert [each.details for each in kept] == [
        (("Relationship", "Brother"),),
        (("Kind of letting", "Secure, 3 bedroom house"),),
        *((each.details) for each in (need, nearby)),
    ]


def test_what_a_source_calls_an_address_goes_wherever_it_stands() -> None:
    seen = entry("1", "Home visit", section=Section.PROFESSIONAL_CONTACTS, at=date(2026, 1, 1))
    told = entry(
        "1", "Home visit", section=Section.PROFESSIONAL_CONTACTS, at=date(2026, 1, 1),
        details=(("Visited (home address)", "4 Weir Cottages"), ("Home telephone", "07700 900123")),
    )  # fmt: skip
    assert hidden((told,)) == (seen,)


def test_the_sender_is_still_named() -> None:
    """Nothing could be relied on of which nobody knows who says it."""
    (stay,) = (each for each in hidden(read("hl7v2", told=True)) if each.section is Section.ADMISSIONS)
    assert stay.provenance.organisation == FACILITY
