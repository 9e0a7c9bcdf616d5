"""`broker providers try` says what is wrong with a provider before anybody signs in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.federation import keys
from broker.federation.models import IdentityProvider
from broker.federation.trying import Finding, findings
from tests.federation.forging import public, rsa
from tests.web.conftest import Door
from tests.web.federated.places import CARE, NHS

pytestmark = pytest.mark.needs("node")


def tried(house: Door, **changes: object) -> list[Finding]:
    """What is found of NHS login's shape, once it was changed here."""
    with house.broker.sessions() as session:
        provider = session.get_one(IdentityProvider, NHS)
        for name, value in changes.items():
            setattr(provider, name, value)
        return findings(house.broker.settings, provider, now=house.clock())


def wrong(found: list[Finding]) -> str:
    return " ".join(finding.words for finding in found if not finding.right)


def test_a_provider_that_knows_us_is_right_throughout(house: Door) -> None:
    found = tried(house)
    assert wrong(found) == ""
    assert found[-1] == Finding(True, "It knows our key.")


def test_a_provider_that_does_not_know_our_key_is_found_out(house: Door) -> None:
    folder = house.broker.settings.data_folder / "secrets" / "providers"
    (folder / f"{NHS}.json").write_text((folder / f"{CARE}.json").read_text())
    assert "with our key" in wrong(tried(house))


def test_a_key_that_is_not_there_is_a_wrong_setting(house: Door) -> None:
    with house.broker.sessions() as session:
        provider = session.get_one(IdentityProvider, NHS)
        elsewhere = replace(house.broker.settings, data_folder=house.broker.settings.data_folder / "elsewhere")
        with pytest.raises(Exception, match="cannot be read"):
            keys.assertion(elsewhere, provider, now=house.clock())


def test_keys_that_changed_there_are_found_out(house: Door) -> None:
    assert "refresh-keys" in wrong(tried(house, jwks=public(rsa("before"))))


def test_an_address_that_changed_there_is_found_out(house: Door, running: str) -> None:
    assert "token_endpoint" in wrong(tried(house, token_endpoint=f"{running}/token?before"))


def test_a_provider_that_is_not_there_is_found_out(house: Door) -> None:
    nowhere = "http://127.0.0.1:9"
    found = tried(house, issuer=nowhere, token_endpoint=f"{nowhere}/token", jwks_uri=f"{nowhere}/jwks")
    assert [finding.right for finding in found] == [False, False, False]
