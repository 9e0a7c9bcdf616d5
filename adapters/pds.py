"""The Personal Demographics Service (FHIR R4): who somebody is, their practice, their contacts, how to reach them.

The service takes the NHS number in the path of its address and nowhere else: that is its protocol. The number stands
in no query and no header of ours. For somebody it flags, neither address, telephone nor practice is shown, even were
they sent. An answer under a number that is not known to be the resident's is not shown: twins share a birthday. A
search by name is made for tracing alone, and whatever is not certain in it is no match.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import date, datetime

from adapters import configuration as read
from broker.records.source import (
    Asker,
    Provenance,
    RecordEntry,
    ResidentIdentity,
    Sought,
    SourceAnswer,
    SourceCheck,
    Traced,
)
from broker.vocabulary import GapCause, Section

from . import national
from .answering import Allowance, Answering, Unanswered, details
from .fhir_r4.intake import Intake
from .fhir_r4.person import numbers_of
from .fhir_r4.search import Found
from .fhir_r4.values import Json, extension, many, nhs_numbers, text, words
from .http import addressed
from .national_source import NationalSource
from .rows import is_nhs_number

KEYS: Mapping[str, read.Key] = national.KEYS
SECTIONS = frozenset({Section.DEMOGRAPHICS, Section.GP_PRACTICE, Section.CONTACTS, Section.INDIVIDUAL_REQUIREMENTS})

_UNREADABLE = (KeyError, TypeError, AttributeError, ValueError)
_UK_CORE = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-"
_COMMUNICATION, _PREFERENCE = f"{_UK_CORE}NHSCommunication", f"{_UK_CORE}ContactPreference"
# All that is read of somebody who is flagged: a name and what they need, and nothing that says where they are.
_SAYS_NOT_WHERE = ("resourceType", "id", "identifier", "name", "gender", "birthDate", "deceasedDateTime")
_EXTENSIONS = (_COMMUNICATION, _PREFERENCE, f"{_UK_CORE}EthnicCategory", f"{_UK_CORE}DeathNotificationStatus")


class Pds(NationalSource):
    """One connection to the Personal Demographics Service. See SourceSystem and NationalRegister."""

    sections = SECTIONS

    async def _ask(self, resident: ResidentIdentity, number: str, asked: frozenset[Section]) -> SourceAnswer:
        allowance, by = self._http.allowance(), resident.asked_by
        patient = await self._patient(number, born_on=resident.born_on, by=by, allowance=allowance)
        current = patient["id"]
        if not resident.is_known_by(current):
            raise Unanswered(GapCause.WRONG_PERSON, national.ANOTHER_NUMBER)
        now, hidden = self._clock(), resident.sensitive or is_flagged(patient)
        answering = Answering(asked)
        names = frozenset({f"Patient/{current}", f"{self._service.base}/Patient/{current}"})
        intake = Intake(answering, self.id, now, names, frozenset(numbers_of(resident)))
        try:
            shown = _without_where(patient) if hidden else _in_use(patient, on=now.date())
            intake.take(Found([(shown, "", True)]), shown, asked)
            for entry in _needs(patient, self.id, now):
                answering.add(entry)
        except _UNREADABLE as error:
            raise Unanswered(GapCause.MALFORMED, "sent a person who cannot be read") from error
        if Section.CONTACTS in asked and not hidden:
            await self._contacts(resident, current, intake, shown, answering, allowance)
        await intake.read()
        return answering.answer()

    async def _patient(self, number: str, *, born_on: date, by: Asker | None, allowance: Allowance) -> Json:
        """The one Patient given for a number, maybe under another. Raises Unanswered for any doubt but that."""
        patient = await self._service.ask(f"Patient/{number}", by=by, allowance=allowance)
        try:
            if patient["resourceType"] != "Patient" or type(patient["id"]) is not str:
                raise TypeError("not a Patient")
            if "REDACTED" in national.security_of(patient):
                raise Unanswered(GapCause.NOT_LINKED, "")
            return _checked(patient, born_on)
        except _UNREADABLE as error:
            raise Unanswered(GapCause.MALFORMED, "sent a person who cannot be read") from error

    async def _contacts(
        self,
        resident: ResidentIdentity,
        number: str,
        intake: Intake,
        patient: Json,
        answering: Answering,
        allowance: Allowance,
    ) -> None:
        address = addressed(self._service.base, f"Patient/{number}/RelatedPerson")
        try:
            found = await self._service.pages(
                address, by=resident.asked_by, allowance=allowance, unspoken=numbers_of(resident)
            )
        except Unanswered as error:
            answering.gap({Section.CONTACTS}, error.cause, error.detail)
            return
        intake.take(found, patient, {Section.CONTACTS}, counted=True)

    async def trace(self, sought: Sought) -> Traced:
        """Who the register says this is. See NationalRegister."""
        try:
            allowance = self._http.allowance()
            if sought.nhs_number is None:
                patient = await self._search(sought, allowance)
            else:
                patient = await self._patient(sought.nhs_number, born_on=sought.born_on, by=None, allowance=allowance)
                if patient["id"] != sought.nhs_number and not _is_named(patient, sought):
                    raise Unanswered(GapCause.WRONG_PERSON, "gives another number, and the name does not agree")
            died = text(patient, "deceasedDateTime")
            died_on = date.fromisoformat(died[:10]) if died else None
            return Traced(nhs_number=patient["id"], sensitive=is_flagged(patient), died_on=died_on)
        except Unanswered as error:
            return Traced(cause=error.cause, detail=error.detail)
        except _UNREADABLE:
            return Traced(cause=GapCause.MALFORMED, detail="sent a person who cannot be read")

    async def _search(self, sought: Sought, allowance: Allowance) -> Json:
        """The one exact match. Raises Unanswered where there is none, more than one, or one that is merely likely."""
        if not sought.postcode:
            raise Unanswered(GapCause.NOT_LINKED, "is not asked without a postcode, a number being unknown")
        query = {
            "family": sought.family_name,
            "given": sought.given_name,
            "birthdate": f"eq{sought.born_on.isoformat()}",
            "address-postcode": sought.postcode,
            "_exact-match": "true",
            "_max-results": "1",
        }
        bundle = await self._service.ask("Patient", by=None, allowance=allowance, query=query)
        found = Found()
        national.collected(bundle, found, first=True)
        scores = [(entry.get("search") or {}).get("score") for entry in many(bundle, "entry")]
        if len(found.resources) != 1 or found.total not in (None, 1) or scores != [1] or scores[0] is True:
            raise Unanswered(GapCause.NOT_LINKED, "knows nobody, or more than one, who is exactly this person")
        patient = _checked(found.resources[0][0], sought.born_on)
        if not _is_named(patient, sought):
            raise Unanswered(GapCause.WRONG_PERSON, "the name does not agree")
        return patient

    async def check(self) -> SourceCheck:
        return await self._service.check("Patient", what="Personal Demographics Service")


def is_flagged(patient: Json) -> bool:
    """Whether whereabouts must not be shown. Only a record that says "unrestricted" is not flagged: silence is not."""
    return national.security_of(patient) != {"U"}


def _checked(patient: Json, born_on: date) -> Json:
    """The Patient, where its id is its one NHS number and the date of birth agrees.

    An id that is not the number asked by may have superseded it: the register follows its own changes. It may as well
    be a twin's, so whoever uses the answer settles that.
    """
    if nhs_numbers(patient) != {patient["id"]} or not is_nhs_number(patient["id"]):
        raise Unanswered(GapCause.WRONG_PERSON, "the NHS number does not agree")
    if patient.get("birthDate") != born_on.isoformat():
        raise Unanswered(GapCause.WRONG_PERSON, "the date of birth does not agree")
    return patient


def _is_named(patient: Json, sought: Sought) -> bool:
    """Whether they have, or had, this family name together with this given name."""
    family, given = _plainly(sought.family_name), _plainly(sought.given_name)
    if not (family and given):
        return False
    for name in many(patient, "name"):
        parts = [_plainly(str(part)) for part in many(name, "given")]
        if _plainly(text(name, "family")) == family and given in (*parts, "".join(parts)):
            return True
    return False


def _plainly(name: str) -> str:
    """A name to compare: its letters alone, without case or accents. "O'Néill" and "ONEILL" are one name."""
    return "".join(each for each in unicodedata.normalize("NFKD", name).casefold() if each.isalpha())


def _without_where(patient: Json) -> Json:
    shown = {name: patient[name] for name in _SAYS_NOT_WHERE if name in patient}
    return {**shown, "extension": [item for item in many(patient, "extension") if item.get("url") in _EXTENSIONS]}


def _in_use(patient: Json, *, on: date) -> Json:
    """The Patient without the names, addresses, numbers and practices that have ended."""
    listed = ("name", "address", "telecom", "contact", "generalPractitioner")
    return {**patient, **{name: [each for each in many(patient, name) if not _ended(each, on)] for name in listed}}


def _ended(item: Json, on: date) -> bool:
    period = item.get("period") or (item.get("identifier") or {}).get("period") or {}
    end = text(period, "end")
    return bool(end) and date.fromisoformat(end[:10]) < on


def _needs(patient: Json, source: str, now: datetime) -> list[RecordEntry]:
    """How to speak and write to somebody, as the register's own extensions say it."""
    spoken = _parts(extension(patient, _COMMUNICATION))
    wanted = _parts(extension(patient, _PREFERENCE))
    interpreter = spoken.get("interpreterRequired", {}).get("valueBoolean") is True
    language = words(spoken.get("language", {}).get("valueCodeableConcept"))
    written = words(wanted.get("PreferredWrittenCommunicationFormat", {}).get("valueCodeableConcept"))
    method = words(wanted.get("PreferredContactMethod", {}).get("valueCodeableConcept"))
    drafts = (
        ("communication", "Language and communication", details(
            ("Language", language), ("Interpreter", "needed" if interpreter else ""),
        )),
        ("contact-preference", "How to make contact", details(
            ("By", method), ("In writing", written),
            ("When", text(wanted.get("PreferredContactTimes", {}), "valueString")),
        )),
    )  # fmt: skip
    section, came = Section.INDIVIDUAL_REQUIREMENTS, Provenance(source, now)
    return [
        RecordEntry(f"Patient#{part}", section, title, came, details=shown) for part, title, shown in drafts if shown
    ]


def _parts(item: Json | None) -> dict[str, Json]:
    return {str(part.get("url")): part for part in many(item or {}, "extension")}
