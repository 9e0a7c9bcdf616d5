"""REF: referrals (HL7 v2 chapter 11), and SIU: appointments (chapter 10)."""

from __future__ import annotations

from adapters.answering import plain
from broker.vocabulary import Section

from .message import Segment
from .moments import Moment, moment
from .telling import Telling, codings, deleted, person_name, staff_name, words

REFERRAL_EVENTS = frozenset({"I12", "I13", "I14"})
APPOINTMENT_EVENTS = frozenset({"S12", "S13", "S14", "S15", "S17", "S26"})

_STATUSES = {"A": "accepted", "P": "pending", "R": "rejected", "E": "expired"}  # table 0283
_PRIORITIES = {"S": "Immediate", "A": "As soon as possible", "R": "Routine"}  # table 0280
_FROM, _TO = frozenset({"RP"}), frozenset({"RT"})  # table 0286
_SCHEDULED = {"S12": "booked", "S13": "moved", "S14": "changed", "S15": "cancelled", "S26": "did not attend"}


def referral_id(telling: Telling) -> str:
    referral = telling.message.first("RF1")
    number = "" if referral is None else referral.text(6) or referral.text(11)
    return f"referral/{plain(number or telling.message.control_id, most=120)}"


def read(telling: Telling) -> None:
    referral = telling.message.first("RF1")
    if referral is None:
        telling.not_understood["REF (no RF1 segment)"] += 1
        return
    providers = list(telling.message.all("PRD"))
    to = _parties(providers, _TO)
    telling.tell(
        referral,
        *providers,
        id=referral_id(telling),
        section=Section.REFERRALS,
        title=words(referral.value(3)) or (f"Referral to {to}" if to else "Referral"),
        codes=codings(referral.value(3)),
        at=telling.moment(referral, 7).at or telling.sent,
        status="cancelled" if telling.message.event == "I14" else _status(referral),
        by=_parties(providers, _FROM),
        said=(
            ("From", _parties(providers, _FROM)),
            ("To", to),
            ("Priority", _PRIORITIES.get(referral.text(2), words(referral.value(2)))),
            ("Reason", ", ".join(filter(None, map(words, referral.values(10))))),
            ("Where", words(referral.value(5))),
            ("Note", _note(telling)),
        ),
        deleted=deleted(referral, {2: "Priority", 5: "Where", 10: "Reason"}),
        whole=False,
    )


def _status(referral: Segment) -> str:
    return _STATUSES.get(referral.text(1), words(referral.value(1)))


def _parties(providers: list[Segment], roles: frozenset[str]) -> str:
    """Whoever has one of ``roles``, with where they work (PRD-4, a place; PRD-2, a person)."""
    found = []
    for provider in providers:
        if any(value.text() in roles for value in provider.values(1)):
            found.append(", ".join(filter(None, (person_name(provider.value(2)), provider.text(4)))))
    return "; ".join(filter(None, found))


def _note(telling: Telling) -> str:
    """Notes of the referral alone: those that follow a result are the result's."""
    said, last = [], ""
    for segment in telling.message.segments:
        if segment.name == "NTE":
            said += [value.text() for value in segment.values(3) if last not in ("OBX", "OBR")]
        else:
            last = segment.name
    return " ".join(filter(None, said))


def read_appointment(telling: Telling) -> None:
    schedule = telling.message.first("SCH")
    number = "" if schedule is None else schedule.text(2) or schedule.text(1)
    if schedule is None or not number:
        telling.not_understood["SIU (names no appointment)"] += 1
        return
    id = f"appointment/{plain(number, most=120)}"
    if telling.message.event == "S17":  # booked by mistake
        telling.withdrawn.add(id)
        return
    resources = [each for each in telling.message.segments if each.name in ("AIS", "AIL", "AIP")]
    people = [staff_name(each.value(3)) for each in resources if each.name == "AIP"]
    telling.tell(
        schedule,
        *resources,
        id=id,
        section=Section.APPOINTMENTS,
        title=_service(resources) or words(schedule.value(8)) or words(schedule.value(7)) or "Appointment",
        at=_begins(telling, schedule, resources).at,
        status=_SCHEDULED.get(telling.message.event, ""),
        by=next(filter(None, people), ""),
        said=(
            ("Reason", words(schedule.value(7))),
            ("With", ", ".join(filter(None, people))),
            ("Where", ", ".join(filter(None, (words(each.value(3)) for each in resources if each.name == "AIL")))),
        ),
        deleted=deleted(schedule, {7: "Reason"}),
        whole=False,
    )


def _service(resources: list[Segment]) -> str:
    return next(filter(None, (words(each.value(3)) for each in resources if each.name == "AIS")), "")


def _begins(telling: Telling, schedule: Segment, resources: list[Segment]) -> Moment:
    """SCH-11 (the fourth component of its timing), or when the service is to begin (AIS-4)."""
    for text in (schedule.text(11, 4), *(each.text(4) for each in resources if each.name == "AIS")):
        if text:
            try:
                return moment(text)
            except (ValueError, OverflowError):
                telling.not_understood["SCH-11 not a timestamp"] += 1
    return Moment()
