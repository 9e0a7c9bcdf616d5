"""A resident's choices as FHIR R4 Consents (UKCore-Consent). Decides nothing, and says no more there than here.

A permission names its organisation and speaks of nothing else, so that several documents never contradict each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from broker.consent.models import Consent, Provision
from broker.vocabulary import ACT_CODE, ACT_REASON, ODS_CODE, OWN, ConsentStatus, Purpose, Section, Sensitivity

Json = dict[str, Any]

PROFILE = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Consent"
SCOPE = {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
CATEGORY = {"system": ACT_CODE, "code": "INFA"}
ACTION = {"system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": "access"}
RECIPIENT = {"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}
SENSITIVITY = f"{OWN}:sensitivity"
POLICY = f"{OWN}:policy:choices"


def to_fhir(consent: Consent, *, now: datetime, patient: str = "", policy: str = POLICY) -> Json:
    """One choice as it stands ``now``. One that is withdrawn, or has run out, is never ``active``.

    ``patient`` is what whoever reads it calls the resident; without it, what the broker does.
    """
    in_use = [each for each in consent.provisions if _bears(each, now)]
    active = consent.status is ConsentStatus.ACTIVE and bool(in_use)
    subject = {"reference": f"Patient/{patient or consent.resident_id}"}
    made: Json = {
        "resourceType": "Consent",
        "id": consent.id,
        "meta": {"profile": [PROFILE], "lastUpdated": _instant(consent.ended_at or consent.given_at)},
        "status": "active" if active else "inactive",
        "scope": {"coding": [SCOPE]},
        "category": [{"coding": [CATEGORY]}],
        "patient": subject,
        "dateTime": _instant(consent.given_at),
        "performer": [_performer(consent, subject)],
        "policy": [{"uri": policy}],
    }
    if consent.document is not None:
        return {**made, "provision": consent.document["provision"]}
    return {**made, "provision": _tree(in_use if active else list(consent.provisions), consent)}


def _performer(consent: Consent, patient: Json) -> Json:
    """Who made the choice: the resident, or whoever acts for them, who is known here by a number of the broker's."""
    who = consent.given_by.removeprefix("resident:")
    if who == consent.resident_id:
        return patient
    return {"type": "RelatedPerson", "identifier": {"system": f"{OWN}:person", "value": who}}


def _tree(provisions: list[Provision], consent: Consent) -> Json:
    """The provisions as one tree. Those alike but for their sections, as narrowing leaves them, are one rule."""
    alike: dict[Any, list[Provision]] = {}
    for each in provisions:
        alike.setdefault(_but_for_sections(each), []).append(each)
    rules = [_rule(group, consent) for group in alike.values()]
    if len(rules) == 1:
        return rules[0]
    # Several rules need one above them. It refuses, within what they are about, all that none of them permits.
    actors = [actor for rule in rules for actor in rule.get("actor", [])]
    everybody = any("actor" not in rule for rule in rules)
    base: Json = {"type": "deny", "provision": rules}
    return base if everybody or not actors else {**base, "actor": _once(actors)}


def _but_for_sections(provision: Provision) -> Any:
    return (
        provision.type,
        provision.organisation_code,
        provision.purposes,
        provision.labels,
        provision.sections is None,
        provision.until_at,
        provision.ended_at,
    )


def _rule(alike: list[Provision], consent: Consent) -> Json:
    first = alike[0]
    rule: Json = {"type": first.type.value, "period": _period(alike, consent)}
    if first.organisation_code is not None:
        rule["actor"] = [_actor(first.organisation_code)]
    if first.purposes is not None:
        rule["purpose"] = purposes_out(first.purposes) or [_nothing("purpose")]
    if first.labels is not None:
        rule["securityLabel"] = labels_out(first.labels) or [_nothing("sensitivity")]
    if first.sections is not None:
        sections = sorted(frozenset().union(*(each.sections or frozenset() for each in alike)), key=list(Section).index)
        rule["class"] = [section_out(section) for section in sections] or [_nothing("section")]
    return rule


def _period(alike: list[Provision], consent: Consent) -> Json:
    period = {"start": _instant(min(each.from_at for each in alike))}
    ends = [end for each in alike for end in (each.until_at, each.ended_at, consent.ended_at) if end is not None]
    # A FHIR period has its end in it; ours has not. What ended as it began keeps the instant it had.
    return {**period, "end": _instant(max(min(ends) - timedelta(seconds=1), alike[0].from_at))} if ends else period


def _actor(organisation: str) -> Json:
    return {"role": {"coding": [RECIPIENT]}, "reference": organisation_out(organisation)}


def organisation_out(code: str) -> Json:
    return {
        "reference": f"Organization/{code}",
        "type": "Organization",
        "identifier": {"system": ODS_CODE, "value": code},
    }


def section_out(section: Section) -> Json:
    return {"system": section.system, "code": section.value, "display": section.label}


def purposes_out(purposes: Iterable[Purpose]) -> list[Json]:
    """Each purpose in our words, and in HL7's where its word means this purpose alone: alternatives would widen."""
    found: list[Json] = []
    for purpose in sorted(purposes):
        found.append({"system": purpose.system, "code": purpose.value, "display": purpose.label})
        if len(meaning(purpose.act_reason)) == 1:
            found.append({"system": ACT_REASON, "code": purpose.act_reason})
    return found


def labels_out(labels: Iterable[Sensitivity]) -> list[Json]:
    """Each sensitivity in our words, and in HL7's where its word means this one alone."""
    found: list[Json] = []
    for label in sorted(labels):
        found.append({"system": SENSITIVITY, "code": label.value, "display": label.label})
        if len(labelled(label.act_code)) == 1:
            found.append({"system": ACT_CODE, "code": label.act_code})
    return found


def meaning(act_reason: str) -> frozenset[Purpose]:
    """The purposes that HL7's word stands for."""
    return frozenset(each for each in Purpose if each.act_reason == act_reason)


def labelled(act_code: str) -> frozenset[Sensitivity]:
    """The sensitivities that HL7's word stands for."""
    return frozenset(each for each in Sensitivity if each.act_code == act_code)


def _nothing(kind: str) -> Json:
    """A code that nothing has: an empty list of ours means none, and FHIR has no list that is empty."""
    return {"system": f"{OWN}:{kind}", "code": "none"}


def _once(listed: list[Json]) -> list[Json]:
    return [each for n, each in enumerate(listed) if each not in listed[:n]]


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _bears(provision: Provision, now: datetime) -> bool:
    return provision.ended_at is None and (provision.until_at is None or now < provision.until_at)
