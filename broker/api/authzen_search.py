"""The three AuthZEN searches: which sections, which purposes, which of one's own people. Each would be permitted.

Bounded: a page decides at most ``MOST`` questions. Never lists a resident, nor anybody of another organisation; what is
not there, or not the asker's to know of, has no results. A section the requester may not know is withheld is found,
as the record door would show it: empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from broker.access.parts import Broker
from broker.access.release import decide_only
from broker.access.request import AccessRequest, Decision, Requester
from broker.api import authzen_question as questions
from broker.api.authzen_answer import answer, sections_shown
from broker.api.authzen_pages import Page
from broker.api.partner import READERS
from broker.vocabulary import Purpose, Section

MOST = 25  # decisions for one page

Found = Mapping[str, Any]
Body = Mapping[str, Any]
Candidate = tuple[str, AccessRequest, Found]  # its name in the order of pages, the question, and how it is found


@dataclass
class Search:
    """One search by one asker, and the decisions it has come to rest on."""

    broker: Broker
    session: Session
    asker: Requester
    now: datetime
    page: Page
    decisions: list[Decision] = field(default_factory=list)

    def found(self, results: list[Found], *, last: str | None, total: int | None = None) -> dict[str, Any]:
        """The answer. ``last`` is what was looked at last, where there is more to look at."""
        said: dict[str, Any] = {"next_token": "" if last is None else self.page.next_token(last), "count": len(results)}
        if total is not None:
            said["total"] = total
        context = {
            "decisions": [decision.id for decision in self.decisions],
            "revision": self.decisions[-1].revision if self.decisions else None,
        }
        return {"page": said, "context": context, "results": results}

    def request(
        self, requester: Requester, handle: str, sections: frozenset[Section], purpose: Purpose, body: Body
    ) -> AccessRequest:
        context = body.get("context", {})
        return questions.asking(
            self.session, requester, handle, sections, purpose=purpose, context=context, now=self.now
        )

    def decide(self, request: AccessRequest) -> Decision:
        decision = decide_only(self.broker, self.session, request, acting=False)
        self.decisions.append(decision)
        return decision


def nothing() -> dict[str, Any]:
    """What is found where there is nothing of that name or kind."""
    return {"page": {"next_token": "", "count": 0}, "context": {"decisions": [], "revision": None}, "results": []}


def resources(search: Search, body: Body) -> dict[str, Any]:
    """The sections of one resident's record that would be shown: one decision, whatever the page."""
    requester = questions.subject(search.session, body["subject"], asker=search.asker, now=search.now)
    purpose, handle = questions.purpose_of(body["action"]), questions.handle_of(body["resource"])
    request = search.request(requester, handle, frozenset(Section), purpose, body)
    shown = [section for section, yes in sections_shown(request, search.decide(request)).items() if yes]
    rest = shown[_seen(search.page.after, shown) :]
    listed = rest[: search.page.limit]
    results: list[Found] = [
        {"type": questions.SECTION, "id": section.value, "properties": {"resident": handle}} for section in listed
    ]
    last = (listed[-1].value if listed else search.page.after) if len(rest) > len(listed) else None
    return search.found(results, last=last, total=len(shown))


def actions(search: Search, body: Body) -> dict[str, Any]:
    """The purposes for which what is asked would be shown: one decision for each exact purpose."""
    requester = questions.subject(search.session, body["subject"], asker=search.asker, now=search.now)
    handle, sections = questions.record(body["resource"])
    return _those_permitted(
        search,
        (
            (
                purpose.value,
                search.request(requester, handle, sections, purpose, body),
                {"name": questions.SHARE, "properties": {"purpose": purpose.value}},
            )
            for purpose in sorted(Purpose)
            if not purpose.grouping
        ),
    )


def subjects(search: Search, body: Body) -> dict[str, Any]:
    """Those of the asker's own people, in the roles they have now, who would be shown it: one decision for each."""
    purpose, (handle, sections) = questions.purpose_of(body["action"]), questions.record(body["resource"])
    people = questions.subjects(search.session, body["subject"]["type"], asker=search.asker, now=search.now)
    named = {f"{each.person or each.client} {each.role.value}": each for each in people if each.role in READERS}
    return _those_permitted(
        search,
        (
            (
                name,
                search.request(named[name], handle, sections, purpose, body),
                questions.as_entity(named[name]),
            )
            for name in sorted(named)
        ),
    )


def _seen(after: str, shown: list[Section]) -> int:
    """How many of them come no later in the record than the section ``after``."""
    order = list(Section)
    return sum(bool(after) and order.index(section) <= order.index(Section(after)) for section in shown)


def _those_permitted(search: Search, candidates: Iterable[Candidate]) -> dict[str, Any]:
    """Those after the page's beginning that are permitted, until the page is full or enough was decided."""
    results: list[Found] = []
    last = search.page.after
    for name, request, entity in candidates:
        if name <= search.page.after:
            continue
        if len(results) >= search.page.limit or len(search.decisions) >= MOST:
            return search.found(results, last=last)
        if answer(request, search.decide(request))["decision"]:
            results.append(entity)
        last = name
    return search.found(results, last=None)
