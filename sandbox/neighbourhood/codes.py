"""The concepts the stories use: SNOMED CT (UK Edition and dm+d) codes, and what a clinician calls them. Facts only."""

from __future__ import annotations

from dataclasses import dataclass

from broker.vocabulary import ACT_CODE, OWN, SNOMED_CT

SENSITIVITY = f"{OWN}:sensitivity"  # the broker's own words for what HL7 has no code for


@dataclass(frozen=True, slots=True)
class Concept:
    """``code`` is empty where a source writes only words; ``text`` is what it writes where that is not ``display``."""

    code: str
    display: str
    system: str = SNOMED_CT
    text: str = ""

    @property
    def words(self) -> str:
        return self.text or self.display


def words(text: str) -> Concept:
    """Something a source says in words alone."""
    return Concept("", "", text=text)


def _of(code: str, substance: str, product: str) -> Concept:
    return Concept(code, substance, text=product)


class Problems:
    ASTHMA = Concept("195967001", "Asthma")
    COPD = Concept("13645005", "Chronic obstructive pulmonary disease")
    DIABETES = Concept("44054006", "Diabetes mellitus type 2")
    HYPERTENSION = Concept("59621000", "Essential hypertension")
    HEART_FAILURE = Concept("84114007", "Heart failure")
    ATRIAL_FIBRILLATION = Concept("49436004", "Atrial fibrillation")
    KIDNEY = Concept("709044004", "Chronic kidney disease")
    ARTHRITIS = Concept("396275006", "Osteoarthritis")
    STROKE = Concept("230690007", "Stroke")
    BREAST_CANCER = Concept("254837009", "Malignant neoplasm of breast")
    EPILEPSY = Concept("84757009", "Epilepsy")
    ECZEMA = Concept("24079001", "Atopic dermatitis")
    DEMENTIA = Concept("26929004", "Alzheimer's disease")
    FRAILTY = Concept("248279007", "Frailty")
    LEARNING_DISABILITY = Concept("110359009", "Learning disability")
    AUTISM = Concept("408856003", "Autistic disorder")
    HEARING_LOSS = Concept("15188001", "Hearing loss")
    SIGHT_LOSS = Concept("397540003", "Visual impairment")
    PREGNANT = Concept("77386006", "Pregnant")
    DEPRESSION = Concept("35489007", "Depressive disorder")
    ANXIETY = Concept("197480006", "Anxiety disorder")
    BIPOLAR = Concept("13746004", "Bipolar disorder")
    SELF_HARM = Concept("248062006", "Self-harm")
    ALCOHOL = Concept("66590003", "Alcohol dependence")
    OPIOID = Concept("75544000", "Opioid dependence")
    HIV = Concept("86406008", "Human immunodeficiency virus infection")
    CHLAMYDIA = Concept("240589008", "Chlamydia trachomatis infection")
    INFERTILITY = Concept("8619003", "Infertile")
    GENDER_DYSPHORIA = Concept("93461009", "Gender dysphoria")
    PARTNER_ABUSE = Concept("706893006", "Victim of intimate partner abuse")
    SOCIAL_ISOLATION = Concept("422650009", "Social isolation")
    HOMELESS = Concept("32911000", "Homeless")


class Medicines:
    """dm+d virtual products where the number is beyond doubt, the substance's concept where it is not."""

    SALBUTAMOL = Concept("39113611000001102", "Salbutamol 100micrograms/dose inhaler CFC free")
    METFORMIN = Concept("325278007", "Metformin 500mg tablets")
    ASPIRIN = Concept("319775004", "Aspirin 75mg dispersible tablets")
    AMLODIPINE = _of("386864001", "Amlodipine", "Amlodipine 5mg tablets")
    ATORVASTATIN = _of("373444002", "Atorvastatin", "Atorvastatin 20mg tablets")
    RAMIPRIL = _of("386872004", "Ramipril", "Ramipril 5mg capsules")
    BISOPROLOL = _of("386868003", "Bisoprolol", "Bisoprolol 2.5mg tablets")
    FUROSEMIDE = _of("387475002", "Furosemide", "Furosemide 40mg tablets")
    WARFARIN = _of("372756006", "Warfarin", "Warfarin 3mg tablets")
    PARACETAMOL = _of("387517004", "Paracetamol", "Paracetamol 500mg tablets")
    SERTRALINE = _of("372594008", "Sertraline", "Sertraline 50mg tablets")
    QUETIAPINE = _of("386850001", "Quetiapine", "Quetiapine 100mg tablets")
    DONEPEZIL = _of("386855006", "Donepezil", "Donepezil 10mg tablets")
    MORPHINE = _of("373529000", "Morphine", "Morphine 10mg/5ml oral solution")
    ACAMPROSATE = _of("391698009", "Acamprosate", "Acamprosate 333mg gastro-resistant tablets")
    METHADONE = _of("387286002", "Methadone", "Methadone 1mg/ml oral solution")
    DOLUTEGRAVIR = _of("713464000", "Dolutegravir", "Dolutegravir 50mg tablets")
    DOXYCYCLINE = _of("372478003", "Doxycycline", "Doxycycline 100mg capsules")
    ESTRADIOL = _of("126172005", "Estradiol", "Estradiol 2mg tablets")


class Allergies:
    PENICILLIN = Concept("91936005", "Allergy to penicillin")
    PEANUT = Concept("91935009", "Allergy to peanut")
    NONE_KNOWN = Concept("716186003", "No known allergy")
    RASH = Concept("271807003", "Eruption of skin")
    ANAPHYLAXIS = Concept("39579001", "Anaphylaxis")


class Findings:
    BLOOD_PRESSURE = Concept("75367002", "Blood pressure")
    SYSTOLIC = Concept("271649006", "Systolic blood pressure")
    DIASTOLIC = Concept("271650006", "Diastolic blood pressure")
    WEIGHT = Concept("27113001", "Body weight")
    HEIGHT = Concept("50373000", "Body height")
    PULSE = Concept("364075005", "Heart rate")
    OXYGEN = Concept("431314004", "Peripheral oxygen saturation")
    HBA1C = Concept("999791000000106", "Haemoglobin A1c level - IFCC standardised")
    CREATININE = Concept("1000731000000107", "Serum creatinine level")
    CHOLESTEROL = Concept("1005671000000105", "Serum cholesterol level")
    ALCOHOL_INTAKE = Concept("160573003", "Alcohol intake")
    PHQ9 = Concept("720433000", "Patient Health Questionnaire Nine Item score")
    SMOKING = Concept("365981007", "Tobacco smoking behaviour")
    SMOKES = Concept("77176002", "Smoker")
    EX_SMOKER = Concept("8517006", "Ex-smoker")
    NEVER_SMOKED = Concept("266919005", "Never smoked tobacco")
    SUICIDAL_THOUGHTS = Concept("6471006", "Suicidal thoughts")
    MISUSES_DRUGS = Concept("361055000", "Misuses drugs")
    LIVES_ALONE = Concept("105529008", "Lives alone")
    CARER = Concept("224484003", "Provides care for somebody")


class Procedures:
    HIP = Concept("52734007", "Total replacement of hip")
    IVF = Concept("52637005", "In vitro fertilisation")
    ASSISTED_FERTILISATION = Concept("63487001", "Assisted fertilisation")
    TERMINATION = Concept("386639001", "Termination of pregnancy")
    TALKING_THERAPY = Concept("304891004", "Cognitive behavioural therapy")
    COLONOSCOPY = Concept("73761001", "Colonoscopy")


class Vaccines:
    FLU = Concept("1181000221105", "Influenza vaccine")
    MMR = Concept("871831003", "Measles, mumps and rubella vaccine")
    COVID = Concept("39115611000001103", "COVID-19 mRNA vaccine")


class Documents:
    DISCHARGE = Concept("373942005", "Discharge summary")
    END_OF_LIFE = Concept("736373009", "End of life care plan")
    CRISIS_PLAN = Concept("736253002", "Mental health crisis plan")
    CONTINGENCY = Concept("325691000000100", "Contingency plan")
    SUPPORT_PLAN = Concept("2181441000000107", "Personalised care and support plan")


class Referrals:
    SOCIAL_PRESCRIBING = Concept("871731000000106", "Referral to social prescribing service")


class Security:
    """What a source may say of a whole resource in ``meta.security``: HL7 ActCode, or a UK exclusion reference set."""

    MENTAL_HEALTH = Concept("MH", "mental health information sensitivity", ACT_CODE)
    ALCOHOL = Concept("ETHUD", "alcohol substance abuse information sensitivity", ACT_CODE)
    DRUGS = Concept("SUD", "substance use disorder information sensitivity", ACT_CODE)
    HIV = Concept("HIV", "HIV/AIDS information sensitivity", ACT_CODE)
    SEXUAL_HEALTH = Concept("STD", "sexually transmitted disease information sensitivity", ACT_CODE)
    DOMESTIC_ABUSE = Concept("SDV", "sexual assault, abuse, or domestic violence information sensitivity", ACT_CODE)
    GENDER = Concept("GENDER", "gender and sexual orientation information sensitivity", ACT_CODE)
    THIRD_PARTY = Concept("TBOO", "taboo", ACT_CODE)
    # HL7 has no code for what these two laws protect; a source says it by the reference set and in the broker's word.
    GRA = (
        Concept("1955851000000101", "Excluded from sharing under the Gender Recognition Act 2004"),
        Concept("gender-recognition", "Protected by the Gender Recognition Act", SENSITIVITY),
    )
    HFEA = (
        Concept("1955841000000104", "Excluded from sharing under the Human Fertilisation and Embryology Act 2008"),
        Concept("assisted-fertilisation", "Protected by the fertilisation and embryology law", SENSITIVITY),
    )
