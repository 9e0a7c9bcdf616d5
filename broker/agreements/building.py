"""From what was read to the values of ``terms``: once from checked fields, and quickly from what is kept.

Checks nothing itself: ``schema`` has, and ``document`` asks the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from broker.agreements.terms import (
    Agreed,
    AgreedSection,
    AgreementDocument,
    Assurance,
    Basis,
    Dspt,
    Flow,
    Incidents,
    Part,
    Party,
    Rights,
    Signatory,
)
from broker.vocabulary import (
    Confidentiality,
    Disclosure,
    Level,
    Obligation,
    OrganisationKind,
    Purpose,
    Role,
    Section,
    Sensitivity,
)


def built(loaded: Mapping[str, Any]) -> AgreementDocument:
    """The document of what ``schema.load`` read. A field that could not be read is blank: its rules are not asked."""
    given = {name: value for name, value in loaded.items() if name in _PLAIN_FIELDS}
    basis, dpia = loaded.get("lawful_basis") or {}, loaded.get("dpia") or {}
    recipients, sources = loaded.get("recipients") or {}, loaded.get("sources") or {}
    return AgreementDocument(
        **(_BLANK | given),
        parties=tuple(_party(party) for party in _whole(loaded, "parties", *_PARTY)),
        recipient_kinds=tuple(recipients.get("kinds", ())),
        purposes=tuple(loaded.get("purposes", ())),
        sections=tuple(AgreedSection(**line) for line in _whole(loaded, "sections", "section", "because")),
        source_organisations=tuple(sources.get("organisations", ())),
        source_kinds=tuple(sources.get("kinds", ())),
        roles=tuple(loaded.get("roles", ())),
        labels=tuple(loaded.get("labels", ())),
        article_6=basis.get("article_6", ""),
        article_9=basis.get("article_9"),
        schedule_1=basis.get("schedule_1"),
        powers=basis.get("powers"),
        s251=basis.get("s251"),
        other_bases=tuple(_basis(other) for other in _whole(basis, "also", "article_6", "purposes")),
        obligations=tuple(Agreed(**line) for line in loaded.get("obligations", ())),
        flow=_record(Flow, loaded, "flow"),
        rights=_record(Rights, loaded, "rights"),
        incidents=_record(Incidents, loaded, "incidents"),
        dpia_reference=dpia.get("reference", ""),
        dpia_on=dpia.get("on", date.min),
        signatories=tuple(Signatory(**line) for line in _whole(loaded, "signatories", "organisation", "name", "role")),
    )


_BLANK: dict[str, Any] = {
    "id": "",
    "title": "",
    "level": Level.PLACE,
    "place": None,
    "under": None,
    "narrows": False,
    "purpose_statement": "",
    "confidentiality": Confidentiality.EXPLICIT,
    "disclosure": Disclosure.TELL,
    "break_glass": False,
    "retention": "",
    "onward_sharing": "",
    "review_on": date.min,
    "from_on": date.min,
    "until_on": date.min,
}
_PARTY = ("organisation", "part", "receives", "gives")
_PLAIN_FIELDS = frozenset({*_BLANK, "benefits", "changes_agreed", "data_subjects", "geography", "security", "disposal"})


def _whole(loaded: Mapping[str, Any], name: str, *needed: str) -> list[Any]:
    """The lines of the list called ``name`` that could be read whole."""
    return [line for line in loaded.get(name) or () if isinstance(line, dict) and all(each in line for each in needed)]


def _record(kind: type[Any], loaded: Mapping[str, Any], name: str) -> Any:
    given = loaded.get(name)
    return kind(**given) if given and len(given) == len(kind.__dataclass_fields__) else None


def _party(given: Mapping[str, Any]) -> Party:
    dspt = given.get("dspt")
    return Party(**{**given, "dspt": Dspt(**dspt) if dspt and "status" in dspt else None})


def _basis(given: Mapping[str, Any]) -> Basis:
    return Basis(**{"article_9": None, **given, "purposes": tuple(given["purposes"])})


def restored(value: Mapping[str, Any]) -> AgreementDocument:
    """The document a kept mapping is. Raises KeyError, TypeError, ValueError or AttributeError where it is none."""
    basis, dpia, sources = value["lawful_basis"], value["dpia"], value["sources"]
    flow, rights, incidents = value.get("flow"), value.get("rights"), value.get("incidents")
    return AgreementDocument(
        id=value["id"],
        title=value["title"],
        level=Level(value["level"]),
        place=value["place"],
        under=value["under"],
        narrows=value["narrows"],
        purpose_statement=value["purpose_statement"],
        benefits=value.get("benefits"),
        changes_agreed=value.get("changes_agreed"),
        parties=tuple(_restored_party(party) for party in value["parties"]),
        recipient_kinds=tuple(map(OrganisationKind, value["recipients"]["kinds"])),
        purposes=tuple(map(Purpose, value["purposes"])),
        data_subjects=value.get("data_subjects"),
        geography=value.get("geography"),
        sections=tuple(AgreedSection(Section(line["section"]), line["because"]) for line in value["sections"]),
        source_organisations=tuple(sources["organisations"]),
        source_kinds=tuple(map(OrganisationKind, sources["kinds"])),
        roles=tuple(map(Role, value["roles"])),
        labels=tuple(map(Sensitivity, value["labels"])),
        article_6=basis["article_6"],
        article_9=basis["article_9"],
        schedule_1=basis.get("schedule_1"),
        powers=basis.get("powers"),
        s251=basis.get("s251"),
        other_bases=tuple(_restored_basis(other) for other in basis.get("also", ())),
        confidentiality=Confidentiality(value["confidentiality"]),
        disclosure=Disclosure(value["disclosure"]),
        break_glass=value["break_glass"],
        obligations=tuple(_restored_duty(line) for line in value["obligations"]),
        flow=Flow(**flow) if flow is not None else None,
        rights=Rights(**rights) if rights is not None else None,
        security=value.get("security"),
        incidents=Incidents(**incidents) if incidents is not None else None,
        retention=value["retention"],
        disposal=value.get("disposal"),
        onward_sharing=value["onward_sharing"],
        dpia_reference=dpia["reference"],
        dpia_on=date.fromisoformat(dpia["on"]),
        review_on=date.fromisoformat(value["review_on"]),
        from_on=date.fromisoformat(value["from_on"]),
        until_on=date.fromisoformat(value["until_on"]),
        signatories=tuple(
            Signatory(line["organisation"], line["name"], Role(line["role"])) for line in value["signatories"]
        ),
    )


def _restored_party(given: Mapping[str, Any]) -> Party:
    return Party(
        given["organisation"],
        Part(given["part"]),
        given["receives"],
        given["gives"],
        given.get("contact"),
        _restored_dspt(given["dspt"]) if "dspt" in given else None,
        given.get("public_authority"),
    )


def _restored_dspt(given: Mapping[str, Any]) -> Dspt:
    on = date.fromisoformat(given["on"]) if "on" in given else None
    return Dspt(Assurance(given["status"]), on, given.get("note"))


def _restored_basis(given: Mapping[str, Any]) -> Basis:
    purposes = tuple(map(Purpose, given["purposes"]))
    return Basis(given["article_6"], given["article_9"], given.get("schedule_1"), purposes)


def _restored_duty(given: Mapping[str, Any]) -> Agreed:
    return Agreed(Obligation(given["obligation"]), {name: each for name, each in given.items() if name != "obligation"})
