"""One person's work here: inviting them again, another role, bringing back what lapsed, and ending it.

Ending needs no fresh sign-in; whatever gives somebody a way in does. Nobody changes their own role.
"""

from __future__ import annotations

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from broker.accounts import account
from broker.doors import now, parts, session
from broker.errors import Conflict, NotPermitted
from broker.identity import memberships
from broker.identity.models import Membership
from broker.joining import people
from broker.web.access import ADMINISTRATORS, proven_lately, signed_in, who
from broker.web.administration import administration
from broker.web.administration.acting import given, member, shown_once
from broker.web.forms import Form


@administration.get("/people/<member_id>")
@who(*ADMINISTRATORS)
def person(member_id: str) -> str:
    """Their role, since when, when they last signed in, and what can be done about it."""
    return _page(member(member_id), errors={})


@administration.post("/people/<member_id>/invite")
@who(*ADMINISTRATORS)
@proven_lately
def invite_again(member_id: str) -> str | tuple[str, int]:
    """Another code, for somebody who has not made their account. Earlier ones are no good from now on."""
    found = member(member_id)
    try:
        code = people.invite(session(), found, **given())
    except Conflict as refusal:
        session().rollback()
        return _page(found, errors={"invite": refusal.detail}), 409
    return shown_once(found.person.name, found.role, code)


@administration.post("/people/<member_id>/role")
@who(*ADMINISTRATORS)
@proven_lately
def change_role(member_id: str) -> Response | str | tuple[str, int]:
    found, form = _other(member_id), Form()
    role = form.choice("role", memberships.ROLES, missing="Choose what they do here.")
    if role is None:
        return _page(found, errors=form.errors), 422
    try:
        people.must_be_theirs_to_give(session(), role, organisation=found.organisation_code, giver=signed_in().role)
        begun = people.move(session(), found, role, settings=parts().settings, **given())
    except (Conflict, NotPermitted) as refusal:
        session().rollback()
        return _page(found, errors={"role": refusal.detail}), 409 if isinstance(refusal, Conflict) else 403
    session().commit()
    return redirect(url_for("administration.person", member_id=begun.id), code=303)


@administration.post("/people/<member_id>/reinstate")
@who(*ADMINISTRATORS)
@proven_lately
def reinstate(member_id: str) -> Response:
    """Say that somebody who lapsed, or soon would, is needed still."""
    found = _other(member_id)
    begun = people.reinstate(session(), found, **given())
    session().commit()
    return redirect(url_for("administration.person", member_id=begun.id), code=303)


@administration.post("/people/<member_id>/end")
@who(*ADMINISTRATORS)
def end(member_id: str) -> Response | tuple[str, int]:
    """They no longer work here in this role, from this moment."""
    found = member(member_id)
    try:
        why = Form().sent.get("why", "").strip()[:500]
        people.dismiss(session(), found, why=why, settings=parts().settings, **given())
    except Conflict as refusal:
        session().rollback()
        return _page(found, errors={"end": refusal.detail}), 409
    session().commit()
    return redirect(url_for("administration.home"), code=303)


def _other(member_id: str) -> Membership:
    """Somebody else who works here. Raises NotPermitted for oneself: two people see to a role."""
    found = member(member_id)
    if found.person_id == signed_in().person_id:
        raise NotPermitted("member-is-oneself", "Ask a colleague: nobody changes their own role.")
    return found


def _page(found: Membership, *, errors: dict[str, str]) -> str:
    settings, at = parts().settings, now()
    due = dict(memberships.due(session(), found.organisation_code, settings=settings, now=at))
    return render_template(
        "administration/person.jinja",
        member=found,
        oneself=found.person_id == signed_in().person_id,
        lapsed=memberships.lapsed(found, settings=settings, now=at),
        lapses_at=due.get(found),
        has_account=account.can_sign_in(session(), found.person_id),
        roles=[{"value": role.value, "text": role.label} for role in memberships.ROLES if role is not found.role],
        errors=errors,
    )
