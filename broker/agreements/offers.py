"""What a worker can usefully ask for: the purposes and sections of their organisation's agreements in force.

Only spares people from asking for what could never be given. Whether it is given is decided in ``access``, each time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from broker.access.request import Requester
from broker.agreements.document import AgreementDocument
from broker.agreements.standing import in_force
from broker.vocabulary import Purpose, Section


@dataclass(frozen=True)
class Offers:
    """Sections by purpose, both in the vocabulary's order; and whether emergency access is in any agreement."""

    sections: dict[Purpose, tuple[Section, ...]]
    emergency: tuple[Section, ...]

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        return tuple(self.sections)


def offered_to(session: Session, asker: Requester, *, now: datetime) -> Offers:
    """What the asker's organisation may receive by name, in the asker's role, under agreements in force ``now``."""
    documents = [each for each in in_force(session, now=now) if _for(each, asker)]
    sections: dict[Purpose, tuple[Section, ...]] = {
        purpose: _sections(document for document in documents if purpose.within_any(document.purposes))
        for purpose in Purpose
        if purpose is not Purpose.EMERGENCY
        and not purpose.grouping
        and any(purpose.within_any(document.purposes) for document in documents)
    }
    breakable = (each for each in documents if each.break_glass and Purpose.EMERGENCY in each.purposes)
    return Offers(sections=sections, emergency=_sections(breakable) if asker.role.clinical else ())


def _for(document: AgreementDocument, asker: Requester) -> bool:
    return asker.organisation in document.receivers and asker.role in document.roles


def _sections(documents: Iterable[AgreementDocument]) -> tuple[Section, ...]:
    agreed = {line.section for document in documents for line in document.sections}
    return tuple(section for section in Section if section in agreed)
