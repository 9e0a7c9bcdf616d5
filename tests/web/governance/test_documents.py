"""What can be taken away: files, never shown as pages of ours, for everybody who answers for governance."""

from __future__ import annotations

import csv
import io

import pytest

from tests.web.conftest import Door, Visitor
from tests.web.governance.conftest import text_in_force

CARE = "/governance/agreements/TB-CARE/1"


def test_a_boards_document_is_a_file_that_runs_nothing(ig_lead: Visitor) -> None:
    answer = ig_lead.get(f"{CARE}/document")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="TB-CARE-version-1.html"'
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for words in ("Agreement TB-CARE", "Millrace Surgery", "Testbourne Council"):
        assert words in answer.text
    assert "<script" not in answer.text


def test_the_text_is_exactly_as_written(door: Door, ig_lead: Visitor) -> None:
    answer = ig_lead.get(f"{CARE}/text")
    assert answer.text == text_in_force(door, "TB-CARE")
    assert answer.mimetype == "application/yaml"


def test_the_register_names_every_agreement_in_force(door: Door, ig_lead: Visitor) -> None:
    lines = list(csv.reader(io.StringIO(ig_lead.get("/governance/register").text)))
    assert {line[0] for line in lines[1:]} == {"LON-CARE", "LON-COMMUNITY", "TB-ADVICE", "TB-CARE"}
    door.signed_in("ig-lead").send(f"{CARE}/end")
    after = list(csv.reader(io.StringIO(ig_lead.get("/governance/register").text)))
    assert "TB-CARE" not in {line[0] for line in after}


@pytest.mark.parametrize("path", [f"{CARE}/document", f"{CARE}/text", f"{CARE}/conditions", "/governance/register"])
def test_they_are_for_those_who_answer_for_governance(door: Door, path: str) -> None:
    assert door.signed_in("privacy-officer").get(path).status_code == 200
    for who in ("gp", "resident:ada"):
        assert door.signed_in(who).get(path).status_code == 403


def test_a_version_that_is_not_there_is_not_found(ig_lead: Visitor) -> None:
    assert ig_lead.get("/governance/agreements/TB-CARE/9/document").status_code == 404
