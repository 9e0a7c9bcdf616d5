"""What a FHIR server says it can do (its CapabilityStatement), remembered for a while. Names no resident."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from adapters.answering import Unanswered
from adapters.credentials import Credentials
from adapters.http import Http
from broker.vocabulary import GapCause

from .search import MEDIA

REMEMBERED_SECONDS = 600.0
FORGOTTEN_SECONDS = 60.0
SOON_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Capability:
    """``types`` the server holds, the ``_revinclude`` values of its Patient search, and Patient's ``operations``."""

    version: str
    software: str
    types: frozenset[str]
    revincludes: frozenset[str]
    operations: frozenset[str] = frozenset()

    @property
    def along(self) -> frozenset[str]:
        """The types it says it can bring along with a Patient, by name."""
        return frozenset(value.removesuffix(":patient") for value in self.revincludes if value.endswith(":patient"))

    def brings_along(self, type_name: str) -> bool:
        return bool({f"{type_name}:patient", "*"} & self.revincludes)


class Capabilities:
    """Asks a server for its capability statement at most once in a while."""

    def __init__(self, base: str, http: Http, credentials: Credentials) -> None:
        self._base, self._http, self._credentials = base, http, credentials
        self._known: Capability | None = None
        self._asked_again_at = 0.0

    async def known(self) -> Capability | None:
        """The statement, or None where the server gives none that can be used."""
        if time.monotonic() >= self._asked_again_at:
            try:
                self._known = await self.ask()
                self._asked_again_at = time.monotonic() + REMEMBERED_SECONDS
            except Unanswered:  # what was known may be out of date, and a server that has none is not pestered
                self._known = None
                self._asked_again_at = time.monotonic() + FORGOTTEN_SECONDS
        return self._known

    async def soon(self) -> Capability | None:
        """The statement, where it comes soon: nobody waits long for what is only good to know."""
        try:
            async with asyncio.timeout(SOON_SECONDS):
                return await self.known()
        except TimeoutError:
            self._asked_again_at = time.monotonic() + FORGOTTEN_SECONDS
            return None

    async def ask(self) -> Capability:
        """Ask now. Raises Unanswered."""
        statement = await self._http.ask(
            f"{self._base}/metadata", credentials=self._credentials, allowance=self._http.allowance(), media=MEDIA
        )
        try:
            return _read(statement)
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise Unanswered(GapCause.MALFORMED, "gave a capability statement that cannot be read") from error


def _read(statement: Any) -> Capability:
    if statement["resourceType"] != "CapabilityStatement":
        raise TypeError("not a CapabilityStatement")
    resources = {resource["type"]: resource for resource in statement["rest"][0]["resource"]}
    software = statement.get("software") or {}
    return Capability(
        version=str(statement["fhirVersion"]),
        software=" ".join(str(software[part]) for part in ("name", "version") if software.get(part)),
        types=frozenset(resources),
        revincludes=frozenset(resources.get("Patient", {}).get("searchRevInclude") or ()),
        operations=frozenset(str(each["name"]) for each in resources.get("Patient", {}).get("operation") or ()),
    )
