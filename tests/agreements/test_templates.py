"""A first text asks for no more than its kind of service needs, and needs only what the parties alone can say."""

from __future__ import annotations

import re
from typing import Any

import pytest

from broker.agreements import bundle, document, guide, templates
from broker.agreements.document import with_changes
from broker.agreements.findings import TO_FILL, check_text
from broker.errors import InvalidInput, NotFound
from broker.vocabulary import Purpose
from tests.policies.world import samples

TEMPLATES = {template.id: template for template in templates.every()}
EACH = pytest.mark.parametrize("id", sorted(TEMPLATES))
ABOVE = {"hospice": "LON-DIRECT-CARE", "safeguarding-partner": "LON-DIRECT-CARE"}
ODS = ("hospice", "safeguarding-partner")

ANSWERS: dict[str, Any] = {
    "parties[0].contact": "Ines Cordery, data protection lead",
    "parties[0].dspt.status": "met",
    "parties[0].dspt.on": "2025-06-20",
    "parties[1].contact": "ig@marlowe-green.example",
    "rights.privacy_notice": "https://lantern-row.example/privacy",
    "incidents.contact": "The contact of every party",
    "dpia.reference": "DPIA-7",
    "dpia.on": "2026-03-05",
    "review_on": "2027-03-31",
    "from_on": "2026-04-01",
    "until_on": "2028-03-31",
    "signatories[0].name": "Ines Cordery",
    "signatories[1].name": "Gareth Moyle",
}


def started(id: str) -> str:
    return templates.start(
        id,
        id="MG-NEW",
        organisation="XX9HO1" if id in ODS else "GB-CHC-9010001",
        name="A new service: help & company",
        place="MG",
        under=ABOVE.get(id, "LON-COMMUNITY"),
        givers=["XX9LA1"],
    )


def test_there_is_a_first_text_for_each_kind_of_service() -> None:
    assert set(TEMPLATES) == {
        "advice",
        "housing-advice",
        "befriending",
        "carers-support",
        "hospice",
        "domestic-abuse",
        "food-bank",
        "social-prescribing",
        "safeguarding-partner",
    }
    assert all(template.title and template.about for template in TEMPLATES.values())


@EACH
def test_what_is_left_to_fill_in_is_what_only_the_parties_can_say(id: str) -> None:
    found = check_text(started(id))

    assert {each.code for each in found} == {"to-fill"}
    assert {each.field for each in found} == set(ANSWERS)
    assert all(each.line for each in found)


@EACH
def test_a_first_text_that_is_filled_in_has_nothing_to_put_right(id: str) -> None:
    text = with_changes(started(id), ANSWERS)

    assert check_text(text) == []
    assert TO_FILL not in document.render(document.read_written(text).document)


@EACH
def test_every_field_is_explained_in_the_words_of_the_guide(id: str) -> None:
    text = started(id)
    comments = re.sub(r"\s+", " ", re.sub(r"^\s*# ", "", "\n".join(re.findall(r"^\s*# .*$", text, re.M)), flags=re.M))
    written = {re.sub(r"\[\d+\]", "[]", path) for path in _paths(document.paper.read(text).value, "")}

    for note in guide.notes():
        if note.path in written:
            assert note.about in comments, note.path


@EACH
def test_a_first_text_opens_no_more_than_its_purpose_could_need(id: str) -> None:
    agreement = document.read(with_changes(started(id), ANSWERS))
    tables = bundle.load_tables()["purposes"]
    needed = {section for purpose in agreement.purposes for section in tables[purpose]["sections"]}
    above = samples()[agreement.under or ""]

    assert {line.section for line in agreement.sections} <= needed
    assert {line.section for line in agreement.sections} <= {line.section for line in above.sections}
    assert set(agreement.purposes) <= set(above.purposes)
    assert set(agreement.roles) <= set(above.roles)
    assert set(agreement.labels) <= set(above.labels)
    assert not agreement.break_glass
    if all(purpose.within(Purpose.COMMUNITY_SERVICES) for purpose in agreement.purposes):
        assert agreement.labels == ()


def test_with_nobody_named_even_the_codes_are_left_to_fill_in() -> None:
    found = check_text(TEMPLATES["food-bank"].text)

    assert {each.code for each in found} == {"to-fill"}
    assert {"id", "title", "place", "under", "parties[0].organisation"} <= {each.field for each in found}


def test_a_name_is_only_ever_a_name() -> None:
    text = templates.start(
        "advice",
        id="MG-NEW",
        organisation="GB-CHC-9010001",
        name="x\nlabels: [hiv] # 'quoted' \"twice\"",
        place="MG",
        under="LON-COMMUNITY",
    )

    read = document.paper.read(text)
    assert read.blots == []
    assert read.value["labels"] == []
    assert read.value["title"] == "x labels: [hiv] # 'quoted' \"twice\""


@pytest.mark.parametrize("field", ["id", "organisation", "place", "under"])
def test_a_code_that_is_none_is_refused(field: str) -> None:
    given = {"id": "MG-NEW", "organisation": "XX9LA1", "place": "MG", "under": "LON-COMMUNITY", field: "a: b"}

    with pytest.raises(InvalidInput) as refused:
        templates.start("advice", name="x", **given)
    assert refused.value.field == field


def test_a_template_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound):
        templates.start("../agreements/mg-advice", id="A-B", organisation="XX9LA1", name="x", place="MG", under="LON-X")


def _paths(value: Any, path: str) -> list[str]:
    if isinstance(value, dict):
        inner = [_paths(each, f"{path}.{name}" if path else name) for name, each in value.items()]
    elif isinstance(value, list):
        inner = [_paths(each, f"{path}[{index}]") for index, each in enumerate(value)]
    else:
        inner = []
    return [path, *(each for group in inner for each in group)]
