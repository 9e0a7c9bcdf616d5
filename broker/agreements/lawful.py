"""What must hold before anybody signs: a basis in law that can carry each purpose, assurance, and nothing left blank.

Pure, and the same on every day: dates are held against the agreement's own. Says no word on what a text allows; it is
not legal advice, and catches only what is plainly wrong. UK GDPR Arts 6, 9, 28 and 35; Data Protection Act 2018 s.10
and Sch. 1; Data (Use and Access) Act 2025 for Art. 6(1)(ea).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from broker.agreements import guide, rules, schema
from broker.agreements.rules import Broken, Rule
from broker.agreements.terms import AgreementDocument, Basis, Part
from broker.vocabulary import Confidentiality, Permission, Purpose, Role, Section

OLDEST_DPIA = 3  # years
SIGNING_ROLES = frozenset({Role.IG_LEAD, Role.CALDICOTT_GUARDIAN})
SAFEGUARDING_CONDITION = "Part 2 paragraph 18"

# Sections that may hold nothing on health or social care; any other calls for an Article 9 condition.
_PLAIN = frozenset(
    {Section.DEMOGRAPHICS, Section.CONTACTS, Section.HOUSING, Section.MONEY, Section.VCFSE_SUPPORT, Section.SIGNPOSTING}
)


@dataclass(frozen=True)
class _Carries:
    """The articles that can carry a kind of purpose, and what to write instead of one that cannot."""

    article_6: frozenset[str]
    article_9: frozenset[str]
    instead: str


_CARE = _Carries(
    frozenset({"6(1)(e)", "6(1)(f)"}),
    frozenset({"9(2)(h)"}),
    "Care stands on 9(2)(h), with 6(1)(e) for a public authority and 6(1)(e) or 6(1)(f) for others; never on consent.",
)
_EMERGENCY = _Carries(
    frozenset({"6(1)(d)", "6(1)(e)", "6(1)(f)", "6(1)(ea)"}),
    frozenset({"9(2)(c)", "9(2)(h)"}),
    "An emergency stands on 9(2)(h) or 9(2)(c), with 6(1)(e) or 6(1)(d); never on consent.",
)
_SAFEGUARDING = _Carries(
    frozenset({"6(1)(c)", "6(1)(e)", "6(1)(ea)"}),
    frozenset({"9(2)(g)"}),
    f"Safeguarding stands on 9(2)(g) with {SAFEGUARDING_CONDITION} of Schedule 1, and on 6(1)(c), 6(1)(e) or, for one "
    "that is no public authority, 6(1)(ea). Give it a basis of its own under lawful_basis.also.",
)
_COMMUNITY = _Carries(
    frozenset({"6(1)(a)", "6(1)(e)", "6(1)(f)"}),
    frozenset({"9(2)(a)", "9(2)(g)", "9(2)(h)"}),
    "Advice and community support stand on 6(1)(a), 6(1)(e) or 6(1)(f), with 9(2)(a), 9(2)(g) or 9(2)(h).",
)

# Which conditions of Schedule 1 answer each Article 9 condition (DPA 2018 s.10(2) and (3)). Part 2 begins at 6.
_CONDITIONS = {
    "9(2)(b)": ("Part 1 paragraph 1",),
    "9(2)(h)": ("Part 1 paragraph 2",),
    "9(2)(i)": ("Part 1 paragraph 3",),
    "9(2)(j)": ("Part 1 paragraph 4",),
    "9(2)(g)": tuple(f"Part 2 paragraph {number}" for number in range(6, 29)),
}


def broken(document: AgreementDocument, *, unread: Collection[str] = ()) -> Iterator[Broken]:
    """Everything to put right before ``document`` is signed. Rules that read a field of ``unread`` are not asked."""
    return rules.asked(_RULES, document, unread=unread)


def toolkit_until(published: date) -> date:
    """The last day a toolkit standing counts: the 30 June of the year after the toolkit year it was published in."""
    return date(published.year + (1 if published <= date(published.year, 6, 30) else 2), 6, 30)


# ---- nothing left blank --------------------------------------------------------------------------------------------

_BLANK_UNTIL_SIGNED = tuple(
    note.path for note in guide.notes() if note.needed == schema.TO_SIGN and "[" not in note.path
)


def _blanks(d: AgreementDocument) -> Iterator[Broken]:
    for name in _BLANK_UNTIL_SIGNED:
        if getattr(d, name) is None:
            yield Broken("field-missing", name, f"Give {name} before anybody signs.")
    for index, party in enumerate(d.parties):
        if party.contact is None:
            detail = f"Say who answers for information governance at {party.organisation}."
            yield Broken("field-missing", f"parties[{index}].contact", detail)


# ---- the basis in law ----------------------------------------------------------------------------------------------


def _bases(d: AgreementDocument) -> list[tuple[str, Basis]]:
    others = [(f"lawful_basis.also[{index}]", basis) for index, basis in enumerate(d.other_bases)]
    return [("lawful_basis", d.basis), *others]


def _carried(d: AgreementDocument) -> Iterator[Broken]:
    """Each purpose stands on articles that can carry it."""
    paths = {id(basis): path for path, basis in _bases(d)}
    for purpose in d.purposes:
        basis, carries = d.basis_of(purpose), _carries(purpose)
        path = paths.get(id(basis), "lawful_basis")
        if purpose is Purpose.OWN_RECORD:
            detail = "Somebody's right to read their own record rests on no agreement. Leave it out."
            yield Broken("basis-and-purpose", f"{path}.article_6", detail)
        if basis.article_6 not in carries.article_6:
            detail = f"{basis.article_6} cannot carry {purpose.label.lower()}. {carries.instead}"
            yield Broken("basis-and-purpose", f"{path}.article_6", detail)
        if basis.article_9 is not None and basis.article_9 not in carries.article_9:
            detail = f"{basis.article_9} cannot carry {purpose.label.lower()}. {carries.instead}"
            yield Broken("basis-and-purpose", f"{path}.article_9", detail)
        if purpose is Purpose.SAFEGUARDING and basis.schedule_1 not in (None, SAFEGUARDING_CONDITION):
            detail = f"For safeguarding, the condition is {SAFEGUARDING_CONDITION}."
            yield Broken("basis-and-condition", f"{path}.schedule_1", detail)


def _carries(purpose: Purpose) -> _Carries:
    if purpose is Purpose.SAFEGUARDING:
        return _SAFEGUARDING
    if purpose is Purpose.EMERGENCY:
        return _EMERGENCY
    return _CARE if purpose.within(Purpose.DIRECT_CARE) else _COMMUNITY


def _conditions(d: AgreementDocument) -> Iterator[Broken]:
    """An Article 9 condition that needs one of Schedule 1 has it, and no other has any."""
    for path, basis in _bases(d):
        fitting = _CONDITIONS.get(basis.article_9 or "", ())
        if fitting and basis.schedule_1 not in fitting:
            wanted = fitting[0] if len(fitting) == 1 else f"one from {fitting[0]} to {fitting[-1]}"
            detail = f"{basis.article_9} needs a condition in Schedule 1: {wanted}."
            yield Broken("basis-and-condition", f"{path}.schedule_1", detail)
        elif not fitting and basis.schedule_1 is not None:
            detail = f"{basis.article_9 or 'An agreement with no Article 9 condition'} needs none. Take this away."
            yield Broken("basis-and-condition", f"{path}.schedule_1", detail)


def _special(d: AgreementDocument) -> Iterator[Broken]:
    """What may be about health or care has an Article 9 condition."""
    special = bool(d.labels) or any(agreed.section not in _PLAIN for agreed in d.sections)
    for path, basis in _bases(d):
        if special and basis.article_9 is None:
            detail = "These sections tell of health or care. Say which Article 9 condition lets them be used."
            yield Broken("article-9-missing", f"{path}.article_9", detail)


def _other_bases(d: AgreementDocument) -> Iterator[Broken]:
    covered = {purpose for named in d.purposes for purpose in named.reach}
    for number, basis in enumerate(d.other_bases):
        for index, purpose in enumerate(basis.purposes):
            here = f"lawful_basis.also[{number}].purposes[{index}]"
            if purpose not in covered:
                yield Broken("purpose-not-agreed", here, "This is not a purpose of the agreement.")
            if any(purpose in other.purposes for other in d.other_bases[:number]):
                yield Broken("named-twice", here, "This purpose has a basis of its own already.")


def _public(d: AgreementDocument) -> Iterator[Broken]:
    """Legitimate interests are not for a public authority's own tasks (Art. 6(1), last paragraph; 6(1)(ea) too)."""
    public = [party.organisation for party in d.parties if party.receives and party.public]
    kinds = [kind.label for kind in d.recipient_kinds if kind.statutory]
    for path, basis in _bases(d):
        if basis.article_6 in ("6(1)(f)", "6(1)(ea)") and (public or kinds):
            detail = (
                f"{basis.article_6} is not for a public authority, and {(public or kinds)[0]} receives. Write 6(1)(e); "
                "or, if it is none, say public_authority: false beside it."
            )
            yield Broken("basis-not-for-public-authority", f"{path}.article_6", detail)


def _powers(d: AgreementDocument) -> Iterator[Broken]:
    if d.powers is None and any(basis.article_6 in ("6(1)(c)", "6(1)(e)") for _, basis in _bases(d)):
        detail = "6(1)(c) and 6(1)(e) rest on a law (UK GDPR Art. 6(3)). Name the duty or power relied on."
        yield Broken("powers-missing", "lawful_basis.powers", detail)


# ---- the duty of confidentiality -----------------------------------------------------------------------------------


def _duty(d: AgreementDocument) -> Iterator[Broken]:
    for index, purpose in enumerate(d.purposes):
        here = f"purposes[{index}]"
        explicit = purpose.permission is Permission.EXPLICIT
        if explicit and d.confidentiality in (Confidentiality.LAW, Confidentiality.S251):
            detail = f"{purpose.label} needs the resident's explicit permission. Make confidentiality explicit."
            yield Broken("purpose-needs-permission", here, detail)
        elif d.confidentiality is Confidentiality.LAW and purpose.within(Purpose.DIRECT_CARE):
            detail = "No law sets confidentiality aside for everyday care. Make it implied, or explicit."
            yield Broken("confidentiality-and-purpose", here, detail)
        elif d.confidentiality is Confidentiality.S251:
            detail = "Section 251 support is for purposes beyond individual care, and this is not one."
            yield Broken("s251-and-purpose", here, detail)


def _s251(d: AgreementDocument) -> Iterator[Broken]:
    if (d.confidentiality is Confidentiality.S251) != (d.s251 is not None):
        detail = "Give the Confidentiality Advisory Group reference where confidentiality is s251, and nowhere else."
        yield Broken("s251-reference", "lawful_basis.s251", detail)


# ---- who, and how they are trusted ---------------------------------------------------------------------------------


def _parts(d: AgreementDocument) -> Iterator[Broken]:
    for index, party in enumerate(d.parties):
        if party.part is Part.PROCESSOR and party.receives:
            detail = "A processor acts for a controller and receives nothing of its own. Change its part, or receives."
            yield Broken("processor-receives", f"parties[{index}].receives", detail)
    if all(party.part is Part.PROCESSOR for party in d.parties):
        yield Broken("no-controller", "parties", "Somebody must decide why and how: name a controller.")


def _assured(d: AgreementDocument) -> Iterator[Broken]:
    """Who receives has met the toolkit's standards, or the parties have written down why they accept less.

    Only who receives: it is theirs to lose. Small charities may not be there yet, and a note, signed by every party,
    is the honest way to say so.
    """
    for index, party in enumerate(d.parties):
        here, dspt = f"parties[{index}].dspt", party.dspt
        if dspt is None:
            if party.receives:
                detail = f"{party.organisation} receives. Say how it stands with the toolkit."
                yield Broken("dspt-missing", here, detail)
        elif not dspt.status.enough and dspt.note is None:
            detail = "Add a note: what makes up for it, and who has accepted that."
            yield Broken("dspt-note-missing", f"{here}.note", detail)
        elif dspt.status.enough and dspt.on is None:
            yield Broken("field-missing", f"{here}.on", "Give the day this standing was published.")
        elif dspt.status.enough and dspt.on is not None and toolkit_until(dspt.on) < d.from_on:
            detail = f"This standing ran out on {toolkit_until(dspt.on)}, before the first day. Give a newer one."
            yield Broken("dspt-expired", f"{here}.on", detail)


def _signing(d: AgreementDocument) -> Iterator[Broken]:
    for index, signatory in enumerate(d.signatories):
        if signatory.role not in SIGNING_ROLES:
            detail = "An IG lead or a Caldicott Guardian signs for a party."
            yield Broken("role-may-not-sign", f"signatories[{index}].role", detail)


def _givers(d: AgreementDocument) -> Iterator[Broken]:
    giving = {party.organisation for party in d.parties if party.gives}
    for index, organisation in enumerate(d.source_organisations):
        if organisation not in giving:
            detail = f"{organisation} is not a party that gives. Make it one, or take it from the sources."
            yield Broken("source-not-giving", f"sources.organisations[{index}]", detail)
    if d.source_kinds:
        return
    for index, party in enumerate(d.parties):
        if party.gives and party.organisation not in d.source_organisations:
            detail = f"{party.organisation} gives, and is not among the sources: nothing would be asked of it."
            yield Broken("giver-not-a-source", f"parties[{index}].gives", detail)


# ---- dates ---------------------------------------------------------------------------------------------------------


def _dpia(d: AgreementDocument) -> Iterator[Broken]:
    if d.dpia_on > d.from_on:
        detail = "An impact assessment comes before the first day (UK GDPR Art. 35(1))."
        yield Broken("dpia-after-start", "dpia.on", detail)
    elif _years_before(d.from_on, OLDEST_DPIA) > d.dpia_on:
        detail = f"This impact assessment is more than {OLDEST_DPIA} years older than the agreement. Review it first."
        yield Broken("dpia-old", "dpia.on", detail)


def _review(d: AgreementDocument) -> Iterator[Broken]:
    if d.review_on <= d.from_on:
        yield Broken("review-too-early", "review_on", "Review it after it has begun.")


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February, or before there were years
        return day.replace(year=max(day.year - years, 1), day=min(day.day, 28))


# Each rule, and the fields it reads.
_RULES: dict[Rule, tuple[str, ...]] = {
    _blanks: (),
    _carried: ("lawful_basis", "purposes"),
    _conditions: ("lawful_basis",),
    _special: ("lawful_basis", "sections", "labels"),
    _other_bases: ("lawful_basis", "purposes"),
    _public: ("lawful_basis", "parties", "recipients"),
    _powers: ("lawful_basis",),
    _duty: ("purposes", "confidentiality"),
    _s251: ("lawful_basis", "confidentiality"),
    _parts: ("parties",),
    _assured: ("parties", "from_on"),
    _signing: ("signatories",),
    _givers: ("parties", "sources"),
    _dpia: ("dpia", "from_on"),
    _review: ("review_on", "from_on"),
}
