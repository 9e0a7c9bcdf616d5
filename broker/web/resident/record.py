"""A resident's own record, to themself or to somebody who acts for them: from the very sources a worker would see.

Everything comes through ``access.release``, decided live and written down; this only lays it out. Shows no NHS number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import render_template, request
from sqlalchemy import select

from broker.access import explain, label_choices, looks
from broker.access.release import Refused, Release, release_record
from broker.access.request import AccessRequest, Requester
from broker.database import new_id
from broker.doors import now, parts, session
from broker.errors import NotPermitted
from broker.identity.models import Organisation, Resident
from broker.proxies import limits
from broker.proxies.limits import sections_of
from broker.records import arrangement
from broker.records.source import RecordEntry
from broker.records.telling import told
from broker.vocabulary import AccessLevel, DenialReason, Purpose, Section
from broker.web.access import RESIDENTS_AND_PROXIES, acting, acting_may, own_id, resident_id, signed_in, who
from broker.web.resident import resident
from broker.web.trail_words import codes_of

Answer = str | tuple[str, int]
_TO_READER: Mapping[DenialReason, str] = {
    DenialReason.ROLE_NOT_PERMITTED: "You cannot read the record in this service the way you are signed in.",
    DenialReason.NOT_OWN_RECORD: (
        "You are not recorded as acting for this person now. They, or their GP practice, can put that right."
    ),
    DenialReason.BEYOND_PROXY: (
        "What you may see for them does not reach this. They, or their GP practice, can change that."
    ),
    DenialReason.ASSURANCE_TOO_LOW: "Sign in again in a way that proves more surely who you are.",
    DenialReason.POLICY_UNAVAILABLE: "This does not work at the moment. Try again in a few minutes.",
    DenialReason.POLICY_STALE: "This does not work at the moment. Try again in a moment.",
}


@resident.get("/record")
@who(*RESIDENTS_AND_PROXIES)
def record() -> Answer:
    """All of it, or the parts that were chosen; for a proxy of what their levels open. Policy has the last word."""
    offered = readable()
    asked = request.args.getlist("section")
    chosen = [section for section in codes_of(Section, asked) if section in offered]
    try:
        release = _released(frozenset(chosen or offered))
    except Refused as refused:
        return _refused_page(refused)
    sections = arrangement.in_order(release.view.sections, role=signed_in().role)
    return render_template(
        "resident/record.jinja",
        **_heading(release),
        offered=offered,
        chosen=[section.value for section in chosen],
        unknown=len(set(asked)) - len(chosen),
        changes=looks.since_last(parts(), release),
        spoken=[section for section in sections if section.entries],
        silent=[section for section in sections if not section.entries],
        told_of=told_of,
        key_of=_key_of(),
        may_see_sharing=acting_may(AccessLevel.SEE_SHARING),
    )


@resident.get("/record/summary")
@who(*RESIDENTS_AND_PROXIES)
def record_summary() -> Answer:
    """One page to print, of what matters first."""
    try:
        release = _released(frozenset(readable()))
    except Refused as refused:
        return _refused_page(refused)
    return render_template(
        "resident/record_summary.jinja",
        **_heading(release),
        page=arrangement.one_page(release.view.sections, role=signed_in().role),
        unread=[source for source in release.view.sources if source.state == "unavailable"],
    )


def readable() -> tuple[Section, ...]:
    """The parts that whoever is signed in could read, as a page offers them. Raises NotPermitted for none."""
    proxy = acting()
    opened = frozenset(Section) - {Section.SAFEGUARDING} if proxy is None else sections_of(proxy.levels)
    if not opened:
        raise NotPermitted("proxy-not-permitted", "You may not do this for somebody else.")
    return tuple(section for section in Section if section in opened)


def told_of(entry: RecordEntry) -> list[tuple[str, str]]:
    """What an entry says beside its title and its date, without what would be an NHS number."""
    return [(label, text) for label, text in told(entry) if "nhs number" not in label.lower()]


def _key_of() -> Callable[[RecordEntry], str]:
    """What an entry is called where its resident says whether it is private."""
    secret = parts().settings.secret(label_choices.SECRET)
    return lambda entry: label_choices.entry_key(secret, entry.provenance.source, entry.id)


def _released(sections: frozenset[Section]) -> Release:
    found = signed_in()
    asker = Requester(organisation="", role=found.role, assurance=found.assurance, resident=own_id())
    asked = AccessRequest(
        id=new_id(),
        requester=asker,
        resident=resident_id(),
        purpose=Purpose.OWN_RECORD,
        sections=sections,
        made_at=now(),
    )
    return release_record(parts(), session(), asked)


def _heading(release: Release) -> dict[str, Any]:
    view = release.view
    return {
        "me": session().get_one(Resident, release.request.resident),
        "view": view,
        "source_labels": {source.source: source.label for source in view.sources},
        "organisations": _names({source.organisation for source in view.sources}),
        "source_owners": {source.source: source.organisation for source in view.sources},
    }


def _names(codes: set[str]) -> Mapping[str, str]:
    found = session().scalars(select(Organisation).where(Organisation.code.in_(codes)))
    return {organisation.code: organisation.name for organisation in found}


def _refused_page(refused: Refused) -> Answer:
    """Why, to a resident or whoever acts for them: never what a worker would be told to do about it."""
    why = [(reason, _TO_READER.get(reason, "")) for reason in explain.in_order(refused.decision.reasons)]
    return render_template("resident/record_refused.jinja", why=why, young=_too_young()), 403


def _too_young() -> bool:
    return acting() is None and not old_enough_to_read(session().get_one(Resident, own_id()))


def old_enough_to_read(resident: Resident) -> bool:
    """Whether they are of an age to read their own record on pages of their own."""
    return limits.is_aged(resident, limits.OWN_PAGES_FROM, now=now())
