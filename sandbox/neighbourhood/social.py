"""What the council's adult social care holds, in the columns of the Client Level Data return (Release 1).

Only adults known to the council have rows: one for each request, assessment, service and review. Cells are text, dates
``DD/MM/YYYY``, and what is not known is empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from sandbox.neighbourhood import cast
from sandbox.neighbourhood.dice import Dice
from sandbox.neighbourhood.people import Person
from sandbox.neighbourhood.traits import Trait

COLUMNS = (
    "LA_Code", "LA_Name", "Reporting_Period_Start_Date", "Reporting_Period_End_Date", "NHS_Number",
    "LA_Person_Unique_Identifier", "GP_Practice_Code", "GP_Practice_Name", "Gender", "Ethnicity", "Date_of_Birth",
    "Date_of_Death", "Client_Type", "Primary_Support_Reason", "Postcode", "Accommodation_Status", "Employment_Status",
    "Has_Unpaid_Carer", "Autism_Spectrum_Disorder_ASD", "Visual_Impairment", "Hearing_Impairment", "Dementia",
    "Client_Funding_Status", "Event_Type", "Event_Reference", "Event_Start_Date", "Event_End_Date", "Event_Description",
    "Event_Outcome", "Request_Route_of_Access", "Assessment_Type", "Eligible_Needs_Identified", "Method_of_Assessment",
    "Total_Hrs_Caring_per_week", "No_of_adults_being_cared_for", "Adult_1_Linked_Person_ID", "Adult_2_Linked_Person_ID",
    "Adult_3_Linked_Person_ID", "Service_Type", "Service_Component", "Delivery_Mechanism", "Provider_CQC_Location_ID",
    "Provider_CQC_Location_Name", "Review_Reason", "Review_Outcomes_Achieved", "Method_of_Review", "Unit_Cost",
    "Cost_Frequency_Unit_Type", "Planned_units_per_week",
)  # fmt: skip

Row = dict[str, str]


def rows(person: Person, *, seed: int, today: date, local_id: str, linked_id: str) -> list[Row]:
    """The rows of somebody known to the council; none for anybody else.

    ``local_id`` is the council's number for them, ``linked_id`` its number for the adult they look after, or empty.
    """
    if not person.known_to(cast.COUNCIL_ADULT_CARE.id):
        return []
    dice = Dice(seed, "social-care", person.index)
    shared = _about(person, today=today, local_id=local_id, dice=dice)
    events = _carer_events(linked_id, dice) if shared["Client_Type"] == "Carer" else _user_events(person, dice)
    last = person.died_on or today
    written = []
    for number, (days, event) in enumerate(events):
        on = last - timedelta(days=days)
        reference = {"Event_Reference": f"{local_id}/{number + 1}", "Event_Start_Date": _day(on)}
        ended = {} if event["Event_Type"] == "Service" else {"Event_End_Date": _day(on + timedelta(days=7))}
        written.append(dict.fromkeys(COLUMNS, "") | shared | reference | ended | event)
    return written


def _about(person: Person, *, today: date, local_id: str, dice: Dice) -> Row:
    quarter = date(today.year, (today.month - 1) // 3 * 3 + 1, 1)
    carer = person.cares_for is not None and not person.has(Trait.SOCIAL_CARE, Trait.ADULT_SAFEGUARDING)
    practice = cast.organisation(person.practice)
    return {
        "LA_Code": cast.COUNCIL.code,
        "LA_Name": cast.COUNCIL.name,
        "Reporting_Period_Start_Date": _day(quarter),
        "Reporting_Period_End_Date": _day(_next_quarter(quarter) - timedelta(days=1)),
        "NHS_Number": person.nhs_number or "",
        "LA_Person_Unique_Identifier": local_id,
        "GP_Practice_Code": practice.code,
        "GP_Practice_Name": practice.name,
        "Gender": person.sex.capitalize(),
        "Ethnicity": person.ethnic_category[1],
        "Date_of_Birth": _day(person.born_on),
        "Date_of_Death": _day(person.died_on) if person.died_on else "",
        "Client_Type": "Carer" if carer else "Service User",
        "Primary_Support_Reason": "Social Support: Support to Carer" if carer else _support_reason(person, dice),
        "Postcode": person.postcode,
        "Accommodation_Status": "Temporary accommodation" if person.has(Trait.HOMELESS) else dice.pick(
            ("Owner occupier or shared ownership scheme", "Tenant", "Tenant - private landlord")
        ),
        "Employment_Status": "Retired" if person.age(today) > 66 else "Not in paid employment (not seeking work)",
        "Has_Unpaid_Carer": "Yes" if person.cared_for_by is not None else "No",
        "Autism_Spectrum_Disorder_ASD": _yes(person, Trait.AUTISM),
        "Visual_Impairment": _yes(person, Trait.SIGHT),
        "Hearing_Impairment": _yes(person, Trait.HEARING),
        "Dementia": _yes(person, Trait.DEMENTIA),
        "Client_Funding_Status": "Fully funded by the local authority",
    }  # fmt: skip


def _support_reason(person: Person, dice: Dice) -> str:
    if person.has(Trait.DEMENTIA):
        return "Support with Memory & Cognition"
    if person.has(Trait.LEARNING_DISABILITY):
        return "Learning Disability Support"
    if person.has(Trait.DEPRESSION, Trait.BIPOLAR) and person.age() < 60:
        return "Mental Health Support"
    return dice.pick(("Physical Support: Personal care support", "Physical Support: Access & mobility only"))


def _user_events(person: Person, dice: Dice) -> Iterator[tuple[int, Row]]:
    """What happened to somebody who uses care, as (days before the last, cells)."""
    start = dice.between(200, 700)
    if person.has(Trait.ADULT_SAFEGUARDING):
        yield start - 100, _request("Safeguarding concern raised", "Enquiry under section 42 of the Care Act")
    if not person.has(Trait.SOCIAL_CARE):
        return
    yield start, _request("Help at home asked for", "Assessment offered")
    yield (
        start - 20,
        {
            "Event_Type": "Assessment",
            "Event_Description": "Care Act assessment",
            "Event_Outcome": "Eligible needs",
            "Assessment_Type": "Long Term Assessment",
            "Eligible_Needs_Identified": "Yes - all needs met by care plan",
            "Method_of_Assessment": "Face to face",
        },
    )
    yield (
        start - 40,
        {
            "Event_Type": "Service",
            "Event_Description": "Help with washing and dressing, each morning",
            "Service_Type": "Long Term Support: Community",
            "Service_Component": "Home Support",
            "Delivery_Mechanism": dice.pick(("CASSR Managed Personal Budget", "Direct Payment")),
            "Provider_CQC_Location_ID": "1-9999999999",
            "Provider_CQC_Location_Name": "Osier Home Care",
            "Unit_Cost": "23.50",
            "Cost_Frequency_Unit_Type": "Hourly",
            "Planned_units_per_week": str(dice.between(5, 21)),
        },
    )
    yield (
        start - 180,
        {
            "Event_Type": "Review",
            "Event_Description": "Annual review",
            "Event_Outcome": "No change in provision",
            "Review_Reason": "Planned",
            "Review_Outcomes_Achieved": "Fully achieved",
            "Method_of_Review": "Face to face",
        },
    )


def _carer_events(linked_id: str, dice: Dice) -> Iterator[tuple[int, Row]]:
    start = dice.between(100, 600)
    carer = {
        "Total_Hrs_Caring_per_week": dice.pick(("1-19", "20-34", "35-49", "50-99", "100+")),
        "No_of_adults_being_cared_for": "1",
        "Adult_1_Linked_Person_ID": linked_id,
    }
    yield start, _request("Carer asked for a break", "Carer's assessment offered") | carer
    yield (
        start - 30,
        carer
        | {
            "Event_Type": "Assessment",
            "Event_Description": "Carer's assessment",
            "Event_Outcome": "Support to carer",
            "Assessment_Type": "Carer's Assessment",
            "Eligible_Needs_Identified": "Yes - some needs met",
            "Method_of_Assessment": "Telephone",
        },
    )


def _request(description: str, outcome: str) -> Row:
    return {
        "Event_Type": "Request",
        "Event_Description": description,
        "Event_Outcome": outcome,
        "Request_Route_of_Access": "Community / other route",
    }


def _yes(person: Person, trait: Trait) -> str:
    return "Yes" if person.has(trait) else "No"


def _day(on: date) -> str:
    return on.strftime("%d/%m/%Y")


def _next_quarter(quarter: date) -> date:
    return date(quarter.year + 1, 1, 1) if quarter.month == 10 else date(quarter.year, quarter.month + 3, 1)
