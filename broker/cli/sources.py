"""``broker sources``: connect a partner's system, check and try it, listen for its messages, list and remove it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from broker.vocabulary import AuditAction

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import TypeVar

    from sqlalchemy.orm import Session

    from broker.access.parts import Broker
    from broker.records.source import SourceSystem

    T = TypeVar("T")

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def sources() -> None:
    """Connect source systems, and check them."""


@sources.command()
@click.argument("source_id")
@click.option("--kind", required=True, help="What kind of system it is; see docs/connect-a-source.md.")
@click.option("--label", required=True, help="What people call it.")
@click.option("--organisation", required=True, help="The code of the organisation whose system it is.")
@click.option(
    "--set", "pairs", multiple=True, metavar="NAME=VALUE", help="One setting of the adapter; repeat for more."
)
@click.option("--config", "file", type=click.File("rb"), help="The adapter's settings, as YAML or JSON.")
def add(
    source_id: str, kind: str, label: str, organisation: str, pairs: tuple[str, ...], file: BinaryIO | None
) -> None:
    """Register a source system. Nothing is asked of it until a resident is linked."""
    from broker.app import check_source
    from broker.cli.opening import OPERATOR, now, opened
    from broker.cli.setting_files import settings_in
    from broker.errors import Conflict
    from broker.identity.actions import organisation_called
    from broker.identity.models import Source

    configuration = {**settings_in(file, option="--config"), **_set(pairs)}
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


@sources.command("try")
@click.argument("source_ids", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--nhs-number", help="Asked for where it is not given, to keep it out of shell history.")
@click.option("--born-on", type=click.DateTime(["%Y-%m-%d"]), help="Date of birth; asked for where it is not given.")
@click.option("--sections", "codes", help="Section codes with commas between; all of them without it.")
@click.option("--why", help="Needed for anybody real. Goes on the trail.")
@click.option("--show", is_flag=True, help="Show what came. In a demonstration alone.")
@click.option("--json", "as_json", is_flag=True, help="The same for a program.")
@click.pass_context
def try_(
    context: click.Context,
    source_ids: tuple[str, ...],
    nhs_number: str | None,
    born_on: datetime | None,
    codes: str | None,
    why: str | None,
    show: bool,
    as_json: bool,
) -> None:
    """Ask sources about one person: what came, what was mapped, what was not, what is missing, and how long it took.

    Counts alone; never what is recorded of anybody. Exits 1 where a source gave nothing it could be believed in.
    """
    from broker.cli.trying import lines, shape, tried

    number = nhs_number or click.prompt("NHS number", hide_input=True)
    born = born_on or click.prompt("Date of birth", type=click.DateTime(["%Y-%m-%d"]), hide_input=True)
    outcomes = tried(source_ids, number, born.date(), codes=codes, why=why or "", show=show)
    if as_json:
        click.echo(json.dumps(shape(outcomes, show=show), ensure_ascii=False, indent=2, sort_keys=True))
    else:
        for line in lines(outcomes, show=show):
            click.echo(line)
    if any(outcome.answer.gaps and not outcome.answer.entries for outcome in outcomes):
        context.exit(1)


@sources.command()
@click.argument("source_id")
@click.option("--port", required=True, type=click.IntRange(0, 65535), help="0 takes any free port.")
@click.option(
    "--facility", "facilities", multiple=True, required=True, help="A sender (MSH-4), or SENDER=NAME: of a certificate."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Another needs a certificate and --client-ca.")
@click.option("--certificate", type=FILE, help="The server's certificate (PEM).")
@click.option("--key", type=FILE, help="Its private key (PEM), where it is not in the same file.")
@click.option("--client-ca", "client_authority", type=FILE, help="Whose certificates senders must show (PEM).")
def listen(source_id: str, port: int, facilities: tuple[str, ...], host: str, **tls: Path | None) -> None:
    """Receive HL7 v2 messages over MLLP into a source that is kept here, until stopped."""
    from broker.cli.listening import listen_until_stopped

    listen_until_stopped(source_id, {"port": port, "facilities": frozenset(facilities), "host": host, **tls})


def _set(pairs: tuple[str, ...]) -> dict[str, object]:
    from broker.errors import InvalidInput

    configuration: dict[str, object] = {}
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


def asked(broker: Broker, question: Coroutine[Any, Any, T]) -> T:
    """What a source answers an operator, within the time that every source has. Raises TimeoutError."""
    from broker.records.collect import run

    return run(question, timeout=timedelta(milliseconds=broker.settings.source_deadline_ms))
