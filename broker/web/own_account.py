"""What the pages of the broker's own accounts share: where somebody stands, the site of passkeys, and letting in."""

from __future__ import annotations

from datetime import datetime

from flask import redirect, render_template, request
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from broker.accounts import proving
from broker.accounts.passkeys import Site
from broker.accounts.proving import Door
from broker.doors import now, parts, session
from broker.errors import NotPermitted
from broker.identity import memberships, sessions
from broker.identity.models import Membership
from broker.web.cookies import keep_session, secret_of_this_visit, whoever_is_signed_in
from broker.web.pages import SERVICE
from broker.web.way_back import safe_way_back

OWN = (proving.PASSKEY, proving.TOTP)  # the ``means`` of a session that was begun with an account of the broker's own
ASSURANCE = 2  # each way in is two factors: a key and what unlocks it, or a password and a code
LONGEST_NEXT = 600


def here() -> Door:
    """Whoever asks, as far as proving goes: their browser's cookie, and the address they ask from."""
    return Door(
        settings=parts().settings,
        trail=parts().trail,
        network=request.remote_addr or "",
        visit=secret_of_this_visit(),
    )


def site() -> Site:
    return Site.at(parts().settings.issuer, label=SERVICE)


def let_in(person: str, means: str, *, way_back: str) -> Response | str:
    """Begin a session for somebody who has proved who they are; ask first what they are here for, if it could be two.

    Raises NotPermitted for somebody who works nowhere now.
    """
    work = at_work(person)
    if not work:
        raise NotPermitted("no-work-here", "You are not on the list of any organisation here now. Ask whoever runs it.")
    if len(work) == 1:
        return begin(work[0], means, proved_at=now(), way_back=way_back)
    what = {"person": person, "means": means, "at": now().isoformat(), "next": way_back[:LONGEST_NEXT]}
    ticket = proving.ticket(here(), what, use="where", now=now())
    return render_template("accounts/where.jinja", work=work, ticket=ticket)


def begin(membership: Membership, means: str, *, proved_at: datetime, way_back: str) -> Response:
    """A new session, with a new secret id; whoever was signed in here before is signed out."""
    memberships.must_stand(membership, settings=parts().settings, now=now())
    if (before := whoever_is_signed_in()) is not None:
        sessions.end(session(), before, trail=parts().trail, now=now())
    proof = sessions.Proof(means=means, assurance=ASSURANCE, at=proved_at)
    secret, begun = sessions.begin_for_worker(session(), membership, proof=proof, trail=parts().trail, now=now())
    answer = redirect(safe_way_back(way_back, begun.role), code=303)
    keep_session(answer, secret)
    return answer


def at_work(person: str) -> list[Membership]:
    """What somebody works as now, by organisation and role."""
    at = now()
    found = session().scalars(
        select(Membership)
        .where(
            Membership.person_id == person,
            Membership.started_at <= at,
            or_(Membership.ended_at.is_(None), Membership.ended_at > at),
        )
        .options(joinedload(Membership.organisation))
    )
    here_now = [each for each in found if each.organisation.active(at=at)]
    return sorted(here_now, key=lambda each: (each.organisation.name, each.role))
