"""Every standard there is a row of, in the order of ``CONFORMANCE.md``."""

from __future__ import annotations

from tests.conformance import library, modules, profiles, table
from tests.conformance.table import Row, Standard

STANDARDS: tuple[Standard, ...] = (
    table.FAPI,
    table.BCP,
    table.DPOP,
    table.PAR,
    table.RAR,
    table.STEP,
    table.TOLD,
    profiles.CIBA,
    profiles.JAR,
    profiles.SMART,
    profiles.NHS,
    library.EDGES,
    library.FIXES,
    table.THREATS,
)
MODULES: tuple[Standard, ...] = (modules.CORE, modules.SIGNED, modules.BACKCHANNEL)


def rows(standards: tuple[Standard, ...]) -> dict[str, Row]:
    return {each.id: each for standard in standards for each in standard.rows}
