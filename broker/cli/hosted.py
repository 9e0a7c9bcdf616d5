"""``broker hosted``: what is kept here for organisations with no system of their own.

Every act that writes leaves an entry on the trail, with counts alone. What is shown of a table is shown to whoever
typed the command.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from broker.cli.counting import counted

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from broker.access.hosted import Keeper
    from broker.access.parts import Broker
    from broker.records.hosting import Batch, HostedSource, Look

LARGEST = 64 * 1024 * 1024  # bytes of a table that is brought in here

SOURCE = click.option("--source", "source_id", required=True, help="The source that is kept here.")


@click.group()
def hosted() -> None:
    """Keep entries for organisations that have no system of their own."""


@hosted.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@SOURCE
@click.option("--preset", help="Read it by a mapping that comes with the broker.")
@click.option("--mapping", type=click.File("rb"), help="Or by this (YAML).")
@click.option("--preview", is_flag=True, help="Show what it would become, and keep nothing.")
@click.option("--accept-good-rows", is_flag=True, help="Keep the rows that are right, where some are wrong.")
def import_(
    file: Path, source_id: str, preset: str | None, mapping: BinaryIO | None, preview: bool, accept_good_rows: bool
) -> None:
    """Keep the rows of a table (CSV). Where a row is wrong nothing is kept, unless the good ones are accepted."""
    from broker.access import hosted as acts
    from broker.errors import InvalidInput

    with _keeping(source_id) as (broker, session, keeper):
        if columns := _columns(preset, mapping):
            keeper = _reading(broker, keeper, columns)
        data = _content(file)
        look = keeper.kept.look(data, now=keeper.now)
        _say_problems(look)
        if preview:
            _say_preview(look)
            return
        if look.problems and not accept_good_rows:
            raise InvalidInput(
                "hosted-rows-wrong", "Nothing was kept. Mend the rows, or accept the good ones: --accept-good-rows"
            )
        _say_batch(acts.take(session, keeper, data, accept_good_rows=accept_good_rows, what="csv"))


@hosted.command()
@SOURCE
def template(source_id: str) -> None:
    """The empty table that a source reads, to fill in (CSV)."""
    with _keeping(source_id) as (_, _, keeper):
        click.echo(keeper.kept.template(), nl=False)


@hosted.command()
@SOURCE
def batches(source_id: str) -> None:
    """What was put in, newest first, and what of it was taken back."""
    with _keeping(source_id) as (_, _, keeper):
        for batch in keeper.kept.batches():
            state = "in use" if batch.in_use else "undone"
            counts = f"{counted(batch.items, 'item')}, {batch.replaced} replaced, {batch.refused} refused"
            click.echo(f"{batch.id}  {batch.added_at:%Y-%m-%d %H:%M}  {batch.what:<6} {state:<7} {counts}  {batch.by}")
        click.echo(f"{_items(keeper.kept.count(), 'is', 'are')} in use.")


@hosted.command()
@click.argument("batch")
@SOURCE
def undo(batch: str, source_id: str) -> None:
    """Take a batch back for good. What it stood in place of is in use again."""
    from broker.access import hosted as acts

    with _keeping(source_id) as (_, session, keeper):
        undone = acts.undo(session, keeper, batch)
    click.echo(f"{_items(undone.items, 'was', 'were')} taken back.")


@hosted.command()
@SOURCE
@click.option("--form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), required=True, help="A new file to write.")
def export(source_id: str, form: str, to: Path) -> None:
    """Write everything that is kept to a new file, readable by you alone."""
    from broker.access import hosted as acts
    from broker.errors import Conflict

    with _keeping(source_id) as (_, session, keeper):
        try:
            descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileExistsError as error:
            raise Conflict("file-exists", f"{to} is there already, and is not written over.", field="--to") from error
        with os.fdopen(descriptor, "wb") as file:
            data, spoiled = acts.export(session, keeper, form)
            file.write(data)
    click.echo(f"Written to {to}.")
    if spoiled:
        click.echo(f"{_items(spoiled, 'could', 'could')} not be opened, and are left out.", err=True)


@hosted.command("delete-person")
@SOURCE
@click.option("--nhs-number", help="Whose: by NHS number,")
@click.option("--local-id", help="or by the organisation's own number.")
def delete_person(source_id: str, nhs_number: str | None, local_id: str | None) -> None:
    """Delete everything about one person, earlier versions too. Cannot be undone."""
    from broker.access import hosted as acts
    from broker.database import valid_nhs_number
    from broker.errors import InvalidInput

    if not (nhs_number or local_id):
        raise InvalidInput("person-missing", "Say whose: --nhs-number or --local-id.")
    with _keeping(source_id) as (_, session, keeper):
        number = valid_nhs_number(nhs_number) if nhs_number else None
        gone = acts.delete_person(session, keeper, nhs_number=number, local_id=local_id)
    click.echo(f"{_items(gone, 'was', 'were')} deleted.")


@hosted.command("delete-everything")
@SOURCE
@click.option("--yes-delete", metavar="SOURCE", help="The source's id once more, so that it is meant.")
def delete_everything(source_id: str, yes_delete: str | None) -> None:
    """Delete all that a source keeps. Cannot be undone."""
    from broker.access import hosted as acts
    from broker.errors import InvalidInput

    if yes_delete != source_id:
        raise InvalidInput("not-meant", f"Nothing was deleted. To go on: --yes-delete {source_id}")
    with _keeping(source_id) as (_, session, keeper):
        gone = acts.delete_everything(session, keeper)
    click.echo(f"{_items(gone, 'was', 'were')} deleted.")


@hosted.command()
@SOURCE
def collect(source_id: str) -> None:
    """Collect the tables that were put into the source's SFTP folder, each once. Exits 1 where one was refused."""
    from broker.access import hosted as acts
    from broker.app import accepts_good_rows, collect_hosted
    from broker.logs import without_nhs_numbers

    with _keeping(source_id) as (broker, session, keeper):
        good = accepts_good_rows(keeper.source)

        def keep(name: str, data: bytes) -> None:
            acts.take(session, keeper, data, accept_good_rows=good, what="sftp")

        collected = collect_hosted(broker.settings, keeper.source, keep)
        for each in collected:
            left = "" if each.moved else " (left where it is)"
            name = without_nhs_numbers(each.name)  # some name a file after whom it is about
            click.echo(f"{name}: {each.outcome.value}{left}{'. ' + each.detail if each.detail else ''}")
    click.echo(f"Files kept: {sum(each.outcome.value == 'kept' for each in collected)} of {len(collected)}.")
    if any(each.outcome.value in ("refused", "too large") for each in collected):
        click.get_current_context().exit(1)


@hosted.command()
@click.option("--drop-spoiled", is_flag=True, help="Go on although items that do not open will be lost.")
def rekey(drop_spoiled: bool) -> None:
    """Seal everything that is kept here under a new secret, and destroy the former one."""
    from broker.app import rekey_hosted
    from broker.audit.event import Event
    from broker.cli.opening import OPERATOR, now, opened
    from broker.vocabulary import AuditAction

    with opened() as (broker, session):
        done = rekey_hosted(broker.settings, drop_spoiled=drop_spoiled)
        body = {"act": "rekeyed", "sources": done.stores, "dropped": done.dropped}
        event = Event(action=AuditAction.HOSTED_CHANGED, actor=OPERATOR, organisation=None, resident=None, body=body)
        broker.trail.append(session, event, now=now())
        session.commit()
    click.echo(f"Sources sealed anew: {done.stores}. Items that did not open and were dropped: {done.dropped}.")
    click.echo("Copies of the data folder made before cannot be opened any more.")


@contextmanager
def _keeping(source_id: str) -> Iterator[tuple[Broker, Session, Keeper]]:
    from broker.access.hosted import Keeper, called
    from broker.cli.opening import OPERATOR, now, opened

    with opened() as (broker, session):
        source = called(session, source_id)
        yield broker, session, Keeper(source, broker.hosted(source), OPERATOR, broker.trail, now())


def _reading(broker: Broker, keeper: Keeper, columns: dict[str, Any]) -> Keeper:
    from dataclasses import replace

    from broker.app import hosted_reading

    kept: HostedSource = hosted_reading(keeper.source, broker.settings, columns)
    return replace(keeper, kept=kept)


def _columns(preset: str | None, mapping: BinaryIO | None) -> dict[str, Any]:
    from broker.cli.setting_files import settings_in
    from broker.errors import InvalidInput

    if preset and mapping:
        raise InvalidInput("mapping-twice", "Give --preset or --mapping, and not both.")
    if preset:
        return {"preset": preset}
    return settings_in(mapping, option="--mapping")


def _content(file: Path) -> bytes:
    from broker.errors import InvalidInput

    with file.open("rb") as opened:
        data = opened.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise InvalidInput("hosted-file-too-large", f"It has more than {LARGEST:,} bytes.", field="file")
    return data


def _say_problems(look: Look) -> None:
    for problem in look.problems:
        where = f"row {problem.row}" + (f", {problem.column}" if problem.column else "")
        click.echo(f"  {where}: {problem.detail} ({problem.code})", err=True)


def _say_preview(look: Look) -> None:
    for row in look.first:
        for entry in row.entries:
            dated = entry.at.isoformat() if entry.at else "undated"
            click.echo(f"  row {row.number}: {entry.section.label}: {entry.title} ({dated})")
    click.echo(
        f"{counted(look.rows, 'row')} would become {counted(look.entries, 'entry', 'entries')}, "
        f"{look.replaces} in place of earlier ones. Wrong rows: {look.wrong_rows}. Nothing was kept."
    )


def _say_batch(batch: Batch) -> None:
    click.echo(
        f"{_items(batch.items, 'is', 'are')} kept, {batch.replaced} in place of earlier ones. "
        f"Rows that are not: {batch.refused}."
    )
    click.echo(f"To take them back: broker hosted undo {batch.id} --source …")


def _items(number: int, one: str, more: str) -> str:
    return f"{counted(number, 'item')} {one if number == 1 else more}"
