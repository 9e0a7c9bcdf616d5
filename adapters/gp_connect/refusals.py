"""Why a practice did not answer, or not in full: each Spine code as a gap in the broker's own words.

What a practice says in words is never passed on: it may name the resident.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from adapters.answering import Answering, Unanswered
from adapters.http import Status
from broker.vocabulary import GapCause

from .areas import AREAS, BY_PARAMETER

_ERRORS = {
    "NO_PATIENT_CONSENT": (GapCause.REFUSED, "the practice has it on record not to share this way"),
    "NO_ORGANISATION_CONSENT": (GapCause.REFUSED, "the practice does not share with the organisation that asks"),
    "ACCESS_DENIED": (GapCause.REFUSED, "the practice has not opened this way to its records"),
    "NO_RELATIONSHIP": (GapCause.REFUSED, "the practice knows of no care by the organisation that asks"),
    # Nothing may be added: a sensitive person is answered for in the same words, without the practice being asked.
    "PATIENT_NOT_FOUND": (GapCause.NOT_LINKED, ""),
    "INVALID_NHS_NUMBER": (GapCause.NOT_LINKED, "the practice does not accept the NHS number"),
    "INVALID_RESOURCE": (GapCause.FAULT, "the practice's system could not read the question"),
    "INVALID_PARAMETER": (GapCause.FAULT, "the practice's system does not take the question as it was put"),
    "REFERENCE_NOT_FOUND": (GapCause.FAULT, "the practice's system could not find what the question refers to"),
}
NOT_KNOWN = _ERRORS["PATIENT_NOT_FOUND"]
NOT_FOR_CARE = (GapCause.REFUSED, "it may be asked for a person's care alone, and this is for something else")
SWITCHED_OFF = (GapCause.REFUSED, "the practice has switched this part of its records off")
NOT_WHOLE = (GapCause.FAULT, "said that its answer is not whole")


def explained(status: Status) -> Unanswered:
    """The same failure in the words of the Spine code that came with it, where one did."""
    known = next(iter(reasons(status.document)), None)
    return Unanswered(*known) if known else status


def reasons(document: Any) -> list[tuple[GapCause, str]]:
    """Why an OperationOutcome says there is no answer, where it says so by a Spine code."""
    found = (code for issue in issues(document) for code in _codes(issue))
    return [_ERRORS[code] for code in found if code in _ERRORS]


def issues(document: Any) -> list[Any]:
    if type(document) is not dict or document.get("resourceType") != "OperationOutcome":
        return []
    listed = document.get("issue")
    return [issue for issue in listed if type(issue) is dict] if type(listed) is list else []


def _codes(issue: Any) -> list[str]:
    details = issue.get("details")
    listed = details.get("coding") if type(details) is dict else None
    coded = listed if type(listed) is list else []
    return [each["code"] for each in coded if type(each) is dict and type(each.get("code")) is str]


def state(answering: Answering, issues: Iterable[Any]) -> frozenset[str]:
    """State what an answer says it lacks, as gaps; which areas it says it will not give."""
    off: set[str] = set()
    for issue in issues:
        found = _codes(issue)
        area = _area(issue)
        if "NOT_IMPLEMENTED" in found and area is not None:
            answering.gap(AREAS[area].sections, *SWITCHED_OFF)
            off.add(area)
        elif issue.get("severity") != "information":
            sections = AREAS[area].sections if area else answering.asked
            answering.gap(sections, *next((_ERRORS[code] for code in found if code in _ERRORS), NOT_WHOLE))
    return frozenset(off)


def _area(issue: Any) -> str | None:
    """The area whose parameter an issue names, alone or before a part of it."""
    said = issue.get("diagnostics")
    return BY_PARAMETER.get(said.partition(".")[0].strip()) if type(said) is str else None
