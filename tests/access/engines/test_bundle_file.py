"""The bundle as a file: always the same for the same content, and what a real OPA makes of it."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import tarfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from broker.access.engines import Bundle, Unread, conformance
from broker.access.engines import bundle_file as bundle_file_module
from broker.access.engines.bundle_file import bundle_file, bundle_files, canonical, own_modules, pack
from broker.access.engines.embedded import EmbeddedEngine
from broker.access.engines.opa_http import OpaEngine
from broker.errors import EngineUnclear
from tests.access.engines.little import RULES, little_bundle, question
from tests.access.engines.opa_server import running_opa
from tests.house import machine


def names(packed: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed))) as tar:
        return tar.getnames()


def test_the_manifest_claims_the_brokers_roots_and_no_more() -> None:
    manifest = json.loads(bundle_files(little_bundle("2026-11-21T10:00:00Z/abc"))[".manifest"])
    assert manifest == {
        "revision": "2026-11-21T10:00:00Z/abc",
        "roots": ["broker", "conditions", "sharing"],
        "rego_version": 1,
    }


def test_the_same_content_gives_the_same_bytes_in_whatever_order_it_comes() -> None:
    modules = {"broker/b.rego": "package broker.b\n", "broker/a.rego": "package broker.a\n"}
    data = {"sharing": {"revision": "r1", "agreements": {"b": 1, "a": 2}}}
    turned = {"sharing": {"agreements": {"a": 2, "b": 1}, "revision": "r1"}}
    there = bundle_file(Bundle("r1", modules, data))
    back = bundle_file(Bundle("r1", dict(reversed(modules.items())), turned))
    assert there == back
    assert names(there) == [".manifest", "broker/a.rego", "broker/b.rego", "sharing/data.json"]


def test_other_content_gives_other_bytes() -> None:
    assert bundle_file(little_bundle("r1")) != bundle_file(little_bundle("r2"))


def test_json_is_written_as_opa_hashes_it() -> None:
    assert canonical({"b": "é\u2028", "a": [1]}) == '{"a":[1],"b":"é\\u2028"}'.encode()


def test_another_file_can_be_packed_beside_them() -> None:
    packed = pack({**bundle_files(little_bundle()), ".signatures.json": b"{}"})
    assert names(packed)[:2] == [".manifest", ".signatures.json"]


def test_a_bundle_no_engine_would_take_is_not_written() -> None:
    with pytest.raises(EngineUnclear):
        bundle_file(little_bundle(data={"broker": {}}))


@pytest.mark.needs("opa")
def test_a_real_opa_loads_it_and_answers() -> None:
    bundle = little_bundle("2026-11-21T10:00:00Z/abc")
    with running_opa(bundle) as url:
        engine = OpaEngine(url, patience=timedelta(seconds=5))
        engine.load(bundle)
        answer = engine.decide(question("one"), deadline=timedelta(seconds=5))
        engine.close()
    assert answer["revision"] == "2026-11-21T10:00:00Z/abc"


@pytest.mark.needs("opa")
def test_a_real_opa_answers_the_start_up_vectors_as_they_are_written() -> None:
    modules = {**conformance.modules(), "broker/decision/decision.rego": RULES}
    with running_opa(Bundle("conformance", modules, conformance.vectors()["data"])) as url:
        engine = OpaEngine(url)
        answers = {}
        for rule, asked, expected in conformance.cases():
            body = {"input": asked}
            path = f"{url}/v1/data/{rule.replace('.', '/')}"
            answer = engine._session.post(path, json=body, timeout=5).json()
            answers[rule] = (answer.get("result"), expected)
        engine.close()
    assert answers
    assert all(given == expected for given, expected in answers.values())


@pytest.mark.needs("opa")
def test_what_an_opa_server_reads_of_itself_is_formatted_and_passes_the_strict_check() -> None:
    file = Path(bundle_file_module.__file__).with_name("opa_log.rego")
    for arguments in (("fmt", "--list", "--fail"), ("check", "--strict")):
        said = subprocess.run([str(machine.opa()), *arguments, str(file)], capture_output=True, text=True, check=False)
        assert (said.returncode, said.stdout) == (0, ""), said.stderr


def test_only_an_opa_server_is_given_what_it_reads_of_itself() -> None:
    bundle = little_bundle(own=own_modules())
    assert set(bundle_files(bundle)) - set(bundle_files(little_bundle())) == {"system/log/log.rego"}
    engine = EmbeddedEngine()
    engine.load(bundle)
    assert engine.decide(question("one"), deadline=timedelta(seconds=5))["revision"] == "r1"
    engine.close()
    with pytest.raises(EngineUnclear, match="reads of itself"):
        bundle_files(little_bundle(own={"broker/more.rego": "package broker.more\n"}))


def test_data_that_is_written_already_is_taken_as_it_is() -> None:
    plain = little_bundle("r1", data={"sharing": {"revision": "r1", "agreements": {"b": 1, "a": [2]}}})
    written = canonical(plain.data["sharing"])
    unread = replace(plain, data=Unread(written), written=written)
    assert bundle_files(unread) == bundle_files(plain)
    assert dict(unread.data) == plain.data
    engine = EmbeddedEngine()
    engine.load(unread)
    engine.close()
    with pytest.raises(EngineUnclear, match="answers as"):
        EmbeddedEngine().load(replace(unread, revision="r2"))
