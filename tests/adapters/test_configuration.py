"""What an operator may configure, and that everything else is refused by its name before a source is ever asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters import KINDS, check_configuration
from broker.errors import InvalidInput

BASE = {"base_url": "https://fhir.example/r4"}


def refused(kind: str, configuration: dict[str, Any]) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        check_configuration(kind, configuration)
    return caught.value


def test_the_kinds_are_named() -> None:
    files = {"cld-csv", "casework-csv", "children-csv", "housing-csv", "social-prescribing-csv"}
    national = {"gp-connect-structured", "pds-fhir", "nrl", "patient-flags"}
    assert set(KINDS) == {"fhir-r4", "open-referral-uk", "hosted", *files, *national}


def test_an_unknown_kind_is_refused() -> None:
    error = refused("fax", {})
    assert (error.code, error.field) == ("source-kind-unknown", "kind")


@pytest.mark.parametrize(
    "address",
    [
        "http://fhir.example/r4",
        "http://10.0.0.7/r4",
        "ftp://fhir.example/",
        "fhir.example",
        "https://user:password@fhir.example/",
        "https://fhir.example/r4?apikey=1",
        "https://fhir.example/r4#top",
        "",
        7,
        None,
    ],
)
@pytest.mark.parametrize("kind", ["fhir-r4", "open-referral-uk"])
def test_an_address_that_is_not_https_and_plain_is_refused(kind: str, address: Any) -> None:
    assert refused(kind, {"base_url": address}).field == "base_url"


@pytest.mark.parametrize(
    "address", ["https://fhir.example", "https://fhir.example:8443/r4/", "http://127.0.0.1:8091/fhir"]
)
def test_a_plain_https_address_or_one_of_this_machine_is_accepted(address: str) -> None:
    check_configuration("fhir-r4", {"base_url": address})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("search", "put"),
        ("strategy", "hopeful"),
        ("page_size", 0),
        ("page_size", 100_000),
        ("page_size", "many"),
        ("page_size", True),
        ("sections", "problems,nonsense"),
        ("sections", []),
        ("sections", 7),
        ("bearer_secret", ""),
        ("bearer_secret", ["a"]),
        ("verify", False),
        ("timeout", 99),
    ],
)
def test_a_wrong_value_is_refused_by_its_key(key: str, value: Any) -> None:
    error = refused("fhir-r4", {**BASE, key: value})
    assert (error.code, error.field) == ("source-configuration-invalid", key)


def test_values_may_be_text_as_a_command_line_gives_them() -> None:
    check_configuration("fhir-r4", {**BASE, "page_size": "50", "sections": "problems, allergies-and-adverse-reaction"})


def test_nothing_turns_certificate_checks_off() -> None:
    for kind in KINDS.values():
        assert not [name for name in kind.keys if "verify" in name or "insecure" in name or "tls" in name]


def test_every_key_says_what_it_is_for() -> None:
    for kind in KINDS.values():
        assert all(key.doc for key in kind.keys.values())


def test_the_operators_page_names_every_kind_and_every_key() -> None:
    page = (Path(__file__).parents[2] / "docs" / "connect-a-source.md").read_text()
    for name, kind in KINDS.items():
        assert f"`{name}`" in page
        assert [key for key in kind.keys if f"`{key}`" not in page] == []
