"""Whatever is another's answers as if it had never been: every route, every ordered pair, byte for byte.

A route that is not in the inventory fails here until somebody says which ids it takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from broker.app import create_app
from broker.settings import Settings
from broker.vocabulary import Role
from tests.attacks import inventory
from tests.attacks.town import OF_RESIDENTS, RESIDENTS, Kind, Town, asker, built, owners_of
from tests.conformance.rows import row

pytestmark = pytest.mark.slow
# What differs from one answer to the next whoever asks: a request's own id, and a form's token.
PASSING = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32,}")
REFERENCE = re.compile(rb'("reference": ?"|eference[^<]{0,20}<[^>]*>)[^"<]+')
PASSING_HEADERS = frozenset({"date", "x-request-id", "set-cookie", "dpop-nonce"})


@dataclass(frozen=True)
class Place:
    """One route, one method, and one kind of id that it takes; where the id is sent, by what name."""

    rule: Rule
    method: str
    kind: Kind
    argument: str | None

    @property
    def name(self) -> str:
        return f"{self.method} {self.rule.rule} [{self.kind.value}]"


def _application(folder: Path) -> Flask:
    return create_app(Settings(data_folder=folder, demonstration=True))


def _rules(app: Flask) -> list[tuple[Rule, str]]:
    rules = sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint))
    return [(rule, method) for rule in rules for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})]


def _kind_of(rule: Rule, argument: str) -> Kind | None:
    names = _names(rule, argument)
    return next((inventory.ADDRESSES[name] for name in names if name in inventory.ADDRESSES), None)


def _names(rule: Rule, argument: str) -> tuple[str, str, str]:
    """What the inventory may know an argument by, from the narrowest."""
    return f"{rule.endpoint}.{argument}", f"{rule.endpoint.partition('.')[0]}.{argument}", argument


def _places(app: Flask) -> list[Place]:
    places = []
    for rule, method in _rules(app):
        named = {argument: _kind_of(rule, argument) for argument in sorted(rule.arguments)}
        places += [Place(rule, method, kind, argument) for argument, kind in named.items() if kind is not None]
        places += [Place(rule, method, kind, None) for kind in inventory.SENT.get(rule.endpoint, {})]
    return places


@pytest.fixture
def town(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Town]:
    """A town of each test's own: trying what is one's own ends some of it."""
    with built(tmp_path_factory.mktemp("town"), sqlite_template) as town:
        yield town


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return _application(tmp_path_factory.mktemp("routes"))


def test_every_id_in_an_address_has_an_owner_or_is_published(app: Flask) -> None:
    unplaced = {
        f"{rule.endpoint}: <{argument}>"
        for rule, _ in _rules(app)
        for argument in rule.arguments
        if not inventory.ADDRESSES.keys() & set(_names(rule, argument))
    }
    assert unplaced == set(), "give each a kind in tests/attacks/inventory.py"


def test_everything_that_is_sent_has_been_looked_at(app: Flask) -> None:
    """A form that goes to an address with an id is tried with that id; any other says what it sends."""
    unplaced = {
        rule.endpoint
        for rule, method in _rules(app)
        if method not in ("GET",)
        and not rule.arguments
        and rule.endpoint not in inventory.SENT
        and rule.endpoint not in inventory.SENDS_NO_ID
    }
    assert unplaced == set(), "give each a place in SENT or SENDS_NO_ID of tests/attacks/inventory.py"


@row("T1")
def test_another_ones_thing_answers_as_if_it_had_never_been(town: Town) -> None:
    """For every route, and every ordered pair of those who have such things; and nothing of anybody's is changed."""
    before = town.snapshot()
    told, asked = [], 0
    for place in _places(town.house.app):
        for mine, other in permutations(owners_of(place.kind), 2):
            for how in _ways(place):
                theirs = _answer(town, place, mine, town.has[place.kind, other], how)
                nobodys = _answer(town, place, mine, _unknown(town.has[place.kind, other]), how)
                asked += 1
                if theirs != nobodys:
                    told.append(f"{place.name} by {how}, {mine} of {other}: {_difference(theirs, nobodys)}")
    assert told == [], "\n".join(told[:40])
    assert asked > 500
    assert town.snapshot() == before


def test_ones_own_thing_answers_otherwise(town: Town) -> None:
    """Or the comparison above would compare nothing."""
    silent = []
    for place in sorted(_places(town.house.app), key=_gentlest_first):
        differs = False
        for mine in owners_of(place.kind):
            own = _answer(town, place, mine, town.has[place.kind, mine], _ways(place)[0])
            nobodys = _answer(town, place, mine, _unknown(town.has[place.kind, mine]), _ways(place)[0])
            differs = differs or own != nobodys
            if differs:
                break
        if not differs and place.name not in SAME_FOR_ONES_OWN:
            silent.append(place.name)
    assert silent == []


def _gentlest_first(place: Place) -> tuple[bool, bool, str]:
    """What ends a thing comes after what only looks at it, or needs it as it was."""
    return place.method != "GET", not place.rule.rule.endswith("/block"), place.name


SAME_FOR_ONES_OWN = frozenset(
    {
        # RFC 7009 §2.2: giving back a token is answered alike whether or not there was one.
        "POST /oauth/revoke [token]",
        # Blocking whoever asked comes first here, and a request of theirs is then there no more. Looking at it differs.
        "POST /my/requests/<request_id> [own-request]",
        # Who signed in otherwise than by an account of ours changes none; tests/web/test_accounts.py has those who did.
        "POST /your-sign-in/passkey/<passkey_id>/remove [passkey]",
    }
)


# ---- asking --------------------------------------------------------------------------------------------------------


def _ways(place: Place) -> tuple[str, ...]:
    """As a worker and as a system, where a route is for both."""
    audience = _audience(place)
    if not isinstance(audience, str):
        return ("browser",)
    if audience == "public":
        return ("system",)
    return ("token",) if place.kind in OF_RESIDENTS else ("token", "system-token")


def _audience(place: Place) -> Any:
    return getattr(VIEWS[place.rule.endpoint], "audience", None)


VIEWS: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def _views(town: Town) -> None:
    VIEWS.update(town.house.app.view_functions)


def _answer(town: Town, place: Place, mine: str, id: str, how: str) -> tuple[Any, ...]:
    return _plain(_sent(town, place, mine, id, how), id)


def _sent(town: Town, place: Place, mine: str, id: str, how: str) -> TestResponse:
    options: dict[str, Any] = {}
    if place.argument is None:
        options = inventory.SENT[place.rule.endpoint][place.kind](town, mine, id)
    path = _path(place, id)
    if how == "browser":
        return _by_browser(town, place, mine, path, options)
    if how == "system":
        system = town.systems[mine]
        proof = system.proof("POST", path) if options.pop("proof", False) else None
        return system.post(path, options["system"], proof=proof)
    if place.method == "POST" and not options and place.rule.endpoint in inventory.BODIES:
        options = {"json": inventory.BODIES[place.rule.endpoint]}
    if how == "system-token":
        system = town.systems[mine]
        if f"system {mine}" not in town.tokens:
            town.tokens[f"system {mine}"] = system.own_token("residents.find access.request records.read")
        return system.call(place.method, path, town.tokens[f"system {mine}"], **options)
    answer: TestResponse = town.house.call(place.method, path, token=town.token(mine), **options)
    return answer


def _by_browser(town: Town, place: Place, mine: str, path: str, options: dict[str, Any]) -> TestResponse:
    browser = town.browser(mine, _role(place, mine))
    if place.method == "GET":
        return browser.get(path, **options)
    form = {**inventory.FORMS.get(place.rule.endpoint, {}), **options.get("form", {})}
    return browser.post(path, data={"csrf_token": town.form_token(browser), **form})


def _role(place: Place, mine: str) -> Role:
    if mine in RESIDENTS:
        return Role.RESIDENT
    audience = _audience(place)
    for role in (asker(mine), Role.IG_LEAD, Role.CALDICOTT_GUARDIAN, Role.PRIVACY_OFFICER, Role.ADMINISTRATOR):
        if mine in owners_of(Kind.APPLICATION) and role is asker(mine):
            continue
        if role in audience or not audience & set(Role):
            return role
    raise AssertionError(f"nobody of {mine} may open {place.name}")


def _path(place: Place, id: str) -> str:
    path = place.rule.rule
    for argument in place.rule.arguments:
        value = id if argument == place.argument else str(inventory.FILLED.get(argument, "0"))
        path = re.sub(rf"<(?:[^<>]*:)?{argument}>", value, path)
    return path


def _unknown(known: str) -> str:
    """An id of the same shape that was never given to anybody."""
    head, tail = known[:-12], known[-12:]
    return head + "".join({"0": "1", "a": "b"}.get(each, "0" if each.isdigit() else "a") for each in tail)


def _plain(answer: TestResponse, id: str) -> tuple[Any, ...]:
    body = answer.get_data().replace(id.encode(), b"<id>")
    body = REFERENCE.sub(b"<reference>", PASSING.sub(b"<passing>", body))
    headers = sorted(
        (name.lower(), value.replace(id, "<id>"))
        for name, value in answer.headers.items()
        if name.lower() not in PASSING_HEADERS
    )
    return answer.status_code, body, tuple(headers), "Set-Cookie" in answer.headers


def _difference(one: tuple[Any, ...], other: tuple[Any, ...]) -> str:
    if one[0] != other[0]:
        return f"{one[0]} and {other[0]}"
    if one[2] != other[2]:
        return f"headers {set(one[2]) ^ set(other[2])}"
    at = next((n for n, (a, b) in enumerate(zip(one[1], other[1], strict=False)) if a != b), 0)
    return f"{one[0]}, {one[1][max(0, at - 40) : at + 80]!r} and {other[1][max(0, at - 40) : at + 80]!r}"
