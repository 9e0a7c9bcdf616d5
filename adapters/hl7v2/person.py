"""Whom a message says it is about, by two identifiers or not at all. Reads nothing else of anybody."""

from __future__ import annotations

from adapters.rows import is_nhs_number
from broker.records.source import ResidentIdentity

from .message import Message, Value
from .moments import day
from .refusing import NotTaken, Problem

# How senders name the NHS as the authority that assigned a number (PID-3.4), and the type of it (PID-3.5, table 0203).
AUTHORITIES = frozenset({"NHS", "NHSNBR", "NHSNUMBER"})
OID = "2.16.840.1.113883.2.1.4.1"
TYPES = frozenset({"NH", "NHS"})


def person_of(message: Message) -> ResidentIdentity:
    """Raises NotTaken where either identifier is missing, doubtful or more than one."""
    identity = message.first("PID")
    if identity is None:
        raise NotTaken(Problem.SEGMENT_SEQUENCE, "it has no PID segment", where="PID")
    if sum(1 for _ in message.all("PID")) > 1 and message.kind != "ADT":
        raise NotTaken(Problem.SEGMENT_SEQUENCE, "it is about more than one person", where="PID")
    numbers = {_digits(value.text(1)) for value in identity.values(3) if _national(value)}
    if not numbers:
        raise NotTaken(Problem.FIELD_MISSING, "it has no NHS number assigned by the NHS", where="PID^1^3")
    if len(numbers) > 1:
        raise NotTaken(Problem.KEY_UNKNOWN, "it has more than one NHS number", where="PID^1^3")
    (number,) = numbers
    if not is_nhs_number(number):
        raise NotTaken(Problem.DATA_TYPE, "its NHS number is not a valid one", where="PID^1^3")
    if not identity.text(7):
        raise NotTaken(Problem.FIELD_MISSING, "it has no date of birth", where="PID^1^7")
    try:
        return ResidentIdentity(number, day(identity.text(7)))
    except ValueError as error:
        raise NotTaken(Problem.DATA_TYPE, "its date of birth is not a whole date", where="PID^1^7") from error


def _national(value: Value) -> bool:
    named = value.text(4, 1).upper().replace(" ", "") in AUTHORITIES or value.text(4, 2) == OID
    return bool(value.text(1)) and (named or (not value.text(4) and value.text(5).upper() in TYPES))


def _digits(text: str) -> str:
    return text.replace(" ", "").replace("-", "")
