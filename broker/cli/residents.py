"""``broker residents``: enrol a resident, and link them to the source systems that know them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from broker.vocabulary import AuditAction

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@click.group()
def residents() -> None:
    """Enrol residents, and link them to source systems."""


@residents.command()
@click.option(
    "--nhs-number", required=True, prompt=True, help="Asked for where it is not given, to keep it out of shell history."
)
@click.option("--born-on", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Date of birth.")
@click.option("--given-name", required=True)
@click.option("--family-name", required=True)
@click.option("--neighbourhood", required=True, help="The neighbourhood's code.")
def enrol(nhs_number: str, born_on: datetime, given_name: str, family_name: str, neighbourhood: str) -> None:
    """Make a resident known to the broker. Prints the resident's id."""
    from sqlalchemy import select

    from broker.audit.trail import Event
    from broker.cli.opening import OPERATOR, now, opened
    from broker.database import valid_nhs_number
    from broker.errors import Conflict, InvalidInput
    from broker.identity.models import Neighbourhood, Resident

    digits = valid_nhs_number(nhs_number)
    with opened() as (broker, session):
        if session.get(Neighbourhood, neighbourhood) is None:
            raise InvalidInput(
                "neighbourhood-unknown", f"There is no neighbourhood {neighbourhood}.", field="--neighbourhood"
            )
        if session.scalar(select(Resident.id).where(Resident.nhs_number == digits)):
            raise Conflict("resident-exists", "A resident with this NHS number is already enrolled.")
        resident = Resident(
            nhs_number=digits,
            born_on=born_on.date(),
            given_name=given_name,
            family_name=family_name,
            neighbourhood_code=neighbourhood,
        )
        session.add(resident)
        session.flush()
        event = Event(
            action=AuditAction.RESIDENT_LINKED,
            actor=OPERATOR,
            organisation=None,
            resident=resident.id,
            body={"act": "enrolled"},
        )
        broker.trail.append(session, event, now=now())
        session.commit()
        click.echo(resident.id)


@residents.command()
@click.argument("source_id")
@click.option("--resident", "resident_id", help="The resident's id.")
@click.option("--nhs-number", help="Or their NHS number and date of birth, both.")
@click.option("--born-on", type=click.DateTime(["%Y-%m-%d"]), help="Date of birth.")
@click.option("--local-id", default=None, help="The source's own identifier for them, where it needs one.")
def link(
    source_id: str, resident_id: str | None, nhs_number: str | None, born_on: datetime | None, local_id: str | None
) -> None:
    """Say that a source system knows a resident. Only linked sources are asked about them."""
    from sqlalchemy import select

    from broker.audit.trail import Event
    from broker.cli.opening import OPERATOR, now, opened
    from broker.errors import Conflict, NotFound
    from broker.identity.models import Source, SourceLink

    with opened() as (broker, session):
        source = session.get(Source, source_id)
        if source is None or source.removed_at is not None:
            raise NotFound("source-unknown", f"There is no source {source_id}.")
        resident = _resident(session, resident_id, nhs_number, born_on)
        if session.scalar(
            select(SourceLink.id).where(SourceLink.resident_id == resident, SourceLink.source_id == source_id)
        ):
            raise Conflict("already-linked", f"{source_id} is already linked to this resident.")
        session.add(SourceLink(resident_id=resident, source_id=source_id, local_id=local_id, linked_at=now()))
        session.flush()
        event = Event(
            action=AuditAction.RESIDENT_LINKED,
            actor=OPERATOR,
            organisation=source.organisation_code,
            resident=resident,
            body={"act": "linked", "source": source_id},
        )
        broker.trail.append(session, event, now=now())
        session.commit()
    click.echo(f"{source_id} is linked to {resident}.")


def _resident(session: Session, resident_id: str | None, nhs_number: str | None, born_on: datetime | None) -> str:
    """Exactly one resident, by id or by two identifiers. Raises InvalidInput or NotFound."""
    from sqlalchemy import select

    from broker.database import valid_nhs_number
    from broker.errors import InvalidInput, NotFound
    from broker.identity.models import Resident

    if (resident_id is None) == (nhs_number is None) or (nhs_number is not None and born_on is None):
        raise InvalidInput(
            "resident-ambiguous", "Name a resident by --resident, or by --nhs-number and --born-on, not both."
        )
    query = select(Resident.id)
    if resident_id is not None:
        query = query.where(Resident.id == resident_id)
    else:
        assert nhs_number is not None
        assert born_on is not None
        query = query.where(Resident.nhs_number == valid_nhs_number(nhs_number), Resident.born_on == born_on.date())
    found: str | None = session.scalar(query)
    if found is None:
        raise NotFound("resident-unknown", "There is no such resident.")
    return found
