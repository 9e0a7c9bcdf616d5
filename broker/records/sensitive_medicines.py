"""Medicines that betray what they are given for, by the sensitivity each betrays. Data, no behaviour.

By substance and common UK brand. Those given as often for something else (amitriptyline and duloxetine for pain,
estradiol for the menopause) are not here: linkage tells what they are for.
"""

from __future__ import annotations

from collections.abc import Mapping

from broker.vocabulary import Sensitivity

S = Sensitivity

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

# Of somebody under 18: how a pregnancy is avoided.
CHILD_MEDICINES: Mapping[Sensitivity, tuple[str, ...]] = {
    S.SEXUAL_HEALTH: (
        *("levonorgestrel", "ulipristal", "desogestrel", "etonogestrel", "medroxyprogesterone", "drospirenone"),
        *("norethisterone", "gestodene", "ethinylestradiol", "levonelle", "ellaone", "cerazette", "cerelle"),
        *("microgynon", "rigevidon", "nexplanon", "depo-provera", "sayana press", "mirena", "kyleena", "yasmin"),
    ),
}
