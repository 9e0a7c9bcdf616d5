"""The rules of portable Rego, one function each: tokens in, what must be written otherwise out. Runs nothing.

A finding is (the token at fault, a code, what to do). ``portability`` puts them together and names the rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

from broker.access.engines.rego_text import Kind, Token, tokens

Wrong: TypeAlias = tuple[Token, str, str]
Rule: TypeAlias = Sequence[Token]

BUILT_IN = frozenset({
    "array.concat", "concat", "contains", "count", "endswith", "is_array", "is_boolean", "is_null", "is_number",
    "is_object", "is_set", "is_string", "lower", "max", "min", "object.get", "object.keys", "object.remove",
    "object.union", "regex.match", "set", "split", "sprintf", "startswith", "sum", "trim_space", "type_name", "union",
    "upper",
})  # fmt: skip
_WORDS = frozenset({
    "as", "contains", "default", "else", "every", "false", "if", "import", "in", "not", "null", "package", "some",
    "true", "with",
})  # fmt: skip
_LOOKS_OUTSIDE = {
    "http": "Nothing may be fetched while deciding: ask for the fact in the question.",
    "net": "Nothing may be looked up while deciding: ask for the fact in the question.",
    "time": "There is no clock here: compare with input.request.time, in whole seconds.",
    "rand": "Nothing may be left to chance: the same question must have the same answer.",
    "uuid": "Nothing may be left to chance: the same question must have the same answer.",
    "opa": "A rule may not look at the machine it runs on.",
    "rego": "A rule may not look at itself.",
    "crypto": "Not every engine has this: what must be hashed or verified is done before the question is put.",
    "io": "Not every engine has this: what must be hashed or verified is done before the question is put.",
    "trace": "Take this out: what a rule did is shown by the playground.",
    "print": "Take this out: what a rule did is shown by the playground.",
}  # fmt: skip
_FURTHEST = 60  # tokens that are looked at after a "not"


def name_of(token: Token) -> str:
    """The name a token is; empty where it is a word of the language, or no name."""
    return token.text if token.kind is Kind.NAME and token.text not in _WORDS else ""


# ---- P1 and P6: what is called ---------------------------------------------------------------------------------------


def functions(rules: Iterable[Rule]) -> set[str]:
    """The functions a file defines for itself."""
    return {rule[0].text for rule in rules if len(rule) > 1 and rule[1].text == "(" and not rule[1].spaced}


def calls(read: Rule, *, own: set[str]) -> Iterator[Wrong]:
    """P1, P6. Functions of one's own and the built-ins that every engine has may be called; ``with`` replaces none."""
    for at, token in enumerate(read):
        if token.text == "with" and not _dotted(read, at):
            yield token, "with", "Take this out: a rule may not replace its question, its data or another rule."
        if token.text != "(" or at == 0:
            continue
        before = read[at - 1]
        if before.text == "]" and not token.spaced:
            yield before, "function-elsewhere", "Call a function of this file by its name, and no other."
        elif before.kind is Kind.NAME and (before.text not in _WORDS or not token.spaced):
            yield from _call(read, at - 1, own)


def _call(read: Rule, at: int, own: set[str]) -> Iterator[Wrong]:
    start = at
    while start >= 2 and read[start - 1].text == "." and read[start - 2].kind is Kind.NAME:
        start -= 2
    path, first = ".".join(token.text for token in read[start : at + 1 : 2]), read[start]
    if first.text in ("data", "input") or _dotted(read, start):
        yield first, "function-elsewhere", "Call a function of this file by its name: packages share documents only."
    elif path == "regex.match":
        if at + 2 >= len(read) or read[at + 2].kind is not Kind.STRING:
            yield first, "unguarded", "Write the pattern here, as a string: one that comes from elsewhere may be none."
    elif path not in BUILT_IN and path not in own:
        advice = f"Use one of {', '.join(sorted(BUILT_IN))}."
        yield first, "built-in", f"Do not call {path[:60]}. {_LOOKS_OUTSIDE.get(first.text, advice)}"


def _dotted(read: Rule, at: int) -> bool:
    """Whether the token at ``at`` goes on a reference."""
    return at > 0 and read[at - 1].text == "." and not read[at].spaced


# ---- P1 and P7: packages and roots -----------------------------------------------------------------------------------


def packages(read: Rule, *, allowed: str | None, roots: Sequence[str]) -> Iterator[Wrong]:
    """P1, P7. A file is one package, the one it may be, and imports nothing."""
    starts = [at for at, token in enumerate(read) if at == 0 or read[at - 1].kind is Kind.NEWLINE]
    for at in starts:
        if read[at].text == "import":
            yield read[at], "import", "Take this out, and write the whole path from data or input instead."
    declared = [at for at in starts if read[at].text == "package"]
    wanted = allowed or " or ".join(f"{root}.…" for root in roots)
    if not declared:
        yield (read[0] if read else _NOWHERE), "package", f"Begin with: package {wanted}"
    for at in declared:
        path = _path(read, at + 1)
        right = path == _path(tokens(allowed), 0) if allowed else path[:1] in [(root,) for root in roots]
        if not right or at != declared[0]:
            yield read[at], "package", f"A file has one package, and this one must be: package {wanted}"


_NOWHERE = Token(Kind.NEWLINE, "", 1, 1, spaced=False)


def _path(read: Rule, at: int) -> tuple[str, ...]:
    """The reference that begins at ``at``, part by part: ``a.b["c"]`` is ("a", "b", "c"). What is not fixed is "?"."""
    parts: list[str] = []
    while at < len(read) and read[at].kind is not Kind.NEWLINE:
        token = read[at]
        if token.kind is Kind.NAME:
            parts.append(token.text)
        elif token.text == "[" and at + 2 < len(read) and read[at + 2].text == "]":
            parts.append(read[at + 1].value or "?")
            at += 2
        elif token.text != ".":
            return (*parts, "?")
        at += 1
    return tuple(parts)


def roots(read: Rule, *, readable: Sequence[str]) -> Iterator[Wrong]:
    """P7. Code and data have roots of their own, and a file reads no other."""
    for at, token in enumerate(read):
        if token.text != "data" or _dotted(read, at):
            continue
        after = [part.text for part in read[at + 1 : at + 3]]
        bracketed = after[:1] == ["["] and read[at + 2].value if len(after) == 2 else None
        root = after[1] if after[:1] == ["."] and len(after) == 2 else bracketed
        if root not in readable:
            yield token, "root", f"Read only input and {', '.join(f'data.{name}' for name in readable)}."


# ---- P2, P3 and P4: heads --------------------------------------------------------------------------------------------


def names(rules: Iterable[Rule]) -> set[str]:
    """What the rules of a file are called."""
    found = set()
    for rule in rules:
        first = rule[1] if rule[0].text == "default" and len(rule) > 1 else rule[0]
        found.add(name_of(first))
    return found - {""}


def heads(rule: Rule) -> Iterator[Wrong]:
    """P2, P3, P4. A rule with a key has one value, bound in its body; a document of several values is never lost."""
    if not name_of(rule[0]):
        return
    key, at = _key(rule)
    end = next((i for i, token in enumerate(rule) if i >= at and token.text in ("if", "else")), len(rule))
    value = rule[at + 1 : end]
    if at < len(rule) and key and rule[at].text in ("contains", "[", "."):
        yield rule[0], "keyed-set", "Give the key with the value, as in contains [key, value]."
    if at >= len(rule) or rule[at].text not in (":=", "="):
        return
    if key and name_of(key) and value and value[0].text not in ("[", "{") and _looks_up(value):
        yield value[0], "value-in-head", "Bind the value in the body first: where it is missing, every key is lost."
    if end == len(rule) and value[:1] and value[0].text == "{" and (missing := _may_be_missing(value)):
        yield missing, "may-be-missing", "Name this in a rule with a default: without it the whole document is lost."


def _key(rule: Rule) -> tuple[Token | None, int]:
    """The first token between the brackets of ``name[key]``, if any, and where the head goes on after them."""
    if len(rule) < 2 or rule[1].text != "[" or rule[1].spaced:
        return None, 1
    close = next((i for i, token in enumerate(rule) if token.text == "]"), len(rule))
    return (rule[2] if len(rule) > 2 else None), close + 1


def _looks_up(value: Rule) -> bool:
    return any(
        token.text in ("data", "input") or (token.text == "[" and before.kind is Kind.NAME and not token.spaced)
        for before, token in pairwise([_NOWHERE, *value])
    )


def _may_be_missing(value: Rule) -> Token | None:
    """The first reference to the question in an object that is written out; a comprehension leaves out, and is safe."""
    if any(token.text == "|" for token in value):
        return None
    return next((token for token in value if token.text == "input"), None)


# ---- P5: names -------------------------------------------------------------------------------------------------------


def reused(rule: Rule, rules: set[str]) -> Iterator[Wrong]:
    """P5. A name means one thing within reach: no ``some``, ``every`` or ``:=`` takes one that is there already."""
    taken = Counter(rules | set(_arguments(rule)))
    reach: list[list[str]] = [[]]  # what each bracket that is open declared, to be given back when it closes
    for at, token in enumerate(rule):
        if token.text in ("[", "{", "("):
            reach.append([])
        elif token.text in ("]", "}", ")") and len(reach) > 1:
            taken.subtract(reach.pop())
        for declared in () if _dotted(rule, at) else _declared(rule, at):
            if taken[declared.text] > 0:
                yield declared, "name-reused", f"Use another name than {declared.text[:40]}, which is taken here."
            taken[declared.text] += 1
            reach[-1].append(declared.text)


def _arguments(rule: Rule) -> Iterator[str]:
    if len(rule) > 1 and rule[1].text == "(":
        for token in rule[2:]:
            if token.text == ")":
                return
            if name_of(token):
                yield token.text


def _declared(rule: Rule, at: int) -> Iterator[Token]:
    """The names declared at ``at``: those of ``some … in``, of ``every … in``, and the one before ``:=``."""
    token = rule[at]
    if token.text in ("some", "every"):
        for later in rule[at + 1 : at + 1 + _FURTHEST]:
            if later.text == "in" or later.kind is Kind.NEWLINE:
                return
            if name_of(later) and later.text != "_":
                yield later
    elif at and name_of(token) and at + 1 < len(rule) and rule[at + 1].text == ":=" and not _heads(rule, at):
        yield token


def _heads(rule: Rule, at: int) -> bool:
    """Whether the name at ``at`` is the rule's own, being given its value."""
    return at == 0 or (at == 1 and rule[0].text == "default")


# ---- P8: what may be missing, or of another type ---------------------------------------------------------------------


def unguarded(rule: Rule) -> Iterator[Wrong]:
    """P8. Reckon only with what is known to be a number; negate a rule, and no call on what may be missing."""
    guarded = {_reference(rule, at + 2) for at, token in enumerate(rule) if token.text == "is_number"}
    for at, token in enumerate(rule):
        if token.text in ("+", "-", "*", "/", "%"):
            reckoned = {_reference(rule, at + 1), _reference(rule, _begins(rule, at))} - {""}
            if reckoned - guarded:
                yield token, "unguarded", "Say is_number(…) of it in this rule first: it may be missing, or be text."
        if token.text == "not" and not _dotted(rule, at) and _may_be_lost(rule[at + 1 : at + 1 + _FURTHEST]):
            yield token, "negated", "Name this in a rule of its own and negate that: a missing part would undo it."


def _reference(rule: Rule, at: int) -> str:
    """The reference into the question that begins at ``at``, as written; empty where there is none."""
    if at >= len(rule) or rule[at].text != "input" or _dotted(rule, at):
        return ""
    parts = [rule[at].text]
    for dot, name in zip(rule[at + 1 :: 2][:8], rule[at + 2 :: 2][:8], strict=False):
        if dot.text != "." or name.kind is not Kind.NAME:
            break
        parts.append(name.text)
    return ".".join(parts)


def _begins(rule: Rule, at: int) -> int:
    """Where the dotted reference that ends just before ``at`` begins."""
    start = at - 1
    while start >= 2 and rule[start - 1].text == ".":
        start -= 2
    return max(start, 0)


def _may_be_lost(after: Rule) -> bool:
    """Whether what is negated calls or compares something looked up: that is taken out first, and may be missing."""
    negated: list[Token] = []
    for token in after:
        if token.kind is Kind.NEWLINE or token.text in (";", "}", "|"):
            break
        negated.append(token)
    compares = any(token.text in ("<", ">", "<=", ">=", "!=", "(", "in") for token in negated)
    looks_up = any(token.text in ("input", "sharing") or (token.text == "." and not token.spaced) for token in negated)
    ours = any(token.text == "broker" for token in negated)  # a set of the broker's own is always there
    return compares and looks_up and not ours
