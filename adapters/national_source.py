"""What a source system of a national service is: asked by NHS number alone, and for somebody who can be named there.

Says how one is asked and how it fails; what it asks for and reads is the service's own (``pds``, ``nrl``,
``patient_flags``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from broker.records.source import ResidentIdentity, SourceAnswer
from broker.vocabulary import GapCause, Section

from .answering import Clock, Unanswered, no_answer, utc_now
from .credentials import Credentials
from .http import Http
from .national import National

_UNREADABLE = (KeyError, TypeError, AttributeError, ValueError)


class NationalSource:
    """One connection to a national service. See SourceSystem; a service says its ``sections`` and ``_ask``s."""

    personal = True
    sections: frozenset[Section]
    correlation = "X-Correlation-ID"  # the header in which the service is told which request this belongs to

    def __init__(
        self,
        *,
        id: str,
        label: str,
        organisation: str,
        options: Mapping[str, Any],
        http: Http,
        credentials: Credentials,
        clock: Clock = utc_now,
    ) -> None:
        self.id, self.label, self.organisation = id, label, organisation
        self._options, self._http, self._credentials, self._clock = options, http, credentials, clock
        self._service = National(id, organisation, options, http, credentials, correlation=self.correlation)

    async def fetch(self, resident: ResidentIdentity, sections: frozenset[Section]) -> SourceAnswer:
        asked = sections & self.sections
        if not asked:
            return SourceAnswer()
        if resident.nhs_number is None:
            return no_answer(asked, GapCause.NOT_LINKED, "there is no number to ask by")
        try:
            self._service.must_know(resident.asked_by)
            return await self._ask(resident, resident.nhs_number, asked)
        except Unanswered as error:
            return no_answer(asked, error.cause, error.detail)
        except _UNREADABLE:
            return no_answer(asked, GapCause.MALFORMED, "sent an answer that could not be read")

    async def _ask(self, resident: ResidentIdentity, number: str, asked: frozenset[Section]) -> SourceAnswer:
        """What the service says of ``number``. Raises Unanswered where it says nothing that can be used."""
        raise NotImplementedError
