"""The sandbox's partner systems from the command line. Nothing here starts unless asked, or serves beyond loopback.

::

    python -m sandbox.partners all --base-port 8091 --folder var/sandbox
    python -m sandbox.partners fhir --source lock-keepers-gp --port 8091
    python -m sandbox.partners fhir --bundle export.json --port 8099
    python -m sandbox.partners mllp-send --port 2575 --messages 20
    python -m sandbox.partners national --port 8098
    python -m sandbox.partners gp-connect --practice XX9GP3 --port 8097
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from sandbox.neighbourhood import cast
from sandbox.neighbourhood.place import Place
from sandbox.partners import place
from sandbox.partners.bundles import load_bundle, read_json
from sandbox.partners.faults import Fault, FaultBoard, control, read_fault
from sandbox.partners.fhir_server import FhirServer
from sandbox.partners.gp_connect import BASE, GpConnectServer
from sandbox.partners.gp_connect_record import LISTS
from sandbox.partners.holdings import Holdings
from sandbox.partners.national import FLAGS, NRL, PDS, NationalServer
from sandbox.partners.outcome import Refused
from sandbox.partners.process import Facts, Listener, loopback, new_app, run

Command = Callable[..., Any]
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
PARENT = os.getppid()  # read at once: a parent that dies while we start must be missed


def _loopback_only(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        return loopback(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _fault(_context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> dict[str, Fault]:
    """``source:name=value,name=value`` as many times as there are sources to spoil."""
    faults = {}
    for text in value:
        source, _, settings = text.partition(":")
        pairs = [setting.partition("=") for setting in settings.split(",")]
        try:
            faults[source] = read_fault({name: _read(given) for name, _, given in pairs})
        except (Refused, ValueError) as error:
            reason = error.diagnostics if isinstance(error, Refused) else "its value is not a number, true or false"
            raise click.BadParameter(f"{text!r}: {reason}") from error
    return faults


def _read(text: str) -> int | bool:
    return {"true": True, "false": False}[text] if text in ("true", "false") else int(text)


def _common(command: Command) -> Command:
    for option in (
        click.option("--host", default="127.0.0.1", callback=_loopback_only, help="A loopback address."),
        click.option("--residents", default=10_000, show_default=True, type=click.IntRange(1, 1_000_000)),
        click.option("--seed", default=1, show_default=True, help="The same seed makes the same residents."),
        click.option("--token", envvar="SANDBOX_TOKEN", help="Bearer token to ask for; none is asked for without."),
        click.option("--fault", "faults", multiple=True, callback=_fault, help="source:delay_ms=200,malformed=true"),
    ):
        command = option(command)
    return command


@click.group()
def main() -> None:
    """Partner systems of the sandbox, on loopback."""


@main.command()
@click.option("--source", help="A FHIR source of the cast; left out, only what --bundle loads is served.")
@click.option("--port", default=place.FIRST_PORT, show_default=True, help="0 takes any free port.")
@click.option("--bundle", "bundles", multiple=True, type=FILE, help="A FHIR R4 Bundle file to load; again for more.")
@_common
def fhir(
    source: str | None,
    port: int,
    bundles: tuple[Path, ...],
    host: str,
    residents: int,
    seed: int,
    token: str | None,
    faults: dict[str, Fault],
) -> None:
    """Serve one FHIR R4 source."""
    if source is not None and not place.is_fhir(source):
        raise click.BadParameter(f"{source!r} is no FHIR source of the cast", param_hint="--source")
    holdings = Holdings(None if source is None else place.PlaceRecords(Place(seed, residents), source))
    for path in bundles:
        _load(holdings, path)
    name, app, board = source or "loaded", new_app(), FaultBoard(faults)
    control(app, board, {name: "fhir"})
    FhirServer(name, holdings, base=place.FHIR_BASE, board=board, token=token).add_to(app)
    _serve(
        [Listener(app, port)],
        host,
        lambda ports: {"sources": {name: f"http://{host}:{ports[0]}{place.FHIR_BASE}"}},
    )


@main.command("mllp-send")
@click.option("--port", required=True, type=click.IntRange(1, 65535), help="Where messages are listened for.")
@click.option("--messages", "count", default=5, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--facility", default="RIVERSIDE", show_default=True, help="What the sender is called (MSH-4).")
@click.option("--host", default="127.0.0.1", callback=_loopback_only, help="A loopback address.")
@click.option("--residents", default=10_000, show_default=True, type=click.IntRange(1, 1_000_000))
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same residents.")
def mllp_send(port: int, count: int, facility: str, host: str, residents: int, seed: int) -> None:
    """Send HL7 v2 messages (ADT, ORU, REF) about residents over MLLP, and count the answers; 1 where any is not AA."""
    from hl7.client import MLLPClient  # type: ignore[import-untyped]

    from sandbox.neighbourhood.people import Population
    from sandbox.partners.messages import messages

    answers: dict[str, int] = {}
    try:
        with MLLPClient(host, port) as client:
            for message in messages(Population(seed, residents), count, now=datetime.now(UTC), facility=facility):
                _, _, said = client.send_message(message).partition(b"\rMSA|")
                answer = said[:2].decode(errors="replace") or "no answer"
                answers[answer] = answers.get(answer, 0) + 1
    except OSError as error:
        raise click.ClickException(f"nothing listens at {host}:{port}: {error.strerror}") from error
    click.echo(", ".join(f"{answer}: {times}" for answer, times in sorted(answers.items())))
    if answers.keys() - {"AA"}:
        raise SystemExit(1)


def _load(holdings: Holdings, path: Path) -> None:
    try:
        load_bundle(holdings, read_json(path.read_bytes()), now=datetime.now(UTC))
    except Refused as refused:
        raise click.ClickException(f"{path}: {refused.diagnostics}") from refused


@main.command("gp-connect")
@click.option("--practice", default=cast.TANNERY_ROW.code, show_default=True, help="A practice of the cast, by code.")
@click.option("--port", default=0, show_default=True, help="0 takes any free port.")
@click.option("--off", multiple=True, type=click.Choice(list(LISTS)), help="A part of the record it has switched off.")
@_common
def gp_connect(
    practice: str,
    port: int,
    off: tuple[str, ...],
    host: str,
    residents: int,
    seed: int,
    token: str | None,
    faults: dict[str, Fault],
) -> None:
    """Serve one practice behind GP Connect. --token is not used: nobody signs what is sent here."""
    if practice not in {each.code for each in cast.PRACTICES}:
        raise click.BadParameter(f"{practice!r} is no practice of the cast", param_hint="--practice")
    app, board = new_app(), FaultBoard(faults)
    control(app, board, {practice: "gp-connect"})
    GpConnectServer(Place(seed, residents), practice, board=board, off=off).add_to(app)
    _serve([Listener(app, port)], host, lambda ports: {"sources": {practice: f"http://{host}:{ports[0]}{BASE}"}})


@main.command("national")
@click.option("--port", default=0, show_default=True, help="0 takes any free port.")
@_common
def national(port: int, host: str, residents: int, seed: int, token: str | None, faults: dict[str, Fault]) -> None:
    """Serve the national services: demographics, record locator, patient flags. They have no --fault of their own."""
    app = new_app()
    NationalServer(Place(seed, residents), token=token).add_to(app)
    services = {"pds-fhir": PDS, "nrl": NRL, "patient-flags": FLAGS}

    def facts(ports: Sequence[int]) -> dict[str, Any]:
        return {"sources": {kind: f"http://{host}:{ports[0]}{path}" for kind, path in services.items()}}

    _serve([Listener(app, port)], host, facts)


@main.command("all")
@click.option("--base-port", default=place.FIRST_PORT, show_default=True, help="The first port; 0 takes any free ones.")
@click.option("--folder", required=True, type=FOLDER, help="Where the council and the charity drop their files.")
@_common
def everyone(
    base_port: int,
    folder: Path,
    host: str,
    residents: int,
    seed: int,
    token: str | None,
    faults: dict[str, Fault],
) -> None:
    """Serve every partner of the cast, each on its own port, and write the files the others drop."""
    here, board, served = Place(seed, residents), FaultBoard(faults), place.served()
    files = place.drop_files(here, folder, progress=_said)
    listeners = [place.listener(here, source, base_port, board=board, token=token) for source in served]

    def facts(ports: Sequence[int]) -> dict[str, Any]:
        urls = {s.id: place.base_url(s, host, port) for s, port in zip(served, ports, strict=True)}
        return {"sources": urls, "files": files}

    _serve(listeners, host, facts)


def _said(done: int, of: int) -> None:
    """Say that files of a large place are being written: it takes most of a minute for a million."""
    if of > 50_000 and (done == of or done % 100_000 == 0):
        click.echo(f"writing the dropped files: {done:,} of {of:,} residents", err=True)


def _serve(listeners: list[Listener], host: str, facts: Facts) -> None:
    try:
        asyncio.run(run(listeners, host=host, facts=facts, parent=PARENT))
    except OSError as error:
        raise click.ClickException(f"a port could not be taken: {error.strerror}") from error


if __name__ == "__main__":
    main()
