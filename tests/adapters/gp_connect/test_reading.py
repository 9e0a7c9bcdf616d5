"""What becomes of each kind of thing in a structured record."""

from __future__ import annotations

from datetime import date

from broker.vocabulary import Section, Sensitivity
from tests.adapters.conformance.worlds import ADA
from tests.adapters.gp_connect.records import (
    HL7_UK,
    NHS,
    entries,
    listing,
    one,
    read,
    resource,
    said,
    secured,
    to,
)
from tests.adapters.gp_connect.stu3 import allergy, bundle, patient

ACT_CODE = "http://hl7.org/fhir/v3/ActCode"


def medicine(**statement: object) -> list[dict[str, object]]:
    """Amlodipine: the product, a repeat authorisation, two issues of it, and the statement of all these."""
    kind = {"url": f"{NHS}PrescriptionType-1", "valueCodeableConcept": said("Repeat", "repeat")}
    repeats = {
        "url": f"{NHS}MedicationRepeatInformation-1",
        "extension": [
            {"url": "numberOfRepeatPrescriptionsAllowed", "valuePositiveInt": 6},
            {"url": "numberOfRepeatPrescriptionsIssued", "valueUnsignedInt": 2},
        ],
    }
    product = {"medicationReference": to("Medication", "m1")}
    issues = [
        resource(
            "MedicationRequest", f"issue-{month}", status="completed", intent="order",
            basedOn=[to("MedicationRequest", "plan")],
            dispenseRequest={"validityPeriod": {"start": f"2026-{month}-04"}}, **product,
        )
        for month in ("08", "10")
    ]  # fmt: skip
    dosage = {"dosage": [{"text": "1 tablet each morning"}], **statement}
    return [
        {"resourceType": "Medication", "id": "m1", "code": said("Amlodipine 5mg tablets", "319283006")},
        resource(
            "MedicationRequest", "plan", status="active", intent="plan", extension=[kind, repeats],
            authoredOn="2026-08-04", dispenseRequest={"quantity": {"value": 28, "unit": "tablet"}}, **product,
        ),
        *issues,
        resource(
            "MedicationStatement", "s1", status="active", taken="unk", basedOn=[to("MedicationRequest", "plan")],
            effectivePeriod={"start": "2026-08-04"},
            extension=[{"url": f"{NHS}MedicationStatementLastIssueDate-1", "valueDateTime": "2026-10-04"}],
            **product, **dosage,
        ),
    ]  # fmt: skip


def test_a_medicine_its_authorisation_and_its_issues_are_one_entry() -> None:
    entry, details = one(*medicine())
    assert (entry.section, entry.title, entry.status) == (Section.MEDICATIONS, "Amlodipine 5mg tablets", "active")
    assert entry.codes[0].code == "319283006"
    assert details["How to take it"] == "1 tablet each morning"
    assert details["Kind of prescription"] == "Repeat"
    assert details["Last issued"] == "4 October 2026"
    assert details["Issued"] == "4 October 2026, 4 August 2026"
    assert details["Repeats"] == "2 of 6 issued"
    assert details["Quantity"] == "28 tablet"


def test_a_dose_that_something_unknown_changes_is_not_shown_in_part() -> None:
    answer = read(*medicine(dosage=[{"text": "1 tablet", "modifierExtension": [{"url": "x"}]}])).answer
    assert not any(entry.section is Section.MEDICATIONS for entry in answer.entries)
    assert answer.not_understood["MedicationStatement (could not be read)"] == 1


def test_an_authorisation_that_no_statement_tells_of_is_an_entry_of_its_own() -> None:
    entry, details = one(*medicine()[:4])
    assert entry.id == "MedicationRequest/plan"
    assert details["Issued"] == "4 October 2026, 4 August 2026"


def test_what_is_stated_of_an_issue_is_stated_of_the_medicine_that_shows_it() -> None:
    resources = medicine()
    resources[2]["meta"] = secured(ACT_CODE, "HIV")
    (entry,) = entries(*resources).values()
    assert entry.stated_labels == {Sensitivity.HIV}


def test_an_issue_that_is_restricted_for_an_unknown_reason_is_not_shown_in_a_medicine() -> None:
    resources = medicine()
    resources[2]["meta"] = secured("http://hl7.org/fhir/v3/Confidentiality", "R")
    answer = read(*resources).answer
    (entry,) = (entry for entry in answer.entries if entry.section is Section.MEDICATIONS)
    assert dict(entry.details)["Issued"] == "4 October 2026"
    assert answer.not_understood == {"MedicationRequest (restricted: R)": 1}


def test_issues_that_are_based_on_each_other_or_on_themselves_are_each_shown() -> None:
    one_another = [
        resource(
            "MedicationRequest", id, status="active", intent="order", medicationCodeableConcept=said("Amlodipine"),
            authoredOn=f"2026-0{month}-01", basedOn=[to("MedicationRequest", other)],
        )
        for id, other, month in (("m1", "m2", 1), ("m2", "m1", 2), ("m3", "m3", 3))
    ]  # fmt: skip
    assert set(entries(*one_another)) == {"MedicationRequest/m1", "MedicationRequest/m2", "MedicationRequest/m3"}


def test_a_problem_says_how_significant_it_is_and_what_belongs_to_it() -> None:
    problem = resource(
        "Condition", "c1", clinicalStatus="active", code=said("Hypertension", "59621000"), onsetDateTime="2019",
        extension=[
            {"url": f"{HL7_UK}ProblemSignificance-1", "valueCode": "major"},
            {"url": f"{HL7_UK}RelatedClinicalContent-1", "valueReference": to("MedicationRequest", "plan")},
            {"url": f"{NHS}ActualProblem-1", "valueReference": to("Observation", "o1")},
        ],
    )  # fmt: skip
    entry = entries(problem, *medicine())["Condition/c1"]
    assert (entry.title, entry.status, entry.at) == ("Hypertension", "active", date(2019, 1, 1))
    assert dict(entry.details)["Significance"] == "major"
    # The authorisation is shown in the statement: a link to it is a link to that, or labels would not follow.
    assert entry.linked == ("Observation/o1", "MedicationStatement/s1")


def test_an_ended_allergy_comes_inside_its_list_and_says_why_it_ended() -> None:
    end = {
        "url": f"{NHS}AllergyIntoleranceEnd-1",
        "extension": [
            {"url": "endDate", "valueDateTime": "2025-05-06"},
            {"url": "reasonEnded", "valueString": "Tolerated a test dose"},
        ],
    }
    ended = allergy(9, clinicalStatus="resolved", extension=[end])
    contained = listing("ended", contained=[ended], entry=[{"item": {"reference": "#a9"}}])
    answer = read(listing("allergies", allergy(1)), allergy(1), contained).answer
    found = {entry.id: entry for entry in answer.entries if entry.section is Section.ALLERGIES}
    assert [entry.status for entry in found.values()] == ["active, unconfirmed", "resolved, unconfirmed"]
    details = dict(found["AllergyIntolerance/a9"].details)
    assert (details["Ended"], details["Why ended"]) == ("6 May 2025", "Tolerated a test dose")
    assert not answer.gaps


def test_a_vaccination_is_named_by_what_was_done_where_no_product_is_known() -> None:
    done = {"url": f"{NHS}VaccinationProcedure-1", "valueCodeableConcept": said("Influenza vaccination", "86198006")}
    unknown = {"coding": [{"system": "http://hl7.org/fhir/v3/NullFlavor", "code": "UNK"}]}
    given = resource("Immunization", "i1", status="completed", date="2026-10-01", vaccineCode=unknown, extension=[done])
    entry, _ = one(given)
    assert (entry.title, entry.codes[0].code) == ("Influenza vaccination", "86198006")
    assert len(entry.codes) == 1


def test_a_vaccination_that_was_not_given_says_so() -> None:
    why = {"reasonNotGiven": [said("Declined")]}
    entry, details = one(resource("Immunization", "i1", notGiven=True, vaccineCode=said("MMR"), explanation=why))
    assert (entry.title, entry.status, details["Why not given"]) == ("MMR (not given)", "not-done", "Declined")


def report() -> list[dict[str, object]]:
    comment = said("Comment note", "37331000000100")
    return [
        resource(
            "DiagnosticReport", "d1", status="final", code=said("Diagnostic studies report", "721981007"),
            issued="2026-09-02T10:00:00+00:00", basedOn=[to("ProcedureRequest", "t1")],
            specimen=[to("Specimen", "sp1")], result=[to("Observation", "group"), to("Observation", "filed")],
        ),
        resource("ProcedureRequest", "t1", status="completed", intent="order", code=said("Full blood count")),
        resource("Specimen", "sp1", type=said("Blood"), collection={"collectedDateTime": "2026-09-01"}),
        resource(
            "Observation", "group", status="final", code=said("Full blood count"),
            related=[{"type": "has-member", "target": to("Observation", "hb")}],
        ),
        resource(
            "Observation", "hb", status="final", code=said("Haemoglobin"), effectiveDateTime="2026-09-01",
            valueQuantity={"value": 98, "unit": "g/L"},
            referenceRange=[{"low": {"value": 115, "unit": "g/L"}, "high": {"value": 165, "unit": "g/L"}}],
        ),
        resource("Observation", "filed", status="final", code=comment, comment="Ask her to come in"),
    ]  # fmt: skip


def test_an_investigation_is_a_report_and_each_of_its_results_with_what_is_expected() -> None:
    found = entries(*report())
    assert set(found) == {"DiagnosticReport/d1", "Observation/group", "Observation/hb"}
    assert {entry.section for entry in found.values()} == {Section.RESULTS}
    told = dict(found["DiagnosticReport/d1"].details)
    assert (told["Asked for"], told["Note"]) == ("Full blood count", "Ask her to come in")
    assert told["Specimen"] == "Blood, taken 1 September 2026"
    haemoglobin = dict(found["Observation/hb"].details)
    assert (haemoglobin["Value"], haemoglobin["Expected"]) == ("98 g/L", "115 g/L to 165 g/L")
    assert "Observation/hb" in found["Observation/group"].linked


def test_a_diary_entry_is_something_to_be_done() -> None:
    entry, details = one(
        resource("ProcedureRequest", "r1", intent="plan", code=said("Asthma review"), occurrenceDateTime="2027-02")
    )
    assert (entry.section, entry.title, details["Due"]) == (Section.ACTIONS, "Asthma review", "February 2027")


def test_a_referral_says_to_whom_how_urgently_and_why() -> None:
    entry, details = one(
        resource(
            "ReferralRequest", "r1", status="active", priority="urgent", authoredOn="2026-10-01",
            serviceRequested=[said("Cardiology service")], reasonCode=[said("Palpitations")],
            recipient=[to("Organization", "h1")],
        ),
        {"resourceType": "Organization", "id": "h1", "name": "St Brannoc's"},
    )  # fmt: skip
    assert (entry.section, entry.title) == (Section.REFERRALS, "Cardiology service")
    assert (details["To"], details["Priority"], details["Why"]) == ("St Brannoc's", "urgent", "Palpitations")


def test_an_uncategorised_finding_is_where_its_code_says_and_else_an_observation() -> None:
    found = entries(
        resource("Observation", "bp", status="final", code=said("Blood pressure", "75367002")),
        resource("Observation", "smoker", status="final", code=said("Smoker", "77176002")),
    )
    assert [entry.section for entry in found.values()] == [Section.OBSERVATIONS, Section.SOCIAL_CONTEXT]


def consultation(**note: object) -> list[dict[str, object]]:
    """A consultation of one topic and one heading, which holds typed words and a coded finding."""
    encounter = {"encounter": to("Encounter", "e1")}
    finding = resource("Observation", "bp", status="final", code=said("Blood pressure", "75367002"))
    typed = resource(
        "Observation", "note", status="final", code=said("Comment note", "37331000000100"),
        comment="Feels dizzy on standing", **note,
    )  # fmt: skip
    lists = [
        ("l1", "325851000000107", "", [to("List", "l2")]),
        ("l2", "25851000000105", "Dizziness", [to("List", "l3")]),
        ("l3", "24781000000107", "History", [to("Observation", "note"), to("Observation", "bp")]),
    ]
    return [
        resource(
            "Encounter", "e1", status="finished", type=[said("Surgery consultation")],
            period={"start": "2026-10-02T09:00:00+00:00"}, participant=[{"individual": to("PractitionerRole", "pr1")}],
        ),
        *(
            resource("List", id, code=said(title or "Consultation", code), title=title, **encounter,
                     entry=[{"item": item} for item in items])
            for id, code, title, items in lists
        ),
        typed, finding,
        {"resourceType": "PractitionerRole", "id": "pr1", "practitioner": to("Practitioner", "doctor")},
        {"resourceType": "Practitioner", "id": "doctor", "name": [{"prefix": ["Dr"], "family": "Okafor"}]},
    ]  # fmt: skip


def test_a_consultation_shows_what_was_typed_and_links_to_what_was_coded() -> None:
    found = entries(*consultation())
    assert set(found) == {"Encounter/e1", "Observation/bp"}
    entry = found["Encounter/e1"]
    assert (entry.section, entry.title) == (Section.PROFESSIONAL_CONTACTS, "Surgery consultation")
    assert entry.provenance.recorded_by == "Dr Okafor"
    details = dict(entry.details)
    assert (details["About"], details["History"]) == ("Dizziness", "Feels dizzy on standing")
    assert entry.linked == ("Observation/bp",)
    assert "pressure" not in str(entry.details)


def test_what_the_person_must_not_be_shown_is_kept_as_about_somebody_else() -> None:
    found = entries(*consultation(meta=secured(ACT_CODE, "NOPAT")))
    assert found["Encounter/e1"].stated_labels == {Sensitivity.THIRD_PARTY}
    assert found["Observation/bp"].stated_labels == frozenset()


def test_what_is_said_of_a_topic_is_said_of_everything_in_it() -> None:
    resources = consultation()
    resources[2]["meta"] = secured(ACT_CODE, "NOPAT")
    found = entries(*resources)
    assert found["Encounter/e1"].stated_labels == {Sensitivity.THIRD_PARTY}
    assert found["Observation/bp"].stated_labels == frozenset()  # its heading's list says nothing


def test_lists_that_hold_each_other_come_to_an_end() -> None:
    resources = consultation()
    resources[3]["entry"] = [{"item": to("List", "l1")}, {"item": to("List", "l3")}, {"item": to("Observation", "bp")}]
    assert "Observation/bp" in entries(*resources)["Encounter/e1"].linked


def test_who_somebody_is_and_where_they_are_registered_is_read_without_their_number() -> None:
    practice = {
        "resourceType": "Organization",
        "id": "o1",
        "name": "Tannery Row Practice",
        "identifier": [{"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "XX9GP3"}],
    }
    spoken = {
        "url": f"{NHS}NHSCommunication-1",
        "extension": [
            {"url": "language", "valueCodeableConcept": said("Somali")},
            {"url": "interpreterRequired", "valueBoolean": True},
        ],
    }
    person = patient(ADA, managingOrganization=to("Organization", "o1"), extension=[spoken])
    found = {entry.section: entry for entry in read(whole=bundle(person, practice)).answer.entries}
    assert found[Section.DEMOGRAPHICS].title == "Ada Bright"
    assert found[Section.GP_PRACTICE].title == "Tannery Row Practice"
    assert dict(found[Section.INDIVIDUAL_REQUIREMENTS].details) == {"Language": "Somali", "Interpreter": "needed"}
    assert not any("9990000018" in str((entry.title, entry.details)) for entry in found.values())


def test_what_is_not_understood_is_counted_by_name_and_the_rest_is_read() -> None:
    odd = {"url": f"{NHS}SomethingNew-1", "valueCode": "x"}
    answer = read(
        resource("Condition", "c1", code=said("Asthma"), stage={"summary": said("II")}, extension=[odd]),
        {"resourceType": "Consent", "id": "x"},
        {"resourceType": "Consent", "id": "y"},
    ).answer
    assert answer.not_understood == {"Consent": 2, "Condition.stage": 1, "Condition.extension(SomethingNew)": 1}
    assert any(entry.title == "Asthma" for entry in answer.entries)


def test_what_was_entered_in_error_is_not_shown_and_is_counted() -> None:
    answer = read(resource("Condition", "c1", code=said("Asthma"), verificationStatus="entered-in-error")).answer
    assert not any(entry.section is Section.PROBLEMS for entry in answer.entries)
    assert answer.not_understood == {"Condition (entered in error)": 1}


def test_something_that_changes_the_meaning_of_an_item_is_never_passed_over() -> None:
    answer = read(resource("Condition", "c1", code=said("Asthma"), modifierExtension=[{"url": "x"}])).answer
    assert not any(entry.section is Section.PROBLEMS for entry in answer.entries)
    assert [gap.cause.value for gap in answer.gaps] == ["malformed"]


def test_an_item_about_somebody_else_is_a_gap_and_never_an_entry() -> None:
    theirs = {**resource("Condition", "c1", code=said("Asthma")), "subject": {"reference": "Patient/p2"}}
    answer = read(theirs).answer
    assert not any(entry.section is Section.PROBLEMS for entry in answer.entries)
    assert [(gap.section, gap.cause.value) for gap in answer.gaps] == [(Section.PROBLEMS, "wrong-person")]


def test_a_part_about_somebody_else_is_not_shown_in_what_it_is_part_of() -> None:
    resources = medicine()
    resources[2]["subject"] = {"reference": "Patient/p2"}
    answer = read(*resources).answer
    (entry,) = (entry for entry in answer.entries if entry.section is Section.MEDICATIONS)
    assert dict(entry.details)["Issued"] == "4 October 2026"
    assert [gap.cause.value for gap in answer.gaps] == ["wrong-person"]
