"""A house with partners' systems registered in it: the food bank's, and another organisation's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broker.identity.models import Client
from broker.oauth import pushed
from broker.oauth.scopes import PARTNER_SCOPES, RESIDENT_SCOPES
from broker.settings import Settings
from broker.vocabulary import Role
from tests.doors.conftest import House, build_house
from tests.oauth.client import CALLBACK, CIBA, Partner, new_key
from tests.people import BEFRIENDERS, FOOD_BANK, LONG_AGO

GRANT_TYPES = ["authorization_code", "refresh_token", "client_credentials", CIBA]
# Keys take time to make, and a test that needs a particular one makes it.
KEY, DPOP_KEY, OTHER_KEY, OTHER_DPOP_KEY = (new_key() for _ in range(4))


def register(
    house: House,
    client_id: str,
    organisation: str,
    *,
    key: Any = KEY,
    dpop_key: Any = DPOP_KEY,
    redirect_uri: str = CALLBACK,
    **changes: Any,
) -> Partner:
    """Register a client of ``organisation``; ``changes`` are columns. Gives the partner that has its keys."""
    columns = {
        "name": f"System of {organisation}",
        "role": Role.CASE_WORKER,
        "jwks": {"keys": [{**key.as_dict(private=False), "use": "sig"}]},
        "scopes": " ".join((*PARTNER_SCOPES, *RESIDENT_SCOPES)),
        "grant_types": list(GRANT_TYPES),
        "redirect_uris": [redirect_uri],
        "registered_at": LONG_AGO,
    }
    with house.session() as session:
        session.add(Client(id=client_id, organisation_code=organisation, **{**columns, **changes}))
        session.commit()
    return Partner(house=house, client_id=client_id, key=key, dpop_key=dpop_key, redirect_uri=redirect_uri)


def of_a_demonstration(settings: Settings) -> Settings:
    """People sign in by choosing who they are; nothing else of the authorization server differs."""
    return replace(settings, demonstration=True, lookups_per_minute=10_000, lookups_per_day=10_000)


@pytest.fixture
def house(settings: Settings, sqlite_template: Path) -> Iterator[House]:
    """Testbourne, as the doors' tests have it."""
    yield from build_house(of_a_demonstration(settings), template=sqlite_template)


@pytest.fixture
def fapi(house: House) -> Partner:
    """The food bank's own system, with every grant type a FAPI 2.0 client may have."""
    return register(house, "harvest-system", FOOD_BANK)


@pytest.fixture
def other(house: House) -> Partner:
    """Another organisation's."""
    callback = "https://two-chairs.example/cb"
    return register(house, "chairs-system", BEFRIENDERS, key=OTHER_KEY, dpop_key=OTHER_DPOP_KEY, redirect_uri=callback)


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Partner]:
    """The food bank's system in a house that a whole module of tests shares, for requests that are refused."""
    settings = Settings(data_folder=tmp_path_factory.mktemp("steady") / "var", decision_deadline_ms=60_000)
    with pytest.MonkeyPatch.context() as patch:
        # The clock stands still there, and a refusal must be for what a test is about.
        patch.setattr(pushed, "MOST_A_MINUTE", 1_000_000)
        yield from _steady(settings, sqlite_template)


def _steady(settings: Settings, template: Path) -> Iterator[Partner]:
    for house in build_house(of_a_demonstration(settings), template=template):
        partner = register(house, "harvest-system", FOOD_BANK)
        register(
            house,
            "chairs-system",
            BEFRIENDERS,
            key=OTHER_KEY,
            dpop_key=OTHER_DPOP_KEY,
            redirect_uri="https://two-chairs.example/cb",
        )
        yield partner


@pytest.fixture(scope="module")
def steady_other(steady: Partner) -> Partner:
    """The other organisation's there."""
    return Partner(steady.house, "chairs-system", OTHER_KEY, OTHER_DPOP_KEY, "https://two-chairs.example/cb")
