"""A FHIR R4 Consent as choices of ours. Decides nothing.

What provisions can say becomes provisions; a document that says more, or says it more finely, is kept as it is
(``Taken.document``) and read again at every use, where it can only narrow. Whether a document can be read at all is for
the rules to say (``policies/broker/fhir_consent``), before this is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

from broker.consent.fhir import ACTION, SENSITIVITY, labelled, meaning
from broker.consent.models import Provision
from broker.errors import InvalidInput
from broker.vocabulary import ACT_CODE, ACT_REASON, ODS_CODE, ProvisionType, Purpose, Section, Sensitivity

Json = dict[str, Any]
Code = TypeVar("Code")

_FINER = ("code", "dataPeriod", "data")  # what no provision can say


@dataclass(frozen=True)
class Taken:
    """What a FHIR Consent becomes. ``document`` is read again at every use; None where provisions say it all."""

    provisions: tuple[Provision, ...]
    document: Json | None

    @property
    def widens(self) -> bool:
        """Whether anybody could see more for it."""
        return any(each.type is ProvisionType.PERMIT for each in self.provisions)


@dataclass(frozen=True)
class _Terms:
    """What a rule and all above it are about. None means any; ``finer`` that no provision can say it exactly."""

    organisations: frozenset[str] | None = None
    purposes: frozenset[Purpose] | None = None
    sections: frozenset[Section] | None = None
    labels: frozenset[Sensitivity] | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None
    finer: bool = False
    ours: bool = True  # whether it is about anything that the broker could do

    @property
    def empty(self) -> bool:
        told = (self.organisations, self.purposes, self.sections, self.labels)
        period = self.from_at is not None and self.until_at is not None and self.until_at <= self.from_at
        return not self.ours or period or any(each is not None and not each for each in told)


def from_fhir(resource: Mapping[str, Any], *, known: Callable[[str], bool], now: datetime) -> Taken:
    """The choices in a FHIR Consent that the rules can read. ``known`` says whether there is such an organisation.

    Raises InvalidInput for an organisation nobody knows, and for a document that would keep nothing at all.
    """
    rules = list(_rules(resource["provision"], _Terms(), known))
    provisions: list[Provision] = []
    finer = False
    for rule, terms, exceptions in rules:
        exact = not terms.finer
        if terms.empty and exact:
            continue
        opened = rule.get("type") != "permit" and "permit" in exceptions
        if rule.get("type") == "permit":
            finer |= not exact
            provisions += _permits(terms, now)
        elif exact and not opened and rule.get("type") == "deny":
            provisions += _denies(terms, now)
        else:
            finer = True
    if not provisions and not finer:
        raise InvalidInput("consent-says-nothing", "Nothing in this consent permits or refuses anything here.")
    document = {"provision": resource["provision"]} if finer else None
    return Taken(tuple(provisions), document)


def _rules(
    rule: Mapping[str, Any], above: _Terms, known: Callable[[str], bool]
) -> Iterable[tuple[Mapping[str, Any], _Terms, frozenset[str]]]:
    """Every rule of the tree with what it is about, and the types of the exceptions to it."""
    terms = _within(above, rule, known)
    types = frozenset(str(each.get("type", "")) for each in _all_below(rule))
    yield rule, terms, types
    for each in rule.get("provision", []):
        yield from _rules(each, terms, known)


def _all_below(rule: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    for each in rule.get("provision", []):
        yield each
        yield from _all_below(each)


def _within(above: _Terms, rule: Mapping[str, Any], known: Callable[[str], bool]) -> _Terms:
    terms = above
    if "actor" in rule:
        organisations, person = _organisations(rule["actor"], known)
        terms = replace(terms, organisations=_both(terms.organisations, organisations), finer=terms.finer or person)
    if "purpose" in rule:
        terms = replace(terms, purposes=_shared_purposes(terms.purposes, _purposes(rule["purpose"])))
    if "class" in rule:
        sections, other = _sections(rule["class"])
        terms = replace(terms, sections=_both(terms.sections, sections), finer=terms.finer or other)
    if "securityLabel" in rule:
        labels, other = _labels(rule["securityLabel"])
        permits = rule.get("type") == "permit"  # a permission is of whole sections
        terms = replace(terms, labels=_both(terms.labels, labels), finer=terms.finer or other or permits)
    if "action" in rule:
        named = {(each["system"], each["code"]) for concept in rule["action"] for each in _codings(concept)}
        terms = replace(terms, ours=terms.ours and (ACTION["system"], ACTION["code"]) in named)
    if "period" in rule:
        start, end = _period_in(rule["period"])
        terms = replace(terms, from_at=_later(terms.from_at, start), until_at=_sooner(terms.until_at, end))
    if any(element in rule for element in _FINER):
        terms = replace(terms, finer=True)
    return terms


def _permits(terms: _Terms, now: datetime) -> list[Provision]:
    """A permission for each organisation it names, of whole sections: the document narrows it where it is finer."""
    whole = replace(terms, labels=None)
    if whole.empty or terms.organisations is None or _over(terms, now):
        return []
    return [_provision(ProvisionType.PERMIT, code, whole, now) for code in sorted(terms.organisations)]


def _denies(terms: _Terms, now: datetime) -> list[Provision]:
    if _over(terms, now):
        return []
    named: Collection[str | None] = [None] if terms.organisations is None else sorted(terms.organisations)
    return [_provision(ProvisionType.DENY, code, terms, now) for code in named]


def _over(terms: _Terms, now: datetime) -> bool:
    return terms.until_at is not None and terms.until_at <= max(now, terms.from_at or now)


def _provision(kind: ProvisionType, organisation: str | None, terms: _Terms, now: datetime) -> Provision:
    return Provision(
        type=kind,
        organisation_code=organisation,
        purposes=terms.purposes,
        sections=terms.sections,
        labels=terms.labels,
        from_at=max(now, terms.from_at or now),
        until_at=terms.until_at,
    )


def _organisations(actors: Iterable[Mapping[str, Any]], known: Callable[[str], bool]) -> tuple[frozenset[str], bool]:
    """The organisations named, and whether anybody else is, whom no provision can name."""
    found: set[str] = set()
    others = False
    for actor in actors:
        code = _organisation(actor["reference"])
        if code is None:
            others = True
        elif not known(code):
            raise InvalidInput("organisation-unknown", "There is no such organisation here.", field="actor")
        else:
            found.add(code)
    return frozenset(found), others


def _organisation(reference: Mapping[str, Any]) -> str | None:
    identifier = reference.get("identifier")
    if isinstance(identifier, Mapping) and identifier.get("system") == ODS_CODE:
        return str(identifier.get("value"))
    kind, _, code = str(reference.get("reference", "")).partition("/")
    return code if kind == "Organization" and code else None


def _purposes(codings: Iterable[Mapping[str, Any]]) -> frozenset[Purpose]:
    """Ours by our own word, or by HL7's: which stands for those at the top of what it names."""
    found: set[Purpose] = set()
    for coding in codings:
        if coding["system"] == Purpose.DIRECT_CARE.system and coding["code"] in list(Purpose):
            found.add(Purpose(coding["code"]))
        elif coding["system"] == ACT_REASON:
            found |= meaning(coding["code"])
    return frozenset(found)


def _shared_purposes(one: frozenset[Purpose] | None, other: frozenset[Purpose]) -> frozenset[Purpose]:
    """What both speak of: a purpose speaks of all below it."""
    if one is None:
        return other
    return frozenset(each for each in one | other if each.within_any(one) and each.within_any(other))


def _sections(codings: Iterable[Mapping[str, Any]]) -> tuple[frozenset[Section], bool]:
    by_code = {(each.system, each.value): each for each in Section}
    found = [by_code.get((coding["system"], coding["code"])) for coding in codings]
    return frozenset(each for each in found if each is not None), None in found


def _labels(codings: Iterable[Mapping[str, Any]]) -> tuple[frozenset[Sensitivity], bool]:
    found: set[Sensitivity] = set()
    other = False
    for coding in codings:
        if coding["system"] == SENSITIVITY and coding["code"] in list(Sensitivity):
            found.add(Sensitivity(coding["code"]))
        elif coding["system"] == ACT_CODE and labelled(coding["code"]):
            found |= labelled(coding["code"])
        else:
            other = True
    return frozenset(found), other


def _codings(concept: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [each for each in concept.get("coding", []) if {"system", "code"} <= each.keys()]


def _both(one: frozenset[Code] | None, other: frozenset[Code]) -> frozenset[Code]:
    return other if one is None else one & other


def _period_in(period: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    """From when, and until when, the end not included, of a period that the rules have read."""
    start, end = period.get("start"), period.get("end")
    return (_bounds(start)[0] if start else None), (_bounds(end)[1] if end else None)


def _bounds(text: str) -> tuple[datetime, datetime | None]:
    if "T" in text:
        first = datetime.fromisoformat(text.replace("Z", "+00:00")).replace(microsecond=0).astimezone(UTC)
        return first, first + timedelta(seconds=1)
    year, month, day = (int(part) for part in (text + "-01-01").split("-")[:3])
    first_day = date(year, month, day)
    if year == 9999:
        return _midnight(first_day), None  # for ever
    following = {4: date(year + 1, 1, 1), 7: date(year + month // 12, month % 12 + 1, 1)}
    return _midnight(first_day), _midnight(following.get(len(text), first_day + timedelta(days=1)))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((each for each in (one, other) if each is not None), default=None)


def _sooner(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((each for each in (one, other) if each is not None), default=None)
