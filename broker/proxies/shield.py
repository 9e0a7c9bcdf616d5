"""What somebody who acts for another is not shown of them, though it is about neither of the two's records alone.

That a person talks to a domestic abuse service, keeps sexual health to themselves, or was the subject of a safeguarding
check is as telling as the record. Left out, never greyed out. Reads agreements; decides nothing of a record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.agreements.document import from_stored
from broker.agreements.models import SharingAgreement
from broker.audit.trail import Entry
from broker.consent.models import AccessRequestRecord, Consent
from broker.identity.models import Organisation
from broker.notices.models import Notice
from broker.proxies.limits import never_for_proxies
from broker.vocabulary import AuditAction, Confidentiality, NoticeKind, Purpose, Sensitivity

# Somebody else's information is in every service's notes; it does not say what the service is for.
_TELLING = never_for_proxies - {Sensitivity.THIRD_PARTY}
_RESIDENTS_ALONE = (
    AuditAction.PROXY_CHANGED,
    AuditAction.ASKING_CHANGED,
    AuditAction.RESIDENT_PAIRED,
    AuditAction.RECORD_VIEWED_BY_RESIDENT,
)
_ABOUT_PROXIES = tuple(kind for kind in NoticeKind if kind.value.startswith("proxy-"))


@dataclass(frozen=True)
class Shield:
    """``services`` are organisations whose very name says too much: all they did and were let do is left out."""

    services: frozenset[str]

    def hides_consent(self, kept: Consent) -> bool:
        return any(
            provision.organisation_code in self.services or bool((provision.labels or frozenset()) & never_for_proxies)
            for provision in kept.provisions
        )

    def hides_request(self, record: AccessRequestRecord) -> bool:
        return self.hides_asking(record.organisation_code, record.purpose)

    def hides_asking(self, organisation: str, purpose: Purpose) -> bool:
        """Whether a request of this organisation, for this purpose, is not a proxy's to see or answer."""
        return organisation in self.services or purpose is Purpose.SAFEGUARDING

    def hides_notice(self, notice: Notice) -> bool:
        """Also what the resident was told of others who act for them."""
        said: Mapping[str, Any] = notice.parameters
        telling = said.get("organisation") in self.services or said.get("purpose") == Purpose.SAFEGUARDING.value
        return telling or notice.kind in [kind.value for kind in _ABOUT_PROXIES]

    def hides_entry(self, entry: Entry) -> bool:
        """Also every change to who may act, and to how the resident may be asked; and what they read of themself."""
        if entry.action in _RESIDENTS_ALONE:
            return True
        if entry.body.get("purpose") == Purpose.OWN_RECORD.value and not entry.body.get("acting"):
            return True
        if entry.organisation in self.services or entry.body.get("purpose") == Purpose.SAFEGUARDING.value:
            return True
        return any(label in never_for_proxies for label in _labels(entry.body))


def shield(session: Session) -> Shield:
    """The services that give no care and receive, by name and not by implied consent, what proxies never see.

    From every agreement there ever was, in whatever state: what has ended is telling still.
    """
    caring = {o.code for o in session.scalars(select(Organisation)) if o.kind.gives_care}
    texts = (from_stored(each.document) for each in session.scalars(select(SharingAgreement)))
    telling = [
        text for text in texts if text.confidentiality is not Confidentiality.IMPLIED and _TELLING & set(text.labels)
    ]
    return Shield(frozenset(code for text in telling for code in text.receivers if code not in caring))


def _labels(body: Mapping[str, Any]) -> Iterable[str]:
    provisions = body.get("provisions")
    for provision in provisions if isinstance(provisions, list) else ():
        yield from provision.get("labels") or ()
