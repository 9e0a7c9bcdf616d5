"""The fixed cast: the place, its organisations, source systems and partner systems, by the codes everybody uses.

Every name is made up, every ``XX9…`` code is one that is held by nobody, and no charity has a number that begins
with 9. Staff and teams are in ``staff``, residents with a story in ``named``. Decides nothing about any record.
"""

from __future__ import annotations

from dataclasses import dataclass

from broker.vocabulary import OrganisationKind, Role

PLACE_CODE = "MG"
PLACE_NAME = "Marlowe Green"


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """A part of the place with its own integrated neighbourhood team."""

    code: str
    name: str
    outward: str  # of its made-up postcodes


CANALSIDE = Neighbourhood("MG-N", "Canalside", "QX1")
HILLTOP = Neighbourhood("MG-S", "Hilltop", "QX2")
NEIGHBOURHOODS = (CANALSIDE, HILLTOP)


@dataclass(frozen=True, slots=True)
class Organisation:
    """``service`` is what it does, in the words a resident would be told."""

    code: str
    name: str
    kind: OrganisationKind
    service: str


REGION = Organisation(
    "XX9RGN",
    "Osierbank Region Office",
    OrganisationKind.REGION,
    "Oversees sharing across the region",
)
ICB = Organisation(
    "XX9ICB",
    "Osierbank Integrated Care Board",
    OrganisationKind.ICB,
    "Plans and pays for local NHS care",
)
INTEGRATOR = Organisation(
    "XX9INT",
    "Marlowe Green Neighbourhood Partnership",
    OrganisationKind.INTEGRATOR,
    "Brings the place's organisations together and sponsors new partners; reads no records",
)
LOCK_KEEPERS = Organisation(
    "XX9GP1",
    "Lock Keepers Surgery",
    OrganisationKind.GP_PRACTICE,
    "GP practice in Canalside",
)
HILLTOP_PRACTICE = Organisation(
    "XX9GP2",
    "Hilltop Beacon Practice",
    OrganisationKind.GP_PRACTICE,
    "GP practice in Hilltop",
)
TANNERY_ROW = Organisation(
    "XX9GP3",
    "Tannery Row Practice",
    OrganisationKind.GP_PRACTICE,
    "GP practice whose system is not connected yet",
)
ST_BRANNOC = Organisation(
    "XX9AC1",
    "St Brannoc's Hospitals Trust",
    OrganisationKind.ACUTE_TRUST,
    "General hospital",
)
FAIRLIGHT = Organisation(
    "XX9MH1",
    "Fairlight Mental Health Trust",
    OrganisationKind.MENTAL_HEALTH_TRUST,
    "Mental health care",
)
THAMESWAY = Organisation(
    "XX9CM1",
    "Thamesway Community Health",
    OrganisationKind.COMMUNITY_PROVIDER,
    "Nursing and therapy at home",
)
COUNCIL = Organisation(
    "XX9LA1",
    "Marlowe Green Council",
    OrganisationKind.LOCAL_AUTHORITY,
    "Adult social care, children's services and housing",
)
TOWPATH_PHARMACY = Organisation("XX9PH1", "Towpath Pharmacy", OrganisationKind.PHARMACY, "Medicines and advice")
ST_EADWEN = Organisation(
    "XX9HO1",
    "St Eadwen's Hospice",
    OrganisationKind.HOSPICE,
    "Care towards the end of life",
)
LANTERN = Organisation(
    "GB-CHC-9010001",
    "Lantern Row Advice Centre",
    OrganisationKind.VCFSE,
    "Advice on debt, benefits, housing and food",
)
CARERS = Organisation(
    "GB-CHC-9010002",
    "Shared Shoulder Carers' Centre",
    OrganisationKind.VCFSE,
    "Support for people who look after somebody",
)
BEFRIENDING = Organisation(
    "GB-CHC-9010003",
    "Kettle Hour Befriending",
    OrganisationKind.VCFSE,
    "Company, activities and social prescribing",
)
SALTGATE = Organisation(
    "GB-CHC-9010004",
    "Saltgate Advocacy",
    OrganisationKind.VCFSE,
    "Help for people living with domestic abuse",
)
LARDER = Organisation(
    "GB-CHC-9010005",
    "Marlowe Green Larder",
    OrganisationKind.VCFSE,
    "Food bank and community meals",
)

PRACTICES = (LOCK_KEEPERS, HILLTOP_PRACTICE, TANNERY_ROW)
CHARITIES = (LANTERN, CARERS, BEFRIENDING, SALTGATE, LARDER)
ORGANISATIONS = (
    REGION,
    ICB,
    INTEGRATOR,
    *PRACTICES,
    ST_BRANNOC,
    FAIRLIGHT,
    THAMESWAY,
    COUNCIL,
    TOWPATH_PHARMACY,
    ST_EADWEN,
    *CHARITIES,
)


@dataclass(frozen=True, slots=True)
class SourceSystem:
    """A system in the sandbox. ``port`` is added to the first port the sandbox is given; None for a file."""

    id: str
    label: str
    kind: str
    organisation: str
    port: int | None


LOCK_KEEPERS_GP = SourceSystem("lock-keepers-gp", "Lock Keepers Surgery", "fhir", LOCK_KEEPERS.code, 0)
HILLTOP_GP = SourceSystem("hilltop-gp", "Hilltop Beacon Practice", "fhir", HILLTOP_PRACTICE.code, 1)
ST_BRANNOC_ACUTE = SourceSystem("st-brannoc-acute", "St Brannoc's Hospitals", "fhir", ST_BRANNOC.code, 2)
FAIRLIGHT_MH = SourceSystem("fairlight-mental-health", "Fairlight Mental Health", "fhir", FAIRLIGHT.code, 3)
THAMESWAY_COMMUNITY = SourceSystem("thamesway-community", "Thamesway Community Health", "fhir", THAMESWAY.code, 4)
COUNCIL_ADULT_CARE = SourceSystem(
    "council-adult-care",
    "Marlowe Green adult social care",
    "cld-csv",
    COUNCIL.code,
    None,
)
LANTERN_CASEWORK = SourceSystem("lantern-casework", "Lantern Row casework", "casework-csv", LANTERN.code, None)
MARLOWE_DIRECTORY = SourceSystem(
    "marlowe-directory",
    "Marlowe Green services directory",
    "open-referral-uk",
    INTEGRATOR.code,
    5,
)
SOURCES = (
    LOCK_KEEPERS_GP,
    HILLTOP_GP,
    ST_BRANNOC_ACUTE,
    FAIRLIGHT_MH,
    THAMESWAY_COMMUNITY,
    COUNCIL_ADULT_CARE,
    LANTERN_CASEWORK,
    MARLOWE_DIRECTORY,
)
FHIR_SOURCES = tuple(source for source in SOURCES if source.kind == "fhir")
FIRST_PORT = 8091  # unless the sandbox is told another


@dataclass(frozen=True, slots=True)
class PartnerSystem:
    """A registered client of the broker: the role is the one it asks in when it names no worker."""

    id: str
    name: str
    organisation: str
    role: Role


CLIENTS = (
    PartnerSystem(
        "lock-keepers-system",
        "Lock Keepers clinical system",
        LOCK_KEEPERS.code,
        Role.CLINICIAN,
    ),
    PartnerSystem(
        "hilltop-system",
        "Hilltop Beacon clinical system",
        HILLTOP_PRACTICE.code,
        Role.CLINICIAN,
    ),
    PartnerSystem(
        "st-brannoc-system",
        "St Brannoc's patient record",
        ST_BRANNOC.code,
        Role.CLINICIAN,
    ),
    PartnerSystem("fairlight-system", "Fairlight patient record", FAIRLIGHT.code, Role.CLINICIAN),
    PartnerSystem("thamesway-system", "Thamesway caseload system", THAMESWAY.code, Role.CLINICIAN),
    PartnerSystem("council-system", "Council case management", COUNCIL.code, Role.SOCIAL_WORKER),
    PartnerSystem(
        "towpath-system",
        "Towpath dispensing system",
        TOWPATH_PHARMACY.code,
        Role.CLINICIAN,
    ),
    PartnerSystem("st-eadwen-system", "St Eadwen's patient record", ST_EADWEN.code, Role.CLINICIAN),
    PartnerSystem("lantern-system", "Lantern Row casework system", LANTERN.code, Role.CASE_WORKER),
    PartnerSystem(
        "carers-system",
        "Shared Shoulder casework system",
        CARERS.code,
        Role.CASE_WORKER,
    ),
    PartnerSystem(
        "kettle-hour-system",
        "Kettle Hour referrals system",
        BEFRIENDING.code,
        Role.LINK_WORKER,
    ),
    PartnerSystem("saltgate-system", "Saltgate casework system", SALTGATE.code, Role.CASE_WORKER),
    PartnerSystem(
        "partnership-system",
        "Partnership governance system",
        INTEGRATOR.code,
        Role.IG_LEAD,
    ),
)


def organisation(code: str) -> Organisation:
    """The organisation with this code. Raises KeyError for one that is not in the cast."""
    return _BY_CODE[code]


def source(id: str) -> SourceSystem:
    """The source system with this id. Raises KeyError for one that is not in the cast."""
    return _BY_SOURCE[id]


_BY_CODE = {each.code: each for each in ORGANISATIONS}
_BY_SOURCE = {each.id: each for each in SOURCES}
