"""``broker audit export --as fhir``: the trail for a log repository, with nobody named in it."""

from __future__ import annotations

import json

import fhirkit

from tests.cli.conftest import Run


def test_the_trail_is_exported_as_audit_events_that_name_nobody(ready: Run) -> None:
    words = ("--nhs-number", "9990000034", "--born-on", "1990-01-02", "--given-name", "Cleo", "--family-name", "Marsh")
    assert ready("residents", "enrol", *words, "--neighbourhood", "TB-1")[0] == 0
    code, said, _ = ready("audit", "export", "--as", "fhir")
    events = [json.loads(line) for line in said.splitlines()]
    assert code == 0
    assert [each["resourceType"] for each in events] == ["AuditEvent"]
    assert [str(issue) for each in events for issue in fhirkit.validate(each)] == []
    for personal in ("9990000034", "Cleo", "Marsh"):
        assert personal not in said


def test_what_people_wrote_is_in_no_event(ready: Run) -> None:
    code, said, complained = ready("audit", "export", "--as", "fhir", "--notes")
    assert (code, said) == (2, "")
    assert "no notes" in complained
