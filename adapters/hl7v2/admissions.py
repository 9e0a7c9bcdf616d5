"""ADT: who the resident is to the sender, and their admissions, attendances and discharges. HL7 v2 chapter 3."""

from __future__ import annotations

from adapters.answering import plain
from broker.vocabulary import Section

from .message import Segment
from .telling import Telling, address, deleted, person_name, staff_name, words

EVENTS = frozenset({"A01", "A02", "A03", "A04", "A05", "A06", "A07", "A08", "A11", "A12", "A13", "A28", "A31", "A40"})
_TAKEN_BACK = frozenset({"A11"})
_NO_VISIT = frozenset({"A28", "A31", "A40"})

_CLASSES = {  # table 0004
    "I": "Hospital stay",
    "O": "Outpatient attendance",
    "E": "Emergency attendance",
    "P": "Planned admission",
    "R": "Regular attendance",
    "B": "Maternity stay",
    "D": "Day case",
}
_SEXES = {"M": "Male", "F": "Female", "O": "Other", "A": "Ambiguous", "N": "Not applicable"}  # table 0001
_ADMITTED, _DISCHARGED, _DISCHARGED_TO = "Admitted", "Discharged", "Discharged to"


def read(telling: Telling) -> None:
    event = telling.message.event
    if event == "A40":
        # Two of the sender's records became one. Whose is whose is for the national register to say.
        telling.not_understood["ADT^A40 (a merge of two of its records, not applied)"] += 1
        return
    identity = telling.message.first("PID")
    if identity is not None:
        _person(telling, identity)
    for segment in telling.message.all("NK1"):
        _contact(telling, segment)
    if (visit := telling.message.first("PV1")) is not None and event not in _NO_VISIT and visit.text(2) != "N":
        _visit(telling, visit, event)


def visit_id(telling: Telling) -> str:
    """The sender's own number of the visit; empty where the message is about none."""
    visit, identity = telling.message.first("PV1"), telling.message.first("PID")
    if visit is None or telling.message.event in _NO_VISIT:
        return ""
    number = visit.text(19) or (identity.text(18) if identity else "") or visit.text(44)
    return f"visit/{plain(number, most=120)}" if number else ""


def _visit(telling: Telling, visit: Segment, event: str) -> None:
    id = visit_id(telling)
    if not id:
        telling.not_understood["PV1 (names no visit)"] += 1
        return
    if event in _TAKEN_BACK:
        telling.withdrawn.add(id)
        return
    more = telling.message.first("PV2")
    began, ended = telling.moment(visit, 44), telling.moment(visit, 45)
    if event == "A05" and more is not None and began.at is None:
        began = telling.moment(more, 8)
    gone = set(deleted(visit, {36: "Outcome", 37: _DISCHARGED_TO, 44: _ADMITTED, 45: _DISCHARGED}))
    if event == "A13":
        gone |= {_DISCHARGED, _DISCHARGED_TO, "Outcome"}
    telling.tell(
        visit,
        *filter(None, (more,)),
        id=id,
        section=Section.ADMISSIONS,
        title=_CLASSES.get(visit.text(2), "Attendance"),
        at=began.at or (telling.sent if event in ("A01", "A04") else None),
        status=_status(event, visit, bool(ended.words)),
        by=next(filter(None, (staff_name(value) for number in (7, 17) for value in visit.values(number))), ""),
        said=(
            ("Where", _place(visit)),
            ("Reason", words(more.value(3)) if more is not None else ""),
            ("Service", words(visit.value(10))),
            ("Kind", words(visit.value(4))),
            ("Consultant", ", ".join(filter(None, map(staff_name, visit.values(7))))),
            ("Referred by", ", ".join(filter(None, map(staff_name, visit.values(8))))),
            (_ADMITTED, began.words),
            (_DISCHARGED, "" if event == "A13" else ended.words),
            (_DISCHARGED_TO, "" if event == "A13" else words(visit.value(37))),
            ("Outcome", "" if event == "A13" else words(visit.value(36))),
        ),
        deleted=gone,
        whole=False,
    )


def _status(event: str, visit: Segment, ended: bool) -> str:
    if event == "A13":
        return "admitted"
    if event == "A03" or ended:
        return "discharged"
    if event == "A05" or visit.text(2) == "P":
        return "planned"
    return {"I": "admitted", "B": "admitted"}.get(visit.text(2), "registered")


def _place(visit: Segment) -> str:
    """PL: point of care, room, bed, facility, and the building."""
    where = visit.value(3)
    return ", ".join(filter(None, (where.text(9) or where.text(1), where.text(4), where.text(7))))


def _person(telling: Telling, identity: Segment) -> None:
    more = telling.message.first("PD1")
    protected = more is not None and more.text(12).upper() == "Y"
    hidden = frozenset({"Address", "Telephone", "Email"}) if protected else frozenset()
    telephones = [value for number in (13, 14) for value in identity.values(number)]
    said = (
        ("Name", next(map(person_name, identity.values(5)), "")),
        ("Sex", _SEXES.get(identity.text(8).upper(), "")),
        ("Address", next(map(address, identity.values(11)), "")),
        ("Telephone", next(filter(None, (value.text(1) or value.text(12) for value in telephones)), "")),
        ("Email", next(filter(None, (value.text(4) for value in telephones if "@" in value.text(4))), "")),
        ("Language", words(identity.value(15))),
        ("Ethnicity", words(identity.value(22))),
        ("Died", telling.moment(identity, 29).words or ("Yes" if identity.text(30).upper() == "Y" else "")),
    )
    telling.tell(
        # The segment itself would give away what is not to be shown.
        *(() if protected else (identity,)),
        id="person",
        section=Section.DEMOGRAPHICS,
        title="As this system knows them",
        said=((label, text) for label, text in said if label not in hidden),
        deleted=hidden
        | deleted(identity, {11: "Address", 13: "Telephone", 15: "Language", 22: "Ethnicity", 29: "Died"}),
        whole=False,
    )
    if more is not None and (more.value(3).present or more.value(4).present):
        practice = more.value(3)
        telling.tell(
            more,
            id="gp-practice",
            section=Section.GP_PRACTICE,
            title=practice.text(1) or "GP practice",
            said=(("Code", practice.text(10) or practice.text(3)), ("GP", staff_name(more.value(4)))),
            whole=False,
        )


def _contact(telling: Telling, contact: Segment) -> None:
    name = person_name(contact.value(2))
    if not name:
        return
    telling.tell(
        contact,
        id=f"contact/{name.lower()}",
        section=Section.CONTACTS,
        title=name,
        said=(
            ("Relationship", words(contact.value(3))),
            ("Telephone", contact.text(5) or contact.text(5, 12)),
            ("Role", words(contact.value(7))),
        ),
    )
