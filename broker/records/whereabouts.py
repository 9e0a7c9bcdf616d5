"""Take from a record what tells where somebody lives, how to reach them, and where they are registered.

For a resident whom the national register flags: for every source alike, whatever it sends, before anything is labelled
or joined. What is left is the record there would be had it never been recorded; nothing says that anything is gone, for
the flag must not be betrayed. Reads names of columns and details, and the shapes of FHIR and HL7 v2; never guesses at
free text beyond these sections, and leaves who an entry is from, without which nothing could be relied on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from broker.records.source import RecordEntry
from broker.vocabulary import Section

_ABOUT_NOBODY = frozenset({Section.SIGNPOSTING})  # where services are, not where anybody is
# Of these only what is known to say nothing of whereabouts is left: they are what whereabouts are written into.
_MAY_SAY = {
    Section.DEMOGRAPHICS: frozenset(
        {
            *("name", "title", "known as", "preferred name", "former name", "pronouns", "age", "born", "date of birth"),
            *("gender", "sex", "gender identity", "sexual orientation", "ethnicity", "ethnic group", "ethnic category"),
            *("religion", "faith", "marital status", "language", "first language", "preferred language", "interpreter"),
            *("died", "date of death", "deceased", "nhs number"),
        }
    ),
    Section.CONTACTS: frozenset(
        {"name", "relationship", "role", "next of kin", "carer", "main contact", "language", "interpreter", "order"}
    ),
}
_HOMES = frozenset({*_MAY_SAY, Section.HOUSING})

# In a name, whatever stands around it; and in one as a word of its own.
_TELLING = re.compile(r"address(?!ed|ing)|postcode|postal|zipcode|phone|email|latitude|longitude|gridref")
_PLACED = frozenset({"uprn", "usrn", "lsoa", "msoa", "easting", "eastings", "northing", "northings"})
# In the name of a detail of somebody's home, or of a column of a row that is about them: as a word of its own.
_OF_HOME = frozenset(
    {
        *("town", "city", "village", "hamlet", "street", "road", "ward", "parish", "area", "locality", "neighbourhood"),
        *("district", "borough", "county", "region", "estate", "building", "flat", "house", "block", "property", "map"),
        *("landlord", "council", "location", "residence", "whereabouts", "mobile", "fax", "sms", "tel", "la", "place"),
    }
)
_OF_PRACTICE = frozenset({"gp", "practice", "surgery"})

_STREETS = (
    "street|road|lane|avenue|close|court|drive|way|place|terrace|gardens?|crescent|grove|hill|house|square|row|walk|mews"
    "|cottages?|park|green|view|rise|yard|wharf|quay|estate|buildings|st|rd|ave"
)
_IN_WORDS = re.compile(
    r"\b[a-z]{1,2}\d[a-z\d]?\s*\d[a-z]{2}\b"  # a postcode
    r"|\S@\S"
    r"|(?<![\d-])(?:\+|0)\d(?:[ ()-]?\d){7,}"  # a telephone number
    r"|\b(?:flat|apartment|plot|room)\s+\d+"
    rf"|(?-i:\b\d+[A-Za-z]?,?\s+(?:[A-Z][\w'’-]*\s+){{1,3}}(?i:{_STREETS})\b)",
    re.IGNORECASE,
)
_TITLE = re.compile(r"\d|\b(?:lives?|living|moved|staying|home|resid\w+|registered with)\b", re.IGNORECASE)

_PEOPLE = frozenset({"Patient", "RelatedPerson", "Person"})
# What a Patient may say of themself. Its identifiers are as the source's own, and say whose they are.
_OF_A_PERSON = frozenset(
    {
        *("resourceType", "id", "meta", "active", "identifier", "name", "gender", "birthDate", "patient"),
        *("deceasedBoolean", "deceasedDateTime", "maritalStatus", "multipleBirthBoolean", "multipleBirthInteger"),
        *("communication", "relationship", "period", "contact", "extension", "_birthDate"),
    }
)
_EXTENSIONS = re.compile(r"ethnic|interpreter|communication|language|death|sex|gender", re.IGNORECASE)
_NOWHERE = frozenset({"address", "telecom", "valueAddress", "valueContactPoint", "generalPractitioner", "position"})
_OF_THE_PERSON = ("PID", "PD1", "NK1", "GT1", "IN1", "IN2")  # segments of HL7 v2 that give an address or a practice


def hidden(entries: Iterable[RecordEntry]) -> tuple[RecordEntry, ...]:
    """``entries`` as they would be had nobody recorded whereabouts. What never said any is as it was."""
    return tuple(each for entry in entries if (each := _hidden(entry)) is not None)


def _hidden(entry: RecordEntry) -> RecordEntry | None:
    if entry.section in _ABOUT_NOBODY:
        return entry
    if entry.section is Section.GP_PRACTICE:
        return None
    if entry.section in _HOMES and _title_tells(entry):
        return None
    kept = tuple(pair for pair in entry.details if _may_stay(entry.section, *pair))
    if entry.details and not kept and _was_all(entry):
        return None
    original = _received(entry.original)
    if kept == entry.details and original == entry.original:
        return entry
    return replace(entry, details=kept, original=original)


def _may_stay(section: Section, label: str, text: str) -> bool:
    if section not in _HOMES:
        return not _name_tells(label)
    if _IN_WORDS.search(text):
        return False
    known = _MAY_SAY.get(section)
    if known is not None:
        return " ".join(_words(label)) in known
    return not (_name_tells(label) or _OF_HOME.intersection(_words(label)))


def _title_tells(entry: RecordEntry) -> bool:
    """A title of a person, or of a kind, may stand; one that a worker wrote an address into may not."""
    if _IN_WORDS.search(entry.title) or _name_tells(entry.title):
        return True
    return entry.section in _MAY_SAY and _TITLE.search(entry.title) is not None


def _was_all(entry: RecordEntry) -> bool:
    """Whether nothing is left where no detail is: a Patient's title still says who, other systems' says nothing."""
    return entry.section is Section.DEMOGRAPHICS and entry.original.get("resourceType") not in _PEOPLE


def _received(original: Mapping[str, Any]) -> Mapping[str, Any]:
    """An item as received, without what tells it: whatever is passed on of it, or read in it, cannot."""
    if "resourceType" in original:
        return _resource(original)
    if "segments" in original:
        segments = [each for each in original["segments"] if not str(each).startswith(_OF_THE_PERSON)]
        return {**original, "segments": segments}
    return {name: value for name, value in original.items() if not _column_tells(name, value)}


def _column_tells(name: str, value: Any) -> bool:
    if _name_tells(name) or (_OF_HOME | _OF_PRACTICE).intersection(_words(name)):
        return True
    return isinstance(value, str) and _IN_WORDS.search(value) is not None


def _resource(resource: Mapping[str, Any]) -> dict[str, Any]:
    if resource.get("resourceType") not in _PEOPLE:
        return _fields(resource)
    kept = _fields({name: value for name, value in resource.items() if name in _OF_A_PERSON})
    extensions = [each for each in kept.pop("extension", ()) if _EXTENSIONS.search(str(each.get("url", "")))]
    if extensions:
        kept["extension"] = extensions
    if "contact" in kept:
        kept["contact"] = [
            {name: value for name, value in each.items() if name != "organization"} for each in kept["contact"]
        ]
    return kept


def _fields(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _inside(value) for name, value in item.items() if name not in _NOWHERE and not _narrative(value)}


def _inside(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _resource(value) if "resourceType" in value else _fields(value)
    return [_inside(each) for each in value] if isinstance(value, (list, tuple)) else value


def _narrative(value: Any) -> bool:
    """A resource in words, which says again whatever it says elsewhere (FHIR R4 §2.4.4)."""
    return isinstance(value, Mapping) and "div" in value


def _words(name: str) -> list[str]:
    """Of a label or a column's name, however its words are set apart: "GP_Practice", "homeTown", "Home town"."""
    return re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())


def _name_tells(name: str) -> bool:
    words = _words(name)
    return _TELLING.search("".join(words)) is not None or not _PLACED.isdisjoint(words)
