"""What an agreement and all above it open together: never more than any one of them, and nothing made up."""

from __future__ import annotations

from typing import Any

from benchmarks.cases import world
from broker.agreements.chains import chains

ENTRY: dict[str, Any] = {
    "level": "place", "place": "MG", "ancestors": [], "narrowed_by": {}, "state": "in-force", "signed": True,
    "from": 10, "until": 90, "recipients": {"organisations": {"A": True}, "kinds": {}},
    "purposes": {"direct-care": True, "emergency": True}, "sections": {"problems": True, "housing": True},
    "sources": {"organisations": {"GP": True}, "kinds": {}}, "roles": {"clinician": True},
    "labels": {"hiv": True, "mental-health": True}, "confidentiality": "implied", "disclosure": "tell",
    "break_glass": True, "conditions": False, "obligations": [{"obligation": "review"}],
}  # fmt: skip


def above(**differences: Any) -> dict[str, Any]:
    """The chain of an agreement that is under one with these differences."""
    named = {"organisations": {}, "kinds": {"gp-practice": True}}
    london = {**ENTRY, "place": None, "recipients": named, "sources": named, **differences}
    return chains({"OWN": {**ENTRY, "ancestors": ["LONDON"]}, "LONDON": london})["OWN"]


def test_a_set_has_what_every_level_names() -> None:
    chain = above(
        sections={"problems": True, "alerts": True}, labels={}, roles={"clinician": True}, purposes={"emergency": True}
    )

    assert chain["sections"] == {"problems": True}
    assert chain["labels"] == {}
    assert chain["roles"] == {"clinician": True}
    assert chain["purposes"] == {"emergency": True}


def test_one_level_that_is_not_signed_or_forbids_break_glass_speaks_for_all() -> None:
    assert (above()["signed"], above()["break_glass"]) == (True, True)
    assert above(signed=False)["signed"] is False
    assert above(break_glass=False)["break_glass"] is False


def test_explicit_permission_at_one_level_is_asked_for_at_all() -> None:
    assert above()["explicit"] is False
    assert above(confidentiality="explicit")["explicit"] is True


def test_states_places_and_disclosures_are_each_named_once() -> None:
    chain = above(state="suspended", place="EB", disclosure="never-tell")

    assert (chain["states"], chain["places"]) == (["in-force", "suspended"], ["EB", "MG"])
    assert chain["disclosures"] == ["never-tell", "tell"]
    assert (above()["states"], above()["places"]) == (["in-force"], ["MG"])


def test_it_begins_with_the_last_and_ends_with_the_first_and_keeps_every_instant() -> None:
    chain = above(**{"from": 20, "until": 80})

    assert (chain["from"], chain["until"]) == (20, 80)
    assert chain["instants"] == [10, 20, 80, 90]


def test_who_receives_and_gives_must_be_named_at_every_level() -> None:
    own = {"organisations": {"GP": True}, "kinds": {}}

    assert above()["sources"] == [own, {"organisations": {}, "kinds": {"gp-practice": True}}]


def test_a_level_that_another_implies_is_not_asked_twice() -> None:
    wider = {"organisations": {"GP": True, "OTHER": True}, "kinds": {"hospice": True}}

    assert above(sources=wider)["sources"] == [ENTRY["sources"]]
    assert above(sources=ENTRY["sources"])["sources"] == [ENTRY["sources"]]


def test_obligations_of_every_level_are_there_once_with_their_parameters() -> None:
    erase = {"obligation": "erase-after", "days": 30}

    assert above(obligations=[{"obligation": "review"}, erase])["obligations"] == [erase, {"obligation": "review"}]


def test_an_agreement_above_that_cannot_be_found_leaves_no_chain() -> None:
    assert "OWN" not in chains({"OWN": {**ENTRY, "ancestors": ["GONE"]}})


def test_an_agreement_that_nobody_receives_under_has_none() -> None:
    assert chains({"OWN": {**ENTRY, "recipients": {"organisations": {}, "kinds": {"gp-practice": True}}}}) == {}


def test_no_chain_opens_more_than_any_agreement_in_it() -> None:
    """Of two hundred made-up agreements, level by level."""
    sharing = world(200, tidy=False).data["sharing"]
    entries = sharing["agreements"]

    assert len(sharing["chains"]) > 100
    for id, chain in sharing["chains"].items():
        for member in (entries[id], *(entries[each] for each in entries[id]["ancestors"])):
            for name in ("purposes", "sections", "roles", "labels"):
                assert chain[name].keys() <= member[name].keys(), (id, name)
            assert chain["from"] >= member["from"]
            assert chain["until"] <= member["until"]
            assert member["state"] in chain["states"]
            assert not chain["signed"] or member["signed"]
