"""HL7 v2 messages about synthetic residents, as a hospital and its laboratory send them. Opens no socket.

The same resident and number always give the same message, but for when it was sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sandbox.neighbourhood.people import Person, Population

FACILITY = "RIVERSIDE"
_STAMP = "%Y%m%d%H%M%S+0000"
_ESCAPED = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"})
_TESTS = (
    ("2823-3", "Potassium", "4.1", "mmol/L", "3.5-5.3", ""),
    ("2160-0", "Creatinine", "118", "umol/L", "45-84", "H"),
    ("718-7", "Haemoglobin", "128", "g/L", "115-165", ""),
)


def messages(population: Population, count: int, *, now: datetime, facility: str = FACILITY) -> Iterator[str]:
    """``count`` messages, in the order they are to be sent: admitted, results, corrected, discharged, referred."""
    made, index = 0, 0
    while made < count and index < population.residents:
        person = population.person(index)
        index += 1
        if person.nhs_number is None or person.died_on is not None:
            continue
        for message in _about(person, made, now, facility):
            if made < count:
                yield message
                made += 1


def _about(person: Person, number: int, now: datetime, facility: str) -> Iterator[str]:
    at = now - timedelta(days=2)
    visit = f"V{person.index}"
    stay = f"PV1|1|I|WARD 3^^^{facility}|||||||130^General medicine|||||||||{visit}" + "|" * 25
    yield _message(person, "ADT^A01", number, at, facility, [stay + at.strftime(_STAMP), _diagnosis(at)])
    taken = at + timedelta(hours=3)
    yield _message(person, "ORU^R01", number + 1, taken, facility, _results(person, taken, "P"))
    yield _message(person, "ORU^R01", number + 2, taken + timedelta(hours=2), facility, _results(person, taken, "C"))
    home = at + timedelta(days=1)
    left = stay + at.strftime(_STAMP) + "|" + home.strftime(_STAMP)
    yield _message(person, "ADT^A03", number + 3, home, facility, [left])
    yield _message(
        person,
        "REF^I12",
        number + 4,
        home,
        facility,
        [
            f"RF1|P|R|CARE^Community therapy|||R{person.index}|{home:%Y%m%d}|||FALLS^Unsteady since leaving hospital",
            f"PRD|RP|Grey^Alan^^^Dr||{facility}",
            "PRD|RT|||Ferry Road Therapy Team",
        ],
    )


def _message(person: Person, event: str, number: int, at: datetime, facility: str, segments: list[str]) -> str:
    kind, trigger = event.split("^")
    # The number of a message is its sender's, and never used again: the instant makes it so.
    control = f"{number}-{at.timestamp():.6f}"
    header = (
        f"MSH|^~\\&|SANDBOX|{facility}|BROKER|NEIGHBOURHOOD|{at.strftime(_STAMP)}||{event}^{kind}_{trigger}|{control}|P"
    )
    return "\r".join(
        (f"{header}|2.5.1||||||UNICODE UTF-8", f"EVN||{at.strftime(_STAMP)}", _person(person), *segments, "")
    )


def _person(person: Person) -> str:
    name = f"{_said(person.family_name)}^{_said(person.given_name)}"
    home = f"{_said(person.line)}^^^^{person.postcode}"
    sex = {"female": "F", "male": "M"}.get(person.sex, "U")
    return f"PID|1||{person.nhs_number}^^^NHS^NH||{name}||{person.born_on:%Y%m%d}|{sex}|||{home}"


def _diagnosis(at: datetime) -> str:
    return f"DG1|1||R29.6^Tendency to fall^I10||{at:%Y%m%d}|A"


def _results(person: Person, at: datetime, status: str) -> list[str]:
    order = f"OBR|1|P{person.index}|F{person.index}|24323-8^Blood tests^LN|||{at.strftime(_STAMP)}"
    found = [
        f"OBX|{place}|NM|{code}^{name}^LN||{value}|{units}|{usual}|{flag}|||{status}"
        for place, (code, name, value, units, usual, flag) in enumerate(_TESTS, start=1)
    ]
    return [order, *found]


def _said(text: str) -> str:
    return text.translate(_ESCAPED)
