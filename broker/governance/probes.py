"""Questions about nobody, to try rules with: different in kind, and one as large as any that is asked. Asks nothing."""

from __future__ import annotations

from typing import Any

from broker.access.engines import probe
from broker.vocabulary import OrganisationKind, Purpose, RelationshipKind, Role, Section

MANY = 200  # choices on file, in the largest question
_NOON = 1_795_262_400  # 21 November 2026, 12:00 UTC, in seconds since 1970
_ASKED = (
    (OrganisationKind.GP_PRACTICE, Role.CLINICIAN, Purpose.DIRECT_CARE),
    (OrganisationKind.LOCAL_AUTHORITY, Role.SOCIAL_WORKER, Purpose.CARE_COORDINATION),
    (OrganisationKind.VCFSE, Role.CASE_WORKER, Purpose.ADVICE_DEBT),
    (OrganisationKind.VCFSE, Role.LINK_WORKER, Purpose.SOCIAL_PRESCRIBING),
    (OrganisationKind.ACUTE_TRUST, Role.CLINICIAN, Purpose.EMERGENCY),
)


def questions() -> list[dict[str, Any]]:
    """The empty question, one of each usual kind, and the largest (``policies/schemas/input.json``)."""
    usual = [question(*asked) for asked in _ASKED]
    return [dict(probe.QUESTION), *usual, _large(question(*_ASKED[2]))]


def question(kind: OrganisationKind, role: Role, purpose: Purpose) -> dict[str, Any]:
    """Somebody of this kind and role asks for everything, for this purpose, and has a relationship."""
    sources = {f"source-{source.value}": {"organisation": "PROBE", "kind": source.value} for source in OrganisationKind}
    sections = [section.value for section in Section]
    glass = {"reason": "stated"} if purpose is Purpose.EMERGENCY else None
    return {
        "request": {
            "id": f"probe-{purpose.value}",
            "time": _NOON,
            "purpose": purpose.value,
            "sections": sections,
            "pairs": [{"section": section, "source": source} for section in sections for source in sources],
            "sources": sources,
            "break_glass": glass,
        },
        "subject": {
            "organisation": "PROBE",
            "kind": kind.value,
            "active": True,
            "role": role.value,
            "person": "nobody",
            "member": True,
            "assurance": 2,
        },
        "resident": {"id": "nobody", "place": "PROBE", "neighbourhood": "PROBE-1", "age": 71},
        "facts": {"relationships": [_relationship()], "provisions": [_provision(0)]},
    }


def _large(asked: dict[str, Any]) -> dict[str, Any]:
    facts = {
        "relationships": [_relationship() for _ in range(MANY // 4)],
        "provisions": [_provision(number) for number in range(MANY)],
    }
    return {**asked, "facts": facts}


def _relationship() -> dict[str, Any]:
    return {
        "kind": RelationshipKind.REFERRAL.value,
        "organisation": "PROBE",
        "person": None,
        "team": None,
        "tier": None,
        "from": _NOON - 86_400,
        "until": None,
        "source": "referral",
    }


def _provision(number: int) -> dict[str, Any]:
    return {
        "id": f"provision-{number}",
        "consent": f"consent-{number}",
        "type": "deny" if number % 3 else "permit",
        "organisation": None if number % 3 == 1 else "PROBE",
        "purposes": None,
        "sections": None if number % 2 else [section.value for section in Section][number % 30 :],
        "labels": None,
        "from": _NOON - 86_400 - number,
        "until": None,
        "ended": None,
    }
