"""What becomes of each FHIR R4 resource: the section, the words a reader sees, and what is never shown."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from broker.vocabulary import OWN, SNOMED_CT, UK_CORE_HEADINGS, Section
from tests.adapters.fhir_people import Resource, Server, ada, ask, coded, of_ada, only, said

HL7 = "http://terminology.hl7.org/CodeSystem"


def detail(entry: Any, label: str) -> str:
    return str(dict(entry.details).get(label, ""))


def test_an_allergy() -> None:
    entry = only(
        of_ada(
            "AllergyIntolerance",
            "a1",
            clinicalStatus=coded("active"),
            verificationStatus=coded("unconfirmed"),
            code={"coding": [{"system": SNOMED_CT, "code": "91936005", "display": "Allergy to penicillin"}]},
            criticality="high",
            onsetDateTime="2019-03",
            recorder={"display": "Dr Quill"},
            reaction=[{"manifestation": [said("Rash")], "severity": "mild"}, {"manifestation": [said("Wheeze")]}],
            note=[{"text": "Told by her mother"}],
            encounter={"reference": "Encounter/e1"},
        )
    )
    assert (entry.section, entry.title, entry.status) == (
        Section.ALLERGIES,
        "Allergy to penicillin",
        "active, unconfirmed",
    )
    assert [(c.system, c.code) for c in entry.codes] == [(SNOMED_CT, "91936005")]
    assert detail(entry, "Reaction") == "Rash (mild); Wheeze"
    assert detail(entry, "Started") == "March 2019"
    assert detail(entry, "Criticality") == "high"
    assert (entry.at, entry.provenance.recorded_by, entry.linked) == (date(2019, 3, 1), "Dr Quill", ("Encounter/e1",))
    assert entry.original["id"] == "a1"


def test_a_refuted_condition_says_so() -> None:
    entry = only(of_ada("Condition", code=said("Angina"), verificationStatus=coded("refuted")))
    assert (entry.section, entry.status) == (Section.PROBLEMS, "refuted")


def test_a_prescription_with_its_medicine_named_elsewhere() -> None:
    medicine = {
        "resourceType": "Medication",
        "id": "m9",
        "code": said("Metformin 500mg tablets", SNOMED_CT, "109081006"),
    }
    entry = only(
        of_ada(
            "MedicationRequest",
            status="active",
            intent="order",
            medicationReference={"reference": "Medication/m9"},
            dosageInstruction=[{"text": "One, twice a day"}],
            courseOfTherapyType=said("Repeat"),
            reasonReference=[{"reference": "Condition/c1"}],
        ),
        medicine,
    )
    assert (entry.section, entry.title) == (Section.MEDICATIONS, "Metformin 500mg tablets")
    assert detail(entry, "How to take it") == "One, twice a day"
    assert entry.linked == ("Condition/c1",)
    assert entry.codes[0].code == "109081006"


def test_a_contained_medicine_is_named() -> None:
    contained = {"resourceType": "Medication", "id": "in", "code": said("Salbutamol")}
    entry = only(of_ada("MedicationStatement", contained=[contained], medicationReference={"reference": "#in"}))
    assert entry.title == "Salbutamol"


def test_a_dose_without_a_text_is_put_together() -> None:
    dose = {
        "doseAndRate": [{"doseQuantity": {"value": 2, "unit": "tablets"}}],
        "timing": {"code": said("every 6 hours")},
        "route": said("by mouth"),
        "asNeededBoolean": True,
    }
    entry = only(of_ada("MedicationRequest", medicationCodeableConcept=said("Paracetamol"), dosageInstruction=[dose]))
    assert detail(entry, "How to take it") == "2 tablets every 6 hours by mouth; when needed"


@pytest.mark.parametrize(
    ("resource", "title"),
    [
        (
            of_ada("MedicationRequest", medicationCodeableConcept=said("Aspirin"), doNotPerform=True),
            "Do not give: Aspirin",
        ),
        (
            of_ada("MedicationStatement", medicationCodeableConcept=said("Statin"), status="not-taken"),
            "Statin (not taken)",
        ),
        (of_ada("Procedure", code=said("Hip repair"), status="not-done"), "Hip repair (not done)"),
        (of_ada("Immunization", vaccineCode=said("Influenza"), status="not-done"), "Influenza (not given)"),
        (of_ada("ServiceRequest", code=said("X-ray"), doNotPerform=True), "Do not do: X-ray"),
    ],
)
def test_what_was_not_done_is_never_shown_as_done(resource: Resource, title: str) -> None:
    assert only(resource).title == title


def _observed(category: str = "", code: Resource | None = None, **more: Any) -> Resource:
    categories = [coded(category, f"{HL7}/observation-category")] if category else []
    return of_ada("Observation", status="final", category=categories, code=code or said("Thing"), **more)


@pytest.mark.parametrize(
    ("resource", "section"),
    [
        (_observed("laboratory"), Section.RESULTS),
        (_observed("imaging"), Section.RESULTS),
        (_observed("vital-signs"), Section.OBSERVATIONS),
        (_observed("exam"), Section.OBSERVATIONS),
        (_observed(), Section.OBSERVATIONS),
        (_observed("survey"), Section.ASSESSMENTS),
        (_observed("social-history"), Section.SOCIAL_CONTEXT),
        (_observed("social-history", coded("32911000", SNOMED_CT)), Section.HOUSING),
        (_observed("social-history", coded("160932005", SNOMED_CT)), Section.MONEY),
        (_observed("", coded("77386006", SNOMED_CT)), Section.PREGNANCY),
    ],
)
def test_an_observation_goes_where_its_category_and_code_say(resource: Resource, section: Section) -> None:
    assert only(resource).section == section


def test_a_blood_pressure_shows_both_its_numbers() -> None:
    parts = [
        {"code": said("Systolic"), "valueQuantity": {"value": 142, "unit": "mmHg"}},
        {"code": said("Diastolic"), "valueQuantity": {"value": 88, "unit": "mmHg"}},
    ]
    entry = only(
        _observed("vital-signs", said("Blood pressure"), component=parts, effectiveDateTime="2026-01-02T09:30:00Z")
    )
    assert (detail(entry, "Systolic"), detail(entry, "Diastolic")) == ("142 mmHg", "88 mmHg")
    assert entry.at == datetime(2026, 1, 2, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"valueQuantity": {"value": 7.20, "unit": "mmol/L", "comparator": "<"}}, "< 7.2 mmol/L"),
        ({"valueQuantity": {"value": 14, "code": "{score}"}}, "14"),
        ({"valueCodeableConcept": said("Positive")}, "Positive"),
        ({"valueString": "Normal"}, "Normal"),
        ({"valueBoolean": False}, "no"),
        ({"valueInteger": 0}, "0"),
        ({"valueRange": {"low": {"value": 1}, "high": {"value": 2}}}, "1 to 2"),
        ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 8}}}, "1 / 8"),
        ({"valueDateTime": "2026"}, "2026"),
        ({"valuePeriod": {"start": "2026-01-01", "end": "2026-01-01"}}, "1 January 2026"),
        ({"dataAbsentReason": said("Patient refused")}, "not recorded: Patient refused"),
    ],
)
def test_every_kind_of_value_is_shown(value: Resource, shown: str) -> None:
    assert detail(only(_observed("laboratory", **value)), "Value") == shown


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026", date(2026, 1, 1)),
        ("2026-05", date(2026, 5, 1)),
        ("2026-05-04", date(2026, 5, 4)),
        ("2026-05-04T23:30:00+01:00", datetime(2026, 5, 4, 22, 30, tzinfo=UTC)),
        ("2026-05-04T23:30:00.123456789Z", datetime(2026, 5, 4, 23, 30, 0, 123456, tzinfo=UTC)),
        ("2026-05-04T23:59:60Z", date(2026, 5, 4)),
        ("2026-05-04T10:00:00", date(2026, 5, 4)),
        ("9999-12-31T23:59:59-12:00", date(9999, 12, 31)),
    ],
)
def test_a_date_is_never_more_exact_than_it_was_given(written: str, at: date) -> None:
    assert only(_observed("laboratory", effectiveDateTime=written)).at == at


@pytest.mark.parametrize(
    ("kind", "section"),
    [("IMP", Section.ADMISSIONS), ("EMER", Section.ADMISSIONS), ("AMB", Section.PROFESSIONAL_CONTACTS)],
)
def test_an_encounter_is_an_admission_or_a_contact(kind: str, section: Section) -> None:
    elements: dict[str, Any] = {"class": {"code": kind}}
    encounter = of_ada(
        "Encounter",
        status="finished",
        **elements,
        reasonCode=[said("Fall")],
        period={"start": "2026-01-01", "end": "2026-01-04"},
        diagnosis=[{"condition": {"reference": "Condition/c1"}}],
    )
    entry = only(encounter)
    assert (entry.section, entry.title, entry.linked) == (section, "Fall", ("Condition/c1",))
    assert detail(entry, "When") == "1 January 2026 to 4 January 2026"


@pytest.mark.parametrize(
    ("status", "start", "section"),
    [
        ("booked", "2999-01-01T10:00:00Z", Section.APPOINTMENTS),
        ("booked", "2001-01-01T10:00:00Z", Section.PROFESSIONAL_CONTACTS),
        ("cancelled", "2999-01-01T10:00:00Z", Section.PROFESSIONAL_CONTACTS),
        ("fulfilled", "2001-01-01T10:00:00Z", Section.PROFESSIONAL_CONTACTS),
    ],
)
def test_only_an_appointment_ahead_is_a_future_appointment(status: str, start: str, section: Section) -> None:
    participant = [{"actor": {"reference": "Patient/p1"}}]
    visit = {"resourceType": "Appointment", "id": "v", "status": status, "start": start, "participant": participant}
    assert only(visit).section == section


@pytest.mark.parametrize(
    ("code", "section"),
    [
        (said("Falls easily"), Section.ALERTS),
        (said("Reasonable adjustment: quiet room"), Section.INDIVIDUAL_REQUIREMENTS),
        (coded("national-reasonable-adjustment-flag"), Section.INDIVIDUAL_REQUIREMENTS),
        (said("Child Protection Plan"), Section.SAFEGUARDING),
        (said("SAFEGUARDING concern"), Section.SAFEGUARDING),
        ({"coding": [{"system": "urn:x", "code": "1", "display": "FGM indicated"}]}, Section.SAFEGUARDING),
    ],
)
def test_a_flag_goes_where_its_words_say(code: Resource, section: Section) -> None:
    assert only(of_ada("Flag", status="active", code=code)).section == section


@pytest.mark.parametrize(
    ("heading", "section"),
    [
        ("risks-to-self", Section.RISKS),
        ("safeguarding-issues", Section.SAFEGUARDING),
        ("reasonable-adjustments-for-health-and-care-access", Section.INDIVIDUAL_REQUIREMENTS),
        ("advance-statement", Section.LEGAL),
    ],
)
def test_a_section_the_source_states_outranks_ours(heading: str, section: Section) -> None:
    flag = of_ada("Flag", code=said("Something"), category=[coded(heading, UK_CORE_HEADINGS)])
    assert only(flag).section == section


def test_a_stated_section_that_the_type_is_not_asked_for_is_counted_and_not_shown_elsewhere() -> None:
    plan = of_ada("CarePlan", title="Plan", category=[coded("safeguarding", UK_CORE_HEADINGS)])
    answer, _ = ask(Server([plan]))
    assert [entry for entry in answer.entries if entry.id.startswith("CarePlan")] == []
    assert dict(answer.not_understood) == {"CarePlan (section safeguarding)": 1}


@pytest.mark.parametrize(
    ("resource", "section", "title"),
    [
        (of_ada("RelatedPerson", name=[{"text": "Sam"}], relationship=[said("Brother")]), Section.CONTACTS, "Sam"),
        (of_ada("Procedure", code=said("Hip repair")), Section.PROCEDURES, "Hip repair"),
        (of_ada("Immunization", vaccineCode=said("Influenza")), Section.VACCINATIONS, "Influenza"),
        (of_ada("DiagnosticReport", code=said("Full blood count")), Section.RESULTS, "Full blood count"),
        (of_ada("ServiceRequest", code=said("Physiotherapy")), Section.REFERRALS, "Physiotherapy"),
        (
            of_ada("ServiceRequest", code=said("FBC"), category=[coded("108252007", SNOMED_CT)]),
            Section.ACTIONS,
            "FBC",
        ),
        (of_ada("CarePlan", title="Care and support plan"), Section.CARE_PLAN, "Care and support plan"),
        (of_ada("CarePlan", title="End of life care plan"), Section.CONTINGENCY, "End of life care plan"),
        (of_ada("Goal", description=said("Walk to the shop")), Section.CARE_PLAN, "Walk to the shop"),
        (of_ada("CareTeam", name="Community team"), Section.SERVICES, "Community team"),
        (of_ada("EpisodeOfCare", type=[said("District nursing")]), Section.SERVICES, "District nursing"),
        (of_ada("DocumentReference", type=said("Discharge letter")), Section.DOCUMENTS, "Discharge letter"),
        (
            of_ada("DocumentReference", type=said("About me"), category=[coded("about-me", f"{OWN}:section")]),
            Section.ABOUT_ME,
            "About me",
        ),
        (
            of_ada("FamilyMemberHistory", relationship=said("Father"), condition=[{"code": said("Asthma")}]),
            Section.FAMILY_HISTORY,
            "Father: Asthma",
        ),
        (of_ada("QuestionnaireResponse", questionnaire="urn:x/frailty-score|1"), Section.ASSESSMENTS, "Frailty score"),
        (of_ada("Consent", category=[said("Advance decision")]), Section.LEGAL, "Advance decision"),
        (of_ada("Consent", scope=coded("research"), category=[said("A study")]), Section.RESEARCH, "A study"),
        (of_ada("RiskAssessment", prediction=[{"outcome": said("Falling")}]), Section.RISKS, "Falling"),
    ],
)
def test_each_type_has_its_section(resource: Resource, section: Section, title: str) -> None:
    entry = only(resource)
    assert (entry.section, entry.title) == (section, title)


def test_a_form_shows_each_answer_in_order() -> None:
    items = [
        {"linkId": "1", "text": "How often?", "answer": [{"valueInteger": 3}]},
        {
            "linkId": "2",
            "text": "At home",
            "item": [{"linkId": "2.1", "text": "Stairs?", "answer": [{"valueBoolean": True}]}],
        },
    ]
    entry = only(of_ada("QuestionnaireResponse", status="completed", item=items))
    assert entry.details == (("How often?", "3"), ("Stairs?", "yes"))


def test_a_patient_is_several_entries() -> None:
    patient = ada(
        name=[{"use": "official", "given": ["Ada"], "family": "Bright"}, {"use": "usual", "text": "Addie Bright"}],
        gender="female",
        address=[{"line": ["1 Quay"], "city": "Testbourne", "postalCode": "QX1 1AA"}, {"use": "old", "text": "Gone"}],
        telecom=[{"system": "phone", "value": "020 7946 0000"}, {"system": "phone", "value": "0", "use": "old"}],
        generalPractitioner=[{"reference": "Organization/o1"}],
        contact=[{"name": {"text": "Sam Bright"}, "relationship": [said("Brother")]}],
        communication=[{"language": said("Welsh"), "preferred": True}],
    )
    surgery = {"resourceType": "Organization", "id": "o1", "name": "Millrace Surgery"}
    answer, _ = ask(Server([surgery], patients=[patient]))
    shown = {entry.section: entry for entry in answer.entries}
    assert shown[Section.DEMOGRAPHICS].title == "Addie Bright"
    assert detail(shown[Section.DEMOGRAPHICS], "Address") == "1 Quay, Testbourne, QX1 1AA"
    assert detail(shown[Section.DEMOGRAPHICS], "Telephone") == "020 7946 0000"
    assert shown[Section.GP_PRACTICE].title == "Millrace Surgery"
    assert shown[Section.CONTACTS].title == "Sam Bright"
    assert detail(shown[Section.INDIVIDUAL_REQUIREMENTS], "Language") == "Welsh (preferred)"
    assert len({entry.id for entry in answer.entries}) == len(answer.entries)
    assert "9990000018" not in repr([(e.title, e.details) for e in answer.entries])


@pytest.mark.parametrize(
    ("start", "said_as"),
    [("2026-12-01T10:00:00Z", "1 December 2026 at 10:00am"), ("2027-06-01T23:30:00Z", "2 June 2027 at 12:30am")],
)
def test_a_time_is_said_as_a_clock_in_london_shows_it(start: str, said_as: str) -> None:
    participant = [{"actor": {"reference": "Patient/p1"}}]
    visit = {"resourceType": "Appointment", "id": "v", "status": "booked", "start": start, "participant": participant}
    assert detail(only(visit), "When") == said_as


@pytest.mark.parametrize(("course", "said_as"), [("continuous", "repeat"), ("acute", "acute"), ("Every spring",) * 2])
def test_a_course_is_said_as_prescribers_say_it(course: str, said_as: str) -> None:
    entry = only(of_ada("MedicationRequest", medicationCodeableConcept=said("X"), courseOfTherapyType=said(course)))
    assert detail(entry, "Kind of prescription") == said_as
