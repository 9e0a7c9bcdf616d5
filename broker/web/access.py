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

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from broker.access.request import Requester
from broker.doors import now, parts
from broker.errors import NotPermitted
from broker.identity import sessions
from broker.identity.models import SignedInSession
from broker.vocabulary import Role
from broker.web.cookies import whoever_is_signed_in


class Public(StrEnum):
    """The audience of a page that anybody may open."""

    PUBLIC = "public"


PUBLIC: Final = Public.PUBLIC
WORKERS: Final = (Role.CLINICIAN, Role.SOCIAL_WORKER, Role.CARE_COORDINATOR, Role.LINK_WORKER, Role.CASE_WORKER)
RESIDENTS: Final = (Role.RESIDENT,)
GOVERNORS: Final = (Role.IG_LEAD, Role.CALDICOTT_GUARDIAN, Role.PRIVACY_OFFICER)

P = ParamSpec("P")
R = TypeVar("R")


def who(*audience: Role | Public) -> Callable[[Callable[P, R]], Callable[P, R | Response]]:
    """Let only ``audience`` open the view, and state it on the view as ``audience``."""

    def restrict(view: Callable[P, R]) -> Callable[P, R | Response]:
        @wraps(view)
        def restricted(*args: P.args, **kwargs: P.kwargs) -> R | Response:
            if PUBLIC not in audience:
                if (signed_in := whoever_is_signed_in()) is None:
                    return redirect(url_for("sign_in.start", next=_way_back() or None), code=303)
                if signed_in.role not in audience:
                    raise NotPermitted("page-not-for-role", "This page is for somebody in another role.")
            return view(*args, **kwargs)

        cast(Any, restricted).audience = frozenset(audience)
        return restricted

    return restrict


def proven_lately(view: Callable[P, R]) -> Callable[P, R | Response]:
    """Let only somebody who proved lately who they are go on; others prove it again first, and come back.

    For what widens: emergency access, giving, signing. Never for stopping (UK GDPR Art. 7(3)).
    """

    @wraps(view)
    def proven(*args: P.args, **kwargs: P.kwargs) -> R | Response:
        within = timedelta(seconds=parts().settings.fresh_seconds)
        if not sessions.is_fresh(signed_in(), within=within, now=now()):
            return redirect(f"/sign-in/again?{urlencode({'next': _way_back() or request.path})}", code=303)
        return view(*args, **kwargs)

    return proven


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
    """The signed-in resident's internal id."""
    found = signed_in().resident_id
    assert found is not None, "only a resident has pages of their own"
    return found


def home_of(role: Role) -> str:
    """The path of the first page for somebody in ``role``."""
    if role in RESIDENTS:
        return url_for("resident.home")
    return url_for("governance.home") if role in GOVERNORS else url_for("partner.home")


def _way_back() -> str:
    return request.path if request.method == "GET" else ""
