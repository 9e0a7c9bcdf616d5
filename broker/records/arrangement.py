"""In what order the parts of a record are shown to whom. Knows no entry's meaning, and hides nothing: order alone.

About Me comes first for everybody, because it is in the person's own words (PRSB About Me standard). Then what the
reader's role needs at once, then what their tier of the neighbourhood team is for, then the rest in the record's order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from broker.records.occasions import is_current
from broker.records.telling import told
from broker.records.view import JoinedEntry, SectionView
from broker.vocabulary import Role, Tier
from broker.vocabulary import Section as S

_SOCIAL: Final = (
    *(S.SAFEGUARDING, S.RISKS, S.CONTACTS, S.HOUSING, S.MONEY, S.CARING, S.SOCIAL_CONTEXT),
    *(S.LEGAL, S.CARE_PLAN, S.ASSESSMENTS, S.SERVICES),
)
_BY_ROLE: Final[Mapping[Role, tuple[S, ...]]] = {
    Role.CLINICIAN: (
        *(S.ALERTS, S.ALLERGIES, S.MEDICATIONS, S.PROBLEMS, S.INDIVIDUAL_REQUIREMENTS, S.CONTINGENCY, S.SAFEGUARDING),
        *(S.RESULTS, S.OBSERVATIONS, S.ADMISSIONS, S.CARE_PLAN),
    ),
    Role.SOCIAL_WORKER: _SOCIAL,
    Role.CASE_WORKER: (S.HOUSING, S.MONEY, S.WORK, S.VCFSE_SUPPORT, S.CONTACTS, S.RISKS, S.CARING, S.REFERRALS),
    Role.LINK_WORKER: (
        *(S.WISHES, S.LONELINESS, S.VCFSE_SUPPORT, S.SOCIAL_CONTEXT, S.WORK, S.CARING, S.HOUSING, S.MONEY),
        *(S.REFERRALS, S.SIGNPOSTING),
    ),
    Role.CARE_COORDINATOR: (
        *(S.CARE_PLAN, S.ACTIONS, S.APPOINTMENTS, S.REFERRALS, S.SERVICES, S.CONTACTS, S.INDIVIDUAL_REQUIREMENTS),
        *(S.CONTINGENCY, S.ADMISSIONS),
    ),
    Role.RESIDENT: (
        *(S.APPOINTMENTS, S.MEDICATIONS, S.ALLERGIES, S.RESULTS, S.PROBLEMS, S.VACCINATIONS, S.CARE_PLAN),
        *(S.REFERRALS, S.SERVICES, S.DOCUMENTS),
    ),
}
_SAME_AS: Final = {Role.PROXY: Role.RESIDENT}
_BY_TIER: Final[Mapping[Tier, tuple[S, ...]]] = {
    Tier.HYPER_LOCAL: (S.WISHES, S.CONTACTS, S.SOCIAL_CONTEXT, S.LONELINESS, S.HOUSING, S.VCFSE_SUPPORT, S.CARING),
    Tier.CONSISTENT: (S.CARE_PLAN, S.CONTINGENCY, S.ALERTS, S.MEDICATIONS, S.PROBLEMS, S.SERVICES, S.ACTIONS),
    Tier.TAILORED: (S.HOUSING, S.MONEY, S.SOCIAL_CONTEXT, S.VCFSE_SUPPORT, S.RISKS, S.REFERRALS),
    Tier.ALIGNED: (S.ALERTS, S.PROBLEMS, S.MEDICATIONS, S.ALLERGIES, S.REFERRALS, S.APPOINTMENTS, S.CONTINGENCY),
}

LINES_ON_A_PAGE: Final = 46  # of an A4 page in ten-point type, below its heading and above what is left out
_LINE: Final = 92  # characters of ten-point type
_VITAL: Final = frozenset({S.ALLERGIES, S.MEDICATIONS, S.PROBLEMS})
_HEADING: Final = 2  # lines: a section's heading, and the space above it
_ITEMS_EACH: Final = 4  # of what is not vital


def first(*, role: Role, tier: Tier | None = None) -> tuple[S, ...]:
    """What this reader needs at once, in order: About Me, what the role needs, what the tier is for."""
    of_role = _BY_ROLE.get(_SAME_AS.get(role, role), ())
    of_tier = _BY_TIER[tier] if tier is not None else ()
    return tuple(dict.fromkeys((S.ABOUT_ME, *of_role, *of_tier)))


def arranged(sections: Iterable[S], *, role: Role, tier: Tier | None = None) -> tuple[S, ...]:
    """``sections``, every one of them once, in the order this reader is shown them."""
    given = set(sections)
    leading = [section for section in first(role=role, tier=tier) if section in given]
    return (*leading, *(section for section in S if section in given and section not in leading))


def in_order(sections: Iterable[SectionView], *, role: Role, tier: Tier | None = None) -> list[SectionView]:
    """The sections of a view in that order."""
    given = {each.section: each for each in sections}
    return [given[section] for section in arranged(given, role=role, tier=tier)]


@dataclass(frozen=True, slots=True)
class Part:
    """What one section has on a page: things in full, then others by their name alone."""

    section: S
    things: tuple[JoinedEntry, ...] = ()
    named: tuple[JoinedEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """What fits on one page, section by section, and how many things of each section are left out of it."""

    shown: tuple[Part, ...]
    left_out: tuple[tuple[S, int], ...]


def one_page(sections: Sequence[SectionView], *, role: Role, tier: Tier | None = None) -> Page:
    """The first things of what this reader needs first, as many as fit; the rest is counted, section by section.

    Allergies, current medicines and current problems are there for every reader: room to name them is kept before
    anything else is laid out, and as many as there is room for are told in full.
    """
    arranged_sections = in_order(sections, role=role, tier=tier)
    kept, room = _kept_room(arranged_sections)
    shown, left_out = [], []
    for section in arranged_sections:
        room += kept.get(section.section, 0)
        part, used = _laid_out(section, room)
        room -= used
        if used:
            shown.append(part)
        if missing := len(section.entries) - len(part.things) - len(part.named):
            left_out.append((section.section, missing))
    return Page(tuple(shown), tuple(left_out))


def short(joined: JoinedEntry) -> str:
    """A thing by its name alone: how it stands, and whether there is disagreement about it, are never left out."""
    aside = [joined.entry.status, "sources do not agree" if joined.contradictions else ""]
    said = "; ".join(filter(None, aside))
    return f"{joined.entry.title} ({said})" if said else joined.entry.title


def _kept_room(sections: Iterable[SectionView]) -> tuple[dict[S, int], int]:
    """The lines that are kept for naming what every reader must see, by section, and those that remain."""
    room, kept = LINES_ON_A_PAGE, {}
    for section in sections:
        if vital := _by_need(section)[0]:
            kept[section.section] = min(room, _HEADING + _lines_of_names(vital))
            room -= kept[section.section]
    return kept, room


def _by_need(section: SectionView) -> tuple[list[JoinedEntry], list[JoinedEntry]]:
    """What is never counted out while there is room, and the rest: every allergy, and what is current of medicines and
    problems."""
    if section.section not in _VITAL:
        return [], list(section.entries)
    vital: list[JoinedEntry] = []
    rest: list[JoinedEntry] = []
    for joined in section.entries:
        needed = section.section is S.ALLERGIES or is_current(joined.entry)
        (vital if needed else rest).append(joined)
    return vital, rest


def _laid_out(section: SectionView, room: int) -> tuple[Part, int]:
    """What of a section fits into ``room`` lines, and how many it takes; none where nothing fits."""
    vital, rest = _by_need(section)
    left = room - _HEADING
    things: list[JoinedEntry] = []
    named: list[JoinedEntry] = []
    for number, joined in enumerate(vital):
        if (needed := _lines(joined)) + _lines_of_names(vital[number + 1 :]) > left:
            break
        left -= needed
        things.append(joined)
    for joined in vital[len(things) :]:
        if _lines_of_names([*named, joined]) > left:
            break
        named.append(joined)
    left -= _lines_of_names(named)
    for joined in rest[: max(0, _ITEMS_EACH - len(vital))]:
        if (needed := _lines(joined)) > left:
            break
        left -= needed
        things.append(joined)
    return Part(section.section, tuple(things), tuple(named)), room - left if things or named else 0


def _lines(joined: JoinedEntry) -> int:
    """How many lines a thing takes: what it says with where it is from, and each disagreement about it."""
    entry = joined.entry
    said = f"{entry.title} {entry.status} {' '.join(text for _, text in told(entry))}"
    origin = 40  # a source's name and a date
    return 1 + (len(said) + origin) // _LINE + sum(1 + len(words) // _LINE for words in joined.contradictions)


def _lines_of_names(things: Sequence[JoinedEntry]) -> int:
    """How many lines things take by their names alone, one after the other."""
    return 1 + sum(len(short(joined)) + 2 for joined in things) // _LINE if things else 0
