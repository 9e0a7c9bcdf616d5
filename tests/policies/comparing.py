"""The engine's answer beside the reference model's, field by field. Decides nothing; says where they differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import regorus

from broker.access.engines import Bundle

_SETS = ("reasons", "agreements", "withheld_labels")  # of each pair: the README gives them no order


def differences(engine: Mapping[str, Any], model: Mapping[str, Any]) -> Iterator[str]:
    """Each way in which two answers differ, in words; nothing where they say the same."""
    if engine.keys() != model.keys():
        yield f"fields: {sorted(engine)} and {sorted(model)}"
        return
    for name in engine.keys() - {"pairs"}:
        if _plain(name, engine[name]) != _plain(name, model[name]):
            yield f"{name}: {engine[name]} and {model[name]}"
    if [_place(row) for row in engine["pairs"]] != [_place(row) for row in model["pairs"]]:
        yield "the pairs, or their order"
        return
    for ours, theirs in zip(engine["pairs"], model["pairs"], strict=True):
        for name in _SETS:
            if sorted(ours[name]) != sorted(theirs[name]):
                yield f"{name} of {_place(ours)}: {ours[name]} and {theirs[name]}"


def _place(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["section"], row["source"]


def _plain(name: str, value: Any) -> Any:
    return sorted(json.dumps(each, sort_keys=True) for each in value) if name in ("reasons", "obligations") else value


_GATHERED = """package gathered

there contains id if {
	some id, _ in data.sharing.agreements
	data.conditions[id]
}

odd contains [id, name] if {
	some id, _ in data.sharing.agreements
	some name in ["deny", "obligations"]
	said := data.conditions[id][name]
	type_name(said) != "set"
}

codes contains [id, name, code] if {
	some id, _ in data.sharing.agreements
	some name in ["deny", "obligations"]
	said := data.conditions[id][name]
	type_name(said) == "set"
	some code in said
}
"""


class Conditions:
    """What agreements' own conditions say of a question, asked of their text alone, without the policy."""

    def __init__(self, bundle: Bundle) -> None:
        own = {path: text for path, text in bundle.modules.items() if path.startswith("conditions/")}
        self._engine = regorus.Engine()
        for path, text in {**own, "gathered.rego": _GATHERED}.items():
            self._engine.add_policy(path, text)
        self._engine.add_data_json(json.dumps(bundle.data))
        self._any = bool(own)

    def of(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """``{agreement: {"deny": […], "obligations": […]}}``; None instead of a list where what is said is no set."""
        if not self._any:
            return {}
        self._engine.set_input_json(json.dumps(question))
        found: dict[str, Any] = {id: {"deny": [], "obligations": []} for id in self._said("there")}
        for id, name, code in self._said("codes"):
            found[id][name].append(code)
        for id, name in self._said("odd"):
            found[id][name] = None
        return found

    def _said(self, rule: str) -> list[Any]:
        said: list[Any] = json.loads(self._engine.eval_rule_as_json(f"data.gathered.{rule}"))
        return said
