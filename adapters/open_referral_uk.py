"""A directory of local services (Open Referral UK, HSDS 3.0) as a source system. Is told nothing about anybody.

The same pages are asked for whoever the resident is, so that the directory cannot learn who needs which service.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from broker.records.source import Coding, Provenance, RecordEntry, ResidentIdentity, SourceAnswer, SourceCheck
from broker.vocabulary import GapCause, Section

from . import configuration as read
from .answering import Answering, Clock, Unanswered, details, no_answer, plain, utc_now
from .credentials import Credentials
from .http import Http, addressed

KEYS: Mapping[str, read.Key] = {
    "base_url": read.Key(read.base_url, "the directory's base address"),
    "page_size": read.Key(read.whole(1, 500), "services to ask for on a page (per_page)", 100),
    "most_pages": read.Key(read.whole(1, 200), "pages read at most; a longer directory is stated as not whole", 20),
    "taxonomy_id": read.Key(read.text, "only services under this taxonomy", ""),
    **read.CREDENTIALS,
}
_SECTIONS = frozenset({Section.SIGNPOSTING})
_UNREADABLE = (KeyError, TypeError, AttributeError, ValueError)


class OpenReferralUk:
    """One directory. See SourceSystem."""

    personal = False
    sections: frozenset[Section] = _SECTIONS

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
        self._options, self._http, self._credentials, self._clock = options, http, credentials, clock

    async def fetch(self, resident: ResidentIdentity, sections: frozenset[Section]) -> SourceAnswer:
        del resident  # a directory is asked about nobody
        asked = sections & self.sections
        if not asked:
            return SourceAnswer()
        answering = Answering(asked)
        try:
            await self._pages(answering)
        except Unanswered as error:
            if not answering.entries:
                return no_answer(asked, error.cause, error.detail)
            answering.gap(asked, error.cause, error.detail)
        return answering.answer()

    async def _pages(self, answering: Answering) -> None:
        allowance, seen = self._http.allowance(), 0
        for number in range(1, self._options["most_pages"] + 1):
            query = {"page": str(number), "per_page": str(self._options["page_size"])}
            if self._options["taxonomy_id"]:
                query["taxonomy_id"] = self._options["taxonomy_id"]
            address = addressed(self._options["base_url"], "services", query)
            page = await self._http.ask(address, credentials=self._credentials, allowance=allowance)
            try:
                listed, last = _read_page(page, number)
            except _UNREADABLE as error:
                raise Unanswered(GapCause.MALFORMED, "sent a page that cannot be read") from error
            for service in listed:
                self._read(service, answering)
            seen += len(listed)
            if last:
                if seen < page.get("total_items", 0):
                    raise Unanswered(GapCause.FAULT, "sent fewer services than it counted")
                return
        raise Unanswered(GapCause.TOO_LARGE, f"has more than {self._options['most_pages']} pages")

    def _read(self, service: Any, answering: Answering) -> None:
        try:
            if service.get("status", "active") in ("inactive", "defunct"):
                return
            answering.add(self._entry(service))
        except _UNREADABLE:
            answering.not_understood["service (could not be read)"] += 1
            answering.gap(_SECTIONS, GapCause.MALFORMED, "sent a service that could not be read")

    def _entry(self, service: Mapping[str, Any]) -> RecordEntry:
        organisation = plain((service.get("organization") or {}).get("name"))
        return RecordEntry(
            id=f"service/{_needed(service, 'id')}",
            section=Section.SIGNPOSTING,
            title=_needed(service, "name"),
            provenance=Provenance(self.id, self._clock(), organisation=organisation),
            at=_changed(service),
            status=plain(service.get("status")),
            codes=tuple(_codes(service)),
            details=details(
                ("Run by", organisation),
                ("What it offers", plain(service.get("description"))),
                ("Who it is for", _joined(service, "eligibility", "eligibility_description", "eligibility_type")),
                ("How to ask", plain(service.get("application_process"))),
                (
                    "Cost",
                    plain(service.get("fees_description")) or _joined(service, "cost_options", "amount_description"),
                ),
                ("Telephone", _joined(service, "phones", "number")),
                ("Email", plain(service.get("email"))),
                ("Website", plain(service.get("url"))),
                ("When", _joined(service, "schedules", "description", "opens_at")),
                ("Languages", _joined(service, "languages", "name")),
            ),
            original=service,
        )

    async def check(self) -> SourceCheck:
        base = self._options["base_url"]
        try:
            about = await self._http.ask(f"{base}/", credentials=self._credentials, allowance=self._http.allowance())
            facts = tuple(
                (name, plain(about.get(key))) for name, key in (("Version", "version"), ("Profile", "profile"))
            )
        except Unanswered as error:
            return SourceCheck(False, error.cause, (("Problem", error.detail),))
        except AttributeError:
            return SourceCheck(
                False, GapCause.MALFORMED, (("Problem", "does not describe itself as a directory does"),)
            )
        return SourceCheck(True, None, facts)


def _read_page(page: Any, number: int) -> tuple[list[Any], bool]:
    """The services of a page and whether it is the last. ``contents`` is HSDS 3.0, ``content`` Open Referral UK 1.0."""
    listed = page["contents"] if "contents" in page else page["content"]
    if type(listed) is not list:
        raise TypeError("contents is not a list")
    pages = page.get("total_pages")
    last = page.get("last_page") is True or not listed or (type(pages) is int and number >= pages)
    return listed, last


def _needed(service: Mapping[str, Any], name: str) -> str:
    if not (value := plain(service[name])):
        raise ValueError(f"a service without {name}")
    return value


def _joined(service: Mapping[str, Any], name: str, *fields: str) -> str:
    """Each part's first field that says something."""
    parts = service.get(name) or []
    said = (next(filter(None, (plain(part.get(field)) for field in fields)), "") for part in parts)
    return "; ".join(dict.fromkeys(filter(None, said)))


def _codes(service: Mapping[str, Any]) -> list[Coding]:
    terms = [attribute.get("taxonomy_term") or {} for attribute in service.get("attributes") or []]
    return [
        Coding(plain(term.get("taxonomy")) or "taxonomy", plain(term["code"]), plain(term.get("name")))
        for term in terms
        if term.get("code")
    ]


def _changed(service: Mapping[str, Any]) -> date | None:
    """The day the directory last changed or assured the service."""
    text = service.get("last_modified") or service.get("assured_date")
    return datetime.fromisoformat(text).date() if text else None
