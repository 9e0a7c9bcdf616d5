"""Every code the broker uses, with the system it comes from and a label a resident would understand.

The one source of words: the Rego data in ``policies/vocabulary`` and the input schema are generated from here,
so Rego and Python cannot drift. Nothing here decides anything.

Sources of codes: PRSB Core Information Standard v2 with the UK Core record standard headings; HL7 v3 ActReason
(purpose of use) and ActCode (sensitivity); London's neighbourhood tiers.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from functools import cache
from typing import Self

UK_CORE_HEADINGS = "https://fhir.hl7.org.uk/CodeSystem/UKCore-RecordStandardHeadings"
ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
ODS_CODE = "https://fhir.nhs.uk/Id/ods-organization-code"
SNOMED_CT = "http://snomed.info/sct"
OWN = "urn:neighbourhood-broker"


class Coded(StrEnum):
    """A code whose members carry a plain ``label``; subclasses add what else their members must state."""

    label: str

    def __new__(cls, code: str, label: str = "") -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        return member


class Permission(StrEnum):
    """What must be on file before a purpose may use confidential information (common-law duty of confidentiality)."""

    IMPLIED = "implied"
    EXPLICIT = "explicit"
    NOT_NEEDED = "not-needed"  # the law or an overriding public interest answers instead


class Purpose(Coded):
    """Why a record is asked for: HL7 v3 ActReason where it has the word, our own VCFSE purposes where it has not.

    Purposes form an ontology: ``broader`` is the code of the one above, empty at the top. An agreement or a choice that
    names a purpose speaks of everything below it too. A ``grouping`` is only ever named there: a request must be exact.
    """

    permission: Permission
    system: str
    act_reason: str
    broader: str

    def __new__(
        cls,
        code: str,
        label: str = "",
        permission: Permission = Permission.EXPLICIT,
        act_reason: str = "",
        broader: str = "",
    ) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        member.permission = permission
        member.act_reason = act_reason
        member.broader = broader
        member.system = f"{OWN}:purpose"
        return member

    DIRECT_CARE = "direct-care", "Direct care", Permission.IMPLIED, "TREAT"
    CARE_COORDINATION = "care-coordination", "Coordinating care", Permission.IMPLIED, "COC", "direct-care"
    COMMUNITY_SERVICES = "community-services", "Community support of any kind", Permission.EXPLICIT, "SUPNWK"
    SOCIAL_PRESCRIBING = (
        "social-prescribing",
        "Social prescribing",
        Permission.EXPLICIT,
        "SUPNWK",
        "community-services",
    )
    CARERS_SUPPORT = "carers-support", "Support for carers", Permission.EXPLICIT, "SUPNWK", "community-services"
    ADVICE = "advice", "Advice of any kind", Permission.EXPLICIT, "SUPNWK", "community-services"
    ADVICE_DEBT = "advice-debt", "Debt and money advice", Permission.EXPLICIT, "SUPNWK", "advice"
    ADVICE_HOUSING = "advice-housing", "Housing advice", Permission.EXPLICIT, "SUPNWK", "advice"
    ADVICE_BENEFITS = "advice-benefits", "Benefits advice", Permission.EXPLICIT, "SUPNWK", "advice"
    SAFEGUARDING = "safeguarding", "Safeguarding", Permission.NOT_NEEDED, "PATSFTY"
    EMERGENCY = "emergency", "Emergency care", Permission.IMPLIED, "ETREAT"  # never implied by care: always its own act
    OWN_RECORD = (
        "own-record",
        "Reading one's own record, or that of somebody one acts for",
        Permission.NOT_NEEDED,
        "PATRQT",
    )

    @property
    def grouping(self) -> bool:
        """Whether it stands for others only, so that nobody asks for a record for it."""
        return self in (Purpose.COMMUNITY_SERVICES, Purpose.ADVICE)

    @property
    def lineage(self) -> tuple[Purpose, ...]:
        """This purpose and those above it, nearest first."""
        return _lineage(self)

    def within(self, other: Purpose) -> bool:
        """Whether this purpose is ``other``, or below it."""
        return other in self.lineage

    def within_any(self, others: Iterable[Purpose]) -> bool:
        """Whether any of ``others`` is this purpose or above it."""
        return any(self.within(other) for other in others)

    @property
    def reach(self) -> tuple[Purpose, ...]:
        """This purpose and everything below it, in the order they are listed."""
        return _reach(self)


@cache  # asked of every agreement when the rules are published
def _lineage(purpose: Purpose) -> tuple[Purpose, ...]:
    return (purpose, *_lineage(Purpose(purpose.broader))) if purpose.broader else (purpose,)


@cache
def _reach(purpose: Purpose) -> tuple[Purpose, ...]:
    return tuple(each for each in Purpose if each.within(purpose))


class Section(Coded):
    """A section of the record (PRSB Core Information Standard), in the order a view shows them.

    ``system`` is the UK Core heading code system where it publishes the code, ours where it does not.
    """

    system: str

    def __new__(cls, code: str, label: str = "", system: str = UK_CORE_HEADINGS) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        member.system = system
        return member

    ABOUT_ME = "about-me", "About me", f"{OWN}:section"
    DEMOGRAPHICS = "person-demographics", "Person demographics"
    GP_PRACTICE = "gp-practice", "GP practice"
    CONTACTS = "personal-contacts", "Personal contacts", f"{OWN}:section"
    INDIVIDUAL_REQUIREMENTS = "individual-requirements", "Individual requirements and reasonable adjustments"
    RESEARCH = "participation-in-research", "Participation in research"
    LEGAL = "legal-information", "Legal information"
    ALERTS = "alerts", "Alerts"
    RISKS = "risk-information", "Risks"
    SAFEGUARDING = "safeguarding", "Safeguarding"
    ALLERGIES = "allergies-and-adverse-reaction", "Allergies and adverse reactions"
    MEDICATIONS = "medications-and-medical-devices", "Medicines and medical devices"
    PROBLEMS = "problems", "Problems and conditions"
    PROCEDURES = "procedures-and-therapies", "Procedures and therapies"
    VACCINATIONS = "vaccinations", "Vaccinations"
    RESULTS = "investigation-results", "Investigation results"
    OBSERVATIONS = "observations", "Examination findings and observations"
    ASSESSMENTS = "assessments", "Assessments"
    FAMILY_HISTORY = "family-history", "Family history"
    SOCIAL_CONTEXT = "social-context", "Social context"
    PREGNANCY = "pregnancy-status", "Pregnancy status"
    SERVICES = "services-and-care", "Services and care"
    REFERRALS = "referral-details", "Referrals"
    APPOINTMENTS = "future-appointments", "Future appointments"
    PROFESSIONAL_CONTACTS = "professional-contacts", "Contacts with professionals"
    ADMISSIONS = "admission-details", "Admissions, attendances and discharges"
    ACTIONS = "plan-and-requested-actions", "Plan and requested actions"
    CARE_PLAN = "care-and-support-plan", "Care and support plan", f"{OWN}:section"
    CONTINGENCY = "contingency-plans", "Contingency and end-of-life plans", f"{OWN}:section"
    FORMULATION = "formulation", "Formulation", f"{OWN}:section"
    WISHES = (
        "patient-and-carer-concerns-expectations-and-wishes",
        "Concerns, expectations and wishes",
    )
    ADVICE_GIVEN = "information-and-advice-given", "Information and advice given"
    HOUSING = "housing", "Housing", f"{OWN}:section"
    MONEY = "money-and-benefits", "Money, debt and benefits", f"{OWN}:section"
    WORK = "work-and-learning", "Work and learning", f"{OWN}:section"
    CARING = "caring-responsibilities", "Caring for somebody, and being cared for", f"{OWN}:section"
    LONELINESS = "loneliness-and-connection", "Loneliness and social connection", f"{OWN}:section"
    VCFSE_SUPPORT = "community-support", "Support from community organisations", f"{OWN}:section"
    SIGNPOSTING = "signpost-details", "Services nearby"
    DOCUMENTS = "documents-including-correspondence-audio-and-images", "Documents"


class Sensitivity(Coded):
    """A kind of information residents asked to control, or that the law restricts.

    ``act_code`` is the HL7 v3 ActCode sensitivity; ``in_law`` marks what no agreement, consent or emergency can open
    (Gender Recognition Act 2004 s.22; Human Fertilisation and Embryology Act 1990 s.33A).
    """

    act_code: str
    in_law: bool

    def __new__(cls, code: str, label: str = "", act_code: str = "", in_law: bool = False) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        member.act_code = act_code
        member.in_law = in_law
        return member

    MENTAL_HEALTH = "mental-health", "Mental health", "MH"
    SELF_HARM = "self-harm", "Self-harm", "PSY"
    ALCOHOL = "alcohol", "Alcohol use", "ETHUD"
    DRUGS = "drug-use", "Drug use", "SUD"
    SEXUAL_HEALTH = "sexual-health", "Sexual health", "STD"
    FERTILITY = "fertility", "Fertility", "SEX"
    TERMINATION = "termination", "Termination of pregnancy", "SEX"
    HIV = "hiv", "HIV", "HIV"
    GENDER = "gender-identity", "Gender identity", "GENDER"
    DOMESTIC_ABUSE = "domestic-abuse", "Domestic abuse", "SDV"
    SAFEGUARDING = "safeguarding", "Safeguarding", "SDV"
    THIRD_PARTY = "third-party", "Information about somebody else", "TBOO"
    GENDER_RECOGNITION = "gender-recognition", "Protected by the Gender Recognition Act", "GENDER", True
    ASSISTED_FERTILISATION = "assisted-fertilisation", "Protected by the fertilisation and embryology law", "SEX", True


class LabelSource(Coded):
    """How it is known that an entry is sensitive. ``confidence``, 0 to 1, is how far this alone can be relied on."""

    confidence: float

    def __new__(cls, code: str, label: str = "", confidence: float = 1.0) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        member.confidence = confidence
        return member

    RESIDENT = "resident", "The resident says so", 1.0
    STATED = "stated", "The source says so", 1.0
    REFERENCE_SET = "reference-set", "It is in a national exclusion set", 1.0
    SECTION = "section", "Everything in this section is", 1.0
    CODE = "code", "Its code says so", 0.95
    MEDICINE = "medicine", "The medicine is given for little else", 0.8
    LINKED = "linked", "It is linked to something that is", 0.7
    SAME = "same", "Another system tells of the same thing, and it is there", 0.7
    WORDS = "words", "Its words suggest it", 0.6
    WHEREABOUTS = "whereabouts", "Where or by whom it was recorded suggests it", 0.6


class OrganisationKind(Coded):
    """What kind of organisation somebody works for. ``statutory`` ones may rely on implied consent for care."""

    statutory: bool
    gives_care: bool

    def __new__(cls, code: str, label: str = "", statutory: bool = False, gives_care: bool = False) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        member.statutory = statutory
        member.gives_care = gives_care
        return member

    REGION = "region", "London region", True, False
    ICB = "icb", "Integrated care board", True, False
    INTEGRATOR = "integrator", "Place integrator", True, False
    GP_PRACTICE = "gp-practice", "GP practice", True, True
    ACUTE_TRUST = "acute-trust", "Hospital trust", True, True
    MENTAL_HEALTH_TRUST = "mental-health-trust", "Mental health trust", True, True
    COMMUNITY_PROVIDER = "community-provider", "Community health provider", True, True
    LOCAL_AUTHORITY = "local-authority", "Council", True, True
    PHARMACY = "pharmacy", "Pharmacy", True, True
    HOSPICE = "hospice", "Hospice", False, True
    VCFSE = "vcfse", "Charity or community organisation", False, False


class Role(Coded):
    """What a person does here. ``clinical`` roles may be told of, and break glass for, more than others."""

    clinical: bool

    def __new__(cls, code: str, label: str = "", clinical: bool = False) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        member.clinical = clinical
        return member

    CLINICIAN = "clinician", "Clinician", True
    SOCIAL_WORKER = "social-worker", "Social worker"
    CARE_COORDINATOR = "care-coordinator", "Care coordinator"
    LINK_WORKER = "link-worker", "Social prescribing link worker"
    CASE_WORKER = "case-worker", "Case worker"
    IG_LEAD = "ig-lead", "Information governance lead"
    CALDICOTT_GUARDIAN = "caldicott-guardian", "Caldicott Guardian"
    PRIVACY_OFFICER = "privacy-officer", "Privacy officer"
    ADMINISTRATOR = "administrator", "Organisation administrator"
    OPERATOR = "operator", "Operator"
    RESIDENT = "resident", "Resident"
    PROXY = "proxy", "Proxy"


class Tier(Coded):
    """How close a neighbourhood-team member works to residents; what each tier may see is data."""

    HYPER_LOCAL = "hyper-local", "Hyper-local: the team that knows the street"
    CONSISTENT = "consistent", "Consistent: in every neighbourhood team"
    TAILORED = "tailored", "Tailored: joins where this neighbourhood needs it"
    ALIGNED = "aligned", "Aligned: serves several neighbourhoods"


class RelationshipKind(Coded):
    """Why somebody may look at this resident at all. ``longest`` bounds it in seconds where custom says so."""

    longest: int | None

    def __new__(cls, code: str, label: str = "", longest: int | None = None) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        member.longest = longest
        return member

    REGISTERED_PRACTICE = "registered-practice", "Registered GP practice"
    REFERRAL = "referral", "Referral"
    CASELOAD = "caseload", "On a worker's caseload"
    EPISODE = "episode", "Appointment or episode of care"
    NEIGHBOURHOOD_TEAM = "neighbourhood-team", "Member of the resident's neighbourhood team"
    GATEWAY_CONTACT = "gateway-contact", "First contact at a front door", 24 * 3600
    INVITED = "invited", "Invited by the resident"


class Level(Coded):
    """Where a sharing agreement is made. A narrower level may narrow what a wider one allows, never widen it."""

    LONDON = "london", "London"
    SYSTEM = "system", "Integrated care system"
    PLACE = "place", "Place"


class Confidentiality(Coded):
    """How the common-law duty of confidentiality is met. Not UK GDPR consent, and not the resident's own choice."""

    IMPLIED = "implied", "Implied consent for individual care"
    EXPLICIT = "explicit", "The resident's explicit permission"
    LAW = "law", "A legal duty or overriding public interest"
    S251 = "s251", "Support under section 251"


class Disclosure(Coded):
    """Whether a requester is told that something was withheld."""

    TELL = "tell", "The requester is told"
    CLINICIANS = "tell-clinicians", "Only clinicians are told"
    NEVER = "never-tell", "The requester is never told"

    def tells(self, *, clinical: bool) -> bool:
        """Whether a requester, in a clinical role or not, may learn that something was withheld."""
        return self is Disclosure.TELL or (self is Disclosure.CLINICIANS and clinical)


class Layer(Coded):
    """The layers of a decision, in the order they are asked. A denial names the layer it comes from."""

    LEGAL_BAR = "legal-bar", "The law"
    IDENTITY = "identity", "Who is asking, and for what"
    RELATIONSHIP = "relationship", "Relationship with the resident"
    AGREEMENT = "agreement", "Sharing agreement"
    CHOICES = "choices", "The resident's choices"
    SENSITIVITY = "sensitivity", "Sensitive information"
    ENGINE = "engine", "The decision itself"


# Refusals by these would betray a choice or a diagnosis; whether they are told is the agreement's to say (Disclosure).
CONCEALABLE = frozenset({Layer.CHOICES, Layer.SENSITIVITY})


class DenialReason(Coded):
    """Why something is refused, in plain words. The code is stable; the label may be improved."""

    layer: Layer

    def __new__(cls, code: str, label: str = "", layer: Layer = Layer.ENGINE) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        member.layer = layer
        return member

    RESTRICTED_IN_LAW = "restricted-in-law", "The law does not allow this to be shared.", Layer.LEGAL_BAR

    ORGANISATION_UNKNOWN = "organisation-unknown", "This organisation is not known to the broker.", Layer.IDENTITY
    ORGANISATION_INACTIVE = "organisation-inactive", "This organisation has left.", Layer.IDENTITY
    NOT_A_MEMBER = "not-a-member", "This person does not work for this organisation now.", Layer.IDENTITY
    ROLE_NOT_PERMITTED = "role-not-permitted", "This role may never read a record.", Layer.IDENTITY
    ASSURANCE_TOO_LOW = "assurance-too-low", "The sign-in was not strong enough for this.", Layer.IDENTITY
    PURPOSE_UNKNOWN = "purpose-unknown", "The purpose is not one the broker knows.", Layer.IDENTITY
    PURPOSE_TOO_BROAD = "purpose-too-broad", "The request must say more exactly what it is for.", Layer.IDENTITY
    PURPOSE_NOT_FOR_KIND = (
        "purpose-not-for-kind",
        "This kind of organisation may not use this purpose.",
        Layer.IDENTITY,
    )
    SECTION_UNKNOWN = "section-unknown", "This section is not one the broker knows.", Layer.IDENTITY
    SECTION_NOT_FOR_PURPOSE = (
        "section-not-for-purpose",
        "This section is more than this purpose could need.",
        Layer.IDENTITY,
    )

    NO_RELATIONSHIP = "no-relationship", "There is no current relationship with this resident.", Layer.RELATIONSHIP
    BEYOND_TIER = (
        "beyond-tier",
        "A member of this tier of the neighbourhood team does not see this.",
        Layer.RELATIONSHIP,
    )

    NOT_OWN_RECORD = (
        "not-own-record",
        "This is neither one's own record nor that of somebody one acts for.",
        Layer.RELATIONSHIP,
    )
    BEYOND_PROXY = "beyond-proxy", "Somebody who acts for a resident does not see this.", Layer.RELATIONSHIP

    NO_AGREEMENT = "no-agreement", "No sharing agreement covers this organisation and purpose.", Layer.AGREEMENT
    AGREEMENT_NOT_SIGNED = "agreement-not-signed", "Not every party has signed the agreement.", Layer.AGREEMENT
    AGREEMENT_NOT_STARTED = "agreement-not-started", "The sharing agreement has not started yet.", Layer.AGREEMENT
    AGREEMENT_EXPIRED = "agreement-expired", "The sharing agreement has expired.", Layer.AGREEMENT
    AGREEMENT_SUSPENDED = "agreement-suspended", "The sharing agreement is suspended.", Layer.AGREEMENT
    OUTSIDE_PLACE = "outside-place", "The agreement does not cover where this resident lives.", Layer.AGREEMENT
    ROLE_NOT_IN_AGREEMENT = "role-not-in-agreement", "The agreement does not name this role.", Layer.AGREEMENT
    SECTION_NOT_IN_AGREEMENT = (
        "section-not-in-agreement",
        "The agreement does not include this section.",
        Layer.AGREEMENT,
    )
    SOURCE_NOT_IN_AGREEMENT = "source-not-in-agreement", "The agreement does not include this source.", Layer.AGREEMENT
    NARROWED_BY_PLACE = "narrowed-by-place", "This place has narrowed what the wider agreement allows.", Layer.AGREEMENT

    CONSENT_NEEDED = "consent-needed", "The resident has not given permission for this.", Layer.CHOICES
    CONSENT_WITHDRAWN = "consent-withdrawn", "The resident has withdrawn permission for this.", Layer.CHOICES
    CONSENT_EXPIRED = "consent-expired", "The resident's permission has run out.", Layer.CHOICES
    CONSENT_WITHHELD = "consent-withheld", "The resident has chosen not to share this.", Layer.CHOICES

    SENSITIVE = "sensitive", "This is sensitive and outside what was agreed.", Layer.SENSITIVITY

    BREAK_GLASS_NOT_PERMITTED = (
        "break-glass-not-permitted",
        "This organisation or role may not use emergency access.",
        Layer.IDENTITY,
    )
    BREAK_GLASS_NO_REASON = "break-glass-no-reason", "Emergency access needs a stated reason.", Layer.IDENTITY
    BREAK_GLASS_UNREVIEWED = (
        "break-glass-unreviewed",
        "An earlier use of emergency access has not been reviewed in time.",
        Layer.IDENTITY,
    )
    BREAK_GLASS_SECTION = "break-glass-section", "Emergency access does not open this section.", Layer.IDENTITY

    POLICY_UNAVAILABLE = "policy-unavailable", "The decision could not be made, so the answer is no.", Layer.ENGINE
    POLICY_STALE = "policy-stale", "The rules were out of date, so the answer is no.", Layer.ENGINE
    POLICY_UNCLEAR = "policy-unclear", "The decision was not clear, so the answer is no.", Layer.ENGINE
    OBLIGATION_UNMET = (
        "obligation-unmet",
        "A condition of sharing could not be met, so nothing is shared.",
        Layer.ENGINE,
    )


class Obligation(Coded):
    """What must be done when something is released. An unknown or unmet obligation is a refusal."""

    NOTIFY_RESIDENT = "notify-resident", "Tell the resident."
    NOTIFY_PRIVACY_OFFICER = "notify-privacy-officer", "Tell the privacy officer."
    REVIEW = "review", "Review this use of emergency access."
    NO_ONWARD_SHARING = "no-onward-sharing", "Do not pass this on."


class NoticeKind(Coded):
    """What is told of a sharing agreement: ``label`` to a party, ``to_resident`` after the organisation's name."""

    to_resident: str

    def __new__(cls, code: str, label: str = "", to_resident: str = "") -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        member.to_resident = to_resident
        return member

    AGREEMENT_BEGUN = (
        "agreement-begun",
        "A sharing agreement you are part of is in force.",
        "can ask to see information under a new agreement",
    )
    AGREEMENT_WIDER = (
        "agreement-wider",
        "A sharing agreement you are part of now allows more.",
        "works under an agreement that now allows more; what you agreed to has not changed",
    )
    AGREEMENT_NARROWER = (
        "agreement-narrower",
        "A sharing agreement you are part of now allows less.",
        "works under an agreement that now allows less than before",
    )
    AGREEMENT_CHANGED = (
        "agreement-changed",
        "The wording of a sharing agreement you are part of changed.",
        "works under an agreement whose wording changed; what may be shared did not",
    )
    AGREEMENT_SUSPENDED = (
        "agreement-suspended",
        "A sharing agreement you are part of is suspended.",
        "cannot see your information for now, because its agreement is suspended",
    )
    AGREEMENT_RESUMED = (
        "agreement-resumed",
        "A sharing agreement you are part of is in force again.",
        "can see what you agreed to again, because its agreement is back in force",
    )
    AGREEMENT_ENDED = (
        "agreement-ended",
        "A sharing agreement you are part of has ended.",
        "can no longer see your information under an agreement that has ended",
    )
    PERMISSION_RUN_OUT = (
        "permission-run-out",
        "Permissions ran out, because the agreement grew wider. Ask the residents again.",
        "no longer has your permission, because its sharing agreement now allows more; it may ask you again",
    )
    SOMEBODY_JOINED = (
        "somebody-joined",
        "Residents who asked to be told were told that somebody joined your team.",
        "has somebody new in a team that can already see your information",
    )
    ORGANISATION_LEFT = (
        "organisation-left",
        "An organisation no longer takes part.",
        "no longer takes part in this service, so it can see nothing of yours from now on",
    )
    PROXY_BEGUN = (
        "proxy-begun",
        "Somebody may now act for a resident.",
        "agreed that somebody may act for you; see who can act for you",
    )
    PROXY_MAY_ACT = (
        "proxy-may-act",
        "Whoever asked to act for a resident may do so.",
        "agreed that you may act for somebody; see whom you act for",
    )
    PROXY_STOPPED = (
        "proxy-stopped",
        "Somebody may no longer act for a resident.",
        "ended that somebody may act for you",
    )
    PROXY_ENDING = (
        "proxy-ending",
        "Soon somebody may no longer act for a resident, unless it is renewed.",
        "will soon end that somebody may act for you, unless it is renewed",
    )
    PROXY_ENDING_FOR_YOU = (
        "proxy-ending-for-you",
        "Whoever acts for a resident was told that it will soon end.",
        "will soon end that you may act for somebody, unless it is renewed",
    )
    PROXY_REVIEW = (
        "proxy-review",
        "It must be looked at again whether somebody may act for a resident.",
        "is looking again at whether somebody may act for you; you can stop it yourself",
    )


class GapCause(Coded):
    """Why a source that was asked gave no usable answer. Always stated, never silent."""

    LATE = "late", "did not answer in time"
    UNREACHABLE = "unreachable", "could not be reached"
    REFUSED = "refused", "refused to answer the broker"
    FAULT = "fault", "had a fault"
    BUSY = "busy", "was too busy"
    MALFORMED = "malformed", "gave an answer that could not be read"
    TOO_LARGE = "too-large", "gave more than the broker will accept"
    WRONG_PERSON = "wrong-person", "answered about somebody else, so nothing was used"
    NOT_LINKED = "not-linked", "does not know this resident"
    NOT_ALLOWED = "not-allowed", "is at an address the broker may not call"
    RESTING = "resting", "has failed several times, and is left alone for a moment"


class Silence(Coded):
    """The four ways a section can say nothing; a view never confuses them."""

    WITHHELD = "withheld", "Not shared with you"
    EMPTY = "empty", "Nothing recorded"
    UNAVAILABLE = "unavailable", "Could not be read just now"
    NOT_ASKED = "not-asked", "Not asked for"


class AgreementState(Coded):
    DRAFT = "draft", "Draft"
    IN_REVIEW = "in-review", "In review"
    APPROVED = "approved", "Approved"
    IN_FORCE = "in-force", "In force"
    SUSPENDED = "suspended", "Suspended"
    ENDED = "ended", "Ended"
    SUPERSEDED = "superseded", "Superseded"


class ConsentStatus(Coded):
    """FHIR R4 Consent.status, as far as the broker uses it."""

    ACTIVE = "active", "In use"
    INACTIVE = "inactive", "Stopped"


class ProvisionType(StrEnum):
    """FHIR R4 Consent.provision.type."""

    PERMIT = "permit"
    DENY = "deny"


class RequestState(Coded):
    """Where an access request to a resident stands."""

    PENDING = "pending", "Waiting for an answer"
    GRANTED = "granted", "Agreed"
    DECLINED = "declined", "Not agreed"
    EXPIRED = "expired", "Ran out of time"


class Route(Coded):
    """How a worker comes to ask."""

    ASK_RESIDENT = "ask-resident", "Ask the resident"
    TEAM_PERMISSION = "team-permission", "My team already has permission"
    EMERGENCY = "emergency", "It is an emergency"


class ApplicationState(Coded):
    """Where an organisation's application to take part stands."""

    APPLIED = "applied", "Waiting for a sponsor to vouch for it"
    VOUCHED = "vouched", "Vouched for, and waiting to be admitted"
    ADMITTED = "admitted", "Taking part"
    REFUSED = "refused", "Not admitted"
    WITHDRAWN = "withdrawn", "Withdrawn by the organisation"
    LEFT = "left", "No longer taking part"
    LAPSED = "lapsed", "Ran out, because nobody vouched for it in time"


class Toolkit(Coded):
    """How an applicant says it stands with the Data Security and Protection Toolkit (DSPT)."""

    STANDARDS_MET = "standards-met", "Standards met, or exceeded"
    APPROACHING = "approaching-standards", "Approaching standards, with a plan that was accepted"
    NOT_MET = "standards-not-met", "Not met, or not done yet"
    EXEMPT = "exempt-small-charity", "Exempt, as a small charity that the sponsor has looked at itself"


class Contact(Coded):
    """Whom an organisation names to be reached by."""

    IG_LEAD = "ig-lead", "Information governance lead"
    PRIMARY = "primary", "First contact, who becomes its administrator"
    TECHNICAL = "technical", "Technical contact"
    SAFEGUARDING = "safeguarding", "Safeguarding contact"


class ClientProfile(Coded):
    """The rules a partner's system is held to when it asks for tokens. One client has one, for good."""

    FAPI2 = "fapi2", "FAPI 2.0 Security Profile"
    SMART_APP = "smart-app", "SMART App Launch 2.2, with a person"
    SMART_BACKEND = "smart-backend", "SMART backend services"
    NHS = "nhs", "Exchanges an NHS identity assertion"


class ProviderKind(Coded):
    """Whose word is taken for who somebody is, and so the rules their sign-in is held to."""

    NHS_LOGIN = "nhs-login", "NHS login, for residents"
    CIS2 = "cis2", "NHS Care Identity, for staff with an NHS role"
    ORGANISATION = "organisation", "An organisation’s own sign-in, for its people"


class LegalBasis(Coded):
    """Why somebody may act for a resident: England-NHSProxyLegalBasis. All but the resident's own yes need evidence."""

    of_childhood: bool  # ends as the resident grows up
    evidenced: bool  # whoever decides writes down what they saw

    def __new__(cls, code: str, label: str = "", of_childhood: bool = False, evidenced: bool = True) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        member.of_childhood = of_childhood
        member.evidenced = evidenced
        return member

    CONSENT = "consent", "They agreed to it themselves", False, False
    PARENTAL_RESPONSIBILITY = "parental-responsibility", "Parental responsibility", True
    BEST_INTEREST = "best-interest", "A decision in their best interests"
    POWER_OF_ATTORNEY = "health-and-welfare-lasting-power-of-attorney", "Lasting power of attorney, health and welfare"
    DEPUTY = "court-appointed-personal-welfare-deputy", "Personal welfare deputy appointed by a court"


class ProxyRelation(Coded):
    """What somebody is to the resident they act for. ``national`` is the code of the national proxy service."""

    national: str

    def __new__(cls, code: str, label: str = "", national: str = "") -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        member.national = national
        return member

    MOTHER = "mother", "Mother", "MTH"
    PARENT = "parent", "Father, or another parent", "PRN"
    CHILD = "child", "Son or daughter", "CHILD"
    SPOUSE = "spouse", "Husband, wife or civil partner", "SPS"
    PARTNER = "partner", "Partner", "SIGOTHR"
    FAMILY = "family-member", "Another member of the family", "FAMMEMB"
    FRIEND = "friend", "Friend", "FRND"
    CARER = "carer", "Carer", "CAREGIVER"
    NOT_STATED = "not-stated", "Not stated"


class AccessLevel(Coded):
    """One thing that a proxy may be let do. ``national`` is the national proxy service's code, empty where it is ours.

    ``sections`` are the parts of the record it opens. No level opens an address, a contact, a risk or safeguarding.
    """

    national: str
    sections: frozenset[Section]

    def __new__(cls, code: str, label: str = "", national: str = "", sections: Iterable[Section] = ()) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        member.national = national
        member.sections = frozenset(sections)
        return member

    SEE_SHARING = "see-sharing", "See who can see the record"
    SEE_WHO_LOOKED = "see-who-looked", "See who has looked"
    ANSWER_REQUESTS = "answer-requests", "Answer requests to see the record"
    CHANGE_SHARING = "change-sharing", "Change and stop sharing"
    PRESCRIPTIONS = "prescriptions", "Medicines", "PRESCR", (Section.MEDICATIONS,)
    APPOINTMENTS = "appointments", "Appointments", "APPT", (Section.APPOINTMENTS,)
    RECORD = (
        "record-summary",
        "Summary of the record",
        "RECRD",
        (Section.GP_PRACTICE, Section.ALLERGIES, Section.MEDICATIONS, Section.INDIVIDUAL_REQUIREMENTS),
    )
    TESTS = "test-results", "Test results", "TEST", (Section.RESULTS,)
    VACCINATIONS = "vaccinations", "Vaccinations", "VACC", (Section.VACCINATIONS,)
    CONDITIONS = "conditions", "Conditions", "COND", (Section.PROBLEMS,)
    CONSULTATIONS = (
        "consultations",
        "Consultations",
        "CONSULT",
        (Section.PROFESSIONAL_CONTACTS, Section.PROCEDURES, Section.OBSERVATIONS, Section.ACTIONS),
    )
    DOCUMENTS = "documents", "Letters and documents", "DOCS", (Section.DOCUMENTS,)


class ProxyState(Coded):
    """Where it stands that somebody may act for a resident. ``fhir`` is FHIR's Consent.status, which knows no pause."""

    @property
    def fhir(self) -> str:
        return "inactive" if self is ProxyState.SUSPENDED else self.value

    PROPOSED = "proposed", "Waiting for a decision"
    ACTIVE = "active", "May act"
    SUSPENDED = "suspended", "Suspended"
    REJECTED = "rejected", "Turned down"
    INACTIVE = "inactive", "Ended"
    ENTERED_IN_ERROR = "entered-in-error", "Entered by mistake"


class ProxyReason(Coded):
    """Why a proxy's state changed: England-ConsentStatusReason, as words. ``other`` must say more."""

    @property
    def national(self) -> str:
        return self.value.upper().replace("-", "_")

    APPLICATION_SUBMITTED = "application-submitted", "Somebody asked for it"
    APPLICATION_RESUBMITTED = "application-resubmitted", "Somebody asked for it again"
    APPLICATION_WITHDRAWN = "application-withdrawn", "Whoever asked took it back"
    APPLICATION_REJECTED_NOT_NEEDED = "application-rejected-not-needed", "Turned down: it is not needed"
    APPLICATION_REJECTED_SAFEGUARDING = "application-rejected-safeguarding", "Turned down: safeguarding"
    APPLICATION_REJECTED_IDENTITY = (
        "application-rejected-identity-not-verified",
        "Turned down: it is not sure who they are",
    )
    APPLICATION_REJECTED_NO_CONSENT = "application-rejected-no-consent", "Turned down: the resident did not agree"
    APPLICATION_REJECTED_CAPACITY = (
        "application-rejected-proxy-lacks-capacity",
        "Turned down: they cannot act for somebody else",
    )
    APPLICATION_REJECTED_ABROAD = (
        "application-rejected-proxy-not-living-in-england-or-wales",
        "Turned down: they do not live in England or Wales",
    )
    APPLICATION_REJECTED_NO_BASIS = "application-rejected-no-legal-basis", "Turned down: there is no legal basis"
    ROLE_CREATED = "role-created", "Brought in by the practice"
    ROLE_ACTIVATED = "role-activated", "Agreed"
    ROLE_REACTIVATED = "role-reactivated", "Looked at again, and it goes on"
    ROLE_SUSPENDED = "role-suspended-pending-review", "Suspended until it has been looked at"
    ROLE_DEACTIVATED_SAFEGUARDING = "role-deactivated-safeguarding", "Safeguarding"
    ROLE_DEACTIVATED_REQUEST = "role-deactivated-patient-request", "The resident stopped it"
    ROLE_DEACTIVATED_END_DATE = "role-deactivated-end-date-reached", "Its last day has passed"
    ROLE_DEACTIVATED_UNUSED = "role-deactivated-inactive-role", "Nobody used it for five years"
    ROLE_DEACTIVATED_PATIENT_DIED = "role-deactivated-patient-deceased", "The resident died"
    ROLE_DEACTIVATED_PROXY_DIED = "role-deactivated-proxy-deceased", "Whoever acted died"
    ROLE_DEACTIVATED_RELATIONSHIP = (
        "role-deactivated-change-in-relationship",
        "What they are to each other changed, or the resident grew up",
    )
    ROLE_DEACTIVATED_CAPACITY = "role-deactivated-proxy-lacks-capacity", "They can no longer act for somebody else"
    ROLE_DEACTIVATED_MISUSE = "role-deactivated-misuse-of-system", "It was misused"
    ROLE_DEACTIVATED_PATIENT_MOVED = "role-deactivated-patient-gp-transferred", "The resident changed practice"
    ROLE_DEACTIVATED_PROXY_MOVED = "role-deactivated-proxy-gp-transferred", "Whoever acted changed practice"
    ROLE_DEACTIVATED_ABROAD = (
        "role-deactivated-proxy-not-living-in-england-or-wales",
        "They no longer live in England or Wales",
    )
    OTHER = "other", "Another reason, in words"


class AuditAction(Coded):
    """What an entry on the trail records."""

    DECISION = "decision", "A request was decided"
    RELEASE = "release", "Part of a record was released"
    RECORD_VIEWED_BY_RESIDENT = "resident-view", "The resident read their own record"
    RESIDENT_SOUGHT = "resident-sought", "A resident was looked for"
    ACCESS_REQUESTED = "access-requested", "A resident was asked for permission"
    ACCESS_ANSWERED = "access-answered", "A resident answered a request"
    CONSENT_GIVEN = "consent-given", "A resident gave permission"
    CONSENT_NARROWED = "consent-narrowed", "A resident narrowed what is shared"
    CONSENT_WITHDRAWN = "consent-withdrawn", "A resident stopped sharing"
    AGREEMENT_CHANGED = "agreement-changed", "A sharing agreement changed"
    AGREEMENT_SIGNED = "agreement-signed", "A party signed a sharing agreement"
    IMPACT_REPORTED = "impact-reported", "What a change to an agreement would do was worked out"
    CONSENT_OUTGROWN = "consent-outgrown", "Permissions ran out because an agreement grew wider"
    POLICY_PUBLISHED = "policy-published", "The rules in force changed"
    KEYS_CHANGED = "keys-changed", "A key of the broker was announced, taken into use or retired"
    DECISIONS_READ = "decisions-read", "Recorded decisions were read or replayed"
    SOURCE_CHANGED = "source-changed", "A source system was added or changed"
    RESIDENT_LINKED = "resident-linked", "A resident was linked to a source system"
    RESIDENT_TRACED = "resident-traced", "Who a resident is was checked with the national register"
    LABEL_CHANGED = "label-changed", "A resident said whether something is sensitive"
    HOSTED_CHANGED = "hosted-changed", "What an organisation keeps here itself was added to, exported or deleted"
    ORGANISATION_CHANGED = "organisation-changed", "An organisation, person or team changed"
    TOKEN_ISSUED = "token-issued", "A partner system was given a token"
    TOKEN_REVOKED = "token-revoked", "A partner system gave back a token"
    GRANT_MADE = "grant-made", "Somebody let a partner system act for them"
    GRANT_ENDED = "grant-ended", "What a partner system was let do ended"
    CLIENT_CHANGED = "client-changed", "A partner system was registered, changed or revoked"
    PROVIDER_CHANGED = "provider-changed", "A provider that people sign in with was added or changed"
    RESIDENT_PAIRED = "resident-paired", "A resident's pairing code was used"
    ASKING_CHANGED = "asking-changed", "A resident changed how they may be asked"
    PROXY_CHANGED = "proxy-changed", "Who may act for a resident changed"
    PROXY_ACTED = "proxy-acted", "Somebody began to act for a resident"
    CREDENTIAL_CHANGED = "credential-changed", "How somebody signs in changed"
    SIGNED_IN = "signed-in", "Somebody signed in"
    SIGN_IN_REFUSED = "sign-in-refused", "A sign-in was refused"
    STEPPED_UP = "stepped-up", "Somebody proved again who they are"
    SIGNED_OUT = "signed-out", "Somebody signed out"
    EMERGENCY_REVIEWED = "emergency-reviewed", "Emergency access was reviewed"
    NOTICE_QUEUED = "notice-queued", "A notice was queued"
    NEIGHBOURHOOD_LOADED = "neighbourhood-loaded", "Synthetic data was loaded"
