"""The National Record Locator: which documents there are about somebody, and who keeps them.

Asks with the NHS number in the body of a search, never in an address. A pointer carries no date of birth: how it is
known to be about the resident is settled first (see ``national.matched``), and said beside it. A document behind a
pointer is fetched only where an operator has said so and its host is one that may be called; its address is never
passed on, and what is in it is shown only where its own patient agrees on both identifiers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from adapters import configuration as read
from broker.records.source import Provenance, RecordEntry, ResidentIdentity, SourceAnswer, SourceCheck
from broker.vocabulary import NHS_NUMBER, ODS_CODE, GapCause, Section, Sensitivity

from . import national
from .answering import Allowance, Answering, Unanswered, details, plain
from .egress import parse
from .fhir_r4.documents import read_document
from .fhir_r4.person import numbers_of
from .fhir_r4.types import SECTIONS as FHIR_SECTIONS
from .fhir_r4.values import Json, codings, many, moment, text, words
from .http import same_origin
from .national_source import NationalSource

KEYS: Mapping[str, read.Key] = {
    **national.KEYS,
    **national.PERSON_KEYS,
    "fetch_documents": read.Key(
        read.switch, "yes: fetch the documents that pointers point to, from listed hosts", False
    ),
}

FHIR_JSON = "application/fhir+json"
NOT_OPENED = frozenset({"text/plain", "application/pdf"})  # whose it is cannot be read in it: only that it is there
MOST_DOCUMENTS = 12
_AT_ONCE = 3
_UNREADABLE = (KeyError, TypeError, AttributeError, ValueError)

_AHEAD, _PLAN = Section.CONTINGENCY, Section.CARE_PLAN
# DocumentReference.type, SNOMED CT. Any other is a document.
TYPES: Mapping[str, tuple[str, Section]] = {
    "736253002": ("Mental health crisis plan", _AHEAD),
    "887701000000100": ("Emergency health care plan", _AHEAD),
    "861421000000109": ("End of life care coordination summary", _AHEAD),
    "1382601000000107": ("ReSPECT form", _AHEAD),
    "325691000000100": ("Contingency plan", _AHEAD),
    "736373009": ("End of life care plan", _AHEAD),
    "736366004": ("Advance care plan", _AHEAD),
    "735324008": ("Treatment escalation plan", _AHEAD),
    "2181441000000107": ("Personalised care and support plan", _PLAN),
    "1363501000000100": ("Observations chart", Section.DOCUMENTS),
    "824321000000109": ("Summary record", Section.DOCUMENTS),
    "16521000000101": ("Paper record folder", Section.DOCUMENTS),
}
# What the kind of document says by itself.
_TELLS = {"736253002": frozenset({Sensitivity.MENTAL_HEALTH})}
SECTIONS = frozenset({Section.CONTINGENCY, Section.CARE_PLAN, Section.DOCUMENTS})


class Nrl(NationalSource):
    """One connection to the National Record Locator. See SourceSystem."""

    correlation = "NHSD-Correlation-Id"

    def __init__(self, *, options: Mapping[str, Any], **given: Any) -> None:
        super().__init__(options=options, **given)
        self.sections = SECTIONS | FHIR_SECTIONS if options["fetch_documents"] else SECTIONS

    async def _ask(self, resident: ResidentIdentity, number: str, asked: frozenset[Section]) -> SourceAnswer:
        allowance, by = self._http.allowance(), resident.asked_by
        address = f"{self._service.base}/DocumentReference/_search"
        form = [("subject:identifier", f"{NHS_NUMBER}|{number}")]
        found = await self._service.pages(address, by=by, allowance=allowance, form=form, unspoken=numbers_of(resident))
        answering = Answering(asked)
        how = await national.matched(self._service, found, resident, allowance)
        if found.broken is not None:
            answering.gap(asked & SECTIONS, found.broken.cause, found.broken.detail)
        elif found.incomplete:
            answering.gap(asked & SECTIONS, GapCause.FAULT, "sent fewer pointers than it counted")
        if found.issues:
            answering.gap(asked & SECTIONS, GapCause.FAULT, "said that its answer is not whole")
        pointers = [p for r, _, _ in found.resources if (p := self._pointer(r, resident, how, answering)) is not None]
        if self._options["fetch_documents"]:
            await self._open(pointers, resident, answering, allowance)
        else:
            for pointer in pointers:
                answering.add(pointer.entry)
        return answering.answer()

    def _pointer(self, resource: Json, resident: ResidentIdentity, how: str, answering: Answering) -> Pointer | None:
        kind = resource["resourceType"]
        if kind != "DocumentReference":
            if kind != "Patient":
                answering.not_understood[plain(kind, most=64)] += 1
            return None
        try:
            labels = national.usable(resource, frozenset(), frozenset(numbers_of(resident)))
            if resource.get("status") != "current":
                raise national.NotUsed("DocumentReference", _status(resource))
            return _read(resource, labels, how, Provenance(self.id, self._clock()))
        except national.NotUsed as passed:
            answering.not_understood[passed.counted] += 1
        except Unanswered as error:
            answering.gap(SECTIONS, error.cause, error.detail)
        except _UNREADABLE:
            answering.not_understood["DocumentReference (could not be read)"] += 1
            answering.gap(SECTIONS, GapCause.MALFORMED, "sent a pointer that could not be read")
        return None

    async def _open(
        self, pointers: list[Pointer], resident: ResidentIdentity, answering: Answering, allowance: Allowance
    ) -> None:
        """Add every pointer, with what is behind it where that may be fetched and is known to be the resident's."""
        turn = asyncio.Semaphore(_AT_ONCE)

        async def one(place: int, pointer: Pointer) -> Opened:
            if place >= MOST_DOCUMENTS:
                return Opened(said="Not fetched: there are too many at once")
            async with turn:
                return await self._document(pointer, resident, allowance)

        opened = await asyncio.gather(*(one(place, pointer) for place, pointer in enumerate(pointers)))
        for pointer, document in zip(pointers, opened, strict=True):
            if document.answer is None:
                answering.add(replace(pointer.entry, details=(*pointer.entry.details, ("Document", document.said))))
                continue
            _add(document.answer, pointer, answering)

    async def _document(self, pointer: Pointer, resident: ResidentIdentity, allowance: Allowance) -> Opened:
        media = pointer.media
        if media != FHIR_JSON and media not in NOT_OPENED:
            return Opened(said="Not fetched: it is of a kind that is not opened here")
        if not pointer.url or national.says(pointer.url, numbers_of(resident)):
            return Opened(
                said="Not fetched: its address names the resident" if pointer.url else "Not fetched: no address"
            )
        try:
            read.base_url(pointer.url.partition("?")[0])  # https, or this machine
            own = same_origin(parse(self._service.base), parse(pointer.url))
            known = (
                self._credentials if resident.asked_by is None else self._credentials.on_behalf_of(resident.asked_by)
            )
            shown = known if own else self._credentials.of_nobody()  # what proves us to the locator is for it alone
            data = await self._http.document(pointer.url, credentials=shown, allowance=allowance, media=media)
        except ValueError:
            return Opened(said="Not fetched: its address is not one that may be called")
        except Unanswered as error:
            return Opened(said=f"Could not be fetched: {error.detail}" if error.detail else "Could not be fetched")
        if media in NOT_OPENED:
            return Opened(said=f"Available from its keeper, {len(data):,} bytes; not shown here")
        given = read_document(data, source=self.id, now=self._clock(), limits=self._http.limits, resident=resident)
        return Opened(answer=given.answer)

    async def check(self) -> SourceCheck:
        checked = await self._service.check("DocumentReference/_search", form=[], what="National Record Locator")
        if not checked.ok:
            return checked
        fetched = "fetched, from listed hosts" if self._options["fetch_documents"] else "not fetched"
        return replace(checked, facts=(*checked.facts, ("Documents", fetched), ("Births", _births(self._options))))


@dataclass(frozen=True)
class Pointer:
    """One pointer: the entry that it is, and where its document is kept, which goes no further than this module."""

    entry: RecordEntry
    url: str
    media: str


@dataclass(frozen=True)
class Opened:
    """What came of opening a document: what it says, or in words why nothing of it is shown."""

    said: str = ""
    answer: SourceAnswer | None = None


def _read(resource: Json, labels: frozenset[Sensitivity], how: str, came: Provenance) -> Pointer:
    kind = codings(resource.get("type"))
    code = next((each.code for each in kind if each.code in TYPES), "")
    name, section = TYPES.get(code, (words(resource.get("type")) or "Document", Section.DOCUMENTS))
    attachments = [content.get("attachment") or {} for content in many(resource, "content")]
    first = attachments[0] if attachments else {}
    entry = RecordEntry(
        id=f"DocumentReference/{resource['id']}",
        section=section,
        title=name,
        provenance=replace(came, organisation=_keeper(resource)),
        at=moment(resource.get("date")) or moment(first.get("creation")),
        status="current",
        codes=kind,
        details=details(
            ("Kept by", _keeper(resource)),
            ("Description", text(resource, "description")),
            ("Format", ", ".join(sorted({text(each, "contentType") for each in attachments} - {""}))),
            ("Matched by", how),
        ),
        stated_labels=labels | _TELLS.get(code, frozenset()),
    )
    return Pointer(entry, text(first, "url"), text(first, "contentType").partition(";")[0].strip().lower())


def _keeper(resource: Json) -> str:
    """The ODS code of the organisation that keeps the document."""
    identifier = (resource.get("custodian") or {}).get("identifier") or {}
    return text(identifier, "value") if identifier.get("system") == ODS_CODE else ""


def _status(resource: Json) -> str:
    return plain(resource.get("status"), most=24) or "no status"


def _births(options: Mapping[str, Any]) -> str:
    if options["pds_base_url"]:
        return "checked in the national register, where a pointer carries none"
    return "not checked where a pointer carries none" if options["number_alone"] else "must be in the answer"


def _add(document: SourceAnswer, pointer: Pointer, answering: Answering) -> None:
    """The pointer and what its document says; neither, where the document turns out to be somebody else's."""
    if any(gap.cause is GapCause.WRONG_PERSON for gap in document.gaps) and not document.entries:
        answering.gap({pointer.entry.section}, GapCause.WRONG_PERSON, "in a document")
        return
    said = "Opened, and shown with the record" if document.entries else "Could not be read"
    answering.add(replace(pointer.entry, details=(*pointer.entry.details, ("Document", said))))
    for entry in document.entries:
        came = replace(
            entry.provenance, organisation=entry.provenance.organisation or pointer.entry.provenance.organisation
        )
        answering.add(replace(entry, id=f"{pointer.entry.id}/{entry.id}", provenance=came, linked=()))
    for gap in document.gaps:
        answering.gap({gap.section}, gap.cause, "in a document")
    answering.not_understood.update(document.not_understood)
