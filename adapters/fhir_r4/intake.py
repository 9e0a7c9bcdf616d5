"""Turn what a FHIR server sent into entries, gaps and counts. Uses nothing not known to be about the resident."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from datetime import datetime

from adapters.answering import Answering
from broker.records.source import Provenance, RecordEntry
from broker.vocabulary import GapCause, Section, Sensitivity

from .reading import Context, Draft, about, stated_labels
from .search import Found, of_a_parameter
from .types import SUPPORTING, TYPES
from .values import Json, code_in

_AT_A_TIME = 100
_UNREADABLE = (KeyError, TypeError, AttributeError, ValueError, IndexError, OverflowError)

# FHIR R4 issue-type codes that say why an answer is not whole. Any other is a fault.
_ISSUES = {
    "throttled": GapCause.BUSY,
    "timeout": GapCause.LATE,
    "too-costly": GapCause.TOO_LARGE,
    "too-long": GapCause.TOO_LARGE,
    **dict.fromkeys(("security", "login", "forbidden", "expired", "suppressed"), GapCause.REFUSED),
}


class Intake:
    """One resident's answer from one server, while it is read."""

    def __init__(
        self,
        answering: Answering,
        source: str,
        now: datetime,
        accepted: frozenset[str],
        numbers: frozenset[str] | None = None,
    ) -> None:
        self._answering, self._source, self._accepted = answering, source, accepted
        self._numbers = numbers or frozenset()
        self._context = Context(now)
        self._indexed: dict[str, Json] = {}
        self._waiting: dict[str, Json] = {}

    def take(
        self, found: Found, patient: Json, sections: Iterable[Section], *, counted: bool = False, retried: bool = False
    ) -> None:
        """Keep what a search found until everything has come; state at once what it says it lacks of ``sections``.

        ``counted``: its total can be relied on. ``retried``: a parameter the server passed over costs nothing.
        """
        if found.broken is not None:
            self._answering.gap(sections, found.broken.cause, found.broken.detail)
        elif counted and found.incomplete:
            self._answering.gap(sections, GapCause.FAULT, "sent fewer entries than it counted")
        for issue in found.issues:
            if not (retried and of_a_parameter(issue)):
                self._issue(issue, sections)
        for resource, url, _ in found.resources:
            kind = resource["resourceType"]
            if kind == "Patient" and resource is not patient:
                continue  # somebody else, referred to: of no use here
            key = f"{kind}/{resource.get('id') or url or len(self._waiting)}"
            self._indexed[key] = self._indexed[url or key] = resource
            self._waiting.setdefault(key, resource)

    def _issue(self, issue: Json, sections: Iterable[Section]) -> None:
        severity, code = (issue.get("severity"), issue.get("code")) if type(issue) is dict else ("error", "")
        if severity != "information":
            # What the server says in words may name the resident: only its code is used.
            cause = _ISSUES.get(code, GapCause.FAULT) if type(code) is str else GapCause.FAULT
            self._answering.gap(sections, cause, "said that its answer is not whole")

    async def read(self) -> None:
        """Read everything taken, in the order it came, letting other answers have their turn in a long one."""
        for number in self._read_each():
            if number % _AT_A_TIME == 0:
                await asyncio.sleep(0)

    def read_at_once(self) -> None:
        """The same, of a document that is read where nothing else waits."""
        for _ in self._read_each():
            pass

    def _read_each(self) -> Iterator[int]:
        self._context.resources = self._indexed
        for number, (key, resource) in enumerate(self._waiting.items(), start=1):
            yield number
            kind = resource["resourceType"]
            if kind in TYPES:
                if TYPES[kind].sections & self._answering.asked:
                    self._read_one(key, kind, resource)
            elif kind not in SUPPORTING:
                self._answering.not_understood[str(kind)[:64]] += 1

    def _read_one(self, key: str, kind: str, resource: Json) -> None:
        try:
            if _entered_in_error(resource):
                self._answering.not_understood[f"{kind} (entered in error)"] += 1
                return
            if "modifierExtension" in resource or "implicitRules" in resource:
                raise ValueError("an unknown extension changes the meaning")  # FHIR R4 §2.4.0: must not be ignored
            drafts = TYPES[kind].read(resource, self._context)
            labels, restriction = stated_labels(resource)
            mine = kind == "Patient" or about(resource, self._accepted, self._numbers)
        except _UNREADABLE:
            self._answering.not_understood[f"{kind} (could not be read)"] += 1
            self._answering.gap(TYPES[kind].sections, GapCause.MALFORMED, f"sent a {kind} that could not be read")
            return
        if not mine:
            self._answering.gap({draft.section for draft in drafts}, GapCause.WRONG_PERSON, f"in a {kind}")
        elif restriction:
            self._answering.not_understood[f"{kind} (restricted: {restriction[:16]})"] += 1
        else:
            self._keep(key, kind, resource, drafts, labels)

    def _keep(self, key: str, kind: str, resource: Json, drafts: list[Draft], labels: frozenset[Sensitivity]) -> None:
        for draft in drafts:
            if draft.section not in TYPES[kind].sections:
                # Shown elsewhere it could reach somebody the source did not mean it for.
                self._answering.not_understood[f"{kind} (section {draft.section})"] += 1
                continue
            self._answering.add(
                RecordEntry(
                    id=f"{key}#{draft.part}" if draft.part else key,
                    section=draft.section,
                    title=draft.title or "Not named by the source",
                    provenance=Provenance(self._source, self._context.now, draft.organisation, draft.by),
                    at=draft.at,
                    status=draft.status,
                    codes=draft.codes,
                    details=draft.details,
                    linked=draft.linked,
                    stated_labels=labels,
                    original=resource,
                    fhir_release="4.0",
                )
            )


def _entered_in_error(resource: Json) -> bool:
    return resource.get("status") == "entered-in-error" or (
        code_in(resource.get("verificationStatus")) == "entered-in-error"
    )
