"""``broker organisations``: places, the organisations in them, and the people who work for those."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from broker.vocabulary import AuditAction, OrganisationKind, Role

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from broker.access.parts import Broker


@click.group()
def organisations() -> None:
    """Bring in places, organisations and the people who work for them."""


@organisations.command()
@click.argument("code")
@click.option("--name", required=True)
@click.option("--system", required=True, help="The code of the integrated care board it is in.")
@click.option(
    "--neighbourhood", "neighbourhoods", multiple=True, metavar="CODE=NAME", help="One neighbourhood; repeat for more."
)
def place(code: str, name: str, system: str, neighbourhoods: tuple[str, ...]) -> None:
    """Add a place and its neighbourhoods."""
    from broker.cli.opening import opened
    from broker.errors import Conflict, InvalidInput
    from broker.identity.models import Neighbourhood, Place

    with opened() as (broker, session):
        if session.get(Place, code) is not None:
            raise Conflict("place-exists", f"There is already a place {code}.")
        session.add(Place(code=code, name=name, system=system))
        session.flush()
        for pair in neighbourhoods:
            part, equals, called = pair.partition("=")
            if not equals or not part or not called:
                raise InvalidInput("neighbourhood-malformed", f"{pair!r} is not CODE=NAME.", field="--neighbourhood")
            session.add(Neighbourhood(code=part, name=called, place_code=code))
        _keep(broker, session, organisation=None, body={"act": "place-added", "place": code})
    click.echo(f"{code} is known, with {len(neighbourhoods)} neighbourhoods.")


@organisations.command()
@click.argument("code")
@click.option("--name", required=True)
@click.option("--kind", required=True, type=click.Choice([kind.value for kind in OrganisationKind]))
@click.option("--service", default="", help="What it does, in the words a resident would be told.")
def add(code: str, name: str, kind: str, service: str) -> None:
    """Add an organisation, by its ODS code or charity number (GB-CHC-…)."""
    from broker.cli.opening import now, opened
    from broker.database import valid_organisation_code
    from broker.errors import Conflict
    from broker.identity.models import Organisation

    with opened() as (broker, session):
        if session.get(Organisation, valid_organisation_code(code)) is not None:
            raise Conflict("organisation-exists", f"There is already an organisation {code}.")
        session.add(Organisation(code=code, name=name, kind=OrganisationKind(kind), service=service, joined_at=now()))
        _keep(broker, session, organisation=code, body={"act": "added", "kind": kind})
    click.echo(f"{code} is known.")


@organisations.command()
@click.argument("organisation")
@click.option("--name", required=True, help="The person's name.")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
def member(organisation: str, name: str, role: str) -> None:
    """Add somebody who works or volunteers for an organisation. Prints their id."""
    from broker.cli.opening import now, opened
    from broker.database import new_id
    from broker.identity.actions import organisation_called
    from broker.identity.models import Membership, Person

    with opened() as (broker, session):
        code = organisation_called(session, organisation).code
        person = Person(id=new_id(), name=name)
        person.memberships.append(Membership(organisation_code=code, role=Role(role), started_at=now()))
        session.add(person)
        _keep(broker, session, organisation=code, body={"act": "member-added", "person": person.id, "role": role})
    click.echo(person.id)


@organisations.command("list")
def list_() -> None:
    """Every organisation, by kind."""
    from sqlalchemy import select

    from broker.cli.opening import now, opened
    from broker.identity.models import Organisation

    with opened() as (_, session):
        for found in session.scalars(select(Organisation).order_by(Organisation.kind, Organisation.name)):
            state = "" if found.active(at=now()) else "left"
            click.echo(f"{found.code:<16} {found.kind.label:<34} {found.name} {state}".rstrip())


def _keep(broker: Broker, session: Session, *, organisation: str | None, body: dict[str, Any]) -> None:
    """Commit what was added, with its entry."""
    from broker.audit.trail import Event
    from broker.cli.opening import OPERATOR, now

    session.flush()
    event = Event(action=AuditAction.ORGANISATION_CHANGED, actor=OPERATOR, organisation=organisation, body=body)
    broker.trail.append(session, event, now=now())
    session.commit()
