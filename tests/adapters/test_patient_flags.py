"""The Patient Flags service: adjustments somebody agreed to, and safeguarding flags kept apart from them."""

from __future__ import annotations

from typing import Any

import pytest

from broker.vocabulary import ACT_CODE, GapCause, Section, Sensitivity
from tests.adapters.conformance.worlds import ADA, STRANGER
from tests.adapters.listener import Reply, Request, as_json
from tests.adapters.national_people import CONFIDENTIALITY, FHIR, flag, named, page, person
from tests.adapters.national_services import ask

NEEDS = frozenset({Section.INDIVIDUAL_REQUIREMENTS})
BOTH = NEEDS | {Section.SAFEGUARDING}
CODE = "national-reasonable-adjustment-flag"
Resource = dict[str, Any]


def consent(**more: Any) -> Resource:
    given = {"resourceType": "Consent", "id": "c1", "status": "active", "patient": named(ADA)}
    return {**given, "provision": {"type": "permit"}, **more}


def condition(text: str, category: str) -> Resource:
    whole = {"resourceType": "Condition", "id": text, "subject": named(ADA), "code": {"text": text}}
    return {**whole, "category": [{"text": category}]}


def service(*resources: Resource) -> Any:
    return lambda request: as_json(page([person(ADA), *resources]), media=FHIR)


def test_the_service_is_asked_as_its_protocol_says() -> None:
    _, (request,) = ask("patient-flags", service(flag(ADA)), NEEDS)
    assert request.target == f"/base/Flag?patient=9990000018&code={CODE}"
    _, (request,) = ask("patient-flags", service(flag(ADA)), NEEDS, search="post")
    assert (request.method, request.target) == ("POST", "/base/Flag/_search")
    assert request.all("patient") == ["9990000018"]


def test_adjustments_impairments_and_conditions_are_what_somebody_needs() -> None:
    note = {"url": "https://fhir.nhs.uk/England/StructureDefinition/Extension-FlagNotes"}
    wanted = flag(ADA, 1, extension=[{**note, "valueAnnotation": {"text": "Sits on the left"}}])
    held = (wanted, condition("Deaf in one ear", "Impairment"), condition("Ménière's disease", "Diagnosis"))
    answer, _ = ask("patient-flags", service(*held), NEEDS)
    assert {e.section for e in answer.entries} == NEEDS
    assert {e.title: dict(e.details)["Kind"] for e in answer.entries} == {
        "Adjustment 1": "National Reasonable Adjustments Flag",
        "Deaf in one ear": "Impairment",
        "Ménière's disease": "Diagnosis",
    }
    assert "Sits on the left" in repr(answer.entries)


@pytest.mark.parametrize(
    ("rule", "who"),
    [
        ("Agreed by the patient", "the person themselves"),
        ("Best interest decision", "a best-interest decision (Mental Capacity Act 2005)"),
        ("Lasting power of attorney", "an attorney for health and welfare"),
        ("Court appointed deputy", "a deputy appointed by the court"),
    ],
)
def test_who_consented_is_said_beside_each(rule: str, who: str) -> None:
    answer, _ = ask("patient-flags", service(flag(ADA), consent(policyRule={"text": rule})), NEEDS)
    (entry,) = answer.entries
    assert ("Agreed by", who) in entry.details


_NO = {"type": "deny"}
_OVER, _TO_COME = {"end": "2001-01-01"}, {"start": "2999-01-01"}


@pytest.mark.parametrize(
    "refusal",
    [
        {"status": "inactive"},
        {"provision": _NO},
        {"provision": {}},
        {"provision": {"period": {"start": "2020-01-01"}}},
        {"provision": {"type": "permit", "period": _OVER}},
        {"provision": {"type": "permit", "period": _TO_COME}},
        {"provision": {"type": "permit", "period": {"end": "soon"}}},
        {"provision": {"type": "permit", "provision": [_NO]}},
        {"provision": {"type": "Permit"}},
        {"modifierExtension": [{"url": "https://x.example/not", "valueBoolean": True}]},
        {"meta": {"security": [{"system": CONFIDENTIALITY, "code": "V"}]}},
    ],
)
def test_what_was_not_agreed_to_is_counted_and_not_shown(refusal: Resource) -> None:
    answer, _ = ask("patient-flags", service(flag(ADA), consent(**refusal)), NEEDS)
    assert not answer.entries
    assert answer.not_understood["Flag (not agreed to)"] == 1


@pytest.mark.parametrize(
    "agreed",
    [
        {},
        {"provision": {"type": "permit", "period": {"start": "2020-01-01", "end": "2999"}}},
        {"provision": {"type": "permit", "provision": [{**_NO, "period": _OVER}]}},
        {"provision": {"type": "permit", "period": {"end": "2999-01-01T00:00:00Z"}}},
    ],
)
def test_what_is_agreed_to_at_the_moment_it_is_asked_is_shown(agreed: Resource) -> None:
    answer, _ = ask("patient-flags", service(flag(ADA), consent(**agreed)), NEEDS)
    assert [entry.title for entry in answer.entries] == ["Adjustment 1"]


def test_a_no_stands_over_a_yes_until_it_ends() -> None:
    for period, shown in (({}, 0), (_OVER, 1), ({"end": "soon"}, 0)):
        no = consent(id="c2", provision={**_NO, "period": period})
        answer, _ = ask("patient-flags", service(flag(ADA), consent(), no), NEEDS)
        assert len(answer.entries) == shown


def test_a_consent_entered_in_error_says_nothing() -> None:
    wrong = consent(id="c2", status="entered-in-error", provision=_NO)
    answer, _ = ask("patient-flags", service(flag(ADA), consent(), wrong), NEEDS)
    assert len(answer.entries) == 1


# ---- what is inside another resource --------------------------------------------------------------------------------

INSIDE = {"resourceType": "Condition", "id": "i", "code": {"text": "Autism"}}


def test_what_is_inside_a_flag_is_shown_with_it_and_has_its_labels() -> None:
    hiv = {"meta": {"security": [{"system": ACT_CODE, "code": Sensitivity.HIV.act_code}]}}
    answer, _ = ask("patient-flags", service(flag(ADA, contained=[INSIDE], **hiv)), NEEDS)
    assert {e.title: e.stated_labels for e in answer.entries} == {
        "Adjustment 1": {Sensitivity.HIV},
        "Autism": {Sensitivity.HIV},
    }
    assert "Autism" not in repr([e.original for e in answer.entries if e.title != "Autism"])


@pytest.mark.parametrize(
    ("barred", "counted"),
    [
        ({"status": "entered-in-error"}, "Condition (entered in error)"),
        ({"meta": {"security": [{"system": CONFIDENTIALITY, "code": "V"}]}}, "Condition (restricted: V)"),
        ({"modifierExtension": [{"url": "https://x.example/not"}]}, "Condition (could not be read)"),
        ({"resourceType": "Basic"}, "Condition (in a Basic)"),
    ],
)
def test_what_bars_a_flag_bars_what_is_inside_it(barred: Resource, counted: str) -> None:
    held = flag(ADA, contained=[INSIDE], **barred)
    answer, _ = ask("patient-flags", service(held, flag(ADA, 2)), NEEDS)
    assert [e.title for e in answer.entries] == ["Adjustment 2"]
    assert answer.not_understood[counted] == 1


def test_what_is_inside_a_flag_about_somebody_else_is_not_shown() -> None:
    mine = {**INSIDE, "subject": named(ADA)}
    answer, _ = ask("patient-flags", service(flag(STRANGER, contained=[mine])), NEEDS)
    assert not answer.entries
    assert {gap.cause for gap in answer.gaps} == {GapCause.WRONG_PERSON}


def test_a_condition_whose_finding_was_an_error_is_counted() -> None:
    held = {**condition("Autism", "Diagnosis"), "verificationStatus": {"coding": [{"code": "entered-in-error"}]}}
    answer, _ = ask("patient-flags", service(held), NEEDS)
    assert not answer.entries
    assert dict(answer.not_understood) == {"Condition (entered in error)": 1}


def test_only_a_flag_that_is_whole_by_itself_is_passed_on_as_one() -> None:
    by_reference = {"subject": {"reference": f"Patient/{ADA.nhs_number}"}}
    held = (flag(ADA, 1, **by_reference, contained=[{**INSIDE, "resourceType": "Flag"}]), flag(ADA, 2))
    answer, _ = ask("patient-flags", service(*held, condition("Deaf", "Impairment")), NEEDS)
    assert {e.title: e.fhir_release for e in answer.entries} == {
        "Adjustment 1": "4.0",
        "Autism": "",
        "Adjustment 2": "",
        "Deaf": "",
    }


def test_a_flag_about_somebody_else_is_a_gap_and_never_an_entry() -> None:
    answer, _ = ask("patient-flags", service(flag(ADA), flag(STRANGER, 2)), NEEDS)
    assert [e.title for e in answer.entries] == ["Adjustment 1"]
    assert {gap.cause for gap in answer.gaps} == {GapCause.WRONG_PERSON}


def test_a_flag_entered_in_error_is_counted() -> None:
    answer, _ = ask("patient-flags", service(flag(ADA, status="entered-in-error")), NEEDS)
    assert not answer.entries
    assert dict(answer.not_understood) == {"Flag (entered in error)": 1}


def test_flags_without_a_date_of_birth_are_not_shown_unless_settled_how() -> None:
    alone = lambda request: as_json(page([flag(ADA)]), media=FHIR)  # noqa: E731
    answer, _ = ask("patient-flags", alone, NEEDS)
    assert not answer.entries
    assert {gap.cause for gap in answer.gaps} == {GapCause.MALFORMED}
    answer, _ = ask("patient-flags", alone, NEEDS, number_alone="yes")
    assert len(answer.entries) == 1


# ---- safeguarding -------------------------------------------------------------------------------------------------

CP = {"code": {"text": "Child protection plan (CP-IS)"}}


def by_code(request: Request) -> Reply:
    held = [flag(ADA)] if request.all("code") == [CODE] else [flag(ADA, 2, **CP, category=[])]
    return as_json(page([person(ADA), *held]), media=FHIR)


def test_safeguarding_flags_are_asked_for_only_where_set_and_only_for_that_section() -> None:
    answer, requests = ask("patient-flags", by_code, BOTH)
    assert [r.all("code") for r in requests] == [[CODE]]
    assert {e.section for e in answer.entries} == NEEDS
    set_ = {"safeguarding_codes": "child-protection-plan"}
    _, requests = ask("patient-flags", by_code, NEEDS, **set_)
    assert [r.all("code") for r in requests] == [[CODE]]
    answer, requests = ask("patient-flags", by_code, BOTH, **set_)
    assert [r.all("code") for r in requests] == [[CODE], ["child-protection-plan"]]
    (watched,) = [e for e in answer.entries if e.section is Section.SAFEGUARDING]
    assert watched.stated_labels == {Sensitivity.SAFEGUARDING}


@pytest.mark.parametrize("words", ["Child protection plan", "FGM risk indicator", "CP-IS", "Safeguarding concern"])
def test_a_safeguarding_flag_among_the_adjustments_never_stands_among_them(words: str) -> None:
    stray = flag(ADA, 2, code={"text": words})
    answer, _ = ask("patient-flags", service(flag(ADA), stray), NEEDS)
    assert [e.title for e in answer.entries] == ["Adjustment 1"]
