"""An agreement as YAML: read strictly, with where each field stands; written out; and changed with its comments kept.

Knows YAML and nothing of agreements. What is no plain YAML is a refusal that names the line.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.scalarstring import SingleQuotedScalarString
from ruamel.yaml.tokens import AliasToken, AnchorToken, DirectiveToken, DocumentStartToken, TagToken
from ruamel.yaml.util import load_yaml_guess_indent

LARGEST_TEXT = 128 * 1024  # characters of YAML or JSON
_PLAIN = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "str", "timestamp"))
_WIDTH = 110
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True)
class Place:
    """A line and a column of a text, both from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Blot:
    """Something in a text that is no plain YAML. ``detail`` says what to do."""

    code: str
    detail: str
    at: Place | None = None


@dataclass
class Paper:
    """What a text holds as plain values, where every field of it stands, and what is wrong with the writing."""

    value: Any = None
    blots: list[Blot] = field(default_factory=list)
    names: dict[str, Place] = field(default_factory=dict)
    values: dict[str, Place] = field(default_factory=dict)

    def at(self, path: str, *, name: bool = False) -> Place | None:
        """Where the field at ``path`` stands: its value, or its ``name``; where it is not there, what it belongs in."""
        while path:
            found = (self.names if name else self.values).get(path) or self.values.get(path) or self.names.get(path)
            if found is not None:
                return found
            path = _around(path)
        return self.values.get("")


def read(text: str) -> Paper:
    """What ``text`` says, YAML 1.2 or JSON. Never raises: what is wrong with it is among its ``blots``.

    An alias says nothing that cannot be written out, and a few can stand for gigabytes; a tag asks for something to be
    made; a field given twice says two things. All are refused.
    """
    if len(text) > LARGEST_TEXT:
        return Paper(blots=[Blot("document-too-large", f"An agreement has at most {LARGEST_TEXT} characters.")])
    try:
        paper = Paper(blots=list(_odd(text)))
        if not paper.blots:
            node = YAML(typ="safe", pure=True).compose(text)
            paper.value = None if node is None else _Walk(paper).value(node, "")
        return paper
    except Exception as error:  # the parser raises whatever its parts raise on a mangled text: all of it means this
        return Paper(blots=[_unreadable(error, text)])


def write(mapping: Mapping[str, Any]) -> str:
    """``mapping`` as YAML, in its own order."""
    yaml = _writer()
    out = io.StringIO()
    yaml.dump(mapping, out)
    return _tidy(out.getvalue())


def changed(text: str, changes: Mapping[str, Any], *, without: Iterable[str] = ()) -> str:
    """``text`` with each field at a path given its new value, and those ``without`` taken away; comments stay.

    A field at the top that nothing in it changes keeps every letter of how it was written. A path is as findings
    write it: ``until_on``, ``sections[2].because``. One past the end of a list adds to it.
    Raises KeyError for a path that is not there.
    """
    loaded, indent, offset = load_yaml_guess_indent(text, yaml=_writer())
    for path, value in changes.items():
        _put(loaded, _steps(path), _quoted(value))
    for path in sorted(without, key=_steps, reverse=True):  # from the end, so that no index moves
        _take(loaded, _steps(path))
    yaml = _writer()
    yaml.indent(mapping=2, sequence=indent or 4, offset=offset if offset is not None else 2)
    out = io.StringIO()
    yaml.dump(loaded, out)
    return _kept(text, _tidy(out.getvalue()), touched={str(_steps(path)[0]) for path in (*changes, *without)})


class _Walk:
    """From parsed nodes to plain values, writing down where each stands and what cannot be read."""

    def __init__(self, paper: Paper) -> None:
        self.paper = paper
        self.make = YAML(typ="safe", pure=True).constructor

    def value(self, node: Node, path: str) -> Any:
        self.paper.values.setdefault(path, _place(node.start_mark))
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.value(each, f"{path}[{index}]") for index, each in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: MappingNode, path: str) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for name_node, value_node in node.value:
            name = self._scalar(name_node) if isinstance(name_node, ScalarNode) else None
            here = f"{path}.{name}" if path else str(name)
            at = _place(name_node.start_mark)
            if not isinstance(name, str):
                self._blot("A field's name is a word.", at)
            elif name in found:
                self._blot(f"“{name[:40]}” is given twice. Take one away.", at)
            else:
                self.paper.names[here] = at
                found[name] = self.value(value_node, here)
        return found

    def _scalar(self, node: Node) -> Any:
        if str(node.tag) not in _PLAIN:
            self._blot("This is not text, a number, a date, true, false or nothing.", _place(node.start_mark))
            return None
        return self.make.construct_object(node, deep=True)

    def _blot(self, detail: str, at: Place) -> None:
        self.paper.blots.append(Blot("document-malformed", detail, at))


def _odd(text: str) -> Iterator[Blot]:
    """What is YAML, and still has no place in an agreement."""
    started = False
    for token in YAML(typ="safe", pure=True).scan(text):
        at = _place(token.start_mark)
        if isinstance(token, AliasToken | AnchorToken):
            yield Blot("document-malformed", "Write everything out: an agreement has no aliases.", at)
        elif isinstance(token, TagToken | DirectiveToken):
            yield Blot("document-malformed", "Take this away: an agreement has no tags or directives.", at)
        elif isinstance(token, DocumentStartToken):
            if started:
                yield Blot("document-malformed", "One file holds one agreement. Put the second in its own.", at)
            started = True


def _unreadable(error: Exception, text: str) -> Blot:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    at = _place(mark) if mark is not None else None
    line = text.splitlines()[at.line - 1] if at and at.line <= len(text.splitlines()) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return Blot("document-malformed", "Indent with spaces: this line begins with a tab.", at)
    if "expected a single document" in str(error):
        return Blot("document-malformed", "One file holds one agreement. Put the second in its own.", at)
    where = f" on line {at.line}" if at else ""
    problem = getattr(error, "problem", None)
    why = f": {problem}" if isinstance(problem, str) else ""
    return Blot("document-malformed", f"This is not YAML or JSON{where}{why[:120]}.", at)


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1)


def _around(path: str) -> str:
    """The path of what the field at ``path`` belongs in."""
    return path[: max(path.rfind("."), path.rfind("["), 0)]


def _steps(path: str) -> tuple[str | int, ...]:
    return tuple(int(index) if index else name for name, index in _STEP.findall(path))


def _kept(text: str, amended: str, *, touched: Collection[str]) -> str:
    """``amended``, with each field at the top that was not ``touched`` as ``text`` wrote it."""
    before, after = _blocks(text), _blocks(amended)
    if not before or not after:  # written on one line, or in braces: there is nothing to take over line by line
        return amended
    return "".join(block if name in touched else before.get(name, block) for name, block in after.items())


def _blocks(text: str) -> dict[str, str]:
    """The lines of each field at the top, with the comments above it; what is above the first field is its too."""
    starts = {name: place for name, place in read(text).names.items() if not re.search(r"[.\[]", name)}
    if any(place.column != 1 for place in starts.values()):
        return {}
    lines = text.splitlines(keepends=True)
    cuts = [0, *(_with_comments(lines, place.line - 1) for place in list(starts.values())[1:]), len(lines)]
    return {name: "".join(lines[cuts[index] : cuts[index + 1]]) for index, name in enumerate(starts)}


def _with_comments(lines: list[str], index: int) -> int:
    """The first of the lines above ``index`` that say something of it."""
    while index > 0 and (lines[index - 1].startswith("#") or not lines[index - 1].strip()):
        index -= 1
    return index


def _put(loaded: Any, steps: tuple[str | int, ...], value: Any) -> None:
    parent, last = _parent(loaded, steps), steps[-1]
    if isinstance(last, int) and isinstance(parent, CommentedSeq) and last == len(parent):
        parent.append(value)
    elif isinstance(last, str) and isinstance(parent, CommentedMap):
        parent[last] = value
    else:
        parent[last] = value


def _take(loaded: Any, steps: tuple[str | int, ...]) -> None:
    del _parent(loaded, steps)[steps[-1]]


def _parent(loaded: Any, steps: tuple[str | int, ...]) -> Any:
    found = loaded
    for step in steps[:-1]:
        found = found[step]
    return found


def _quoted(value: Any) -> Any:
    """Days as quoted text, so that they read as they are written."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return SingleQuotedScalarString(value.isoformat())
    if isinstance(value, Mapping):
        return {name: _quoted(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_quoted(each) for each in value]
    return value


def _writer() -> YAML:
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _tidy(text: str) -> str:
    """Without the spaces that folding leaves at the end of a line; they mean nothing."""
    return re.sub(r"[ ]+$", "", text, flags=re.MULTILINE)
