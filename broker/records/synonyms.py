"""Other names, and codes in other classifications, of what records often hold. Data, no behaviour.

Only what is the same thing, never what is like it or a kind of it: to join two things hides one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Names(NamedTuple):
    """One thing: its names in small letters, its SNOMED CT codes, and its ICD-10 codes without the point."""

    names: tuple[str, ...]
    snomed: tuple[str, ...] = ()
    icd10: tuple[str, ...] = ()


CONDITIONS: tuple[Names, ...] = (
    Names(
        ("type 2 diabetes mellitus", "type 2 diabetes", "type ii diabetes mellitus", "type ii diabetes", "t2dm",
         "niddm",
         "non-insulin-dependent diabetes mellitus", "non insulin dependent diabetes mellitus"),
        ("44054006",), ("E11", "E119"),
    ),
    Names(
        ("type 1 diabetes mellitus", "type 1 diabetes", "type i diabetes mellitus", "type i diabetes", "t1dm", "iddm",
         "insulin-dependent diabetes mellitus", "insulin dependent diabetes mellitus"),
        ("46635009",), ("E10", "E109"),
    ),
    Names(
        ("hypertension", "essential hypertension", "essential (primary) hypertension", "primary hypertension", "htn",
         "high blood pressure", "hypertensive disorder", "hypertensive disorder, systemic arterial"),
        ("38341003", "59621000"), ("I10",),
    ),
    Names(("asthma", "asthma, unspecified", "bronchial asthma"), ("195967001",), ("J45", "J459")),
    Names(
        ("chronic obstructive pulmonary disease", "copd", "chronic obstructive airways disease", "coad",
         "chronic obstructive lung disease", "chronic obstructive pulmonary disease, unspecified"),
        ("13645005",), ("J44", "J449"),
    ),
    Names(("atrial fibrillation", "af - atrial fibrillation"), ("49436004",), ("I48", "I489")),
    Names(("heart failure", "cardiac failure", "heart failure, unspecified"), ("84114007",), ("I50", "I509")),
    Names(
        ("ischaemic heart disease", "ischemic heart disease", "ihd", "coronary heart disease", "chd",
         "chronic ischaemic heart disease, unspecified"),
        ("414545008",), ("I259",),
    ),
    Names(
        ("myocardial infarction", "heart attack", "acute myocardial infarction", "mi - myocardial infarction"),
        ("22298006", "57054005"), ("I21", "I219"),
    ),
    Names(
        ("stroke", "cerebrovascular accident", "cva", "cva - cerebrovascular accident"), ("230690007",), ("I64",)
    ),
    Names(("transient ischaemic attack", "transient ischemic attack", "tia"), ("266257000",), ("G459",)),
    Names(
        ("chronic kidney disease stage 3", "ckd stage 3", "ckd 3", "chronic kidney disease, stage 3"),
        ("433144002",), ("N183",),
    ),
    Names(
        ("chronic kidney disease stage 4", "ckd stage 4", "ckd 4", "chronic kidney disease, stage 4"),
        ("431857002",), ("N184",),
    ),
    Names(
        ("depression", "depressive disorder", "depressive episode, unspecified", "depressive episode"),
        ("35489007",), ("F32", "F329"),
    ),
    Names(("anxiety disorder", "anxiety disorder, unspecified"), ("197480006",), ("F419",)),
    Names(("generalised anxiety disorder", "generalized anxiety disorder", "gad"), ("21897009",), ("F411",)),
    Names(("schizophrenia", "schizophrenia, unspecified"), ("58214004",), ("F20", "F209")),
    Names(
        ("bipolar disorder", "bipolar affective disorder", "bipolar affective disorder, unspecified"),
        ("13746004",), ("F31", "F319"),
    ),
    Names(
        ("hypothyroidism", "underactive thyroid", "hypothyroidism, unspecified"), ("40930008",), ("E039",)
    ),
    Names(("hyperthyroidism", "overactive thyroid"), ("34486009",), ()),
    Names(("epilepsy", "epilepsy, unspecified"), ("84757009",), ("G40", "G409")),
    Names(("migraine", "migraine, unspecified"), ("37796009",), ("G43", "G439")),
    Names(("parkinson's disease", "parkinsons disease", "parkinson disease"), ("49049000",), ("G20",)),
    Names(("multiple sclerosis",), ("24700007",), ("G35",)),
    Names(
        ("alzheimer's disease", "alzheimers disease", "alzheimer disease", "alzheimer's disease, unspecified"),
        ("26929004",), ("G30", "G309"),
    ),
    Names(("dementia", "unspecified dementia"), ("52448006",), ("F03",)),
    Names(("vascular dementia", "vascular dementia, unspecified"), ("429998004",), ("F01", "F019")),
    Names(("osteoarthritis", "oa", "arthrosis, unspecified"), ("396275006",), ("M199",)),
    Names(("rheumatoid arthritis", "rheumatoid arthritis, unspecified"), ("69896004",), ("M069",)),
    Names(("osteoporosis", "osteoporosis, unspecified"), ("64859006",), ("M819",)),
    Names(("gout", "gout, unspecified"), ("90560007",), ("M109",)),
    Names(
        ("gastro-oesophageal reflux disease", "gastroesophageal reflux disease", "gord", "gerd",
         "gastro-oesophageal reflux disease without oesophagitis"),
        ("235595009",), ("K219",),
    ),
    Names(("crohn's disease", "crohns disease", "crohn's disease, unspecified"), ("34000006",), ("K50", "K509")),
    Names(("ulcerative colitis", "ulcerative colitis, unspecified"), ("64766004",), ("K51", "K519")),
    Names(("coeliac disease", "celiac disease"), ("396331005",), ("K900",)),
    Names(("irritable bowel syndrome", "ibs"), ("10743008",), ("K58", "K589")),
    Names(("psoriasis", "psoriasis, unspecified"), ("9014002",), ("L40", "L409")),
    Names(("iron deficiency anaemia", "iron deficiency anemia"), ("87522002",), ("D50", "D509")),
    Names(("obesity", "obesity, unspecified"), ("414916001",), ("E66", "E669")),
    Names(("hypercholesterolaemia", "high cholesterol", "pure hypercholesterolaemia"), ("13644009",), ("E780",)),
    Names(
        ("benign prostatic hyperplasia", "bph", "benign prostatic hypertrophy", "hyperplasia of prostate"),
        ("266569009",), ("N40",),
    ),
    Names(("pulmonary embolism", "pe - pulmonary embolism"), ("59282003",), ("I26", "I269")),
    Names(("glaucoma", "glaucoma, unspecified"), ("23986001",), ("H40", "H409")),
    Names(
        ("human immunodeficiency virus infection", "hiv infection", "hiv", "hiv positive"), ("86406008",), ("B24",)
    ),
)  # fmt: skip

# What somebody is allergic to: the codes that say "allergy to it" and the codes of the substance itself.
ALLERGENS: tuple[Names, ...] = (
    Names(("penicillin", "penicillins", "penicillin class of antibiotic", "pcn"),
          ("91936005", "764146007", "373270004")),
    Names(("amoxicillin", "amoxycillin"), ("294505008", "372687004")),
    Names(("aspirin", "acetylsalicylic acid"), ("293586001", "387458008")),
    Names(("latex", "natural rubber latex", "rubber latex"), ("300916003", "111088007", "1003755004")),
    Names(("peanut", "peanuts", "groundnut"), ("91935009", "762952008", "256349002")),
    Names(("egg", "eggs", "egg protein", "hen's egg"), ("91930004",)),
    Names(("shellfish",), ("300913006",)),
    Names(("codeine", "codeine phosphate"), ("293850002", "387494007")),
    Names(("trimethoprim",), ("294499007", "387170002")),
    Names(("erythromycin",), ("372694001",)),
    Names(("ibuprofen",), ("293619005", "387207008")),
    Names(("morphine", "morphine sulfate"), ("373529000",)),
    Names(("nsaids", "nsaid", "non-steroidal anti-inflammatory drugs", "non steroidal anti inflammatory drugs",
           "non-steroidal anti-inflammatory agents", "non-steroidal anti-inflammatory drug"), ("372665008",)),
    Names(("adhesive plaster", "elastoplast", "sticking plaster", "plasters", "sticking plasters"), ()),
    Names(("bee sting", "bee venom", "bee stings"), ("424213003",)),
    Names(("cow's milk protein", "cows milk protein", "cow's milk", "cows milk"), ("782555009",)),
    Names(("sulfonamide", "sulfonamides", "sulphonamide", "sulphonamides"), ("91939003", "387406002")),
    Names(("iodinated contrast media", "iodine contrast", "iodinated contrast", "x-ray contrast media"), ()),
)  # fmt: skip

# What a vaccination is against, and the brands and abbreviations that say so. As regular expressions, small letters.
VACCINES: Mapping[str, str] = {
    "influenza": r"influenza|\bflu\b|fluenz|fluad|flucelvax|fluarix|supemtek",
    "covid": r"covid|sars-?cov-?2|comirnaty|spikevax|vaxzevria|nuvaxovid",
    "ppv23": r"ppv ?-?23|ppv|pneumovax|23-?valent|pneumococcal polysaccharide",
    "pcv": r"\bpcv ?-?(?:13|15|20)?\b|prevenar|apexxnar|vaxneuvance|pneumococcal conjugate",
    "pneumococcal": r"pneumococcal(?! (?:polysaccharide|conjugate))(?!.*(?:ppv|pcv|23))",
    "shingles": r"shingles|herpes zoster|shingrix|zostavax",
    "mmr": r"\bmmr\b|measles,? mumps|priorix|mmrvaxpro",
    "hpv": r"\bhpv\b|papilloma|gardasil|cervarix",
    "hepatitis b": r"hepatitis b|\bhep b\b|engerix|hbvaxpro|fendrix",
    "hepatitis a": r"hepatitis a\b|\bhep a\b|havrix|avaxim|vaqta",
    "td/ipv": r"td/ipv|revaxis",
    "6-in-1": r"6[ -]in[ -]1|hexavalent|infanrix hexa|vaxelis|dtap/ipv/hib/hepb",
    "4-in-1": r"4[ -]in[ -]1|repevax|boostrix[ -]ipv|dtap/ipv(?!/hib)",
    "men acwy": r"men ?acwy|meningococcal acwy|menveo|nimenrix|menquadfi",
    "men b": r"men ?b\b|meningococcal (?:group )?b\b|bexsero",
    "rotavirus": r"rotavirus|rotarix",
    "bcg": r"\bbcg\b",
    "typhoid": r"typhoid|typhim",
    "rabies": r"rabies|rabipur|verorab",
    "rsv": r"\brsv\b|respiratory syncytial|abrysvo|arexvy",
    "yellow fever": r"yellow fever|stamaril",
    "hib/men c": r"hib/men ?c|menitorix",
    "varicella": r"varicella|chickenpox|varilrix|varivax",
}
