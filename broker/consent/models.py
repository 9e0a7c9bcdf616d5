"""A resident's recorded choices, in FHIR's words: a Consent holds Provisions that permit or deny.

The UK GDPR lawful basis and the duty of confidentiality are the agreement's, not the resident's, and are not here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broker.database import Base, Code, Codes, Instant, new_id
from broker.vocabulary import ConsentStatus, ProvisionType, Purpose, RequestState, Role, Section, Sensitivity


class Consent(Base):
    """One choice a resident made, and may undo. Ending it needs no more steps than making it."""

    __tablename__ = "consent"
    __table_args__ = (Index("ix_consent_resident_status", "resident_id", "status"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    resident_id: Mapped[str] = mapped_column(ForeignKey("resident.id"))
    status: Mapped[ConsentStatus] = mapped_column(Code(ConsentStatus), default=ConsentStatus.ACTIVE)
    given_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    given_by: Mapped[str] = mapped_column(String(80))  # ``resident:<id>``: their own, or their proxy's
    request_id: Mapped[str | None] = mapped_column(ForeignKey("access_request.id"))
    # A FHIR R4 Consent taken in, as far as provisions cannot say it: read again at every use, and only ever narrows.
    document: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))

    provisions: Mapped[list[Provision]] = relationship(back_populates="consent", order_by="Provision.id")


class Provision(Base):
    """Permit or deny: to whom, for what, which sections, which sensitivities, between when and when.

    None means "any". ``ended_at`` closes it early; the row stays, because what was once permitted is history.
    """

    __tablename__ = "provision"
    __table_args__ = (CheckConstraint("until_at IS NULL OR until_at > from_at", name="ends_after_start"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    consent_id: Mapped[str] = mapped_column(ForeignKey("consent.id"), index=True)
    type: Mapped[ProvisionType] = mapped_column(Code(ProvisionType))
    organisation_code: Mapped[str | None] = mapped_column(ForeignKey("organisation.code"))
    purposes: Mapped[frozenset[Purpose] | None] = mapped_column(Codes(Purpose))
    sections: Mapped[frozenset[Section] | None] = mapped_column(Codes(Section))
    labels: Mapped[frozenset[Sensitivity] | None] = mapped_column(Codes(Sensitivity))
    from_at: Mapped[datetime] = mapped_column(Instant)
    until_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)

    consent: Mapped[Consent] = relationship(back_populates="provisions")


class AccessRequestRecord(Base):
    """A worker's request to a resident for permission, and the resident's answer in their own time."""

    __tablename__ = "access_request"
    __table_args__ = (Index("ix_access_request_resident_state", "resident_id", "state"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    resident_id: Mapped[str | None] = mapped_column(ForeignKey("resident.id"))  # None: nobody here, and not told
    handle: Mapped[str] = mapped_column(ForeignKey("resident_handle.handle"))
    organisation_code: Mapped[str] = mapped_column(ForeignKey("organisation.code"))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    client_id: Mapped[str | None] = mapped_column(ForeignKey("client.id"))
    role: Mapped[Role] = mapped_column(Code(Role))
    purpose: Mapped[Purpose] = mapped_column(Code(Purpose))
    sections: Mapped[frozenset[Section]] = mapped_column(Codes(Section))
    reason: Mapped[str] = mapped_column(Text)  # shown to the resident as the worker's own words
    binding_code: Mapped[str] = mapped_column(String(8))  # read aloud, so that each knows the other means this request
    share_until: Mapped[datetime] = mapped_column(Instant)
    share_seconds: Mapped[int | None]  # where set, sharing ends so long after the answer, and by ``share_until``
    assurance: Mapped[int | None]  # how surely whoever says yes must have proved who they are; None: as they like
    state: Mapped[RequestState] = mapped_column(Code(RequestState))
    made_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    answered_at: Mapped[datetime | None] = mapped_column(Instant)
    shown_from: Mapped[datetime | None] = mapped_column(Instant)  # when its resident first sees it; None: at once
    reminded_at: Mapped[datetime | None] = mapped_column(Instant)


class AskingPreferences(Base):
    """How a resident wants to be asked. Without a row: at any hour, and told of who joins a team that sees them.

    ``quiet_from`` and ``quiet_until`` are minutes after midnight in London; the first may be the evening before.
    """

    __tablename__ = "asking_preferences"
    __table_args__ = (
        CheckConstraint("(quiet_from IS NULL) = (quiet_until IS NULL)", name="quiet_has_both_ends"),
        CheckConstraint("quiet_from BETWEEN 0 AND 1439 AND quiet_until BETWEEN 0 AND 1439", name="quiet_is_of_a_day"),
        CheckConstraint("quiet_from <> quiet_until", name="quiet_is_not_for_ever"),
    )

    resident_id: Mapped[str] = mapped_column(ForeignKey("resident.id"), primary_key=True)
    quiet_from: Mapped[int | None]
    quiet_until: Mapped[int | None]
    tell_of_joiners: Mapped[bool]


class OrganisationBlock(Base):
    """An organisation whose requests a resident does not want to see. Undone by deleting it: the trail remembers."""

    __tablename__ = "organisation_block"

    resident_id: Mapped[str] = mapped_column(ForeignKey("resident.id"), primary_key=True)
    organisation_code: Mapped[str] = mapped_column(ForeignKey("organisation.code"), primary_key=True)
    made_at: Mapped[datetime] = mapped_column(Instant)


class PairingCode(Base):
    """A code by which a resident names themselves to one organisation, once. Kept as a keyed digest."""

    __tablename__ = "pairing_code"
    __table_args__ = (Index("ix_pairing_code_resident", "resident_id"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    resident_id: Mapped[str] = mapped_column(ForeignKey("resident.id"))
    made_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)
    used_by: Mapped[str | None] = mapped_column(ForeignKey("organisation.code"))


class LabelChoice(Base):
    """What a resident says of one entry: that it is sensitive in some way, or that it is not.

    ``entry`` is a keyed digest of the source and the entry's id there, so that nothing clinical is kept.
    """

    __tablename__ = "label_choice"
    __table_args__ = (Index("ix_label_choice_resident", "resident_id"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    resident_id: Mapped[str] = mapped_column(ForeignKey("resident.id"))
    entry: Mapped[str] = mapped_column(String(64))
    sensitivity: Mapped[Sensitivity] = mapped_column(Code(Sensitivity))
    applies: Mapped[bool]  # True: it is so, whatever the sources say; False: the resident disputes it
    made_at: Mapped[datetime] = mapped_column(Instant)
    made_by: Mapped[str] = mapped_column(String(80))
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
