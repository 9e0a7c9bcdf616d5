"""The Patient Flags service: reasonable adjustments that somebody has agreed to, and safeguarding flags.

Its own protocol puts the NHS number into the query of an address; it is searched by POST where an operator says that
the service takes it so. What a resident has not agreed to share, or a best-interest decision has not, is counted and
not shown, and what is inside another resource is shown no more widely than that one. A safeguarding flag never stands
among the adjustments, which more people see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from adapters import configuration as read
from broker.records.source import Provenance, RecordEntry, ResidentIdentity, SourceAnswer, SourceCheck
from broker.vocabulary import GapCause, Section, Sensitivity

from . import national
from .answering import Allowance, Answering, Unanswered, details, plain
from .fhir_r4.person import numbers_of
from .fhir_r4.search import Found
from .fhir_r4.values import Json, all_said, all_words, begun, codings, many, moment, notes, period, text, words
from .http import addressed
from .national import NotUsed
from .national_source import NationalSource

ADJUSTMENTS = "national-reasonable-adjustment-flag"
KEYS: Mapping[str, read.Key] = {
    **national.KEYS,
    **national.PERSON_KEYS,
    "search": read.Key(read.one_of("get", "post"), "how to search; `get` puts the NHS number into the query", "get"),
    "safeguarding_codes": read.Key(
        read.text,
        "the codes of safeguarding flags to ask for (CP-IS, FGM), with commas; none are asked for without",
        "",
    ),
}
SECTIONS = frozenset({Section.INDIVIDUAL_REQUIREMENTS})

Judge = Callable[[Json], frozenset[Sensitivity]]  # the labels a resource states; raises what bars it

_UNREADABLE = (KeyError, TypeError, AttributeError, ValueError)
_READ = ("Flag", "Condition", "Consent")
_ABOUT_THEM = ("Patient", "Provenance")  # beside what is read; neither shown nor counted
_IN_ERROR = "entered in error"
_SAFEGUARDING = ("cp-is", "cpis", "child protection", "child-protection", "fgm", "female genital", "safeguarding")
_ADJUSTMENT = ("reasonable-adjustment", "reasonable adjustment", "nraf")
_NOTES = "https://fhir.nhs.uk/England/StructureDefinition/Extension-FlagNotes"


class PatientFlags(NationalSource):
    """One connection to the Patient Flags service. See SourceSystem."""

    def __init__(self, *, options: Mapping[str, Any], **given: Any) -> None:
        super().__init__(options=options, **given)
        self._watched = tuple(filter(None, (code.strip() for code in options["safeguarding_codes"].split(","))))
        self.sections = SECTIONS | ({Section.SAFEGUARDING} if self._watched else frozenset())

    async def _ask(self, resident: ResidentIdentity, number: str, asked: frozenset[Section]) -> SourceAnswer:
        answering, allowance = Answering(asked), self._http.allowance()
        for code, section in self._codes(asked):
            found = await self._search(resident, number, code, allowance)
            how = await national.matched(self._service, found, resident, allowance)
            if found.broken is not None:
                answering.gap({section}, found.broken.cause, found.broken.detail)
            if found.issues:
                answering.gap({section}, GapCause.FAULT, "said that its answer is not whole")
            self._take(found, resident, section, how, answering)
        return answering.answer()

    def _codes(self, asked: frozenset[Section]) -> list[tuple[str, Section]]:
        """The flags to ask for: only those of the sections that are wanted."""
        listed = [(ADJUSTMENTS, Section.INDIVIDUAL_REQUIREMENTS), *((c, Section.SAFEGUARDING) for c in self._watched)]
        return [(code, section) for code, section in listed if section in asked]

    async def _search(self, resident: ResidentIdentity, number: str, code: str, allowance: Allowance) -> Found:
        base, query = self._service.base, {"patient": number, "code": code}
        posted = self._options["search"] == "post"
        return await self._service.pages(
            f"{base}/Flag/_search" if posted else addressed(base, "Flag", query),
            form=list(query.items()) if posted else None,
            by=resident.asked_by,
            allowance=allowance,
            unspoken=numbers_of(resident),
        )

    def _take(self, found: Found, resident: ResidentIdentity, section: Section, how: str, answering: Answering) -> None:
        numbers = frozenset(numbers_of(resident))
        known = [resource for resource, _, _ in found.resources if resource["resourceType"] == "Patient"]
        ids = {str(patient.get("id")) for patient in known} | numbers
        accepted = frozenset(name for id in ids for name in (f"Patient/{id}", f"{self._service.base}/Patient/{id}"))
        kept: list[tuple[Json, frozenset[Sensitivity]]] = []
        unclear = False  # a consent came that may not be used: it could be a no
        for resource, judge in _inside(found, lambda each: national.usable(each, accepted, numbers)):
            kind = plain(resource["resourceType"], most=64)
            try:
                kept.append((resource, judge()))
                continue
            except NotUsed as passed:
                answering.not_understood[passed.counted] += 1
                unclear |= kind == "Consent" and passed.why != _IN_ERROR
            except Unanswered as error:
                answering.gap({section}, error.cause, error.detail)
            except _UNREADABLE:
                answering.not_understood[f"{kind} (could not be read)"] += 1
                answering.gap({section}, GapCause.MALFORMED, "sent a flag that could not be read")
                unclear |= kind == "Consent"
        self._show(kept, section, how, answering, unclear=unclear)

    def _show(
        self,
        kept: list[tuple[Json, frozenset[Sensitivity]]],
        section: Section,
        how: str,
        answering: Answering,
        *,
        unclear: bool,
    ) -> None:
        now = self._clock()
        consents = [(resource, _says(resource, now)) for resource, _ in kept if resource["resourceType"] == "Consent"]
        permits = [consent for consent, said in consents if said == "permit"]
        refused = unclear or any(said == "deny" for _, said in consents) or bool(consents and not permits)
        agreed = "; ".join(dict.fromkeys(map(_agreed_by, permits)))
        for resource, labels in kept:
            kind = resource["resourceType"]
            if kind == "Consent":
                continue
            try:
                entry = self._entry(resource, section, labels, agreed, how)
            except _UNREADABLE:
                answering.not_understood[f"{kind} (could not be read)"] += 1
                answering.gap({section}, GapCause.MALFORMED, "sent a flag that could not be read")
                continue
            if refused and entry.section is Section.INDIVIDUAL_REQUIREMENTS:
                answering.not_understood[f"{kind} (not agreed to)"] += 1
            else:
                answering.add(entry)

    def _entry(
        self, resource: Json, section: Section, labels: frozenset[Sensitivity], agreed: str, how: str
    ) -> RecordEntry:
        said = _said(resource)
        if section is Section.SAFEGUARDING or any(word in said for word in _SAFEGUARDING):
            section, labels = Section.SAFEGUARDING, labels | {Sensitivity.SAFEGUARDING}
        code = resource.get("code")
        return RecordEntry(
            id=f"{resource['resourceType']}/{resource['id']}",
            section=section,
            title=words(code) or "Flag",
            provenance=Provenance(self.id, self._clock(), text(resource.get("author") or {}, "display")),
            at=begun(resource.get("period")) or moment(resource.get("recordedDate")),
            status=text(resource, "status") or words(resource.get("clinicalStatus")),
            codes=codings(code),
            details=details(
                ("Kind", _kind(resource)),
                ("When", period(resource.get("period"))),
                ("Note", _note(resource)),
                ("Agreed by", agreed if section is Section.INDIVIDUAL_REQUIREMENTS else ""),
                ("Matched by", how),
            ),
            stated_labels=labels,
            original={name: value for name, value in resource.items() if name != "contained"},
            fhir_release=_release(resource),
        )

    async def check(self) -> SourceCheck:
        form: list[tuple[str, str]] | None = [] if self._options["search"] == "post" else None
        path = "Flag" if form is None else "Flag/_search"
        checked = await self._service.check(path, form=form, what="Patient Flags")
        watched = ", ".join(self._watched) or "none"
        return replace(checked, facts=(*checked.facts, ("Safeguarding flags asked for", watched)))


def _inside(found: Found, usable: Judge) -> Iterator[tuple[Json, Callable[[], frozenset[Sensitivity]]]]:
    """Every resource of an answer, and those contained in another, each with what says whether it may be shown.

    What is contained is about the same person as its container, is shown only where that is, and has its labels too.
    """
    for resource, _, _ in found.resources:
        kind = resource["resourceType"]
        if kind not in _ABOUT_THEM:
            yield resource, partial(_known, resource, usable)
        subject = {name: resource[name] for name in ("subject", "patient") if name in resource}
        for number, each in enumerate(many(resource, "contained")):
            if each.get("resourceType") in _READ:
                own = {**subject, **each, "id": f"{resource.get('id')}.{each.get('id') or number}"}
                yield own, partial(_contained, own, resource, usable)


def _known(resource: Json, usable: Judge) -> frozenset[Sensitivity]:
    if resource["resourceType"] not in _READ:
        raise NotUsed(plain(resource["resourceType"], most=64))
    return usable(resource)


def _contained(part: Json, whole: Json, usable: Judge) -> frozenset[Sensitivity]:
    try:
        return _known(whole, usable) | usable(part)
    except NotUsed as passed:
        raise NotUsed(part["resourceType"], passed.why or f"in a {plain(whole['resourceType'], most=64)}") from passed


def _release(resource: Json) -> str:
    """ "4.0" for a Flag that is whole by itself; what was contained, or names its person by number alone, is not."""
    whole = resource["resourceType"] == "Flag" and "." not in str(resource["id"]) and resource.get("status")
    by_reference = text(resource.get("subject") or {}, "reference").rpartition("/")[0].endswith("Patient")
    return "4.0" if whole and by_reference and resource.get("code") else ""


def _said(resource: Json) -> str:
    """All that a flag is called, by code and in words, to tell by."""
    concepts = [*many(resource, "category"), resource.get("code") or {}]
    listed = [coding for concept in concepts for coding in many(concept, "coding")]
    coded = (f"{text(coding, 'code')} {text(coding, 'display')}" for coding in listed)
    return " ".join([*map(words, concepts), *coded]).lower()


def _kind(resource: Json) -> str:
    if resource["resourceType"] == "Flag":
        return all_said(many(resource, "category"))
    said = all_words(many(resource, "category"))
    if "impairment" in said.lower():
        return "Impairment"
    return said if said and not any(word in said.lower() for word in _ADJUSTMENT) else "Underlying condition"


def _note(resource: Json) -> str:
    own = [item.get("valueAnnotation") or {} for item in many(resource, "extension") if item.get("url") == _NOTES]
    return " ".join(filter(None, (*(text(each, "text") for each in own), notes(resource))))


# Who agreed that adjustments may be shared, where it was not the person themselves.
_DECIDED = (
    ("best interest", "a best-interest decision (Mental Capacity Act 2005)"),
    ("best-interest", "a best-interest decision (Mental Capacity Act 2005)"),
    ("lasting power", "an attorney for health and welfare"),
    ("lpa", "an attorney for health and welfare"),
    ("deputy", "a deputy appointed by the court"),
)


def _agreed_by(consent: Json) -> str:
    """Who consented, as the consent record says it."""
    rule, provision = consent.get("policyRule") or {}, consent.get("provision") or {}
    actors = [actor.get("role") or {} for actor in many(provision, "actor")]
    reasons = [*many(provision, "code"), *many(provision, "purpose")]
    said = " ".join([words(rule), all_words(actors), *(text(r, "display") or words(r) for r in reasons)]).lower()
    said = f"{said} {all_words(many(consent, 'category'))}".lower()
    return next((who for sign, who in _DECIDED if sign in said), "the person themselves")


def _says(consent: Json, now: datetime) -> str:
    """What a consent says now: ``permit``, ``deny``, or nothing (empty). What cannot be read of a no is a no.

    Only what says ``permit`` permits. A no that stands inside a yes is an exception nobody here can apply, so it is
    a no to all.
    """
    if consent.get("status") != "active":
        return ""
    provision = consent.get("provision") or {}
    try:
        if any(rule.get("type") == "deny" and _stands(rule, now) for rule in _rules(provision)):
            return "deny"
        return "permit" if provision.get("type") == "permit" and _stands(provision, now) else ""
    except _UNREADABLE:
        return "deny"


def _rules(provision: Json) -> Iterator[Json]:
    yield provision
    for each in many(provision, "provision"):
        yield from _rules(each)


def _stands(rule: Json, now: datetime) -> bool:
    """Whether a rule's period, if it has one, holds now. A day that it ends on is whole; so is a month or a year."""
    limits = rule.get("period") or {}
    start, end = moment(limits.get("start")), text(limits, "end")
    if start is not None and now < _instant(start):
        return False
    last = moment(limits.get("end"))
    if type(last) is date:
        return now.date().isoformat()[: len(end)] <= end[:10]
    return last is None or now <= _instant(last)


def _instant(at: date | datetime) -> datetime:
    return at if isinstance(at, datetime) else datetime(at.year, at.month, at.day, tzinfo=UTC)
