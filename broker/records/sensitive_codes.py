"""What betrays something sensitive: codes, medicines and words, by the sensitivity each betrays. Data, no behaviour.

The first four sensitivities of the RCGP's sensitive dataset, the eight concerns Londoners named, and what two laws
protect. Lists are never complete: what a source states, and what an entry is linked to, count beside them. Where a
code or word is in doubt it is here: to withhold too much can be asked about, to show too much cannot be undone.
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
    },
    S.TERMINATION: {
        "386639001": "Termination of pregnancy",
        "57797005": "Induced termination of pregnancy",
        "285409006": "Medical termination of pregnancy",
        "302375005": "Operative termination of pregnancy",
    },
    S.ASSISTED_FERTILISATION: {
        "52637005": "In vitro fertilisation",
        "63487001": "Assisted fertilisation",
        "10231000132102": "In vitro fertilisation pregnancy",
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
    },
    S.SELF_HARM: {
        "248062006": "Self-harm",
        "6471006": "Suicidal thoughts",
        "82313006": "Suicide attempt",
        "44301001": "Suicide",
        "276853009": "Self-inflicted injury",
        "59274003": "Intentional drug overdose",
        "425104003": "Suicidal behaviour",
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

# ICD-10 by pattern, for hospital sources. Anchored at the start; any subdivision counts.
ICD10: Mapping[Sensitivity, str] = {
    S.HIV: r"B2[0-4]|Z21",
    S.SEXUAL_HEALTH: r"A5[0-9]|A6[0-4]",
    S.TERMINATION: r"O04",
    S.FERTILITY: r"N46|N97|Z31",
    S.GENDER: r"F64",
    S.ALCOHOL: r"F10|K70|Z72\.?1",
    S.DRUGS: r"F1[1-689]|Z72\.?2",  # F17 is tobacco
    S.MENTAL_HEALTH: r"F[2-6][0-9]",
    S.SELF_HARM: r"X[67][0-9]|X8[0-4]|Z91\.?5",
    S.SAFEGUARDING: r"T74",
    S.DOMESTIC_ABUSE: r"Y06|Y07",
}

# Medicines that betray what they are for, by substance and common UK brand. Those given as often for something else
# (amitriptyline and duloxetine for pain, estradiol for the menopause) are left to linkage.
MEDICINES: Mapping[Sensitivity, tuple[str, ...]] = {
    S.HIV: (
        *("abacavir", "atazanavir", "bictegravir", "cabotegravir", "cobicistat", "darunavir", "dolutegravir"),
        *("doravirine", "efavirenz", "elvitegravir", "emtricitabine", "etravirine", "lamivudine", "lopinavir"),
        *("maraviroc", "nevirapine", "raltegravir", "rilpivirine", "ritonavir", "tenofovir", "zidovudine"),
        *("atripla", "biktarvy", "combivir", "descovy", "dovato", "eviplera", "genvoya", "juluca", "kivexa"),
        *("odefsey", "stribild", "symtuza", "tivicay", "triumeq", "truvada"),
    ),
    S.DRUGS: (
        *("methadone", "physeptone", "buprenorphine", "subutex", "suboxone", "espranor", "buvidal", "naltrexone"),
        *("naloxone", "nyxoid", "prenoxad", "lofexidine"),
    ),
    S.ALCOHOL: ("acamprosate", "disulfiram", "antabuse", "nalmefene", "naltrexone", "chlordiazepoxide", "thiamine"),
    S.TERMINATION: ("mifepristone", "gemeprost", "medabon"),
    S.FERTILITY: (
        *("clomifene", "clomiphene", "clomid", "follitropin", "menotrophin", "menotropin", "menopur", "gonal-f"),
        *("ovitrelle", "choriogonadotropin", "cetrorelix", "ganirelix"),
    ),
    S.MENTAL_HEALTH: (
        *("amisulpride", "aripiprazole", "asenapine", "cariprazine", "chlorpromazine", "clozapine", "flupentixol"),
        *("haloperidol", "lurasidone", "olanzapine", "paliperidone", "quetiapine", "risperidone", "sulpiride"),
        *("trifluoperazine", "zuclopenthixol", "lithium", "priadel", "camcolit"),
        *("citalopram", "escitalopram", "fluoxetine", "fluvoxamine", "paroxetine", "sertraline", "vortioxetine"),
        *("clomipramine", "imipramine", "lofepramine", "mirtazapine", "moclobemide", "phenelzine", "reboxetine"),
        *("tranylcypromine", "trazodone", "venlafaxine", "agomelatine"),
    ),
}

# Abbreviations that are other words in small letters, as regular expressions matched as they are written.
ABBREVIATIONS: Mapping[Sensitivity, tuple[str, ...]] = {
    S.HIV: (r"(?<!HEARING )(?<!WALKING )(?<!MOBILITY )(?<!VISUAL )AIDS",),  # not a hearing aid
    S.SEXUAL_HEALTH: (r"STIs?|GUM",),
    S.GENDER_RECOGNITION: (r"GRC",),
}

# Words, as regular expressions in small letters, each matched from one word's beginning to another's end and in either
# case. Say ``\w*`` where a word may go on.
WORDS: Mapping[Sensitivity, tuple[str, ...]] = {
    S.HIV: (
        r"hiv(?:[ -]?[12])?",
        r"acquired immune deficiency(?: syndrome)?",
        r"human immunodeficiency virus",
        r"anti-?retroviral\w*",
        r"cd4(?: count)?",
        r"viral load",
        r"pre-?exposure prophylaxis",
    ),
    S.SEXUAL_HEALTH: (
        r"sexual health",
        r"sexually transmitted",
        r"gum clinic|genito-?urinary medicine",
        r"chlamydia\w*|gonorrh\w*|syphilis|trichomon\w*",
        r"genital (?:herpes|warts?)",
    ),
    S.TERMINATION: (r"terminat\w* (?:of )?(?:the |a |her )?pregnancy", r"abortion\w*", r"pregnancy advisory"),
    S.FERTILITY: (r"(?:in|sub)?fertil(?:ity|e)",),
    S.ASSISTED_FERTILISATION: (
        r"ivf|icsi|iui",
        r"in[ -]vitro fertili[sz]ation",
        r"assisted (?:fertili[sz]ation|conception|reproduction)",
        r"(?:embryo|blastocyst) (?:transfer|storage|donat\w*)",
        r"(?:egg|sperm|gamete|donor) (?:collection|retrieval|donor|donat\w*|insemination)",
        r"intra-?uterine insemination",
    ),
    S.GENDER: (
        r"gender (?:dysphoria|identity|incongruence|reassignment|affirm\w*|clinic|transition\w*|confirm\w*)",
        r"trans-?gender\w*|transsexual\w*",
        r"trans (?:man|woman|male|female|person|boy|girl)",
    ),
    S.GENDER_RECOGNITION: (r"gender recognition", r"acquired gender"),
    S.MENTAL_HEALTH: (
        r"mental(?:ly)? (?:health|ill|illness|disorder)",
        r"(?<!st )(?<!respiratory )(?<!marrow )depress(?:ion|ed|ive)",
        r"anti-?depress\w*|antipsychotic\w*",
        r"anxiety|panic (?:attacks?|disorder)|low mood",
        r"psychiatr\w*|psycholog\w*|psychos[ei]s|psychotic|psychotherap\w*",
        r"schizo\w*|bipolar|mania|manic",
        r"post-?traumatic stress(?: disorder)?|ptsd|obsessive[ -]compulsive|ocd|personality disorder",
        r"eating disorder|anorexia nervosa|bulimia\w*",
        r"cognitive behaviou?ral|cbt|talking therap\w*|iapt",
        r"(?<!genetic )(?<!cessation )(?<!contraceptive )(?<!dietary )counsell(?:ing|or)",
        r"camhs|cmht|crisis (?:team|plan|line|house)|sectioned",
        r"phq-?9|gad-?7",
    ),
    S.SELF_HARM: (
        r"self[ -]?(?:harm\w*|injur\w*|inflicted|poison\w*)",
        r"suicid\w*|parasuicid\w*",
        r"overdos\w*",
        r"risks? to (?:self|him ?self|her ?self|themsel\w+)",
        r"end(?:ing)? (?:his|her|their) (?:own )?life",
    ),
    S.ALCOHOL: (
        r"(?<!non-)(?<!non )alcohol\w*",
        r"drink\w* (?:heavily|problem\w*|too much|to excess)",
        r"binge drink\w*|problem drink\w*",
        r"audit-?c",
        r"detox\w*",
    ),
    S.DRUGS: (
        r"drug (?:us(?:e|er|ing)|misuse|abuse|dependen\w*|addict\w*|problem\w*|(?:and alcohol )?service\w*)",
        r"(?:mis)?us(?:es|ing) (?:street )?drugs",
        r"substance (?:use|misuse|abuse|dependen\w*)",
        r"(?:opioid|opiate|cocaine|cannabis|heroin) (?:use\w*|misuse|abuse|dependen\w*|addict\w*|substitution\w*)",
        r"heroin|crack(?: cocaine)?|cocaine|cannabis|amphetamine\w*|ketamine|ecstasy",
        r"addict\w*|needle exchange|supervised consumption|recovery service|inject\w* drugs",
    ),
    S.DOMESTIC_ABUSE: (
        r"domestic(?:ally)? (?:abus\w*|violen\w*)",
        r"(?:intimate )?partner (?:abuse|violence)|abusive (?:partner|relationship|husband|wife)",
        r"coerci(?:ve|on)(?: control)?|controlling behaviou?r",
        r"marac|idva|non-molestation|women'?s refuge|refuge",
        r"(?:sexual|honour)(?:ly)?[ -](?:based )?(?:assault\w*|abus\w*|violence)|raped?|stalk(?:ed|er|ing)",
        r"forced marriage|female genital mutilation|fgm",
        r"in front of (?:a|the|his|her|their) (?:partner|husband|wife)|never send letters|do not send letters",
        r"not safe at home|afraid of (?:a|the|his|her|their) (?:partner|husband|wife)",
    ),
    S.SAFEGUARDING: (
        r"safeguard\w*",
        r"child (?:protection|in need|abuse|exploitation)|looked[ -]after child\w*",
        r"(?:emotional|physical|financial|elder) abuse|neglect(?:ed)?",
        r"section (?:42|47) (?:enquir\w*|inquir\w*|investigation)|multi-agency risk|mash referral",
    ),
    S.THIRD_PARTY: (r"third[ -]party (?:information|disclosure)|in (?:strict )?confidence by",),
}
