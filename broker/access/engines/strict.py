"""What goes into an engine and what comes out of it, read strictly. Evaluates nothing, and knows no engine.

Policy text is checked before any parser sees it: a parser that tries every reading of nested brackets takes twice as
long for each level, so twenty levels hold a process for minutes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Never

from broker.access.engines import DATA_ROOT as DATA_ROOT
from broker.access.engines import Bundle
from broker.errors import EngineUnclear

DEEPEST_BRACKETS = 8
LARGEST_MODULE = 64 * 1024  # bytes
LONGEST_NAME = 300  # characters of a fault's text that are kept
CONDITIONS = "conditions"
CODE_ROOTS = ("broker", CONDITIONS)
OWN_ROOT = "system/log"  # what an OPA server reads of itself; no other engine is given it
_UNDEFINED = "<undefined>"  # how the embedded engine prints a value that is not there

# What may hide a bracket: a comment, a string, a raw string. Anything left over of " or ` was never closed.
_HIDDEN = re.compile(r'#[^\n]*|"(?:\\.|[^"\\\n])*"|`[^`]*`')


def check_bundle(bundle: Bundle) -> None:
    """Raise EngineUnclear unless ``bundle`` keeps to its roots and every module is one that is safe to parse."""
    if set(bundle.data) != {DATA_ROOT}:
        raise EngineUnclear(f"a bundle's data has one root, {DATA_ROOT!r}, and this one has {sorted(bundle.data)}")
    # What is written already is signed with its revision, and an engine that is given it says which it answers from.
    if bundle.written is None and bundle.data[DATA_ROOT].get("revision") != bundle.revision:
        raise EngineUnclear("the bundle's data does not carry the bundle's revision")
    for path, text in sorted({**bundle.modules, **bundle.own}.items()):
        check_module(path, text)
    if astray := [path for path in bundle.own if not path.startswith(f"{OWN_ROOT}/")]:
        raise EngineUnclear(f"{astray[0]}: an OPA server reads of itself only what is in {OWN_ROOT}")


def check_module(path: str, text: str) -> None:
    """Raise EngineUnclear, naming ``path``, where the text is too large, nested too deep or never closes a string."""
    if len(text.encode(errors="surrogatepass")) > LARGEST_MODULE:
        raise EngineUnclear(f"{path}: more than {LARGEST_MODULE} bytes")
    seen = _HIDDEN.sub("", text)
    if "\0" in text or '"' in seen or "`" in seen:
        raise EngineUnclear(f"{path}: a string that never ends, or a NUL")
    if _depth(seen) > DEEPEST_BRACKETS:
        raise EngineUnclear(f"{path}: brackets nested more than {DEEPEST_BRACKETS} deep")


def _depth(text: str) -> int:
    depth = deepest = 0
    for mark in re.findall(r"[\[\]{}]", text):
        depth += 1 if mark in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def check_package(path: str, package: str) -> None:
    """Raise EngineUnclear unless ``package`` (as ``data.broker.decision``) may be where it is.

    A condition written for one agreement may only restrict, so it may not reach into the broker's own rules, nor into
    another agreement's conditions: to add to what those look up could take away what they refuse.
    """
    if path.lstrip("/").startswith(f"{CONDITIONS}/"):
        own = path.lstrip("/").removeprefix(f"{CONDITIONS}/").removesuffix(".rego")
        if package != f"data.{CONDITIONS}.{own}":
            raise EngineUnclear(f"{path}: package {package.removeprefix('data.')!r} is not that agreement's own")
    elif not any(package == f"data.{root}" or package.startswith(f"data.{root}.") for root in CODE_ROOTS):
        raise EngineUnclear(f"{path}: package {package.removeprefix('data.')!r} is outside {', '.join(CODE_ROOTS)}")


def data_of(bundle: Bundle) -> str:
    """The bundle's data as JSON text, taken as it is where it is already written."""
    return f'{{"{DATA_ROOT}":{written_of(bundle)}}}'


def written_of(bundle: Bundle) -> str:
    """What the bundle's data has under its one root, as JSON text."""
    return bundle.written.decode() if bundle.written is not None else to_json(bundle.data[DATA_ROOT])


def to_json(value: Any) -> str:
    """``value`` as JSON that every engine reads alike. Raises EngineUnclear for what JSON cannot say."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        text.encode()  # half of a surrogate pair: one engine refuses it, another replaces it
    except (TypeError, ValueError, RecursionError) as error:
        raise EngineUnclear(f"the question cannot be written as JSON: {type(error).__name__}") from error
    return text


def from_json(text: str | bytes) -> Any:
    """What an engine said. Raises EngineUnclear where it is not JSON."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise EngineUnclear("the engine's answer is not JSON") from error


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


def result_of(value: Any) -> Mapping[str, Any]:
    """``value`` if it is a decision's document at all. Raises EngineUnclear for undefined, null or no object."""
    if value is None or value == _UNDEFINED:
        raise EngineUnclear("the policy is undefined for this question")
    if not isinstance(value, dict) or not value:
        raise EngineUnclear(f"the policy answered with {type(value).__name__}, not a decision")
    return value


def brief(error: BaseException) -> str:
    """The part of an engine's error that says what is wrong: without the stack it may print, on one line."""
    lines = str(error).partition("Stack backtrace:")[0].split("\n")
    return " ".join(line.strip() for line in lines if line.strip())[:LONGEST_NAME]
