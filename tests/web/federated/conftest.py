"""A broker connected to a certified provider of each kind, and somebody with a browser between the two."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from broker.federation import keys, providers
from broker.federation.metadata import fetch, pin
from broker.settings import Settings
from broker.vocabulary import ProviderKind
from tests.peers.running import run_peer
from tests.web.conftest import Door
from tests.web.federated.browser import OURS, Browser, Upstream
from tests.web.federated.places import ACCOUNTS, KINDS


@pytest.fixture(scope="session")
def secrets_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our keys towards the providers, made once: making one takes a second."""
    folder = tmp_path_factory.mktemp("towards-providers")
    for name in KINDS:
        keys.make(Settings(data_folder=folder), name)
    return folder


@pytest.fixture(scope="session")
def running(secrets_folder: Path) -> Iterator[str]:
    clients = [_client(name, kind, Settings(data_folder=secrets_folder)) for name, (kind, _) in KINDS.items()]
    with run_peer("provider.mjs", {"clients": clients, "accounts": ACCOUNTS}) as said:
        yield said["issuer"]


def _client(name: str, kind: ProviderKind, settings: Settings) -> dict[str, Any]:
    own = kind is ProviderKind.ORGANISATION
    return {
        "client_id": f"broker-at-{name}",
        "jwks": keys.public_set(settings, name),
        "redirect_uris": [f"{OURS}/sign-in/with/{name}/callback"],
        "backchannel_logout_uri": f"{OURS}/sign-in/with/{name}/back-channel-logout",
        "token_endpoint_auth_signing_alg": "PS256" if own else "RS512",
        "id_token_signed_response_alg": "PS256" if own else "RS512",
    }


@pytest.fixture
def upstream(running: str) -> Upstream:
    """The provider, with everybody as they are at first and nobody at the keyboard."""
    found = Upstream(running)
    found.sits(None)
    for name, account in ACCOUNTS.items():
        found.says(name, **account)
    return found


@pytest.fixture
def house(open_door: Callable[..., Door], upstream: Upstream, secrets_folder: Path) -> Door:
    """A broker with every kind of provider connected. Its clock is the provider's, until it is moved."""
    door = open_door()
    door.clock.at = datetime.now(UTC)
    shutil.copytree(
        secrets_folder / "secrets" / "providers", door.broker.settings.data_folder / "secrets" / "providers"
    )
    with door.broker.sessions() as session:
        for name, (kind, organisation) in KINDS.items():
            providers.add(
                session,
                name,
                kind=kind,
                label=name.replace("-", " ").title(),
                issuer=upstream.issuer,
                client_id=f"broker-at-{name}",
                organisation=organisation,
                pinned=pin(fetch(upstream.issuer), kind=kind, issuer=upstream.issuer),
                by="operator:tests",
                trail=door.broker.trail,
                now=door.clock(),
            )
    return door


@pytest.fixture
def browser(house: Door) -> Browser:
    return Browser(house.visitor(), house)
