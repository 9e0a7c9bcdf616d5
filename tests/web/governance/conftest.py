"""Agreements on their way from a draft to in force, as their IG leads bring them there in a browser."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

import pytest
from werkzeug.test import TestResponse

from broker.agreements import actions
from broker.agreements.models import SharingAgreement
from tests.web.conftest import Door, Visitor

HIDDEN = re.compile(r'name="(digest|impact)" value="([0-9a-f]{64})"')
TYPED = re.compile(r'<textarea class="[^"]*broker-editor[^"]*" id="(text|conditions)"[^>]*>(.*?)</textarea>', re.DOTALL)


@dataclass
class Amendment:
    """A version of an agreement, and the people who bring it into force.

    ``path`` is its address. The overseer writes it; the surgery's guardian and the council's IG lead sign it.
    """

    door: Door
    path: str

    def __post_init__(self) -> None:
        self.id, _, number = self.path.removeprefix("/governance/agreements/").partition("/")
        self.number = int(number)

    @property
    def row(self) -> SharingAgreement:
        with self.door.broker.sessions() as session:
            return actions.version(session, self.id, self.number)

    @property
    def state(self) -> str:
        return self.row.state.value

    def submitted(self) -> Amendment:
        author = self.door.signed_in("overseer")
        assert author.send(f"{self.path}/submit", page=self.path).status_code == 303
        return self

    def worked_out(self) -> Amendment:
        author = self.door.signed_in("overseer")
        answer = author.send(f"{self.path}/impact")
        assert answer.status_code == 303, answer.text
        return self

    def signed_by(self, who: str, **form: str) -> TestResponse:
        return sign(self.door.signed_in(who), self.path, **form)

    def approved(self) -> Amendment:
        self.submitted().worked_out()
        for who in ("guardian", "ig-lead"):
            answer = self.signed_by(who)
            assert answer.status_code == 303, answer.text
        return self

    def in_force(self) -> Amendment:
        self.approved()
        answer = self.door.signed_in("overseer").send(f"{self.path}/put-in-force")
        assert answer.status_code == 303, answer.text
        return self


def sign(visitor: Visitor, path: str, **form: str) -> TestResponse:
    """Open the page for signing, and send its form as it stands, with whatever ``form`` says otherwise."""
    shown = visitor.get(f"{path}/sign")
    fields = dict(HIDDEN.findall(shown.text))
    return visitor.send(f"{path}/sign", page="/governance/playground", **{**fields, **form})


def typed(page: str) -> dict[str, str]:
    """What is in the editor: ``text`` and ``conditions``."""
    return {name: html.unescape(value) for name, value in TYPED.findall(page)}


def text_in_force(door: Door, agreement_id: str) -> str:
    with door.broker.sessions() as session:
        return actions.called(session, agreement_id).text


def without_problems(text: str) -> str:
    """The care agreement, with problems and conditions no longer shared."""
    changed = text.replace("  - section: problems\n    because: It is needed.\n", "")
    assert changed != text
    return changed


def with_money(text: str) -> str:
    """The care agreement, with money and benefits shared too."""
    changed = text.replace(
        "sections:\n", "sections:\n  - section: money-and-benefits  # asked for by the team\n    because: To help.\n"
    )
    assert changed != text
    return changed


def drafted(visitor: Visitor, agreement_id: str, text: str, conditions: str = "") -> TestResponse:
    """Propose ``text`` as the next version."""
    return visitor.send(f"/governance/agreements/{agreement_id}/change", text=text, conditions=conditions, do="save")


@pytest.fixture
def narrower(door: Door, ig_lead: Visitor) -> Amendment:
    """A draft of the care agreement that shares less. The overseer wrote it."""
    answer = drafted(ig_lead, "TB-CARE", without_problems(text_in_force(door, "TB-CARE")))
    assert answer.status_code == 303, answer.text
    return Amendment(door, answer.headers["Location"].partition("?")[0])


@pytest.fixture
def wider(door: Door, ig_lead: Visitor) -> Amendment:
    """A draft of the care agreement that shares more. The overseer wrote it."""
    answer = drafted(ig_lead, "TB-CARE", with_money(text_in_force(door, "TB-CARE")))
    assert answer.status_code == 303, answer.text
    return Amendment(door, answer.headers["Location"].partition("?")[0])
