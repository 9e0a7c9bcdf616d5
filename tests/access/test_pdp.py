"""The policy decision point reads an engine's answer as if it were hostile: anything unclear is a refusal."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from broker.access import pdp
from broker.access.facts import Facts
from broker.access.request import AccessRequest, BreakGlass, Decision, Requester
from broker.errors import EngineUnavailable, EngineUnclear, Misconfigured
from broker.vocabulary import DenialReason, Disclosure, Obligation, Purpose, Role, Section, Sensitivity
from tests.conformance.rows import row

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TICK = int(NOW.timestamp())
REVISION = "2026-11-21T09:00:00Z/abc"
EVERY_LABEL = sorted(label.value for label in Sensitivity)
IN_LAW = ["assisted-fertilisation", "gender-recognition"]

REQUEST = AccessRequest(
    id="a-request",
    requester=Requester("XX9GP1", Role.CLINICIAN, person="maya-okafor"),
    resident="ada-bright",
    purpose=Purpose.DIRECT_CARE,
    sections=frozenset({Section.PROBLEMS, Section.HOUSING}),
    made_at=NOW,
)
FACTS = Facts(
    subject={"organisation": "XX9GP1"},
    resident={"id": "ada-bright"},
    relationships=[{"kind": "referral"}],
    provisions=[],
    sources={"gp": {"organisation": "XX9GP1", "kind": "gp-practice"}},
    pairs=[(Section.PROBLEMS, "gp"), (Section.HOUSING, "gp")],
)
ANSWER: dict[str, Any] = {
    "revision": REVISION,
    "request": "a-request",
    "pairs": [
        {"section": "problems", "source": "gp", "reasons": [], "agreements": ["CARE"], "withheld_labels": IN_LAW},
        {
            "section": "housing",
            "source": "gp",
            "reasons": ["consent-withheld"],
            "agreements": [],
            "withheld_labels": EVERY_LABEL,
        },
    ],
    "reasons": [],
    "obligations": [{"obligation": "notify-resident", "within_days": 7}],
    "disclosure": "tell-clinicians",
    "requestable": False,
    "valid_until": TICK + 60,
}


class Saying:
    """An engine that says one thing, whatever it is asked."""

    name, version = "saying", "1"

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.asked: Mapping[str, Any] = {}

    def load(self, bundle: Any) -> None: ...

    def decide(self, question: Mapping[str, Any], *, deadline: timedelta) -> Any:
        self.asked = question
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer

    def revision(self) -> str | None:
        return REVISION

    def close(self) -> None: ...


def decide(answer: Any, *, request: AccessRequest = REQUEST, facts: Facts = FACTS) -> Decision:
    return pdp.decide(Saying(answer), request, facts, revision=REVISION, deadline=timedelta(seconds=1), now=NOW)


def refused_with(decision: Decision, reason: DenialReason) -> bool:
    """Whether every pair that was asked about is there, refused with exactly this, and nothing else is said."""
    return (
        [(pair.section, pair.source) for pair in decision.pairs] == sorted(FACTS.pairs)
        and all(pair.reasons == (reason,) and not pair.agreements for pair in decision.pairs)
        and all(pair.withheld_labels == frozenset(Sensitivity) for pair in decision.pairs)
        and decision.reasons == (reason,)
        and not (decision.permitted or decision.duties or decision.requestable or decision.valid_until)
    )


# ---- a plain answer ------------------------------------------------------------------------------------------------


def test_a_plain_answer_is_read_as_it_is() -> None:
    decision = decide(ANSWER)

    housing, problems = decision.pairs
    assert problems.permitted
    assert problems.agreements == ("CARE",)
    assert {label.value for label in problems.withheld_labels} == set(IN_LAW)
    assert not housing.permitted
    assert housing.reasons == (DenialReason.CONSENT_WITHHELD,)
    assert [(duty.obligation, duty.parameters) for duty in decision.duties] == [
        (Obligation.NOTIFY_RESIDENT, {"within_days": 7})
    ]
    assert decision.disclosure is Disclosure.CLINICIANS
    assert decision.valid_until == NOW + timedelta(seconds=60)
    assert (decision.revision, decision.engine, decision.decided_at) == (REVISION, "saying 1", NOW)


def test_pairs_come_in_order_whatever_order_they_were_answered_in() -> None:
    decision = decide({**ANSWER, "pairs": ANSWER["pairs"][::-1]})

    assert [pair.section for pair in decision.pairs] == [Section.HOUSING, Section.PROBLEMS]


def test_a_request_that_no_source_could_answer_has_no_pairs() -> None:
    decision = decide({**ANSWER, "pairs": []}, facts=replace(FACTS, pairs=[]))

    assert decision.pairs == ()
    assert not decision.permitted


def test_the_question_carries_the_request_and_the_facts_and_no_more() -> None:
    engine = Saying(ANSWER)
    request = replace(REQUEST, break_glass=BreakGlass("Collapsed"), reason="not for the policy")

    pdp.decide(engine, request, FACTS, revision=REVISION, deadline=timedelta(seconds=1), now=NOW)

    assert engine.asked == {
        "request": {
            "id": "a-request",
            "time": TICK,
            "purpose": "direct-care",
            "sections": ["housing", "problems"],
            "pairs": [{"section": "problems", "source": "gp"}, {"section": "housing", "source": "gp"}],
            "sources": {"gp": {"organisation": "XX9GP1", "kind": "gp-practice"}},
            "break_glass": {"reason": "Collapsed"},
        },
        "subject": {"organisation": "XX9GP1"},
        "resident": {"id": "ada-bright"},
        "facts": {"relationships": [{"kind": "referral"}], "provisions": []},
    }


# ---- answers that are not plain ------------------------------------------------------------------------------------


def _set(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(answer: dict[str, Any]) -> None:
        answer[name] = value

    return change


def _drop(name: str) -> Callable[[dict[str, Any]], None]:
    def change(answer: dict[str, Any]) -> None:
        del answer[name]

    return change


def _pair(**values: Any) -> Callable[[dict[str, Any]], None]:
    """Change the permitted pair."""

    def change(answer: dict[str, Any]) -> None:
        answer["pairs"][0].update(values)

    return change


def _drop_in_pair(name: str) -> Callable[[dict[str, Any]], None]:
    def change(answer: dict[str, Any]) -> None:
        del answer["pairs"][0][name]

    return change


def _pairs(change: Callable[[list[Any]], Any]) -> Callable[[dict[str, Any]], None]:
    def changed(answer: dict[str, Any]) -> None:
        change(answer["pairs"])

    return changed


UNCLEAR: dict[str, Callable[[dict[str, Any]], None]] = {
    **{f"without {name}": _drop(name) for name in ANSWER},
    **{f"without a pair's {name}": _drop_in_pair(name) for name in ANSWER["pairs"][0]},
    "with another field": _set("allow", True),
    "to another question": _set("request", "another-request"),
    "to a question that is a number": _set("request", 1),
    "with pairs as text": _set("pairs", "all"),
    "with pairs as an object": _set("pairs", {"problems": True}),
    "with pairs null": _set("pairs", None),
    "with a pair missing": _pairs(lambda pairs: pairs.pop()),
    "with no pair at all": _pairs(lambda pairs: pairs.clear()),
    "with a pair too many": _pairs(lambda pairs: pairs.append({**pairs[0], "source": "hospital"})),
    "with a pair twice": _pairs(lambda pairs: pairs.append(pairs[0])),
    "with a pair twice and one missing": _pairs(lambda pairs: pairs.__setitem__(1, pairs[0])),
    "with a pair as a list": _pairs(lambda pairs: pairs.__setitem__(0, ["problems", "gp"])),
    "with another field in a pair": _pair(permitted=True),
    "about a section nobody knows": _pair(section="horoscope"),
    "about a section that is a number": _pair(section=1),
    "about another source": _pair(source="hospital"),
    "about a source that is null": _pair(source=None),
    "with reasons null": _pair(reasons=None),
    "with reasons false": _pair(reasons=False),
    "with reasons as an object": _pair(reasons={}),
    "with reasons as text": _pair(reasons=""),
    "with a reason nobody knows": _pair(reasons=["because"], agreements=[]),
    "with a reason that is null": _pair(reasons=[None], agreements=[]),
    "with a reason twice": _pair(reasons=["no-agreement", "no-agreement"], agreements=[]),
    "permitted under no agreement": _pair(agreements=[]),
    "permitted under an agreement without a name": _pair(agreements=[""]),
    "permitted under an agreement twice": _pair(agreements=["CARE", "CARE"]),
    "permitted under agreements as text": _pair(agreements="CARE"),
    "refused under an agreement": _pair(reasons=["no-agreement"]),
    "withholding labels null": _pair(withheld_labels=None),
    "withholding a label nobody knows": _pair(withheld_labels=[*IN_LAW, "gossip"]),
    "withholding nothing that the law restricts": _pair(withheld_labels=[]),
    "withholding half of what the law restricts": _pair(withheld_labels=IN_LAW[:1]),
    "withholding labels as an object": _pair(withheld_labels=dict.fromkeys(IN_LAW, True)),
    "refused as a whole and permitted in part": _set("reasons", ["no-agreement"]),
    "refused as a whole for a reason nobody knows": _set("reasons", ["because"]),
    "with whole reasons as text": _set("reasons", "no-agreement"),
    "with obligations null": _set("obligations", None),
    "with obligations as an object": _set("obligations", {"notify-resident": True}),
    "with an obligation as text": _set("obligations", ["notify-resident"]),
    "with an obligation without a code": _set("obligations", [{"within_days": 7}]),
    "with an obligation whose code is null": _set("obligations", [{"obligation": None}]),
    "with an obligation's parameter as a list": _set("obligations", [{"obligation": "review", "by": ["x"]}]),
    "with a disclosure nobody knows": _set("disclosure", "whisper"),
    "with a disclosure null": _set("disclosure", None),
    "requestable as text": _set("requestable", "false"),
    "requestable as a number": _set("requestable", 0),
    "valid until text": _set("valid_until", "tomorrow"),
    "valid until true": _set("valid_until", True),
    "valid until a fraction": _set("valid_until", TICK + 0.5),
    "valid until now": _set("valid_until", TICK),
    "valid until the past": _set("valid_until", 0),
    "valid until beyond any calendar": _set("valid_until", 10**18),
}
UNCLEAR.pop("without revision")


@row("T20")
@pytest.mark.parametrize("change", UNCLEAR.values(), ids=UNCLEAR.keys())
def test_an_unclear_answer_refuses_everything(change: Callable[[dict[str, Any]], None]) -> None:
    answer = copy.deepcopy(ANSWER)
    change(answer)

    assert refused_with(decide(answer), DenialReason.POLICY_UNCLEAR)


@pytest.mark.parametrize("answer", [None, True, 1, "permit", [], [ANSWER], {}, {"result": ANSWER}], ids=repr)
def test_what_is_no_answer_refuses_everything(answer: Any) -> None:
    assert refused_with(decide(answer), DenialReason.POLICY_UNCLEAR)


def test_at_least_forty_malformed_answers_are_tried() -> None:
    assert len(UNCLEAR) > 40


@pytest.mark.parametrize("revision", ["2026-11-20T09:00:00Z/abc", "", None, 7])
def test_an_answer_from_other_rules_refuses_everything(revision: Any) -> None:
    assert refused_with(decide({**ANSWER, "revision": revision}), DenialReason.POLICY_STALE)


def test_an_obligation_nobody_knows_how_to_meet_refuses_everything() -> None:
    answer = {**ANSWER, "obligations": [{"obligation": "write-in-triplicate"}]}

    assert refused_with(decide(answer), DenialReason.OBLIGATION_UNMET)


@row("T20")
def test_an_engine_that_gives_no_answer_refuses_everything() -> None:
    assert refused_with(decide(EngineUnavailable("too late")), DenialReason.POLICY_UNAVAILABLE)


@pytest.mark.parametrize(
    "fault", [EngineUnclear("undefined"), Misconfigured("no"), ValueError("no"), RecursionError()], ids=repr
)
def test_an_engine_that_fails_otherwise_refuses_everything(fault: Exception) -> None:
    assert refused_with(decide(fault), DenialReason.POLICY_UNCLEAR)


def test_facts_that_cannot_be_put_into_a_question_refuse_everything() -> None:
    broken: Any = replace(FACTS, provisions=[None])  # type: ignore[list-item]

    assert refused_with(decide(ANSWER, facts=broken), DenialReason.POLICY_UNCLEAR)


# ---- emergencies ---------------------------------------------------------------------------------------------------


def _in_an_emergency(*obligations: str) -> Decision:
    answer = {**ANSWER, "obligations": [{"obligation": obligation} for obligation in obligations]}
    return decide(answer, request=replace(REQUEST, break_glass=BreakGlass("Collapsed")))


def test_emergency_access_that_somebody_is_told_of_is_permitted() -> None:
    assert _in_an_emergency("notify-resident", "notify-privacy-officer", "review").permitted


def test_emergency_access_that_nobody_is_told_of_is_refused() -> None:
    assert refused_with(_in_an_emergency("notify-resident", "review"), DenialReason.POLICY_UNCLEAR)


# ---- no rules to ask -----------------------------------------------------------------------------------------------


def test_no_rules_to_ask_refuses_everything() -> None:
    decision = pdp.refuse_all(REQUEST, FACTS, fault=EngineUnavailable("none published"), engine="regorus", now=NOW)

    assert refused_with(decision, DenialReason.POLICY_UNAVAILABLE)
    assert (decision.revision, decision.engine) == ("", "regorus")


def test_rules_that_cannot_be_read_refuse_everything() -> None:
    decision = pdp.refuse_all(REQUEST, FACTS, fault=EngineUnclear("half a bundle"), engine="regorus", now=NOW)

    assert refused_with(decision, DenialReason.POLICY_UNCLEAR)


def test_the_engines_answer_goes_with_the_decision_word_for_word() -> None:
    decision = pdp.decide(Saying(ANSWER), REQUEST, FACTS, revision=REVISION, deadline=timedelta(seconds=1), now=NOW)
    assert decision.answer == ANSWER
    assert "answer=" not in repr(decision)  # nor is it ever logged with one


def test_an_answer_that_is_not_relied_on_does_not_go_with_the_decision() -> None:
    for answer in ({**ANSWER, "revision": "another"}, {**ANSWER, "reasons": ["made-up"]}, EngineUnavailable("gone")):
        decision = pdp.decide(Saying(answer), REQUEST, FACTS, revision=REVISION, deadline=timedelta(seconds=1), now=NOW)
        assert decision.answer is None
