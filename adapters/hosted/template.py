"""The table that an organisation without any system fills in: the columns, and what is meant by them.

For a source that declares no columns of its own. One column says the section of each row, in words.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from adapters.mapping import Declared, Mapped
from broker.vocabulary import Section

NUMBER, BORN, SECTION, TITLE, DATE, NOTE, STATUS, BY, REFERENCE = COLUMNS = (
    "NHS number",
    "Date of birth",
    "Section",
    "Title",
    "Date",
    "Note",
    "Status",
    "Recorded by",
    "Reference",
)


def standard_columns(sections: Iterable[Section]) -> Declared:
    """One mapping for each section, chosen by its code or by its words."""
    return Declared(
        tuple(
            Mapped(
                section,
                title_column=TITLE,
                id_column=REFERENCE,
                date_column=DATE,
                status_column=STATUS,
                by_column=BY,
                when=((SECTION, frozenset({section.value.lower(), section.label.lower()})),),
                details=(("Note", NOTE),),
            )
            for section in in_order(sections)
        ),
        born=BORN,
        number=NUMBER,
    )


def empty_table(columns: Declared, sections: Iterable[Section]) -> bytes:
    """The table to fill in: its headings alone, so that nothing has to be taken out again."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=columns.delimiter)
    writer.writerow(COLUMNS if columns == standard_columns(sections) else columns.layout.needed)
    return ("\ufeff" + out.getvalue()).encode()


def in_order(sections: Iterable[Section]) -> list[Section]:
    held = frozenset(sections)
    return [section for section in Section if section in held]
