"""Every page can be come upon: from somebody's first page, by the links that they see."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from broker.vocabulary import Role
from tests.people import FOOD_BANK
from tests.web.conftest import Door, Visitor
from tests.web.test_administration import employ

pytestmark = pytest.mark.slow
LINK = re.compile(r'href="(/[^"#]*)"')
MOST = 150  # pages of one person's; more would be a way that never ends

# What systems ask, and pictures within a page: nobody follows a link to these.
FOR_SYSTEMS = ("/.well-known/", "/api/", "/fhir/", "/health", "/ready", "/oauth/jwks", "/opa/")
# Pages that no link leads to, and why.
COME_UPON_OTHERWISE: dict[str, str] = {
    "/accept-invitation/choose": "follows an invitation's code",
    "/accept-invitation/password": "follows an invitation's code",
    "/my/proxies/asked": "follows asking to act for somebody",
    "/my/record/private": "a form of the record leads there; its address alone leads back",
    "/my/record/private/say": "the same",
    "/my/requests/said-no": "follows a no to a request",
    "/oauth/authorize": "a partner's system sends somebody there",
    "/sign-in/again": "an act that needs a fresh proof sends somebody there",
    "/signed-out": "follows signing out",
    "/your-sign-in/app": "only for whoever has an account of the broker's own",
    "/your-sign-in/passkey": "only for whoever has an account of the broker's own",
    "/your-sign-in/password": "only for whoever has an account of the broker's own",
}


@pytest.fixture
def everybody(door: Door) -> dict[str, Visitor]:
    employ(door, "boss", "Pia Lund", FOOD_BANK, Role.ADMINISTRATOR)
    cast = ("resident:ada", "adviser", "gp", "pantry-lead", "overseer", "boss")
    return {"nobody": door.visitor(), **{who: door.signed_in(who) for who in cast}}


def _pages(door: Door) -> set[str]:
    """The address of every page that somebody can open without knowing anything first."""
    rules = [rule for rule in door.app.url_map.iter_rules() if "GET" in (rule.methods or ()) and not rule.arguments]
    return {rule.rule for rule in rules if not rule.rule.startswith(FOR_SYSTEMS) and not rule.rule.endswith(".svg")}


def _walk(visitor: Visitor) -> Iterator[str]:
    """Every address that links lead to from the first page, each once; forms are not sent."""
    seen, waiting = {"/"}, ["/"]
    while waiting and len(seen) < MOST:
        address = waiting.pop(0)
        yield urlsplit(address).path
        answer = visitor.get(address)
        if answer.status_code in (302, 303):
            found = [answer.headers["Location"]]
        else:
            found = LINK.findall(answer.text) if answer.mimetype == "text/html" else []
        for each in map(html.unescape, found):
            if each not in seen and not each.startswith("/assets/"):
                seen.add(each)
                waiting.append(each)


def test_every_page_is_linked_from_somebodys_first_page(door: Door, everybody: dict[str, Visitor]) -> None:
    come_upon = {address for visitor in everybody.values() for address in _walk(visitor)}
    pages = _pages(door)
    assert len(pages & come_upon) > 20
    assert sorted(pages - come_upon - COME_UPON_OTHERWISE.keys()) == []
    assert sorted(COME_UPON_OTHERWISE.keys() - pages) == [], "an exception for a page that is not there"
    assert sorted(COME_UPON_OTHERWISE.keys() & come_upon) == [], "an exception that is none"
