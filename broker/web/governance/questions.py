"""A decision's question and answer in words, without names of residents. Asks and decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from broker.vocabulary import DenialReason, Obligation, Purpose, Role, Section
from broker.web.governance.reports import word


@dataclass(frozen=True)
class Asked:
    """Who asked, as what, for what."""

    organisation: str
    role: str
    purpose: str
    sections: tuple[str, ...]
    emergency: bool


@dataclass(frozen=True)
class Answered:
    """One section from one source: permitted, or why not."""

    section: str
    source: str
    permitted: bool
    reasons: tuple[str, ...]
    agreements: tuple[str, ...]


def asked_in(question: Mapping[str, Any], names: Mapping[str, str]) -> Asked:
    """The question, as an engine was asked it (``policies/schemas/input.json``), in words."""
    subject, request = question.get("subject", {}), question.get("request", {})
    organisation, codes = subject.get("organisation", ""), frozenset(request.get("sections", ()))
    return Asked(
        organisation=names.get(organisation, organisation),
        role=word(subject.get("role"), Role),
        purpose=word(request.get("purpose"), Purpose),
        sections=tuple(section.label for section in Section if section.value in codes),
        emergency=request.get("break_glass") is not None,
    )


def answered_in(answer: Mapping[str, Any], labels: Mapping[str, str]) -> list[Answered]:
    """The answer's pairs in words. ``labels`` are the sources' own, by id."""
    return [
        Answered(
            section=word(pair.get("section"), Section),
            source=labels.get(pair.get("source", ""), pair.get("source", "")),
            permitted=not pair.get("reasons"),
            reasons=tuple(word(reason, DenialReason) for reason in pair.get("reasons", ())),
            agreements=tuple(pair.get("agreements", ())),
        )
        for pair in answer.get("pairs", ())
    ]


def whole_reasons(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """Why the whole request is refused, in words; none where only some of it is."""
    return tuple(word(reason, DenialReason) for reason in answer.get("reasons", ()))


def conditions_of(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """The obligations that go with whatever is released, in words."""
    return tuple(word(each.get("obligation"), Obligation) for each in answer.get("obligations", ()))
