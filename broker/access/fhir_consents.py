"""FHIR Consents that a resident brought, held to at every release: what they refuse, or do not open, is kept back.

Only ever narrows. Reads no meaning itself: the rules do (``policies/broker/fhir_consent``), of each entry, live. Where
they cannot be asked, or documents say more than is read, everything they might have been about is kept back; what there
was no time for is kept back and said to be unavailable, for it is neither withheld nor not there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload

from broker import logs
from broker.access.engines import consents as rules
from broker.access.request import AccessRequest, Decision, Pair
from broker.consent import fhir
from broker.consent.models import Consent
from broker.errors import EngineUnavailable, EngineUnclear, InvalidInput
from broker.records.source import RecordEntry
from broker.vocabulary import (
    ACT_CODE,
    ACT_REASON,
    ConsentStatus,
    DenialReason,
    Permission,
    ProvisionType,
    Purpose,
    Section,
    Sensitivity,
)

log = logs.logger(__name__)
RESOURCE_TYPES = "http://hl7.org/fhir/resource-types"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
PATIENCE = timedelta(seconds=2)

Json = dict[str, Any]
Places = frozenset[tuple[str, str]]
Judge = Callable[[Sequence[RecordEntry]], tuple[Places, Places]]

# What each element of a provision looks at in an item. What nothing looks at is not asked about.
_LOOKS_AT = {"class": "class", "code": "codes", "securityLabel": "labels", "dataPeriod": "date", "data": "id"}


@dataclass(frozen=True)
class _Held:
    """One document, and the sections that it opened a part of to whoever asks: what it does not open there is shut."""

    consent: Json
    opened: frozenset[Section]


def judge_for(session: Session, request: AccessRequest) -> Judge | None:
    """What says which entries, as (source, id), ``request`` is not given, and of which there was no time to say.

    None where the resident brought no document. Reads what it needs now. Raises nothing when it is asked: where the
    rules fail, every entry is kept back.
    """
    held = _held(session, request)
    if not held:
        return None

    def judge(entries: Sequence[RecordEntry]) -> tuple[Places, Places]:
        shut = _shut(held, request, [item_of(entry) for entry in entries], [entry.section for entry in entries])
        told = [((e.provenance.source, e.id), said) for e, said in zip(entries, shut, strict=True)]
        return frozenset(e for e, said in told if said), frozenset(e for e, said in told if said is None)

    return judge


def narrowed(session: Session, request: AccessRequest, decision: Decision) -> Decision:
    """``decision`` for somebody who enforces it elsewhere: a section that a document shuts, or a part of, is refused.

    Nobody elsewhere can hold to a document, so what it would look at in each entry counts against the whole section.
    """
    held = _held(session, request) if decision.permitted else ()
    if not held:
        return decision
    sections = sorted({pair.section for pair in decision.pairs if pair.permitted})
    items = [{"class": [_section(section)]} for section in sections]
    told = _shut(held, request, items, sections)
    shut = {each for each, said in zip(sections, told, strict=True) if said is not False}
    pairs = (_refused(pair) if pair.permitted and pair.section in shut else pair for pair in decision.pairs)
    return replace(decision, pairs=tuple(pairs))


def _refused(pair: Pair) -> Pair:
    reasons = (DenialReason.CONSENT_WITHHELD,)
    return replace(pair, reasons=reasons, agreements=(), withheld_labels=frozenset(Sensitivity))


def check(resource: Any, *, patient: str, now: datetime) -> None:
    """Raise InvalidInput, with the rules' code, unless ``resource`` is a Consent of ``patient`` that they can read."""
    _must_be_bearable(rules.weight_of(resource))
    anybody = {"reference": "Practitioner/nobody", "identifier": [{"system": "urn:nobody", "value": "nobody"}]}
    said = [fhir.ACTION]  # any word will do: whether it can be read does not depend on what is asked
    request = {"patient": {"reference": patient}, "requester": anybody, "purpose": said, "action": said}
    answer = rules.decide({"at": _instant(now), "request": request, "consents": [resource]}, deadline=PATIENCE)
    (standing,) = answer["consents"]
    if standing["standing"] != "counts":
        code = sorted(standing["reasons"])[0]
        raise InvalidInput(f"consent-{code}", "This consent cannot be taken in as it is written.", field="consent")


def check_beside(session: Session, resident: str, document: Json) -> None:
    """Raise InvalidInput where ``document`` and those kept already are together more than is read at a release."""
    _must_be_bearable(_weight([document, *(each.document or {} for each in session.scalars(_in_use(resident)))]))


def _must_be_bearable(weight: rules.Weight) -> None:
    if not weight <= rules.MOST:
        raise InvalidInput("consent-too-complex", rules.TOO_COMPLEX, field="provision")


def item_of(entry: RecordEntry) -> Json:
    """An entry as the rules look at it. What is not known of it is left out, and then counts against it."""
    kind, local = entry.original.get("resourceType"), entry.original.get("id")
    classes = [_section(entry.section)]
    if isinstance(kind, str) and kind:
        classes.append({"system": RESOURCE_TYPES, "code": kind})
    item: Json = {
        "class": classes,
        "codes": [{"system": code.system, "code": code.code} for code in entry.codes if code.system and code.code],
        "labels": _labels(entry.labels | entry.stated_labels),
    }
    if isinstance(kind, str) and isinstance(local, str):
        item["id"] = f"{kind}/{local}"
    if entry.at is not None:
        item["date"] = _instant(entry.at) if isinstance(entry.at, datetime) else entry.at.isoformat()
    return item


def _held(session: Session, request: AccessRequest) -> tuple[_Held, ...]:
    """The documents that bear on ``request``: none on one's own record, nor where the law answers instead."""
    asker = request.requester
    own = request.purpose is Purpose.OWN_RECORD
    if (own and asker.resident == request.resident) or (
        not own and request.purpose.permission is Permission.NOT_NEEDED
    ):
        return ()
    found = session.scalars(_in_use(request.resident).options(selectinload(Consent.provisions)))
    return tuple(_Held(_alone(each), _opened(each, request)) for each in found)


def _in_use(resident: str) -> Select[Consent]:
    return (
        select(Consent)
        .where(
            Consent.resident_id == resident,
            Consent.status == ConsentStatus.ACTIVE,
            Consent.document.is_not(None),
        )
        .order_by(Consent.id)
    )


def _alone(consent: Consent) -> Json:
    made = fhir.to_fhir(consent, now=consent.given_at)
    return {**made, "status": "active"}  # its own periods say when; that it is not withdrawn was asked for


def _opened(consent: Consent, request: AccessRequest) -> frozenset[Section]:
    permits = [
        each
        for each in consent.provisions
        if each.type is ProvisionType.PERMIT
        and each.organisation_code == request.requester.organisation
        and (each.purposes is None or request.purpose.within_any(each.purposes))
    ]
    return frozenset(section for each in permits for section in (Section if each.sections is None else each.sections))


def _shut(
    held: Sequence[_Held], request: AccessRequest, items: Sequence[Json], sections: Sequence[Section]
) -> list[bool | None]:
    """Which items are kept back, in their order: refused, or in a section of which a document opens other parts.

    None for those there was no time for. Items that the documents cannot tell apart are asked about once.
    """
    if not _weight(each.consent for each in held) <= rules.MOST:
        log.error("consents-too-complex")
        return [True] * len(items)
    facets = _looked_at(held)
    seen = [json.dumps({name: item[name] for name in facets if name in item}, sort_keys=True) for item in items]
    kinds = list(dict.fromkeys(zip(seen, sections, strict=True)))
    until = monotonic() + PATIENCE.total_seconds()
    found: dict[tuple[str, Section], bool | None] = dict.fromkeys(kinds)
    try:
        for some in _slices(kinds):
            found |= zip(some, _judged(held, request, some, until), strict=True)
    except EngineUnavailable as fault:
        log.error("consents-not-read-in-time", cause=str(fault))
    except EngineUnclear as fault:
        log.error("consents-not-read", cause=str(fault))
        return [True] * len(items)
    return [found[kind] for kind in zip(seen, sections, strict=True)]


def _judged(
    held: Iterable[_Held], request: AccessRequest, kinds: Sequence[tuple[str, Section]], until: float
) -> list[bool]:
    items = [json.loads(item) for item, _ in kinds]
    shut = [False] * len(kinds)
    for each in held:
        left = timedelta(seconds=max(0.0, until - monotonic()))
        answer = rules.decide(_question(each.consent, request, items), deadline=left)
        for n, (judged, (_, section)) in enumerate(zip(answer["items"], kinds, strict=True)):
            said = judged["decision"]
            shut[n] |= said == "deny" or (said != "permit" and section in each.opened)
    return shut


def _slices(kinds: Sequence[tuple[str, Section]]) -> Iterator[Sequence[tuple[str, Section]]]:
    for first in range(0, len(kinds), rules.MOST_ITEMS):
        yield kinds[first : first + rules.MOST_ITEMS]


def _looked_at(held: Iterable[_Held]) -> list[str]:
    """What the documents look at in an item, whether or not they are readable: the words are looked for, no more."""
    words = json.dumps([each.consent["provision"] for each in held])
    return sorted(facet for element, facet in _LOOKS_AT.items() if f'"{element}"' in words)


def _weight(consents: Iterable[Json]) -> rules.Weight:
    return sum((rules.weight_of({"provision": each["provision"]}) for each in consents), rules.Weight())


def _question(consent: Json, request: AccessRequest, items: Sequence[Json]) -> Json:
    return {
        "at": _instant(request.made_at),
        "request": {
            "patient": {"reference": f"Patient/{request.resident}"},
            "requester": _requester(request),
            "purpose": purposes_asked(request.purpose),
            "action": [fhir.ACTION],
        },
        "consents": [consent],
        "items": list(items),
    }


def _requester(request: AccessRequest) -> Json:
    asker = request.requester
    known: Json = {"organisation": fhir.organisation_out(asker.organisation)} if asker.organisation else {}
    if asker.person is not None:
        return {**known, "reference": f"Practitioner/{asker.person}"}
    return {**known, "reference": f"RelatedPerson/{asker.resident}"} if asker.resident else known


def purposes_asked(purpose: Purpose) -> list[Json]:
    """The purpose and all above it, in our words and in HL7's: a rule that names one above speaks of this one too."""
    ours = [{"system": each.system, "code": each.value} for each in purpose.lineage]
    reasons = dict.fromkeys(each.act_reason for each in purpose.lineage)
    return ours + [{"system": ACT_REASON, "code": reason} for reason in reasons]


def _section(section: Section) -> Mapping[str, str]:
    return {"system": section.system, "code": section.value}


def _labels(labels: frozenset[Sensitivity]) -> list[Json]:
    confidentiality = {"system": CONFIDENTIALITY, "code": "R" if labels else "N"}
    ours = [{"system": fhir.SENSITIVITY, "code": label.value} for label in sorted(labels)]
    theirs = [{"system": ACT_CODE, "code": code} for code in sorted({label.act_code for label in labels})]
    return [*ours, *theirs, confidentiality]


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
