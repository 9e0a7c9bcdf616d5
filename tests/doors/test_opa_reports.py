"""What OPA servers report is read within limits, kept without anybody's name, and taken from nobody else."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from broker.governance.models import EngineDecision, EngineReport
from broker.settings import Settings
from tests.doors.conftest import House, build_house

TOKEN = "let-me-in"
STATUS = {
    "labels": {"id": "opa-1", "version": "1.20.2"},
    "bundles": {"sharing": {"name": "sharing", "active_revision": "r1"}},
}
LINE = {
    "labels": {"id": "opa-1", "version": "1.20.2"},
    "decision_id": "d1",
    "path": "broker/decision/result",
    "bundles": {"sharing": {"revision": "r1"}},
    "input": {"request": {"id": "q1"}},
    "result": {"revision": "r1", "sha256": "0" * 64},
    "timestamp": "2026-11-20T12:00:00.123456789Z",
}


@pytest.fixture
def serving(settings: Settings) -> Iterator[House]:
    yield from build_house(replace(settings, bundle_token=TOKEN))


def post(house: House, path: str, value: Any, *, token: str | None = TOKEN, **more: Any) -> Any:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    options = {"data": content, "content_type": "application/json"} | more
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return house.client.post(path, headers=headers | options.pop("headers", {}), **options)


def kept(house: House) -> tuple[list[EngineReport], list[EngineDecision]]:
    with house.session() as session:
        return list(session.scalars(select(EngineReport))), list(session.scalars(select(EngineDecision)))


@pytest.mark.parametrize("place", ["", "/broker-1"])
def test_a_status_and_a_decision_log_are_kept(serving: House, place: str) -> None:
    assert post(serving, f"/opa/status{place}", STATUS).status_code == 204
    packed = gzip.compress(json.dumps([LINE]).encode())
    answer = post(serving, f"/opa/logs{place}", packed, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.data) == (204, b"")
    reports, decisions = kept(serving)
    assert [(each.id, each.version, each.revision) for each in reports] == [("opa-1", "1.20.2", "r1")]
    assert [(each.id, each.request, each.result_hash) for each in decisions] == [("d1", "q1", "0" * 64)]


@pytest.mark.parametrize("path", ["/opa/status", "/opa/logs", "/opa/logs/more"])
def test_nobody_else_may_report(serving: House, path: str) -> None:
    for token in (None, "", "guess"):
        assert post(serving, path, [], token=token).status_code == 401
    assert kept(serving) == ([], [])


def test_without_a_token_set_nothing_is_reported(house: House) -> None:
    for token in (None, "", TOKEN):
        for path in ("/opa/status", "/opa/logs"):
            assert post(house, path, [], token=token).status_code == 404


@pytest.mark.parametrize("path", ["/opa/status", "/opa/logs"])
def test_a_report_cannot_be_read_back(serving: House, path: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert serving.call(method, path, token=TOKEN).status_code == 405


def _without(name: str) -> dict[str, Any]:
    return {key: value for key, value in LINE.items() if key != name}


WRONG: dict[str, tuple[str, Any, int]] = {
    "not JSON": ("/opa/logs", b"{", 400),
    "not UTF-8": ("/opa/logs", b"\xff", 422),
    "nothing": ("/opa/logs", b"", 400),
    "a key twice": ("/opa/status", b'{"labels":{},"labels":{}}', 422),
    "too deep": ("/opa/logs", b"[" * 40 + b"]" * 40, 422),
    "NaN": ("/opa/logs", b"[NaN]", 422),
    "an object for a log": ("/opa/logs", LINE, 422),
    "a list for a status": ("/opa/status", [STATUS], 422),
    "a line that is none": ("/opa/logs", [LINE, "line"], 422),
    "no decision id": ("/opa/logs", [_without("decision_id")], 422),
    "no engine": ("/opa/logs", [_without("labels")], 422),
    "no time": ("/opa/logs", [_without("timestamp")], 422),
    "a time that is none": ("/opa/logs", [LINE | {"timestamp": "noon"}], 422),
    "a name that is too long": ("/opa/logs", [LINE | {"decision_id": "d" * 81}], 422),
    "a name of two lines": ("/opa/logs", [LINE | {"decision_id": "d\n1"}], 422),
    "a number for a name": ("/opa/status", STATUS | {"labels": {"id": 1, "version": "1"}}, 422),
    "no labels": ("/opa/status", {"bundles": {}}, 422),
    "bundles that are none": ("/opa/status", STATUS | {"bundles": ["sharing"]}, 422),
    "too many lines": ("/opa/logs", [{}] * 10_001, 422),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_read_is_refused_whole(serving: House, what: str) -> None:
    path, value, status = WRONG[what]
    answer = post(serving, path, value)
    assert answer.status_code == status
    assert answer.get_json()["code"]
    assert kept(serving) == ([], [])


def test_a_small_post_that_unpacks_into_a_very_large_one_is_refused(serving: House) -> None:
    bomb = gzip.compress(b" " * (64 * 1024 * 1024))
    assert len(bomb) < 100_000
    answer = post(serving, "/opa/logs", bomb, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.get_json()["code"]) == (413, "too-large")


def test_what_is_not_packed_as_it_says_is_refused(serving: House) -> None:
    packed = gzip.compress(b"[]")
    gzipped = {"Content-Encoding": "gzip"}
    assert post(serving, "/opa/logs", packed, headers=gzipped).status_code == 204
    for content in (b"[]", packed[:-4], packed + b"more", packed + packed, zlib.compress(b"[]"), b""):
        assert post(serving, "/opa/logs", content, headers=gzipped).status_code == 422
    for encoding in ("br", "gzip, gzip", "deflate"):
        assert post(serving, "/opa/logs", packed, headers={"Content-Encoding": encoding}).status_code == 415
    assert post(serving, "/opa/logs", b"[]", content_type="text/plain").status_code == 415


def test_the_same_line_twice_is_one_line(serving: House) -> None:
    for lines in ([LINE], [LINE, LINE], [LINE, LINE | {"decision_id": "d2"}]):
        assert post(serving, "/opa/logs", lines).status_code == 204
    assert sorted(each.id for each in kept(serving)[1]) == ["d1", "d2"]


def test_what_a_server_should_have_masked_is_not_kept(serving: House, caplog: pytest.LogCaptureFixture) -> None:
    told = LINE | {
        "input": {"request": {"id": "q1"}, "resident": {"id": "ada-okoro"}},
        "result": {"revision": "r1", "reasons": ["consent-withheld-here"]},
        "requested_by": "192.0.2.1",
        "query": "ada-okoro",
    }
    assert post(serving, "/opa/logs", [told]).status_code == 204
    with serving.session() as session:
        row = session.scalars(select(EngineDecision)).one()
    everything = " ".join(str(value) for value in vars(row).values()) + caplog.text
    assert row.result_hash != "0" * 64
    assert not any(word in everything for word in ("ada-okoro", "consent-withheld-here", "192.0.2.1"))


@pytest.mark.parametrize("number", ["9" * 5000, "1e999", "-1e999"])
def test_a_number_that_nothing_can_hold_is_a_bad_request(serving: House, number: str) -> None:
    line = json.dumps([LINE | {"result": {"a": 0}}]).replace('{"a": 0}', f'{{"a": {number}}}')
    assert post(serving, "/opa/logs", line.encode()).status_code in (400, 422)
    assert kept(serving) == ([], [])
