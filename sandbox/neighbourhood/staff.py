"""The people who work in the place, by name, job and role. Nobody here is real; ``teams`` says who is in which."""

from __future__ import annotations

from dataclasses import dataclass

from broker.vocabulary import Role
from sandbox.neighbourhood import cast


@dataclass(frozen=True, slots=True)
class StaffMember:
    """``job`` is the title on their badge; ``department`` is set where one organisation has several."""

    id: str
    name: str
    organisation: str
    role: Role
    job: str
    department: str = ""


PRIYA = StaffMember(
    "priya-raman",
    "Priya Raman",
    cast.LANTERN.code,
    Role.CASE_WORKER,
    "Debt and welfare case worker",
)
TOBIAS = StaffMember(
    "tobias-grange",
    "Tobias Grange",
    cast.LANTERN.code,
    Role.CASE_WORKER,
    "Housing case worker",
)
LANTERN_IG = StaffMember(
    "ines-cordery",
    "Ines Cordery",
    cast.LANTERN.code,
    Role.IG_LEAD,
    "Operations and data protection lead",
)
LANTERN_ADMIN = StaffMember(
    "noah-pettifer",
    "Noah Pettifer",
    cast.LANTERN.code,
    Role.ADMINISTRATOR,
    "Office manager",
)

DR_OKAFOR = StaffMember(
    "maya-okafor",
    "Dr Maya Okafor",
    cast.LOCK_KEEPERS.code,
    Role.CLINICIAN,
    "GP partner",
)
NURSE_TEAGUE = StaffMember(
    "ruth-teague",
    "Ruth Teague",
    cast.LOCK_KEEPERS.code,
    Role.CLINICIAN,
    "Practice nurse",
)
COORDINATOR = StaffMember(
    "samira-haddow",
    "Samira Haddow",
    cast.LOCK_KEEPERS.code,
    Role.CARE_COORDINATOR,
    "Care coordinator",
)
DR_LINDQVIST = StaffMember(
    "erik-lindqvist",
    "Dr Erik Lindqvist",
    cast.HILLTOP_PRACTICE.code,
    Role.CLINICIAN,
    "GP partner",
)
HILLTOP_COORDINATOR = StaffMember(
    "bea-ollerton",
    "Bea Ollerton",
    cast.HILLTOP_PRACTICE.code,
    Role.CARE_COORDINATOR,
    "Care coordinator",
)
DR_SEN = StaffMember("anjali-sen", "Dr Anjali Sen", cast.TANNERY_ROW.code, Role.CLINICIAN, "GP partner")

DR_ABARA = StaffMember(
    "chidi-abara",
    "Dr Chidi Abara",
    cast.ST_BRANNOC.code,
    Role.CLINICIAN,
    "Emergency consultant",
)
DR_KEANE = StaffMember(
    "orla-keane",
    "Dr Orla Keane",
    cast.ST_BRANNOC.code,
    Role.CLINICIAN,
    "Respiratory consultant",
)
CALDICOTT = StaffMember(
    "frances-ibbotson",
    "Dr Frances Ibbotson",
    cast.ST_BRANNOC.code,
    Role.CALDICOTT_GUARDIAN,
    "Caldicott Guardian",
)
PRIVACY_OFFICER = StaffMember(
    "leon-hartigan",
    "Leon Hartigan",
    cast.ST_BRANNOC.code,
    Role.PRIVACY_OFFICER,
    "Privacy officer",
)
DR_VOSS = StaffMember(
    "helene-voss",
    "Dr Helene Voss",
    cast.FAIRLIGHT.code,
    Role.CLINICIAN,
    "Consultant psychiatrist",
)
CRISIS_NURSE = StaffMember(
    "jamal-royce",
    "Jamal Royce",
    cast.FAIRLIGHT.code,
    Role.CLINICIAN,
    "Crisis team nurse",
)
DISTRICT_NURSE = StaffMember("wendy-okell", "Wendy Okell", cast.THAMESWAY.code, Role.CLINICIAN, "District nurse")
THERAPIST = StaffMember(
    "marcus-ferrow",
    "Marcus Ferrow",
    cast.THAMESWAY.code,
    Role.CLINICIAN,
    "Occupational therapist",
)

SOCIAL_WORKER = StaffMember(
    "dawn-achebe",
    "Dawn Achebe",
    cast.COUNCIL.code,
    Role.SOCIAL_WORKER,
    "Social worker",
    "Adult social care",
)
CHILDRENS_WORKER = StaffMember(
    "piers-lacey",
    "Piers Lacey",
    cast.COUNCIL.code,
    Role.SOCIAL_WORKER,
    "Social worker",
    "Children's services",
)
HOUSING_OFFICER = StaffMember(
    "zainab-quill",
    "Zainab Quill",
    cast.COUNCIL.code,
    Role.CARE_COORDINATOR,
    "Housing options officer",
    "Housing",
)
COUNCIL_IG = StaffMember(
    "gareth-moyle",
    "Gareth Moyle",
    cast.COUNCIL.code,
    Role.IG_LEAD,
    "Information governance manager",
    "Corporate",
)
COUNCIL_CALDICOTT = StaffMember(
    "adaeze-finch",
    "Adaeze Finch",
    cast.COUNCIL.code,
    Role.CALDICOTT_GUARDIAN,
    "Caldicott Guardian",
    "Adult social care",
)
COUNCIL_PRIVACY = StaffMember(
    "tamsin-broad",
    "Tamsin Broad",
    cast.COUNCIL.code,
    Role.PRIVACY_OFFICER,
    "Privacy officer",
    "Corporate",
)
ICB_IG = StaffMember(
    "roland-esk",
    "Roland Esk",
    cast.ICB.code,
    Role.IG_LEAD,
    "Head of information governance",
)
INTEGRATOR_LEAD = StaffMember(
    "carys-mbeki",
    "Carys Mbeki",
    cast.INTEGRATOR.code,
    Role.IG_LEAD,
    "Partnership director",
)
INTEGRATOR_ADMIN = StaffMember(
    "hugh-sallow",
    "Hugh Sallow",
    cast.INTEGRATOR.code,
    Role.ADMINISTRATOR,
    "Partnership manager",
)
REGION_IG = StaffMember(
    "estelle-woodrow",
    "Estelle Woodrow",
    cast.REGION.code,
    Role.IG_LEAD,
    "Regional IG lead",
)
PHARMACIST = StaffMember(
    "navid-karimi",
    "Navid Karimi",
    cast.TOWPATH_PHARMACY.code,
    Role.CLINICIAN,
    "Pharmacist",
)
HOSPICE_NURSE = StaffMember(
    "oona-prydderch",
    "Oona Prydderch",
    cast.ST_EADWEN.code,
    Role.CLINICIAN,
    "Hospice nurse",
)
CARERS_WORKER = StaffMember(
    "lily-strand",
    "Lily Strand",
    cast.CARERS.code,
    Role.CASE_WORKER,
    "Carers' support worker",
)
LINK_WORKER = StaffMember(
    "jonah-arkell",
    "Jonah Arkell",
    cast.BEFRIENDING.code,
    Role.LINK_WORKER,
    "Link worker",
)
ADVOCATE = StaffMember(
    "sadie-wren",
    "Sadie Wren",
    cast.SALTGATE.code,
    Role.CASE_WORKER,
    "Independent domestic violence adviser",
)
LARDER_WORKER = StaffMember(
    "amos-delaney",
    "Amos Delaney",
    cast.LARDER.code,
    Role.CASE_WORKER,
    "Food bank worker",
)

# Every party to an agreement has somebody who may sign for it.
LOCK_KEEPERS_IG = StaffMember(
    "della-marchetti",
    "Della Marchetti",
    cast.LOCK_KEEPERS.code,
    Role.IG_LEAD,
    "Practice manager and IG lead",
)
HILLTOP_IG = StaffMember(
    "owen-farrant",
    "Owen Farrant",
    cast.HILLTOP_PRACTICE.code,
    Role.IG_LEAD,
    "Practice manager and IG lead",
)
TANNERY_IG = StaffMember(
    "joan-abiola",
    "Joan Abiola",
    cast.TANNERY_ROW.code,
    Role.IG_LEAD,
    "Practice manager and IG lead",
)
FAIRLIGHT_IG = StaffMember(
    "marek-linden",
    "Marek Linden",
    cast.FAIRLIGHT.code,
    Role.IG_LEAD,
    "Information governance manager",
)
THAMESWAY_IG = StaffMember(
    "sunita-barlow",
    "Sunita Barlow",
    cast.THAMESWAY.code,
    Role.IG_LEAD,
    "Information governance manager",
)
PHARMACY_IG = StaffMember(
    "hugh-castellan",
    "Hugh Castellan",
    cast.TOWPATH_PHARMACY.code,
    Role.IG_LEAD,
    "Superintendent pharmacist and IG lead",
)
HOSPICE_IG = StaffMember(
    "miriam-thorne",
    "Miriam Thorne",
    cast.ST_EADWEN.code,
    Role.IG_LEAD,
    "Director of quality",
)
CARERS_IG = StaffMember(
    "lottie-akande",
    "Lottie Akande",
    cast.CARERS.code,
    Role.IG_LEAD,
    "Centre manager and data protection lead",
)
BEFRIENDING_IG = StaffMember(
    "percy-wold",
    "Percy Wold",
    cast.BEFRIENDING.code,
    Role.IG_LEAD,
    "Coordinator and data protection lead",
)
SALTGATE_IG = StaffMember(
    "zadie-rourke",
    "Zadie Rourke",
    cast.SALTGATE.code,
    Role.IG_LEAD,
    "Safety and data protection lead",
)
LARDER_IG = StaffMember(
    "femi-castle",
    "Femi Castle",
    cast.LARDER.code,
    Role.IG_LEAD,
    "Manager and data protection lead",
)

STAFF = (
    PRIYA, TOBIAS, LANTERN_IG, LANTERN_ADMIN, DR_OKAFOR, NURSE_TEAGUE, COORDINATOR, DR_LINDQVIST,
    HILLTOP_COORDINATOR, DR_SEN, DR_ABARA, DR_KEANE, CALDICOTT, PRIVACY_OFFICER, DR_VOSS, CRISIS_NURSE,
    DISTRICT_NURSE, THERAPIST, SOCIAL_WORKER, CHILDRENS_WORKER, HOUSING_OFFICER, COUNCIL_IG, COUNCIL_CALDICOTT,
    COUNCIL_PRIVACY, ICB_IG, INTEGRATOR_LEAD, INTEGRATOR_ADMIN, REGION_IG, PHARMACIST, HOSPICE_NURSE,
    CARERS_WORKER, LINK_WORKER, ADVOCATE, LARDER_WORKER,
    LOCK_KEEPERS_IG, HILLTOP_IG, TANNERY_IG, FAIRLIGHT_IG, THAMESWAY_IG, PHARMACY_IG,
    HOSPICE_IG, CARERS_IG, BEFRIENDING_IG, SALTGATE_IG, LARDER_IG,
)  # fmt: skip


def of(organisation: str) -> tuple[StaffMember, ...]:
    """Everybody in the cast who works for ``organisation``."""
    return tuple(each for each in STAFF if each.organisation == organisation)
