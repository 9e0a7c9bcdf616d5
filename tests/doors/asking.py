"""What the tests of the AuthZEN door ask: one question, changed where a test needs it so, and who asks it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from broker.identity.models import Client
from broker.oauth import tokens
from broker.oauth.scopes import PARTNER_SCOPES
from broker.settings import Settings
from broker.vocabulary import AuditAction, Role
from tests.doors.conftest import House, build_house
from tests.doors.test_records import agree, find, view
from tests.people import FOOD_BANK, LONG_AGO

ADVISER = {"type": "person", "id": "adviser"}
SYSTEM = {"type": "client", "id": "harvest-system"}
FOR_DEBT = {"name": "share", "properties": {"purpose": "advice-debt"}}
HOUSING = {"type": "record-section", "id": "housing", "properties": {"resident": "$ada"}}
MONEY = {**HOUSING, "id": "money-and-benefits"}
PROBLEMS = {**HOUSING, "id": "problems"}
VACCINATIONS = {**HOUSING, "id": "vaccinations"}
BOTH = {"type": "record", "id": "$ada", "properties": {"sections": ["housing", "money-and-benefits"]}}
PATHS = ["evaluation", "evaluations", "search/subject", "search/resource", "search/action"]
EVERY = ["person-demographics", "housing", "money-and-benefits", "problems", "allergies-and-adverse-reaction"]
QUESTION = {"subject": ADVISER, "action": FOR_DEBT, "resource": HOUSING}

Ask = Callable[..., Any]


@pytest.fixture
def system(house: House) -> str:
    """A token of the food bank's own system."""
    with house.session() as session:
        session.add(
            Client(
                id="harvest-system",
                organisation_code=FOOD_BANK,
                name="Harvest Shelf casework",
                role=Role.CASE_WORKER,
                jwks={"keys": []},
                scopes=" ".join(PARTNER_SCOPES),
                registered_at=LONG_AGO,
            )
        )
        session.flush()
        text = tokens.issue(
            session,
            role=Role.CASE_WORKER,
            scopes=" ".join(PARTNER_SCOPES),
            settings=house.broker.settings,
            now=house.time[0],
            client="harvest-system",
            organisation=FOOD_BANK,
        )
        session.commit()
    return text


@pytest.fixture
def ask(house: House, adviser: str) -> Ask:
    """Ask as the adviser, of Ada where the question says ``$ada``."""
    return asking(house, adviser)


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[House]:
    """A house where Ada has agreed, for questions that change nothing but the trail."""
    settings = Settings(
        data_folder=tmp_path_factory.mktemp("steady") / "var", demonstration=True, decision_deadline_ms=60_000
    )
    for house in build_house(settings, template=sqlite_template):
        adviser, ada = house.token(person="adviser"), house.token(resident="ada")
        agree(house, adviser, ada, find(house, adviser))
        yield house


@pytest.fixture(scope="module")
def steadily(steady: House) -> Ask:
    """Ask as the adviser there; gives the answer, and the decisions it left on the trail."""
    asked = asking(steady, steady.token(person="adviser"))

    def of(body: Any, path: str = "evaluation") -> tuple[Any, list[Any]]:
        before = len(decisions(steady))
        answer = asked(body, path)
        after = decisions(steady)
        return answer, after[: len(after) - before]

    return of


@pytest.fixture
def agreed(house: House, adviser: str, ada: str) -> str:
    """Ada lets the food bank see what it asks for; gives the consent's id."""
    return agree(house, adviser, ada, find(house, adviser))


def asking(house: House, adviser: str) -> Ask:
    handle = find(house, adviser)

    def asked(body: Any, path: str = "evaluation", *, token: str = adviser, headers: Any = None) -> Any:
        said = json.loads(json.dumps(body).replace("$ada", handle))
        return post(house, path, token, json=said, headers=headers)

    return asked


def post(house: House, path: str, token: str | None, *, headers: Any = None, **options: Any) -> Any:
    sent = {"Authorization": f"Bearer {token}"} if token else {}
    return house.client.post(f"/access/v1/{path}", headers={**sent, **(headers or {})}, **options)


def but(body: dict[str, Any], path: str, value: Any = None) -> dict[str, Any]:
    """``body`` with what is at the dotted ``path`` replaced; taken out where there is no ``value``."""
    changed = copy.deepcopy(body)
    *outer, last = path.split(".")
    inside = changed
    for name in outer:
        inside = inside[name]
    inside.pop(last, None)
    if value is not None:
        inside[last] = value
    return changed


def codes(answer: dict[str, Any]) -> set[str]:
    return {reason["code"] for reason in answer["context"]["reasons"]}


def decisions(house: House) -> list[Any]:
    with house.session() as session:
        return house.broker.trail.entries(session, actions=[AuditAction.DECISION], limit=1000)


def as_both_doors_say(
    house: House, token: str, handle: str, *, who: str, purpose: str, sections: list[str]
) -> list[tuple[bool, bool]]:
    """Of each section alone: whether this door says yes, and whether the record door gives a view."""
    said = []
    for section in sections:
        body = {
            "subject": {"type": "person", "id": who},
            "action": {"name": "share", "properties": {"purpose": purpose}},
            "resource": {"type": "record-section", "id": section, "properties": {"resident": handle}},
        }
        here = post(house, "evaluation", token, json=body).get_json()
        there = view(house, token, handle, purpose=purpose, sections=[section])
        said.append((here["decision"], there.status_code == 200))
        if there.status_code == 403:
            there_said = [(reason["section"], reason["code"]) for reason in there.get_json()["reasons"]]
            assert [(reason["section"], reason["code"]) for reason in here["context"]["reasons"]] == there_said
            assert here["context"]["requestable"] == there.get_json()["requestable"]
    return said
