"""A place with people in it, a trail, and somebody with an account of the broker's own."""

from __future__ import annotations

from dataclasses import dataclass

import pyotp
import pytest
from sqlalchemy.orm import Session, sessionmaker

from broker.accounts import account, passkeys, passwords, recovery, totp
from broker.accounts.passkeys import Site
from broker.accounts.proving import Door
from broker.audit.trail import Trail
from broker.federation.models import IdentityProvider
from broker.settings import Settings
from broker.vocabulary import ProviderKind
from tests import people
from tests.accounts.authenticator import Device
from tests.people import FOOD_BANK, NOON

PASSWORD = "three harbour lanterns"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ORIGIN = "https://broker.example"
SITE = Site.at(ORIGIN, label="Record sharing")


@dataclass(frozen=True)
class Kept:
    """The food bank's adviser, who has a password, an app, recovery codes and a passkey."""

    person: str
    name: str
    codes: list[str]
    device: Device

    def code(self, *, steps: int = 0) -> str:
        """What the app shows at noon, or ``steps`` half minutes later."""
        return pyotp.TOTP(SECRET).at(NOON, counter_offset=steps)


@pytest.fixture
def trail(sessions: sessionmaker[Session]) -> Trail:
    return Trail(sessions, key=bytes(32))


@pytest.fixture
def settled(session: Session) -> Session:
    people.settle(session)
    return session


@pytest.fixture
def door(settings: Settings, trail: Trail) -> Door:
    settings.data_folder.mkdir(mode=0o700, exist_ok=True)
    return Door(settings=settings, trail=trail, network="192.0.2.7", visit="this browser's cookie")


@pytest.fixture
def adviser(settled: Session, door: Door) -> Kept:
    device = Device()
    own = account.make(settled, "adviser", "Sol@Harvest.example", now=NOON)
    passwords.keep(settled, "adviser", PASSWORD, now=NOON)
    totp.keep(settled, door.settings.secret("totp"), "adviser", SECRET, used=0, now=NOON)
    codes = recovery.make(settled, "adviser", now=NOON)
    options = passkeys.to_make(SITE, challenge=b"c" * 32, handle=own.handle, name="sol", display="Sol", known=[])
    made = device.make(options, origin=ORIGIN)
    passkeys.add(settled, SITE, made, person="adviser", challenge=b"c" * 32, label="Telephone", now=NOON)
    settled.commit()
    return Kept("adviser", own.sign_in_name, codes, device)


def connected(name: str) -> IdentityProvider:
    """An organisation's own provider, for ties to it."""
    return IdentityProvider(
        id=name, kind=ProviderKind.ORGANISATION, organisation_code=FOOD_BANK, label=name, issuer="https://there.example",
        client_id="broker", authorization_endpoint="https://there.example/a", token_endpoint="https://there.example/t",
        jwks={"keys": []}, algorithms=["PS256"], client_algorithm="PS256", scopes="openid", added_at=NOON,
    )  # fmt: skip
