"""Putting an agreement in force, suspending, resuming and ending it. Each asks first, and says what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from broker.agreements import actions
from broker.agreements.models import OPEN, TRANSITIONS, SharingAgreement
from broker.doors import now, parts, session
from broker.errors import Conflict
from broker.governance import changes
from broker.governance.small_numbers import SMALLEST, shown
from broker.vocabulary import AgreementState
from broker.web.access import prove_first, who
from broker.web.governance import governance
from broker.web.governance.acting import WRITERS, actor, must_write, names_of
from broker.web.governance.differences import grouped
from broker.web.pages import joined


@dataclass(frozen=True)
class Act:
    """One thing that can be done to a version: the question, the button, what follows, and who does it."""

    question: str
    button: str
    follows: str
    to: AgreementState
    do: Callable[..., Any]
    warning: bool = False


ACTS = {
    "put-in-force": Act(
        "Put this version in force?",
        "Put in force",
        "It takes the place of the version before it, and bites on the very next request.",
        AgreementState.IN_FORCE,
        changes.put_in_force,
    ),
    "suspend": Act(
        "Suspend this agreement?",
        "Suspend",
        "Nothing more is shared under it, from the very next request, until it is resumed. Permissions stay on file.",
        AgreementState.SUSPENDED,
        changes.suspend,
        warning=True,
    ),
    "resume": Act(
        "Resume this agreement?",
        "Resume",
        "Sharing under it starts again with the very next request, as the text allows and residents permit.",
        AgreementState.IN_FORCE,
        changes.resume,
    ),
    "end": Act(
        "End this agreement?",
        "End for good",
        "Nothing more is shared under it, from the very next request. This cannot be undone.",
        AgreementState.ENDED,
        changes.end,
        warning=True,
    ),
}
GIVE_UP = Act(
    "Give up this version?",
    "Give up this version",
    "It never comes into force. What is in force now stays as it is. This cannot be undone.",
    AgreementState.ENDED,
    changes.end,
    warning=True,
)


@governance.get("/agreements/<agreement_id>/<int:version>/<any('put-in-force','suspend','resume','end'):act>")
@who(*WRITERS)
def confirm(agreement_id: str, version: int, act: str) -> str:
    """What would follow, before anything is done."""
    found, chosen = _to_move(agreement_id, version, act)
    putting = act == "put-in-force"
    effects = changes.effects(session(), found, now=now()) if putting else None
    return render_template(
        "governance/confirm.jinja",
        agreement=found,
        act=act,
        chosen=chosen,
        groups=grouped(effects.changes) if effects else [],
        affected=_affected(effects) if effects else _left_without(found),
    )


@governance.post("/agreements/<agreement_id>/<int:version>/<any('put-in-force','suspend','resume','end'):act>")
@who(*WRITERS)
def move(agreement_id: str, version: int, act: str) -> Response:
    """Do it, where the state it was asked about is still its state."""
    found, chosen = _to_move(agreement_id, version, act)
    # Suspending and ending never ask: what shares less is done at once.
    if chosen.to is AgreementState.IN_FORCE and (first := prove_first()) is not None:
        return first
    chosen.do(parts(), session(), found, by=actor(), now=now())
    return redirect(url_for("governance.version", agreement_id=found.id, version=found.number, done=act), code=303)


def _affected(effects: changes.Effects) -> list[str]:
    """Whom putting a version in force touches, in words."""
    running_out = len(effects.running_out)
    said = [f"{_counted(effects.people, 'resident is', 'residents are')} told of it."]
    if running_out:
        runs_out = _counted(running_out, "permission runs", "permissions run")
        why = "because this version allows more than those residents agreed to. They can be asked again."
        said.append(f"{runs_out} out, {why}")
    return [*said, f"{joined(list(names_of(*effects.organisations).values()))} are told."]


def _left_without(agreement: SharingAgreement) -> list[str]:
    """Whom suspending, resuming or ending one touches; nobody where it never came into force."""
    if agreement.state in OPEN:
        return []
    people = len({resident for resident, _ in changes.sharing_under(session(), agreement, now=now())})
    told = joined(list(names_of(*actions.parties_of(agreement)).values()))
    sharing = _counted(people, "resident shares", "residents share")
    return [f"{sharing} under it by permission.{' They are told.' if people else ''}", f"{told} are told."]


def _counted(count: int, one: str, more: str) -> str:
    """``No resident is``, ``Fewer than 5 residents are``, ``6 residents are``: so few could point at somebody."""
    if not count:
        return f"No {one}"
    return f"{count if shown(count) == count else f'Fewer than {SMALLEST}'} {more}"


def _to_move(agreement_id: str, version: int, act: str) -> tuple[SharingAgreement, Act]:
    """The version and the act. Raises NotPermitted for somebody else's, Conflict where its state does not allow it."""
    found = actions.version(session(), agreement_id, version)
    must_write(found)
    chosen = GIVE_UP if act == "end" and found.state in OPEN else ACTS[act]
    wrong_way = (act == "resume") is not (found.state is AgreementState.SUSPENDED) and act in ("resume", "put-in-force")
    if wrong_way or chosen.to not in TRANSITIONS[found.state]:
        raise Conflict("agreement-state", f"It is {found.state.label.lower()} now, so this cannot be done.")
    return found, chosen
