"""Who may open which page: each role its own, and nobody another's."""

from __future__ import annotations

import pytest
from flask import Flask

from broker.settings import Settings
from broker.vocabulary import Role
from broker.web.access import ADMINISTRATORS, GOVERNORS, PUBLIC, RESIDENTS, RESIDENTS_AND_PROXIES, WORKERS
from tests.web.conftest import Door, Visitor

AREAS = {"partner": WORKERS, "resident": RESIDENTS, "governance": GOVERNORS, "administration": ADMINISTRATORS}
# An IG lead looks after their organisation's own people and systems as well.
OPEN_TO = {"adviser": {"partner"}, "resident:ada": {"resident"}, "overseer": {"governance", "administration"}}
FIRST_PAGES = {"adviser": "/partner", "resident:ada": "/my", "overseer": "/governance"}


def _views(app: Flask) -> dict[str, frozenset[object]]:
    ours = ("web.", "sign_in.", "demonstration.", "partner.", "resident.", "governance.", "administration.")
    return {name: view.audience for name, view in app.view_functions.items() if name.startswith(ours)}  # type: ignore[attr-defined]


def test_every_view_states_its_audience_and_areas_do_not_mix(door: Door) -> None:
    views = _views(door.app)
    assert len(views) > 30
    for name, audience in views.items():
        area = AREAS.get(name.partition(".")[0])
        whole = frozenset(area) if area else frozenset({PUBLIC})
        # Within governance some pages are for fewer: whoever only reads is not offered the act.
        fewer = area is GOVERNORS and frozenset[object]() < audience < whole
        # And some of a resident's are for whoever acts for them too.
        proxies = area is RESIDENTS and audience == frozenset(RESIDENTS_AND_PROXIES)
        assert audience == whole or fewer or proxies, name


def test_no_role_belongs_to_two_areas() -> None:
    assert not set(WORKERS) & set(GOVERNORS)
    assert Role.RESIDENT not in (*WORKERS, *GOVERNORS)
    assert Role.OPERATOR not in (*WORKERS, *GOVERNORS, *RESIDENTS)


@pytest.mark.parametrize("path", FIRST_PAGES.values())
def test_somebody_not_signed_in_is_sent_to_sign_in_and_back(visitor: Visitor, path: str) -> None:
    sent = visitor.get(path)
    assert sent.status_code == 303
    assert sent.headers["Location"] == f"/sign-in?next={path}"


@pytest.mark.parametrize("who", FIRST_PAGES)
def test_each_may_open_their_own_pages_and_no_others(door: Door, who: str) -> None:
    visitor = door.signed_in(who)
    for owner, path in FIRST_PAGES.items():
        answer = visitor.get(path)
        assert answer.status_code == (200 if owner == who else 403), path
        if owner != who:
            assert "This page is for somebody in another role." in answer.text


def test_every_page_of_an_area_is_refused_to_everybody_else(door: Door) -> None:
    visitors = {who: door.signed_in(who) for who in FIRST_PAGES}
    arguments = {"handle": "x", "request_id": "x", "consent_id": "x", "agreement_id": "x", "route": "ask-resident"}
    arguments |= {"version": "1", "act": "suspend"}
    for rule in door.app.url_map.iter_rules():
        area = rule.endpoint.partition(".")[0]
        if area not in AREAS or "GET" not in (rule.methods or ()):
            continue
        with door.app.test_request_context():
            values = {name: arguments.get(name, "advice-debt") for name in rule.arguments}
            path = door.app.url_for(rule.endpoint, **values)
        for who, visitor in visitors.items():
            assert (visitor.get(path).status_code == 403) is (area not in OPEN_TO[who]), (path, who)


def test_the_first_page_is_open_to_all_and_says_the_three_ways_in(visitor: Visitor) -> None:
    page = visitor.get("/")
    assert page.status_code == 200
    for way in ("If the record is about you", "If you help or care for people here", "information governance"):
        assert way in page.text


def test_settings_say_whether_this_is_a_demonstration(door: Door) -> None:
    assert isinstance(door.broker.settings, Settings)
    assert "synthetic people only" in door.visitor().get("/").text
