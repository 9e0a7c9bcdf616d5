"""What an organisation still needs before it can share: each check with whether it is met, why, and what to do.

Reads what is there, and changes nothing. Asks no other machine: a check is of what the broker itself has seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.accounts import account
from broker.agreements.document import AgreementDocument
from broker.agreements.standing import in_force
from broker.audit.trail import Trail
from broker.identity import memberships
from broker.identity.models import Client, Membership, Organisation, Source
from broker.joining.actions import taking_part
from broker.joining.models import Application
from broker.joining.people import READERS
from broker.joining.registers import has_the_shape, register_of
from broker.joining.walked import has_walked
from broker.vocabulary import Coded, Role, Toolkit

SOON = timedelta(days=30)


class Needed(Coded):
    """What is looked at, in the order somebody would do it. ``ours`` says it to the organisation itself."""

    ours: str

    def __new__(cls, code: str, label: str = "", ours: str = "") -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        member.ours = ours
        return member

    NUMBER = (
        "identity-number",
        "It is known by a number of a public register",
        "Your organisation is known by a number of a public register",
    )
    TOOLKIT = (
        "toolkit-current",
        "Its toolkit standing (DSPT) is current",
        "Your organisation’s toolkit standing (DSPT) is current",
    )
    ADMINISTRATOR = (
        "administrator",
        "It has an administrator who can sign in",
        "Your organisation has an administrator who can sign in",
    )
    IG_LEAD = (
        "ig-lead",
        "Its information governance lead works here",
        "Your information governance lead can be found here",
    )
    AGREEMENT = (
        "agreement",
        "A sharing agreement in force names it",
        "A sharing agreement in force names your organisation",
    )
    WAY_IN = (
        "way-in",
        "Its workers can sign in, or its system has keys",
        "Your workers can sign in, or your system has keys",
    )
    WALK = (
        "test-walk",
        "Its system has walked the whole flow once",
        "Your system, if you have one, has walked the whole flow once",
    )
    SOURCE = (
        "source",
        "A system of its own is connected, where it gives information",
        "A system of your own is connected, where you give information",
    )


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is needed. ``words`` say how it stands, ``what_to_do`` what would meet it; empty where it is.

    ``agreements`` are those in force that name the organisation, by id and title.
    """

    code: Needed
    met: bool
    words: str
    what_to_do: str = ""
    agreements: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class _Known:
    """What the checks read, read once."""

    organisation: Organisation
    application: Application | None
    members: tuple[Membership, ...]
    can_sign_in: frozenset[str]  # persons
    clients: tuple[Client, ...]
    sources: tuple[Source, ...]
    named_in: tuple[AgreementDocument, ...]
    walked: bool
    now: datetime

    def members_in(self, *roles: Role) -> list[Membership]:
        return [each for each in self.members if each.role in roles]


def readiness(session: Session, organisation: Organisation, *, trail: Trail, now: datetime) -> list[Check]:
    """Every check, in order. One that is not for this organisation is met, and says why."""
    known = _read(session, organisation, trail=trail, now=now)
    return [CHECKS[needed](known) for needed in Needed]


def ready(checks: list[Check]) -> bool:
    return all(each.met for each in checks)


def _read(session: Session, organisation: Organisation, *, trail: Trail, now: datetime) -> _Known:
    code = organisation.code
    members = memberships.of_organisation(session, code, now=now)
    in_use = select(Client).where(Client.organisation_code == code, Client.revoked_at.is_(None))
    clients = session.scalars(in_use).all()
    sources = session.scalars(select(Source).where(Source.organisation_code == code, Source.removed_at.is_(None)))
    return _Known(
        organisation=organisation,
        application=taking_part(session, code),
        members=tuple(members),
        can_sign_in=frozenset(
            person for person in {each.person_id for each in members} if account.can_sign_in(session, person)
        ).union(each.person_id for each in members if each.used_at is not None),
        clients=tuple(clients),
        sources=tuple(sources),
        named_in=tuple(each for each in in_force(session, now=now) if _names(each, code)),
        walked=any(has_walked(session, each) for each in clients),
        now=now,
    )


def _names(document: AgreementDocument, code: str) -> bool:
    return any(party.organisation == code for party in document.parties)


def _number(known: _Known) -> Check:
    code = known.organisation.code
    name = register_of(code).name
    if has_the_shape(code):
        return Check(Needed.NUMBER, True, f"{code}, of the {name}.")
    words = f"{code} does not have the shape of a number of the {name}."
    return Check(Needed.NUMBER, False, words, "Ask the place's integrator to put the number right.")


def _toolkit(known: _Known) -> Check:
    applied = known.application
    if applied is None:
        said = _in_agreements(known)
        if said:
            return Check(Needed.TOOLKIT, True, said)
        return Check(Needed.TOOLKIT, False, "The standing is not known.", _TELL_THE_SPONSOR)
    until = applied.toolkit_until
    if applied.toolkit is Toolkit.EXEMPT:
        return Check(Needed.TOOLKIT, True, "Exempt, and the application says why.")
    if applied.toolkit is Toolkit.NOT_MET or until is None:
        return Check(Needed.TOOLKIT, False, "The toolkit has not been done.", _DO_THE_TOOLKIT)
    if until < known.now.date():
        return Check(Needed.TOOLKIT, False, f"It ran out on {until.isoformat()}.", _DO_THE_TOOLKIT)
    near = " That is soon." if until - known.now.date() <= SOON else ""
    return Check(Needed.TOOLKIT, True, f"{applied.toolkit.label}, until {until.isoformat()}.{near}")


_DO_THE_TOOLKIT = (
    "Publish this year's toolkit, which costs nothing, and tell the place's integrator the day it runs out."
)
_TELL_THE_SPONSOR = "Tell the place's integrator how you stand, and until when."


def _in_agreements(known: _Known) -> str:
    """What an agreement in force says of an organisation that never applied."""
    for document in known.named_in:
        for party in document.parties:
            if party.organisation == known.organisation.code and party.dspt is not None:
                return f"As {document.id} has it: {party.dspt.status.value}."
    return ""


def _administrator(known: _Known) -> Check:
    administrators = known.members_in(Role.ADMINISTRATOR)
    if any(each.person_id in known.can_sign_in for each in administrators):
        return Check(Needed.ADMINISTRATOR, True, "Somebody can invite, change and remove people here.")
    if administrators:
        words = "The administrator has not made their account."
        return Check(Needed.ADMINISTRATOR, False, words, "Use the invitation, or ask for another.")
    return Check(Needed.ADMINISTRATOR, False, "Nobody is.", "Ask the place's integrator to name one.")


def _ig_lead(known: _Known) -> Check:
    if known.members_in(Role.IG_LEAD):
        return Check(Needed.IG_LEAD, True, "They can sign agreements.")
    todo = "The administrator invites them, in that role."
    return Check(Needed.IG_LEAD, False, "Nobody works here in that role.", todo)


def _agreement(known: _Known) -> Check:
    if known.named_in:
        listed = tuple(sorted((each.id, each.title) for each in known.named_in))
        return Check(Needed.AGREEMENT, True, ", ".join(id for id, _ in listed) + ".", agreements=listed)
    todo = "Ask the place's integrator to start one, and have the IG lead sign it."
    return Check(Needed.AGREEMENT, False, "None does, so nothing can be shared.", todo)


def _way_in(known: _Known) -> Check:
    workers = [each for each in known.members_in(*READERS) if each.person_id in known.can_sign_in]
    if workers or known.clients:
        systems = f"{len(known.clients)} system{'' if len(known.clients) == 1 else 's'} with keys"
        words = f"{len(workers)} who can sign in, {systems}."
        return Check(Needed.WAY_IN, True, words)
    todo = "Invite your workers: a browser is enough. Or register your system's public keys."
    return Check(Needed.WAY_IN, False, "Nobody and nothing can ask.", todo)


def _walk(known: _Known) -> Check:
    if not known.clients:
        return Check(Needed.WALK, True, "There is no system, and none is needed.")
    if known.walked:
        words = "A system was let do something, asked for a record, and gave its token back."
        return Check(Needed.WALK, True, words)
    todo = "Run `broker clients try` beside the system, with somebody who agrees; it says what to put right."
    return Check(Needed.WALK, False, "No system has done so yet.", todo)


def _source(known: _Known) -> Check:
    code = known.organisation.code
    giving = [each.id for each in known.named_in if any(p.organisation == code and p.gives for p in each.parties)]
    if not giving:
        return Check(Needed.SOURCE, True, "No agreement in force asks for any.")
    if known.sources:
        return Check(Needed.SOURCE, True, ", ".join(sorted(each.label for each in known.sources)) + ".")
    words = f"Information is to be given under {', '.join(sorted(giving))}, and nothing is connected."
    return Check(Needed.SOURCE, False, words, "Ask the operator to connect the system that holds it.")


CHECKS: dict[Needed, Callable[[_Known], Check]] = {
    Needed.NUMBER: _number,
    Needed.TOOLKIT: _toolkit,
    Needed.ADMINISTRATOR: _administrator,
    Needed.IG_LEAD: _ig_lead,
    Needed.AGREEMENT: _agreement,
    Needed.WAY_IN: _way_in,
    Needed.WALK: _walk,
    Needed.SOURCE: _source,
}
