"""The people and organisations of a neighbourhood, and what ties them together. Keeps no clinical fact."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broker.database import Base, Code, Instant, NHSNumber, OrganisationCode, new_id
from broker.vocabulary import ClientProfile, OrganisationKind, RelationshipKind, Role, Tier

LONDON = ZoneInfo("Europe/London")  # somebody dies on a day, as it is counted there


class Place(Base):
    """A borough-sized place with one integrator, inside one integrated care system."""

    __tablename__ = "place"

    code: Mapped[str] = mapped_column(String(20), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    system: Mapped[str] = mapped_column(String(20))  # the ICB's organisation code


class Neighbourhood(Base):
    __tablename__ = "neighbourhood"

    code: Mapped[str] = mapped_column(String(20), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    place_code: Mapped[str] = mapped_column(ForeignKey("place.code"))

    place: Mapped[Place] = relationship()


class Organisation(Base):
    """A statutory body or a charity, keyed by its ODS code or charity number."""

    __tablename__ = "organisation"

    code: Mapped[str] = mapped_column(OrganisationCode, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[OrganisationKind] = mapped_column(Code(OrganisationKind))
    service: Mapped[str] = mapped_column(String(200), default="")  # what it does, in plain words
    joined_at: Mapped[datetime] = mapped_column(Instant)
    left_at: Mapped[datetime | None] = mapped_column(Instant)

    def active(self, *, at: datetime) -> bool:
        return self.joined_at <= at and (self.left_at is None or at < self.left_at)


class Person(Base):
    """Somebody who works or volunteers for an organisation."""

    __tablename__ = "person"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(200))

    memberships: Mapped[list[Membership]] = relationship(back_populates="person")


class Membership(Base):
    """One person's work for one organisation, in one role, between two instants."""

    __tablename__ = "membership"
    __table_args__ = (Index("ix_membership_person_organisation", "person_id", "organisation_code"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    organisation_code: Mapped[str] = mapped_column(ForeignKey("organisation.code"))
    role: Mapped[Role] = mapped_column(Code(Role))
    started_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)  # the last sign-in; one that nobody uses lapses

    person: Mapped[Person] = relationship(back_populates="memberships")
    organisation: Mapped[Organisation] = relationship()


class Team(Base):
    """An integrated neighbourhood team."""

    __tablename__ = "team"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(200))
    neighbourhood_code: Mapped[str] = mapped_column(ForeignKey("neighbourhood.code"), index=True)


class TeamMember(Base):
    """One organisation's part in a neighbourhood team, and, where ``person_id`` is set, one person's in it."""

    __tablename__ = "team_member"
    __table_args__ = (Index("ix_team_member_organisation", "organisation_code", "team_id"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    team_id: Mapped[str] = mapped_column(ForeignKey("team.id"))
    organisation_code: Mapped[str] = mapped_column(ForeignKey("organisation.code"))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    tier: Mapped[Tier] = mapped_column(Code(Tier))
    started_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)

    team: Mapped[Team] = relationship()


class Resident(Base):
    """Somebody the record is about. The name is kept to greet them by; nothing clinical is kept."""

    __tablename__ = "resident"
    __table_args__ = (UniqueConstraint("nhs_number"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    nhs_number: Mapped[str | None] = mapped_column(NHSNumber)
    born_on: Mapped[date]
    given_name: Mapped[str] = mapped_column(String(100))
    family_name: Mapped[str] = mapped_column(String(100))
    neighbourhood_code: Mapped[str] = mapped_column(ForeignKey("neighbourhood.code"), index=True)
    household: Mapped[str | None] = mapped_column(String(32))
    died_on: Mapped[date | None]
    sensitive_since: Mapped[datetime | None] = mapped_column(Instant)  # flagged in the national register (PDS "R")
    traced_at: Mapped[datetime | None] = mapped_column(Instant)  # last checked with that register
    merged_into_id: Mapped[str | None] = mapped_column(ForeignKey("resident.id"))  # the same person, kept there now

    neighbourhood: Mapped[Neighbourhood] = relationship()

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    def has_died(self, *, at: datetime) -> bool:
        """Whether it is the day of their death, in London, or later."""
        return self.died_on is not None and self.died_on <= at.astimezone(LONDON).date()


class FormerNumber(Base):
    """An NHS number that was somebody's until the national register superseded it. Never given to anybody else."""

    __tablename__ = "former_number"

    nhs_number: Mapped[str] = mapped_column(NHSNumber, primary_key=True)
    resident_id: Mapped[str] = mapped_column(ForeignKey("resident.id"), index=True)
    superseded_at: Mapped[datetime] = mapped_column(Instant)
    told_by: Mapped[str] = mapped_column(String(80))  # the source or operator that said so


class ResidentHandle(Base):
    """The name one organisation has for one resident: opaque, pairwise, useless to any other organisation.

    ``resident_id`` is None where the person looked for is not known here: the answer looks the same either way.
    """

    __tablename__ = "resident_handle"
    # Not unique: a resident whose date of birth is put right has another handle, and the old one still serves.
    __table_args__ = (Index("ix_resident_handle_organisation_resident", "organisation_code", "resident_id"),)

    handle: Mapped[str] = mapped_column(String(64), primary_key=True)
    organisation_code: Mapped[str] = mapped_column(ForeignKey("organisation.code"))
    resident_id: Mapped[str | None] = mapped_column(ForeignKey("resident.id"))
    made_at: Mapped[datetime] = mapped_column(Instant)


class Relationship(Base):
    """A legitimate relationship: why an organisation, a team or one person may look at a resident at all.

    ``source`` says who says so. Narrower than the organisation where ``person_id`` is set.
    """

    __tablename__ = "relationship"
    __table_args__ = (
        Index("ix_relationship_resident_organisation", "resident_id", "organisation_code"),
        CheckConstraint("until_at IS NULL OR until_at > from_at", name="ends_after_start"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    resident_id: Mapped[str] = mapped_column(ForeignKey("resident.id"))
    organisation_code: Mapped[str] = mapped_column(ForeignKey("organisation.code"))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    kind: Mapped[RelationshipKind] = mapped_column(Code(RelationshipKind))
    source: Mapped[str] = mapped_column(String(200))
    from_at: Mapped[datetime] = mapped_column(Instant)
    until_at: Mapped[datetime | None] = mapped_column(Instant)


class Source(Base):
    """A registered source system: which adapter speaks to it, where, and what it can hold.

    ``configuration`` is the adapter's own, checked by the adapter; it names a secret, it never holds one.
    """

    __tablename__ = "source"

    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    label: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(40))
    organisation_code: Mapped[str] = mapped_column(ForeignKey("organisation.code"))
    configuration: Mapped[dict[str, object]] = mapped_column(JSON)
    added_at: Mapped[datetime] = mapped_column(Instant)
    removed_at: Mapped[datetime | None] = mapped_column(Instant)


class SourceLink(Base):
    """That a source knows a resident, and by what local identifier. Without a link a source is not asked."""

    __tablename__ = "source_link"
    __table_args__ = (UniqueConstraint("resident_id", "source_id"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    resident_id: Mapped[str] = mapped_column(ForeignKey("resident.id"))
    source_id: Mapped[str] = mapped_column(ForeignKey("source.id"))
    local_id: Mapped[str | None] = mapped_column(String(200))
    linked_at: Mapped[datetime] = mapped_column(Instant)


class Client(Base):
    """A partner's system: its public keys, and what it may ask for. Authenticates by ``private_key_jwt`` alone."""

    __tablename__ = "client"

    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    organisation_code: Mapped[str] = mapped_column(ForeignKey("organisation.code"))
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[Role] = mapped_column(Code(Role))  # the role it asks in when it names no worker
    jwks: Mapped[dict[str, object]] = mapped_column(JSON)
    scopes: Mapped[str] = mapped_column(String(500))  # space separated, as in OAuth 2.0
    profile: Mapped[ClientProfile] = mapped_column(Code(ClientProfile), default=ClientProfile.FAPI2)
    grant_types: Mapped[list[str]] = mapped_column(JSON, default=lambda: ["client_credentials"])
    redirect_uris: Mapped[list[str]] = mapped_column(JSON, default=list)
    signs_requests: Mapped[bool] = mapped_column(default=False)  # then only a signed request object is taken (RFC 9101)
    resource_server: Mapped[bool] = mapped_column(default=False)  # may introspect any token (RFC 7662)
    registered_at: Mapped[datetime] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)


class AccessToken(Base):
    """An opaque token, kept as its SHA-256. It carries identity, never permission.

    Of use only with a proof by the key whose thumbprint is ``jkt`` (RFC 9449). ``acting`` is who uses it on the
    subject's behalf, as in ``act`` (RFC 8693 §4.1): ``client:<id>``, or ``resident:<id>`` for a proxy.
    """

    __tablename__ = "access_token"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    client_id: Mapped[str | None] = mapped_column(ForeignKey("client.id"))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    resident_id: Mapped[str | None] = mapped_column(ForeignKey("resident.id"))
    organisation_code: Mapped[str | None] = mapped_column(ForeignKey("organisation.code"))
    role: Mapped[Role] = mapped_column(Code(Role))
    scopes: Mapped[str] = mapped_column(String(500))
    audience: Mapped[str] = mapped_column(String(300))
    jkt: Mapped[str | None] = mapped_column(String(64))  # None: a demonstration's own token, which needs no proof
    grant_id: Mapped[str | None] = mapped_column(ForeignKey("access_grant.id"), index=True)
    acting: Mapped[str | None] = mapped_column(String(80))
    assurance: Mapped[int] = mapped_column(default=2)
    authenticated_at: Mapped[datetime | None] = mapped_column(Instant)  # when its person last proved who they are
    issued_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)


class AssertionUse(Base):
    """A client assertion's ``jti``, kept until it expires so that it is used once (RFC 7523 §3)."""

    __tablename__ = "assertion_use"

    client_id: Mapped[str] = mapped_column(String(60), primary_key=True)
    jti: Mapped[str] = mapped_column(String(200), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Instant)


class SignedInSession(Base):
    """A person's session in a browser, kept as the SHA-256 of its id so that it can be ended at once."""

    __tablename__ = "signed_in_session"
    __table_args__ = (
        Index("ix_signed_in_session_person", "person_id"),
        Index("ix_signed_in_session_resident", "resident_id"),
        Index("ix_signed_in_session_upstream", "means", "upstream_subject"),
    )

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    resident_id: Mapped[str | None] = mapped_column(ForeignKey("resident.id"))
    organisation_code: Mapped[str | None] = mapped_column(ForeignKey("organisation.code"))
    role: Mapped[Role] = mapped_column(Code(Role))
    acting_for_id: Mapped[str | None] = mapped_column(ForeignKey("resident.id"))  # the resident whose proxy they are
    assurance: Mapped[int]
    means: Mapped[str] = mapped_column(String(40), default="")  # how they proved it: a provider's id, passkey, totp …
    upstream_subject: Mapped[str | None] = mapped_column(String(255))  # the provider's own name for them
    upstream_session: Mapped[str | None] = mapped_column(String(255))  # its ``sid``, which its logout names
    authenticated_at: Mapped[datetime | None] = mapped_column(Instant)  # when they last proved it; None: nobody says
    started_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class Lookup(Base):
    """That somebody looked for a resident, so that looking is limited. Says nothing of whom."""

    __tablename__ = "lookup"
    __table_args__ = (Index("ix_lookup_asker_at", "asker", "at"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    asker: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(Instant)
