"""Signing in with NHS login, NHS Care Identity or an organisation's own provider: the pages, the way there and back.

Each provider has a callback of its own, so that no answer of one is taken for another's. Says nothing of a resident's
NHS number to anybody, the resident included.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urlsplit

from flask import Blueprint, after_this_request, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from broker import logs
from broker.accounts import invitations
from broker.audit.trail import Event
from broker.doors import now, parts, session
from broker.errors import InvalidInput, NotFound, NotPermitted, Refusal
from broker.federation import arrivals, flow, linking, providers, staff
from broker.federation.models import Errand, IdentityProvider, SignInAttempt
from broker.federation.recognising import NeedsMoreProof, Recognised, Unlinked
from broker.identity import memberships, sessions
from broker.identity.models import Membership, SignedInSession
from broker.vocabulary import AuditAction, ProviderKind
from broker.web.access import ANYBODY, PUBLIC, signed_in, who
from broker.web.cookies import keep_session, secret_of_this_visit, whoever_is_signed_in
from broker.web.headers import CONTENT_SECURITY_POLICY
from broker.web.refusals import status_of
from broker.web.way_back import safe_way_back

federated = Blueprint("federated", __name__, url_prefix="/sign-in/with")
log = logs.logger(__name__)

HEADINGS = {
    ProviderKind.NHS_LOGIN: "If you live here",
    ProviderKind.CIS2: "If you have an NHS role",
    ProviderKind.ORGANISATION: "If you work for an organisation here",
}


@dataclass(frozen=True, slots=True)
class WayIn:
    """One button: the form's address, and what it says."""

    action: str
    label: str


def ways_in() -> list[tuple[str, list[WayIn]]]:
    """The buttons of the sign-in page, under their headings. Lets this answer's forms lead to the providers."""
    offered = providers.offered(session(), now())
    let_lead_to(offered)
    return [
        (heading, [WayIn(_address("start", each), each.label) for each in offered if each.kind is kind])
        for kind, heading in HEADINGS.items()
        if any(each.kind is kind for each in offered)
    ]


def way_to_prove_again(found: SignedInSession) -> str:
    """The address of the form with which this session proves itself again; empty where no provider began it."""
    offered = [each for each in providers.offered(session(), now()) if each.id == found.means]
    let_lead_to(offered)
    return _address("again", offered[0]) if offered else ""


def let_lead_to(offered: Iterable[IdentityProvider]) -> None:
    """Let a form of this answer be redirected to the providers: browsers hold redirects to ``form-action`` too."""
    ways = {urlsplit(each.authorization_endpoint) for each in offered}
    hosts = " ".join(sorted(f"{way.scheme}://{way.netloc}" for way in ways))

    @after_this_request
    def allow(answer: Response) -> Response:
        if hosts:
            policy = CONTENT_SECURITY_POLICY.replace("form-action 'self'", f"form-action 'self' {hosts}")
            answer.headers["Content-Security-Policy"] = policy
        return answer


@federated.post("/<provider_id>")
@who(PUBLIC)
def start(provider_id: str) -> Response:
    """Send somebody to a provider to sign in."""
    return _send(_connected(provider_id), Errand.SIGN_IN)


@federated.post("/<provider_id>/again")
@who(*ANYBODY)
def again(provider_id: str) -> Response:
    """Send somebody signed in back to the provider they signed in with, to prove again who they are."""
    if signed_in().means != provider_id:
        raise NotPermitted("prove-otherwise", "Prove who you are the way you signed in.")
    return _send(_connected(provider_id), Errand.AGAIN, rising=signed_in().digest)


@federated.get("/<provider_id>/callback")
@who(PUBLIC)
def callback(provider_id: str) -> Response:
    """Take somebody back, once. Whatever is wrong is said in words, and written down where it began here."""
    provider, attempt = _connected(provider_id), None
    try:
        answer = arrivals.words_of(dict(request.args.lists()))
        browser = secret_of_this_visit()
        attempt = flow.take_back(session(), provider, state=answer.get("state", ""), browser=browser, now=now())
        return _came_back(provider, attempt, code=flow.check_answer(provider, answer))
    except Refusal as refusal:
        session().rollback()
        if attempt is not None:
            _refused_entry(provider, refusal)
        return _refused_page(provider, refusal, way_back=attempt.way_back if attempt else "")


@federated.get("/<provider_id>/invitation")
@who(PUBLIC)
def invitation(provider_id: str) -> str:
    """Ask somebody whom nobody here knows for their code of invitation."""
    provider = _connected(provider_id)
    arrivals.waiting(session(), provider, browser=secret_of_this_visit(), now=now())
    return _invitation_page(provider)


@federated.post("/<provider_id>/link")
@who(PUBLIC)
def link(provider_id: str) -> str | tuple[str, int]:
    """Tie the sign-in to whoever was invited. They then sign in with it, as they will from now on."""
    provider, browser = _connected(provider_id), secret_of_this_visit()
    arrival = arrivals.waiting(session(), provider, browser=browser, now=now())
    way_back = arrival.way_back
    try:
        invited = invitations.redeem(session(), request.form.get("code", ""), visit=browser, now=now())
        if provider.organisation_code not in (None, invited.organisation_code):
            raise NotFound("invitation-unknown", "This code is not one that can be used. Ask for another.")
    except NotFound as refusal:
        arrivals.tried(session(), arrival)
        return _invitation_page(provider, errors={"code": refusal.detail}), 422
    person, by = invited.person_id, f"person:{invited.person_id}"
    invitations.finish(session(), invited, now=now())
    linking.link(session(), provider, arrival.subject, person=person, by=by, trail=parts().trail, now=now())
    session().delete(arrival)
    session().commit()
    let_lead_to([provider])
    return render_template("sign_in/linked.jinja", way=_way_in(provider), way_back=way_back)


@federated.get("/<provider_id>/work")
@who(PUBLIC)
def work(provider_id: str) -> str:
    """Ask somebody with several roles which one they come in."""
    provider = _connected(provider_id)
    return render_template("sign_in/work.jinja", provider=provider, work=_choices(provider))


@federated.post("/<provider_id>/begin")
@who(PUBLIC)
def begin(provider_id: str) -> Response:
    """Sign somebody in to the work they chose, of the work that is theirs."""
    provider, chosen = _connected(provider_id), request.form.get("work", "")
    found = next((each for each in _choices(provider) if each.id == chosen), None)
    if found is None:
        raise InvalidInput("work-not-chosen", "Go back, and choose the work you come to do.", field="work")
    arrival = arrivals.waiting(session(), provider, browser=secret_of_this_visit(), now=now())
    proof, way_back = arrivals.proof_of(arrival), arrival.way_back
    session().delete(arrival)
    return _begin(Recognised(proof, work=(found,)), way_back)


def _connected(provider_id: str) -> IdentityProvider:
    return providers.connected(session(), provider_id, now=now())


def _address(view: str, provider: IdentityProvider) -> str:
    return url_for(f"federated.{view}", provider_id=provider.id)


def _callback(provider: IdentityProvider) -> str:
    """Our address for one provider's answers: from the broker's own URL, and never from the request."""
    return f"{parts().settings.issuer}{_address('callback', provider)}"


def _way_in(provider: IdentityProvider) -> WayIn:
    return WayIn(_address("start", provider), provider.label)


def _send(provider: IdentityProvider, errand: Errand, rising: str | None = None) -> Response:
    address = flow.send(
        session(),
        provider,
        errand=errand,
        callback=_callback(provider),
        browser=secret_of_this_visit(),
        way_back=request.form.get("next", ""),
        rising=rising,
        now=now(),
    )
    return redirect(address, code=303)


def _came_back(provider: IdentityProvider, attempt: SignInAttempt, *, code: str) -> Response:
    settings = parts().settings
    fresh = timedelta(seconds=settings.fresh_seconds)
    vouched = flow.redeem(settings, provider, attempt, code=code, callback=_callback(provider), fresh=fresh, now=now())
    found = arrivals.recognise(session(), provider, vouched, wanted=attempt.wanted, trail=parts().trail, now=now())
    if attempt.errand is Errand.AGAIN:
        return _rise(found, attempt)
    if isinstance(found, Unlinked):
        return _wait(provider, "invitation", found.subject, None, attempt)
    if len(found.work) > 1:
        return _wait(provider, "work", found.proof.subject or "", found.proof, attempt)
    return _begin(found, attempt.way_back)


def _begin(found: Recognised, way_back: str) -> Response:
    """A session under a new secret id. Whoever was signed in here before is signed out first. Commits."""
    trail = parts().trail
    for each in found.work:
        memberships.must_stand(each, settings=parts().settings, now=now())
    if (before := whoever_is_signed_in()) is not None:
        sessions.end(session(), before, trail=trail, now=now())
    if found.resident is not None:
        begun = sessions.begin_for_resident(session(), found.resident, proof=found.proof, trail=trail, now=now())
    else:
        begun = sessions.begin_for_worker(session(), found.work[0], proof=found.proof, trail=trail, now=now())
    return _go_on(*begun, way_back=way_back, young=found.young)


def _rise(found: Recognised | Unlinked, attempt: SignInAttempt) -> Response:
    """The session that left goes on under a new secret id, where the same person came back. Commits."""
    before = whoever_is_signed_in()
    if before is None or before.digest != attempt.rising or not _same(before, found):
        raise NotPermitted(
            "proved-as-another", "You proved who you are as somebody else, or in another role. Nothing was changed."
        )
    assert isinstance(found, Recognised)
    # The provider's word that it was since they were sent was checked, with a minute for its clock (``flow.redeem``).
    proof = replace(found.proof, at=max(found.proof.at or attempt.sent_at, attempt.sent_at))
    risen = sessions.rise(session(), before, proof=proof, trail=parts().trail, now=now())
    return _go_on(*risen, way_back=attempt.way_back)


def _same(before: SignedInSession, found: Recognised | Unlinked) -> bool:
    """Whether who came back is who the session is of: the provider's subject, and here the somebody and the role."""
    if isinstance(found, Unlinked):
        return False
    if (before.means, before.upstream_subject) != (found.proof.means, found.proof.subject):
        return False
    if found.resident is not None:
        return before.resident_id == found.resident.id
    was = (before.person_id, before.organisation_code, before.role)
    return any((each.person_id, each.organisation_code, each.role) == was for each in found.work)


def _go_on(secret: str, begun: SignedInSession, *, way_back: str, young: bool = False) -> Response:
    to = safe_way_back(way_back, begun.role)
    answer: Response
    if young:
        answer = make_response(render_template("sign_in/young.jinja", to=to))
    else:
        answer = redirect(to, code=303)
    keep_session(answer, secret)
    return answer


def _wait(
    provider: IdentityProvider, view: str, subject: str, proof: sessions.Proof | None, attempt: SignInAttempt
) -> Response:
    browser = secret_of_this_visit()
    arrivals.wait(
        session(), provider, subject=subject, proof=proof, browser=browser, way_back=attempt.way_back, now=now()
    )
    return redirect(_address(view, provider), code=303)


def _choices(provider: IdentityProvider) -> tuple[Membership, ...]:
    """The work of whoever waits in this browser, as it is now."""
    arrival = arrivals.waiting(session(), provider, browser=secret_of_this_visit(), now=now())
    tied = linking.known(session(), provider, arrival.subject)
    if arrival.assurance == 0 or tied is None or tied.person_id is None:
        return ()
    return staff.work_at(session(), provider, tied.person_id, now=now())


def _invitation_page(provider: IdentityProvider, errors: dict[str, str] | None = None) -> str:
    return render_template("sign_in/invitation.jinja", provider=provider, errors=errors or {})


def _refused_page(provider: IdentityProvider, refusal: Refusal, *, way_back: str) -> Response:
    let_lead_to([provider])
    page = "prove_more" if isinstance(refusal, NeedsMoreProof) else "refused"
    shown = render_template(
        f"sign_in/{page}.jinja",
        words=refusal.detail,
        way=_way_in(provider),
        way_back=way_back,
        for_staff=provider.kind is not ProviderKind.NHS_LOGIN,
    )
    return make_response(shown, status_of(refusal))


def _refused_entry(provider: IdentityProvider, refusal: Refusal) -> None:
    """Written down with its code alone. Commits."""
    log.warning("sign-in-refused", provider=provider.id, why=refusal.code)
    body = {"provider": provider.id, "why": refusal.code}
    event = Event(AuditAction.SIGN_IN_REFUSED, "broker", provider.organisation_code, body=body)
    parts().trail.append(session(), event, now=now())
    session().commit()
