"""What a policy engine is given: the rules' text, and one document of words, tables and agreements.

Pure, but for reading ``policies``. Derives and never decides: what an agreement allows is the rules' to say.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from broker.agreements import chains, document, generated
from broker.agreements.canonical import canonical
from broker.agreements.document import AgreementDocument
from broker.agreements.models import LIVE, SharingAgreement
from broker.errors import Misconfigured
from broker.vocabulary import AgreementState, Purpose

POLICIES = Path(__file__).parents[2] / "policies"


class Conditioned(Protocol):
    """A version of an agreement, as far as its conditions go."""

    @property
    def state(self) -> AgreementState: ...

    @property
    def conditions(self) -> str | None: ...


def load_modules(folder: Path = POLICIES) -> dict[str, str]:
    """The text of every rule below ``folder`` that decides on a request, by its path there; tests are left out.

    What reads FHIR Consents is asked alone (``access.engines.consents``), and no engine of the rules carries it.
    """
    modules = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*.rego"))
        if not path.name.endswith("_test.rego") and path.parent.name != "fhir_consent"
    }
    if not modules:
        raise Misconfigured(f"there is no policy in {folder}")
    return modules


def modules_for(agreements: Iterable[SharingAgreement], folder: Path = POLICIES) -> dict[str, str]:
    """Every rule, and the own conditions of each agreement that binds, by path in the bundle."""
    return load_modules(folder) | {path_of(row.id): text for row in agreements if (text := binding(row)) is not None}


def binding(row: Conditioned) -> str | None:
    """The conditions that an engine is given: an engine runs whatever it is given, so never what is not yet signed."""
    return row.conditions if row.state in LIVE else None


def path_of(id: str) -> str:
    """Where an agreement's own conditions are in the bundle."""
    return f"conditions/{id}.rego"


def packed(modules: Mapping[str, str], data: Mapping[str, Any] | bytes) -> bytes:
    """Everything an engine is given, compressed. ``data`` may be canonical JSON already. ``unpacked_text`` undoes."""
    written = data if isinstance(data, bytes) else canonical(data)
    return zlib.compress(written + b"\n" + canonical(dict(modules)), 1)  # canonical JSON has no line of its own


def unpacked_text(content: bytes) -> tuple[dict[str, str], bytes]:
    """The rules' text by path, and the data, still as canonical JSON, as they were packed. Raises ValueError."""
    try:
        data, _, modules = zlib.decompress(content).partition(b"\n")
    except zlib.error as error:
        raise ValueError("this is not what was packed") from error
    return json.loads(modules), data


def load_tables(folder: Path = POLICIES) -> dict[str, Any]:
    """London's governance tables, as written."""
    tables: dict[str, Any] = json.loads((folder / "tables" / "data.json").read_text(encoding="utf-8"))
    return tables


def build_data(agreements: Iterable[SharingAgreement]) -> dict[str, Any]:
    """The ``sharing`` document for ``agreements``, without its revision.

    Raises InvalidInput where a stored document breaks the rules of ``document.from_stored``: to leave one out could
    widen what others allow.
    """
    rows = {row.id: (row, document.from_stored(row.document)) for row in agreements}
    texts = {id: text for id, (_, text) in rows.items()}
    bases = {id: entry_of(row, text, ancestors=[], narrowed_by={}) for id, (row, text) in rows.items()}
    entries = linked(bases, texts)
    return {
        "vocabulary": generated.vocabulary(),
        "tables": load_tables(),
        "agreements": entries,
        "chains": chains.chains(entries),
        "by_org_purpose": index_of(texts),
    }


def linked(bases: Mapping[str, Mapping[str, Any]], texts: Mapping[str, AgreementDocument]) -> dict[str, dict[str, Any]]:
    """Each agreement's entry, with what is above it and what narrows it. Changes none of ``bases``."""
    under = {id: text.under for id, text in texts.items()}
    entries = {id: {**base, "ancestors": _ancestors(id, under), "narrowed_by": {}} for id, base in bases.items()}
    _narrow(entries, texts)
    return entries


def revision_of(now: datetime, modules: Mapping[str, str], data: Mapping[str, Any]) -> str:
    """``<UTC instant>/<SHA-256 of the content>``: when it was published, and exactly what."""
    return named(now, digest_of(modules, data))


def named(now: datetime, digest: str) -> str:
    """The name of what is published now and has this digest."""
    return f"{now.astimezone(UTC).isoformat(timespec='microseconds').replace('+00:00', 'Z')}/{digest}"


def published_at(revision: str) -> str:
    """The instant in a revision's name. Two of them are in the order of their text."""
    return revision.partition("/")[0]


def digest_of(modules: Mapping[str, str], data: Mapping[str, Any]) -> str:
    """SHA-256, in hex, over the name and hash of every module and of each part of the data but its revision."""
    return digest_of_parts(modules, parts_of(data))


def parts_of(data: Mapping[str, Any]) -> dict[str, bytes]:
    """Each part of the data as canonical JSON: written once, and hashed, signed and kept as it is."""
    return {name: canonical(part) for name, part in sorted(data.items())}


def whole(parts: Mapping[str, bytes]) -> bytes:
    """The canonical JSON of the data whose parts these are."""
    return b"{" + b",".join(canonical(name) + b":" + part for name, part in sorted(parts.items())) + b"}"


def digest_of_parts(modules: Mapping[str, str], parts: Mapping[str, bytes]) -> str:
    """As ``digest_of``, of parts already written."""
    contents = {f"modules/{path}": _sha256(text.encode()) for path, text in modules.items()}
    contents |= {f"data/{name}": _sha256(part) for name, part in parts.items() if name != "revision"}
    return _sha256(canonical(contents))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def entry_of(
    row: SharingAgreement, text: AgreementDocument, *, ancestors: list[str], narrowed_by: dict[str, list[str]]
) -> dict[str, Any]:
    """One agreement as the rules read it. Sets are ``{code: true}``, so that a look-up costs the same at any size."""
    return {
        "level": text.level.value,
        "place": text.place,
        "ancestors": ancestors,
        "narrowed_by": narrowed_by,
        "state": row.state.value,
        "signed": is_signed(row, text),
        # The row may only be stricter than the text that was signed.
        "from": max(_epoch(row.from_at), _epoch(text.from_at)),
        "until": min(_epoch(row.until_at), _epoch(text.until_at)),
        "recipients": {"organisations": _set(text.receivers), "kinds": _set(text.recipient_kinds)},
        "purposes": _set(_reached(text.purposes)),
        "sections": _set(agreed.section for agreed in text.sections),
        "sources": {"organisations": _set(text.source_organisations), "kinds": _set(text.source_kinds)},
        "roles": _set(text.roles),
        "labels": _set(text.labels),
        "confidentiality": text.confidentiality.value,
        "disclosure": text.disclosure.value,
        "break_glass": text.break_glass,
        "conditions": binding(row) is not None,
        "obligations": [{**agreed.parameters, "obligation": agreed.obligation.value} for agreed in text.obligations],
    }


def is_signed(row: SharingAgreement, text: AgreementDocument) -> bool:
    """Whether every party has signed this very text; a signature on any other text counts for nothing."""
    if row.digest != document.digest_with(text, row.conditions):
        return False
    signatories = {signature.organisation_code for signature in row.signatures if signature.stands_on(row.digest)}
    return all(party.organisation in signatories for party in text.parties)


def _ancestors(id: str, under: Mapping[str, str | None]) -> list[str]:
    """The agreements above ``id``, nearest first. One that is not here is named all the same: the rules refuse it.

    A circle names its members once each; agreements in a circle have no top, and the missing top is named too.
    """
    above: list[str] = []
    parent = under.get(id)
    while parent is not None:
        if parent == id or parent in above:
            return [*above, ""]
        above.append(parent)
        parent = under.get(parent)
    return above


def _narrow(entries: Mapping[str, dict[str, Any]], texts: Mapping[str, AgreementDocument]) -> None:
    """Name, in each agreement, what narrows it or any agreement above it, by place."""
    narrowing: dict[str, dict[str, list[str]]] = {}
    for id, text in sorted(texts.items()):
        # Every one is named, whatever its state: whether it binds, and when, is for the rules to say.
        if text.narrows and text.under is not None and text.place is not None:
            narrowing.setdefault(text.under, {}).setdefault(text.place, []).append(id)
    for id, entry in entries.items():
        for above in (id, *entry["ancestors"]):
            for place, ids in narrowing.get(above, {}).items():
                if id not in ids:
                    entry["narrowed_by"].setdefault(place, []).extend(ids)


def index_of(texts: Mapping[str, AgreementDocument]) -> dict[str, dict[str, dict[str, bool]]]:
    index: dict[str, dict[str, dict[str, bool]]] = {}
    for id, text in sorted(texts.items()):
        for organisation in text.receivers:
            for purpose in _reached(text.purposes):
                index.setdefault(organisation, {}).setdefault(purpose, {})[id] = True
    return index


def _reached(purposes: Iterable[Purpose]) -> list[str]:
    """``purposes`` and everything below them, once each: what an agreement that names them speaks of."""
    return list(dict.fromkeys(below.value for purpose in purposes for below in purpose.reach))


def _set(codes: Iterable[str]) -> dict[str, bool]:
    return {str(code): True for code in codes}


def _epoch(instant: datetime) -> int:
    return int(instant.timestamp())
