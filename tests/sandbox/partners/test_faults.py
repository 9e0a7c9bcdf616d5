"""Faults: each does what it says, to the source it names, until it is cleared."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from sandbox.partners.faults import read_fault
from sandbox.partners.outcome import Refused
from tests.sandbox.partners.partner import BORN, NHS, NUMBERS, Partner


def _spoil(partner: Partner, **fault: Any) -> None:
    answer = partner.control.post_json("/faults", {"source": "lock-keepers-gp", **fault}, kind="application/json")
    assert answer.status == 200, answer.body


def test_a_delay_is_waited(practice: Partner) -> None:
    _spoil(practice, delay_ms=120)
    began = time.monotonic()
    assert practice.get("/Patient/p0").status == 200
    assert time.monotonic() - began >= 0.12


def test_a_drip_comes_byte_by_byte_and_whole(practice: Partner) -> None:
    quick = practice.get("/Patient/p3").body
    _spoil(practice, drip=1)
    began = time.monotonic()
    assert practice.get("/Patient/p3").body == quick
    assert time.monotonic() - began >= len(quick) / 1000


@pytest.mark.parametrize(
    ("status", "issue"), [(401, "login"), (404, "not-found"), (429, "throttled"), (500, "exception")]
)
def test_a_status_is_answered_instead(practice: Partner, status: int, issue: str) -> None:
    _spoil(practice, status=status)
    answer = practice.find(NUMBERS[0])
    assert (answer.status, answer.issue) == (status, issue)
    assert ("Retry-After" in answer.headers) == (status == 429)


def test_a_malformed_answer_cannot_be_read(practice: Partner) -> None:
    _spoil(practice, malformed=True)
    answer = practice.find(NUMBERS[0])
    assert answer.status == 200
    with pytest.raises(ValueError, match=r"."):
        _ = answer.json


def test_an_oversized_answer_is_as_large_as_asked_and_still_json(practice: Partner) -> None:
    _spoil(practice, oversized=3_000_001)
    answer = practice.find(NUMBERS[0])
    assert len(answer.body) > 3_000_000
    assert "Content-Length" not in answer.headers, "a client must count for itself"
    assert answer.ids() == ["p0"]


def test_a_client_that_leaves_before_the_end_is_no_error(practice: Partner, caplog: pytest.LogCaptureFixture) -> None:
    _spoil(practice, oversized=50_000_000)
    host, _, port = practice.url.removeprefix("http://").removesuffix("/fhir").partition(":")
    with socket.create_connection((host, int(port))) as leaving:
        leaving.sendall(b"GET /fhir/metadata HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        leaving.recv(1000)
    practice.control.ask("DELETE", "/faults")
    assert practice.get("/Patient/p0").status == 200
    assert not caplog.records


def test_a_wrong_patient_has_another_number_and_birthday(practice: Partner) -> None:
    _spoil(practice, wrong_patient=True)
    for patient in (practice.find(NUMBERS[0]).resources()[0], practice.get("/Patient/p0").json):
        (identifier,) = patient["identifier"]
        assert (identifier["system"], patient["id"]) == (NHS, "p0")
        assert identifier["value"] not in NUMBERS
        assert patient["birthDate"] not in BORN


def test_a_source_that_drops_revinclude_answers_without_and_does_not_claim_it(practice: Partner) -> None:
    _spoil(practice, drop_revinclude=True)
    answer = practice.find(NUMBERS[0], ("_revinclude", "Observation:patient"), Prefer="handling=strict")
    assert (answer.ids("match"), answer.ids("include")) == (["p0"], [])
    assert "_revinclude" not in (answer.link("self") or "")


def test_a_fault_is_the_same_each_time(practice: Partner) -> None:
    _spoil(practice, malformed=True, wrong_patient=True)
    assert practice.find(NUMBERS[0]).body == practice.find(NUMBERS[0]).body


def test_a_cleared_fault_is_over(practice: Partner) -> None:
    sound = practice.find(NUMBERS[0]).body
    _spoil(practice, status=503)
    assert practice.control.get("/faults").json["faults"]["lock-keepers-gp"]["status"] == 503
    assert practice.control.ask("DELETE", "/faults?source=another").status == 200
    assert practice.find(NUMBERS[0]).status == 503
    practice.control.ask("DELETE", "/faults")
    assert practice.find(NUMBERS[0]).body == sound


@pytest.mark.parametrize(
    "fault",
    [
        {"source": "nobody", "status": 500},
        {"status": 500},
        {"source": "lock-keepers-gp", "sulk": True},
        {"source": "lock-keepers-gp", "status": 200},
        {"source": "lock-keepers-gp", "delay_ms": -1},
        {"source": "lock-keepers-gp", "delay_ms": True},
        {"source": "lock-keepers-gp", "malformed": 1},
        [],
    ],
    ids=str,
)
def test_a_fault_that_makes_no_sense_is_refused(practice: Partner, fault: Any) -> None:
    assert practice.control.post_json("/faults", fault, kind="application/json").status == 400
    assert practice.control.get("/faults").json["faults"] == {}


def test_a_page_in_a_browser_may_not_set_a_fault(practice: Partner) -> None:
    headers = {"Origin": "http://elsewhere.example", "Content-Type": "text/plain"}
    body = b'{"source": "lock-keepers-gp", "status": 500}'
    assert practice.control.ask("POST", "/faults", body=body, headers=headers).status == 403
    assert practice.get("/Patient/p0").status == 200


def test_the_control_is_outside_the_fhir_base_and_is_never_spoilt(practice: Partner) -> None:
    _spoil(practice, status=500)
    assert practice.control.get("/faults").status == 200
    assert practice.get("/_sandbox/faults").status == 500


def test_a_fault_is_read_strictly() -> None:
    assert read_fault({"delay_ms": 5}).delay_ms == 5
    with pytest.raises(Refused):
        read_fault({"delay": 5})
