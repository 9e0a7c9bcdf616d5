"""Every rule and every condition of the policy, taken out or turned round, one at a time: does anything notice?

A mutant is killed where it does not load, or answers any scenario or made-up question otherwise, or fails a Rego test.
One that survives is a rule nobody would miss: it needs a scenario, or is no rule. Needs OPA, to parse the Rego.
"""

from __future__ import annotations

import base64
import copy
import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import regorus

from benchmarks import cases
from broker.access.engines import DECISION, Bundle
from broker.agreements.bundle import POLICIES
from tests.house import machine
from tests.policies.world import question_of, scenarios, the_bundle

DATA = [f"sharing.{part}:{POLICIES / part / 'data.json'}" for part in ("vocabulary", "tables")]
AGREEMENTS, WORLDS, MADE_UP = 30, 2, 150  # in each of so many worlds, so many questions of each sort


@dataclass(frozen=True)
class Mutant:
    """One change to one module: the bytes from ``start`` to ``end`` become ``instead``."""

    module: str
    line: int
    change: str
    was: str
    start: int
    end: int
    instead: str

    def apply(self, text: str) -> str:
        given = text.encode()
        return (given[: self.start] + self.instead.encode() + given[self.end :]).decode()

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is called, wherever its line may move."""
        return Path(self.module).stem, self.change, " ".join(self.was.split())

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.change}: {' '.join(self.was.split())[:100]}"


# Mutants that change no decision, each by its name with the reason.
_DEFAULT = "Nothing reads it but as a condition or a list, where what is not there counts as no or as none."
_AGAIN = "Said again on purpose in the one clause that permits; the clauses before it have said it."
_ASKED = "It saves looking up what does not bind, whose answers are not used."
_NEXT = "Null comes before every instant, so it is never next."
_UNUSED = "It saves working out more, which nobody looks up."
_NO_DATE = "It saves reading what has no such part, and so no answer either."
_REMOVED = "condition removed"
EQUIVALENT: dict[tuple[str, str, str], str] = {
    ("emergency", "rule removed", "default declared := false"): _DEFAULT,
    ("fhir_consent", "rule removed", "default _consents := []"): _DEFAULT,
    ("fhir_consent", "rule removed", "default _items := []"): _DEFAULT,
    ("fhir_consent", "rule removed", "default _directory := {}"): _DEFAULT,
    ("fhir_consent", "rule removed", "default _asker := {}"): _DEFAULT,
    ("fhir_consent", _REMOVED, 'some element in {"period", "dataPeriod"}'): _UNUSED,
    ("fhir_consent", _REMOVED, 'some element in (node.content & {"class", "code", "securityLabel"})'): _UNUSED,
    ("fhir_consent", _REMOVED, "is_set(keys)"): "There is nothing in null; but one engine will not look there.",
    ("fhir_consent", _REMOVED, "regex.match(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`, text)"): _NO_DATE,
    ("fhir_consent", _REMOVED, "regex.match(`^[0-9]{4}-[0-9]{2}$`, text)"): _NO_DATE,
    ("fhir_consent", _REMOVED, "regex.match(`^[0-9]{4}$`, text)"): _NO_DATE,
    ("fhir_consent", _REMOVED, "regex.match(`[+]`, time)"): _NO_DATE,
    ("fhir_consent", _REMOVED, "regex.match(`[-]`, time)"): _NO_DATE,
    ("own", "rule removed", "default asked := false"): _DEFAULT,
    ("question", "rule removed", "default pairs := []"): _DEFAULT,
    ("question", "rule removed", "default provisions := []"): _DEFAULT,
    ("question", "rule removed", "default relationships := []"): _DEFAULT,
    ("question", _REMOVED, "is_string(section)"): "A pair's section that is no text is not in the vocabulary.",
    ("question", _REMOVED, "is_object(provision)"): "What is no object has no type, which is asked for next.",
    ("question", _REMOVED, "is_object(acting)"): "What is no object has no proxy, which is asked for next.",
    ("decision", _REMOVED, "not data.broker.own.asked"): "It saves work, whose answers are not used.",
    ("question", _REMOVED, "is_object(relationship)"): "What is no object has no kind, which is asked for next.",
    ("decision", _REMOVED, "count(_instants) > 0"): "The least of nothing is not there, and then the default is.",
    ("decision", _REMOVED, "count(reasons) == 0"): _AGAIN,
    ("decision", _REMOVED, "count(choice.withheld) == 0"): _AGAIN,
    ("decision", _REMOVED, "count(opening) > 0"): _AGAIN,
    ("agreement", _REMOVED, "standing[id] == set()"): "It saves work: what does not stand covers nothing in any case.",
    ("condition", _REMOVED, "some [_, owner] in data.broker.agreement.conditioned"): _ASKED,
    ("condition", _REMOVED, "_obligation(code)"): "An obligation nobody knows is refused by another rule.",
    ("condition", _REMOVED, 'type_name(obliged) == "set"'): "What is no set is refused by another rule.",
    ("choices", _REMOVED, 'standing == "run-out"'): "What is in use or withdrawn is taken away again.",
    ("choices", _REMOVED, "is_number(instant)"): _NEXT,
    ("relationship", _REMOVED, "is_number(instant)"): _NEXT,
    ("own", _REMOVED, "is_number(until)"): _NEXT,
    ("relationship", _REMOVED, "is_number(longest)"): "Nothing is at most null, so null refuses here too.",
}


# ---- making them -----------------------------------------------------------------------------------------------------


def policy() -> Mapping[str, str]:
    return {name: text for name, text in _files().items() if not name.endswith("_test.rego")}


def every() -> list[Mutant]:
    """Each mutant of each module of the policy, in order of place."""
    return [mutant for module, text in policy().items() for mutant in of(module, text)]


def of(module: str, text: str) -> Iterator[Mutant]:
    tree = _parsed(text)
    for rule in tree["rules"]:
        yield from _of_rule(module, text, rule)


def _of_rule(module: str, text: str, rule: Mapping[str, Any]) -> Iterator[Mutant]:
    place, whole = rule["location"], _text(rule)
    if rule.get("default"):
        value = rule["head"]["value"]["location"]
        end = _offset(text, value["row"], value["col"]) + len(_text(rule["head"]["value"]).encode())
        whole = text.encode()[_offset(text, place["row"], place["col"]) : end].decode()
    yield _mutant(module, text, place, whole, "rule removed", "")
    for condition in _conditions(rule):
        was, at = _text(condition), condition["location"]
        yield _mutant(module, text, at, was, "condition removed", "true")
        if condition.get("negated"):
            yield _mutant(module, text, at, was, "negation removed", was.removeprefix("not "))
        elif not _declares(condition):
            yield _mutant(module, text, at, was, "condition negated", f"not {was}")


def _mutant(module: str, text: str, place: Mapping[str, Any], was: str, change: str, instead: str) -> Mutant:
    start = _offset(text, place["row"], place["col"])
    assert text.encode()[start : start + len(was.encode())] == was.encode(), (module, place["row"], was)
    return Mutant(module, place["row"], change, was, start, start + len(was.encode()), instead)


def _conditions(node: Any) -> Iterator[Mapping[str, Any]]:
    """Each expression of each body, however deep in comprehensions, but what stands where nothing was written."""
    if isinstance(node, list):
        for each in node:
            yield from _conditions(each)
    elif isinstance(node, dict):
        for name, inner in node.items():
            if name == "body" and isinstance(inner, list):
                yield from (each for each in inner if not _unwritten(each, node))
            yield from _conditions(inner)


def _unwritten(condition: Mapping[str, Any], holder: Mapping[str, Any]) -> bool:
    """A rule without a body has one in the tree: the word true, where its head is."""
    terms = condition["terms"]
    always = isinstance(terms, dict) and terms.get("type") == "boolean" and terms.get("value") is True
    return always and _text(condition) != "true"


def _declares(condition: Mapping[str, Any]) -> bool:
    """Whether others use the names it binds, so that to negate it is no policy at all."""
    terms = condition["terms"]
    if isinstance(terms, dict):
        return "symbols" in terms or "domain" in terms
    return bool(terms[0].get("value", [{}])[0].get("value") in ("assign", "eq"))


def _text(node: Mapping[str, Any]) -> str:
    return base64.b64decode(node["location"]["text"]).decode()


def _offset(text: str, row: int, column: int) -> int:
    lines = text.encode().split(b"\n")
    return sum(len(line) + 1 for line in lines[: row - 1]) + column - 1


def _parsed(text: str) -> dict[str, Any]:
    with tempfile.NamedTemporaryFile("w", suffix=".rego") as file:
        file.write(text)
        file.flush()
        said = _opa("parse", "--format", "json", "--json-include", "locations", file.name)
    tree: dict[str, Any] = json.loads(said.stdout)
    return tree


def _opa(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [str(machine.opa()), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


# ---- noticing them ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sitting:
    """One bundle, the questions put to it, and what the policy as it is answers."""

    bundle: Bundle
    questions: Sequence[str]

    @cached_property
    def answers(self) -> list[str]:
        return list(_answers(self.bundle, self.bundle.modules, self.questions))

    def notices(self, modules: Mapping[str, str]) -> bool:
        """Whether ``modules`` do not load, or answer any question otherwise. Stops at the first."""
        try:
            found = _answers(self.bundle, {**self.bundle.modules, **modules}, self.questions)
            return any(now != before for now, before in zip(found, self.answers, strict=True))
        except RuntimeError:
            return True


def _answers(bundle: Bundle, modules: Mapping[str, str], questions: Sequence[str]) -> Iterator[str]:
    engine = regorus.Engine()
    for path, text in modules.items():
        engine.add_policy(path, text)
    engine.add_data_json(json.dumps(bundle.data))
    for question in questions:
        engine.set_input_json(question)
        try:
            yield engine.eval_rule_as_json(f"data.{DECISION}")
        except RuntimeError:
            yield "unclear"


@cache
def sittings() -> tuple[Sitting, ...]:
    """The scenarios first, then made-up questions, whole and spoilt, about made-up agreements."""
    return (_scenarios(), *(_made_up(seed) for seed in range(1, WORLDS + 1)), _other_tables())


def _scenarios() -> Sitting:
    questions = [json.dumps(question_of(scenario)) for scenario in scenarios()["scenarios"]]
    return Sitting(the_bundle(), questions)


def _made_up(seed: int) -> Sitting:
    whole = list(islice(cases.questions(AGREEMENTS, seed=seed), MADE_UP))
    spoilt = [cases.spoiled(question, seed=number) for number, question in enumerate(whole * 2)]
    return Sitting(
        cases.world(AGREEMENTS, seed=seed, tidy=seed % 2 == 0), [json.dumps(each) for each in whole + spoilt]
    )


def untouched(module: str) -> Mutant:
    """No change at all: what must survive, or the rest proves nothing."""
    return Mutant(module, 1, "nothing changed", "", 0, 0, "")


def _other_tables() -> Sitting:
    """The scenarios under tables that London might have written otherwise: fewer may read, more is lifted."""
    data = copy.deepcopy(dict(the_bundle().data))
    tables = data["sharing"]["tables"]
    tables["record_kinds"].remove("pharmacy")
    tables["break_glass"]["lifts"] = ["agreement", "consent-needed", "consent-withheld", "consent-withdrawn"]
    return Sitting(Bundle(the_bundle().revision, the_bundle().modules, data), _scenarios().questions)


def survives(mutant: Mutant) -> bool:
    """Whether nothing notices: no scenario, no made-up question, no Rego test."""
    modules = {mutant.module: mutant.apply(policy()[mutant.module])}
    return not any(sitting.notices(modules) for sitting in sittings()) and _passes_tests(modules)


@cache
def _files() -> Mapping[str, str]:
    """Every file of the policy and of its tests, by path, as they were when the run began."""
    return {
        path.relative_to(POLICIES).as_posix(): path.read_text(encoding="utf-8") for path in POLICIES.rglob("*.rego")
    }


def _passes_tests(modules: Mapping[str, str]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        # What reads FHIR Consents and what decides on requests know nothing of each other, and its tests are slow.
        apart = any("fhir_consent" in name for name in modules)
        files = {name: text for name, text in _files().items() if ("fhir_consent" in name) is apart}
        for name, text in {**files, **modules}.items():
            (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / name).write_text(text, encoding="utf-8")
        return _opa("test", "broker", *DATA, cwd=Path(folder)).returncode == 0
