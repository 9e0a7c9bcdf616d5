"""An organisation's application to take part, and every step it took. Whom to reach is kept here alone, and no longer
than the application is of use.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broker.database import Base, Code, Instant, OrganisationCode, new_id
from broker.vocabulary import ApplicationState, OrganisationKind, Toolkit

# From each state, the states that may follow. The diagram in docs/join.md is drawn from this table.
TRANSITIONS: dict[ApplicationState, frozenset[ApplicationState]] = {
    ApplicationState.APPLIED: frozenset(
        {ApplicationState.VOUCHED, ApplicationState.REFUSED, ApplicationState.WITHDRAWN, ApplicationState.LAPSED}
    ),
    ApplicationState.VOUCHED: frozenset(
        {ApplicationState.ADMITTED, ApplicationState.REFUSED, ApplicationState.WITHDRAWN}
    ),
    ApplicationState.ADMITTED: frozenset({ApplicationState.LEFT}),
    ApplicationState.REFUSED: frozenset(),
    ApplicationState.WITHDRAWN: frozenset(),
    ApplicationState.LEFT: frozenset(),
    ApplicationState.LAPSED: frozenset(),
}

OPEN = frozenset({ApplicationState.APPLIED, ApplicationState.VOUCHED})  # somebody has still to decide

_TAKING_PART = text("state = 'admitted'")


class Application(Base):
    """What an organisation says of itself. ``contacts`` is name and email by ``Contact``: emptied when it is over.

    ``reference`` is the SHA-256 of what the applicant was shown once, to ask with where the application stands.
    """

    __tablename__ = "application"
    __table_args__ = (
        CheckConstraint("toolkit <> 'exempt-small-charity' OR toolkit_reason <> ''", name="exemption_has_a_reason"),
        CheckConstraint("state <> 'admitted' OR vouched_by IS NOT NULL", name="admitted_was_vouched_for"),
        # One at a time is what the organisation takes part by.
        Index(
            "ix_application_taking_part",
            "code",
            unique=True,
            sqlite_where=_TAKING_PART,
            postgresql_where=_TAKING_PART,
        ),
        Index("ix_application_sponsor_state", "sponsor_code", "state"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    reference: Mapped[str] = mapped_column(String(64), unique=True)
    code: Mapped[str] = mapped_column(OrganisationCode)  # no foreign key: there is no such organisation yet
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[OrganisationKind] = mapped_column(Code(OrganisationKind))
    ods_role: Mapped[str] = mapped_column(String(10), default="")  # its primary role in ODS, where it has one
    service: Mapped[str] = mapped_column(String(200))
    toolkit: Mapped[Toolkit] = mapped_column(Code(Toolkit))
    toolkit_reason: Mapped[str] = mapped_column(String(500), default="")
    toolkit_until: Mapped[date | None]
    contacts: Mapped[dict[str, Any]] = mapped_column(JSON)
    sponsor_code: Mapped[str] = mapped_column(ForeignKey("organisation.code"))
    state: Mapped[ApplicationState] = mapped_column(Code(ApplicationState))
    vouched_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    applied_at: Mapped[datetime] = mapped_column(Instant)
    changed_at: Mapped[datetime] = mapped_column(Instant)

    steps: Mapped[list[ApplicationStep]] = relationship(back_populates="application", order_by="ApplicationStep.at")


class ApplicationStep(Base):
    """That an application moved on: to where, by whom, and why in their own words."""

    __tablename__ = "application_step"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    application_id: Mapped[str] = mapped_column(ForeignKey("application.id"), index=True)
    state: Mapped[ApplicationState] = mapped_column(Code(ApplicationState))
    by: Mapped[str] = mapped_column(String(120))  # as the trail names actors
    why: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Instant)

    application: Mapped[Application] = relationship(back_populates="steps")
