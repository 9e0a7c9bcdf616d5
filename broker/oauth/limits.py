"""What a token was given for, where that is less than its scopes say: one resident, one purpose, some sections.

Limits only ever take away. Whether anything within them is released is decided in ``access``, live.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from broker.access.release import Release
from broker.doors import session
from broker.errors import NotPermitted
from broker.grants.models import Grant
from broker.oauth import details, smart_scopes
from broker.oauth.own_reading import is_own
from broker.oauth.tokens import KeptToken
from broker.records.source import RecordEntry
from broker.records.view import JoinedEntry, RecordView, SectionView
from broker.vocabulary import Purpose, Section

Shows = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Limits:
    """None is no limit. ``resident`` is a handle; ``shows`` says of a FHIR resource whether it may be told."""

    resident: str | None = None
    purpose: Purpose | None = None
    sections: frozenset[Section] | None = None
    shows: Shows | None = None

    def check(self, *, resident: str, purpose: Purpose, sections: frozenset[Section], form: str) -> None:
        """Raise NotPermitted for a request beyond what was given, saying which part of it is."""
        if self.resident not in (None, resident):
            raise _outside("The token was given for another resident.", "resident")
        if self.purpose not in (None, purpose):
            raise _outside("The token was given for another purpose.", "purpose")
        if self.sections is not None and not sections <= self.sections:
            raise _outside("The token was not given for all of those sections.", "sections")
        if self.shows is not None and form != "fhir-searchset":
            raise _outside("A SMART token opens a fhir-searchset, and no other format.", "format")

    def narrowed(self, released: Release) -> Release:
        """``released`` with the entries alone that may be told under these limits."""
        if self.shows is None:
            return released
        sections = tuple(_section(section, self.shows) for section in released.view.sections)
        view: RecordView = replace(released.view, sections=sections)
        return replace(released, view=view)


def limits_of(token: KeptToken) -> Limits | None:
    """What ``token`` was given for beyond its scopes; None where that is all.

    An app that acts for a resident has that resident's own record and no other; whose it is, the token says.
    """
    scopes = smart_scopes.resource_scopes(token.scopes)
    if scopes:
        # A patient's scope is of no use to somebody at work, nor any other to a resident.
        usable = [scope for scope in scopes if (scope.context == "patient") == is_own(token)]
        return Limits(
            purpose=Purpose.OWN_RECORD if is_own(token) else None,
            sections=frozenset[Section]().union(*(scope.sections for scope in usable)),
            shows=lambda resource: any(scope.shows(resource) for scope in usable),
        )
    grant = session().get(Grant, token.grant_id) if token.grant_id else None
    if grant is None or not grant.granted:
        return None
    given = details.from_json(grant.granted[0])
    return Limits(resident=given.resident, purpose=given.purpose, sections=given.sections)


def _section(section: SectionView, shows: Shows) -> SectionView:
    """Of each thing, what may be told; a thing with nothing left is left out."""
    kept = []
    for joined in section.entries:
        told = [each for each in (joined.entry, *joined.others) if shows(_as_resource(each))]
        if told:
            kept.append(JoinedEntry(told[0], tuple(told[1:]), joined.contradictions))
    return replace(section, entries=tuple(kept))


def _as_resource(entry: RecordEntry) -> Mapping[str, Any]:
    """What the entry becomes in a Bundle: its own resource, or one of its section's natural type."""
    return smart_scopes.as_resource(entry.section, entry.original, entry.fhir_release)


def _outside(why: str, field: str) -> NotPermitted:
    return NotPermitted("outside-grant", why, field=field)
