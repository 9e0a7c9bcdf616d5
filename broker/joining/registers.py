"""What an organisation is known by, checked by its shape alone: an ODS code, a charity's number, a company's.

Looks nothing up: whoever vouches has looked at the public register themselves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from broker.errors import InvalidInput
from broker.vocabulary import OrganisationKind


@dataclass(frozen=True, slots=True)
class Register:
    """A public register: its name, the shape of its numbers in words, and the kinds of organisation found in it."""

    name: str
    shape: str
    pattern: re.Pattern[str]
    kinds: frozenset[OrganisationKind]


_SMALLER = frozenset(
    {
        OrganisationKind.VCFSE,
        OrganisationKind.HOSPICE,
        OrganisationKind.COMMUNITY_PROVIDER,
        OrganisationKind.PHARMACY,
        OrganisationKind.GP_PRACTICE,
    }
)
# By the prefix of org-id.guide; an ODS code has none.
REGISTERS: dict[str, Register] = {
    "GB-CHC-": Register(
        "Charity Commission for England and Wales",
        "GB-CHC- and six or seven digits",
        re.compile(r"GB-CHC-[1-9][0-9]{5,6}"),
        frozenset({OrganisationKind.VCFSE, OrganisationKind.HOSPICE, OrganisationKind.COMMUNITY_PROVIDER}),
    ),
    "GB-COH-": Register(
        "Companies House",
        "GB-COH- and eight digits, or two letters and six digits",
        re.compile(r"GB-COH-([0-9]{8}|[A-Z]{2}[0-9]{6})"),
        _SMALLER,
    ),
    "": Register(
        "NHS Organisation Data Service",
        "three to ten capital letters and digits",
        re.compile(r"[A-Z0-9]{3,10}"),
        frozenset(OrganisationKind),
    ),
}

# The primary roles of ODS, and what such an organisation can be here. One role is several of our kinds where ODS
# does not tell them apart: a hospital trust and a mental health trust are both RO197.
KINDS_OF_ODS_ROLE: dict[str, frozenset[OrganisationKind]] = {
    "RO76": frozenset({OrganisationKind.GP_PRACTICE}),
    "RO177": frozenset({OrganisationKind.GP_PRACTICE}),
    "RO272": frozenset({OrganisationKind.GP_PRACTICE, OrganisationKind.INTEGRATOR}),
    "RO197": frozenset(
        {
            OrganisationKind.ACUTE_TRUST,
            OrganisationKind.MENTAL_HEALTH_TRUST,
            OrganisationKind.COMMUNITY_PROVIDER,
            OrganisationKind.INTEGRATOR,
        }
    ),
    "RO57": frozenset(
        {OrganisationKind.ACUTE_TRUST, OrganisationKind.MENTAL_HEALTH_TRUST, OrganisationKind.COMMUNITY_PROVIDER}
    ),
    "RO107": frozenset({OrganisationKind.MENTAL_HEALTH_TRUST, OrganisationKind.COMMUNITY_PROVIDER}),
    "RO261": frozenset({OrganisationKind.ICB}),
    "RO318": frozenset({OrganisationKind.ICB}),
    "RO209": frozenset({OrganisationKind.REGION}),
    "RO141": frozenset({OrganisationKind.LOCAL_AUTHORITY, OrganisationKind.INTEGRATOR}),
    "RO222": frozenset({OrganisationKind.LOCAL_AUTHORITY}),
    "RO223": frozenset({OrganisationKind.LOCAL_AUTHORITY, OrganisationKind.INTEGRATOR}),
    "RO104": frozenset({OrganisationKind.COMMUNITY_PROVIDER, OrganisationKind.VCFSE}),
    "RO101": frozenset({OrganisationKind.COMMUNITY_PROVIDER, OrganisationKind.VCFSE}),
    "RO7": frozenset({OrganisationKind.HOSPICE}),
    "RO157": frozenset({OrganisationKind.VCFSE, OrganisationKind.COMMUNITY_PROVIDER, OrganisationKind.INTEGRATOR}),
    "RO158": frozenset({OrganisationKind.VCFSE, OrganisationKind.COMMUNITY_PROVIDER}),
    "RO172": frozenset({OrganisationKind.COMMUNITY_PROVIDER}),
    "RO176": frozenset({OrganisationKind.COMMUNITY_PROVIDER}),
    "RO182": frozenset({OrganisationKind.PHARMACY}),
    "RO221": frozenset({OrganisationKind.VCFSE, OrganisationKind.LOCAL_AUTHORITY}),
    "RO236": frozenset({OrganisationKind.COMMUNITY_PROVIDER, OrganisationKind.VCFSE}),
}


def register_of(code: str) -> Register:
    """The register that a number is of, by how it begins."""
    return next(register for prefix, register in REGISTERS.items() if code.startswith(prefix))


def checked_code(text: str) -> str:
    """The number as it is kept: capitals, no spaces. Raises InvalidInput for a shape its register does not have."""
    code = re.sub(r"\s+", "", text).upper()
    register = register_of(code)
    if not register.pattern.fullmatch(code):
        detail = f"A number of the {register.name} is {register.shape}."
        raise InvalidInput("organisation-code-malformed", detail, field="code")
    return code


def has_the_shape(code: str) -> bool:
    return register_of(code).pattern.fullmatch(code) is not None


def check_kind(code: str, kind: OrganisationKind, *, ods_role: str = "") -> None:
    """Raises InvalidInput where such an organisation is not to be found in that register, or under that ODS role."""
    register = register_of(code)
    if kind not in register.kinds:
        detail = f"A {kind.label.lower()} is known by its ODS code, not by a number of the {register.name}."
        raise InvalidInput("organisation-kind-unlikely", detail, field="kind")
    if not ods_role:
        return
    if not code.startswith("GB-") and ods_role not in KINDS_OF_ODS_ROLE:
        raise InvalidInput("ods-role-unknown", "No organisation of this ODS role takes part.", field="ods_role")
    if code.startswith("GB-") or kind not in KINDS_OF_ODS_ROLE[ods_role]:
        raise InvalidInput("ods-role-differs", "The ODS role is of another kind of organisation.", field="ods_role")
