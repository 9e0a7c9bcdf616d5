"""What no agreement, no narrowing and no condition can do, whoever writes it: widen what is permitted.

Each example is published as it would be, beside the place's own agreements, and asked of the embedded engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from broker.access.engines import Bundle, PolicyEngine
from broker.access.engines.embedded import EmbeddedEngine
from broker.agreements import bundle
from broker.agreements.models import SharingAgreement
from broker.errors import InvalidInput
from broker.proxies import limits
from broker.vocabulary import (
    Confidentiality,
    DenialReason,
    Disclosure,
    Obligation,
    OrganisationKind,
    Purpose,
    Role,
    Section,
    Sensitivity,
)
from tests.policies.questions import moments, owns, questions
from tests.policies.test_properties import decided, few, permitted
from tests.policies.world import NOW, TICK, row, samples, the_bundle, varied

SHARING = the_bundle().data["sharing"]
bases = st.sampled_from([basis.value for basis in Confidentiality])
published = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
LON = ["LON-DIRECT-CARE", "LON-COMMUNITY"]
CODES = [*(reason.value for reason in DenialReason), "because-we-say-so", "", "yes"]


@pytest.fixture(scope="module")
def engine() -> Iterator[PolicyEngine]:
    engine = EmbeddedEngine()
    yield engine
    engine.close()


def relied_on(answer: Mapping[str, Any]) -> set[str]:
    return {agreement for row in permitted(answer).values() for agreement in row["agreements"]}


def bundle_of(*rows: SharingAgreement) -> Bundle:
    """The place's own agreements with ``rows`` beside them, or instead of those with the same id."""
    every = {text.id: row(text) for text in samples().values()} | {added.id: added for added in rows}
    data = bundle.build_data(every.values())
    modules = bundle.modules_for(every.values())
    revision = bundle.revision_of(NOW, modules, data)
    return Bundle(revision, modules, {"sharing": {**data, "revision": revision}})


def no_wider(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether ``after`` permits no pair, and opens no sensitivity, that ``before`` did not."""
    was, now = permitted(before), permitted(after)
    return now.keys() <= was.keys() and all(
        set(now[pair]["withheld_labels"]) >= set(was[pair]["withheld_labels"]) for pair in now
    )


def chosen(codes: Any, least: int = 1) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from([code.value for code in codes]), min_size=least, max_size=6, unique=True)


@st.composite
def narrowings(draw: st.DrawFn) -> SharingAgreement:
    """Something a place might write to narrow what is above it, in force; never one that could not be stored."""
    purposes = draw(chosen(Purpose))
    written = {
        "like": "MG-NARROWING",
        "document": {
            "under": draw(st.sampled_from(LON)),
            "purposes": purposes,
            "sections": [{"section": code, "because": "It is needed."} for code in draw(chosen(Section))],
            "sources": {"organisations": [], "kinds": draw(chosen(OrganisationKind))},
            "roles": draw(chosen([Role.CLINICIAN, Role.SOCIAL_WORKER, Role.LINK_WORKER, Role.CASE_WORKER])),
            "labels": draw(chosen([label for label in Sensitivity if not label.in_law], least=0)),
            "confidentiality": "explicit" if draw(st.booleans()) else draw(bases),
            "disclosure": draw(st.sampled_from([mode.value for mode in Disclosure])),
            "break_glass": "emergency" in purposes,
        },
    }
    try:
        return varied("NARROWS-ANYHOW", written)
    except InvalidInput:
        reject()


CONDITION = "if input.resident.age > {age}"


@st.composite
def conditions(draw: st.DrawFn) -> str:
    """Rego that somebody might write for one agreement, well meant or not."""
    heads = st.sampled_from(["deny", "obligations", "allow", "permitted", "lifts"])
    codes = st.sampled_from([*CODES, *Obligation])
    whens = st.sampled_from(["", *(CONDITION.format(age=age) for age in (0, 70, 200))])
    lines = draw(st.lists(st.tuples(heads, codes, whens), min_size=1, max_size=4))
    return "\n\n".join(f'{head} contains "{code}" {when}'.strip() for head, code, when in lines)


@published
@given(narrowing=narrowings(), asked=st.lists(questions(), min_size=20, max_size=20))
def test_a_narrowing_never_permits_more(
    engine: PolicyEngine, narrowing: SharingAgreement, asked: list[dict[str, Any]]
) -> None:
    engine.load(bundle_of())
    before = [decided(engine, question) for question in asked]
    engine.load(bundle_of(narrowing))

    for question, was in zip(asked, before, strict=True):
        assert no_wider(was, decided(engine, question))


@published
@given(text=conditions(), id=st.sampled_from(sorted(samples())), asked=st.lists(questions(), min_size=20, max_size=20))
def test_an_agreements_own_condition_never_permits_more_and_obliges_no_less(
    engine: PolicyEngine, text: str, id: str, asked: list[dict[str, Any]]
) -> None:
    engine.load(bundle_of())
    before = [decided(engine, question) for question in asked]
    engine.load(bundle_of(row(samples()[id], conditions=f'package conditions["{id}"]\n\n{text}\n')))

    for question, was in zip(asked, before, strict=True):
        now = decided(engine, question)
        assert no_wider(was, now)
        # One that a condition closes obliges nobody any more, where another still opens what it opened.
        if relied_on(now) == relied_on(was):
            assert all(duty in now["obligations"] for duty in was["obligations"])


@published
@given(
    id=st.sampled_from(sorted(samples())), state=st.sampled_from(["suspended", "ended", "superseded"]), data=st.data()
)
def test_an_agreement_that_is_in_force_no_longer_never_permits_more(
    engine: PolicyEngine, id: str, state: str, data: st.DataObject
) -> None:
    """But a narrowing that has ended narrows no more: that one is left out here."""
    if samples()[id].narrows:
        return
    asked = data.draw(st.lists(questions(), min_size=20, max_size=20))
    engine.load(bundle_of())
    before = [decided(engine, question) for question in asked]
    engine.load(bundle_of(row(samples()[id], state=state)))

    for question, was in zip(asked, before, strict=True):
        now = decided(engine, question)
        assert no_wider(was, now)
        assert id not in {agreement for pair in now["pairs"] for agreement in pair["agreements"]}


# ---- of any question, on every engine ------------------------------------------------------------------------------


@few
@given(question=questions(), kind=st.sampled_from(list(OrganisationKind)), purpose=st.sampled_from(list(Purpose)))
def test_a_purpose_outside_the_table_permits_nothing(
    policy: PolicyEngine, question: dict[str, Any], kind: OrganisationKind, purpose: Purpose
) -> None:
    table = SHARING["tables"]["purposes"]
    question["subject"]["kind"] = kind.value
    question["request"]["purpose"] = purpose.value

    answer = decided(policy, question)

    if purpose.grouping:
        assert "purpose-too-broad" in answer["reasons"]
        assert "purpose-not-for-kind" not in answer["reasons"]
    elif purpose is Purpose.OWN_RECORD:
        assert {"role-not-permitted", "assurance-too-low"} & set(answer["reasons"])  # nobody's who works for somebody
    elif kind not in table[purpose]["kinds"] or kind not in SHARING["tables"]["record_kinds"]:
        assert "purpose-not-for-kind" in answer["reasons"]
    for section, _ in permitted(answer):
        assert section in table[purpose]["sections"]
        assert kind in table[purpose]["kinds"]


@few
@given(question=questions(), ended=moments.filter(lambda moment: moment <= TICK))
def test_relationships_that_have_ended_permit_nothing_but_an_emergency_or_ones_own_record(
    policy: PolicyEngine, question: dict[str, Any], ended: int
) -> None:
    for relationship in question["facts"]["relationships"]:
        relationship["until"] = ended

    answer = decided(policy, question)

    assert not permitted(answer) or question["request"]["purpose"] in ("emergency", "own-record")


@few
@given(question=questions(), purpose=st.sampled_from([purpose for purpose in Purpose if not purpose.grouping]))
def test_a_refusal_of_a_purpose_refuses_all_below_it_and_nothing_beside_it(
    policy: PolicyEngine, question: dict[str, Any], purpose: Purpose
) -> None:
    asked_for = Purpose(question["request"]["purpose"])
    before = decided(policy, question)
    question["facts"]["provisions"].append(_refusal_of(purpose))

    after = decided(policy, question)

    if asked_for.within(purpose) and asked_for is not Purpose.SAFEGUARDING:
        assert not permitted(after)
    else:
        assert permitted(after) == permitted(before)


@few
@given(question=questions(), resident=st.sampled_from(["ada-bright", "somebody", None]), role=st.sampled_from(Role))
def test_whoever_works_somewhere_gets_nothing_by_calling_themselves_a_resident(
    policy: PolicyEngine, question: dict[str, Any], resident: str | None, role: Role
) -> None:
    acting = {"proxy": "p", "basis": "consent", "sections": list(Section), "until": None}
    claim = {"resident": resident, "acting": acting, "role": role.value, "assurance": 3}
    question["subject"] |= {**claim, "organisation": question["subject"]["organisation"] or "XX9GP2"}
    own = {**question["request"], "purpose": Purpose.OWN_RECORD.value, "break_glass": None}

    assert not permitted(decided(policy, {**question, "request": own}))
    if role in (Role.RESIDENT, Role.PROXY):
        assert not permitted(decided(policy, question))


@few
@given(question=owns(), other=st.sampled_from(["ada-brigh", "ADA-BRIGHT", "", "ben-carer"]))
def test_a_resident_never_reads_anothers_record_but_by_acting_for_them(
    policy: PolicyEngine, question: dict[str, Any], other: str
) -> None:
    question["subject"]["resident"] = other
    if question["subject"]["role"] == Role.PROXY:
        question["subject"]["acting"] = None

    assert not permitted(decided(policy, question))


@few
@given(question=owns(), purpose=st.sampled_from([purpose for purpose in Purpose if purpose is not Purpose.OWN_RECORD]))
def test_a_resident_asks_for_a_record_for_no_other_purpose(
    policy: PolicyEngine, question: dict[str, Any], purpose: Purpose
) -> None:
    question["request"]["purpose"] = purpose.value

    assert not permitted(decided(policy, question))


@few
@given(question=owns())
def test_a_proxy_reads_no_more_than_the_resident_and_nothing_that_no_proxy_is_shown(
    policy: PolicyEngine, question: dict[str, Any]
) -> None:
    own = {"role": "resident", "resident": "ada-bright", "acting": None}
    grown = {**question["resident"], "age": 71}
    asker = question["subject"]
    if asker["role"] != Role.PROXY:
        return

    theirs = decided(policy, question)
    residents = decided(policy, {**question, "subject": {**asker, **own}, "resident": grown})

    assert no_wider(residents, theirs)
    for section, source in permitted(theirs):
        assert section in asker["acting"]["sections"]
        assert set(permitted(theirs)[section, source]["withheld_labels"]) >= limits.never_for_proxies


def _refusal_of(purpose: Purpose) -> dict[str, Any]:
    anything = {"organisation": None, "sections": None, "labels": None, "until": None, "ended": None}
    return {"id": "no", "consent": "no", "type": "deny", "purposes": [purpose.value], "from": TICK - 60, **anything}
