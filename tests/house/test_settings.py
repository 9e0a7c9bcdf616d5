"""Every setting is documented, and a name that is not one is refused."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from broker.errors import Misconfigured
from broker.settings import Settings
from tests.house.settings_page import page
from tests.house.tree import ROOT, text_files


def test_every_setting_says_its_effect() -> None:
    assert [field.name for field in fields(Settings) if not field.metadata.get("doc", "").endswith(".")] == []


def test_the_page_of_settings_is_what_would_be_written() -> None:
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == page(), "run `make settings`"


def test_a_setting_that_is_named_in_the_documents_exists() -> None:
    known = {f"BROKER_{field.name.upper()}" for field in fields(Settings)}
    ours = re.compile(r"\bBROKER_(?!TEST_)[A-Z_]+\b")  # what begins with BROKER_TEST_ is for the tests alone
    documents = [path for path in text_files() if path.suffix == ".md" or path.name == "Dockerfile"]
    named = {(path.name, name) for path in documents for name in ours.findall(path.read_text())}
    assert {(where, name) for where, name in named if name not in known} == set()


def test_a_misspelt_setting_stops_the_broker() -> None:
    with pytest.raises(Misconfigured, match="BROKER_WORKRES"):
        Settings.from_environment({"BROKER_WORKRES": "4"})


@pytest.mark.parametrize(
    "host", ["http://gp.example", "gp.example/fhir", "*.example", "gp.example:x", "gp.example:", "a b"]
)
def test_a_host_that_is_none_stops_the_broker(host: str) -> None:
    with pytest.raises(Misconfigured, match="BROKER_EGRESS_HOSTS"):
        Settings.from_environment({"BROKER_EGRESS_HOSTS": f"gp.example, {host}"})


def test_hosts_are_names_and_addresses_with_or_without_a_port() -> None:
    listed = ("gp.example", "gp.example:8443", "10.0.0.1:80", "localhost:1", "::1", "[::1]:8080", "[fd00::1]")
    assert Settings.from_environment({"BROKER_EGRESS_HOSTS": ", ".join(listed)}).egress_hosts == listed
