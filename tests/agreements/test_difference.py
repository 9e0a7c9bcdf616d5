"""What a new version changes is said in sentences, and called wider wherever it could open more."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.agreements import document
from broker.agreements.difference import Change, ChangeKind, Difference, difference
from broker.agreements.document import AgreementDocument, Written
from broker.errors import InvalidInput
from broker.vocabulary import Confidentiality, Disclosure, Purpose
from tests.policies.world import samples

ADVICE = samples()["MG-ADVICE"]
WIDER, NARROWER, COMPATIBLE = ChangeKind.WIDER, ChangeKind.NARROWER, ChangeKind.COMPATIBLE


def after(change: Callable[[dict[str, Any]], Any], *, of: AgreementDocument = ADVICE) -> AgreementDocument:
    value = copy.deepcopy(of.as_mapping())
    change(value)
    return document.from_mapping(value)


def the_change(change: Callable[[dict[str, Any]], Any], *, of: AgreementDocument = ADVICE) -> Change:
    """The one change that is found."""
    (found,) = difference(of, after(change, of=of)).changes
    return found


def section(code: str) -> dict[str, str]:
    return {"section": code, "because": "It is needed."}


def without(name: str, code: str) -> Callable[[dict[str, Any]], Any]:
    return lambda v: v[name].remove(code)


# ---- every kind of change ------------------------------------------------------------------------------------------

OTHER = {"organisation": "GB-CHC-9010003", "part": "controller", "receives": True, "gives": False}
CHANGES: list[tuple[Callable[[dict[str, Any]], Any], ChangeKind, bool, str]] = [
    (without("purposes", "advice-debt"), NARROWER, False, "It may no longer be used for debt and money advice."),
    (
        lambda v: v["purposes"].append("carers-support"),
        WIDER,
        False,
        "It may now be used for support for carers; residents are asked before it is.",
    ),
    (lambda v: v["sections"].pop(6), NARROWER, False, "Case workers may no longer see Housing."),
    (lambda v: v["sections"].append(section("alerts")), WIDER, False, "Case workers may now see Alerts."),
    (
        lambda v: v["sections"][6].update(because="Repairs."),
        COMPATIBLE,
        False,
        "The reason for sharing Housing is put in other words.",
    ),
    (lambda v: v["sources"]["organisations"].remove("XX9GP1"), NARROWER, False, "XX9GP1 is no longer a source."),
    (lambda v: v["sources"]["organisations"].append("XX9AC1"), WIDER, True, "Adds XX9AC1 as a source."),
    (
        lambda v: v["sources"]["kinds"].append("pharmacy"),
        WIDER,
        True,
        "Adds every organisation of this kind as a source, Pharmacy.",
    ),
    (lambda v: v["roles"].append("link-worker"), WIDER, True, "Adds the role social prescribing link worker."),
    (lambda v: v["labels"].append("hiv"), WIDER, True, "May now release what is marked HIV."),
    (
        lambda v: v["lawful_basis"].update(powers="An Act."),
        COMPATIBLE,
        False,
        "The powers or conditions relied on are stated differently.",
    ),
    (
        lambda v: v.update(disclosure="tell-clinicians"),
        NARROWER,
        False,
        "When something is withheld: only clinicians are told.",
    ),
    (lambda v: v["obligations"].pop(0), WIDER, True, "Drops a duty, tell the resident."),
    (
        lambda v: v["obligations"].append({"obligation": "review"}),
        NARROWER,
        False,
        "Adds a duty: review this use of emergency access.",
    ),
    (lambda v: v["obligations"][0].update(within_days=7), WIDER, True, "Changes how a duty is met, tell the resident."),
    (
        lambda v: v.update(retention="For ever."),
        WIDER,
        True,
        "What is said of how long it is kept has changed, and may mean longer.",
    ),
    (
        lambda v: v.update(onward_sharing="To anybody."),
        WIDER,
        True,
        "What is said of passing it on has changed, and may mean further.",
    ),
    (
        lambda v: v["flow"].update(hosting="Elsewhere."),
        WIDER,
        True,
        "What is said of where it is held has changed, and may mean somewhere less safe.",
    ),
    (
        lambda v: v["flow"].update(method="By post."),
        COMPATIBLE,
        False,
        "How information travels is put in other words.",
    ),
    (lambda v: v.update(until_on="2029-03-31"), WIDER, False, "It ends on 31 March 2029 and not on 31 March 2028."),
    (
        lambda v: v.update(until_on="2027-12-31"),
        NARROWER,
        False,
        "It ends on 31 December 2027 and not on 31 March 2028.",
    ),
    (lambda v: v.update(from_on="2026-03-10"), WIDER, False, "It begins on 10 March 2026 and not on 1 April 2026."),
    (lambda v: v.update(review_on="2027-06-30"), COMPATIBLE, False, "The review has moved."),
    (lambda v: v.update(title="Advice"), COMPATIBLE, False, "The title has changed."),
    (lambda v: v["rights"].update(complaints="The trustees."), COMPATIBLE, False, "Who answers residents has changed."),
    (
        lambda v: v["parties"][0].update(contact="Somebody else"),
        COMPATIBLE,
        False,
        "What is said of GB-CHC-9010001 has changed.",
    ),
    (lambda v: v["signatories"][0].update(name="Noah Pettifer"), COMPATIBLE, False, "Who signs has changed."),
    (lambda v: v["purposes"].reverse(), COMPATIBLE, False, "The same things are said in another order."),
    (lambda v: v.update(place="EB"), WIDER, True, "It is for residents of another place."),
    (lambda v: v.update(under="LON-OTHER"), WIDER, True, "It is now under LON-OTHER, which may allow more."),
]


@pytest.mark.parametrize(("change", "kind", "again", "sentence"), CHANGES, ids=[each[3][:48] for each in CHANGES])
def test_each_change_is_one_plain_sentence(
    change: Callable[[dict[str, Any]], Any], kind: ChangeKind, again: bool, sentence: str
) -> None:
    found = the_change(change)

    said = f"{sentence.rstrip('.')}: permissions already given will be asked for again." if again else sentence
    assert (found.kind, found.asks_again, found.sentence) == (kind, again, said)


def test_a_part_instead_of_the_whole_is_narrower() -> None:
    """Purposes are an ontology: all advice gives way to advice on debt."""
    whole = after(lambda v: v.update(purposes=["advice"]))
    part = after(lambda v: v.update(purposes=["advice-debt"]))

    narrowed, widened = difference(whole, part), difference(part, whole)

    assert {change.kind for change in narrowed.changes} == {NARROWER}
    assert {code for change in narrowed.changes for code in change.codes} == {"advice-housing", "advice-benefits"}
    assert {change.kind for change in widened.changes} == {WIDER}
    assert not widened.asks_again  # the new part is asked for, and what was given stands


def test_the_whole_in_place_of_all_its_parts_opens_neither_more_nor_less() -> None:
    found = the_change(lambda v: v.update(purposes=["advice"]))

    assert found.kind is COMPATIBLE


def test_an_organisation_that_comes_to_receive_is_asked_about_by_name() -> None:
    def joined(v: dict[str, Any]) -> None:
        v["parties"].append(OTHER)
        v["signatories"].append({"organisation": OTHER["organisation"], "name": "Percy Wold", "role": "ig-lead"})

    changes = difference(ADVICE, after(joined))

    assert [(change.kind, change.codes) for change in changes.wider] == [(WIDER, ("GB-CHC-9010003",))]
    assert not changes.asks_again
    back = difference(after(joined), ADVICE)
    assert [change.codes for change in back.narrower] == [("GB-CHC-9010003",)]


def test_emergency_access_comes_and_goes_with_its_purpose() -> None:
    care = samples()["MG-NEIGHBOURHOOD-TEAMS"]
    closed = after(lambda v: (v.update(break_glass=False), v["purposes"].remove("emergency")), of=care)

    assert {change.kind for change in difference(care, closed).changes} == {NARROWER}
    opened = difference(closed, care)
    assert {change.field for change in opened.wider} == {"purposes", "break_glass"}
    assert opened.asks_again


def test_another_basis_in_law_is_asked_about_again_purpose_by_purpose() -> None:
    found = the_change(
        lambda v: v["lawful_basis"].update(
            also=[{"purposes": ["advice-debt"], "article_6": "6(1)(f)", "article_9": "9(2)(a)"}]
        )
    )

    assert (found.kind, found.asks_again, found.codes) == (WIDER, True, ("advice-debt",))


@pytest.mark.parametrize(("old", "new"), list(product(Confidentiality, Confidentiality)))
def test_only_the_way_to_the_residents_own_word_is_narrower(old: Confidentiality, new: Confidentiality) -> None:
    care = samples()["MG-NEIGHBOURHOOD-TEAMS"]
    changes = difference(replace(care, confidentiality=old), replace(care, confidentiality=new))

    if old is new:
        assert changes.same
    else:
        narrower = (
            new is Confidentiality.EXPLICIT
            or old is Confidentiality.LAW
            or (old is Confidentiality.S251 and new is Confidentiality.IMPLIED)
        )
        assert (changes.narrower != ()) is narrower
        assert changes.asks_again is not narrower


@pytest.mark.parametrize(("old", "new"), list(product(Disclosure, Disclosure)))
def test_to_tell_more_people_that_something_is_withheld_is_wider(old: Disclosure, new: Disclosure) -> None:
    changes = difference(replace(ADVICE, disclosure=old), replace(ADVICE, disclosure=new))
    tells = {each: sum(each.tells(clinical=clinical) for clinical in (True, False)) for each in Disclosure}

    assert bool(changes.wider) is (tells[new] > tells[old])
    assert bool(changes.narrower) is (tells[new] < tells[old])


def test_what_only_closes_is_judged_the_other_way_round_by_its_days() -> None:
    narrowing = samples()["MG-NARROWING"]

    assert the_change(lambda v: v.update(until_on="2029-03-31"), of=narrowing).kind is NARROWER
    assert the_change(lambda v: v.update(until_on="2027-12-31"), of=narrowing).kind is WIDER
    assert the_change(lambda v: v["sections"].pop(), of=narrowing).kind is NARROWER


def test_conditions_can_only_refuse_so_to_add_them_is_narrower_and_to_change_them_is_not() -> None:
    def written(conditions: str | None) -> Written:
        return Written(ADVICE, "", conditions)

    added = difference(written(None), written("deny"))
    changed = difference(written("deny"), written("deny less"))
    dropped = difference(written("deny"), written(None))

    assert [change.kind for change in added.changes] == [NARROWER]
    assert [(change.kind, change.asks_again) for change in (*changed.changes, *dropped.changes)] == [(WIDER, True)] * 2
    assert difference(written("deny"), written("deny")).same


def test_a_first_version_is_wider_in_all_it_opens_and_asks_nobody_again() -> None:
    first = difference(None, ADVICE)

    assert {change.kind for change in first.changes} == {WIDER}
    assert {"parties", "purposes", "sections"} <= {change.field for change in first.changes}
    assert not first.asks_again
    assert {change.kind for change in difference(None, samples()["MG-NARROWING"]).changes} == {NARROWER}


@pytest.mark.parametrize("of", sorted(samples()))
def test_a_version_does_not_differ_from_itself(of: str) -> None:
    assert difference(samples()[of], samples()[of]) == Difference(())


# ---- what holds for any two versions -------------------------------------------------------------------------------

_LISTS: Mapping[str, list[str]] = {
    "purposes": [purpose.value for purpose in Purpose if purpose.within(Purpose.COMMUNITY_SERVICES)],
    "roles": ["case-worker", "link-worker", "care-coordinator"],
    "labels": ["hiv", "mental-health"],
    "sections": ["housing", "problems", "alerts", "money-and-benefits"],
    "sources": ["XX9LA1", "XX9GP1"],
    "obligations": ["notify-resident", "review"],
}


@st.composite
def versions(draw: st.DrawFn) -> AgreementDocument:
    """The advice agreement, with anything an amendment might touch drawn afresh."""
    chosen = {
        name: draw(st.lists(st.sampled_from(codes), unique=True, min_size=name not in ("labels", "obligations")))
        for name, codes in _LISTS.items()
    }
    value = {
        **ADVICE.as_mapping(),
        "purposes": chosen["purposes"],
        "roles": chosen["roles"],
        "labels": chosen["labels"],
        "sections": [section(code) for code in chosen["sections"]],
        "sources": {"organisations": chosen["sources"], "kinds": draw(st.sampled_from([[], ["pharmacy"]]))},
        "obligations": [{"obligation": code} for code in chosen["obligations"]],
        "confidentiality": draw(st.sampled_from(["explicit", "law"])),
        "disclosure": draw(st.sampled_from([each.value for each in Disclosure])),
        "until_on": draw(st.sampled_from(["2027-12-31", "2028-03-31"])),
        "retention": draw(st.sampled_from(["One year.", "Six years."])),
    }
    return document.from_mapping(value)


def opens(d: AgreementDocument) -> set[tuple[str, ...]]:
    """Everything a version opens, one combination at a time, each with what is asked and told along with it."""
    return set(
        product(
            (purpose for purpose in Purpose if not purpose.grouping and any(purpose.within(n) for n in d.purposes)),
            d.roles,
            (agreed.section for agreed in d.sections),
            (*d.source_organisations, *d.source_kinds),
            ("", *d.labels),
        )
    )


def tells(d: AgreementDocument, *, clinical: bool) -> bool:
    return d.disclosure.tells(clinical=clinical)


@settings(max_examples=150, deadline=None)
@given(versions(), versions())
def test_a_change_that_is_nowhere_wider_opens_nothing_that_was_closed(
    old: AgreementDocument, new: AgreementDocument
) -> None:
    changes = difference(old, new)

    if not changes.wider:
        assert opens(new) <= opens(old)
        assert new.until_on <= old.until_on
        assert {duty.obligation for duty in old.obligations} <= {duty.obligation for duty in new.obligations}
        assert new.confidentiality is old.confidentiality or new.confidentiality is Confidentiality.EXPLICIT
        assert all(
            old.disclosure.tells(clinical=each) or not new.disclosure.tells(clinical=each) for each in (True, False)
        )
    if not opens(new) <= opens(old):
        assert changes.wider
    if not changes.narrower and not changes.wider:
        assert opens(new) == opens(old)


@settings(max_examples=80, deadline=None)
@given(versions(), versions())
def test_two_versions_are_the_same_only_where_they_say_the_same(old: AgreementDocument, new: AgreementDocument) -> None:
    assert difference(old, new).same is (old.digest == new.digest)


@settings(max_examples=80, deadline=None)
@given(versions(), versions())
def test_what_one_way_opens_the_other_way_closes(old: AgreementDocument, new: AgreementDocument) -> None:
    weighed = {"retention", "disposal", "onward_sharing", "flow.hosting"}  # words: wider both ways
    there, back = difference(old, new), difference(new, old)

    def fields(changes: tuple[Change, ...]) -> set[tuple[str, tuple[str, ...]]]:
        opened = {"confidentiality", "disclosure", "until_on"}
        return {(c.field, () if c.field in opened else c.codes) for c in changes if c.field not in weighed}

    assert fields(there.wider) == fields(back.narrower)


# ---- amendments ----------------------------------------------------------------------------------------------------


def test_an_amendment_keeps_the_comments_of_the_text_it_changes() -> None:
    text = "# Agreed in March.\n" + document.render(ADVICE).replace("roles:\n", "# Only our own staff.\nroles:\n")
    amended = document.with_changes(
        text, {"until_on": "2029-03-31", "sections[6].because": "To keep a home.", "roles[1]": "link-worker"}
    )

    assert "# Agreed in March." in amended
    assert "# Only our own staff." in amended
    assert {change.field for change in difference(ADVICE, document.read(amended)).changes} == {
        "until_on",
        "sections",
        "roles",
    }


def test_an_amendment_changes_only_the_lines_it_is_about() -> None:
    text = document.render(ADVICE)
    amended = document.with_changes(text, {"review_on": "2027-06-30"}, without=["sections[6]"])

    gone = [line for line in text.splitlines() if line not in amended.splitlines()]
    assert gone == [
        "  - section: housing",
        "    because: To stop an eviction and see repairs that are owed.",
        "review_on: '2027-03-31'",
    ]


def test_a_path_that_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidInput):
        document.with_changes(document.render(ADVICE), {"sections[99].because": "x"})
    with pytest.raises(InvalidInput):
        document.with_changes(document.render(ADVICE), {}, without=["sectoins"])


def test_a_field_taken_away_takes_its_own_comment_and_leaves_the_others() -> None:
    text = document.render(ADVICE).replace("benefits:", "# Ask the trustees.\nbenefits:")
    text = text.replace("\nparties:", "\n\n# In the order they joined.\nparties:")
    amended = document.with_changes(text, {"changes_agreed": "Nothing yet."}, without=["benefits"])

    assert "Ask the trustees" not in amended
    assert "# In the order they joined.\nparties:" in amended
    assert document.read(amended).changes_agreed == "Nothing yet."


def test_an_amendment_of_a_text_in_braces_says_the_same() -> None:
    amended = document.with_changes(json.dumps(ADVICE.as_mapping()), {"title": "Advice"})

    assert document.read(amended) == replace(ADVICE, title="Advice")


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(samples())), st.data())
def test_an_amendment_changes_what_it_names_and_nothing_else(of: str, data: st.DataObject) -> None:
    old = samples()[of]
    title, number = (
        data.draw(st.text("ab:#'\"é \n-", min_size=1, max_size=30)),
        data.draw(st.integers(0, len(old.sections) - 1)),
    )
    changes = {"title": f"x{title}x", f"sections[{number}].because": f"x{title}x"}

    amended = document.read(document.with_changes(document.render(old), changes))

    sections = [*old.sections]
    sections[number] = replace(sections[number], because=f"x{title}x")
    assert amended == replace(old, title=f"x{title}x", sections=tuple(sections))
