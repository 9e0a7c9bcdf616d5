"""The policy keeps to the part of Rego that every engine reads alike; whoever leaves it is told where, and what to do.

The reasons for each rule were measured; docs/proof.md lists them.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from broker.access.engines.portability import MOST, RULES, RegoFinding, findings
from broker.agreements.bundle import POLICIES

RULE_FILES = sorted(path for path in POLICIES.rglob("*.rego") if not path.name.endswith("_test.rego"))
OWN = 'conditions["MG-ADVICE"]'
HEAD = f"package {OWN}\n\n"

# Each rule of docs/proof.md, one sample at least: the text after the package, the finding, its line and column.
SAMPLES = [
    ("import data.sharing", "import", 3, 1),
    ('deny contains "sensitive" if data.broker.choices._covers("housing")', "function-elsewhere", 3, 30),
    ('deny contains "sensitive" if input.rules["mine"](1)', "function-elsewhere", 3, 48),
    ("deny[code] contains reason if some code, reason in input.x", "keyed-set", 3, 1),
    ("found[a][b] := c if some a, b, c in data.sharing.x", "keyed-set", 3, 1),
    ("found[k] := data.sharing.agreements[k].state if some k in input.keys", "value-in-head", 3, 13),
    ('found := {"place": input.resident.place}', "may-be-missing", 3, 20),
    ("found if {\n\tsome a in input.x\n\tsome b in {a | some a in input.y}\n}", "name-reused", 5, 22),
    ("found if {\n\tsome a in input.x\n\tsome [a, b] in input.y\n}", "name-reused", 5, 8),
    ("place if true\n\nfound if some place in input.places", "name-reused", 5, 15),
    ('deny contains "sensitive" if http.send({"url": input.x})', "built-in", 3, 30),
    ('deny contains "sensitive" if time.now_ns() > input.request.time', "built-in", 3, 30),
    ('deny contains "sensitive" if rand.intn("x", 2) == 1', "built-in", 3, 30),
    ("found := opa.runtime()", "built-in", 3, 10),
    ("found := net.lookup_ip_addr(input.host)", "built-in", 3, 10),
    ("found := rego.metadata.rule()", "built-in", 3, 10),
    ('found := crypto.sha256("x")', "built-in", 3, 10),
    ('found := io.jwt.decode("x")', "built-in", 3, 10),
    ('found if trace("here")', "built-in", 3, 10),
    ('found := uuid.rfc4122("x")', "built-in", 3, 10),
    ("found := to_number(input.resident.age)", "built-in", 3, 10),
    ('found := time.parse_rfc3339_ns("x")', "built-in", 3, 10),
    ('found if helper with input as {"x": 1}', "with", 3, 17),
    ('found := $"{input.x}"', "interpolation", 3, 10),
    ("package broker.decision", "package", 3, 1),
    ("found if data.broker.decision.result", "root", 3, 10),
    ('found if data["conditions"]["MG-FOOD"].deny', "root", 3, 10),
    ("found if some x in data", "root", 3, 20),
    ("found := [[[[[[[[[1]]]]]]]]]", "brackets-too-deep", 3, 18),
    (f'found := "{"x" * 120}"', "line-too-long", 3, 121),
    ('found := "never closed', "string-not-closed", 3, 10),
    ("found := `never closed\n", "string-not-closed", 3, 10),
    ('found := "a\u202eb"', "hidden-character", 3, 12),
    ('found := "a\x00b"', "hidden-character", 3, 12),
    ("found := input.resident.age + 1", "unguarded", 3, 29),
    ("found := 1 - input.resident.age if is_number(input.request.time)", "unguarded", 3, 12),
    ("found if regex.match(input.pattern, input.resident.place)", "unguarded", 3, 10),
    ('deny contains "sensitive" if not startswith(input.resident.place, "MG")', "negated", 3, 30),
    ('deny contains "sensitive" if not input.resident.place in {"MG"}', "negated", 3, 30),
]

WELL_WRITTEN = [
    'deny contains "outside-place" if input.resident.neighbourhood == "MG-S"',
    'obligations contains "review"',
    'deny contains "sensitive" if {\n\tsome known in input.facts.relationships\n\tknown.kind == "invited"\n}',
    'deny contains "sensitive" if not _near\n\n_near if input.resident.place in {"MG", "EB"}',
    "_double(x) := x + x\n\n_found := _double(2)",
    "_found[k] := {x | some x in data.sharing.tables.tiers[k].sections} if some k in input.request.sections",
    "_later := input.request.time + 60 if is_number(input.request.time)",
    'deny contains "sensitive" if regex.match(`^MG-[A-Z]$`, input.resident.neighbourhood)',
    '# import http.send, time.now_ns() and $"{x}" are words in a comment\n_found := "import [[[[[[[[[[ data.broker"',
    '_found := {"a": {"b": [1, [2, {"c": 3}]]}}',
    "_found contains [section, label] if some [section, label] in input.pairs",
    "_found if {\n\tevery section in input.request.sections { section != `housing` }\n}",
]


def found_in(text: str) -> list[RegoFinding]:
    return findings(HEAD + text, file="conditions/MG-ADVICE.rego", allowed_package=OWN)


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.parent.name)
def test_our_own_policies_have_no_findings(path: Path) -> None:
    found = findings(path.read_text(encoding="utf-8"), file=path.parent.name)
    # What reads FHIR Consents keys its sets, and is compared byte for byte on both engines by every vector there is.
    assert [each for each in found if (each.file, each.code) != ("fhir_consent", "keyed-set")] == []


@pytest.mark.parametrize(("text", "code", "line", "column"), SAMPLES, ids=[f"{s[1]}: {s[0][:30]}" for s in SAMPLES])
def test_what_engines_read_differently_is_found_where_it_is(text: str, code: str, line: int, column: int) -> None:
    found = found_in(text)

    assert (code, line, column) in [(each.code, each.line, each.column) for each in found]
    for each in found:
        assert each.message[0].isupper()
        assert each.message.endswith(".") or ": package " in each.message
        assert each.file == "conditions/MG-ADVICE.rego"


@pytest.mark.parametrize("text", WELL_WRITTEN)
def test_what_every_engine_reads_alike_is_left_alone(text: str) -> None:
    assert found_in(text) == []


def test_every_rule_and_every_code_has_a_sample() -> None:
    sampled = {sample[1] for sample in SAMPLES} | {"file-too-large", "not-text"}

    assert sampled == set(RULES)
    assert set(RULES.values()) == {f"P{number}" for number in range(1, 9)}


@pytest.mark.parametrize(
    "package", ['conditions["MG-FOOD"]', "conditions.MG", "broker.decision", "conditions", 'conditions["MG-ADVICE"].x']
)
def test_a_condition_is_a_package_of_its_own_agreement_and_no_other(package: str) -> None:
    wrong = findings(f"package {package}\n", file="x.rego", allowed_package=OWN)
    right = findings(f"package {OWN}\n", file="x.rego", allowed_package=OWN)

    assert [each.code for each in wrong] == ["package"]
    assert OWN in wrong[0].message
    assert right == []


def test_text_without_a_package_is_told_to_begin_with_one() -> None:
    for text in ("", "# nothing\n", "deny contains 1\n"):
        assert [each.code for each in findings(text, file="x.rego", allowed_package=OWN)] == ["package"]


def test_what_is_too_large_is_refused_before_it_is_read() -> None:
    found = findings("x[" * 500_000, file="x.rego")

    assert [(each.code, each.line, each.column) for each in found] == [("file-too-large", 1, 1)]
    assert found_in("#" * 100 + "\n") == []
    assert findings(HEAD + "é\n" * 21_900, file="x.rego")[0].code == "file-too-large"  # bytes, not characters


def test_text_that_cannot_be_saved_is_found() -> None:
    assert [(each.code, each.line, each.column) for each in found_in('_x := "\ud800"')] == [("not-text", 3, 8)]


HOSTILE = {
    "brackets": "[" * 64_000,
    "open and shut": "[]{" * 21_000,
    "strings": '"\\' * 32_000,
    "packages": "package\n" * 8_000,
    "names below brackets": "[" * 32_000 + "some a in b\n" * 2_600,
    "negations": "not input.x " * 5_400,
    "a long path": "a." * 32_000 + "(",
    "calls": "a(" * 32_000,
    "rules": "a[b]\n" * 12_000,
    "sums": "input.a+" * 8_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_read_once_and_told_of_in_few_words(text: str) -> None:
    """Were any part of it read again for each part, these would take minutes, and the run would stop here."""
    found = findings(text, file="x.rego", allowed_package=OWN)

    assert 0 < len(found) <= MOST
    assert all(len(each.message) < 500 for each in found)


# ---- what our own policies keep to besides --------------------------------------------------------------------------

TEXTS = [pytest.param(path.read_text(encoding="utf-8"), id=path.parent.name) for path in RULE_FILES]
every_rule = pytest.mark.parametrize("text", TEXTS)


def package(text: str) -> str:
    return str(re.findall(r"^package (\S+)$", text, re.M)[0])


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.parent.name)
def test_a_package_is_named_after_its_folder(path: Path) -> None:
    """So that a rule is found where its name says."""
    assert package(path.read_text(encoding="utf-8")) == f"broker.{path.parent.name}"
    assert path.stem == path.parent.name


@every_rule
def test_every_package_says_what_it_is_for(text: str) -> None:
    """And the one entry point says that it is."""
    assert text.startswith("# METADATA\n# title: ")
    assert "# description:" in text.partition("package ")[0]
    assert ("# entrypoint: true" in text) == (package(text) == "broker.decision")


def test_every_published_document_says_what_it_holds() -> None:
    for path in RULE_FILES:
        text = path.read_text(encoding="utf-8")
        for rule in dict.fromkeys(re.findall(r"^(?:default )?([a-z]\w*)(?:\[| contains| :=| if)", text, re.M)):
            if rule in ("package", "default", "import"):
                continue
            described = re.search(rf"# METADATA\n# description:[^\n]*(?:\n#[^\n]*)*\n(?:default )?{rule}\b", text)
            assert described, f"{path.parent.name}.{rule}"
