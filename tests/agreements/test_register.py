"""The record of processing activities says what the agreements say, and a spreadsheet runs none of it."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from broker.agreements.document import Part
from broker.agreements.register import ProcessingActivity, as_csv, processing_activities
from sandbox.neighbourhood import cast
from tests.policies.world import samples

NAMES = {each.code: each.name for each in cast.ORGANISATIONS}
BEFRIENDING = samples()["MG-BEFRIENDING"]


def of(agreement: str, controller: str) -> ProcessingActivity:
    found = processing_activities([samples()[agreement]], names=NAMES)
    return next(each for each in found if controller in each.controller)


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_an_activity_says_what_article_30_asks() -> None:
    kettle = of("MG-BEFRIENDING", "Kettle Hour")

    assert kettle.controller == "Kettle Hour Befriending (GB-CHC-9010003)"
    assert kettle.controller_contact == "Percy Wold, coordinator and data protection lead"
    assert kettle.purposes == "Social prescribing; Coordinating care"
    assert kettle.data_subjects == BEFRIENDING.data_subjects
    assert kettle.categories_of_data.startswith("About me; Person demographics")
    assert kettle.recipients == "Kettle Hour Befriending (GB-CHC-9010003)"
    assert kettle.transfers == "None is agreed outside the United Kingdom."
    assert kettle.retention == BEFRIENDING.retention
    assert kettle.security == BEFRIENDING.security
    assert "for Coordinating care: Article 6(1)(f) and Article 9(2)(h)" in kettle.lawful_basis
    assert (kettle.part_in_it, kettle.joint_controllers, kettle.processors) == ("Receives", "None", "None")


def test_every_controller_has_a_line_of_its_own_and_a_processor_has_none() -> None:
    first, *rest = BEFRIENDING.parties
    with_processor = replace(BEFRIENDING, parties=(first, replace(rest[0], part=Part.PROCESSOR), *rest[1:]))

    found = processing_activities([with_processor], names=NAMES)

    assert len(found) == len(BEFRIENDING.parties) - 1
    assert {each.processors for each in found} == {"Lock Keepers Surgery (XX9GP1)"}


def test_joint_controllers_name_each_other_and_nobody_else() -> None:
    region = of("LON-DIRECT-CARE", "Region")
    partnership = of("MG-NEIGHBOURHOOD-TEAMS", "Partnership")

    assert region.joint_controllers == "Osierbank Integrated Care Board (XX9ICB)"
    assert partnership.joint_controllers == "None"


def test_what_only_closes_processes_nothing() -> None:
    assert processing_activities([samples()["MG-NARROWING"]], names=NAMES) == []


def test_the_csv_holds_every_activity_in_order() -> None:
    activities = processing_activities(samples().values(), names=NAMES)
    head, *lines = rows(as_csv(activities))

    assert head[:4] == ["Agreement", "Title", "Controller", "Controller contact"]
    assert len(lines) == len(activities)
    assert [(line[0], line[2]) for line in lines] == sorted((each.agreement, each.controller) for each in activities)


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", " =1+1", "\t=1", "\r=1", "\n=1"])
def test_no_cell_is_a_formula(formula: str) -> None:
    activity = replace(of("MG-BEFRIENDING", "Kettle Hour"), title=formula)
    _, line = rows(as_csv([activity]))

    assert line[1].startswith("'")
    assert line[1][1:] == formula


def test_plain_words_are_left_as_they_are() -> None:
    activity = replace(of("MG-BEFRIENDING", "Kettle Hour"), title='Company, "and" tea; 1-1')

    assert rows(as_csv([activity]))[1][1] == 'Company, "and" tea; 1-1'
