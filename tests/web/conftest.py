"""A whole broker with the tests' cast behind real pages: real policy, real trail, told sources.

Every page is rendered strictly: a name of ours that is not there is an error, not an empty space.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import ChainableUndefined, FileSystemBytecodeCache, UndefinedError
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from broker import migrations
from broker.access.parts import Broker
from broker.agreements import actions as agreements
from broker.agreements.document import write
from broker.app import assemble, create_app
from broker.audit.trail import Entry
from broker.consent.models import AccessRequestRecord, Consent
from broker.database import open_engine, session_factory
from broker.doors import db
from broker.governance.publishing import publish
from broker.identity.models import Membership, Person
from broker.settings import Settings
from broker.vocabulary import AuditAction, Role, Section
from tests import people, texts
from tests.people import COUNCIL, FOOD_BANK, INTEGRATOR, NOON, SURGERY, ToldSource

TOKEN = re.compile(r'name="csrf_token" value="([0-9a-f]+)"')

SURGERY_HOLDS = {
    Section.DEMOGRAPHICS: ("Ada Okoro, 4 Weir Cottages",),
    Section.ALLERGIES: ("Penicillin", "Latex"),
    Section.PROBLEMS: ("Asthma",),
    Section.MEDICATIONS: (),
}
COUNCIL_HOLDS = {Section.HOUSING: ("Council tenancy", "Rent arrears"), Section.MONEY: ("Housing benefit",)}


PAGES = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole pages, one after another, take half a second each: they are left to `make test`."""
    for item in items:
        if item.path.is_relative_to(PAGES) and item.path.parent != PAGES:
            item.add_marker(pytest.mark.slow)


class Clock:
    """The time, standing still until it is moved."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at

    def forward(self, by: timedelta) -> None:
        self.at += by


@dataclass
class Door:
    """The door for people, with a clock that can be moved and somebody at the keyboard."""

    app: Flask
    clock: Clock

    @property
    def broker(self) -> Broker:
        broker: Broker = self.app.extensions["broker"]
        return broker

    def visitor(self) -> Visitor:
        return Visitor(self.app.test_client(), self)

    def signed_in(self, who: str) -> Visitor:
        visitor = self.visitor()
        visitor.become(who)
        return visitor

    def trail(self, *actions: AuditAction) -> list[Entry]:
        with self.broker.sessions() as session:
            return self.broker.trail.entries(session, actions=actions or None, limit=200)


@dataclass
class Visitor:
    """Somebody with a browser that has no JavaScript."""

    client: FlaskClient
    door: Door

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, **more)

    def send(self, path: str, *, page: str | None = None, **form: Any) -> TestResponse:
        """Open ``page`` (the form's own address where not given) for its token, then send the form to ``path``."""
        shown = self.client.get(page or path)
        token = TOKEN.search(shown.text)
        assert token is not None, f"{page or path} has no form: {shown.status}"
        fields = {name.replace("__", "[") + "]" if "__" in name else name: value for name, value in form.items()}
        return self.client.post(path, data={"csrf_token": token[1], **fields})

    def become(self, who: str) -> TestResponse:
        """Sign in as ``resident:<id>``, or as a person by id."""
        key = who if who.startswith("resident:") else f"membership:{self._membership(who)}"
        answer = self.send("/demo/sign-in", who=key)
        assert answer.status_code == 303, answer.text
        return answer

    def find(self, number: str, born_on: Any) -> str:
        """The address the search leads to."""
        answer = self.send(
            "/partner/find",
            nhs_number=number,
            born_on__day=str(born_on.day),
            born_on__month=str(born_on.month),
            born_on__year=str(born_on.year),
        )
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    def ask(self, found: str, *sections: Section) -> AccessRequestRecord:
        """Ask the resident for debt advice's sections, for four weeks."""
        answer = self.send(
            f"{found}/ask-resident/advice-debt",
            sections=[section.value for section in sections],
            length="28",
            reason="To help you with your rent.",
        )
        assert answer.status_code == 303, answer.text
        with self.door.broker.sessions() as session:
            record = session.get(AccessRequestRecord, answer.headers["Location"].rpartition("/")[2])
            assert record is not None
            return record

    def _membership(self, person: str) -> str:
        with self.door.broker.sessions() as session:
            return session.scalars(select(Membership.id).where(Membership.person_id == person)).one()


class StrictInOurs(ChainableUndefined):
    """Lets the components read options that were not given, and our own templates read nothing that is not there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A macro that is not called with a block has no caller, wherever it is called from.
        if self._undefined_name != "caller" and "broker/web/templates" in _template_asking():
            raise UndefinedError(self._undefined_message)


def _template_asking() -> str:
    """The file of the template whose code is running, innermost first."""
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.endswith(".jinja"):
            return name
        frame = frame.f_back  # type: ignore[assignment]
    return ""


@pytest.fixture
def told() -> dict[str, ToldSource]:
    """The sources, by id. A test may change what they say."""
    return {
        "millrace-gp": ToldSource("millrace-gp", SURGERY, SURGERY_HOLDS),
        "council-housing": ToldSource("council-housing", COUNCIL, COUNCIL_HOLDS),
    }


@pytest.fixture(scope="session")
def settled_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the cast settled, the tests' agreements in force and two sources: made once, then copied."""
    folder = tmp_path_factory.mktemp("settled") / "var"
    folder.mkdir()
    settings = Settings(data_folder=folder)
    engine = open_engine(settings.sqlalchemy_url)
    migrations.upgrade(engine)
    broker = assemble(settings, session_factory(engine))
    with broker.sessions() as session:
        people.settle(session)
        _employ(session, "overseer", "Ro Finch", INTEGRATOR, Role.IG_LEAD)
        _employ(session, "manager", "Lee Stone", FOOD_BANK, Role.CASE_WORKER)
        _employ(session, "pantry-lead", "Jo Reed", FOOD_BANK, Role.IG_LEAD)
        _employ(session, "guardian", "Dr Vi Moss", SURGERY, Role.CALDICOTT_GUARDIAN)
        _employ(session, "council-colleague", "Pat Lowe", COUNCIL, Role.IG_LEAD)
        _employ(session, "privacy-officer", "Al Dene", COUNCIL, Role.PRIVACY_OFFICER)
        people.connect(session, "millrace-gp", SURGERY)
        people.connect(session, "council-housing", COUNCIL)
        for document in (*texts.frameworks(), texts.advice(), texts.care()):
            agreements.adopt(session, write(document), by="operator:tests", trail=broker.trail, now=NOON)
        publish(broker, session, by="operator:tests", now=NOON)
    engine.dispose()
    return folder


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Templates compiled once for the whole run, not once for each test's application."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def open_door(
    settled_folder: Path, compiled: FileSystemBytecodeCache, tmp_path: Path, told: dict[str, ToldSource]
) -> Iterator[Callable[..., Door]]:
    """Open the door on a copy of the settled folder, with whatever settings a test names."""
    opened: list[Flask] = []

    def make(**changes: Any) -> Door:
        folder = tmp_path / f"var{len(opened)}"
        shutil.copytree(settled_folder, folder)
        clock = Clock()
        app = create_app(
            Settings(data_folder=folder, **{"decision_deadline_ms": 60_000, **changes}),
            clock=clock,
            make_source=lambda source: told[source.id],
        )
        app.jinja_env.undefined = StrictInOurs
        app.jinja_env.bytecode_cache = compiled
        opened.append(app)
        return Door(app, clock)

    yield make
    for app in opened:
        with app.app_context():
            db.engine.dispose()


def _employ(session: Session, person_id: str, name: str, organisation: str, role: Role) -> None:
    session.add(Person(id=person_id, name=name))
    session.flush()
    started = people.LONG_AGO
    works = {"person_id": person_id, "organisation_code": organisation, "role": role}
    session.add(Membership(**works, started_at=started, used_at=NOON))
    session.commit()


@pytest.fixture
def door(open_door: Callable[..., Door]) -> Door:
    return open_door(demonstration=True, lookups_per_minute=30)


@pytest.fixture
def visitor(door: Door) -> Visitor:
    return door.visitor()


@pytest.fixture
def adviser(door: Door) -> Visitor:
    """A case worker at the food bank."""
    return door.signed_in("adviser")


@pytest.fixture
def gp(door: Door) -> Visitor:
    """A clinician at Ada's surgery."""
    return door.signed_in("gp")


@pytest.fixture
def ada(door: Door) -> Visitor:
    return door.signed_in("resident:ada")


@pytest.fixture
def ig_lead(door: Door) -> Visitor:
    """The IG lead of the place's integrator, who answers for all of it."""
    return door.signed_in("overseer")


def choices_of(door: Door, resident: str) -> list[Consent]:
    with door.broker.sessions() as session:
        query = select(Consent).where(Consent.resident_id == resident).order_by(Consent.given_at, Consent.id)
        return list(session.scalars(query))
