"""The FHIR R4 adapter: asks, cross-checks and reads one server's answer about one resident. Keeps nothing of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from adapters import configuration as read
from adapters.answering import Answering, Clock, Unanswered, no_answer, utc_now
from adapters.credentials import Credentials
from adapters.http import Http, Status
from broker.records.source import ResidentIdentity, SourceAnswer, SourceCheck
from broker.vocabulary import NHS_NUMBER, GapCause, Section

from .capability import Capabilities, Capability
from .intake import Intake
from .person import identify, names_of, numbers_of
from .search import Found, Search
from .types import SECTIONS, SUPPORTING, TYPES, types_for

KEYS: Mapping[str, read.Key] = {
    "base_url": read.Key(read.base_url, "the server's base address, as in https://fhir.example/r4"),
    "search": read.Key(read.one_of("post", "get"), "how to search; `get` puts NHS numbers into addresses", "post"),
    "strategy": read.Key(
        read.one_of("auto", "together", "per-type", "everything"),
        "one search with _revinclude, one for each type, Patient/$everything, or find out which the server can do",
        "auto",
    ),
    "page_size": read.Key(read.whole(1, 1000), "entries to ask for on a page (_count)", 200),
    "sections": read.Key(read.sections, "the sections this server holds, where fewer than the adapter can read", None),
    **read.CREDENTIALS,
}

# Answers of a server that understood the question and will not have it asked this way.
_WILL_NOT = {400, 405, 406, 412, 422, 501}
MOST_UNREAD = 40  # types, so that one request stays one a server will take
_AT_ONCE = 8


class FhirR4:
    """One FHIR R4 server. See SourceSystem."""

    personal = True

    def __init__(
        self,
        *,
        id: str,
        label: str,
        organisation: str,
        options: Mapping[str, Any],
        http: Http,
        credentials: Credentials,
        clock: Clock = utc_now,
    ) -> None:
        self.id, self.label, self.organisation = id, label, organisation
        self.sections: frozenset[Section] = SECTIONS & options["sections"] if options["sections"] else SECTIONS
        self._options, self._http, self._credentials, self._clock = options, http, credentials, clock
        self._base: str = options["base_url"]
        self._capabilities = Capabilities(self._base, http, credentials)

    async def fetch(self, resident: ResidentIdentity, sections: frozenset[Section]) -> SourceAnswer:
        asked = sections & self.sections
        local_id = resident.local_ids.get(self.id)
        if not asked:
            return SourceAnswer()
        if resident.nhs_number is None and local_id is None:
            return no_answer(asked, GapCause.NOT_LINKED, "there is no number to ask by")
        try:
            return await self._ask(resident, local_id, asked)
        except Unanswered as error:
            return no_answer(asked, error.cause, error.detail)

    async def _ask(self, resident: ResidentIdentity, local_id: str | None, asked: frozenset[Section]) -> SourceAnswer:
        search = Search(
            self._base,
            self._http,
            self._credentials.on_behalf_of(resident.asked_by),
            self._http.allowance(),
            by_get=self._options["search"] == "get",
            unspoken=tuple(filter(None, (resident.nhs_number, local_id, *resident.former_numbers))),
        )
        numbers = numbers_of(resident)
        # A server may not have heard yet that a number was superseded: the former ones are asked for beside it.
        who = ("identifier", ",".join(f"{NHS_NUMBER}|{n}" for n in numbers)) if numbers else ("_id", local_id or "")
        types = types_for(asked)
        found, brought = await self._patient(search, who, types, asked)
        patient, url = identify(found, resident, local_id)
        answering = Answering(asked)
        intake = Intake(answering, self.id, self._clock(), names_of(patient, url, self._base), frozenset(numbers))
        # What was passed over is asked for again below, unless an operator ruled that out.
        intake.take(found, patient, sections_of(brought), retried=self._options["strategy"] != "together")
        missing = await self._not_held_out(tuple(name for name in types if name not in brought))
        whole = await self._whole(search, str(patient.get("id")), missing)
        if whole is not None:
            intake.take(whole, patient, sections_of(frozenset(missing)), retried=True)
            missing = ()
        results = await self._each(search, str(patient.get("id")), missing)
        for name, result in results.items():
            if isinstance(result, Unanswered):
                answering.gap(TYPES[name].sections, result.cause, result.detail)
            else:
                also = bool(TYPES[name].with_also)
                intake.take(result, patient, TYPES[name].sections, counted=True, retried=also)
        await intake.read()
        return answering.answer()

    async def _patient(
        self, search: Search, who: tuple[str, str], types: tuple[str, ...], asked: frozenset[Section]
    ) -> tuple[Found, frozenset[str]]:
        """The resident's Patient, with the types that are known to have been brought along with it."""
        practice = [("_include", "Patient:general-practitioner")] if Section.GP_PRACTICE in asked else []
        count = ("_count", str(self._options["page_size"]))
        if self._options["strategy"] in ("auto", "together") and types:
            along = [("_revinclude", f"{name}:patient") for name in (*types, *await self._unread())]
            also = [("_include:iterate", f"{name}:{what}") for name in types for what in TYPES[name].with_also]
            try:
                found = await search.run("Patient", [who, *practice, *along, *also, count])
                return found, await self._brought(found, types)
            except Status as error:
                if error.status not in _WILL_NOT or self._options["strategy"] == "together":
                    raise
        try:
            return await search.run("Patient", [who, *practice, count]), frozenset()
        except Status as error:
            if error.status not in _WILL_NOT or not practice:
                raise
            return await search.run("Patient", [who]), frozenset()

    async def _unread(self) -> tuple[str, ...]:
        """Types the server can bring along that no reader reads: brought to be counted and named, never shown."""
        capability = await self._capabilities.soon()
        return () if capability is None else tuple(sorted(capability.along - TYPES.keys()))[:MOST_UNREAD]

    async def _brought(self, found: Found, types: tuple[str, ...]) -> frozenset[str]:
        """The types of which there is evidence that the server honoured ``_revinclude``.

        A server may ignore a parameter it does not know (FHIR R4 §3.1.1.6), and then "nothing came" is not "nothing
        is recorded". Evidence is the self link, a resource that came, or, where the self link states no parameter at
        all, the capability statement: what a server did outranks what it says it can do.
        """
        if self._options["strategy"] == "together":
            return frozenset(types)
        came = {resource["resourceType"] for resource, _, _ in found.resources}
        # Some servers echo even what they pass over, and say so beside it: then the echo is no evidence.
        echoed = frozenset() if found.overlooked else found.echoed
        known = {name for name in types if name in came or {f"{name}:patient", "*"} & echoed}
        if (
            len(known) < len(types)
            and not found.states
            and (capability := await self._capabilities.known()) is not None
        ):
            known |= {name for name in types if capability.brings_along(name)}
        return frozenset(known)

    async def _not_held_out(self, types: tuple[str, ...]) -> tuple[str, ...]:
        """``types`` without those the server states it does not have: nothing is recorded of them there."""
        capability = await self._capabilities.known() if types else None
        if capability is None or not capability.types:
            return types
        return tuple(name for name in types if name in capability.types)

    async def _whole(self, search: Search, patient_id: str, types: tuple[str, ...]) -> Found | None:
        """Everything of ``types`` at once, where an operator says so or the server does; None: ask type by type."""
        if not types or not await self._offers_everything(types):
            return None
        wanted = ("Patient", *types, *sorted(SUPPORTING))
        asked = [("_type", ",".join(wanted)), ("_count", str(self._options["page_size"]))]
        if not search.may_name(patient_id):
            return None
        try:
            return await search.everything(patient_id, asked)
        except Status as error:
            return None if error.status in {*_WILL_NOT, 404} else Found(broken=error)
        except Unanswered as error:
            return Found(broken=error)

    async def _offers_everything(self, types: tuple[str, ...]) -> bool:
        if self._options["strategy"] != "auto":
            return bool(self._options["strategy"] == "everything")
        capability = await self._capabilities.known() if len(types) > 1 else None
        return capability is not None and "everything" in capability.operations

    async def _each(self, search: Search, patient_id: str, types: tuple[str, ...]) -> dict[str, Found | Unanswered]:
        """One search for each type, a few at once."""
        turn = asyncio.Semaphore(_AT_ONCE)

        async def one(name: str) -> Found | Unanswered:
            async with turn:
                return await self._of_type(search, name, patient_id)

        results = await asyncio.gather(*map(one, types))
        return dict(zip(types, results, strict=True))

    async def _of_type(self, search: Search, name: str, patient_id: str) -> Found | Unanswered:
        who = [("patient", patient_id), ("_count", str(self._options["page_size"]))]
        also = [("_include", f"{name}:{what}") for what in TYPES[name].with_also]
        try:
            try:
                return await search.run(name, [*who, *also])
            except Status as error:
                if error.status not in _WILL_NOT or not also:
                    raise
                return await search.run(name, who)
        except Unanswered as error:
            return error

    async def check(self) -> SourceCheck:
        try:
            capability = await self._capabilities.ask()
        except Unanswered as error:
            return SourceCheck(False, error.cause, (("Problem", error.detail),))
        facts = _facts(capability, types_for(self.sections))
        if not capability.version.startswith("4.0"):
            return SourceCheck(False, GapCause.MALFORMED, (*facts, ("Problem", "it does not speak FHIR R4")))
        return SourceCheck(True, None, facts)


def sections_of(types: frozenset[str]) -> frozenset[Section]:
    """The sections a search for a Patient, with ``types`` brought along, answers for."""
    return TYPES["Patient"].sections.union(*(TYPES[name].sections for name in types))


def _facts(capability: Capability, types: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    without = [name for name in types if name not in capability.types]
    alone = [name for name in types if name in capability.types and not capability.brings_along(name)]
    return (
        ("FHIR version", capability.version),
        ("Software", capability.software or "not stated"),
        ("Holds", ", ".join(name for name in types if name in capability.types) or "nothing the broker reads"),
        ("Does not hold", ", ".join(without) or "nothing: it holds every type the broker reads"),
        ("Holds, and the broker does not read", ", ".join(sorted(capability.along - TYPES.keys())) or "nothing"),
        ("Must be asked for separately", ", ".join(alone) or "nothing: one request brings everything"),
        ("Offers Patient/$everything", "yes" if "everything" in capability.operations else "no"),
    )
