"""The policy bundle is served to whoever holds its token, and to nobody else."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import replace

import pytest

from broker.settings import Settings
from tests.doors.conftest import House, build_house


@pytest.fixture
def serving(settings: Settings) -> Iterator[House]:
    yield from build_house(replace(settings, bundle_token="let-me-in"))


def test_an_opa_server_is_given_the_revision_in_force_once(serving: House) -> None:
    answer = serving.call("GET", "/opa/bundles/sharing.tar.gz", token="let-me-in")
    assert answer.status_code == 200
    with tarfile.open(fileobj=io.BytesIO(answer.data)) as tar:
        manifest = json.load(tar.extractfile(".manifest"))  # type: ignore[arg-type]
    assert manifest["revision"] == serving.client.get("/ready").get_json()["revision"]
    headers = {"Authorization": "Bearer let-me-in", "If-None-Match": answer.headers["ETag"]}
    assert serving.client.get("/opa/bundles/sharing.tar.gz", headers=headers).status_code == 304


def test_the_wrong_token_or_none_gets_no_bundle(serving: House) -> None:
    for token in ("guess", None):
        assert serving.call("GET", "/opa/bundles/sharing.tar.gz", token=token).status_code == 401


def test_without_a_token_set_there_is_no_bundle_to_fetch(house: House) -> None:
    for token in ("", None, "let-me-in"):
        assert house.call("GET", "/opa/bundles/sharing.tar.gz", token=token).status_code == 404
