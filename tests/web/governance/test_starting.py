"""Starting an agreement from a template: a short form, then a text that is nobody's until it is saved."""

from __future__ import annotations

import re

import pytest

from broker.agreements import templates
from tests.people import COUNCIL, FOOD_BANK
from tests.web.conftest import Door, Visitor
from tests.web.governance.conftest import typed

FORM = {"agreement": "TB-FOOD", "title": "Food parcels", "organisation": FOOD_BANK, "place": "TB"}


def test_every_kind_of_service_is_offered(ig_lead: Visitor) -> None:
    page = ig_lead.get("/governance/start").text
    for template in templates.every():
        assert f'href="/governance/start/{template.id}"' in page


@pytest.mark.parametrize("template", [each.id for each in templates.every()])
def test_a_template_becomes_a_text_about_that_organisation(ig_lead: Visitor, template: str) -> None:
    answer = ig_lead.send(f"/governance/start/{template}", **FORM, under="LON-COMMUNITY", givers=[COUNCIL])
    assert answer.status_code == 200, answer.text
    text = typed(answer.text)["text"]
    for words in ("id: TB-FOOD", FOOD_BANK, COUNCIL, "place: TB", "under: LON-COMMUNITY", "#"):
        assert words in text
    assert 'action="/governance/write"' in answer.text
    assert ig_lead.get("/governance/agreements/TB-FOOD").status_code == 404


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"agreement": ""}, "Give the agreement a short code."),
        ({"agreement": "tb food!"}, "Use letters, digits and hyphens only"),
        ({"agreement": "TB-CARE"}, "There is an agreement with this code already."),
        ({"title": ""}, "Say what the agreement is called."),
        ({"organisation": "nobody"}, "Choose the organisation that gives the service."),
        ({"place": ""}, "Choose the place."),
        ({"under": "none"}, "Choose the agreement this one is under."),
    ],
)
def test_what_is_missing_is_said_beside_its_field(ig_lead: Visitor, changes: dict[str, str], words: str) -> None:
    template = templates.every()[0].id
    answer = ig_lead.send(f"/governance/start/{template}", **{**FORM, "under": "LON-COMMUNITY", **changes})
    assert answer.status_code == 422
    assert words in answer.text
    (field,) = changes
    assert f'href="#{field}"' in answer.text
    assert f'id="{field}"' in answer.text


def test_an_agreement_is_started_for_ones_own_organisation_alone(door: Door) -> None:
    template = templates.every()[0].id
    council = door.signed_in("ig-lead")
    form = {**FORM, "under": "LON-COMMUNITY"}
    assert council.send(f"/governance/start/{template}", **{**form, "organisation": COUNCIL}).status_code == 200
    assert council.send(f"/governance/start/{template}", **form).status_code == 422
    offered = re.findall(r'<option value="([^"]+)"', council.get(f"/governance/start/{template}").text)
    assert FOOD_BANK not in offered


@pytest.mark.parametrize("who", ["guardian", "privacy-officer", "adviser"])
def test_only_an_ig_lead_starts_one(door: Door, who: str) -> None:
    assert door.signed_in(who).get("/governance/start").status_code == 403
    if who != "adviser":
        assert "Start an agreement" not in door.signed_in(who).get("/governance").text


def test_a_template_that_is_not_there_is_not_found(ig_lead: Visitor) -> None:
    assert ig_lead.get("/governance/start/none").status_code == 404
