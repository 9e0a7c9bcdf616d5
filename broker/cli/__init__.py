"""The operator's door: every command of ``broker``. Each imports what it needs only when it is run."""

from __future__ import annotations

import sys
from importlib import import_module

import click

# Kept here so that help costs no import: a command's module, and what it is for.
COMMANDS = {
    "demo": ("broker.cli.demo:demo", "Start a synthetic neighbourhood, its partner systems and the broker."),
    "serve": ("broker.cli.serve:serve", "Serve the broker under gunicorn."),
    "db": ("broker.cli.db:db", "Migrate and check the database."),
    "agreements": ("broker.cli.agreements:agreements", "Bring in, list, suspend and end sharing agreements."),
    "policies": ("broker.cli.policies:policies", "Publish the rules in force, and write them out for OPA."),
    "audit": ("broker.cli.audit:audit", "Verify, sign and read the trail."),
    "keys": ("broker.cli.keys:keys", "Show the broker's public keys."),
    "clients": ("broker.cli.clients:clients", "Register partners' systems."),
    "sources": ("broker.cli.sources:sources", "Connect source systems, and check them."),
    "residents": ("broker.cli.residents:residents", "Enrol residents, and link them to source systems."),
}


class Commands(click.Group):
    """Loads a command's module when it is asked for, and not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="neighbourhood-broker", version="0.1.0")
def broker() -> None:
    """A data-sharing and consent broker for neighbourhood health and care.

    Settings come from the environment (BROKER_…); docs/settings.md lists them.
    """


def main() -> None:
    """Run a command. A refusal is one line and exit code 1; a setting that is wrong, exit code 2."""
    from broker.errors import BrokerError, Misconfigured, Refusal

    try:
        broker(standalone_mode=False)
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except Refusal as refusal:
        click.echo(
            f"Refused ({refusal.code}): {refusal.detail}" + (f" [{refusal.field}]" if refusal.field else ""), err=True
        )
        sys.exit(1)
    except Misconfigured as wrong:
        click.echo(f"Setting wrong: {wrong}", err=True)
        sys.exit(2)
    except BrokerError as fault:
        click.echo(f"Fault: {fault}", err=True)
        sys.exit(3)
    except OSError as error:
        click.echo(f"The machine said no: {error.strerror or error} {error.filename or ''}".rstrip(), err=True)
        sys.exit(3)
