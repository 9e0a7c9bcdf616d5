"""Declared mappings for extracts that many organisations send alike, so that an operator need not write one.

A preset names the columns of the extract, which of them a file may lack, and what each row becomes. ``columns`` in a
configuration says what a file calls them instead. Reads no file, and decides nothing about who may see what.

From a children's service nothing is taken but that there is a status, and since when: no category, placement or reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from broker.vocabulary import Section, Sensitivity

from . import configuration as read
from .mapping import COLUMN_KEYS, Declared, Mapped, check_columns
from .rows import DATE_FORMATS

_SAFEGUARDING = frozenset({Sensitivity.SAFEGUARDING})


@dataclass(frozen=True, slots=True)
class Preset:
    """One kind of extract. ``needed`` are the columns it must have beside those of the person."""

    label: str
    number: str
    born: str
    entries: tuple[Mapped, ...]
    needed: tuple[str, ...] = ()
    local: str = ""

    @property
    def columns(self) -> frozenset[str]:
        """Every column it speaks of."""
        return frozenset({self.number, self.born, self.local} - {""}).union(*(each.columns for each in self.entries))


def _kept_to_itself(title: str, begins: str, ends: str) -> Mapped:
    """A status, since when and until when, and not one column more."""
    return Mapped(
        Section.SAFEGUARDING,
        title=title,
        title_column="Status",
        date_column=begins,
        details=(("Until", ends),),
        needs=begins,
        labels=_SAFEGUARDING,
        only_shown=True,
    )


def _told(section: Section, title: str, column: str, *more: tuple[str, str], date: str = "Date") -> Mapped:
    """What one column says, where it says anything."""
    return Mapped(section, title=title, date_column=date, details=((title, column), *more), needs=column)


def _of(kind: str | tuple[str, ...], section: Section, **shape: Any) -> Mapped:
    """What a row of one ``Record`` becomes."""
    kinds = (kind,) if isinstance(kind, str) else kind
    when = (("Record", frozenset(kinds)),)
    return Mapped(section, when=when, date_column="Date", status_column="Status", by_column="Worker", **shape)


_DETERMINANTS = (
    _told(Section.WORK, "Work and learning", "Work"),
    _told(Section.CARING, "Caring", "Caring"),
    _told(Section.LONELINESS, "Loneliness and connection", "Loneliness"),
    _told(Section.HOUSING, "Housing", "Housing"),
    _told(Section.MONEY, "Money", "Money"),
)

PRESETS: Mapping[str, Preset] = {
    "children-in-need": Preset(
        "Children in need and child protection plans",
        "NHSNumber",
        "PersonBirthDate",
        (
            _kept_to_itself("Child in need", "CINreferralDate", "CINclosureDate"),
            _kept_to_itself("Child protection plan", "CPPstartDate", "CPPendDate"),
        ),
        needed=("CINreferralDate", "CINclosureDate"),
        local="LAchildID",
    ),
    "looked-after-children": Preset(
        "Looked-after children, by episode",
        "NHS_NUMBER",
        "DOB",
        (_kept_to_itself("Looked after by the council", "DECOM", "DEC"),),
        needed=("DECOM", "DEC"),
        local="CHILD",
    ),
    "housing-lettings": Preset(
        "Social housing lettings",
        "nhs_number",
        "date_of_birth",
        (
            Mapped(
                Section.HOUSING,
                title="Tenancy",
                id_column="tenancycode",
                date_column="startdate",
                status_column="status",
                details=(
                    ("Kind of letting", "lettype"),
                    ("Kind of home", "needstype"),
                    ("Landlord", "landlord"),
                    ("Council", "la"),
                    ("Property (UPRN)", "uprn"),
                    ("Ended", "enddate"),
                ),
            ),
        ),
        needed=("tenancycode", "startdate"),
        local="person_reference",
    ),
    "housing-repairs-and-arrears": Preset(
        "Repairs, adaptations and rent arrears",
        "NHS number",
        "Date of birth",
        (
            _of("repair", Section.HOUSING, title="Repair", title_column="Summary", details=(("Priority", "Priority"),)),
            _of("adaptation", Section.HOUSING, title="Adaptation", title_column="Summary"),
            _of("adaptation", Section.INDIVIDUAL_REQUIREMENTS, title="Adaptation to the home", title_column="Summary"),
            _of(
                "arrears",
                Section.MONEY,
                title="Rent arrears",
                title_column="Summary",
                details=(("Owed", "Balance"), ("Agreed", "Repayment plan")),
            ),
            _of(("notice", "possession"), Section.HOUSING, title="Notice to leave", title_column="Summary"),
        ),
        needed=("Record", "Date"),
    ),
    "social-prescribing": Preset(
        "Social prescribing referrals and contacts",
        "NHS number",
        "Date of birth",
        (
            _of(
                "referral",
                Section.REFERRALS,
                title="Referral for social prescribing",
                title_column="Summary",
                details=(("From", "Referred by"), ("Needs", "Needs")),
            ),
            _of(
                "contact",
                Section.PROFESSIONAL_CONTACTS,
                title="Contact with the link worker",
                title_column="Summary",
                details=(("How", "How"), ("Notes", "Notes")),
            ),
            _of("goal", Section.CARE_PLAN, title="Goal", title_column="Summary", details=(("Steps", "Notes"),)),
            _of(
                ("connection", "activity"),
                Section.VCFSE_SUPPORT,
                title="Community support",
                title_column="Summary",
                details=(("With", "Organisation"), ("Notes", "Notes")),
            ),
            replace(
                _of(
                    "outcome",
                    Section.ASSESSMENTS,
                    title="Personal wellbeing (ONS4)",
                    details=(
                        ("Satisfied with life, 0 to 10", "ONS4 satisfied"),
                        ("Feels what they do is worthwhile, 0 to 10", "ONS4 worthwhile"),
                        ("Happy yesterday, 0 to 10", "ONS4 happy"),
                        ("Anxious yesterday, 0 to 10", "ONS4 anxious"),
                    ),
                ),
                needs="ONS4 satisfied",
            ),
            replace(
                _of(
                    "outcome",
                    Section.LONELINESS,
                    title="How lonely they feel",
                    details=(
                        ("Feels lonely", "Lonely how often"),
                        ("Lacks companionship", "Lacks companionship"),
                        ("Feels left out", "Left out"),
                        ("Feels isolated", "Isolated"),
                    ),
                ),
                needs="Lonely how often",
            ),
            *_DETERMINANTS,
        ),
        needed=("Record", "Date"),
    ),
    "vcfse-casework": Preset(
        "Casework of a charity or community organisation",
        "NHS number",
        "Date of birth",
        (
            _of(("debt", "benefits", "money"), Section.MONEY, title="Money", title_column="Summary"),
            _of("housing", Section.HOUSING, title="Housing", title_column="Summary"),
            _of(("work", "learning", "volunteering"), Section.WORK, title="Work", title_column="Summary"),
            _of(("caring", "carers"), Section.CARING, title="Caring", title_column="Summary"),
            _of(("befriending", "loneliness"), Section.LONELINESS, title="Company", title_column="Summary"),
            _of(
                ("support", "food", "advice", "activity"),
                Section.VCFSE_SUPPORT,
                title="Support",
                title_column="Summary",
                details=(("Notes", "Notes"),),
            ),
            *_DETERMINANTS,
        ),
        needed=("Record", "Date"),
    ),
}


def keys(*presets: str) -> Mapping[str, read.Key]:
    """The keys of a table's columns where one of ``presets`` may stand for them; the first, where only some may."""
    fixed = presets[0] if presets else ""
    optional = {
        name: replace(key, default="") if key.required else key
        for name, key in COLUMN_KEYS.items()
        if name != "entries" or not presets
    }
    named = ", ".join(presets or PRESETS)
    return {
        "preset": read.Key(read.one_of(*(presets or PRESETS)), f"a mapping made already: {named}", fixed),
        "columns": read.Key(_names, "for a preset: what the file calls its columns, by what the preset does", {}),
        **optional,
    }


def check_options(options: Mapping[str, Any]) -> None:
    """What the values, each right by itself, lack together. Raises InvalidInput."""
    preset = PRESETS.get(options.get("preset", ""))
    if preset is None:
        for name in ("born_on_column", "entries"):
            if not options.get(name):
                raise read.wrong(name, f"is needed where there is no preset: {COLUMN_KEYS[name].doc}")
        if options.get("columns"):
            raise read.wrong("columns", "is for a preset alone")
        check_columns(options)
        return
    if options.get("entries"):
        raise read.wrong("entries", "and preset cannot both be used")
    if unknown := sorted(set(options.get("columns") or {}) - preset.columns):
        raise read.wrong("columns", f"names {unknown[0]!r}, which is not a column of {options['preset']}")


def declared(options: Mapping[str, Any]) -> Declared:
    """The columns that a checked configuration declares, by a preset or by themselves."""
    preset = PRESETS.get(options.get("preset", ""))
    if preset is None:
        return Declared.of(options)
    names: Mapping[str, str] = options.get("columns") or {}
    number = options["nhs_number_column"] or names.get(preset.number, preset.number)
    born = options["born_on_column"] or names.get(preset.born, preset.born)
    local = options["local_id_column"] or names.get(preset.local, preset.local)
    entries = tuple(_renamed(each, names) for each in preset.entries)
    needed = {number, born, *(names.get(each, each) for each in preset.needed)}
    spoken_of = {local, *(column for each in entries for column in each.columns)}
    return Declared(
        entries,
        born,
        number,
        local,
        (options["date_format"],) if options["date_format"] else DATE_FORMATS,
        options["delimiter"],
        optional=frozenset(spoken_of - needed),
    )


def _renamed(mapped: Mapped, names: Mapping[str, str]) -> Mapped:
    def of(column: str) -> str:
        return names.get(column, column)

    def pairs(given: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        return tuple((label, of(column)) for label, column in given)

    return replace(
        mapped,
        title_column=of(mapped.title_column),
        id_column=of(mapped.id_column),
        date_column=of(mapped.date_column),
        status_column=of(mapped.status_column),
        by_column=of(mapped.by_column),
        needs=of(mapped.needs),
        when=tuple((of(column), wanted) for column, wanted in mapped.when),
        details=pairs(mapped.details),
    )


def _names(value: Any) -> Mapping[str, str]:
    given = read.structure(value)
    if not isinstance(given, Mapping) or not all(isinstance(v, str) and v for pair in given.items() for v in pair):
        raise ValueError("must map the preset's column to the file's")
    return dict(given)
