"""``broker agreements``: sharing agreements, from a file to in force, suspended and ended."""

from __future__ import annotations

from pathlib import Path

import click

from broker.vocabulary import AgreementState


@click.group()
def agreements() -> None:
    """Bring in, list, suspend and end sharing agreements."""


@agreements.command("list")
def list_() -> None:
    """Every agreement, with its level, state and dates."""
    from broker.agreements.actions import every
    from broker.cli.opening import opened

    with opened() as (_, session):
        for agreement in every(session):
            dates = f"{agreement.document['from_on']} to {agreement.document['until_on']}"  # both days included
            click.echo(
                f"{agreement.id:<28} {agreement.level.label:<24} {agreement.state.label:<10} {dates}  {agreement.title}"
            )


@agreements.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Read agreement files and say what is wrong with them. Changes nothing."""
    from broker.agreements.document import read

    for file in files:
        document = read(file.read_text(encoding="utf-8"))
        click.echo(f"{file.name}: {document.id} is well formed (digest {document.digest[:16]}).")


@agreements.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def adopt(files: tuple[Path, ...]) -> None:
    """Bring in agreements that the signatories they name have signed on paper, and put them in force. Parents first."""
    from broker.agreements import actions
    from broker.agreements.document import Written, read
    from broker.cli.opening import OPERATOR, now, opened
    from broker.governance.publishing import publish

    with opened() as (broker, session):
        for file in files:
            text = file.read_text(encoding="utf-8")
            written = Written(read(text), text)
            actions.adopt(session, written, by=OPERATOR, trail=broker.trail, now=now())
            click.echo(f"{written.document.id} is in force.")
        published = publish(broker, session, by=OPERATOR, now=now())
        click.echo(f"Revision {published.revision} is published.")


def _mover(name: str, to: AgreementState, help_text: str) -> None:
    @agreements.command(name, help=help_text)
    @click.argument("agreement_id")
    def move(agreement_id: str) -> None:
        from broker.agreements import actions
        from broker.cli.opening import OPERATOR, now, opened
        from broker.governance.publishing import publish

        with opened() as (broker, session):
            agreement = actions.called(session, agreement_id)
            actions.move(session, agreement, to=to, by=OPERATOR, trail=broker.trail, now=now())
            published = publish(broker, session, by=OPERATOR, now=now())
            click.echo(f"{agreement_id} is {to.label.lower()}. Revision {published.revision} is published.")


_mover("suspend", AgreementState.SUSPENDED, "Suspend an agreement. Bites on the next request.")
_mover("resume", AgreementState.IN_FORCE, "Put a suspended agreement back in force.")
_mover("end", AgreementState.ENDED, "End an agreement for good.")
