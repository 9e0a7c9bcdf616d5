"""Words that betray something sensitive, as regular expressions by the sensitivity each betrays. Data, no behaviour.

Where a word is in doubt it is here: to withhold too much can be asked about, to show too much cannot be undone.
"""

from __future__ import annotations

from collections.abc import Mapping

from broker.vocabulary import Sensitivity

S = Sensitivity

# Abbreviations that are other words in small letters, as regular expressions matched as they are written.
ABBREVIATIONS: Mapping[Sensitivity, tuple[str, ...]] = {
    S.HIV: (r"(?<!HEARING )(?<!WALKING )(?<!MOBILITY )(?<!VISUAL )AIDS",),  # not a hearing aid
    S.SEXUAL_HEALTH: (r"STIs?|GUM",),
    S.GENDER_RECOGNITION: (r"GRC",),
}

# Somebody else, and how a record says that they said something.
_SOMEBODY = (
    r"(?:mother|father|mum|dad|parents?|step-?(?:mother|father)|brother|sister|sibling|son|daughter|wife|husband"
    r"|partner|ex-?partner|girlfriend|boyfriend|grandmother|grandfather|aunt|uncle|cousin|relative|friend|neighbour"
    r"|carer|landlord|housemate)"
)
_SAYS = (
    r"(?:reports|reported|says|said|states|stated|tells us|told us|is worried|is concerned|raised concerns|rang|phoned)"
)

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
        r"pepse|post-?exposure prophylaxis|seropositive",
    ),
    S.SEXUAL_HEALTH: (
        r"sexual health",
        r"sexually transmitted",
        r"gum clinic|genito-?urinary medicine",
        r"chlamydia\w*|gonorrh\w*|syphilis|trichomon\w*",
        r"genital (?:herpes|warts?)",
        r"(?:chem)?sexually active|unprotected sex\w*|chemsex|condoms?|partner notification",
        r"genital ulcer\w*|urethral discharge|lymphogranuloma venereum",
    ),
    S.TERMINATION: (
        r"terminat\w* (?:of )?(?:the |a |her )?pregnancy",
        r"abortion\w*",
        r"pregnancy advisory",
        r"(?:unwanted|unplanned) pregnancy|bpas|marie stopes|msi reproductive choices",
    ),
    S.FERTILITY: (
        r"(?:in|sub)?fertil(?:ity|e)",
        r"fertility (?:clinic|treatment|preservation)|sperm (?:count|analysis)|semen analysis|recurrent miscarriage\w*",
    ),
    S.ASSISTED_FERTILISATION: (
        r"ivf|icsi|iui",
        r"in[ -]vitro fertili[sz]ation",
        r"assisted (?:fertili[sz]ation|conception|reproduction)",
        r"(?:embryo|blastocyst) (?:transfer|storage|donat\w*)",
        r"(?:egg|sperm|gamete|donor) (?:collection|retrieval|donor|donat\w*|insemination)",
        r"intra-?uterine insemination",
        r"surrogacy|surrogate (?:mother|pregnancy)|frozen (?:embryos?|eggs?|sperm)|hfea",
    ),
    S.GENDER: (
        r"gender (?:dysphoria|identity|incongruence|reassignment|affirm\w*|clinic|transition\w*|confirm\w*)",
        r"trans-?gender\w*|transsexual\w*",
        r"trans (?:man|woman|male|female|person|boy|girl)",
        r"cross[ -]sex hormone\w*|puberty blocker\w*|non-?binary|gender ?fluid|gender non-?conform\w*",
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
        r"mental health act|section(?:ed)? (?:2|3|5|135|136)(?: of)? (?:the )?mental health act|nervous breakdown",
        r"paranoi\w*|delusion\w*|hallucinat\w*|electroconvulsive\w*|dysthymi\w*|agoraphobi\w*|post-?natal depression",
    ),
    S.SELF_HARM: (
        r"self[ -]?(?:harm\w*|injur\w*|inflicted|poison\w*)",
        r"suicid\w*|parasuicid\w*",
        r"overdos\w*",
        r"risks? to (?:self|him ?self|her ?self|themsel\w+)",
        r"end(?:ing)? (?:his|her|their) (?:own )?life",
        r"(?:cuts|cut|cutting) (?:him ?self|her ?self|themsel\w+)|ligature",
        r"(?:taken|took|take) (?:his|her|their) own life",
        r"thoughts of (?:dying|ending it|not being here)",
    ),
    S.ALCOHOL: (
        r"(?<!non-)(?<!non )alcohol\w*",
        r"drink\w* (?:heavily|problem\w*|too much|to excess)",
        r"binge drink\w*|problem drink\w*",
        r"audit-?c",
        r"detox\w*",
        r"(?:drunk|intoxicated)|alcoholics anonymous|units (?:a|per|each) (?:day|week)|delirium tremens|wernicke\w*",
    ),
    S.DRUGS: (
        r"drug (?:us(?:e|er|ing)|misuse|abuse|dependen\w*|addict\w*|problem\w*|(?:and alcohol )?service\w*)",
        r"(?:mis)?us(?:es|ing) (?:street )?drugs",
        r"substance (?:use|misuse|abuse|dependen\w*)",
        r"(?:opioid|opiate|cocaine|cannabis|heroin) (?:use\w*|misuse|abuse|dependen\w*|addict\w*|substitution\w*)",
        r"heroin|crack(?: cocaine)?|cocaine|cannabis|amphetamine\w*|ketamine|ecstasy",
        r"addict\w*|needle exchange|supervised consumption|recovery service|inject\w* drugs",
        r"(?:intravenous|illicit|street|recreational) drugs?|ivdu",
        r"mdma|ghb|gbl|crystal meth\w*|methamphetamine\w*|mephedrone",
        r"solvent (?:abuse|misuse)|nitrous oxide misuse|overusing (?:opioids|opiates|codeine)",
        r"drugs? rehab\w*|opioid treatment",
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
        r"dash risk\w*|domestic homicide",
        r"(?:hit|assaulted|threatened|strangled) by (?:a|the|his|her|their) (?:ex-?)?(?:partner|husband|wife)",
        r"(?:emotionally|physically|financially) abused by (?:a|the|his|her|their) (?:ex-?)?(?:partner|husband|wife)",
        r"clare'?s law",
    ),
    S.SAFEGUARDING: (
        r"safeguard\w*",
        r"child (?:protection|in need|abuse|exploitation)|looked[ -]after child\w*",
        r"(?:emotional|physical|financial|elder) abuse|neglect(?:ed)?",
        r"section (?:42|47) (?:enquir\w*|inquir\w*|investigation)|multi-agency risk|mash referral",
        r"cp[ -]is|cp plan|care proceedings|care order|emergency protection order",
        r"foster(?:ed|ing)?(?: (?:care|carer|placement))?",
        r"section (?:17|20|31)(?: of the children act)? (?:assessment|order|care)",
        r"strategy (?:meeting|discussion)|adult at risk",
        r"modern slavery|trafficked|county lines|radicali[sz]\w*|at risk of exploitation|self-neglect\w*",
    ),
    S.THIRD_PARTY: (
        r"third[ -]party (?:information|disclosure|report)|in (?:strict )?confidence by|told us in confidence",
        rf"{_SOMEBODY} (?:has )?(?:disclosed|confided|alleges|alleged|revealed)",
        rf"(?:neighbours?|ex-?partner|anonymous caller|landlord) (?:has )?{_SAYS}",
        rf"information (?:given|provided) by (?:a |the |his |her |their )?{_SOMEBODY}",
        rf"says that (?:a |the |his |her |their )?{_SOMEBODY}",
        rf"{_SOMEBODY} (?:is|was) (?:in prison|an alcoholic|hiv positive|a heavy drinker|abusive)",
    ),
}

# Of somebody under 18: what a parent who reads a child's record must not learn from it unasked, and what the child's
# own services know. A pregnancy, or how one is avoided, is told to nobody by the broker alone.
CHILD_WORDS: Mapping[Sensitivity, tuple[str, ...]] = {
    S.SEXUAL_HEALTH: (
        r"contracept\w*|morning[ -]after pill|the pill|mini-?pill",
        r"coil (?:fitted|fitting|check)|depo injection|implanon",
        r"family planning|sexual (?:activity|intercourse|partner\w*|relationship)|having sex|has had sex|condoms?",
        r"pregnan\w*|missed period|antenatal\w*|miscarr\w*|fraser (?:competen\w*|guideline\w*)|gillick competen\w*",
    ),
    S.SAFEGUARDING: (
        r"cin(?: plan)?|lac (?:review|medical|nurse)|child in need|children'?s social care|social services involve\w*",
        r"initial child protection conference|core group|children in care|early help|not brought|kinship care",
        r"special guardianship|virtual school|missing from home|gang\w*",
    ),
}
# Of a grown person: what is said of a child, and what somebody else said of anybody.
ADULT_WORDS: Mapping[Sensitivity, tuple[str, ...]] = {
    S.SAFEGUARDING: (
        r"child(?:ren)? (?:is |are |was |were )?(?:on|subject to) (?:a )?(?:child )?(?:protection|in need) plans?",
        r"child(?:ren)? (?:has |have |was |were )?(?:been )?(?:taken into care|removed|in care)|family court",
    ),
    S.THIRD_PARTY: (
        r"child (?:protection|in need) (?:plan|conference|register)|child(?:ren)? (?:taken into|in) care",
        r"care proceedings",
        r"child(?:ren)? (?:is |are |was |were )?(?:on|subject to) (?:a )?(?:child )?(?:protection|in need) plans?",
        rf"{_SOMEBODY} (?:has )?{_SAYS}",
    ),
}
