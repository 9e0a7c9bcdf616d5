"""The policy keeps to the part of Rego that both engines read alike: checks of its text, each with its reason.

The reasons were measured. Where an engine and OPA differ on a construct, the construct is not used.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from broker.agreements.bundle import POLICIES

RULES = sorted(path for path in POLICIES.rglob("*.rego") if not path.name.endswith("_test.rego"))
TEXTS = [pytest.param(path.read_text(encoding="utf-8"), id=path.parent.name) for path in RULES]
every_rule = pytest.mark.parametrize("text", TEXTS)

DEEPEST, LARGEST, LONGEST = 8, 64 * 1024, 120
BUILT_IN = {
    "array.concat", "concat", "count", "is_array", "is_boolean", "is_number", "is_object", "is_string", "lower",
    "max", "min", "object.get", "object.keys", "object.union", "set", "split", "sprintf", "startswith", "endswith",
    "sum", "trim_space", "type_name", "union", "upper",
}  # fmt: skip


def code(text: str) -> str:
    """The text without its comments and with nothing in its strings."""
    return re.sub(r'#[^\n]*|"(?:\\.|[^"\\\n])*"|`[^`]*`', lambda m: '""' if m[0][0] in '"`' else "", text)


def package(text: str) -> str:
    return str(re.findall(r"^package (\S+)$", text, re.M)[0])


@every_rule
def test_packages_exchange_documents_and_never_functions(text: str) -> None:
    """P1: a function of another package reads its own imports wrongly in the embedded engine, without an error."""
    assert not re.search(r"\bdata\.[\w.]+\(", code(text))
    assert not re.search(r"^import ", code(text), re.M)


@every_rule
def test_no_rule_has_both_a_key_and_many_values(text: str) -> None:
    """P2: ``p[k] contains v`` and ``p[a][b] := v`` are undefined, not empty, where nothing matches."""
    assert not re.search(r"^\w+\[[^\]\n]+\] contains", code(text), re.M)
    assert not re.search(r"^\w+\[[^\]\n]+\]\[", code(text), re.M)


@every_rule
def test_the_value_of_a_keyed_rule_is_bound_in_its_body(text: str) -> None:
    """P3: a reference in the head that is undefined for one key is an error, and loses every key."""
    heads = re.findall(r"^\w+\[(\w+)\] := (\S.*?)(?: if\b|$)", code(text), re.M)
    assert not [value for key, value in heads if re.search(rf"\bdata\.[\w.]+\[{key}\]", value)]


@every_rule
def test_no_name_is_declared_twice_within_reach(text: str) -> None:
    """P5: an inner ``some`` that takes a rule's name, or an outer one's, means two different things."""
    rules = set(re.findall(r"^(\w+)(?:\[\w*\])?\s*(?::=|contains|if)", code(text), re.M))
    declared = {
        name for names in re.findall(r"\bsome ([^\n]*?) in\b", code(text)) for name in re.findall(r"\w+", names)
    }
    before_use = {name for name in declared & rules if not re.search(rf"\bdata\.[\w.]+\.{name}\b", code(text))}
    assert not before_use


@every_rule
def test_only_built_ins_that_both_engines_have_are_called(text: str) -> None:
    """P6: no clock, no network, no chance, nothing of the machine's; the time comes with the question."""
    own = set(re.findall(r"^(_?\w+)\(", code(text), re.M))
    called = set(re.findall(r"(?<![\w.])([a-z_][\w.]*)\(", code(text)))
    assert called - own <= BUILT_IN


@every_rule
def test_code_and_data_have_roots_of_their_own(text: str) -> None:
    """P7: where data lies beside a package, one engine lets the data win over a rule that is undefined."""
    assert package(text).split(".")[0] == "broker"
    roots = set(re.findall(r"\bdata\.(\w+)", code(text)))
    assert roots <= {"broker", "conditions", "sharing"}


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.parent.name)
def test_a_package_is_named_after_its_folder(path: Path) -> None:
    """P7, and so that a rule is found where its name says."""
    assert package(path.read_text(encoding="utf-8")) == f"broker.{path.parent.name}"
    assert path.stem == path.parent.name


@every_rule
def test_text_is_small_and_shallow(text: str) -> None:
    """P7: the embedded engine's parser takes twice as long for each level of nested brackets."""
    depth = deepest = 0
    for mark in re.findall(r"[\[\]{}]", code(text)):
        depth += 1 if mark in "[{" else -1
        deepest = max(deepest, depth)
    assert deepest <= DEEPEST
    assert len(text.encode()) <= LARGEST
    assert max(len(line) for line in text.splitlines()) <= LONGEST


@every_rule
def test_arithmetic_and_conversion_are_guarded(text: str) -> None:
    """P8: on what is not a number one engine stops and the other goes on without the rule."""
    for line in code(text).splitlines():
        if "input.request.time +" in line:
            assert "is_number(input.request.time)" in line
    assert "to_number" not in text
    assert "parse_rfc3339" not in text


@every_rule
def test_nothing_that_may_be_missing_is_negated_inside_a_call_or_a_comparison(text: str) -> None:
    """OPA takes the argument out of ``not f(input.x)`` first: where it is missing, the rule is lost, not true.

    A helper rule, or a function of something bound, is negated instead; a plain reference and ``==`` are safe.
    """
    for negated in re.findall(r"\bnot ([^\n;}]+)", code(text)):
        if re.fullmatch(r"[\w.]+ == \S+", negated.strip()):
            continue
        missing = re.search(r"(?<!\w)(?:input|data\.sharing|\w+)\.\w+", negated)
        compared = re.search(r"[<>]|!=|\(|\bin\b|\[input", negated)
        assert not (missing and compared) or "data.broker." in negated, negated


@every_rule
def test_every_package_says_what_it_is_for(text: str) -> None:
    """P9: and the one entry point says that it is."""
    assert text.startswith("# METADATA\n# title: ")
    assert "# description:" in text.partition("package ")[0]
    assert ("# entrypoint: true" in text) == (package(text) == "broker.decision")


def test_every_published_document_says_what_it_holds() -> None:
    for path in RULES:
        text = path.read_text(encoding="utf-8")
        for rule in dict.fromkeys(re.findall(r"^(?:default )?([a-z]\w*)(?:\[| contains| :=| if)", text, re.M)):
            if rule in ("package", "default", "import"):
                continue
            described = re.search(rf"# METADATA\n# description:[^\n]*(?:\n#[^\n]*)*\n(?:default )?{rule}\b", text)
            assert described, f"{path.parent.name}.{rule}"
