"""The states of a sharing agreement as a diagram, drawn from the one table that rules them. Changes no state."""

from __future__ import annotations

from broker.agreements.models import TRANSITIONS
from broker.vocabulary import AgreementState

BEGINS, ENDS = "<!-- states: generated -->", "<!-- end of states -->"

_SAYS: dict[tuple[AgreementState, AgreementState], str] = {
    (AgreementState.DRAFT, AgreementState.IN_REVIEW): "sent for review",
    (AgreementState.IN_REVIEW, AgreementState.APPROVED): "every party has signed",
    (AgreementState.IN_REVIEW, AgreementState.DRAFT): "called back, or edited",
    (AgreementState.APPROVED, AgreementState.DRAFT): "called back, or edited",
    (AgreementState.APPROVED, AgreementState.IN_FORCE): "put in force",
    (AgreementState.IN_FORCE, AgreementState.SUSPENDED): "suspended",
    (AgreementState.SUSPENDED, AgreementState.IN_FORCE): "resumed",
}


def diagram() -> str:
    """A Mermaid state diagram: every state, and every move that the table allows."""
    lines = ["stateDiagram-v2", f"    [*] --> {_name(AgreementState.DRAFT)}"]
    for state in AgreementState:
        for to in sorted(TRANSITIONS[state], key=list(AgreementState).index):
            lines.append(f"    {_name(state)} --> {_name(to)}: {_SAYS.get((state, to), _otherwise(to))}")
        if not TRANSITIONS[state]:
            lines.append(f"    {_name(state)} --> [*]")
    return "\n".join(lines)


def with_diagram(page: str) -> str:
    """``page`` with the diagram as it now is, between its marks."""
    before, _, rest = page.partition(BEGINS)
    after = rest.partition(ENDS)[2]
    return f"{before}{BEGINS}\n```mermaid\n{diagram()}\n```\n{ENDS}{after}"


def _otherwise(to: AgreementState) -> str:
    return "the next version is put in force" if to is AgreementState.SUPERSEDED else "ended"


def _name(state: AgreementState) -> str:
    return state.value.replace("-", "_")
