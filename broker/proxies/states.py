"""The states of a proxy: one table of moves, each with the reasons it can be for, and the diagram drawn from it.

A move without a reason, for a reason that does not fit, or that the table does not have, is refused. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from broker.errors import Conflict, InvalidInput
from broker.vocabulary import ProxyReason as Why
from broker.vocabulary import ProxyState as State

BEGINS, ENDS = "<!-- states: generated -->", "<!-- end of states -->"

REJECTIONS: Final = frozenset(why for why in Why if why.value.startswith("application-rejected-"))
ENDINGS: Final = frozenset(why for why in Why if why.value.startswith("role-deactivated-"))
_LAPSES = frozenset({Why.ROLE_DEACTIVATED_PATIENT_DIED, Why.ROLE_DEACTIVATED_PROXY_DIED, Why.ROLE_DEACTIVATED_END_DATE})
_MISTAKE = frozenset({Why.OTHER})

# From each state, the states that may follow, and why. None is before there is anything.
MOVES: Final[Mapping[State | None, Mapping[State, frozenset[Why]]]] = {
    None: {State.PROPOSED: frozenset({Why.APPLICATION_SUBMITTED, Why.ROLE_CREATED})},
    State.PROPOSED: {
        State.ACTIVE: frozenset({Why.ROLE_ACTIVATED}),
        State.REJECTED: REJECTIONS | {Why.OTHER},
        State.INACTIVE: frozenset({Why.APPLICATION_WITHDRAWN, Why.ROLE_DEACTIVATED_REQUEST}) | _LAPSES,
        State.ENTERED_IN_ERROR: _MISTAKE,
    },
    State.ACTIVE: {
        State.ACTIVE: frozenset({Why.ROLE_REACTIVATED}),
        State.SUSPENDED: frozenset({Why.ROLE_SUSPENDED, Why.ROLE_DEACTIVATED_SAFEGUARDING, Why.OTHER}),
        State.INACTIVE: ENDINGS | {Why.OTHER},
        State.ENTERED_IN_ERROR: _MISTAKE,
    },
    State.SUSPENDED: {
        State.ACTIVE: frozenset({Why.ROLE_REACTIVATED}),
        State.INACTIVE: ENDINGS | {Why.OTHER},
        State.ENTERED_IN_ERROR: _MISTAKE,
    },
    State.REJECTED: {
        State.PROPOSED: frozenset({Why.APPLICATION_RESUBMITTED}),
        State.ENTERED_IN_ERROR: _MISTAKE,
    },
    State.INACTIVE: {
        State.PROPOSED: frozenset({Why.APPLICATION_RESUBMITTED}),
        State.ENTERED_IN_ERROR: _MISTAKE,
    },
    State.ENTERED_IN_ERROR: {},
}

OPEN: Final = frozenset({State.PROPOSED, State.ACTIVE, State.SUSPENDED})  # one at a time for the same two people

_SAYS: Final[Mapping[tuple[State, State], str]] = {
    (State.PROPOSED, State.ACTIVE): "the practice says yes",
    (State.PROPOSED, State.REJECTED): "the practice says no",
    (State.PROPOSED, State.INACTIVE): "taken back, or overtaken",
    (State.ACTIVE, State.ACTIVE): "looked at again",
    (State.ACTIVE, State.SUSPENDED): "suspended, openly or quietly",
    (State.SUSPENDED, State.ACTIVE): "looked at again",
    (State.REJECTED, State.PROPOSED): "asked again",
    (State.INACTIVE, State.PROPOSED): "asked again",
}


def must_move(before: State | None, after: State, why: Why, words: str) -> None:
    """Raises Conflict for a move the table does not have, InvalidInput for a reason that does not fit or says nothing.

    National proxy service: a change of status carries its reason in the same change; OTHER carries free text.
    """
    reasons = MOVES[before].get(after)
    if reasons is None:
        raise Conflict("proxy-state-wrong", "This cannot be done as it now stands. Look at it again.")
    if why not in reasons:
        raise InvalidInput("reason-wrong", "This is not a reason for that. Choose another.", field="reason")
    if why is Why.OTHER and not words.strip():
        raise InvalidInput("reason-missing", "Say in words what the reason is.", field="words")


def diagram() -> str:
    """A Mermaid state diagram: every state, and every move that the table allows."""
    lines = ["stateDiagram-v2"]
    for before, after in MOVES.items():
        lines += [
            f"    {_name(before)} --> {_name(state)}: {_says(before, state)}" for state in State if state in after
        ]
        if not after:
            lines.append(f"    {_name(before)} --> [*]")
    return "\n".join(lines)


def reasons_table() -> str:
    """Every move with the national codes of its reasons, as a Markdown table."""
    rows = [
        f"| {before.label if before else 'Nothing yet'} | {state.label} | {_codes(after[state])} |"
        for before, after in MOVES.items()
        for state in State
        if state in after
    ]
    return "\n".join(["| From | To | Reasons, as the national service codes them |", "|---|---|---|", *rows])


def with_diagram(page: str) -> str:
    """``page`` with the diagram and the table as they now are, between their marks."""
    before, _, rest = page.partition(BEGINS)
    after = rest.partition(ENDS)[2]
    return f"{before}{BEGINS}\n```mermaid\n{diagram()}\n```\n\n{reasons_table()}\n{ENDS}{after}"


def _codes(reasons: frozenset[Why]) -> str:
    if reasons >= ENDINGS:
        others = [f"`{why.national}`" for why in Why if why in reasons - ENDINGS]
        return ", ".join(["every `ROLE_DEACTIVATED_…`", *others])
    return ", ".join(f"`{why.national}`" for why in Why if why in reasons)


def _says(before: State | None, after: State) -> str:
    if before is None:
        return "asked for"
    if after is State.ENTERED_IN_ERROR:
        return "it was a mistake"
    return _SAYS.get((before, after), "ended")


def _name(state: State | None) -> str:
    return "[*]" if state is None else state.value.replace("-", "_")
