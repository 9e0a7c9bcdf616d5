"""London's tables say nothing the vocabulary does not know, and leave nothing out."""

from __future__ import annotations

from broker.agreements.bundle import load_tables
from broker.proxies import limits
from broker.vocabulary import OrganisationKind, Purpose, Role, Section, Sensitivity, Tier

TABLES = load_tables()
SECTIONS = {section.value for section in Section}
KINDS = {kind.value for kind in OrganisationKind}


def test_every_purpose_says_who_may_have_it_what_it_could_need_and_how_surely() -> None:
    exact = {purpose.value for purpose in Purpose if not purpose.grouping}
    assert TABLES["purposes"].keys() == TABLES["assurance"].keys() == exact  # nobody asks for a grouping
    for entry in TABLES["purposes"].values():
        assert entry.keys() == {"kinds", "sections"}
        assert set(entry["kinds"]) <= set(TABLES["record_kinds"]) <= KINDS
        assert set(entry["sections"]) <= SECTIONS
        assert entry["sections"] == sorted(set(entry["sections"]), key=list(Section).index)
    assert all(level in (1, 2, 3) for level in TABLES["assurance"].values())


def test_every_tier_says_what_it_sees() -> None:
    assert TABLES["tiers"].keys() == {tier.value for tier in Tier}
    seen = {tier: set(entry["sections"]) for tier, entry in TABLES["tiers"].items()}
    assert all(sections <= SECTIONS for sections in seen.values())
    assert len({frozenset(sections) for sections in seen.values()}) == len(seen)


def test_nobody_but_those_who_care_or_help_reads_a_record() -> None:
    overseers = {OrganisationKind.REGION, OrganisationKind.ICB, OrganisationKind.INTEGRATOR}
    assert not overseers & set(TABLES["record_kinds"])
    assert set(TABLES["record_roles"]) == {
        Role.CLINICIAN, Role.SOCIAL_WORKER, Role.CARE_COORDINATOR, Role.LINK_WORKER, Role.CASE_WORKER,
    }  # fmt: skip


def test_break_glass_is_for_clinicians_of_statutory_care_and_opens_no_more_than_the_purpose() -> None:
    glass = TABLES["break_glass"]
    statutory_care = {kind.value for kind in OrganisationKind if kind.statutory and kind.gives_care}

    assert set(glass["kinds"]) == set(TABLES["purposes"]["emergency"]["kinds"]) == statutory_care
    assert glass["roles"] == [Role.CLINICIAN]
    assert set(glass["sections"]) <= set(TABLES["purposes"]["emergency"]["sections"])
    assert set(glass["lifts"]) == {"relationship", "consent-needed"}
    assert glass["assurance"] == TABLES["assurance"]["emergency"] == 2


def test_what_is_read_of_ones_own_record_is_all_but_what_must_be_judged_first_and_no_organisations_purpose() -> None:
    own = TABLES["own_record"]
    judged_first = {Sensitivity.THIRD_PARTY, Sensitivity.SAFEGUARDING}

    assert TABLES["purposes"]["own-record"]["kinds"] == []
    assert set(TABLES["purposes"]["own-record"]["sections"]) == SECTIONS - {Section.SAFEGUARDING}
    assert TABLES["assurance"]["own-record"] == 3
    assert set(own["labels"]) == {label for label in Sensitivity if not label.in_law} - judged_first
    assert own.keys() == {"from_age", "labels", "labels_for_proxies"}


def test_the_policy_keeps_from_proxies_what_their_limits_say() -> None:
    own = TABLES["own_record"]

    assert set(own["labels_for_proxies"]) == limits.may_be_for_proxies == set(Sensitivity) - limits.never_for_proxies
    assert own["from_age"] == limits.OWN_PAGES_FROM
