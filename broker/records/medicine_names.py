"""Read the name of a medicine: which, how strong, in what form. Knows how names are written, and no pharmacology.

Reads names as dm+d writes them (a VTM: "Metformin"; a VMP: "Metformin 500mg tablets"; an AMP: "Glucophage 500mg tablets
(Merck Ltd)") and as people do ("metformin 500 mg tab"). A brand is known for what it is only where the name says so.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Medicine(NamedTuple):
    """``names`` are other names of one medicine ("glucophage", "metformin"); ``strength`` is in micrograms, millilitres
    and so on; ``form`` is the thing taken; ``release`` how it is let go. Each is empty where the name does not say.
    """

    names: frozenset[str]
    strength: tuple[str, ...] = ()
    form: str = ""
    release: str = ""

    @property
    def vague(self) -> bool:
        return not self.strength and not self.form and not self.release

    def may_be(self, other: Medicine) -> bool:
        """Whether nothing in the two names says that they are different medicines or different ones to take."""
        if self.names.isdisjoint(other.names):
            return False
        if self.strength and other.strength and self.strength != other.strength:
            return False
        if self.form and other.form and self.form != other.form:
            return False
        # How it is let go is left out only with everything else: "500mg tablets" are not modified-release.
        return self.release == other.release or self.vague or other.vague


def medicine(title: str) -> Medicine:
    """What a title says of the medicine it names."""
    text = re.sub(r"(\d),(\d{3})(?!\d)", r"\1\2", title.casefold().replace("µg", "mcg").replace("μg", "mcg"))
    others = [inside for inside in _INSIDE.findall(text) if not _MAKER.search(inside) and not inside.isdigit()]
    text = _INSIDE.sub(" ", text)
    combined = text.lstrip().startswith("co-")
    strength = tuple(sorted(_strengths(text, combined=combined)))
    text = " ".join(_PAIR.sub(" ", _STRENGTH.sub(" ", text)).split())
    release, text = _taken(text, _RELEASES)
    form, text = _taken(text, _FORMS)
    names = {_name(text)}
    for other in others:
        strength = strength or tuple(sorted(_strengths(other, combined=combined)))
        names.add(_name(_taken(_taken(_PAIR.sub(" ", _STRENGTH.sub(" ", other)), _RELEASES)[1], _FORMS)[1]))
    return Medicine(frozenset(names - {""}), strength, form, release)


def _strengths(text: str, *, combined: bool) -> set[str]:
    found = set()
    for amount, unit, per, per_unit in _STRENGTH.findall(text):
        scale, base = _UNITS[unit]
        each, of = float(amount) * scale, ""
        if per_unit:
            per_scale, of = _PER[re.sub(r"\s+", "", per_unit)]
            each, of = each / (float(per or 1) * per_scale), f"/{of}" if of else ""
        found.add(f"{each:g}{base}{of}")
    for first, second in _PAIR.findall(_STRENGTH.sub(" ", text)):
        # "Co-codamol 30/500" is in milligrams; what "100/6" of an inhaler is in, nobody says.
        found |= {f"{float(each) * 1000:g}mcg" for each in (first, second)} if combined else {f"{first}/{second}"}
    return found


def _taken(text: str, kinds: tuple[tuple[str, re.Pattern[str]], ...]) -> tuple[str, str]:
    """The first kind that the text says, and the text without any word for it."""
    for kind, pattern in kinds:
        if pattern.search(text):
            return kind, pattern.sub(" ", text)
    return "", text


def _name(text: str) -> str:
    words = [_SPELLINGS.get(word, word) for word in re.findall(r"[^\W_]+(?:-[^\W_]+)*", _NOISE.sub(" ", text))]
    while len(words) > 1 and words[-1] in _SALTS.get(words[0], _SALTS["*"]):
        words.pop()
    joined = " ".join(words)
    return _SPELLINGS.get(joined, joined)


_INSIDE = re.compile(r"\(([^()]*)\)")
_MAKER = re.compile(
    r"\b(?:ltd|limited|plc|uk|pharma\w*|laborator\w*|healthcare|inc|gmbh|a\s+h|teva|accord|mylan|actavis|sandoz|zentiva"
    r"|several|sugar free|vtm|vmp|amp|product|substance|device|cfc)\b"
)
_UNITS = {
    **dict.fromkeys(("mcg", "microgram", "micrograms", "micrograms.", "microg"), (1.0, "mcg")),
    **dict.fromkeys(("mg", "milligram", "milligrams", "mgs"), (1000.0, "mcg")),
    **dict.fromkeys(("g", "gram", "grams"), (1_000_000.0, "mcg")),
    **dict.fromkeys(("ng", "nanogram", "nanograms"), (0.001, "mcg")),
    **dict.fromkeys(("unit", "units", "iu", "international units"), (1.0, "unit")),
    **dict.fromkeys(("ml", "millilitre", "millilitres"), (1.0, "ml")),
    **dict.fromkeys(("mmol",), (1.0, "mmol")),
    **dict.fromkeys(("%", "percent"), (1.0, "%")),
}
_PER = {
    **dict.fromkeys(("ml", "millilitre"), (1.0, "ml")),
    **dict.fromkeys(("l", "litre"), (1000.0, "ml")),
    **dict.fromkeys(
        ("dose", "actuation", "puff", "spray", "tablet", "capsule", "tab", "cap", "metereddose"), (1.0, "")
    ),
    **dict.fromkeys(("hour", "hours", "hr", "hrs", "h"), (1.0, "hour")),
    **dict.fromkeys(("g", "gram"), (1.0, "g")),
}
_STRENGTH = re.compile(
    r"(?<![\w.])(\d+(?:\.\d+)?)[\s-]*("
    + "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
    + r")(?![a-z])(?:\s*(?:/|\bper\b)\s*(\d+(?:\.\d+)?)?\s*("
    + "|".join(["metered\\s+dose", *sorted((name for name in _PER if name != "metereddose"), key=len, reverse=True)])
    + r")(?![a-z]))?"
)
_PAIR = re.compile(r"(?<![\w/])(\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)(?![\w/])")


def _kinds(*kinds: tuple[str, str]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((kind, re.compile(rf"(?<![\w-])(?:{words})(?![\w-])")) for kind, words in kinds)


_RELEASES = _kinds(
    ("modified", r"modified[ -]release|prolonged[ -]release|slow[ -]release|sustained[ -]release|extended[ -]release"
     r"|m/r|mr|xl|sr|er|cr|pr|la|retard|slow"),
    ("enteric", r"gastro[ -]?resistant|enteric[ -]coated|e/c|ec"),
    ("orodispersible", r"orodispersible|oro-dispersible|odt|lyophilisates?|sublingual(?! sprays?)|buccal"),
    ("soluble", r"effervescent|dispersible|soluble"),
    ("chewable", r"chewable"),
)  # fmt: skip
_FORMS = _kinds(
    ("eye drops", r"(?:eye|ophthalmic) drops?"),
    ("ear drops", r"ear drops?"),
    ("eye ointment", r"eye ointment"),
    ("nasal spray", r"nasal sprays?|aqueous nasal spray"),
    ("sublingual spray", r"(?:pump )?sublingual sprays?"),
    ("oral suspension", r"oral suspension|suspension"),
    ("oral liquid", r"oral (?:solution|liquid|drops)|syrup|elixir|linctus|liquid|oral powder"),
    ("breath-actuated inhaler", r"breath[ -]actuated inhalers?|easi-?breathe|autohaler"),
    ("dry powder inhaler", r"dry powder inhalers?|accuhaler|turbohaler|easyhaler|nexthaler|ellipta|handihaler"),
    ("inhaler", r"(?:pressurised |metered dose |mdi |aerosol )?inhalers?(?: cfc[ -]free)?|evohaler|mdi"),
    ("nebuliser", r"nebuli[sz]er (?:liquid|solution|suspension)s?|nebules?|respules?"),
    ("pre-filled pen", r"(?:solution for injection )?pre-?filled (?:disposable )?(?:injection|pen|syringe)s?"
     r"|kwikpen|flexpen|solostar|flextouch"),
    ("cartridge", r"(?:solution for injection )?cartridges?|penfill"),
    ("injection", r"(?:solution|suspension|powder) for (?:injection|infusion)|injections?|infusions?|vials?|ampoules?"),
    ("patch", r"(?:transdermal )?patch(?:es)?"),
    ("suppository", r"suppositor(?:y|ies)"),
    ("pessary", r"pessar(?:y|ies)|vaginal tablets?"),
    ("enema", r"enemas?"),
    ("sachet", r"sachets?|granules?"),
    ("capsule", r"capsules?|caps?"),
    ("tablet", r"(?:film[ -]coated |coated )?(?:tablets?|tabs?)|caplets?"),
    ("cream", r"creams?"),
    ("ointment", r"ointments?"),
    ("gel", r"gels?"),
    ("lotion", r"lotions?"),
    ("shampoo", r"shampoos?"),
    ("mouthwash", r"mouthwash(?:es)?"),
    ("spray", r"sprays?"),
    ("drops", r"drops?"),
    ("powder", r"powders?"),
)  # fmt: skip
_NOISE = re.compile(
    r"\b(?:cfc[ -]free|sugar[ -]free|film[ -]coated|preservative[ -]free|gluten[ -]free|for oral use|oral|each|per dose"
    r"|dose|unit dose|generic|brand|topical)\b|[®™]"
)
_SPELLINGS = {
    "amoxycillin": "amoxicillin", "frusemide": "furosemide", "bendrofluazide": "bendroflumethiazide",
    "epinephrine": "adrenaline", "thyroxine": "levothyroxine", "acetaminophen": "paracetamol",
    "albuterol": "salbutamol", "lignocaine": "lidocaine", "cyclosporin": "ciclosporin", "cyclosporine": "ciclosporin",
    "beclomethasone": "beclometasone", "sulphasalazine": "sulfasalazine", "cholecalciferol": "colecalciferol",
    "gtn": "glyceryl trinitrate", "acetylsalicylic acid": "aspirin", "phenobarbitone": "phenobarbital",
    "cephalexin": "cefalexin", "dothiepin": "dosulepin", "oestradiol": "estradiol", "rifampin": "rifampicin",
    "chlorthalidone": "chlortalidone", "indomethacin": "indometacin", "trimeprazine": "alimemazine",
}  # fmt: skip
# Salts that a name may leave out. Not those that make another medicine of it (ferrous sulfate and ferrous fumarate).
_ANY_SALT = frozenset(
    {
        *("hydrochloride", "hcl", "besilate", "besylate", "maleate", "tartrate", "mesilate", "hydrobromide"),
        *("dipropionate", "disodium", "dihydrate", "trihydrate"),
    }
)
_SALTS = {
    "*": _ANY_SALT,
    **dict.fromkeys(("warfarin", "levothyroxine", "montelukast", "pravastatin", "naproxen"), _ANY_SALT | {"sodium"}),
    **dict.fromkeys(("atorvastatin", "rosuvastatin"), _ANY_SALT | {"calcium"}),
    **dict.fromkeys(("losartan",), _ANY_SALT | {"potassium"}),
    **dict.fromkeys(("salbutamol", "morphine"), _ANY_SALT | {"sulfate", "sulphate"}),
    **dict.fromkeys(("bisoprolol",), _ANY_SALT | {"fumarate"}),
    **dict.fromkeys(("codeine", "citalopram"), _ANY_SALT | {"phosphate", "hydrobromide"}),
    **dict.fromkeys(("ferrous", "sodium", "calcium", "potassium", "magnesium", "diclofenac"), frozenset[str]()),
}
