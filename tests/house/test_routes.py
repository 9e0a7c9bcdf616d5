"""Every route says who may use it, and no address can hold an NHS number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from broker.app import create_app
from broker.oauth.scopes import SCOPES
from broker.settings import Settings
from broker.vocabulary import Role
from broker.web.access import Public

TELLING = ("nhs", "number", "name", "born", "birth", "postcode")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    folder: Path = tmp_path_factory.mktemp("var")
    return create_app(Settings(data_folder=folder, demonstration=True))


def routes(app: Flask) -> Iterator[tuple[Rule, Callable[..., Any]]]:
    for rule in app.url_map.iter_rules():
        yield rule, app.view_functions[rule.endpoint]


def audience(view: Callable[..., Any], method: str) -> Any:
    """Who the view says it is for. A class of methods may say it for each."""
    kind = getattr(view, "view_class", None)
    return getattr(view, "audience", None) or getattr(kind and getattr(kind, method.lower(), None), "audience", None)


def test_every_route_names_who_may_use_it(app: Flask) -> None:
    silent = {
        f"{method} {rule.rule}"
        for rule, view in routes(app)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not audience(view, method)
    }
    assert silent == set()


def test_every_scope_that_a_route_needs_is_one_a_token_can_have(app: Flask) -> None:
    """And every scope there is opens something: one that opens nothing would be agreed to for nothing."""
    needed = {named for _, view in routes(app) if isinstance(named := audience(view, "get"), str)}
    scopes = {each.removeprefix("scope:") for each in needed if each.startswith("scope:")}
    assert scopes == set(SCOPES)


def test_every_route_for_machines_says_which_and_every_page_says_which_people(app: Flask) -> None:
    """A machine is anybody, an engine, or one with a scope; a page is for roles, or for anybody."""
    machines = {"public", "opa-server"}
    odd = set()
    for rule, view in routes(app):
        named = audience(view, "get")
        if isinstance(named, str):
            odd |= {rule.rule} if not (named in machines or named.startswith("scope:")) else set()
        else:
            odd |= {rule.rule} if not (named and all(isinstance(each, Role | Public) for each in named)) else set()
    assert odd == set()


def test_every_route_that_reads_a_token_is_behind_a_scope(app: Flask) -> None:
    """Whatever is at the API asks for a token, but for what says what the API is."""
    doors = ("/api/", "/access/")
    open_to_all = {
        rule.rule for rule, view in routes(app) if rule.rule.startswith(doors) and audience(view, "get") == "public"
    }
    assert {rule for rule in open_to_all if not rule.startswith("/api/docs")} == {
        "/api/openapi.json",
        "/api/vocabulary",
    }


def test_no_address_can_hold_what_says_who_somebody_is(app: Flask) -> None:
    telling = {rule.rule for rule, _ in routes(app) for part in rule.arguments if any(word in part for word in TELLING)}
    assert {rule for rule in telling if not rule.startswith("/assets/")} == set()


def test_every_route_that_changes_something_is_not_a_get(app: Flask) -> None:
    """A link must never act: whatever both reads and writes has two functions."""
    both = {rule.rule for rule, _ in routes(app) if {"GET", "POST"} <= (rule.methods or set())}
    assert both <= MAY_SHOW_ITS_FORM_AGAIN


# A page that shows a form and answers it at one address; its GET changes nothing.
MAY_SHOW_ITS_FORM_AGAIN: set[str] = set()
