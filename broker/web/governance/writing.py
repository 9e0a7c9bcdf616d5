"""Writing an agreement: its text as YAML, checked until nothing is wrong with it, then kept as a draft.

What was typed is never lost: it comes back with every finding beside it. Nothing here signs or puts in force.
"""

from __future__ import annotations

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from broker.agreements import actions
from broker.agreements.document import Written, read_written
from broker.agreements.models import OPEN, SharingAgreement
from broker.doors import now, parts, session
from broker.errors import Conflict, InvalidInput, NotPermitted
from broker.governance.checking import check_draft
from broker.web.access import who
from broker.web.governance import governance
from broker.web.governance.acting import WRITERS, actor, may_write_for, must_write
from broker.web.governance.editor import Typed, compared_with_live, editor
from broker.web.refusals import status_of

Answer = str | Response | tuple[str, int]


@governance.get("/write")
@who(*WRITERS)
def write() -> str:
    """An empty page to write a new agreement on, for whoever brings a text of their own."""
    return editor(Typed("", None), action=url_for("governance.write"))


@governance.post("/write")
@who(*WRITERS)
def written_new() -> Answer:
    """Check a new agreement, or keep it as a draft."""
    return _answer(url_for("governance.write"), None)


@governance.get("/agreements/<agreement_id>/change")
@who(*WRITERS)
def change(agreement_id: str) -> str:
    """The next version of an agreement, which starts as the text of the one that counts."""
    found = _to_replace(agreement_id)
    return editor(Typed.of(found), action=request.path, replaces=found)


@governance.post("/agreements/<agreement_id>/change")
@who(*WRITERS)
def changed(agreement_id: str) -> Answer:
    return _answer(request.path, _to_replace(agreement_id))


@governance.get("/agreements/<agreement_id>/<int:version>/edit")
@who(*WRITERS)
def edit(agreement_id: str, version: int) -> str:
    """A version not yet in force, to be changed."""
    found = _open(agreement_id, version)
    return editor(Typed.of(found), action=request.path, edits=found)


@governance.post("/agreements/<agreement_id>/<int:version>/edit")
@who(*WRITERS)
def edited(agreement_id: str, version: int) -> Answer:
    return _answer(request.path, _open(agreement_id, version))


def _answer(action: str, agreement: SharingAgreement | None) -> Answer:
    """Check what was typed; keep it where that was asked and nothing is wrong with it."""
    typed = Typed.sent()
    edits = agreement if agreement is not None and agreement.state in OPEN else None
    replaces = agreement if edits is None else None
    if findings := check_draft(typed.text, typed.conditions):
        return editor(typed, action=action, edits=edits, replaces=replaces, findings=findings), 422
    new = read_written(typed.text, typed.conditions)
    try:
        _must_be_theirs(new, agreement)
        if request.form.get("do") == "save":
            return _keep(new, edits)
    except (InvalidInput, Conflict, NotPermitted) as refusal:
        session().rollback()
        status = status_of(refusal)
        return editor(typed, action=action, edits=edits, replaces=replaces, refused=refusal.detail), status
    return editor(typed, action=action, edits=edits, replaces=replaces, compared=compared_with_live(new))


def _must_be_theirs(new: Written, agreement: SharingAgreement | None) -> None:
    """Raises NotPermitted for somebody else's agreement, InvalidInput where the text became another agreement's."""
    if agreement is not None and new.document.id != agreement.id:
        raise InvalidInput("agreement-id-changed", f"This is about {agreement.id}. An agreement keeps its id.")
    if agreement is None and actions.versions(session(), new.document.id):
        raise Conflict("agreement-exists", f"There is an agreement {new.document.id} already. Propose a change to it.")
    if not may_write_for(*(party.organisation for party in new.document.parties)):
        raise NotPermitted("agreement-not-yours", "Your organisation is not a party to it, so you cannot keep it.")


def _keep(new: Written, edits: SharingAgreement | None) -> Response:
    """Keep ``new``, as the version it changes or as the next one."""
    trail, at = parts().trail, now()
    if edits is not None:
        actions.hold(session(), edits)
        if request.form.get("digest") != edits.digest:
            raise Conflict("agreement-changed", "Somebody saved another text of this version while you were writing.")
        kept = actions.edit(session(), edits, new, author=actor(), trail=trail, now=at)
    else:
        kept = actions.draft(session(), new, author=actor(), trail=trail, now=at)
    session().commit()
    return redirect(url_for("governance.version", agreement_id=kept.id, version=kept.number, done="saved"), code=303)


def _open(agreement_id: str, version: int) -> SharingAgreement:
    """A version that can still be edited. Raises NotPermitted for somebody else's, Conflict for one that cannot."""
    found = actions.version(session(), agreement_id, version)
    must_write(found)
    if found.state not in OPEN:
        raise Conflict("agreement-not-open", "Only a draft can be changed. Propose a change instead.")
    return found


def _to_replace(agreement_id: str) -> SharingAgreement:
    """The version a proposed change starts from. Raises Conflict where one is being worked on already."""
    found = actions.called(session(), agreement_id)
    must_write(found)
    if any(each.state in OPEN for each in actions.versions(session(), agreement_id)):
        raise Conflict("agreement-being-changed", "A change to this agreement is being worked on already.")
    return found
