"""A little policy in the shape of the broker's: enough to see what an engine does with a question and a bundle."""

from __future__ import annotations

from typing import Any

from broker.access.engines import Bundle

RULES = """package broker.decision

result := {
	"revision": data.sharing.revision,
	"request": input.request.id,
	"counted": count([n | some n in numbers.range(1, object.get(input.request, "spin", 1)); n % 7 == 0]),
}
"""

# What a policy may never answer with, yet could by a mistake in it.
ODD_RULES = """package broker.decision

result := {"revision": data.sharing.revision} if input.request.id == "probe"

result := null if input.request.id == "null"

result := "true" if input.request.id == "text"

result := true if input.request.id == "true"

result := {} if input.request.id == "empty"

result := [] if input.request.id == "list"

result := "<undefined>" if input.request.id == "undefined-text"
"""


def little_bundle(
    revision: str = "r1", *, rules: str = RULES, data: dict[str, Any] | None = None, own: dict[str, str] | None = None
) -> Bundle:
    modules = {"broker/decision/decision.rego": rules}
    return Bundle(revision, modules, data or {"sharing": {"revision": revision}}, own=own or {})


def question(request: str = "one", **more: Any) -> dict[str, Any]:
    return {"request": {"id": request, **more}}
