"""First texts for an agreement, by kind of service: the least that each needs, with every field explained beside it.

Fills in what is known and marks the rest TO FILL, which ``findings`` names until the parties have. Keeps nothing.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from broker.agreements import guide, paper, schema
from broker.agreements.findings import TO_FILL
from broker.errors import InvalidInput, NotFound

FOLDER = Path(__file__).parents[2] / "policies" / "templates"
_WIDTH = 100


@dataclass(frozen=True)
class Template:
    """A first text for one kind of service. ``about`` says what it is for; ``text`` has nothing filled in."""

    id: str
    title: str
    about: str
    text: str


def every() -> list[Template]:
    """Every template, by title."""
    found = [Template(id, each["title"], each["about"], _compose(each, _NOBODY)) for id, each in _known().items()]
    return sorted(found, key=lambda template: template.title)


def start(
    template_id: str,
    *,
    id: str,
    organisation: str,
    name: str,
    place: str,
    under: str,
    givers: Sequence[str] = (),
) -> str:
    """The first text of the agreement ``id``, called ``name``, under which ``organisation`` is to receive.

    ``givers`` are the organisations whose systems answer, where they are known. Raises NotFound for a template that is
    not there, InvalidInput for a code that is none.
    """
    if template_id not in _known():
        raise NotFound("template-unknown", "There is no such template.", field="template")
    for field, pattern, value in (
        ("id", schema.ID, id),
        ("under", schema.ID, under),
        ("place", schema.PLACE, place),
        *(("organisation", schema.ORGANISATION, each) for each in (organisation, *givers)),
    ):
        if not re.fullmatch(pattern, value):
            raise InvalidInput("text-malformed", "Give letters, digits and hyphens.", field=field)
    filled = _Filled(id=id, title=" ".join(name.split()), organisation=organisation, place=place, under=under)
    return _compose(_known()[template_id], filled, givers=tuple(givers))


@dataclass(frozen=True)
class _Filled:
    """What is known when a text is started."""

    id: str
    title: str
    organisation: str
    place: str
    under: str


def _to_fill(what: str) -> str:
    return f"{TO_FILL} {what}"


_GIVER = _to_fill("the code of an organisation whose systems answer")
_NOBODY = _Filled(
    id=_to_fill("its own code, as MG-ADVICE"),
    title=_to_fill("what people will call it"),
    organisation=_to_fill("the code of the organisation that receives"),
    place=_to_fill("the code of the place"),
    under=_to_fill("the agreement above it"),
)


@cache
def _known() -> dict[str, dict[str, Any]]:
    return {path.stem: paper.read(path.read_text(encoding="utf-8")).value for path in sorted(FOLDER.glob("*.yaml"))}


def _compose(template: Mapping[str, Any], filled: _Filled, *, givers: tuple[str, ...] = ()) -> str:
    agreement = _mapping(template["agreement"], filled, givers or (_GIVER,))
    head = [
        template["title"],
        template["about"],
        template["why"],
        f"Put something in place of each line that begins {TO_FILL}. Everything else may stay, or be changed.",
    ]
    parts = ["\n".join(_comment(line) for line in head) + "\n"]
    explained: set[str] = set()
    parts += [_explained(name, value, explained) for name, value in agreement.items()]
    return "\n".join(parts)


def _mapping(own: Mapping[str, Any], filled: _Filled, givers: Sequence[str]) -> dict[str, Any]:
    """The whole agreement, in the order it is written: what is the template's own, and what is alike in all."""
    return {
        "id": filled.id,
        "title": filled.title,
        "level": "place",
        "place": filled.place,
        "under": filled.under,
        "narrows": False,
        "purpose_statement": own["purpose_statement"],
        "benefits": own["benefits"],
        "parties": [_receiver(filled.organisation, own), *map(_giver, givers)],
        "recipients": {"kinds": []},
        "purposes": own["purposes"],
        "data_subjects": "Residents whom this service is helping.",
        "geography": "Where the place's code says.",
        "sections": own["sections"],
        "sources": {"organisations": list(givers), "kinds": []},
        "roles": own["roles"],
        "labels": own["labels"],
        "lawful_basis": own["lawful_basis"],
        "confidentiality": own["confidentiality"],
        "disclosure": own["disclosure"],
        "break_glass": False,
        "obligations": own["obligations"],
        "flow": {
            "method": "Read on a screen through the broker, one resident at a time. Nothing is sent in bulk.",
            "frequency": "Only when somebody asks.",
            "hosting": "In the United Kingdom only. Each party's records stay in its own systems.",
        },
        "rights": {
            "access_requests": "Each party, for the records it holds.",
            "objections": "Each party. The resident can also close anything themselves, at any time.",
            "complaints": "Each party, and the Information Commissioner.",
            "privacy_notice": _to_fill("the web address of the privacy notice"),
        },
        "security": "Strong sign-in, access by role, encryption, an entry for every look, and yearly training.",
        "incidents": {"contact": _to_fill("whom to tell of a breach"), "hours": 24},
        "retention": own["retention"],
        "disposal": "Notes made from what was read are destroyed when their time is up. When this agreement ends "
        "nothing more is read.",
        "onward_sharing": own["onward_sharing"],
        "dpia": {
            "reference": _to_fill("the reference of the impact assessment"),
            "on": _to_fill("the day it was approved, as 2026-03-05"),
        },
        "review_on": _to_fill("a day to look at it again, before the last"),
        "from_on": _to_fill("its first day, as 2026-04-01"),
        "until_on": _to_fill("its last day"),
        "signatories": [
            {"organisation": each, "name": _to_fill("who signs for it"), "role": "ig-lead"}
            for each in (filled.organisation, *givers)
        ],
    }


def _receiver(organisation: str, own: Mapping[str, Any]) -> dict[str, Any]:
    party = {
        "organisation": organisation,
        "part": "controller",
        "receives": True,
        "gives": False,
        "contact": _to_fill("who answers for information governance there"),
        "dspt": {
            "status": _to_fill("met, exceeded, approaching or not-required"),
            "on": _to_fill("the day that was published"),
        },
    }
    # Legitimate interests are for those that are no public authority, whatever their code looks like.
    private = own["lawful_basis"]["article_6"] in ("6(1)(f)", "6(1)(ea)")
    return {**party, "public_authority": False} if private else party


def _giver(organisation: str) -> dict[str, Any]:
    contact = _to_fill("who answers for information governance there")
    return {"organisation": organisation, "part": "controller", "receives": False, "gives": True, "contact": contact}


def _explained(name: str, value: Any, explained: set[str]) -> str:
    """One field as YAML, with a comment above it and above each field inside it that has not been explained yet."""
    written = paper.write({name: value})
    above: dict[int, str] = {}
    for path, place in paper.read(written).names.items():
        plain = re.sub(r"\[\d+\]", "[]", path)
        if plain not in explained and plain in _ABOUT:
            explained.add(plain)
            above[place.line - 1] = _ABOUT[plain]
    lines = []
    for index, line in enumerate(written.splitlines()):
        if index in above:
            lines.append(_comment(above[index], indent=len(line) - len(line.lstrip())))
        lines.append(line)
    return "\n".join(lines) + "\n"


def _comment(text: str, *, indent: int = 0) -> str:
    prefix = " " * indent + "# "
    return textwrap.fill(text, _WIDTH, initial_indent=prefix, subsequent_indent=prefix, break_long_words=False)


_ABOUT = {note.path: note.about for note in guide.notes()}
