"""Every answer carries the same strict headers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from broker.web.headers import HEADERS
from tests.web.conftest import Door, Visitor

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'"
)


@pytest.mark.parametrize("path", ["/", "/demo/sign-in", "/partner", "/nowhere", "/assets/broker.css", "/my/sharing"])
def test_every_answer_carries_exactly_this_policy(visitor: Visitor, path: str) -> None:
    answer = visitor.get(path)
    assert answer.headers["Content-Security-Policy"] == POLICY
    for name, value in HEADERS.items():
        assert answer.headers[name] == value


@pytest.mark.parametrize("path", ["/", "/demo/sign-in", "/nowhere"])
def test_no_page_has_inline_code_or_style_or_names_another_host(visitor: Visitor, path: str) -> None:
    page = visitor.get(path).text
    assert "<script>" not in page
    assert "style=" not in page
    assert "<style" not in page
    assert "//" not in page.replace("http://www.w3.org/2000/svg", "")


def test_a_personal_page_is_kept_in_no_cache(ada: Visitor) -> None:
    assert ada.get("/my").headers["Cache-Control"] == "no-store"


def test_a_stylesheet_may_be_kept(visitor: Visitor) -> None:
    assert visitor.get("/assets/broker.css").headers["Cache-Control"] == "public, max-age=3600"


def test_transport_security_is_promised_only_where_there_is_https(
    visitor: Visitor, open_door: Callable[..., Door]
) -> None:
    assert "Strict-Transport-Security" not in visitor.get("/").headers
    secure = open_door(public_url="https://localhost", demonstration=True).visitor()
    assert secure.get("/").headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"


def test_over_https_cookies_are_bound_to_this_host(open_door: Callable[..., Door]) -> None:
    visitor = open_door(public_url="https://localhost", demonstration=True).visitor()
    page = visitor.get("/demo/sign-in", base_url="https://localhost")
    (cookie,) = page.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-broker-visit=")
    for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert attribute in cookie


def test_a_door_may_be_stricter(door: Door) -> None:
    with door.app.test_request_context("/"):
        from flask import Response

        from broker.web.headers import protect

        stricter = Response(headers={"Content-Security-Policy": "default-src 'none'"})
        assert protect(stricter).headers["Content-Security-Policy"] == "default-src 'none'"
