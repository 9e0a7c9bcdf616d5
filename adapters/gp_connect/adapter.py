"""The GP Connect adapter: asks one practice about one resident, for their care alone. Keeps nothing of the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from adapters import configuration as read
from adapters.answering import Clock, Unanswered, no_answer, utc_now
from adapters.credentials import Credentials
from adapters.http import Http, Status
from broker.records.source import ResidentIdentity, SourceAnswer, SourceCheck
from broker.vocabulary import GapCause, Section

from . import refusals
from .areas import AREAS, areas_for, sections_of
from .asking import MEDIA, READ_METADATA, READ_RECORD, Line, for_care, parameters
from .documents import read_record

_MEDIA = frozenset({MEDIA})
_MANY = 500  # entries: a longer record is read beside the event loop, not in it


def _areas(value: Any) -> frozenset[str]:
    names = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if not isinstance(names, (list, tuple)) or not names or not all(type(name) is str for name in names):
        raise ValueError("must be a list of clinical areas")
    for name in names:
        if name not in AREAS:
            raise ValueError(f"names {name!r}; the areas are {', '.join(AREAS)}")
    return frozenset(names)


def _asid(value: Any) -> str:
    number = str(value) if type(value) is int else read.text(value)
    if not (number.isascii() and number.isdigit() and len(number) <= 20):
        raise ValueError("must be digits")
    return number


KEYS: Mapping[str, read.Key] = {
    "base_url": read.Key(read.base_url, "the practice's FHIR base, as in https://gp.example/GP0001/STU3/1/gpconnect"),
    "ssp_url": read.Key(read.base_url, "the Spine Secure Proxy, where one stands before the practice", ""),
    "from_asid": read.Key(_asid, "the number (ASID) of the broker's system"),
    "to_asid": read.Key(_asid, "the number (ASID) of the practice's system"),
    "ods_code": read.Key(read.text, "the practice's code; only for `broker sources check` to show", ""),
    "issuer": read.Key(read.base_url, "the broker's own address, as it names itself", "https://broker.invalid"),
    "areas": read.Key(_areas, "the clinical areas the practice has switched on", frozenset(AREAS)),
    "sections": read.Key(read.sections, "the sections it is asked for, where fewer than it can give", None),
    **read.CREDENTIALS,
}


class GpConnect:
    """One practice's record system behind GP Connect. See SourceSystem."""

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
        self._areas: frozenset[str] = options["areas"]
        known = sections_of(self._areas)
        self.sections: frozenset[Section] = known & options["sections"] if options["sections"] else known
        self._ods_code: str = options["ods_code"]
        self._http, self._credentials, self._clock = http, credentials, clock
        self._line = Line(
            options["base_url"], options["ssp_url"], options["from_asid"], options["to_asid"], options["issuer"]
        )

    async def fetch(self, resident: ResidentIdentity, sections: frozenset[Section]) -> SourceAnswer:
        asked = sections & self.sections
        if not asked:
            return SourceAnswer()
        if resident.nhs_number is None:
            return no_answer(asked, GapCause.NOT_LINKED, "there is no number to ask by")
        if not for_care(resident.asked_by):
            return no_answer(asked, *refusals.NOT_FOR_CARE)
        if resident.sensitive:
            # A practice says of a sensitive person that it does not know them. So is said here, and in no other
            # words, without asking: the flag must not be learnt from how the answer looks.
            return no_answer(asked, *refusals.NOT_KNOWN)
        try:
            return await self._ask(resident, resident.nhs_number, asked)
        except Unanswered as error:
            return no_answer(asked, error.cause, error.detail)

    async def _ask(self, resident: ResidentIdentity, number: str, asked: frozenset[Section]) -> SourceAnswer:
        areas, now = areas_for(asked, self._areas), self._clock()
        statement = self._line.statement(resident.asked_by, now=now)
        try:
            bundle = await self._http.ask(
                self._line.address("Patient/$gpc.getstructuredrecord"),
                credentials=self._credentials,
                allowance=self._http.allowance(),
                json=parameters(number, areas),
                headers={**self._line.headers(READ_RECORD, statement), "Content-Type": MEDIA},
                media=_MEDIA,
                explained=True,
            )
        except Status as error:
            raise refusals.explained(error) from error

        def answer() -> SourceAnswer:
            return read_record(bundle, resident, asked=asked, areas=areas, source=self.id, now=self._clock()).answer

        entries = bundle.get("entry") if type(bundle) is dict else None
        return await asyncio.to_thread(answer) if type(entries) is list and len(entries) > _MANY else answer()

    async def check(self) -> SourceCheck:
        """Ask for the capability statement: names no resident, and asks on nobody's behalf."""
        try:
            statement = await self._http.ask(
                self._line.address("metadata"),
                credentials=self._credentials,
                allowance=self._http.allowance(),
                headers=self._line.headers(READ_METADATA, self._line.statement(None, now=self._clock())),
                media=_MEDIA,
                explained=True,
            )
            facts = self._facts(statement)
        except Status as error:
            told = refusals.explained(error)
            return SourceCheck(False, told.cause, (("Problem", told.detail),))
        except Unanswered as error:
            return SourceCheck(False, error.cause, (("Problem", error.detail),))
        if not facts[0][1].startswith("3.0"):
            return SourceCheck(False, GapCause.MALFORMED, (*facts, ("Problem", "it does not speak FHIR STU3")))
        return SourceCheck(True, None, facts)

    def _facts(self, statement: Any) -> tuple[tuple[str, str], ...]:
        try:
            if statement["resourceType"] != "CapabilityStatement":
                raise TypeError("not a CapabilityStatement")
            software = statement.get("software") or {}
            named = " ".join(str(software[part]) for part in ("name", "version") if software.get(part))
            version = str(statement["fhirVersion"])
            interface = str(statement.get("version") or "not stated")
        except (KeyError, TypeError, AttributeError) as error:
            raise Unanswered(GapCause.MALFORMED, "gave a capability statement that cannot be read") from error
        return (
            ("FHIR version", version),
            ("GP Connect version", interface),
            ("Software", named or "not stated"),
            ("Practice", self._ods_code or "not stated"),
            ("Asked for", ", ".join(name for name in AREAS if name in self._areas)),
            ("Not asked for", ", ".join(name for name in AREAS if name not in self._areas) or "nothing"),
            ("Through a proxy", "yes" if self._line.ssp_url else "no"),
        )
