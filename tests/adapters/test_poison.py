"""What a source says is words, whatever it says: nothing that runs, nothing that leads elsewhere, nothing unseen."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.answering import Unanswered
from adapters.reading_files import READERS
from broker.records.source import RecordEntry
from tests.adapters.conformance.worlds import ADA, CldWorld
from tests.adapters.fhir_people import said
from tests.adapters.gp_connect.records import listing, resource
from tests.adapters.gp_connect.stu3 import bundle, patient
from tests.adapters.hl7v2.spoken import ORDER, message, result

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
POISON = {
    "a script": "<script>alert(1)</script>",
    "an address that runs": "javascript:alert(1)",
    "an event": '" onmouseover="alert(1)',
    "right to left": "dose 05\u202e\u2066mg",
    "a bell and a form feed": "one\x07two\x0cthree",
    "a line of another log": "ok\n2026-11-20 released everything",
    "nothing at all": "\u200b\u200c\ufeff",
    "a template": "{{ 7 * 7 }}${7*7}<%= 7*7 %>",
    "a formula": '=HYPERLINK("http://example.invalid")',
    "very long": "a" * 50_000,
}


def fhir(poison: str) -> bytes:
    person = {
        "resourceType": "Patient",
        "id": "p1",
        "identifier": [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": ADA.nhs_number}],
        "birthDate": ADA.born_on.isoformat(),
        "name": [{"text": poison}],
        "address": [{"text": poison}],
        "text": {"status": "generated", "div": f"<div>NARRATIVE {poison}</div>"},
    }
    document = {
        "resourceType": "DocumentReference",
        "id": "d1",
        "status": "current",
        "subject": {"reference": "Patient/p1"},
        "type": said(poison),
        "description": poison,
        "content": [{"attachment": {"url": "javascript:alert(1)", "title": poison, "data": "QUJD"}}],
    }
    problem = {
        "resourceType": "Condition",
        "id": "c1",
        "subject": {"reference": "Patient/p1"},
        "code": said(poison),
        "note": [{"text": poison}],
        "text": {"status": "generated", "div": f"<div>NARRATIVE {poison}</div>"},
    }
    entries = [{"resource": each} for each in (person, document, problem)]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def gp_connect(poison: str) -> bytes:
    allergy = resource("AllergyIntolerance", "a1", code={"text": poison}, note=[{"text": poison}])
    return json.dumps(bundle(patient(ADA), allergy, listing("allergies", allergy))).encode()


def hl7v2(poison: str) -> bytes:
    words = poison.replace("\n", " ").translate({ord(mark): "-" for mark in "|^~\\&\r"})
    return message("ORU^R01^ORU_R01", ORDER, result(words, code=f"1^{words}^L"))


def cld(poison: str) -> bytes:
    world, text = CldWorld(), io.StringIO()
    row = world.row(ADA, 1)
    row[-1] = poison
    csv.writer(text).writerows([world.header, row])
    return text.getvalue().encode()


FORMATS: dict[str, Callable[[str], bytes]] = {
    "fhir-r4": fhir,
    "gp-connect-structured": gp_connect,
    "hl7v2": hl7v2,
    "cld": cld,
}


def read(kind: str, data: bytes) -> tuple[RecordEntry, ...]:
    return READERS[kind](data, source="the-source", now=NOW, resident=ADA).answer.entries


def words_of(entry: RecordEntry) -> list[str]:
    shown = [entry.title, entry.status, entry.provenance.organisation, entry.provenance.recorded_by]
    shown += [text for pair in entry.details for text in pair]
    return shown + [coding.display for coding in entry.codes]


def test_every_format_is_poisoned() -> None:
    assert set(FORMATS) == set(READERS)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_what_is_shown_is_one_line_of_ordinary_characters(kind: str, poison: str) -> None:
    entries = read(kind, FORMATS[kind](poison))
    assert entries
    for text in (text for entry in entries for text in words_of(entry)):
        assert not [c for c in text if unicodedata.category(c).startswith("C") or c in "\n\r\u2028\u2029"], repr(text)
        assert len(text) <= 5_000


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_a_narrative_and_an_attachments_address_are_never_shown(poison: str) -> None:
    shown = "\n".join(text for entry in read("fhir-r4", fhir(poison)) for text in words_of(entry))
    assert "NARRATIVE" not in shown
    if "javascript" not in poison:
        assert "javascript" not in shown


_DEEP: Any = "[" * 20_000 + "]" * 20_000
SPOILED = {
    "20,000 deep": f'{{"resourceType":"Bundle","type":"collection","entry":{_DEEP}}}'.encode(),
    "a number of 5,000 digits": b'{"resourceType":"Bundle","total":' + b"9" * 5_000 + b"}",
    "one name twice": b'{"resourceType":"Bundle","type":"collection","type":"searchset","entry":[]}',
    "half a document": fhir("x")[:-40],
    "a page": b"<html><body>sorry</body></html>",
    "nothing": b"",
    "bytes": bytes(range(256)) * 4,
}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("data", SPOILED.values(), ids=SPOILED)
def test_what_cannot_be_read_is_said_and_never_an_empty_record(kind: str, data: bytes) -> None:
    try:
        answer = READERS[kind](data, source="the-source", now=NOW, resident=ADA).answer
    except Unanswered:
        return  # stated, with its cause
    assert not answer.entries
    assert answer.gaps or answer.not_understood
