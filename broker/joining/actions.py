"""Moving an application on: applied, vouched for by its sponsor, admitted by somebody else, refused or withdrawn.

Two people bring an organisation in, and neither is its own. Names and emails stay in the application: no entry on the
trail carries one. Every act is in the caller's transaction.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from broker.audit.trail import Event, Trail
from broker.database import new_id
from broker.errors import Conflict, InvalidInput, NotFound, NotPermitted
from broker.identity import memberships
from broker.identity.models import Membership, Organisation, Person
from broker.joining import limits
from broker.joining.limits import LASTS
from broker.joining.models import OPEN, TRANSITIONS, Application, ApplicationStep
from broker.joining.registers import check_kind, checked_code
from broker.vocabulary import ApplicationState, AuditAction, Contact, OrganisationKind, Role, Toolkit

# Who acts on an application for a sponsor. Only its IG lead vouches.
OFFICERS = (Role.IG_LEAD, Role.CALDICOTT_GUARDIAN, Role.PRIVACY_OFFICER, Role.ADMINISTRATOR)
VOUCHERS = (Role.IG_LEAD,)
LONGEST = {"name": 200, "service": 200, "toolkit_reason": 500}
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that is read as another
_EMAIL = re.compile(r"[^@\s<>\",;:()\[\]\\]{1,64}@[A-Za-z0-9.-]{1,180}\.[A-Za-z]{2,30}")


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody to be reached."""

    name: str
    email: str


@dataclass(frozen=True)
class Said:
    """What an organisation says of itself when it applies. ``sponsor`` is an integrator's code."""

    code: str
    name: str
    kind: OrganisationKind
    service: str
    sponsor: str
    toolkit: Toolkit
    contacts: Mapping[Contact, Named]
    toolkit_until: date | None = None
    toolkit_reason: str = ""
    ods_role: str = ""


@dataclass(frozen=True, slots=True)
class Officer:
    """Somebody who acts on an application for an organisation, in the role they are signed in to."""

    person: str
    organisation: str
    role: Role


@dataclass(frozen=True, slots=True)
class Admitted:
    """What admitting made. The administrator has yet to be invited."""

    organisation: Organisation
    administrator: Membership


def apply(session: Session, said: Said, *, by: str, trail: Trail, now: datetime) -> tuple[Application, str]:
    """Keep an application, and give its reference, which is nowhere kept. The caller commits.

    Raises InvalidInput naming the field, Conflict where the organisation takes part already, TooMany.
    """
    code = checked_code(said.code)
    check_kind(code, said.kind, ods_role=said.ods_role)
    _check_words(said)
    _check_standing(said.kind, said.toolkit, said.toolkit_until, said.toolkit_reason, on=now.date())
    _check_contacts(said.contacts)
    _check_sponsor(session, said.sponsor, code, now=now)
    _must_be_out(session, code, now=now)
    limits.must_not_be_many(session, code, now=now)
    reference = "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(5))
    application = Application(
        id=new_id(),
        reference=_digest(reference),
        code=code,
        name=said.name,
        kind=said.kind,
        ods_role=said.ods_role,
        service=said.service,
        toolkit=said.toolkit,
        toolkit_reason=said.toolkit_reason,
        toolkit_until=said.toolkit_until,
        contacts={kind.value: {"name": each.name, "email": each.email} for kind, each in said.contacts.items()},
        sponsor_code=said.sponsor,
        state=ApplicationState.APPLIED,
        applied_at=now,
        changed_at=now,
    )
    session.add(application)
    _step(session, application, by=by, why="", trail=trail, now=now)
    return application, reference


def run_out(session: Session, *, trail: Trail, now: datetime) -> int:
    """Close what nobody vouched for in time; gives how many. Nothing waits for this to be run. The caller commits."""
    too_old = Application.applied_at <= now - LASTS
    closed = session.scalars(select(Application).where(Application.state == ApplicationState.APPLIED, too_old)).all()
    why = f"Nobody vouched for it within {LASTS.days} days."
    for each in closed:
        _move(session, each, ApplicationState.LAPSED, by="broker", why=why, trail=trail, now=now)
    return len(closed)


def behind(session: Session, reference: str) -> Application:
    """The application with this reference, as somebody may type it. Raises NotFound."""
    typed = re.sub(r"[^A-Z0-9]", "", reference.upper())[:25]
    whole = "-".join(typed[start : start + 5] for start in range(0, 25, 5))
    found = session.scalar(select(Application).where(Application.reference == _digest(whole)))
    if found is None:
        raise NotFound("application-unknown", "There is no application with this reference.", field="reference")
    return found


def sponsored(session: Session, organisation: str) -> list[Application]:
    """Every application that an organisation sponsors: those that wait first, then newest first."""
    found = session.scalars(select(Application).where(Application.sponsor_code == organisation))
    newest = sorted(found, key=lambda each: (each.changed_at, each.id), reverse=True)
    return sorted(newest, key=lambda each: each.state not in OPEN)


def called(session: Session, application_id: str, *, sponsor: str | None = None) -> Application:
    """The application of this id; with ``sponsor``, only one of theirs. Raises NotFound for any other alike."""
    found = session.get(Application, application_id)
    if found is None or sponsor not in (None, found.sponsor_code):
        raise NotFound("application-unknown", "There is no such application.", field="application")
    return found


def vouch(
    session: Session, application: Application, *, officer: Officer, by: str, why: str, trail: Trail, now: datetime
) -> None:
    """The sponsor's IG lead says that this organisation is who it says, and should take part. The caller commits.

    ``by`` is who typed it. Raises NotPermitted for anybody else, and for the applicant's own people.
    """
    _must_be_the_sponsors(officer, application)
    if officer.role not in VOUCHERS:
        raise NotPermitted("voucher-not-ig-lead", "Only the sponsor's information governance lead vouches.")
    if _is_their_own(session, officer.person, application):
        raise NotPermitted("vouch-for-oneself", "Somebody of the applicant's own cannot vouch for it.")
    if application.state is ApplicationState.APPLIED and application.applied_at <= now - LASTS:
        raise Conflict("application-too-old", "It has waited too long. The organisation applies again.")
    application.vouched_by = officer.person
    _move(session, application, ApplicationState.VOUCHED, by=by, why=_reason(why), trail=trail, now=now)


def admit(
    session: Session,
    application: Application,
    *,
    officer: Officer | None,
    by: str,
    why: str,
    trail: Trail,
    now: datetime,
) -> Admitted:
    """Let a vouched-for organisation in: it is there from now on, with its first contact as its administrator.

    By the operator (``officer`` is None) or a second person of the sponsor's. The caller commits. Raises NotPermitted
    for whoever vouched, Conflict where it takes part already.
    """
    if officer is not None:
        _must_be_the_sponsors(officer, application)
        if officer.role not in OFFICERS:
            raise NotPermitted("role-may-not-admit", "Your role does not admit organisations.")
        if officer.person == application.vouched_by:
            raise NotPermitted("admit-needs-another", "You vouched for it, so somebody else admits it.")
        if _is_their_own(session, officer.person, application):
            raise NotPermitted("admit-oneself", "Somebody of the applicant's own cannot admit it.")
    _must_be_out(session, application.code, now=now)
    _move(session, application, ApplicationState.ADMITTED, by=by, why=_reason(why), trail=trail, now=now)
    organisation = _organisation(session, application, now=now)
    first = Person(id=new_id(), name=application.contacts[Contact.PRIMARY.value]["name"])
    administrator = memberships.start(
        session, first, organisation=organisation.code, role=Role.ADMINISTRATOR, by=by, trail=trail, now=now
    )
    return Admitted(organisation, administrator)


def refuse(
    session: Session,
    application: Application,
    *,
    officer: Officer | None,
    by: str,
    why: str,
    trail: Trail,
    now: datetime,
) -> None:
    """Say no, with a reason that the applicant is shown. The caller commits."""
    if officer is not None:
        _must_be_the_sponsors(officer, application)
        if officer.role not in OFFICERS:
            raise NotPermitted("role-may-not-refuse", "Your role does not refuse organisations.")
    _move(session, application, ApplicationState.REFUSED, by=by, why=_reason(why), trail=trail, now=now)


def withdraw(session: Session, application: Application, *, by: str, why: str, trail: Trail, now: datetime) -> None:
    """The applicant thinks better of it. The caller commits."""
    _move(session, application, ApplicationState.WITHDRAWN, by=by, why=why.strip(), trail=trail, now=now)


def left(session: Session, code: str, *, by: str, why: str, trail: Trail, now: datetime) -> None:
    """Close the application that an organisation took part by, where there was one. ``leaving`` does the rest."""
    found = taking_part(session, code)
    if found is not None:
        _move(session, found, ApplicationState.LEFT, by=by, why=why, trail=trail, now=now, entry=False)


def taking_part(session: Session, code: str) -> Application | None:
    """The application that an organisation takes part by; None where it was brought in by the operator."""
    mine = select(Application).where(Application.code == code, Application.state == ApplicationState.ADMITTED)
    return session.scalars(mine).one_or_none()


def renew_toolkit(
    session: Session,
    application: Application,
    toolkit: Toolkit,
    *,
    until: date | None,
    reason: str = "",
    by: str,
    trail: Trail,
    now: datetime,
) -> None:
    """Keep this year's toolkit standing in place of last year's. The caller commits. Raises InvalidInput."""
    _check_standing(application.kind, toolkit, until, reason, on=now.date())
    application.toolkit, application.toolkit_until, application.toolkit_reason = toolkit, until, reason
    body = {"act": "toolkit-renewed", "toolkit": toolkit.value, "until": until.isoformat() if until else None}
    session.flush()
    event = Event(AuditAction.ORGANISATION_CHANGED, by, organisation=application.code, body=body)
    trail.append(session, event, now=now)


# ---- what is checked -----------------------------------------------------------------------------------------------


def _check_words(said: Said) -> None:
    for field, longest in LONGEST.items():
        text: str = getattr(said, field)
        if field != "toolkit_reason" and not text.strip():
            raise InvalidInput("words-missing", "Say what it is called, and what it does.", field=field)
        if len(text) > longest or not text.isprintable():
            raise InvalidInput("words-unsuitable", f"Use plain text of at most {longest} characters.", field=field)


def _check_standing(kind: OrganisationKind, toolkit: Toolkit, until: date | None, reason: str, *, on: date) -> None:
    """Each standing with what it needs beside it: the day it runs out, or why there is none."""
    if toolkit in (Toolkit.STANDARDS_MET, Toolkit.APPROACHING):
        if until is None or until < on:
            detail = "Give the day your published standing runs out: the next 30 June."
            raise InvalidInput("toolkit-expired", detail, field="toolkit_until")
        if until > on + timedelta(days=2 * 366):
            raise InvalidInput("toolkit-too-far", "No standing lasts so long.", field="toolkit_until")
    if toolkit is Toolkit.EXEMPT:
        if kind not in (OrganisationKind.VCFSE, OrganisationKind.HOSPICE):
            raise InvalidInput("toolkit-not-exempt", "Only a small charity can be exempt.", field="toolkit")
        if not reason.strip():
            detail = "Say why, and how you keep information safe instead."
            raise InvalidInput("toolkit-reason-missing", detail, field="toolkit_reason")


def _check_contacts(contacts: Mapping[Contact, Named]) -> None:
    for kind in Contact:
        named = contacts.get(kind)
        if named is None or not 1 <= len(named.name.strip()) <= 200 or not named.name.isprintable():
            raise InvalidInput("contact-missing", f"Give a name: {kind.label.lower()}.", field=f"{kind.value}-name")
        if not _EMAIL.fullmatch(named.email) or len(named.email) > 254:
            detail = "Enter an email address, such as name@example.org."
            raise InvalidInput("email-malformed", detail, field=f"{kind.value}-email")


def _check_sponsor(session: Session, sponsor: str, code: str, *, now: datetime) -> None:
    found = session.get(Organisation, sponsor) if sponsor else None
    if found is None or found.kind is not OrganisationKind.INTEGRATOR or not found.active(at=now) or sponsor == code:
        raise InvalidInput("sponsor-unknown", "Choose the integrator of the place you work in.", field="sponsor")


def _must_be_out(session: Session, code: str, *, now: datetime) -> None:
    found = session.get(Organisation, code)
    if found is not None and found.active(at=now):
        raise Conflict("organisation-takes-part", "This organisation takes part already.")


def _reason(why: str) -> str:
    if not why.strip() or len(why) > 500:
        raise InvalidInput("reason-missing", "Say why, in at most 500 characters.", field="why")
    return why.strip()


def _must_be_the_sponsors(officer: Officer, application: Application) -> None:
    """Raises NotFound: whose application it is, is for its sponsor alone to know."""
    if officer.organisation != application.sponsor_code:
        raise NotFound("application-unknown", "There is no such application.", field="application")


def _is_their_own(session: Session, person: str, application: Application) -> bool:
    """Whether somebody works or worked for the applicant, or is one of those it names."""
    works = select(Membership.id).where(
        Membership.person_id == person, Membership.organisation_code == application.code
    )
    if session.scalars(works.limit(1)).first() is not None:
        return True
    known = session.get(Person, person)
    named = {_plain(each["name"]) for each in application.contacts.values()}
    return known is not None and _plain(known.name) in named


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


# ---- what is kept --------------------------------------------------------------------------------------------------


def _organisation(session: Session, application: Application, *, now: datetime) -> Organisation:
    """The organisation as it takes part from now on: new, or back again."""
    organisation = session.get(Organisation, application.code) or Organisation(code=application.code)
    organisation.name, organisation.kind = application.name, application.kind
    organisation.service = application.service
    organisation.joined_at, organisation.left_at = now, None
    session.add(organisation)
    session.flush()
    return organisation


def _move(
    session: Session,
    application: Application,
    to: ApplicationState,
    *,
    by: str,
    why: str,
    trail: Trail,
    now: datetime,
    entry: bool = True,
) -> None:
    """Raises Conflict where the table has no such move; of two at once, one is made."""
    before = [state for state, after in TRANSITIONS.items() if to in after]
    moved = session.execute(
        update(Application)
        .where(Application.id == application.id, Application.state.in_(before))
        .values(state=to, changed_at=now)
        .returning(Application.id)
        .execution_options(synchronize_session=False)
    ).first()
    if moved is None:
        raise Conflict("application-state", "This application has moved on since, so this cannot be done.")
    application.state, application.changed_at = to, now
    if not TRANSITIONS[to]:
        application.contacts = {}  # whom to reach is of no use any longer
    _step(session, application, by=by, why=why, trail=trail, now=now, entry=entry)


def _step(
    session: Session, application: Application, *, by: str, why: str, trail: Trail, now: datetime, entry: bool = True
) -> None:
    session.flush()
    session.add(ApplicationStep(application_id=application.id, state=application.state, by=by, why=why, at=now))
    session.flush()
    if not entry:
        return
    body = {"act": application.state.value, "application": application.id, "applicant": application.code}
    if application.state is ApplicationState.VOUCHED:
        body["vouched-by"] = application.vouched_by or ""
    event = Event(
        action=AuditAction.ORGANISATION_CHANGED,
        actor=by,
        organisation=application.sponsor_code,
        body=body,
        note=why or None,
    )
    trail.append(session, event, now=now)


def _digest(reference: str) -> str:
    return hashlib.sha256(reference.encode()).hexdigest()
