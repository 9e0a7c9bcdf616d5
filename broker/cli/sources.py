"""``broker sources``: connect a partner's system, check that it answers, list and remove it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TextIO

import click

from broker.vocabulary import AuditAction

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from broker.access.parts import Broker
    from broker.records.source import SourceSystem


@click.group()
def sources() -> None:
    """Connect source systems, and check them."""


@sources.command()
@click.argument("source_id")
@click.option("--kind", required=True, help="fhir-r4, cld-csv, casework-csv or open-referral-uk.")
@click.option("--label", required=True, help="What people call it.")
@click.option("--organisation", required=True, help="The code of the organisation whose system it is.")
@click.option(
    "--set", "pairs", multiple=True, metavar="NAME=VALUE", help="One setting of the adapter; repeat for more."
)
@click.option(
    "--config", "file", type=click.File("r", encoding="utf-8"), help="The adapter's settings, as YAML or JSON."
)
def add(source_id: str, kind: str, label: str, organisation: str, pairs: tuple[str, ...], file: TextIO | None) -> None:
    """Register a source system. Nothing is asked of it until a resident is linked."""
    from broker.app import check_source
    from broker.cli.opening import OPERATOR, now, opened
    from broker.errors import Conflict
    from broker.identity.actions import organisation_called
    from broker.identity.models import Source

    configuration = _configuration(pairs, file.read() if file else "")
    check_source(kind, configuration)
    with opened() as (broker, session):
        organisation_called(session, organisation)
        if session.get(Source, source_id) is not None:
            raise Conflict("source-exists", f"There is already a source {source_id}.")
        session.add(
            Source(
                id=source_id,
                label=label,
                kind=kind,
                organisation_code=organisation,
                configuration=configuration,
                added_at=now(),
            )
        )
        session.flush()
        _entry(broker, session, source_id, organisation, "added", OPERATOR)
        session.commit()
    click.echo(f"{source_id} is registered. Check it with: broker sources check {source_id}")


@sources.command("list")
def list_() -> None:
    """Every source in use, and how many residents it knows."""
    from sqlalchemy import func, select

    from broker.cli.opening import opened
    from broker.identity.models import Source, SourceLink

    with opened() as (_, session):
        links = session.execute(
            select(SourceLink.source_id, func.count().label("residents")).group_by(SourceLink.source_id)
        )
        known = {link.source_id: link.residents for link in links}
        for source in session.scalars(select(Source).where(Source.removed_at.is_(None)).order_by(Source.id)):
            residents = f"{known.get(source.id, 0)} residents"
            click.echo(
                f"{source.id:<26} {source.kind:<18} {source.organisation_code:<14} {residents:<18} {source.label}"
            )


@sources.command()
@click.argument("source_id")
@click.pass_context
def check(context: click.Context, source_id: str) -> None:
    """Ask a source whether it is there and what it can do. Names no resident. Exits 1 where it cannot be used."""
    from broker.cli.opening import opened
    from broker.records.collect import run

    with opened() as (broker, session):
        system = _registered(broker, session, source_id)
        outcome = run(system.check(), timeout=timedelta(milliseconds=broker.settings.source_deadline_ms))
    for label, text in outcome.facts:
        click.echo(f"  {label}: {text}")
    if not outcome.ok:
        click.echo(f"{source_id} {outcome.cause.label if outcome.cause else 'cannot be used'}.")
        context.exit(1)
    click.echo(f"{source_id} answers.")


@sources.command()
@click.argument("source_id")
def remove(source_id: str) -> None:
    """Stop using a source. Its links stay, in case it returns."""
    from broker.cli.opening import OPERATOR, now, opened
    from broker.errors import NotFound
    from broker.identity.models import Source

    with opened() as (broker, session):
        source = session.get(Source, source_id)
        if source is None or source.removed_at is not None:
            raise NotFound("source-unknown", f"There is no source {source_id}.")
        source.removed_at = now()
        _entry(broker, session, source_id, source.organisation_code, "removed", OPERATOR)
        session.commit()
    click.echo(f"{source_id} is no longer asked.")


def _configuration(pairs: tuple[str, ...], text: str) -> dict[str, object]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    from broker.errors import InvalidInput

    try:
        loaded = YAML(typ="safe", pure=True).load(text) if text.strip() else {}
    except YAMLError as error:
        raise InvalidInput("configuration-malformed", "The file is neither YAML nor JSON.", field="--config") from error
    if not isinstance(loaded, dict):
        raise InvalidInput("configuration-malformed", "The file must hold settings by name.", field="--config")
    configuration: dict[str, object] = dict(loaded)
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InvalidInput("setting-malformed", f"{pair!r} is not NAME=VALUE.", field="--set")
        configuration[name] = value
    return configuration


def _registered(broker: Broker, session: Session, source_id: str) -> SourceSystem:
    from broker.errors import NotFound

    system = broker.sources.registered(session).systems.get(source_id)
    if system is None:
        raise NotFound("source-unknown", f"There is no source {source_id}.")
    return system


def _entry(broker: Broker, session: Session, source_id: str, organisation: str, act: str, by: str) -> None:
    from broker.audit.trail import Event
    from broker.cli.opening import now

    event = Event(
        action=AuditAction.SOURCE_CHANGED,
        actor=by,
        organisation=organisation,
        resident=None,
        body={"source": source_id, "act": act},
    )
    broker.trail.append(session, event, now=now())
