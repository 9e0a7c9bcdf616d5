"""Passkeys in a real browser, with a device of its own: made, used to sign in, used again, added and refused."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, sync_playwright
from sqlalchemy import select
from werkzeug.serving import make_server

from broker.identity.models import SignedInSession
from tests.house import machine
from tests.web.conftest import Door
from tests.web.test_accounts import invited
from tests.web.test_browser import DESK, PHONE, Journey

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]


@dataclass
class Someone:
    """A browser with a passkey device in it, which can be told to fail."""

    journey: Journey
    devtools: CDPSession
    device: str

    def unlocks(self, verified: bool) -> None:
        told = {"authenticatorId": self.device, "isUserVerified": verified}
        self.devtools.send("WebAuthn.setUserVerified", told)

    def keys(self) -> list[dict[str, Any]]:
        found = self.devtools.send("WebAuthn.getCredentials", {"authenticatorId": self.device})
        return list(found["credentials"])

    def make_account(self, code: str) -> None:
        self.journey.open("/accept-invitation")
        self.journey.page.get_by_label("Code").fill(code)
        self.journey.press("Continue")
        self.journey.page.get_by_label("Name you sign in with").fill("sol@harvest.example")
        self.journey.page.get_by_label("What to call this passkey").fill("My laptop")
        self.press("Make a passkey")

    def press(self, words: str) -> None:
        """Press a button behind which a passkey is asked for, and wait until it has led somewhere else."""
        page, before = self.journey.page, self.journey.page.url
        page.get_by_role("button", name=words, exact=True).click()
        page.wait_for_url(lambda url: url != before)
        self.journey.look()


@pytest.fixture
def served(open_door: Callable[..., Door]) -> Iterator[tuple[Door, str]]:
    """A door at a name of its own: browsers make no passkey for a bare address."""
    apps: list[Any] = []
    server = make_server("localhost", 0, lambda environ, start: apps[0](environ, start), threaded=True)
    base = f"http://localhost:{server.server_port}"
    door = open_door(public_url=base, staff_idle_seconds=3600)
    apps.append(door.app)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield door, base
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def browser(served: tuple[Door, str]) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(machine.chromium()), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def arrive(browser: Browser, served: tuple[Door, str]) -> Iterator[Callable[..., Someone]]:
    begun: list[tuple[Any, Journey]] = []

    def someone(size: tuple[int, int] = DESK) -> Someone:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, locale="en-GB")
        journey = Journey(context.new_page(), served[1], served[0])
        devtools = context.new_cdp_session(journey.page)
        devtools.send("WebAuthn.enable")
        options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
        options |= {"isUserVerified": True, "automaticPresenceSimulation": True}
        made = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        begun.append((context, journey))
        return Someone(journey, devtools, made["authenticatorId"])

    yield someone
    for context, journey in begun:
        context.close()
        journey.ended_well()


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_somebody_makes_a_passkey_signs_in_with_it_and_proves_it_again(
    arrive: Callable[..., Someone], served: tuple[Door, str], size: tuple[int, int]
) -> None:
    door, _ = served
    sol = arrive(size)
    sol.make_account(invited(door))
    sol.journey.shows("Sol Marsh")
    (key,) = sol.keys()
    assert (key["rpId"], key["isResidentCredential"], key["userName"]) == ("localhost", True, "sol@harvest.example")
    sol.journey.press("Sign out")

    sol.journey.open("/sign-in")
    sol.journey.follow("Sign in with an account of this service")
    sol.press("Use your passkey")
    sol.journey.shows("Your requests", "Sol Marsh")

    door.clock.forward(timedelta(minutes=6))
    sol.journey.open("/your-sign-in/passkey")
    sol.journey.shows("Show that it is still you")
    sol.press("Use your passkey")
    sol.journey.shows("Add a passkey")
    with door.broker.sessions() as session:
        kept = session.scalars(select(SignedInSession).where(SignedInSession.ended_at.is_(None))).one()
    assert (kept.means, kept.assurance, kept.authenticated_at) == ("passkey", 2, door.clock())


def test_a_device_that_does_not_unlock_proves_nothing(arrive: Callable[..., Someone], served: tuple[Door, str]) -> None:
    sol = arrive()
    sol.make_account(invited(served[0]))
    sol.journey.press("Sign out")
    sol.unlocks(False)
    sol.journey.open("/sign-in/account")
    sol.journey.page.get_by_role("button", name="Use your passkey", exact=True).click()
    sol.journey.page.get_by_role("alert").wait_for(state="visible")
    sol.journey.shows("Your passkey was not used. Try again.")
    sol.unlocks(True)
    sol.journey.open("/sign-in/account")
    sol.press("Use your passkey")
    sol.journey.shows("Sol Marsh")


def test_one_device_is_not_added_twice(arrive: Callable[..., Someone], served: tuple[Door, str]) -> None:
    sol = arrive()
    sol.make_account(invited(served[0]))
    sol.journey.open("/your-sign-in/passkey")
    sol.journey.page.get_by_role("button", name="Make a passkey", exact=True).click()
    sol.journey.page.get_by_role("alert").wait_for(state="visible")
    assert len(sol.keys()) == 1


def test_without_scripts_a_password_and_a_code_are_offered_and_no_dead_button(
    browser: Browser, served: tuple[Door, str]
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(served[1] + "/sign-in/account")
    assert not page.get_by_role("button", name="Use your passkey").is_visible()
    assert page.get_by_role("button", name="Sign in", exact=True).is_visible()
    assert "A passkey needs a browser that runs scripts." in page.inner_text("body")
    context.close()


def test_the_pages_about_signing_in_are_sound(arrive: Callable[..., Someone], served: tuple[Door, str]) -> None:
    sol = arrive(PHONE)
    code = invited(served[0])
    sol.journey.open("/accept-invitation")
    sol.journey.press("Continue")
    sol.journey.shows("There is a problem")
    sol.journey.page.get_by_label("Code").fill(code)
    sol.journey.press("Continue")
    sol.journey.follow("Choose a password, and set up an app")
    assert sol.journey.page.get_by_role("img").evaluate("picture => picture.naturalWidth") > 100
    sol.journey.press("Make the account")
    sol.journey.shows("There is a problem")
    sol.journey.open("/sign-in/account")
    sol.journey.press("Sign in")
    sol.journey.shows("The name, the password or the code is not right.")
