"""What betrays something sensitive by where it is listed or how it is coded. Data, no behaviour.

The first four sensitivities of the RCGP's sensitive dataset, the eight concerns Londoners named, and what two laws
protect. Lists are never complete: words (``sensitive_words``), medicines (``sensitive_medicines``), what a source
states and what an entry is linked to count beside them. Where a code is in doubt it is here: to withhold too much can
be asked about, to show too much cannot be undone.
"""

from __future__ import annotations

from collections.abc import Mapping

from broker.vocabulary import Section, Sensitivity

S = Sensitivity

# Entries of these sections are sensitive whatever they say.
SECTIONS: Mapping[Section, Sensitivity] = {Section.SAFEGUARDING: S.SAFEGUARDING}

# The reference sets of the NHS exclusion lists, where a source marks an entry with the set itself.
REFERENCE_SETS: Mapping[str, Sensitivity] = {
    "999004351000000109": S.GENDER,  # RCGP: gender-related issues
    "999004371000000100": S.ASSISTED_FERTILISATION,  # RCGP: assisted fertilisation
    "999004361000000107": S.TERMINATION,  # RCGP: termination of pregnancy
    "999004381000000103": S.SEXUAL_HEALTH,  # RCGP: sexually transmitted disease
    "1955841000000104": S.ASSISTED_FERTILISATION,  # Human Fertilisation and Embryology Act 2008
    "1955851000000101": S.GENDER_RECOGNITION,  # Gender Recognition Act 2004
}

SNOMED: Mapping[Sensitivity, Mapping[str, str]] = {
    S.HIV: {
        "86406008": "Human immunodeficiency virus infection",
        "62479008": "Acquired immune deficiency syndrome",
        "165816005": "HIV positive",
        "91947003": "Asymptomatic HIV infection",
        "111880001": "Acute HIV infection",
        "165815009": "HIV negative",
    },
    S.SEXUAL_HEALTH: {
        "8098009": "Sexually transmitted infectious disease",
        "240589008": "Chlamydia trachomatis infection",
        "105629000": "Chlamydial infection",
        "15628003": "Gonorrhoea",
        "76272004": "Syphilis",
        "33839006": "Genital herpes simplex",
        "266113007": "Genital warts",
        "56335008": "Infection by Trichomonas",
        "26039008": "Neurosyphilis",
        "83883001": "Cardiovascular syphilis",
        "35742006": "Congenital syphilis",
    },
    S.TERMINATION: {
        "386639001": "Termination of pregnancy",
        "57797005": "Induced termination of pregnancy",
        "285409006": "Medical termination of pregnancy",
        "302375005": "Operative termination of pregnancy",
        "70317007": "Abortion",
        "271954000": "Failed attempted abortion",
        "391896006": "Therapeutic abortion",
    },
    S.ASSISTED_FERTILISATION: {
        "52637005": "In vitro fertilisation",
        "63487001": "Assisted fertilisation",
        "10231000132102": "In vitro fertilisation pregnancy",
        "236912008": "Gamete intrafallopian transfer",
        "58533008": "Artificial insemination",
    },
    S.FERTILITY: {
        "8619003": "Infertile",
        "6738008": "Female infertility",
        "2904007": "Male infertility",
    },
    S.GENDER: {
        "93461009": "Gender dysphoria",
        "407374003": "Transsexual",
        "407375002": "Surgically transgendered transsexual",
        "407376001": "Male-to-female transsexual",
        "407377005": "Female-to-male transsexual",
        "407378000": "Surgically transgendered transsexual, male-to-female",
        "407379008": "Surgically transgendered transsexual, female-to-male",
    },
    S.MENTAL_HEALTH: {
        "74732009": "Mental disorder",
        "35489007": "Depressive disorder",
        "370143000": "Major depressive disorder",
        "36923009": "Major depression, single episode",
        "66344007": "Recurrent major depression",
        "310495003": "Mild depression",
        "310496002": "Moderate depression",
        "310497006": "Severe depression",
        "58703003": "Postpartum depression",
        "197480006": "Anxiety disorder",
        "21897009": "Generalised anxiety disorder",
        "231504006": "Mixed anxiety and depressive disorder",
        "371631005": "Panic disorder",
        "17226007": "Adjustment disorder",
        "191736004": "Obsessive-compulsive disorder",
        "47505003": "Post-traumatic stress disorder",
        "13746004": "Bipolar disorder",
        "58214004": "Schizophrenia",
        "68890003": "Schizoaffective disorder",
        "69322001": "Psychotic disorder",
        "33449004": "Personality disorder",
        "20010003": "Borderline personality disorder",
        "72366004": "Eating disorder",
        "56882008": "Anorexia nervosa",
        "78004001": "Bulimia nervosa",
        "304891004": "Cognitive behavioural therapy",
        "736253002": "Mental health crisis plan",
        "720433000": "PHQ-9 score",
        "445455005": "GAD-7 score",
        "48694002": "Anxiety",
        "78667006": "Dysthymia",
        "64905009": "Paranoid schizophrenia",
        "371596008": "Bipolar I disorder",
        "83225003": "Bipolar II disorder",
        "231494001": "Mania",
        "25501002": "Social phobia",
        "70691001": "Agoraphobia",
        "439960005": "Binge eating disorder",
    },
    S.SELF_HARM: {
        "248062006": "Self-harm",
        "6471006": "Suicidal thoughts",
        "82313006": "Suicide attempt",
        "44301001": "Suicide",
        "276853009": "Self-inflicted injury",
        "59274003": "Intentional drug overdose",
        "425104003": "Suicidal behaviour",
        "267073005": "Suicidal",
        "225444004": "At risk for suicide",
    },
    S.ALCOHOL: {
        "66590003": "Alcohol dependence",
        "15167005": "Alcohol abuse",
        "7200002": "Alcoholism",
        "160573003": "Alcohol intake",  # how much somebody drinks is theirs to tell, whatever the amount
        "25702006": "Alcohol intoxication",
        "8635005": "Alcohol withdrawal delirium",
        "41309000": "Alcoholic liver damage",
        "420054005": "Alcoholic cirrhosis",
        "86933000": "Heavy drinker",
        "219006": "Current drinker of alcohol",
        "105542008": "Does not drink alcohol",
        "371434005": "History of alcohol abuse",
    },
    S.DRUGS: {
        "361055000": "Misuses drugs",
        "191816009": "Drug dependence",
        "26416006": "Drug abuse",
        "66214007": "Substance abuse",
        "75544000": "Opioid dependence",
        "5602001": "Opioid abuse",
        "31956009": "Cocaine dependence",
        "85005007": "Cannabis dependence",
        "44870007": "Ex-drug user",
        "226034001": "Injecting drug user",
        "417284009": "Current drug user",
    },
    S.DOMESTIC_ABUSE: {
        "706893006": "Victim of intimate partner abuse",
        "242039002": "Abuse of partner",
    },
    S.SAFEGUARDING: {
        "397940009": "Victim of child abuse",
        "342191000000101": "Subject to child protection plan",
        "764841000000100": "Looked after child",
    },
}

# ICD-10 by pattern, for hospital sources. Anchored at the start; any subdivision counts; the point may be left out.
ICD10: Mapping[Sensitivity, str] = {
    S.HIV: r"B2[0-4]|Z21|R75|F02\.?4|O98\.?7|Z11\.?4|Z20\.?6|Z71\.?7",
    S.SEXUAL_HEALTH: r"A5[0-9]|A6[0-4]|O98\.?[1-3]|Z11\.?3|Z20\.?2|Z22\.?4|Z72\.?5",
    S.TERMINATION: r"O0[4-7]|Z64\.?0|P96\.?4",
    S.FERTILITY: r"N46|N97|N98|Z31",
    S.ASSISTED_FERTILISATION: r"Z31\.?[123]|N98",
    S.GENDER: r"F64",
    S.ALCOHOL: (
        r"F10|K70|K29\.?2|K85\.?2|K86\.?0|G31\.?2|G62\.?1|G72\.?1|I42\.?6|E24\.?4|E51\.?2|O35\.?4|Q86\.?0|P04\.?3"
        r"|R78\.?0|T51|X45|X65|Y90|Y91|Z50\.?2|Z71\.?4|Z72\.?1|Z81\.?1"
    ),
    S.DRUGS: r"F1[1-689]|T40|O35\.?5|P04\.?4|P96\.?1|R78\.?[1-5]|X42|X62|Z50\.?3|Z71\.?5|Z72\.?2|Z81\.?[34]|Z86\.?4",
    S.MENTAL_HEALTH: r"F[2-6][0-9]|F9[1-4]|R45|Z00\.?4|Z03\.?2|Z13\.?3|Z50\.?4|Z81\.?8|Z86\.?5|Z91\.?4",
    S.SELF_HARM: r"X[67][0-9]|X8[0-4]|Y87\.?0|Z91\.?5|R45\.?8",
    S.SAFEGUARDING: r"T74|Y06|Y07|Z61\.?[4-6]|Z62\.?[2-6]",
    S.DOMESTIC_ABUSE: r"Y05|Y06|Y07|T74\.?[12]|Z04\.?[45]",
}  # F17 is tobacco, and no concern of these

# Procedures in OPCS-4, for hospital sources; matched as ICD-10 is.
OPCS4: Mapping[Sensitivity, str] = {
    S.ASSISTED_FERTILISATION: r"Q13|Q21|Q38|Q48|Y96",  # gametes and embryos: put in, recovered, made
    S.FERTILITY: r"Q13|Q21|Q38|Q48|Y96",
    S.TERMINATION: r"Q14",  # an abortifacient
    S.GENDER: r"X15",
}

# Of somebody under 18: what a parent who reads a child's record must not learn from it unasked, and what the child's
# own services know. A pregnancy, or how one is avoided, is told to nobody by the broker alone.
CHILD_SECTIONS: Mapping[Section, Sensitivity] = {Section.PREGNANCY: S.SEXUAL_HEALTH}
CHILD_ICD10: Mapping[Sensitivity, str] = {
    S.SEXUAL_HEALTH: r"Z30|Z3[2-9]|O[0-9][0-9]|Z97\.?5",
    S.SAFEGUARDING: r"Z6[12]|Z60\.?8",
}
CHILD_SNOMED: Mapping[Sensitivity, Mapping[str, str]] = {
    S.SEXUAL_HEALTH: {"77386006": "Pregnant", "13197004": "Contraception", "60001007": "Not pregnant"},
}
