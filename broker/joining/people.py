"""People who come to, move within and leave an organisation, with everything that hangs on their working there.

Taking away ends their sessions and what they let systems do, in one act. A new face in a team that residents already
share with is told to those who asked to be told. Every act is in the caller's transaction.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from broker.accounts import invitations
from broker.audit.trail import Trail
from broker.consent import asking
from broker.consent.actions import bears
from broker.consent.models import Consent, Provision
from broker.errors import Conflict, InvalidInput, NotPermitted
from broker.grants import actions as grants
from broker.grants.models import Grant
from broker.identity import memberships
from broker.identity.models import AccessToken, Membership, Organisation, Person
from broker.notices import actions as notices
from broker.settings import Settings
from broker.vocabulary import ConsentStatus, NoticeKind, ProvisionType, Role

# Whose coming changes who may see a record; an administrator or an IG lead reads none.
READERS = (Role.CLINICIAN, Role.SOCIAL_WORKER, Role.CARE_COORDINATOR, Role.LINK_WORKER, Role.CASE_WORKER)
# Who answers for what an organisation does with records: they sign, approve, and look into what was refused.
GOVERNING = (Role.IG_LEAD, Role.PRIVACY_OFFICER, Role.CALDICOTT_GUARDIAN)

LONGEST_NAME = 100


def employ(
    session: Session, person: Person, *, organisation: str, role: Role, by: str, trail: Trail, now: datetime
) -> Membership:
    """Somebody works here from now on, and residents who asked are told.

    Raises InvalidInput for a name that is none, and as ``memberships.start`` does.
    """
    person.name = checked_name(person.name)
    begun = memberships.start(session, person, organisation=organisation, role=role, by=by, trail=trail, now=now)
    tell_of_joiner(session, begun, now=now)
    return begun


def must_be_theirs_to_give(session: Session, role: Role, *, organisation: str, giver: Role) -> None:
    """Raise NotPermitted where an organisation's own ``giver`` may not give ``role``: one administrator would
    otherwise be every officer of it.

    A governing role is given by somebody in one, except the first that an organisation ever has. The operator, who
    knows the organisation from outside, is not asked here.
    """
    if role not in GOVERNING or giver in GOVERNING:
        return
    ever = select(Membership.id).where(Membership.organisation_code == organisation, Membership.role.in_(GOVERNING))
    if session.scalars(ever.limit(1)).first() is not None:
        raise NotPermitted(
            "role-not-to-give",
            "Somebody who answers for information here gives this role, or the broker's operator.",
            field="role",
        )


def reinstate(session: Session, membership: Membership, *, by: str, trail: Trail, now: datetime) -> Membership:
    """Bring back somebody who lapsed. What they once let systems do stays behind: it ends here. The caller commits."""
    begun = memberships.reinstate(session, membership, by=by, trail=trail, now=now)
    _end_what_they_gave(session, membership, why="reinstated", by=by, trail=trail, now=now)
    return begun


def invite(session: Session, membership: Membership, *, by: str, trail: Trail, now: datetime) -> str:
    """A code for somebody who works here and nowhere else: a colleague's hands never hold another house's key.

    Raises Conflict as ``invitations.invite`` does. Commits.
    """
    person, organisation = membership.person_id, membership.organisation_code
    return invitations.invite(session, person, organisation, by=by, only_here=True, trail=trail, now=now)


def checked_name(name: str) -> str:
    """A person's name as it is kept: single spaces, letters that can be shown. Raises InvalidInput."""
    plain = " ".join(name.split())
    if not plain:
        raise InvalidInput("name-missing", "Enter their name.", field="name")
    if len(plain) > LONGEST_NAME or not plain.isprintable():
        raise InvalidInput("name-malformed", f"Use plain letters, {LONGEST_NAME} at most.", field="name")
    return plain


def dismiss(
    session: Session,
    membership: Membership,
    *,
    by: str,
    why: str = "",
    trail: Trail,
    settings: Settings,
    now: datetime,
) -> None:
    """Somebody no longer works here in this role: no session, token or grant of theirs for it is good any more.

    Their work elsewhere goes on. Raises Conflict where it is over already, and for the last administrator.
    """
    _must_not_be_last(session, membership, settings=settings, now=now)
    memberships.end(session, membership, by=by, why=why, trail=trail, now=now)
    _end_what_they_gave(session, membership, why="left", by=by, trail=trail, now=now)


def move(
    session: Session,
    membership: Membership,
    role: Role,
    *,
    by: str,
    trail: Trail,
    settings: Settings,
    now: datetime,
) -> Membership:
    """Somebody does other work here from now on. What hung on the old role ends. Raises as ``dismiss`` does."""
    _must_not_be_last(session, membership, settings=settings, now=now)
    begun = memberships.change_role(session, membership, role, by=by, trail=trail, now=now)
    _end_what_they_gave(session, membership, why="role-changed", by=by, trail=trail, now=now)
    if membership.role not in READERS:
        tell_of_joiner(session, begun, now=now)
    return begun


def tell_of_joiner(session: Session, membership: Membership, *, now: datetime) -> int:
    """Tell residents who share with this organisation, and asked to be told, of somebody new; gives how many.

    The notice names the organisation and no person.
    """
    if membership.role not in READERS:
        return 0
    organisation = membership.organisation_code
    told = [
        (resident, organisation)
        for resident in sharing_with(session, organisation, now=now)
        if asking.preferences(session, resident).tell_of_joiners
    ]
    return notices.tell(session, NoticeKind.SOMEBODY_JOINED, about=membership.id, residents=told, now=now)


def sharing_with(session: Session, organisation: str, *, now: datetime) -> list[str]:
    """The ids of the residents whose permission this organisation has now."""
    return sorted({each.consent.resident_id for each in permissions_of(session, organisation, now=now)})


def permissions_of(session: Session, organisation: str, *, now: datetime) -> list[Provision]:
    """The permissions, in use now, that name this organisation."""
    found = session.scalars(
        select(Provision)
        .join(Provision.consent)
        .where(
            Provision.type == ProvisionType.PERMIT,
            Provision.organisation_code == organisation,
            Consent.status == ConsentStatus.ACTIVE,
        )
        .order_by(Provision.id)
    )
    return [each for each in found if bears(each, now=now)]


def _must_not_be_last(session: Session, membership: Membership, *, settings: Settings, now: datetime) -> None:
    """An organisation whose administrators cannot sign in could only be helped by the operator.

    Two who remove each other at once take turns here.
    """
    if membership.role is not Role.ADMINISTRATOR:
        return
    code = membership.organisation_code
    lock = update(Organisation).where(Organisation.code == code).values(name=Organisation.name)
    session.execute(lock, execution_options={"synchronize_session": False})
    others = [
        each
        for each in memberships.of_organisation(session, code, now=now)
        if each.role is Role.ADMINISTRATOR
        and each.id != membership.id
        and memberships.stands(each, settings=settings, now=now)
    ]
    if not others:
        raise Conflict("last-administrator", "Name another administrator first: this is the only one.")


def _end_what_they_gave(
    session: Session, membership: Membership, *, why: str, by: str, trail: Trail, now: datetime
) -> None:
    """Grants that somebody gave in this role for this organisation, and any other token of theirs in it."""
    given = session.scalars(
        select(Grant).where(
            Grant.person_id == membership.person_id,
            Grant.organisation_code == membership.organisation_code,
            Grant.role == membership.role,
            Grant.ended_at.is_(None),
        )
    )
    for grant in given.all():
        grants.end(session, grant, by=by, why=why, trail=trail, now=now)
    session.execute(
        update(AccessToken)
        .where(
            AccessToken.person_id == membership.person_id,
            AccessToken.organisation_code == membership.organisation_code,
            AccessToken.role == membership.role,
            AccessToken.revoked_at.is_(None),
        )
        .values(revoked_at=now)
    )
