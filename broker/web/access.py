"""Who may open which page. Every view names its audience; whoever is not in it is sent to sign in, or told no.

Decides about pages alone. What may be read of a record is decided in ``access/release.py``, live, each time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar, cast
from urllib.parse import urlencode

from flask import g, redirect, request, url_for
from werkzeug.wrappers import Response

from broker.access.request import Requester
from broker.accounts import kept_forms
from broker.doors import now, parts, session
from broker.errors import NotPermitted
from broker.identity import sessions
from broker.identity.models import SignedInSession
from broker.proxies.acting import standing_for
from broker.proxies.limits import behalf
from broker.proxies.models import Proxy
from broker.proxies.shield import Shield, shield
from broker.vocabulary import AccessLevel, Role
from broker.web.cookies import keep_session, whoever_is_signed_in


class Public(StrEnum):
    """The audience of a page that anybody may open."""

    PUBLIC = "public"


PUBLIC: Final = Public.PUBLIC
WORKERS: Final = (Role.CLINICIAN, Role.SOCIAL_WORKER, Role.CARE_COORDINATOR, Role.LINK_WORKER, Role.CASE_WORKER)
RESIDENTS: Final = (Role.RESIDENT,)
RESIDENTS_AND_PROXIES: Final = (Role.RESIDENT, Role.PROXY)
GOVERNORS: Final = (Role.IG_LEAD, Role.CALDICOTT_GUARDIAN, Role.PRIVACY_OFFICER)
ADMINISTRATORS: Final = (Role.ADMINISTRATOR, Role.IG_LEAD)  # of their own organisation's people and systems
ANYBODY: Final = tuple(role for role in Role if role is not Role.OPERATOR)

SECRETS = frozenset({"password", "code", "credential", "ticket"})  # fields that are kept nowhere
TWO_FACTORS = 2  # the assurance of a sign-in with two factors

P = ParamSpec("P")
R = TypeVar("R")


def who(
    *audience: Role | Public, level: AccessLevel | None = None
) -> Callable[[Callable[P, R]], Callable[P, R | Response]]:
    """Let only ``audience`` open the view, and state it on the view as ``audience``.

    A proxy also needs ``level``. One who may no longer act for anybody is put out before anything else is asked.
    """

    def restrict(view: Callable[P, R]) -> Callable[P, R | Response]:
        @wraps(view)
        def restricted(*args: P.args, **kwargs: P.kwargs) -> R | Response:
            if PUBLIC not in audience:
                if (signed_in := whoever_is_signed_in()) is None:
                    return redirect(url_for("sign_in.start", next=_way_back() or None), code=303)
                if signed_in.role is Role.PROXY and acting() is None:
                    return put_out(signed_in)
                if signed_in.role not in audience:
                    raise NotPermitted("page-not-for-role", "This page is for somebody in another role.")
                if level is not None and not acting_may(level):
                    raise NotPermitted("proxy-not-permitted", "You may not do this for somebody else.")
            return view(*args, **kwargs)

        cast(Any, restricted).audience = frozenset(audience)
        cast(Any, restricted).level = level
        return restricted

    return restrict


def proven_lately(view: Callable[P, R]) -> Callable[P, R | Response]:
    """Let only somebody who proved lately who they are go on; others prove it again first, and come back.

    For what widens: emergency access, giving, signing. Never for stopping (UK GDPR Art. 7(3)).
    """

    @wraps(view)
    def proven(*args: P.args, **kwargs: P.kwargs) -> R | Response:
        first = prove_first()
        return view(*args, **kwargs) if first is None else first

    return proven


def prove_first() -> Response | None:
    """Where whoever is signed in must go first, to prove again who they are; None where they did so lately.

    For a view that only sometimes widens. What they had sent is kept, sealed, so that nothing need be typed twice.
    Raises NotPermitted for a sign-in of one factor: proving it again would make it no stronger.
    """
    found, settings = signed_in(), parts().settings
    if found.assurance < TWO_FACTORS:
        raise NotPermitted("sign-in-too-weak", "The way you signed in is not strong enough for this.")
    if sessions.is_fresh(found, within=timedelta(seconds=settings.fresh_seconds), now=now()):
        return None
    way_back = request.path if request.method == "GET" else _with_what_was_sent(found)
    return redirect(f"{url_for('again.again')}?{urlencode({'next': way_back})}", code=303)


def _with_what_was_sent(found: SignedInSession) -> str:
    """The page that shows it as waiting; where it is not kept, for a secret was among it, the page it was typed on."""
    if not SECRETS.isdisjoint(request.form) or len(request.path) > kept_forms.LONGEST_PATH:
        return request.path
    fields = [(name, value) for name, values in request.form.lists() for value in values if name != "csrf_token"]
    key = parts().settings.secret("kept-forms")
    kept = kept_forms.keep(session(), key, fields, actor=keeper(found), path=request.path, now=now())
    return url_for("again.kept", kept_id=kept) if kept else home_of(found.role)


def keeper(found: SignedInSession) -> str:
    """Whose a kept form is: whoever is signed in, and for whom they act, so that it is never sent for another."""
    return f"{sessions.actor_of(found)} {found.acting_for_id or ''}".strip()


def signed_in() -> SignedInSession:
    """The session of whoever opened this page. Only for views whose audience is not public."""
    found = whoever_is_signed_in()
    assert found is not None, "a view for somebody must say who() it is for"
    return found


def requester() -> Requester:
    """The signed-in worker, as the domain names them."""
    found = signed_in()
    assert found.person_id is not None, "only a worker asks"
    assert found.organisation_code is not None, "a worker works somewhere"
    return Requester(
        organisation=found.organisation_code, role=found.role, person=found.person_id, assurance=found.assurance
    )


def resident_id() -> str:
    """The internal id of the resident whose pages these are: the one acted for, where somebody acts for another."""
    found = signed_in()
    assert found.resident_id is not None, "only a resident has pages of their own"
    return found.acting_for_id or found.resident_id


def own_id() -> str:
    """The signed-in resident's own internal id, whomever they act for."""
    found = signed_in().resident_id
    assert found is not None, "only a resident has pages of their own"
    return found


def acting() -> Proxy | None:
    """By what whoever is signed in acts for another, as it stands now; None for those who act for themselves.

    Also None where it stands no longer: it is asked of the database once in each request, and never of the session.
    """
    found = whoever_is_signed_in()
    if found is None or found.acting_for_id is None or found.resident_id is None:
        return None
    if "acting" not in g:
        represented = found.acting_for_id
        g.acting = standing_for(session(), proxy_resident=found.resident_id, resident=represented, now=now())
    return cast(Proxy | None, g.acting)


def acting_may(level: AccessLevel) -> bool:
    """Whether whoever is signed in may do this: anybody for themselves, a proxy where they were given the level."""
    found = whoever_is_signed_in()
    if found is None or found.role is not Role.PROXY:
        return True
    return (proxy := acting()) is not None and level in proxy.levels


def shielded() -> Shield | None:
    """What is kept from whoever acts for another; None for those who act for themselves."""
    if acting() is None:
        return None
    if "shield" not in g:
        g.shield = shield(session())
    return cast(Shield, g.shield)


def by_whom() -> dict[str, Any]:
    """For a choice that is made here: who makes it, and for whom, where that is somebody else."""
    proxy = acting()
    return {"by": sessions.actor_of(signed_in()), "acting": behalf(proxy) if proxy else None}


def put_out(found: SignedInSession) -> Response:
    """Back to their own pages, whatever it was that ended: nothing here says which, or that it ever was."""
    secret, _ = sessions.act_for(session(), found, None, trail=parts().trail, now=now())
    answer = redirect(url_for("resident.home"), code=303)
    keep_session(answer, secret)
    return answer


def home_of(role: Role) -> str:
    """The path of the first page for somebody in ``role``."""
    if role in RESIDENTS_AND_PROXIES:
        return url_for("resident.home")
    if role is Role.ADMINISTRATOR:
        return url_for("administration.home")
    return url_for("governance.home") if role in GOVERNORS else url_for("partner.home")


def _way_back() -> str:
    return request.path if request.method == "GET" else ""
