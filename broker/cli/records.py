"""``broker records``: what a file of a partner's system becomes, by the very readers of the live path. Offline."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from broker.cli.rendering import Rendered

KINDS = ("fhir-r4", "gp-connect-structured", "cld", "hl7v2")
UNREAD = 1  # where nothing of any file was read
NOT_WHOLE = 4  # what a script is told where something of a file is missing from what is shown
MOST_BYTES = 64 * 1024 * 1024


@click.group()
def records() -> None:
    """Show what files become, without asking anybody."""


@records.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--as", "kind", type=click.Choice(KINDS), help="What the files are; guessed for each without it.")
@click.option("--json", "as_json", is_flag=True, help="The stable shape that docs/kit-records.md describes.")
@click.option(
    "--at", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]), help="As if it were then (UTC); now without it."
)
@click.pass_context
def render(context: click.Context, files: tuple[Path, ...], kind: str | None, as_json: bool, at: datetime) -> None:
    """The view that FILES become for somebody who may see everything; several are several sources.

    Opens no socket and needs no database. What the law lets nobody see is left out here too. Exits 4 where something
    of a file could not be read or was not understood, 1 where nothing of any was read.
    """
    import json

    from broker.cli.rendering import lines, shape, view_of

    now = at.replace(tzinfo=UTC) if at else datetime.now(UTC)
    rendered = _read(files, kind, now)
    view = view_of(rendered, now=now)
    if as_json:
        click.echo(json.dumps(shape(rendered, view), ensure_ascii=False, indent=2, sort_keys=True))
    else:
        for line in lines(rendered, view):
            click.echo(line)
    if all(file.unread for file in rendered):
        context.exit(UNREAD)
    if not all(file.whole for file in rendered):
        context.exit(NOT_WHOLE)


def _read(files: tuple[Path, ...], kind: str | None, now: datetime) -> list[Rendered]:
    """Each file, compared with the person of the first that names one."""
    from broker.app import read_file
    from broker.cli.rendering import Rendered

    held = {name: _bytes(path) for name, path in _named(files).items()}
    kinds = {name: kind or _guessed(name, data) for name, data in held.items()}
    person, first = None, {}
    for name, data in held.items():
        first[name] = read_file(kinds[name], data, source=name, now=now, person=None)
        person = person or first[name].person
    read = {
        name: read_file(kinds[name], data, source=name, now=now, person=person) if person else first[name]
        for name, data in held.items()
    }
    return [Rendered(name, kinds[name], kind is None, first[name].person, each.answer) for name, each in read.items()]


def _bytes(path: Path) -> bytes:
    from broker.errors import InvalidInput

    if path.stat().st_size > MOST_BYTES:
        raise InvalidInput("file-too-large", f"{path.name} has more than {MOST_BYTES:,} bytes.", field="FILE")
    return path.read_bytes()


def _guessed(name: str, data: bytes) -> str:
    from broker.app import kind_of_file
    from broker.errors import InvalidInput

    found = kind_of_file(data)
    if found is None:
        raise InvalidInput("file-kind-unknown", f"What {name} is cannot be guessed; say it with --as.", field="FILE")
    return found


def _named(files: tuple[Path, ...]) -> dict[str, Path]:
    """Each file by its name; two of one name by their place as well."""
    named: dict[str, Path] = {}
    for place, path in enumerate(files, start=1):
        named[path.name if path.name not in named else f"{path.name} ({place})"] = path
    return named
