"""Read a file as the adapter of its kind reads an answer: the one table of the kinds of document there are.

Opens no socket and no file, and asks nobody. What it cannot read it refuses by name, and never guesses at.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from importlib import import_module
from typing import Any, Protocol, cast

from broker.records.source import ResidentIdentity

from .answering import USUAL, Limits, Read


class Reader(Protocol):
    """Reads one document. All sections are asked of it; ``resident`` None means that nobody is compared with it."""

    def __call__(
        self,
        data: bytes,
        *,
        source: str,
        now: datetime,
        limits: Limits = USUAL,
        resident: ResidentIdentity | None = None,
    ) -> Read: ...


def _of(module: str) -> Reader:
    def read(data: bytes, **said: Any) -> Read:
        return cast(Read, import_module(module, __package__).read_document(data, **said))

    return cast(Reader, read)


_ENOUGH = 64 * 1024

READERS: Mapping[str, Reader] = {
    "fhir-r4": _of(".fhir_r4.documents"),
    "gp-connect-structured": _of(".gp_connect.documents"),
    "cld": _of(".client_level_data"),
    "hl7v2": _of(".hl7v2.reading"),
}


def guess(data: bytes) -> str | None:
    """Which kind a document looks like; None where it is none of them. A guess is said to be one."""
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip(b"\x0b \t\r\n")[:_ENOUGH]
    if start[:3] in (b"MSH", b"FHS", b"BHS"):
        return "hl7v2"
    if start[:1] == b"{":
        if b'"resourceType"' not in data:
            return None
        # STU3 by its profiles, which every resource of a structured record names.
        return "gp-connect-structured" if b"/STU3/" in data or b"CareConnect-" in data else "fhir-r4"
    header = start.split(b"\n", 1)[0]
    return "cld" if b"Event_Type" in header and b"Reporting_Period_Start_Date" in header else None
