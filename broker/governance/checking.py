"""Say everything that is wrong with an agreement and its own conditions, before anybody is asked to sign them.

Conditions are Rego that somebody is still writing: their text is read first, and only what is safe to read is given to
an engine, in a child process within limits. Whatever the text does there, the answer is a finding and never a crash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from broker.access.engines import Bundle, child, portability
from broker.access.engines.child import Limits
from broker.access.engines.rego_text import Kind, Token, statements, tokens
from broker.agreements import bundle, findings, generated, paper
from broker.agreements.findings import Finding
from broker.errors import EngineUnavailable, EngineUnclear
from broker.governance.probes import questions
from broker.vocabulary import DenialReason, Layer, Obligation

AGREEMENT, CONDITIONS = "agreement.yaml", "conditions.rego"
PROBING = Limits(cpu_seconds=2, memory_mb=256, wall_seconds=6.0)  # a good condition needs a thousandth of it
READABLE = ("vocabulary", "tables")  # of data.sharing; what others have agreed is not a condition's to read

# A condition speaks of the agreement, and of who asks. It cannot say what the resident chose, or what the law says.
SAYABLE = tuple(r for r in DenialReason if r.layer in {Layer.IDENTITY, Layer.RELATIONSHIP, Layer.AGREEMENT})
_CODES: dict[str, Mapping[str, str]] = {
    "deny": {code.value: code.label for code in SAYABLE},
    "obligations": {code.value: code.label for code in Obligation},
}
_CALLED = {"deny": "reason", "obligations": "obligation"}
# Text like this is not given to an engine at all, even in a child.
_UNSAFE = {"file-too-large", "brackets-too-deep", "string-not-closed", "not-text", "hidden-character"}
_ID = re.compile(r"^id:\s*[\"']?([A-Za-z0-9][A-Za-z0-9-]*)", re.MULTILINE)


def check_draft(text: str, conditions: str | None = None, *, file: str = AGREEMENT) -> list[Finding]:
    """Every finding in an agreement's YAML and, where it has any, its own conditions; empty where all is well."""
    found = findings.check_text(text, conditions=conditions, file=file)
    if conditions is None or not conditions.strip():
        return found
    return found + check_conditions(conditions, agreement=_called(text), file=CONDITIONS)


def _called(text: str) -> str:
    """The agreement's id as it is kept. Only where the YAML cannot be read, what looks like one."""
    written = paper.read(text)
    if not written.blots:
        return str(written.value.get("id", "")) if isinstance(written.value, dict) else ""
    named = _ID.search(text)
    return named[1] if named else ""


def check_files(texts: Mapping[str, str]) -> list[Finding]:
    """Every finding in these files, by path: agreements (``.yaml``), conditions (in ``conditions/``), rules and tests.

    Rules are read together with each other, and so are tests, which may use more of Rego than rules may.
    """
    found: list[Finding] = []
    rules = {path: text for path, text in sorted(texts.items()) if path.endswith(".rego") and not _is_condition(path)}
    for path, text in sorted(texts.items()):
        if path.endswith((".yaml", ".yml")):
            found += findings.check_text(text, file=path)
        elif path.endswith(".rego") and _is_condition(path):
            found += check_conditions(text, agreement=PurePosixPath(path).stem, file=path)
        elif path.endswith(".rego") and not path.endswith("_test.rego"):
            found += [_converted(each) for each in portability.findings(text, file=path)]
    return found + [_converted(each) for each in child.check(rules)]


def _is_condition(path: str) -> bool:
    return PurePosixPath(path).parent.name == "conditions"


def check_conditions(text: str, *, agreement: str, file: str = CONDITIONS) -> list[Finding]:
    """Every finding in one agreement's own conditions, in order of place.

    They may be written only in the part of Rego that all engines read alike, may only refuse and oblige, read only the
    question and the published words, and must answer every question at once.
    """
    found = [_converted(each) for each in portability.findings(text, file=file, allowed_package=_package(agreement))]
    if not _UNSAFE & {each.code for each in found}:
        found += _shape(text, file)
        found += [_converted(each) for each in child.check({file: text})]
    if not found:
        found = _probed(text, agreement, file)
    return sorted(found, key=lambda each: (each.line or 0, each.column or 0, each.code))


def _package(agreement: str) -> str:
    return f'conditions["{agreement}"]'


def _converted(found: portability.RegoFinding | child.Finding) -> Finding:
    return Finding(found.code, found.message, line=found.line, column=found.column, file=found.file)


# ---- that it can only restrict ---------------------------------------------------------------------------------------


def _shape(text: str, file: str) -> Iterator[Finding]:
    """A file of conditions is ``deny contains``, ``obligations contains`` and helpers of its own, and nothing else."""
    read = tokens(text)
    rules = [[t for t in rule if t.kind is not Kind.NEWLINE] for rule in statements(read)]
    for rule in rules:
        yield from _rule(rule, file)
    if not any(rule[0].text in _CODES for rule in rules if rule):
        message = "Say what is refused or obliged, with deny contains or obligations contains; or leave the file out."
        yield Finding("nothing-restricted", message, line=1, column=1, file=file)
    for at, token in enumerate(read):
        if "sharing" in (token.text, token.value) and _after(read, at) not in READABLE:
            message = "Read only data.sharing.vocabulary and data.sharing.tables of what is published."
            yield _at(token, "reads-too-much", message, file)


def _rule(rule: Sequence[Token], file: str) -> Iterator[Finding]:
    name = next((token for token in rule if token.text != "default"), None)
    if name is None or name.text in ("package", "import") or name.text.startswith("_"):
        return  # where and what a package may be, and that nothing is imported, is said elsewhere
    if name.text not in _CODES:
        message = "A condition only has deny and obligations: begin the name of a helper with an underscore."
        yield _at(name, "not-a-condition", message, file)
    elif len(rule) < 3 or rule[1].text != "contains":
        message = f'Write {name.text} contains "…" if …: a condition adds to what is refused, and takes nothing away.'
        yield _at(name, "not-a-condition", message, file)
    elif (code := rule[2].value) is not None and (len(rule) == 3 or rule[3].text == "if"):
        yield from _unknown(name.text, code, rule[2], file)


def _unknown(name: str, code: str, token: Token, file: str) -> Iterator[Finding]:
    if code not in _CODES[name]:
        yield _at(token, f"{_CALLED[name]}-unknown", _choose(name, code), file)


def _choose(name: str, code: str) -> str:
    return f"{code[:60]!r} is no {_CALLED[name]} that a condition may give: use one of {', '.join(_CODES[name])}."


def _after(read: Sequence[Token], at: int) -> str:
    """The part of a reference that follows the token at ``at``; empty where there is none that is fixed."""
    following = read[at + 1 : at + 3]
    if len(following) < 2 or following[0].text not in (".", "["):
        return ""
    return following[1].value or following[1].text


def _at(token: Token, code: str, message: str, file: str) -> Finding:
    return Finding(code, message, line=token.line, column=token.column, file=file)


# ---- that it answers -------------------------------------------------------------------------------------------------


def _probed(text: str, agreement: str, file: str) -> list[Finding]:
    """Put questions to the conditions alone, large and small, and read what they say."""
    documents = [f"{_package(agreement)}.{name}" for name in _CODES if re.search(rf"^\s*{name}\s", text, re.MULTILINE)]
    try:
        items = list(child.evaluate(_alone(text, agreement), questions(), documents=documents, limits=PROBING))
    except (EngineUnavailable, EngineUnclear) as fault:
        message = f"Make it simpler: put to a few questions, {fault}."
        return [Finding("rego-stopped", message, line=1, column=1, file=file)]
    found = [each for item in items for each in _said(item, documents, file)]
    return list(dict.fromkeys(found))


def _alone(text: str, agreement: str) -> Bundle:
    """The conditions and the published words, without any agreement."""
    words = {"vocabulary": generated.vocabulary(), "tables": bundle.load_tables()}
    return Bundle("draft", {bundle.path_of(agreement): text}, {"sharing": {"revision": "draft", **words}})


def _said(item: Mapping[str, Any], documents: Sequence[str], file: str) -> Iterator[Finding]:
    for problem in item.get(child.PROBLEMS, {}).values():
        yield Finding("rego-invalid", f"The engine cannot answer: {problem}", line=1, column=1, file=file)
    for document in documents:
        name = document.rpartition(".")[2]
        for code in item.get(document) or ():
            if code not in _CODES[name]:
                yield Finding(f"{_CALLED[name]}-unknown", _choose(name, str(code)), line=1, column=1, file=file)
