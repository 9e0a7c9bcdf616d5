"""Reading what ``broker consents`` is given: consents and a request, from files that anybody may have written.

Strict: what is ambiguous, too large or too deep is refused and its file named; nothing is guessed or passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any, Never

from broker.access.engines.consents import MOST, TOO_COMPLEX, weight_of

LARGEST = 1024 * 1024  # bytes of one file
DEEPEST = 40  # objects and lists within each other
MOST_CONSENTS = 500
MOST_ITEMS = 10_000
FACETS = frozenset({
    "patient", "requester", "purpose", "action", "class", "codes", "labels", "author", "date", "id", "identifier",
    "related", "depends_on",
})  # fmt: skip
BESIDE = frozenset({"at", "items", "directory"})


class Unusable(Exception):
    """What was given cannot be decided on. ``code`` is stable; ``detail`` names the file."""

    def __init__(self, code: str, file: Path, detail: str) -> None:
        super().__init__(f"{code}: {file.name}: {detail}")
        self.code, self.detail = code, f"{file.name}: {detail}"


def question(folder: Path, file: Path, *, at: str | None = None) -> dict[str, Any]:
    """The question that the rules are asked: the consents in ``folder``, and the request in ``file``.

    Raises Unusable, naming the file, where either cannot be used.
    """
    request = _request(read(file), file)
    found = list(_resources(folder))
    asked = {name: value for name, value in request.items() if name not in BESIDE}
    consents = _consents(found, asked.get("patient"))
    made: dict[str, Any] = {"at": at or request.get("at") or _now(), "request": asked, "consents": consents}
    if "items" in request:
        made["items"] = request["items"]
    if directory := {**_directory(found), **request.get("directory", {})}:
        made["directory"] = directory
    return made


def read(file: Path) -> Any:
    """The JSON in ``file``. Raises Unusable."""
    if file.stat().st_size > LARGEST:
        raise Unusable("file-too-large", file, f"more than {LARGEST // 1024} KiB.")
    try:
        text = file.read_bytes().decode("utf-8")
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse, parse_float=_finite)
    except UnicodeDecodeError:
        raise Unusable("not-text", file, "not UTF-8 text.") from None
    except _Twice as twice:
        raise Unusable("key-twice", file, f"the key {str(twice)[:60]!r} is given twice in one object.") from None
    except RecursionError:
        raise Unusable("too-deep", file, f"nested more than {DEEPEST} deep.") from None
    except ValueError as error:
        raise Unusable("not-json", file, f"not JSON ({str(error)[:100]}).") from None
    if _deeper(value, DEEPEST):
        raise Unusable("too-deep", file, f"nested more than {DEEPEST} deep.")
    if any(_halved(found) for found in _texts(value)):
        raise Unusable("not-text", file, "half of a character, which no text can hold.")
    return value


def _request(value: Any, file: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unusable("request-malformed", file, "a request is a JSON object.")
    if unknown := sorted(value.keys() - FACETS - BESIDE):
        raise Unusable("request-malformed", file, f"nobody knows what {unknown[0][:60]!r} asks.")
    if missing := sorted({"patient", "requester", "purpose", "action"} - value.keys()):
        raise Unusable("request-malformed", file, f"it does not say {missing[0]!r}.")
    items = value.get("items", [])
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Unusable("request-malformed", file, "items are a list of objects.")
    if len(items) > MOST_ITEMS:
        raise Unusable("too-many-items", file, f"more than {MOST_ITEMS} items.")
    if not isinstance(value.get("directory", {}), dict):
        raise Unusable("request-malformed", file, "a directory is an object.")
    return value


def _resources(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every resource in the folder, with the file it is in; a Bundle's one by one."""
    for file in sorted(folder.glob("*.json")):
        value = read(file)
        if not isinstance(value, dict) or not isinstance(value.get("resourceType"), str):
            raise Unusable("not-a-resource", file, "not a FHIR resource.")
        if value["resourceType"] != "Bundle":
            yield file, value
            continue
        entries = value.get("entry", [])
        for entry in entries if isinstance(entries, list) else [None]:
            resource = entry.get("resource") if isinstance(entry, dict) else None
            if not isinstance(resource, dict):
                raise Unusable("bundle-malformed", file, "an entry of the Bundle holds no resource.")
            yield file, resource


def _consents(found: Iterable[tuple[Path, dict[str, Any]]], patient: Any) -> list[dict[str, Any]]:
    """The consents, in order of their ids: which file one was in decides nothing."""
    by_id: dict[str, tuple[Path, dict[str, Any]]] = {}
    for file, resource in found:
        if resource.get("resourceType") != "Consent":
            continue
        id = resource.get("id")
        if not isinstance(id, str) or not id:
            raise Unusable("consent-without-id", file, "a Consent here has no id.")
        if id in by_id:
            raise Unusable("id-twice", file, f"the Consent {id[:64]!r} is in {by_id[id][0].name} as well.")
        if _somebody_elses(resource.get("patient"), patient):
            raise Unusable("wrong-patient", file, f"the Consent {id[:64]!r} is another patient's.")
        if not weight_of(resource) <= MOST:
            raise Unusable("consent-too-complex", file, f"the Consent {id[:64]!r}. {TOO_COMPLEX}")
        by_id[id] = file, resource
        if len(by_id) > MOST_CONSENTS:
            raise Unusable("too-many-consents", file, f"more than {MOST_CONSENTS} Consents.")
    return [resource for _, (_, resource) in sorted(by_id.items())]


def _somebody_elses(named: Any, patient: Any) -> bool:
    """Whether both can be recognised, alike, and are not the same. What cannot be told, the rules refuse."""
    if not isinstance(named, dict) or not isinstance(patient, dict):
        return False
    theirs, ours = _known_by(named), _known_by(patient)
    return bool(theirs.keys() & ours.keys()) and not any(theirs[k] & ours[k] for k in theirs.keys() & ours.keys())


def _known_by(reference: Mapping[str, Any]) -> dict[str, set[str]]:
    known: dict[str, set[str]] = {}
    if isinstance(reference.get("reference"), str):
        known["reference"] = {reference["reference"].split("/_history/")[0]}
    if identifiers := _identifiers(reference.get("identifier")):
        known["identifier"] = {f"{each['system']}|{each['value']}" for each in identifiers}
    return known


def _directory(found: Iterable[tuple[Path, dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Who is at which address: the identifiers of whatever else was given, so that actors can be recognised."""
    return {
        f"{resource['resourceType']}/{resource['id']}": identifiers
        for _, resource in found
        if resource.get("resourceType") != "Consent"
        and isinstance(resource.get("id"), str)
        and (identifiers := _identifiers(resource.get("identifier")))
    }


def _identifiers(value: Any) -> list[dict[str, Any]]:
    listed = value if isinstance(value, list) else [value]
    return [
        {"system": each["system"], "value": each["value"]}
        for each in listed
        if isinstance(each, dict) and isinstance(each.get("system"), str) and isinstance(each.get("value"), str)
    ]


class _Twice(ValueError):
    """A key that is twice in one object."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Twice(name)
        found[name] = value
    return found


def _refuse(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


def _finite(number: str) -> float:
    found = float(number)
    return found if isfinite(found) else _refuse(number[:20])


def _deeper(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _halved(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
