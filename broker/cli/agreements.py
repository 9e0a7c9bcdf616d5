"""``broker agreements``: sharing agreements, from a template to in force, amended, suspended and ended.

Signs nothing: a signature is a person's, given on the pages after signing in.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from broker.agreements.models import SharingAgreement
    from broker.governance.changes import Effects

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NUMBER = click.option(
    "--version",
    "number",
    type=click.IntRange(min=1),
    help="Which version. Without it: the newest to be signed or begun, else the one that counts.",
)


@click.group()
def agreements() -> None:
    """Write, check, bring in, suspend and end sharing agreements."""


@agreements.command("list")
def list_() -> None:
    """Every agreement, with its level, state and dates."""
    from broker.agreements.actions import every
    from broker.cli.opening import opened

    with opened() as (_, session):
        for agreement in every(session):
            dates = f"{agreement.document['from_on']} to {agreement.document['until_on']}"  # both days included
            version = f"v{agreement.number}"
            click.echo(
                f"{agreement.id:<24} {agreement.level.label:<22} {version:<4} {agreement.state.label:<10} {dates}"
            )
            click.echo(f"  {agreement.title}")


@agreements.command()
@click.argument("agreement_id")
def show(agreement_id: str) -> None:
    """Every version of one agreement: its state, its text's digest, who signed, and who is waited for."""
    from broker.agreements import actions
    from broker.cli.opening import opened

    with opened() as (_, session):
        counting = actions.called(session, agreement_id)
        click.echo(f"{counting.id}: {counting.title}")
        for version in actions.versions(session, agreement_id):
            mark = " (the version that counts)" if version is counting else ""
            click.echo(f"  version {version.number}: {version.state.label.lower()}{mark}, digest {version.digest}")
            for signature in actions.standing_signatures(version):
                on = f"{signature.signed_at:%-d %B %Y}"
                click.echo(f"    signed for {signature.organisation_code} by {signature.signed_by} on {on}")
            for party in actions.waiting_for(version):
                click.echo(f"    waiting for {party}")


@agreements.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--conditions", type=FILE, help="The agreement's own conditions, in Rego.")
def check(files: tuple[Path, ...], conditions: Path | None) -> None:
    """Read agreement files and say everything that is wrong with them. Changes nothing."""
    from broker.agreements.document import read_written
    from broker.governance.checking import check_draft

    own = _text(conditions) if conditions else None
    found = 0
    for file in files:
        findings = check_draft(_text(file), own, file=file.name)
        found += len(findings)
        for finding in findings:
            click.echo(str(finding))
        if not findings:
            written = read_written(_text(file), own)
            click.echo(f"{file.name}: {written.document.id} is well formed (digest {written.digest[:16]}).")
    if found:
        raise SystemExit(1)


@agreements.command()
def templates() -> None:
    """The templates there are, by kind of service."""
    from broker.agreements.templates import every

    for template in every():
        click.echo(f"{template.id:<20} {template.title}\n{'':<20} {template.about}")


@agreements.command()
@click.argument("template")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--id", "agreement_id", required=True, help="The agreement's id, such as MG-ADVICE.")
@click.option("--title", required=True, help="What it is called.")
@click.option("--organisation", required=True, help="Code of the organisation that is to receive.")
@click.option("--place", required=True, help="Code of the place whose residents it is about.")
@click.option("--under", required=True, help="Id of the agreement above it.")
@click.option("--giver", "givers", multiple=True, help="Code of an organisation whose systems answer. Repeatable.")
def start(
    template: str,
    file: Path,
    agreement_id: str,
    title: str,
    organisation: str,
    place: str,
    under: str,
    givers: tuple[str, ...],
) -> None:
    """Write the first text of an agreement from a template, every field explained. Keeps nothing in the broker."""
    from broker.agreements import templates as known

    text = known.start(
        template, id=agreement_id, organisation=organisation, name=title, place=place, under=under, givers=givers
    )
    file.write_text(text, encoding="utf-8")
    click.echo(f"{file} is a start. Fill in what is left, then: broker agreements check {file}")


@agreements.command()
@click.argument("file", type=FILE)
@click.option("--conditions", type=FILE, help="The agreement's own conditions, in Rego.")
def draft(file: Path, conditions: Path | None) -> None:
    """Keep a new agreement, or the next version of one, as a draft."""
    from broker.agreements import actions
    from broker.agreements.document import read_written
    from broker.cli.opening import OPERATOR, now, opened
    from broker.governance.checking import check_draft

    own = _text(conditions) if conditions else None
    if findings := check_draft(_text(file), own, file=file.name):
        click.echo("\n".join(map(str, findings)))
        raise SystemExit(1)
    with opened() as (broker, session):
        kept = actions.draft(session, read_written(_text(file), own), author=OPERATOR, trail=broker.trail, now=now())
        session.commit()
        click.echo(f"Version {kept.number} of {kept.id} is a draft (digest {kept.digest}).")


@agreements.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
def adopt(files: tuple[Path, ...]) -> None:
    """Bring in agreements that the signatories they name have signed on paper, and put them in force. Parents first."""
    from broker.agreements import actions
    from broker.agreements.document import read_written
    from broker.cli.opening import OPERATOR, now, opened
    from broker.governance.publishing import publish

    with opened() as (broker, session):
        for file in files:
            written = read_written(_text(file))
            actions.adopt(session, written, by=OPERATOR, trail=broker.trail, now=now())
            click.echo(f"{written.document.id} is in force.")
        published = publish(broker, session, by=OPERATOR, now=now())
        click.echo(f"Revision {published.revision} is published.")


@agreements.command()
@click.argument("agreement_id")
@NUMBER
def effects(agreement_id: str, number: int | None) -> None:
    """Say whom putting a version in force would touch. Changes nothing."""
    from broker.cli.opening import now, opened
    from broker.governance import changes

    with opened() as (_, session):
        _say_effects(changes.effects(session, _found(session, agreement_id, number), now=now()))


@agreements.command()
def due() -> None:
    """Approved versions whose first day has come, and that wait to be put in force."""
    from broker.cli.opening import now, opened
    from broker.governance import changes

    with opened() as (_, session):
        waiting = changes.due(session, now=now())
        for each in waiting:
            click.echo(f"{each.id} version {each.number}: broker agreements begin {each.id} --version {each.number}")
        if not waiting:
            click.echo("Nothing waits to be put in force.")


@agreements.command()
@click.argument("agreement_id")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@NUMBER
def document(agreement_id: str, file: Path, number: int | None) -> None:
    """Write one version as a page that a board can read, print and sign."""
    from broker.agreements import actions
    from broker.agreements.board import board_document
    from broker.cli.opening import opened
    from broker.governance.changes import written
    from broker.identity.actions import organisation_names

    with opened() as (_, session):
        found = _found(session, agreement_id, number)
        page = board_document(
            written(found).document,
            digest=found.digest,
            names=organisation_names(session),
            signatures=actions.standing_signatures(found),
            version=found.number,
            conditions=found.conditions,
        )
    file.write_text(page, encoding="utf-8")
    click.echo(f"Version {found.number} of {found.id} is in {file} (digest {found.digest}).")


@agreements.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def register(file: Path) -> None:
    """Write the register of processing of the agreements in force, as CSV (UK GDPR, Article 30)."""
    from broker.agreements.actions import every
    from broker.agreements.document import from_mapping
    from broker.agreements.register import as_csv, processing_activities
    from broker.cli.opening import now, opened
    from broker.identity.actions import organisation_names

    with opened() as (_, session):
        at = now()
        texts = [from_mapping(each.document) for each in every(session) if each.in_force(at=at)]
        activities = processing_activities(texts, names=organisation_names(session))
    file.write_text(as_csv(activities), encoding="utf-8", newline="")
    click.echo(f"{len(activities)} processing activities are in {file}.")


def _act(name: str, help_text: str, said: str, *, touches: bool) -> None:
    """Add a command that moves one version to another state."""

    @agreements.command(name, help=help_text)
    @click.argument("agreement_id")
    @NUMBER
    def act(agreement_id: str, number: int | None) -> None:
        from broker.access.policy import revision_in_force
        from broker.cli.opening import OPERATOR, now, opened
        from broker.governance import changes

        verbs: dict[str, Callable[..., Effects | None]] = {
            "submit": changes.submit,
            "call-back": changes.call_back,
            "begin": changes.put_in_force,
            "suspend": changes.suspend,
            "resume": changes.resume,
            "end": changes.end,
        }
        with opened() as (broker, session):
            found = _found(session, agreement_id, number, newest=name in ("submit", "call-back", "begin"))
            touched = verbs[name](broker, session, found, by=OPERATOR, now=now())
            click.echo(f"Version {found.number} of {found.id} is {said}.")
            if touched is not None and touches:
                _say_effects(touched)
                click.echo(f"Revision {revision_in_force(session)} is published.")


_act("submit", "Send a draft to its parties for review.", "in review", touches=False)
_act("call-back", "Take a version back to its author, as a draft.", "a draft", touches=False)
_act("begin", "Put an approved version in force.", "in force", touches=True)
_act("suspend", "Suspend an agreement. Bites on the next request.", "suspended", touches=True)
_act("resume", "Put a suspended agreement back in force.", "in force", touches=True)
_act("end", "End an agreement for good.", "ended", touches=True)


def _found(session: Session, agreement_id: str, number: int | None, *, newest: bool = False) -> SharingAgreement:
    from broker.agreements import actions

    if number is not None:
        return actions.version(session, agreement_id, number)
    counting = actions.called(session, agreement_id)
    return actions.versions(session, agreement_id)[0] if newest else counting


def _say_effects(found: Effects) -> None:
    from broker.governance.small_numbers import shown

    for change in found.changes.changes:
        click.echo(f"  {change.kind.label}: {change.sentence}")
    residents, ended = shown(found.people), shown(len(found.running_out))
    click.echo(f"  {residents} residents and {len(found.organisations)} organisations are told.")
    click.echo(f"  {ended} permissions run out.")


def _text(file: Path) -> str:
    from broker.errors import InvalidInput

    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InvalidInput("document-malformed", f"{file.name} is not UTF-8 text.") from None
