"""``broker audit``: verify, sign, export and read the trail. Changes no entry."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click


@click.group()
def audit() -> None:
    """Verify, sign and read the trail."""


@audit.command()
@click.option(
    "--export",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Verify an exported trail instead.",
)
@click.option("--key", help="The log's verifier key (see `broker keys trail`); needed with --export.")
@click.option(
    "--witnessed",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A checkpoint kept elsewhere.",
)
@click.pass_context
def verify(context: click.Context, file: Path | None, key: str | None, witnessed: tuple[Path, ...]) -> None:
    """Recompute the whole tree and check the signed checkpoints. Exits 1 at the first fault, and names it."""
    from broker.audit.verify import verify_export

    notes = [path.read_text(encoding="utf-8") for path in witnessed]
    if file is not None:
        if key is None:
            raise click.UsageError("--export needs --key: a trail is not checked against a key it brings itself")
        report = verify_export(file.read_text(encoding="utf-8").splitlines(), key, witnessed=notes)
    else:
        from broker.audit.checkpoints import trail_signer
        from broker.audit.export import verify_database
        from broker.cli.opening import opened

        with opened() as (broker, session):
            signer = trail_signer(broker.settings)
            public_key = key or str(signer.verifier)
            pseudonyms = broker.settings.secret("trail-pseudonyms")
            report = verify_database(session, public_key, key=pseudonyms, witnessed=notes)
    if not report.ok:
        where = f" (entry {report.index})" if report.index is not None else ""
        click.echo(f"The trail does NOT hold: {report.fault}{where}.", err=True)
        context.exit(1)
    click.echo(
        f"The trail holds: {report.size} entries, {report.checkpoints} signed checkpoints, root {report.root[:16]}…"
    )


@audit.command()
def checkpoint() -> None:
    """Sign the trail as it stands, and print the checkpoint. Keep it somewhere else."""
    from broker.audit.checkpoints import checkpoint_if_due, latest, trail_signer
    from broker.cli.opening import now, opened

    with opened() as (broker, session):
        checkpoint_if_due(broker.sessions, trail_signer(broker.settings), every=timedelta(0), now=now())
        kept = latest(session)
        click.echo(kept.note if kept else "The trail is empty.", nl=kept is None)


@audit.command()
@click.option("--notes", is_flag=True, help="With what people wrote. It is personal.")
@click.option(
    "--as",
    "form",
    type=click.Choice(["leaves", "fhir"]),
    default="leaves",
    show_default=True,
    help="The trail's own entries, to be verified; or FHIR AuditEvents, for a log repository.",
)
def export(notes: bool, form: str) -> None:
    """Write the trail as JSON lines. It names no resident."""
    from broker.audit.export import export as lines
    from broker.cli.opening import opened

    if form == "fhir":
        if notes:
            raise click.UsageError("an AuditEvent holds no notes")
        _export_events()
        return
    with opened() as (_, session):
        for line in lines(session, notes=notes):
            click.echo(line)


def _export_events() -> None:
    """Every entry that anybody may be shown, oldest first, a stretch at a time."""
    import json

    from broker.api.audit_events import exported
    from broker.cli.opening import opened

    with opened() as (broker, session):
        key, before = broker.settings.secret("trail-pseudonyms"), -1
        while stretch := broker.trail.entries(session, newest_first=False, limit=500, before=before):
            for event in exported(stretch, key=key):
                click.echo(json.dumps(event, sort_keys=True))
            before = stretch[-1].index


@audit.command()
@click.option("--limit", default=20, show_default=True, help="How many entries.")
def show(limit: int) -> None:
    """The newest entries, one a line."""
    from broker.cli.opening import opened

    with opened() as (broker, session):
        for entry in broker.trail.entries(session, limit=limit):
            who = entry.organisation or "-"
            click.echo(
                f"{entry.index:>7}  {entry.at:%Y-%m-%d %H:%M:%S}  {who:<14} {entry.actor[:24]:<25} {entry.action.label}"
            )
