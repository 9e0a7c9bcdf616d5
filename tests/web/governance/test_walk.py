"""A whole change in a real browser: written, reviewed, weighed, signed by two, in force, obeyed at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.web.conftest import Door
from tests.web.governance.conftest import text_in_force, with_money
from tests.web.test_browser import DESK, PHONE, Journey, browser, journey  # noqa: F401  fixtures

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]


def asks_as_clinician(clinician: Journey) -> None:
    clinician.find_ada()
    clinician.tick("My team already has permission")
    clinician.tick("Coordinating care")
    clinician.press("Continue")


def writes(author: Journey, text: str) -> None:
    """Propose a change: first one that cannot be read, then one that can."""
    author.follow("Agreement TB-CARE")
    author.press("Propose a change")
    box = author.page.get_by_label("The agreement’s text")
    box.fill(with_money(text).replace("confidentiality: implied", "confidentiality: perhaps"))
    author.press("Save draft")
    author.shows("1 thing to put right", "confidentiality", "Nothing is saved")
    box.fill(with_money(text))
    author.press("Check")
    author.shows("Nothing is wrong with it", "Newly allowed", "Money, debt and benefits")
    author.press("Save draft")
    author.shows("The draft is saved. Nothing is in force yet.")


def has_it_reviewed(author: Journey) -> None:
    author.press("Send for review")
    author.shows("It is in review.", "Waiting for a signature from Millrace Surgery and Testbourne Council.")
    author.shows("You cannot sign it.")
    author.follow("What it would do to real requests")
    author.press("Work it out")
    author.shows("Who would see more", "Money, debt and benefits")


def signs(signatory: Journey, who: str, organisation: str) -> None:
    signatory.become(who)
    signatory.follow("Agreement TB-CARE, version 2")
    signatory.press("Read and sign")
    signatory.shows("You sign exactly this text", "Newly allowed")
    signatory.press(f"Sign for {organisation}")
    signatory.shows("You have signed it.")


@pytest.mark.parametrize(("size", "scripts"), [(DESK, True), (PHONE, False)], ids=["desk", "phone without scripts"])
def test_a_change_is_written_signed_by_two_and_obeyed_at_once(
    journey: Callable[..., Journey],  # noqa: F811
    door: Door,
    size: tuple[int, int],
    scripts: bool,
) -> None:
    author, guardian, council, clinician = (journey(size, scripts=scripts) for _ in range(4))
    clinician.become("gp")
    asks_as_clinician(clinician)
    clinician.hides("Money, debt and benefits")

    author.become("overseer")
    writes(author, text_in_force(door, "TB-CARE"))
    has_it_reviewed(author)
    signs(guardian, "guardian", "Millrace Surgery")
    signs(council, "ig-lead", "Testbourne Council")
    asks_as_clinician(clinician)
    clinician.hides("Money, debt and benefits")
    author.open("/governance/agreements/TB-CARE/2")
    author.press("Put in force")
    author.shows("Who is affected")
    author.press("Put in force")
    author.shows("It is in force, from the very next request.")

    asks_as_clinician(clinician)
    clinician.tick("Money, debt and benefits")
    clinician.page.get_by_label("How your team already has permission").fill("In clinic with me.")
    clinician.press("See the record")
    clinician.shows("Housing benefit")
    author.open("/governance/decisions")
    author.follow("Why it came out so")
    author.shows("That you opened this decision is on the trail.", "Permitted: Money, debt and benefits")
    author.open("/governance/engines")
