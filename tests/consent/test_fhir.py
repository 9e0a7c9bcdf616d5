"""Choices as FHIR Consents and back: they say no more there than here, and what is withdrawn is never active."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
import regorus
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.access import fhir_consents
from broker.access.engines import consents as rules
from broker.consent import fhir
from broker.consent.fhir_in import Taken, from_fhir
from broker.consent.models import Consent, Provision
from broker.errors import InvalidInput
from broker.vocabulary import (
    ACT_CODE,
    ACT_REASON,
    ConsentStatus,
    ProvisionType,
    Purpose,
    Section,
    Sensitivity,
)
from tests.people import FOOD_BANK, NOON, SURGERY
from tests.policies.world import the_bundle

BEFORE, LATER = NOON - timedelta(days=9), NOON + timedelta(days=9)
SECTIONS = (Section.HOUSING, Section.MONEY, Section.PROBLEMS)
PERMIT, DENY = ProvisionType.PERMIT, ProvisionType.DENY


def provision(kind: ProvisionType = PERMIT, **changes: Any) -> Provision:
    said = {"organisation_code": FOOD_BANK, "from_at": BEFORE, **changes}
    return Provision(type=kind, **said)


def kept(*provisions: Provision, **changes: Any) -> Consent:
    said = {"id": "c", "resident_id": "ada", "status": ConsentStatus.ACTIVE, "given_at": BEFORE, **changes}
    return Consent(given_by="resident:ada", provisions=list(provisions), **said)


def out(*provisions: Provision, **changes: Any) -> dict[str, Any]:
    return fhir.to_fhir(kept(*provisions, **changes), now=NOON)


def decided(consents: list[dict[str, Any]], *, organisation: str, purpose: Purpose, section: Section) -> dict[str, Any]:
    question = {
        "at": NOON.isoformat(),
        "request": {
            "patient": {"reference": "Patient/ada"},
            "requester": {"organisation": fhir.organisation_out(organisation)},
            "purpose": fhir_consents.purposes_asked(purpose),
            "action": [fhir.ACTION],
            "class": [fhir.section_out(section)],
        },
        "consents": consents,
    }
    return rules.decide(question, deadline=timedelta(seconds=10))


# ---- out -------------------------------------------------------------------------------------------------------------


def test_a_choice_says_all_that_ukcore_consent_asks_for() -> None:
    said = out(provision(purposes=frozenset({Purpose.DIRECT_CARE}), sections=frozenset({Section.HOUSING})))
    assert said["meta"]["profile"] == ["https://fhir.hl7.org.uk/StructureDefinition/UKCore-Consent"]
    assert said["scope"]["coding"][0]["code"] == "patient-privacy"
    assert said["category"][0]["coding"][0]["code"] == "INFA"
    assert said["patient"] == {"reference": "Patient/ada"} == said["performer"][0]
    assert said["policy"] == [{"uri": fhir.POLICY}]
    assert (said["status"], said["dateTime"]) == ("active", BEFORE.isoformat().replace("+00:00", "Z"))
    assert said["provision"]["class"][0]["code"] == "housing"
    assert {each["code"] for each in said["provision"]["purpose"]} == {"direct-care", "TREAT"}
    assert said["provision"]["actor"][0]["reference"]["identifier"]["value"] == FOOD_BANK
    assert "end" not in said["provision"]["period"]


def test_what_is_withdrawn_or_has_run_out_is_never_active() -> None:
    ended = out(provision(ended_at=NOON), status=ConsentStatus.INACTIVE, ended_at=NOON)
    run_out = out(provision(until_at=NOON))
    for said in (ended, run_out):
        assert said["status"] == "inactive"
        assert said["provision"]["period"]["end"] < NOON.isoformat()
    assert out(provision(until_at=LATER))["status"] == "active"


def test_who_acted_for_the_resident_is_told_by_number_and_never_by_name() -> None:
    consent = kept(provision())
    consent.given_by = "resident:ben"
    (performer,) = fhir.to_fhir(consent, now=NOON)["performer"]
    assert performer["identifier"]["value"] == "ben"
    assert performer.keys() == {"type", "identifier"}


def test_hl7s_word_is_given_only_where_it_means_that_alone() -> None:
    purposes = fhir.purposes_out([Purpose.ADVICE_DEBT, Purpose.DIRECT_CARE])
    assert {each["code"] for each in purposes} == {"advice-debt", "direct-care", "TREAT"}
    labels = fhir.labels_out([Sensitivity.HIV, Sensitivity.FERTILITY])
    assert {(each["system"], each["code"]) for each in labels} == {
        (fhir.SENSITIVITY, "hiv"), (ACT_CODE, "HIV"), (fhir.SENSITIVITY, "fertility"),
    }  # fmt: skip


def test_a_choice_of_nothing_permits_nothing() -> None:
    said = out(provision(sections=frozenset()))
    found = decided([said], organisation=FOOD_BANK, purpose=Purpose.ADVICE_DEBT, section=Section.HOUSING)
    assert found["decision"] == "not-applicable"


@st.composite
def choices(draw: st.DrawFn) -> list[Consent]:
    """A resident's choices: permissions as narrowing may leave them, and refusals."""
    return [draw(st.one_of(_permission(n), _refusal(n))) for n in range(draw(st.integers(1, 3)))]


_SECTIONS = st.frozensets(st.sampled_from(SECTIONS), min_size=1)
_PURPOSES = st.frozensets(st.sampled_from([p for p in Purpose if p is not Purpose.OWN_RECORD]), min_size=1, max_size=2)


@st.composite
def _permission(draw: st.DrawFn, number: int) -> Consent:
    purposes, until = draw(_PURPOSES), draw(st.sampled_from([None, LATER, NOON]))
    organisation = draw(st.sampled_from([FOOD_BANK, SURGERY]))
    ends = draw(st.lists(st.sampled_from([None, NOON, BEFORE]), min_size=1, max_size=2))
    said = {"purposes": purposes, "until_at": until, "organisation_code": organisation}
    provisions = [provision(PERMIT, sections=draw(_SECTIONS), ended_at=end, **said) for end in ends]
    return kept(*provisions, id=f"c{number}")


@st.composite
def _refusal(draw: st.DrawFn, number: int) -> Consent:
    said = {
        "organisation_code": draw(st.sampled_from([None, FOOD_BANK, SURGERY])),
        "sections": draw(st.none() | _SECTIONS),
        "labels": draw(st.sampled_from([None, None, frozenset({Sensitivity.HIV, Sensitivity.FERTILITY})])),
        "ended_at": draw(st.sampled_from([None, None, NOON])),
    }
    return kept(provision(DENY, **said), id=f"c{number}")


@cache
def _layer() -> Any:
    engine = regorus.Engine()
    for path, text in the_bundle().modules.items():
        engine.add_policy(path, text)
    engine.add_data_json(json.dumps(dict(the_bundle().data)))
    return engine


def open_here(consents: list[Consent], organisation: str, purpose: Purpose) -> set[str]:
    """The sections that our own choices layer opens, where permission must be on file."""
    facts = [
        {
            "type": each.type.value,
            "organisation": each.organisation_code,
            "purposes": None if each.purposes is None else sorted(each.purposes),
            "sections": None if each.sections is None else sorted(each.sections),
            "labels": None if each.labels is None else sorted(each.labels),
            "from": int(each.from_at.timestamp()),
            "until": each.until_at and int(each.until_at.timestamp()),
            "ended": each.ended_at and int(each.ended_at.timestamp()),
        }
        for consent in consents
        for each in consent.provisions
    ]
    sections = sorted(section.value for section in SECTIONS)
    pairs = [{"section": section, "source": "s"} for section in sections]
    request = {"id": "r", "time": int(NOON.timestamp()), "purpose": purpose.value, "sections": sections, "pairs": pairs}
    question = {
        "request": {**request, "sources": {"s": {}}, "break_glass": None},
        "subject": {"organisation": organisation, "kind": "vcfse"},
        "facts": {"provisions": facts, "relationships": []},
    }
    engine = _layer()
    engine.set_input_json(json.dumps(question))
    withheld = json.loads(engine.eval_rule_as_json("data.broker.choices.withheld"))
    missing = json.loads(engine.eval_rule_as_json("data.broker.choices.missing"))
    return set(sections) - set(withheld) - set(missing)


@settings(max_examples=40, deadline=None)
@given(
    choices(), st.sampled_from([FOOD_BANK, SURGERY]), st.sampled_from([Purpose.ADVICE_DEBT, Purpose.CARE_COORDINATION])
)
def test_a_choice_decides_as_fhir_what_it_decides_here(
    consents: list[Consent], organisation: str, purpose: Purpose
) -> None:
    said = [fhir.to_fhir(each, now=NOON) for each in consents]
    answers = {each: decided(said, organisation=organisation, purpose=purpose, section=each) for each in SECTIONS}
    assert {each.value for each, answer in answers.items() if answer["decision"] == "permit"} == open_here(
        consents, organisation, purpose
    )
    assert all(standing["standing"] != "unreadable" for a in answers.values() for standing in a["consents"])


def test_rules_that_are_not_alike_say_no_more_together_than_apart() -> None:
    said = out(
        provision(purposes=frozenset({Purpose.ADVICE_DEBT}), sections=frozenset({Section.HOUSING})),
        provision(purposes=frozenset({Purpose.CARE_COORDINATION}), sections=frozenset({Section.MONEY})),
    )
    opened = {
        (purpose, section)
        for purpose in (Purpose.ADVICE_DEBT, Purpose.CARE_COORDINATION)
        for section in SECTIONS
        if decided([said], organisation=FOOD_BANK, purpose=purpose, section=section)["decision"] == "permit"
    }
    assert opened == {(Purpose.ADVICE_DEBT, Section.HOUSING), (Purpose.CARE_COORDINATION, Section.MONEY)}
    other = decided([said], organisation=SURGERY, purpose=Purpose.ADVICE_DEBT, section=Section.HOUSING)
    assert other["decision"] == "not-applicable"


# ---- in --------------------------------------------------------------------------------------------------------------

ACTOR = [{"role": {"coding": [fhir.RECIPIENT]}, "reference": fhir.organisation_out(FOOD_BANK)}]
HOUSING = [fhir.section_out(Section.HOUSING)]


def taken(**rule: Any) -> Taken:
    return from_fhir({"provision": rule}, known=lambda code: code in (FOOD_BANK, SURGERY), now=NOON)


def test_what_goes_out_comes_back_the_same() -> None:
    before = provision(
        purposes=frozenset({Purpose.ADVICE_DEBT}), sections=frozenset({Section.HOUSING, Section.MONEY}), until_at=LATER
    )
    again = from_fhir(out(before), known=lambda _: True, now=NOON)
    (after,) = again.provisions
    for name in ("type", "organisation_code", "purposes", "sections", "labels", "until_at"):
        assert getattr(after, name) == getattr(before, name), name
    assert (again.document, again.widens) == (None, True)


def test_a_refusal_comes_in_whole_and_widens_nothing() -> None:
    found = taken(type="deny", securityLabel=[{"system": ACT_CODE, "code": "SEX"}])
    (refusal,) = found.provisions
    assert (refusal.type, refusal.organisation_code, refusal.sections) == (DENY, None, None)
    assert set(refusal.labels or ()) == {
        Sensitivity.FERTILITY, Sensitivity.TERMINATION, Sensitivity.ASSISTED_FERTILISATION,
    }  # fmt: skip
    assert (found.document, found.widens) == (None, False)


def test_an_exception_that_refuses_outranks_as_it_does_here() -> None:
    found = taken(type="permit", actor=ACTOR, provision=[{"type": "deny", "class": HOUSING}])
    permit, deny = found.provisions
    assert (permit.sections, deny.sections) == (None, frozenset({Section.HOUSING}))
    assert (deny.organisation_code, found.document) == (FOOD_BANK, None)


def test_a_refusal_with_exceptions_is_kept_to_be_read_again() -> None:
    found = taken(type="deny", provision=[{"type": "permit", "actor": ACTOR, "class": HOUSING}])
    (permit,) = found.provisions
    assert (permit.type, permit.sections) == (PERMIT, frozenset({Section.HOUSING}))
    assert found.document is not None


@pytest.mark.parametrize(
    "finer",
    [
        {"dataPeriod": {"start": "2026"}},
        {"data": [{"meaning": "instance", "reference": {"reference": "Observation/1"}}]},
        {"code": [{"coding": [{"system": "s", "code": "1"}]}]},
        {"securityLabel": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N"}]},
    ],
    ids=lambda finer: next(iter(finer)),
)
def test_what_no_provision_can_say_is_kept_and_never_widens_a_refusal(finer: dict[str, Any]) -> None:
    permitted, refused = taken(type="permit", actor=ACTOR, **{"class": HOUSING}, **finer), taken(type="deny", **finer)
    assert [each.sections for each in permitted.provisions] == [frozenset({Section.HOUSING})]
    assert permitted.document is not None
    assert (refused.provisions, refused.document is not None) == ((), True)


def test_hl7s_word_for_a_purpose_comes_in_as_those_it_names() -> None:
    (found,) = taken(type="permit", actor=ACTOR, purpose=[{"system": ACT_REASON, "code": "TREAT"}]).provisions
    assert found.purposes == frozenset({Purpose.DIRECT_CARE})


def test_what_is_about_nothing_here_is_not_taken_in() -> None:
    collect = [{"coding": [{"system": fhir.ACTION["system"], "code": "collect"}]}]
    for rule in (
        {"type": "permit", "actor": ACTOR, "action": collect},
        {"type": "permit"},
        {"type": "permit", "actor": ACTOR, "purpose": [{"system": ACT_REASON, "code": "HRESCH"}]},
        {"type": "permit", "actor": ACTOR, "period": {"end": "2020"}},
    ):
        with pytest.raises(InvalidInput) as refused:
            taken(**rule)
        assert refused.value.code == "consent-says-nothing"
    with pytest.raises(InvalidInput) as unknown:
        taken(type="deny", actor=[{**ACTOR[0], "reference": {"reference": "Organization/XX000"}}])
    assert unknown.value.code == "organisation-unknown"


@pytest.mark.parametrize(
    ("end", "until"),
    [
        ("2027", datetime(2028, 1, 1, tzinfo=UTC)),
        ("2027-12", datetime(2028, 1, 1, tzinfo=UTC)),
        ("2028-02-29", datetime(2028, 3, 1, tzinfo=UTC)),
        ("2027-06-01T12:00:00+01:00", datetime(2027, 6, 1, 11, 0, 1, tzinfo=UTC)),
        ("9999-12-31", None),
    ],
)
def test_the_end_of_a_fhir_period_belongs_to_it(end: str, until: datetime | None) -> None:
    (found,) = taken(type="permit", actor=ACTOR, period={"end": end}).provisions
    assert found.until_at == until
