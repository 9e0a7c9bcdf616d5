"""``broker residents``: enrol residents, link them to sources, check who they are, and merge two who are one person."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from broker.vocabulary import AuditAction

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from broker.access.parts import Broker
    from broker.records.source import NationalRegister


@click.group()
def residents() -> None:
    """Enrol residents, link them to source systems, and keep straight who they are."""


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
    from broker.identity.tracing import numbered

    digits = valid_nhs_number(nhs_number)
    with opened() as (broker, session):
        if session.get(Neighbourhood, neighbourhood) is None:
            raise InvalidInput(
                "neighbourhood-unknown", f"There is no neighbourhood {neighbourhood}.", field="--neighbourhood"
            )
        if session.scalar(select(Resident.id).where(numbered(digits))):
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
@click.option("--nhs-number", prompt=True, hide_input=True, help="Asked for where it is not given.")
@click.option("--born-on", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Date of birth.")
def find(nhs_number: str, born_on: datetime) -> None:
    """Print the id of the one resident who has this number and date of birth. Goes on the trail."""
    from broker.audit.trail import Event
    from broker.cli.opening import OPERATOR, now, opened

    with opened() as (broker, session):
        resident = _resident(session, None, nhs_number, born_on)
        event = Event(
            action=AuditAction.RESIDENT_SOUGHT,
            actor=OPERATOR,
            organisation=None,
            resident=resident,
            body={"act": "found"},
        )
        broker.trail.append(session, event, now=now())
        session.commit()
    click.echo(resident)


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


@residents.command()
@click.argument("resident_id")
@click.option("--source", "source_id", default=None, help="The register to ask, where there is more than one.")
@click.option("--postcode", default="", help="Where they live: to find somebody who has no NHS number here.")
def trace(resident_id: str, source_id: str | None, postcode: str) -> None:
    """Ask the national register who a resident is, and keep what it says: a new number, its flag, a death.

    Shows no number. Changes nothing where the register is not sure, or where it gives another resident's number.
    """
    from broker.cli.opening import OPERATOR, now, opened
    from broker.cli.sources import asked
    from broker.errors import Conflict, NotFound
    from broker.identity.models import Resident
    from broker.identity.tracing import Finding, must_be_whole, take_in
    from broker.records.source import Sought

    with opened() as (broker, session):
        resident = session.get(Resident, resident_id)
        if resident is None:
            raise NotFound("resident-unknown", "There is no such resident.")
        must_be_whole(resident)
        register = _register(broker, session, source_id)
        given, family = resident.given_name, resident.family_name
        try:
            traced = asked(
                broker, register.trace(Sought(resident.nhs_number, resident.born_on, given, family, postcode))
            )
        except TimeoutError as error:
            raise Conflict("not-traced", f"{register.id} did not answer in time. Nothing is changed.") from error
        if traced.cause is not None:
            why = f"{register.id} {traced.cause.label}" + (f": {traced.detail}" if traced.detail else "")
            raise Conflict("not-traced", f"{why}. Nothing is changed.")
        finding = Finding(traced.nhs_number, traced.sensitive, traced.died_on, by=register.id)
        changed = take_in(session, resident, finding, actor=OPERATOR, trail=broker.trail, now=now())
    said = {"number": "a new NHS number", "flag": "the flag for sensitive residents", "death": "a death"}
    shown = ", ".join(words for code, words in said.items() if code in changed)
    click.echo(f"{resident_id} is traced. Changed: {shown or 'nothing'}.")


@residents.command()
@click.argument("gone_id", metavar="RESIDENT")
@click.option("--into", "into_id", required=True, help="The resident they are kept as from now on.")
@click.confirmation_option(prompt="This cannot be undone. Are they one person?")
def merge(gone_id: str, into_id: str) -> None:
    """Make two residents who are one person one resident. What either refused stays refused; permissions end."""
    from broker.access.merging import merge as merge_them
    from broker.cli.opening import OPERATOR, now, opened

    with opened() as (broker, session):
        merged = merge_them(session, gone_id, into_id, by=OPERATOR, trail=broker.trail, now=now())
    click.echo(
        f"{gone_id} is kept as {into_id}. Carried over: {merged.refusals} refusals, {merged.links} links, "
        f"{merged.relationships} relationships. Ended: {merged.permissions_ended} permissions."
    )


def _register(broker: Broker, session: Session, source_id: str | None) -> NationalRegister:
    """The one source that is a national register, or the one that was named. Raises InvalidInput or NotFound."""
    from broker.errors import InvalidInput, NotFound
    from broker.records.source import NationalRegister

    systems = broker.sources.registered(session).systems.values()
    registers = [each for each in systems if isinstance(each, NationalRegister) and source_id in (None, each.id)]
    if source_id is not None and source_id not in {each.id for each in systems}:
        raise NotFound("source-unknown", f"There is no source {source_id}.", field="--source")
    if not registers and source_id is not None:
        raise InvalidInput(
            "not-a-register", f"{source_id} is not a national register (kind pds-fhir).", field="--source"
        )
    if not registers:
        raise NotFound("register-unknown", "No source in use is a national register (kind pds-fhir).", field="--source")
    if len(registers) > 1:
        raise InvalidInput("register-ambiguous", "There is more than one: name it with --source.", field="--source")
    return registers[0]


def _resident(session: Session, resident_id: str | None, nhs_number: str | None, born_on: datetime | None) -> str:
    """Exactly one resident, by id or by two identifiers. Raises InvalidInput or NotFound."""
    from sqlalchemy import select

    from broker.database import valid_nhs_number
    from broker.errors import InvalidInput, NotFound
    from broker.identity.models import Resident
    from broker.identity.tracing import numbered

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
        query = query.where(numbered(valid_nhs_number(nhs_number)), Resident.born_on == born_on.date())
    found: str | None = session.scalar(query)
    if found is None:
        raise NotFound("resident-unknown", "There is no such resident.")
    return found
