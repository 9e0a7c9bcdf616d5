"""A version of a sharing agreement between organisations, its signatures, and the states it moves through."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broker.database import Base, Code, Instant, new_id
from broker.vocabulary import AgreementState, Level, Role

# From each state, the states that may follow. The diagram in docs is drawn from this table.
TRANSITIONS: dict[AgreementState, frozenset[AgreementState]] = {
    AgreementState.DRAFT: frozenset({AgreementState.IN_REVIEW, AgreementState.ENDED}),
    AgreementState.IN_REVIEW: frozenset({AgreementState.DRAFT, AgreementState.APPROVED, AgreementState.ENDED}),
    AgreementState.APPROVED: frozenset({AgreementState.DRAFT, AgreementState.IN_FORCE, AgreementState.ENDED}),
    AgreementState.IN_FORCE: frozenset({AgreementState.SUSPENDED, AgreementState.ENDED, AgreementState.SUPERSEDED}),
    AgreementState.SUSPENDED: frozenset({AgreementState.IN_FORCE, AgreementState.ENDED, AgreementState.SUPERSEDED}),
    AgreementState.ENDED: frozenset(),
    AgreementState.SUPERSEDED: frozenset(),
}

LIVE = frozenset({AgreementState.IN_FORCE, AgreementState.SUSPENDED})  # it bounds what may flow, or would again
OPEN = frozenset({AgreementState.DRAFT, AgreementState.IN_REVIEW, AgreementState.APPROVED})  # it has not served yet

# Which version of an agreement the policy is told of, where there are several: the first state that any of them is in.
COUNTS: tuple[AgreementState, ...] = (
    AgreementState.IN_FORCE,
    AgreementState.SUSPENDED,
    AgreementState.ENDED,
    AgreementState.APPROVED,
    AgreementState.IN_REVIEW,
    AgreementState.DRAFT,
    AgreementState.SUPERSEDED,
)


class SharingAgreement(Base):
    """One version of one agreement. ``document`` is its whole text as data (``agreements/document.py``).

    An amendment is the next ``number`` of the same ``id``, with a state and signatures of its own. ``text`` is the YAML
    as its author wrote it, comments and all; ``conditions`` is its own Rego, which can only refuse. ``digest`` binds
    both document and conditions, and is what signatures bind to.
    """

    __tablename__ = "sharing_agreement"

    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, default=1, autoincrement=False)
    title: Mapped[str] = mapped_column(String(300))
    level: Mapped[Level] = mapped_column(Code(Level))
    place_code: Mapped[str | None] = mapped_column(ForeignKey("place.code"))
    under: Mapped[str | None] = mapped_column(String(60), index=True)  # the id of the agreement above, any version
    state: Mapped[AgreementState] = mapped_column(Code(AgreementState))
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
    text: Mapped[str] = mapped_column(Text, default="")
    conditions: Mapped[str | None] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    authors: Mapped[list[str]] = mapped_column(JSON, default=list)  # as the trail names actors; none of them signs
    from_at: Mapped[datetime] = mapped_column(Instant)
    until_at: Mapped[datetime] = mapped_column(Instant)
    changed_at: Mapped[datetime] = mapped_column(Instant)

    signatures: Mapped[list[Signature]] = relationship(back_populates="agreement")

    @property
    def author(self) -> str:
        """Whoever wrote it last."""
        return self.authors[-1] if self.authors else ""

    def in_force(self, *, at: datetime) -> bool:
        return self.state is AgreementState.IN_FORCE and self.from_at <= at < self.until_at


_STANDING = text("voided_at IS NULL")


class Signature(Base):
    """One party's signature on exactly one text, and on what it was told that text would do.

    ``person_id`` is None where the party signed on paper, before the broker; ``impact`` is the digest of the impact
    report that was on the table, and ``reason`` what the signatory wrote of sensitive sections it newly permits.
    """

    __tablename__ = "agreement_signature"
    __table_args__ = (
        Index(
            "ix_agreement_signature_once",
            *("agreement_id", "agreement_number", "organisation_code"),
            unique=True,
            sqlite_where=_STANDING,
            postgresql_where=_STANDING,
        ),
        ForeignKeyConstraint(
            ["agreement_id", "agreement_number"],
            ["sharing_agreement.id", "sharing_agreement.number"],
            name="of_agreement",
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    agreement_id: Mapped[str] = mapped_column(String(60))
    agreement_number: Mapped[int] = mapped_column(default=1)
    organisation_code: Mapped[str] = mapped_column(ForeignKey("organisation.code"))
    digest: Mapped[str] = mapped_column(String(64))
    signed_by: Mapped[str] = mapped_column(String(200))  # the signatory's name
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    role: Mapped[Role | None] = mapped_column(Code(Role))
    impact: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(Text)
    signed_at: Mapped[datetime] = mapped_column(Instant)
    voided_at: Mapped[datetime | None] = mapped_column(Instant)  # the text went back to being a draft

    agreement: Mapped[SharingAgreement] = relationship(back_populates="signatures")

    def stands_on(self, digest: str) -> bool:
        """Whether this is a signature on exactly the text with this digest, and has not been voided."""
        return self.digest == digest and self.voided_at is None


class PolicyRevision(Base):
    """A published set of rules and agreements, whole and signed. The newest row is the one in force.

    ``content`` is everything an engine is given (rules' text, conditions, data), compressed: an old revision can be
    replayed, or put back, after the files on disk have changed. ``signatures`` is the bundle's ``.signatures.json``.
    """

    __tablename__ = "policy_revision"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    revision: Mapped[str] = mapped_column(String(100), unique=True)
    digest: Mapped[str] = mapped_column(String(64), index=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    signatures: Mapped[str] = mapped_column(Text)
    restores: Mapped[str | None] = mapped_column(String(100))  # the older revision whose content this one puts back
    published_by: Mapped[str] = mapped_column(String(80))
    published_at: Mapped[datetime] = mapped_column(Instant)
