"""What is logged holds nothing personal and nothing secret, whoever logs it and however it is written."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from broker import logs

# Valid check digits, from the range kept for tests (999 …) and the number in the NHS Data Dictionary's own examples.
NUMBERS = ("9990000018", "9990000026", "9434765919")
SPACINGS = (
    "{0}{1}{2}",
    "{0} {1} {2}",
    "{0}-{1}-{2}",
    "{0}\u00a0{1}\u00a0{2}",
    "{0}\u202f{1}\u202f{2}",
    "{0}.{1}.{2}",
    "{0}%20{1}%20{2}",
    "{0}+{1}+{2}",
    "{0}\u2011{1}\u2011{2}",
)
AROUND = (
    "{}",
    "resident {} not found",
    "GET /residents/{}/record",
    "https://partner.example/Patient?identifier=https://fhir.nhs.uk/Id/nhs-number|{}&_count=1",
    '{{"nhsNumber": "{}"}}',
    "number:{},",
    "NHS{}",
    "nhs_number={};",
    "[parameters: ('{}', 'x')]",
)
INNOCENT = (
    "2026-11-21 21:05:12",
    "1795293912",
    "020 7946 0018",
    "9434765918",
    "99900000189",
    "GB-CHC-9123456",
    "urn:uuid:5a1e6c2a-9434-4765-9190-000000000000",
    "took 1234567 ms",
)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Everything this process logs, as it would reach standard error."""
    stream = io.StringIO()
    logs.configure("DEBUG", stream=stream)
    yield stream
    logs.end_request()
    logs.configure("WARNING")


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def spaced(number: str, spacing: str) -> str:
    return spacing.format(number[:3], number[3:6], number[6:])


def digits(text: str) -> str:
    return "".join(c for c in text.replace("%20", "") if c.isdigit())


CORPUS = [around.format(spaced(n, spacing)) for n in NUMBERS for spacing in SPACINGS for around in AROUND]


@pytest.mark.parametrize("number", NUMBERS)
def test_the_corpus_is_of_valid_nhs_numbers(number: str) -> None:
    assert logs.without_nhs_numbers(number) == logs.REMOVED_NUMBER


@pytest.mark.parametrize("text", CORPUS)
def test_an_nhs_number_is_taken_out_however_it_is_written(text: str) -> None:
    left = logs.without_nhs_numbers(text)
    assert logs.REMOVED_NUMBER in left
    assert not any(number in digits(left) for number in NUMBERS)


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_not_an_nhs_number_stays(text: str) -> None:
    assert logs.without_nhs_numbers(text) == text


@given(st.integers(0, 10**9 - 1), st.sampled_from(SPACINGS), st.text("abcxyz \n\"'/:=", max_size=8))
def test_every_valid_number_is_taken_out(first_nine: int, spacing: str, around: str) -> None:
    nine = f"{first_nine:09}"
    check = (11 - sum(int(d) * w for d, w in zip(nine, range(10, 1, -1), strict=True)) % 11) % 11
    if check == 10:
        return  # no NHS number has these nine digits
    left = logs.without_nhs_numbers(f"{around}{spaced(f'{nine}{check}', spacing)}{around}")
    assert digits(left) == ""


@pytest.mark.parametrize("number", NUMBERS)
def test_no_way_of_logging_lets_one_through(number: str, written: io.StringIO) -> None:
    ours, theirs = logs.logger("broker.tests"), logging.getLogger("a.library")
    ours.info(f"looked for {number}", who=number, deep={"list": [{"x": (number, {number})}]}, as_int=int(number))
    ours.info("looked", **{"given_name": "Ada", "born_on": "1950-01-01", f"key {number}": 1})
    theirs.warning("calling %s", f"https://partner.example/{number}")
    theirs.error("calling %(where)s", {"where": number})
    try:
        raise ValueError(f"no such resident: {number}")
    except ValueError:
        ours.exception("failed")
        theirs.exception("failed too")
    said = written.getvalue()
    assert len(lines(written)) == 6
    assert number not in said
    assert "Ada" not in said
    assert "1950" not in said
    assert "no such resident" in said


SECRETS = (
    {"password": "hunter2hunter2"},
    {"client_secret": "hunter2hunter2"},
    {"access_token": "hunter2hunter2"},
    {"Authorization": "DPoP hunter2hunter2"},
    {"set-cookie": "session=hunter2hunter2"},
    {"private_key": "hunter2hunter2"},
    {"headers": {"Authorization": "Bearer hunter2hunter2"}},
    {"said": "Authorization: Bearer hunter2hunter2"},
    {"said": "postgresql+psycopg://broker:hunter2hunter2@db/broker"},
    {"said": "grant_type=x&client_secret=hunter2hunter2&scope=y"},
    {"said": "eyJhbGciOiJFUzI1NiJ9.eyJodW50ZXIyIjoxfQ.hunter2hunter2"},
    {"said": "-----BEGIN PRIVATE KEY-----\nhunter2hunter2\n-----END PRIVATE KEY-----"},
    {"raw": b"hunter2hunter2"},
)


@pytest.mark.parametrize("facts", SECRETS, ids=lambda facts: str(next(iter(facts))))
def test_a_secret_is_taken_out(facts: dict[str, Any], written: io.StringIO) -> None:
    logs.logger("broker.tests").info("said", **facts)
    assert "hunter2" not in written.getvalue()


def test_a_code_and_a_reason_stay(written: io.StringIO) -> None:
    logs.logger("broker.tests").info("refused", code="consent-withheld", took_ms=12, ratio=0.25, ready=True, none=None)
    [line] = lines(written)
    assert (line["event"], line["code"], line["took_ms"]) == ("refused", "consent-withheld", 12)
    assert (line["ratio"], line["ready"], line["none"]) == (0.25, True, None)
    assert line["level"] == "info"
    assert line["logger"] == "broker.tests"


def test_a_line_is_one_line_whatever_is_in_it(written: io.StringIO) -> None:
    logs.logger("broker.tests").info('a line\nand "another"\r\n\u2028{"event": "forged"}')
    assert len(written.getvalue().splitlines()) == 1


def test_a_request_is_logged_by_its_route_and_never_its_address(written: io.StringIO) -> None:
    app = Flask("tests")
    logs.follow_requests(app)

    @app.get("/records/<handle>")
    def record(handle: str) -> str:
        logs.logger("broker.tests").info("inside")
        return handle

    answer = app.test_client().get("/records/abc123?name=Ada")
    inside, answered = lines(written)
    assert answered["route"] == "/records/<handle>"
    assert answered["status"] == 200
    assert inside["request"] == answered["request"] == answer.headers["X-Request-Id"]
    assert "abc123" not in written.getvalue()
    assert "Ada" not in written.getvalue()


def test_a_request_id_does_not_outlive_its_request(written: io.StringIO) -> None:
    app = Flask("tests")
    logs.follow_requests(app)
    app.test_client().get("/nowhere")
    logs.logger("broker.tests").info("after")
    assert "request" not in lines(written)[-1]


def test_a_requester_cannot_choose_the_request_id(written: io.StringIO) -> None:
    app = Flask("tests")
    logs.follow_requests(app)
    answer = app.test_client().get("/nowhere", headers={"X-Request-Id": "forged"})
    assert answer.headers["X-Request-Id"] != "forged"
    assert "forged" not in written.getvalue()
