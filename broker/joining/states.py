"""The states of an application as a diagram, drawn from the one table that rules them. Changes no state."""

from __future__ import annotations

from broker.joining.models import TRANSITIONS
from broker.vocabulary import ApplicationState

BEGINS, ENDS = "<!-- states: generated -->", "<!-- end of states -->"

_SAYS: dict[ApplicationState, str] = {
    ApplicationState.VOUCHED: "the sponsor's IG lead vouches",
    ApplicationState.ADMITTED: "somebody else admits it",
    ApplicationState.REFUSED: "refused, with a reason",
    ApplicationState.WITHDRAWN: "the organisation withdraws",
    ApplicationState.LEFT: "the organisation leaves",
    ApplicationState.LAPSED: "nobody vouches within 30 days",
}


def diagram() -> str:
    """A Mermaid state diagram: every state, and every move that the table allows."""
    lines = ["stateDiagram-v2", f"    [*] --> {ApplicationState.APPLIED}"]
    for state in ApplicationState:
        for to in sorted(TRANSITIONS[state], key=list(ApplicationState).index):
            lines.append(f"    {state} --> {to}: {_SAYS[to]}")
        if not TRANSITIONS[state]:
            lines.append(f"    {state} --> [*]")
    return "\n".join(lines)


def with_diagram(page: str) -> str:
    """``page`` with the diagram as it now is, between its marks."""
    before, _, rest = page.partition(BEGINS)
    after = rest.partition(ENDS)[2]
    return f"{before}{BEGINS}\n```mermaid\n{diagram()}\n```\n{ENDS}{after}"
