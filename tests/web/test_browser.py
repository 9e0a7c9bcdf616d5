"""Whole journeys in a real browser, on a telephone and on a desk: nothing called elsewhere, a silent console."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import select
from werkzeug.serving import make_server

from broker.identity.models import Membership
from broker.vocabulary import Section
from tests.house import machine
from tests.people import ADA_NUMBER, ToldSource
from tests.web.conftest import Door

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]

PHONE, DESK = (375, 740), (1180, 900)

# What a page must be to be read aloud, worked out in the page itself.
FLAWS = """() => {
  const flaws = [];
  const all = (what) => [...document.querySelectorAll(what)];
  const words = (element) => element ? element.textContent.trim() : "";
  if (document.documentElement.lang !== "en-GB") flaws.push("no language");
  if (!document.title.includes(" – ")) flaws.push("no title");
  if (all("h1").length !== 1) flaws.push(`${all("h1").length} h1`);
  if (all("main").length !== 1) flaws.push("no main");
  const ids = all("[id]").map((each) => each.id);
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) flaws.push(`two of #${id}`);
  for (const field of all("input:not([type=hidden]), select, textarea"))
    if (!field.labels || !words(field.labels[0])) flaws.push(`no label: ${field.name}`);
  for (const group of all("fieldset"))
    if (!words(group.querySelector("legend"))) flaws.push("no legend");
  for (const pressed of all("a, button"))
    if (!words(pressed) && !pressed.getAttribute("aria-label")) flaws.push("a link or button without words");
  for (const name of ["aria-describedby", "aria-labelledby"])
    for (const named of all(`[${name}]`))
      for (const id of named.getAttribute(name).split(" "))
        if (id && !document.getElementById(id)) flaws.push(`described by nothing: #${id}`);
  for (const link of all('a[href^="#"]'))
    if (!document.getElementById(link.getAttribute("href").slice(1))) flaws.push(`leads nowhere: ${link.hash}`);
  let level = 0;
  for (const heading of all("main h1, main h2, main h3, main h4")) {
    const now = Number(heading.tagName[1]);
    if (level && now > level + 1) flaws.push(`h${level} then h${now}`);
    level = now;
  }
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth) flaws.push("scrolls sideways");
  return flaws;
}"""


@dataclass
class Journey:
    """One person's browser. Every page arrived at is looked over."""

    page: Page
    base: str
    door: Door
    said: list[str] = field(default_factory=list)
    went: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(10_000)
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.went.append(request.url))

    def open(self, path: str) -> None:
        self.page.goto(self.base + path)
        self.look()

    def press(self, words: str) -> None:
        """Press the button with these words, and look at what it leads to."""
        self.page.get_by_role("button", name=words, exact=True).click()
        self.look()

    def follow(self, words: str) -> None:
        self.page.get_by_role("link", name=words).first.click()
        self.look()

    def tick(self, label: str) -> None:
        self.page.get_by_label(label, exact=True).check(force=True)

    def become(self, who: str) -> None:
        if not who.startswith("resident:"):
            with self.door.broker.sessions() as session:
                who = f"membership:{session.scalars(select(Membership.id).where(Membership.person_id == who)).one()}"
        self.open("/demo/sign-in")
        self.page.locator(f'button[value="{who}"]').click()
        self.look()

    def look(self) -> None:
        self.page.wait_for_load_state()
        self.seen.append(self.page.title())
        assert self.page.evaluate(FLAWS) == [], self.page.url

    def shows(self, *words: str) -> None:
        text = self.page.inner_text("body")
        for each in words:
            assert each in text, f"{each!r} is not on {self.page.url}"

    def hides(self, *words: str) -> None:
        text = self.page.inner_text("body")
        for each in words:
            assert each not in text, f"{each!r} is on {self.page.url}"

    def find_ada(self) -> None:
        self.open("/partner/find")
        self.page.get_by_label("NHS number").fill(ADA_NUMBER)
        for part, value in (("Day", "14"), ("Month", "3"), ("Year", "1964")):
            self.page.get_by_label(part).fill(value)
        self.press("Continue")

    def ended_well(self) -> None:
        """Nothing went to another host, and the console had nothing to say but a refusal's own status."""
        assert [url for url in self.went if not url.startswith(self.base)] == []
        own = ("the server responded with a status of 4", "Clear-Site-Data header on")
        assert [text for text in self.said if not any(each in text for each in own)] == []


@pytest.fixture
def browser(door: Door) -> Iterator[Browser]:
    """Started once the door is open: the driver keeps an event loop in this thread, beside which no app can start."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(machine.chromium()), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def journey(browser: Browser, door: Door) -> Iterator[Callable[..., Journey]]:
    """Begin a journey on a screen of some size; each is checked at the end of the test."""
    server = make_server("127.0.0.1", 0, door.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    begun: list[tuple[Any, Journey]] = []

    def begin(size: tuple[int, int] = PHONE, *, scripts: bool = True) -> Journey:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, java_script_enabled=scripts, locale="en-GB"
        )
        made = Journey(context.new_page(), f"http://127.0.0.1:{server.server_port}", door)
        begun.append((context, made))
        return made

    yield begin
    for context, made in begun:
        context.close()
        made.ended_well()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_a_worker_asks_a_resident_agrees_to_less_and_stops(
    journey: Callable[..., Journey], size: tuple[int, int], told: dict[str, ToldSource]
) -> None:
    worker, resident = journey(size), journey(size)
    worker.open("/")
    worker.become("adviser")
    worker.find_ada()
    worker.press("Continue")  # with nothing chosen
    worker.shows("There is a problem", "Choose how you want to ask.")
    worker.tick("Ask the resident")
    worker.tick("Debt and money advice")
    worker.press("Continue")
    worker.tick("Housing")
    worker.tick("Money, debt and benefits")
    worker.tick("Four weeks")
    worker.page.get_by_label("Why you are asking").fill("To help with the rent.")
    worker.press("Send the request")
    code = worker.page.locator(".broker-code").inner_text()
    worker.open("/partner")
    worker.shows(code, "Waiting for an answer")

    resident.become("resident:ada")
    resident.shows("1 request waits for your answer")
    resident.follow("Harvest Shelf asks to see part of your record")
    resident.shows(code, "To help with the rent.", "Sol Marsh")
    resident.tick("Yes, but share less")
    resident.page.get_by_label("Money, debt and benefits").uncheck(force=True)
    resident.press("Send my answer")
    resident.shows("You have given permission.")

    worker.open("/partner")
    worker.follow(f"request {code}")
    worker.press("See what they agreed to")
    worker.shows("Ada Okoro", "Rent arrears", "This may not be everything.")
    worker.hides("Housing benefit")

    resident.open("/my/sharing")
    resident.follow("Stop or change")
    resident.press("Stop sharing")
    resident.shows("You have stopped sharing")
    worker.open("/partner")
    worker.follow(f"request {code}")
    worker.press("See what they agreed to")
    worker.shows("You cannot see this record", "The permission you were given has ended.")
    worker.hides("Rent arrears")

    resident.press("Share it again")
    resident.shows("You have shared it again.")
    resident.open("/my/activity")
    resident.shows("Saw part of your record", "told no", "Sol Marsh")
    assert told["council-housing"].asked == [frozenset({Section.HOUSING})]


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_a_clinician_reads_and_uses_emergency_access_and_it_shows(
    journey: Callable[..., Journey], size: tuple[int, int]
) -> None:
    clinician, resident, lead = journey(size), journey(size), journey(size)
    clinician.become("gp")
    clinician.find_ada()
    clinician.tick("My team already has permission")
    clinician.tick("Direct care")
    clinician.press("Continue")
    clinician.tick("Allergies and adverse reactions")
    clinician.tick("Problems and conditions")
    clinician.page.get_by_label("How your team already has permission").fill("In clinic with me.")
    clinician.press("See the record")
    clinician.shows("Penicillin", "Asthma", "Answered")
    clinician.find_ada()
    clinician.tick("It is an emergency")
    clinician.press("Continue")
    clinician.shows("a privacy officer is told")
    clinician.page.get_by_label("What is the emergency?").fill("Collapsed in the waiting room.")
    clinician.press("Use emergency access")
    clinician.shows("Emergency access.", "Penicillin")

    resident.become("resident:ada")
    resident.open("/my/activity")
    resident.shows("Emergency access", "For emergency care", "Dr Noor Vale")
    lead.become("overseer")
    lead.follow("Agreement TB-CARE")
    lead.shows("What makes it lawful")
    lead.open("/governance/decisions")
    lead.page.get_by_label("Outcome").select_option("permitted")
    lead.press("Show")
    lead.shows("Millrace Surgery: emergency care", "Millrace Surgery: direct care")
    lead.press("Sign out")
    lead.shows("You have signed out")


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_a_resident_closes_a_kind_of_information_and_opens_it_again(
    journey: Callable[..., Journey], size: tuple[int, int]
) -> None:
    resident = journey(size)
    resident.become("resident:ada")
    resident.open("/my/withhold")
    resident.press("Stop sharing this")
    resident.shows("There is a problem")
    resident.tick("Some kinds of sensitive information")
    resident.tick("Mental health")
    resident.tick("Every organisation")
    resident.press("Stop sharing this")
    resident.shows("From now on this is not shared.", "Mental health")
    resident.press("Share it again")
    resident.shows("You share this again")
    resident.press("Undo: do not share it")
    resident.shows("What you do not share")


def test_everything_works_without_scripts(journey: Callable[..., Journey]) -> None:
    worker, resident = journey(PHONE, scripts=False), journey(PHONE, scripts=False)
    worker.become("adviser")
    worker.find_ada()
    worker.tick("Ask the resident")
    worker.tick("Debt and money advice")
    worker.press("Continue")
    worker.tick("Housing")
    worker.tick("One week")
    worker.page.get_by_label("Why you are asking").fill("To help with the rent.")
    worker.press("Send the request")
    resident.become("resident:ada")
    resident.follow("Harvest Shelf asks to see part of your record")
    assert resident.page.get_by_label("Housing").is_visible()
    resident.tick("Yes, share all of this")
    resident.press("Send my answer")
    resident.press("Stop sharing")
    resident.shows("You have stopped sharing")


def test_the_pages_for_an_error_are_sound_too(journey: Callable[..., Journey]) -> None:
    visitor = journey()
    for path in ("/nowhere", "/sign-in", "/signed-out", "/partner"):
        visitor.open(path)
    visitor.become("resident:ada")
    visitor.open("/partner")
    visitor.shows("You cannot do this")


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_a_resident_reads_their_own_record_and_prints_one_page(
    journey: Callable[..., Journey], size: tuple[int, int], told: dict[str, ToldSource]
) -> None:
    told["millrace-gp"].holds = {section: tuple(f"{section.label} {n}" for n in range(12)) for section in Section}
    resident = journey(size)
    resident.open("/")
    resident.become("resident:ada")
    resident.open("/my")
    resident.follow("Your record")
    resident.shows("Your record", "About me 11", "From Millrace Gp", "Who can see this")
    resident.follow("Show one page to print")
    resident.shows("Not the whole record", "Left out of this page")
    assert _pages_printed(resident.page) == 1


def test_a_workers_page_to_print_is_one_page(journey: Callable[..., Journey], told: dict[str, ToldSource]) -> None:
    told["millrace-gp"].holds = {section: tuple(f"{section.label} {n} " * 6 for n in range(12)) for section in Section}
    worker = journey(DESK)
    worker.open("/")
    worker.become("gp")
    worker.find_ada()
    worker.open(worker.page.url.removeprefix(worker.base) + "/team-permission/direct-care")
    worker.page.locator('input[name="sections"][value="everything"]').check(force=True)
    worker.page.get_by_label("How your team already has permission").fill("Registered here.")
    worker.press("See the record")
    worker.press("Show one page to print")
    worker.shows("Not the whole record", "Page 1 of 1", "Dr Noor Vale")
    assert _pages_printed(worker.page) == 1


def _pages_printed(page: Page) -> int:
    """How many sheets Chromium would print."""
    return len(re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True)))
