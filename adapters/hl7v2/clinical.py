"""What stands in messages of many kinds: allergies (AL1), diagnoses (DG1) and procedures (PR1). Decides nothing."""

from __future__ import annotations

from adapters.answering import plain
from broker.vocabulary import Section

from .message import Segment
from .telling import Telling, codings, staff_name, words

_ALLERGY_KINDS = {  # table 0127
    "DA": "Medicine",
    "FA": "Food",
    "MA": "Various",
    "EA": "Surroundings",
    "AA": "Animal",
    "PA": "Plant",
    "LA": "Pollen",
}
_SEVERITIES = {"SV": "severe", "MO": "moderate", "MI": "mild"}  # table 0128
_DIAGNOSIS_KINDS = {"A": "on admission", "W": "working", "F": "final"}  # table 0052


def read(telling: Telling, *, about: str = "") -> None:
    """``about`` is the id of the visit or the referral that these belong to."""
    linked = (about,) if about else ()
    for segment in telling.message.segments:
        if segment.name == "AL1":
            _allergy(telling, segment)
        elif segment.name == "DG1":
            _diagnosis(telling, segment, linked)
        elif segment.name == "PR1":
            _procedure(telling, segment, linked)


def _allergy(telling: Telling, allergy: Segment) -> None:
    to = allergy.value(3)
    if not to.present:
        telling.not_understood["AL1 (names no allergy)"] += 1
        return
    telling.tell(
        allergy,
        id=f"allergy/{_key(allergy, 3)}",
        section=Section.ALLERGIES,
        title=words(to),
        codes=codings(to),
        at=telling.moment(allergy, 6).at,
        said=(
            ("Kind", _ALLERGY_KINDS.get(allergy.text(2), words(allergy.value(2)))),
            ("Severity", _SEVERITIES.get(allergy.text(4), words(allergy.value(4)))),
            ("Reaction", ", ".join(filter(None, (value.text(2) or value.text(1) for value in allergy.values(5))))),
        ),
    )


def _diagnosis(telling: Telling, diagnosis: Segment, linked: tuple[str, ...]) -> None:
    what = diagnosis.value(3)
    title = words(what) if what.present else diagnosis.text(4)
    key = diagnosis.text(20) or _key(diagnosis, 3) or diagnosis.text(4).lower()
    if not key:
        telling.not_understood["DG1 (names no diagnosis)"] += 1
        return
    id = f"diagnosis/{plain(key, most=120)}"
    if diagnosis.text(21) == "D":
        telling.withdrawn.add(id)
        return
    telling.tell(
        diagnosis,
        id=id,
        section=Section.PROBLEMS,
        title=title,
        codes=codings(what),
        at=telling.moment(diagnosis, 5).at,
        status=_DIAGNOSIS_KINDS.get(diagnosis.text(6), ""),
        by=staff_name(diagnosis.value(16)),
        linked=linked,
    )


def _procedure(telling: Telling, procedure: Segment, linked: tuple[str, ...]) -> None:
    what, at = procedure.value(3), telling.moment(procedure, 5)
    title = words(what) if what.present else procedure.text(4)
    if not title:
        telling.not_understood["PR1 (names no procedure)"] += 1
        return
    id = f"procedure/{procedure.text(19) or _key(procedure, 3) or title.lower()}/{at.words}"
    if procedure.text(20) == "D":
        telling.withdrawn.add(id)
        return
    telling.tell(
        procedure,
        id=id,
        section=Section.PROCEDURES,
        title=title,
        codes=codings(what),
        at=at.at,
        by=staff_name(procedure.value(11)),
        said=(("Code", procedure.text(3) if what.present and not codings(what) else ""),),
        linked=linked,
    )


def _key(segment: Segment, field: int) -> str:
    value = segment.value(field)
    return plain(value.text(1) or value.text(2), most=120).lower()
