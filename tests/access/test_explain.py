"""A decision in plain words: each listener is told what is theirs to know, and what would change it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from broker.access import explain
from broker.access.request import Decision, Pair
from broker.vocabulary import DenialReason, Disclosure, Layer, Section, Sensitivity

IN_LAW = frozenset(label for label in Sensitivity if label.in_law)


def decision(
    *pairs: Pair, reasons: tuple[DenialReason, ...] = (), disclosure: Disclosure = Disclosure.TELL
) -> Decision:
    return Decision(
        id="a-decision",
        pairs=pairs,
        reasons=reasons,
        duties=(),
        disclosure=disclosure,
        requestable=False,
        revision="a-revision",
        engine="regorus",
        decided_at=datetime(2026, 11, 21, 12, 0, tzinfo=UTC),
    )


def refused(section: Section, *reasons: DenialReason, source: str = "gp") -> Pair:
    return Pair(section, source, reasons=reasons, withheld_labels=frozenset(Sensitivity))


PERMITTED = Pair(Section.PROBLEMS, "gp", agreements=("CARE",), withheld_labels=IN_LAW)
WITHHELD = refused(Section.HOUSING, DenialReason.CONSENT_WITHHELD)
OUTSIDE = refused(Section.MONEY, DenialReason.SECTION_NOT_IN_AGREEMENT)


# ---- the requester ---------------------------------------------------------------------------------------------------


def test_a_requester_is_told_each_section_and_why() -> None:
    told = explain.for_requester(decision(PERMITTED, WITHHELD, OUTSIDE), clinical=False)

    assert [tuple(each) for each in told] == [
        (Section.MONEY, DenialReason.SECTION_NOT_IN_AGREEMENT.label),
        (Section.HOUSING, DenialReason.CONSENT_WITHHELD.label),
    ]


@pytest.mark.parametrize(
    ("disclosure", "clinical", "told"),
    [
        (Disclosure.TELL, False, True),
        (Disclosure.CLINICIANS, True, True),
        (Disclosure.CLINICIANS, False, False),
        (Disclosure.NEVER, True, False),
    ],
)
def test_a_requester_learns_of_a_choice_only_where_the_agreement_says_so(
    disclosure: Disclosure, clinical: bool, told: bool
) -> None:
    found = explain.for_requester(decision(WITHHELD, OUTSIDE, disclosure=disclosure), clinical=clinical)

    assert (DenialReason.CONSENT_WITHHELD in {each.reason for each in found}) is told
    assert DenialReason.SECTION_NOT_IN_AGREEMENT in {each.reason for each in found}


def test_a_requester_is_never_told_of_what_the_law_restricts() -> None:
    barred = refused(Section.PROBLEMS, DenialReason.RESTRICTED_IN_LAW)

    assert explain.for_requester(decision(barred), clinical=True) == []


def test_one_reason_for_one_section_is_said_once_with_its_sources() -> None:
    pairs = [refused(Section.HOUSING, DenialReason.SOURCE_NOT_IN_AGREEMENT, source=source) for source in ("a", "b")]

    (told,) = explain.for_requester(decision(*pairs), clinical=False)

    assert told.sources == ("a", "b")


def test_where_nothing_could_hold_what_was_asked_the_whole_request_is_explained() -> None:
    (told,) = explain.for_requester(decision(reasons=(DenialReason.NO_RELATIONSHIP,)), clinical=False)

    assert (told.section, told.reason) == (None, DenialReason.NO_RELATIONSHIP)


def test_reasons_come_in_the_order_of_the_layers() -> None:
    pairs = [
        refused(Section.HOUSING, DenialReason.CONSENT_NEEDED),
        refused(Section.MONEY, DenialReason.NO_AGREEMENT),
        refused(Section.PROBLEMS, DenialReason.NOT_A_MEMBER),
        refused(Section.ALERTS, DenialReason.BEYOND_TIER),
    ]

    layers = [each.reason.layer for each in explain.for_requester(decision(*pairs), clinical=False)]

    assert layers == [Layer.IDENTITY, Layer.RELATIONSHIP, Layer.AGREEMENT, Layer.CHOICES]


def test_a_missing_permission_comes_with_what_would_change_it() -> None:
    (told,) = explain.for_requester(decision(refused(Section.HOUSING, DenialReason.CONSENT_NEEDED)), clinical=False)

    assert told.hint == "Ask the resident."


# ---- the IG lead, and the resident -----------------------------------------------------------------------------------


def test_an_ig_lead_sees_every_reason_and_all_it_holds_for() -> None:
    found = explain.for_ig_lead(decision(PERMITTED, WITHHELD, OUTSIDE, disclosure=Disclosure.NEVER))

    assert [(each.layer, each.reason, each.pairs) for each in found] == [
        (Layer.AGREEMENT, DenialReason.SECTION_NOT_IN_AGREEMENT, ((Section.MONEY, "gp"),)),
        (Layer.CHOICES, DenialReason.CONSENT_WITHHELD, ((Section.HOUSING, "gp"),)),
    ]


def test_a_resident_is_told_what_was_shared_and_what_was_not_as_to_themselves() -> None:
    said = explain.for_resident(decision(PERMITTED, WITHHELD, disclosure=Disclosure.NEVER))

    assert said == [
        "Shared: Problems and conditions.",
        "Not shared: Housing. You chose not to share this.",
        "What the law protects was left out of everything.",
    ]


def test_a_resident_is_told_that_a_whole_request_was_refused() -> None:
    said = explain.for_resident(decision(reasons=(DenialReason.NO_RELATIONSHIP,)))

    assert said == ["Not shared: Everything asked for. They are not caring for you, or helping you, at the moment."]


@pytest.mark.parametrize("reason", list(DenialReason))
def test_every_reason_but_those_nothing_changes_has_a_hint(reason: DenialReason) -> None:
    unchangeable = {DenialReason.RESTRICTED_IN_LAW, DenialReason.SENSITIVE}

    assert bool(explain.hint(reason)) is (reason not in unchangeable)
