"""What the policy is given from ``vocabulary.py``: its words as data, and the schema of its input, as JSON text.

Pure. The files in ``policies`` are these texts exactly; a test regenerates and compares them. Decides nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any

from broker.vocabulary import (
    AgreementState,
    Confidentiality,
    DenialReason,
    Disclosure,
    Layer,
    LegalBasis,
    Obligation,
    OrganisationKind,
    ProvisionType,
    Purpose,
    RelationshipKind,
    Role,
    Section,
    Sensitivity,
    Tier,
)

VOCABULARY = Path("vocabulary/data.json")  # within ``policies``
INPUT_SCHEMA = Path("schemas/input.json")
PAGE = Path("README.md")

_TABLE_BEGINS, _TABLE_ENDS = "<!-- reasons: generated -->", "<!-- end of reasons -->"

_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_YES_NO = {"type": "boolean"}


def vocabulary() -> dict[str, Any]:
    """The words the policy knows: what ``data.sharing.vocabulary`` holds."""
    return {
        "purposes": {purpose.value: _purpose(purpose) for purpose in Purpose},
        "sections": {section.value: {} for section in Section},
        "labels": {label.value: {"in_law": label.in_law} for label in Sensitivity},
        "kinds": {
            kind.value: {"statutory": kind.statutory, "gives_care": kind.gives_care} for kind in OrganisationKind
        },
        "roles": {role.value: {"clinical": role.clinical} for role in Role},
        "relationship_kinds": {kind.value: {"longest": kind.longest} for kind in RelationshipKind},
        "tiers": {tier.value: {} for tier in Tier},
        "states": {state.value: {} for state in AgreementState},
        "confidentiality": {basis.value: {} for basis in Confidentiality},
        "disclosures": {disclosure.value: {} for disclosure in Disclosure},
        "obligations": {obligation.value: {} for obligation in Obligation},
        "layers": {layer.value: {"order": order} for order, layer in enumerate(Layer)},
        "reasons": {reason.value: {"layer": reason.layer.value} for reason in DenialReason},
    }


def _purpose(purpose: Purpose) -> dict[str, Any]:
    """``lineage`` is the purpose and those above it, as a set: ``{code: true}``."""
    return {
        "permission": purpose.permission.value,
        "grouping": purpose.grouping,
        "lineage": {above.value: True for above in purpose.lineage},
    }


def input_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the question that ``pdp.question`` asks."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The question the policy is asked",
        "description": "Instants are whole seconds since 1970 UTC. Generated from broker/vocabulary.py.",
        **_record(request=_request(), subject=_subject(), resident=_resident(), facts=_facts()),
    }


def vocabulary_text() -> str:
    return _text(vocabulary())


def input_schema_text() -> str:
    return _text(input_schema())


def reasons_table() -> str:
    """Every reason to refuse, by layer, as the Markdown table in ``policies/README.md``."""
    rows = [f"| {reason.layer.label} | `{reason.value}` | {reason.label} |" for reason in by_layer()]
    return "\n".join(["| Layer | Code | In plain words |", "|---|---|---|", *rows])


def by_layer() -> list[DenialReason]:
    layers = list(Layer)
    return sorted(DenialReason, key=lambda reason: layers.index(reason.layer))


def write(folder: Path) -> list[Path]:
    """Write both files below ``folder`` (``policies``), and the table in its page; the paths of the files."""
    written = []
    for name, text in ((VOCABULARY, vocabulary_text()), (INPUT_SCHEMA, input_schema_text())):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    page = folder / PAGE
    if page.exists():
        page.write_text(with_table(page.read_text(encoding="utf-8")), encoding="utf-8")
    return written


def with_table(page: str) -> str:
    """``page`` with the table of reasons, as it now is, between its marks."""
    before, _, rest = page.partition(_TABLE_BEGINS)
    _, _, after = rest.partition(_TABLE_ENDS)
    return f"{before}{_TABLE_BEGINS}\n{reasons_table()}\n{_TABLE_ENDS}{after}"


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _request() -> dict[str, Any]:
    source = _record(organisation=_TEXT, kind=_code(OrganisationKind))
    return _record(
        id=_TEXT,
        time=_NUMBER,
        purpose=_code(Purpose),
        sections=_list(_code(Section)),
        pairs=_list(_record(section=_code(Section), source=_TEXT)),
        sources={"type": "object", "additionalProperties": source},
        break_glass=_or_null(_record(reason=_TEXT)),
    )


def _subject() -> dict[str, Any]:
    always = _record(
        organisation=_TEXT,
        kind={"enum": [*_codes(OrganisationKind), ""]},  # empty: an organisation the broker does not know
        active=_YES_NO,
        role=_code(Role),
        person=_or_null(_TEXT),
        member=_YES_NO,
        assurance=_NUMBER,
    )
    # Left out of questions that were recorded before emergency access was reviewed here, and before residents asked.
    later = {"review_overdue": _YES_NO, "resident": _or_null(_TEXT), "acting": _or_null(_acting())}
    return {**always, "properties": {**always["properties"], **later}}


def _acting() -> dict[str, Any]:
    """By what somebody acts for the resident: it stands now, opens these sections, and ends then if nothing changes."""
    return _record(proxy=_TEXT, basis=_code(LegalBasis), sections=_list(_code(Section)), until=_or_null(_NUMBER))


def _resident() -> dict[str, Any]:
    return _record(id=_TEXT, place=_TEXT, neighbourhood=_TEXT, age=_NUMBER)


def _facts() -> dict[str, Any]:
    relationship = _record(
        kind=_code(RelationshipKind),
        organisation=_TEXT,
        person=_or_null(_TEXT),
        team=_or_null(_TEXT),
        tier=_or_null(_code(Tier)),
        **{"from": _NUMBER},
        until=_or_null(_NUMBER),
        source=_TEXT,
    )
    provision = _record(
        id=_TEXT,
        consent=_TEXT,
        type=_code(ProvisionType),
        organisation=_or_null(_TEXT),
        purposes=_or_null(_list(_code(Purpose))),
        sections=_or_null(_list(_code(Section))),
        labels=_or_null(_list(_code(Sensitivity))),
        **{"from": _NUMBER},
        until=_or_null(_NUMBER),
        ended=_or_null(_NUMBER),
    )
    return _record(relationships=_list(relationship), provisions=_list(provision))


def _record(**properties: dict[str, Any]) -> dict[str, Any]:
    """An object that has exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _code(codes: type[StrEnum]) -> dict[str, Any]:
    return {"type": "string", "enum": _codes(codes)}


def _codes(codes: Iterable[StrEnum]) -> list[str]:
    return [code.value for code in codes]
