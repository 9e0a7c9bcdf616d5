"""What the advice centre's casework system holds, in its own column names, which are nobody's standard.

A case is a row. Notes are a case worker's free text, and hold what people tell case workers: often sensitive, never
coded. Dates are written as the centre writes them, ``DD/MM/YYYY``, and money as ``1,234.50``.
"""

from __future__ import annotations

from datetime import date, timedelta

from sandbox.neighbourhood import cast, staff
from sandbox.neighbourhood.dice import Dice
from sandbox.neighbourhood.people import Person
from sandbox.neighbourhood.traits import Trait

COLUMNS = (
    "Client ref", "Surname", "First name", "DOB", "NHS no", "Case no", "Opened", "Closed", "Issue", "Notes",
    "Debt total", "Owed to", "Benefit claimed", "Landlord", "Rent arrears", "Worker", "Next step", "Next contact",
)  # fmt: skip

Row = dict[str, str]

_NEXT = {
    "Debt": "Breathing Space application to be sent",
    "Benefits": "Mandatory reconsideration letter due",
    "Housing": "Call the landlord about a repayment plan",
    "Food": "Second food parcel, then review",
    "Homelessness": "Attend housing options appointment together",
}
# What somebody told the case worker that no code will ever mark; first that fits is written.
_TOLD = (
    (
        Trait.DOMESTIC_ABUSE,
        "Client left a violent partner. Never write to the old address; safe to ring in the morning.",
    ),
    (Trait.DRUGS, "Client says the heroin is behind most of the debt and wants help to stop."),
    (Trait.ALCOHOL, "Client says drinking makes it hard to open letters."),
    (Trait.BIPOLAR, "Client overspends when unwell with bipolar disorder."),
    (Trait.DEPRESSION, "Client low in mood and not sleeping because of the bills."),
)


def rows(person: Person, *, seed: int, today: date, local_id: str) -> list[Row]:
    """The cases of somebody the centre knows, oldest first; none for anybody else."""
    if not person.known_to(cast.LANTERN_CASEWORK.id):
        return []
    dice = Dice(seed, "casework", person.index)
    issues = _issues(person)
    return [
        _case(person, issue, local_id=local_id, number=number + 1, today=today, dice=dice)
        for number, issue in enumerate(issues)
    ]


def _issues(person: Person) -> list[str]:
    """Why they came. Somebody who came for another reason is recorded under benefits."""
    found = [
        issue
        for trait, issue in (
            (Trait.HOMELESS, "Homelessness"),
            (Trait.DEBT, "Debt"),
            (Trait.ARREARS, "Housing"),
            (Trait.BENEFITS, "Benefits"),
            (Trait.FOOD, "Food"),
        )
        if trait in person.traits
    ]
    return found or ["Benefits"]


def _case(person: Person, issue: str, *, local_id: str, number: int, today: date, dice: Dice) -> Row:
    opened = (person.died_on or today) - timedelta(days=dice.between(10, 400))
    closed = dice.chance(200)
    worker = staff.TOBIAS if issue in ("Housing", "Homelessness") else staff.PRIYA
    row = dict.fromkeys(COLUMNS, "") | {
        "Client ref": local_id,
        "Surname": person.family_name,
        "First name": person.given_name,
        "DOB": _day(person.born_on),
        "NHS no": _spaced(person.nhs_number),
        "Case no": f"{local_id}/{number}",
        "Opened": _day(opened),
        "Closed": _day(opened + timedelta(days=9)) if closed else "",
        "Issue": issue,
        "Notes": _notes(person, issue, first=number == 1),
        "Worker": worker.name,
        "Next step": "" if closed else _NEXT[issue],
        "Next contact": "" if closed else _day(today + timedelta(days=dice.between(2, 30))),
    }
    return row | _money(issue, dice)


def _money(issue: str, dice: Dice) -> Row:
    if issue == "Debt":
        owed = dice.pick(("Council tax", "Energy supplier", "Credit cards", "Catalogue", "Doorstep lender"))
        return {"Debt total": _pounds(dice.between(30_000, 1_800_000)), "Owed to": owed}
    if issue == "Housing":
        landlord = dice.pick(("Marlowe Green Council", "Private landlord", "Osier Homes"))
        return {"Landlord": landlord, "Rent arrears": _pounds(dice.between(20_000, 500_000))}
    if issue == "Benefits":
        return {"Benefit claimed": dice.pick(("Universal Credit", "PIP", "Attendance Allowance", "Carer's Allowance"))}
    return {}


def _notes(person: Person, issue: str, *, first: bool) -> str:
    came = {
        "Debt": "Came in with a bag of unopened letters.",
        "Benefits": "Award stopped without a reason given.",
        "Housing": "Notice seeking possession received.",
        "Food": "Cupboards empty since Tuesday.",
        "Homelessness": "Sleeping on a friend's sofa.",
    }[issue]
    told = next((text for trait, text in _TOLD if trait in person.traits), "") if first else ""
    return f"{came} {told}".strip()


def _day(on: date) -> str:
    return on.strftime("%d/%m/%Y")


def _spaced(nhs_number: str | None) -> str:
    """As people write it, in threes and a four."""
    return f"{nhs_number[:3]} {nhs_number[3:6]} {nhs_number[6:]}" if nhs_number else ""


def _pounds(pence: int) -> str:
    return f"{pence / 100:,.2f}"
