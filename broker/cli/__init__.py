"""The operator's door: every command of ``broker``. Each imports what it needs only when it is run."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from broker.errors import Refusal

# Kept here so that help costs no import: a command's module, and what it is for.
COMMANDS = {
    "demo": ("broker.cli.demo:demo", "Start a synthetic neighbourhood, its partner systems and the broker."),
    "serve": ("broker.cli.serve:serve", "Serve the broker under gunicorn."),
    "db": ("broker.cli.db:db", "Migrate and check the database."),
    "agreements": ("broker.cli.agreements:agreements", "Write, check, bring in, suspend and end sharing agreements."),
    "policies": ("broker.cli.policies:policies", "Check, try, explain, publish and compare the rules in force."),
    "audit": ("broker.cli.audit:audit", "Verify, sign and read the trail."),
    "keys": ("broker.cli.keys:keys", "Show the broker's public keys, and change those that sign."),
    "clients": ("broker.cli.clients:clients", "Register, change and revoke partners' systems."),
    "providers": ("broker.cli.providers:providers", "Connect the providers that people sign in with."),
    "organisations": ("broker.cli.organisations:organisations", "Bring in places, organisations and their people."),
    "accounts": ("broker.cli.accounts:accounts", "Invite people to accounts of the broker's own, and reset them."),
    "partners": ("broker.cli.partners:partners", "Let organisations join and leave, and say what they still need."),
    "members": ("broker.cli.partners:members", "Who works for an organisation: add, end, change, bring back."),
    "sources": ("broker.cli.sources:sources", "Connect source systems, and check them."),
    "hosted": ("broker.cli.hosted:hosted", "Keep entries for organisations that have no system of their own."),
    "records": ("broker.cli.records:records", "Show what a file of a partner's system becomes. Offline."),
    "residents": ("broker.cli.residents:residents", "Enrol residents, and link them to source systems."),
    "consents": ("broker.cli.consents:consents", "Say what FHIR consents permit, offline, and try decision vectors."),
    "proxies": ("broker.cli.proxies:proxies", "Decide who may act for a practice's patients, and stop it."),
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


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="neighbourhood-broker", version="0.1.0")
def broker() -> None:
    """A data-sharing and consent broker for neighbourhood health and care.

    Settings come from the environment (BROKER_…); docs/settings.md lists them.
    """


def main() -> None:
    """Run a command. A refusal is one line and exit code 1, a wrong setting 2, a fault 3; never a trace."""
    sys.exit(_run())


def _run() -> int:
    from broker.errors import BrokerError, Misconfigured, Refusal

    try:
        return broker(standalone_mode=False) or 0
    except click.Abort:
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except Refusal as refusal:
        return _refused(refusal)
    except Misconfigured as wrong:
        return _say(2, f"Setting wrong: {wrong}")
    except BrokerError as fault:
        return _say(3, f"Fault: {fault}")
    except OSError as error:
        return _say(3, f"The machine said no: {error.strerror or error} {error.filename or ''}".rstrip())
    except Exception as error:
        if not type(error).__module__.startswith("sqlalchemy."):
            raise
        origin = getattr(error, "orig", None)
        if isinstance(origin, Refusal):  # a column that checks itself refused what it was given
            return _refused(origin)
        cause = str(origin or error).partition("\n")[0].rstrip(".")
        return _say(3, f"The database said no: {cause}. If it is new, run `broker db upgrade`.")


def _refused(refusal: Refusal) -> int:
    where = f" [{refusal.field}]" if refusal.field else ""
    return _say(1, f"Refused ({refusal.code}): {refusal.detail}{where}")


def _say(code: int, line: str) -> int:
    click.echo(line, err=True)
    return code
