"""Why a message is not taken, in the words and codes of HL7 v2 chapter 2 (tables 0008 and 0357). Names nobody."""

from __future__ import annotations

from enum import StrEnum


class Answer(StrEnum):
    """MSA-1. ``ERROR``: the message is wrong, so sending it again is no use. ``REJECT``: it was not taken at all."""

    ACCEPTED = "AA"
    ERROR = "AE"
    REJECT = "AR"


class Problem(StrEnum):
    """ERR-3, table 0357."""

    SEGMENT_SEQUENCE = "100"
    FIELD_MISSING = "101"
    DATA_TYPE = "102"
    VALUE_UNKNOWN = "103"
    TYPE_UNSUPPORTED = "200"
    EVENT_UNSUPPORTED = "201"
    VERSION_UNSUPPORTED = "203"
    KEY_UNKNOWN = "204"
    INTERNAL = "207"


WORDS = {
    Problem.SEGMENT_SEQUENCE: "Segment sequence error",
    Problem.FIELD_MISSING: "Required field missing",
    Problem.DATA_TYPE: "Data type error",
    Problem.VALUE_UNKNOWN: "Table value not found",
    Problem.TYPE_UNSUPPORTED: "Unsupported message type",
    Problem.EVENT_UNSUPPORTED: "Unsupported event code",
    Problem.VERSION_UNSUPPORTED: "Unsupported version id",
    Problem.KEY_UNKNOWN: "Unknown key identifier",
    Problem.INTERNAL: "Application internal error",
}


class NotTaken(Exception):
    """A message that is refused. ``detail`` is safe to send and to log: it says nothing the message said.

    ``where`` is the field at fault (ERR-2), as in ``PID^1^3``.
    """

    def __init__(self, problem: Problem, detail: str, *, where: str = "", answer: Answer = Answer.ERROR) -> None:
        super().__init__(detail)
        self.problem, self.detail, self.where, self.answer = problem, detail, where, answer
