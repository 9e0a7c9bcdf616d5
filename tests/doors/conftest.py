"""A whole broker for a test: the app, its cast, agreements in force, told sources, and tokens."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from broker import migrations
from broker.access.parts import Broker
from broker.agreements import actions as agreements
from broker.agreements.document import AgreementDocument, write
from broker.app import create_app
from broker.database import open_engine
from broker.governance.publishing import publish
from broker.settings import Settings
from broker.vocabulary import Section
from tests import texts
from tests.doors import proving
from tests.people import COUNCIL, NOON, SURGERY, ToldSource, connect, settle

BY = "operator:tests"


@dataclass
class House:
    """One running broker, with a clock a test can turn."""

    app: Flask
    broker: Broker
    sources: dict[str, ToldSource]
    time: list[datetime]
    bound: set[str] = field(default_factory=set)  # tokens that need a proof by proving.KEY

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def session(self) -> Session:
        return self.broker.sessions()

    def wait(self, how_long: timedelta) -> None:
        self.time[0] += how_long

    def adopt(self, *documents: AgreementDocument) -> None:
        """Put agreements in force and publish."""
        with self.session() as session:
            for document in documents:
                agreements.adopt(session, write(document), by=BY, trail=self.broker.trail, now=self.time[0])
            publish(self.broker, session, by=BY, now=self.time[0])

    def token(self, **who: str) -> str:
        answer = self.client.post("/demo/token", json=who)
        token: str = answer.get_json()["access_token"]
        return token

    def proof(self, path: str, *, method: str = "POST", token: str | None = None, **changes: Any) -> str:
        url = f"{self.broker.settings.issuer}{path}"
        return proving.proof(url, **{"method": method, "token": token, "now": self.time[0], **changes})

    def system_token(self, form: dict[str, Any]) -> str:
        """A token of a partner's system, which ``call`` presents with a proof each time."""
        answer = self.client.post("/oauth/token", data=form, headers={"DPoP": self.proof("/oauth/token")})
        token: str = answer.get_json()["access_token"]
        self.bound.add(token)
        return token

    def call(self, method: str, path: str, *, token: str | None = None, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if token in self.bound:
            headers = {"Authorization": f"DPoP {token}", "DPoP": self.proof(path, method=method, token=token)}
        return self.client.open(path, method=method, headers=headers, **options)


@pytest.fixture
def house(settings: Settings, sqlite_template: Path) -> Iterator[House]:
    """Testbourne, with a food bank that may ask, a surgery that may read, and two sources that know Ada."""
    yield from build_house(replace(settings, demonstration=True, lookups_per_minute=50), template=sqlite_template)


def build_house(settings: Settings, *, template: Path | None = None) -> Iterator[House]:
    """A broker on ``settings``. ``template`` is a migrated SQLite file to start from: quicker than migrating."""
    settings.data_folder.mkdir(mode=0o700)
    if template is not None:
        shutil.copy(template, settings.data_folder / "broker.sqlite3")
    engine = open_engine(settings.sqlalchemy_url)
    if template is None:
        migrations.upgrade(engine)
    time = [NOON]
    sources = {
        "millrace-gp": ToldSource(
            "millrace-gp",
            SURGERY,
            {
                Section.DEMOGRAPHICS: ("Ada Okoro",),
                Section.ALLERGIES: ("Penicillin",),
                Section.PROBLEMS: ("Asthma", "Diabetes"),
                Section.HOUSING: ("Lives alone",),
            },
        ),
        "council-care": ToldSource(
            "council-care", COUNCIL, {Section.HOUSING: ("Council tenancy",), Section.MONEY: ("Council tax arrears",)}
        ),
    }
    app = create_app(settings, clock=lambda: time[0], make_source=lambda source: sources[source.id])
    app.testing = False  # errors are answered as they would be for a user
    broker: Broker = app.extensions["broker"]
    with broker.sessions() as session:
        settle(session)
        for source in sources.values():
            connect(session, source.id, source.organisation)
    house = House(app=app, broker=broker, sources=sources, time=time)
    house.adopt(*texts.frameworks(), texts.advice(), texts.care())
    yield house
    broker.policy.engine.close()
    engine.dispose()


@pytest.fixture
def adviser(house: House) -> str:
    return house.token(person="adviser")


@pytest.fixture
def ada(house: House) -> str:
    return house.token(resident="ada")


@pytest.fixture
def gp(house: House) -> str:
    return house.token(person="gp")
