"""Closing something to an organisation or to everybody: parts, kinds, or everything; and opening it again."""

from __future__ import annotations

import pytest

from broker.vocabulary import AuditAction, ProvisionType, Section, Sensitivity
from tests.people import ADA_BORN, ADA_NUMBER, SURGERY
from tests.web.conftest import Door, Visitor, choices_of


def _withheld(door: Door) -> list[tuple[str | None, frozenset[Section] | None, frozenset[Sensitivity] | None]]:
    with door.broker.sessions() as session:
        from broker.consent.models import Provision

        denied = session.query(Provision).where(Provision.type == ProvisionType.DENY, Provision.ended_at.is_(None))
        return [(each.organisation_code, each.sections, each.labels) for each in denied.order_by(Provision.id)]


@pytest.mark.parametrize(
    ("form", "kept"),
    [
        (
            {"what": "kinds", "labels": ["mental-health", "hiv"], "organisation": "everybody"},
            (None, None, frozenset({Sensitivity.MENTAL_HEALTH, Sensitivity.HIV})),
        ),
        (
            {"what": "parts", "sections": ["housing"], "organisation": SURGERY},
            (SURGERY, frozenset({Section.HOUSING}), None),
        ),
        ({"what": "everything", "organisation": SURGERY}, (SURGERY, None, None)),
        # What belongs to another answer is not taken for this one.
        ({"what": "everything", "labels": ["hiv"], "organisation": SURGERY}, (SURGERY, None, None)),
    ],
)
def test_exactly_what_was_chosen_is_withheld(
    door: Door, ada: Visitor, form: dict[str, object], kept: tuple[object, ...]
) -> None:
    answer = ada.send("/my/withhold", **form)
    assert "done=withheld" in answer.headers["Location"]
    assert "From now on this is not shared." in ada.get(answer.headers["Location"]).text
    assert _withheld(door) == [kept]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"organisation": "everybody"}, "Choose what not to share."),
        ({"what": "everything"}, "Choose who should not see it."),
        ({"what": "everything", "organisation": "XX9ZZZ"}, "Choose who should not see it."),
        ({"what": "kinds", "organisation": "everybody"}, "Choose at least one kind of information."),
        ({"what": "kinds", "labels": ["gender-recognition"], "organisation": "everybody"}, "Choose at least one kind"),
        ({"what": "parts", "organisation": "everybody"}, "Choose at least one part of your record."),
    ],
)
def test_a_choice_that_is_not_clear_changes_nothing(
    door: Door, ada: Visitor, form: dict[str, object], words: str
) -> None:
    answer = ada.send("/my/withhold", **form)
    assert answer.status_code == 422
    assert words in answer.text
    assert not _withheld(door)


def test_what_is_withheld_is_closed_on_the_very_next_look_even_to_her_own_surgery(
    door: Door, ada: Visitor, gp: Visitor
) -> None:
    patient = f"{gp.find(ADA_NUMBER, ADA_BORN)}/team-permission/direct-care"
    sent = {"sections": ["problems", "allergies-and-adverse-reaction"], "reason": "In clinic."}
    assert "Asthma" in gp.send(patient, **sent).text
    ada.send("/my/withhold", what="parts", sections=["problems"], organisation=SURGERY)
    page = gp.send(patient, **sent).text
    assert "Asthma" not in page
    assert "Penicillin" in page


def test_opening_it_again_and_thinking_better_of_it(door: Door, ada: Visitor) -> None:
    ada.send("/my/withhold", what="kinds", labels=["hiv"], organisation="everybody")
    choice = f"/my/sharing/{choices_of(door, 'ada')[0].id}"
    assert "Share it again" in ada.get(choice).text
    opened = ada.send(f"{choice}/stop", page=choice)
    assert "You share this again" in ada.get(opened.headers["Location"]).text
    assert not _withheld(door)
    ada.send(f"{choice}/again", page=opened.headers["Location"])
    assert _withheld(door) == [(None, None, frozenset({Sensitivity.HIV}))]
    assert len(door.trail(AuditAction.CONSENT_NARROWED)) == 2


def test_an_organisation_chosen_on_the_page_before_is_chosen_here(ada: Visitor) -> None:
    page = ada.get(f"/my/withhold?organisation={SURGERY}").text
    assert f'value="{SURGERY}" checked' in page
    assert "closed even in an emergency" in page


def test_what_the_law_withholds_is_not_offered_as_a_choice(ada: Visitor) -> None:
    assert "Gender Recognition Act" not in ada.get("/my/withhold").text
