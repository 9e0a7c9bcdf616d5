"""``broker accounts``: invite somebody to an account of the broker's own, list them, and begin one again."""

from __future__ import annotations

import click


@click.group()
def accounts() -> None:
    """Invite people to accounts of the broker's own, list those, and reset one."""


@accounts.command()
@click.argument("person")
@click.option("--organisation", required=True, help="The code of the organisation they work for.")
def invite(person: str, organisation: str) -> None:
    """Print a one-time code for a person, by their id. Give it to them yourself: it is shown only here."""
    from broker.accounts import invitations
    from broker.cli.opening import OPERATOR, now, opened
    from broker.identity.actions import organisation_called

    with opened() as (broker, session):
        organisation_called(session, organisation)
        code = invitations.invite(session, person, organisation, by=OPERATOR, trail=broker.trail, now=now())
    _tell(code)


@accounts.command("list")
def list_() -> None:
    """Everybody with an account: their id, the name they type, and how they sign in."""
    from sqlalchemy import select

    from broker.accounts import account
    from broker.accounts.models import Account
    from broker.cli.opening import opened

    with opened() as (_, session):
        listed = session.scalars(select(Account).order_by(Account.sign_in_name)).all()
        for found in listed:
            ways = account.of_person(session, found.person_id)
            how = [f"{len(ways.passkeys)} passkeys"] if ways.passkeys else []
            how += ["password and app"] if ways.by_password else []
            click.echo(f"{found.person_id}  {found.sign_in_name:<32} {', '.join(how) or 'cannot sign in'}")
        if not listed:
            click.echo("Nobody has an account of the broker's own.")


@accounts.command()
@click.argument("person")
@click.option("--organisation", required=True, help="The code of the organisation they work for.")
def reset(person: str, organisation: str) -> None:
    """Take away every way a person has of signing in, with a provider too, end what they had open, and print a code.

    Make sure that it is they who ask: whoever has the code can be them.
    """
    from broker.accounts import account, invitations
    from broker.cli.opening import OPERATOR, now, opened
    from broker.errors import Conflict
    from broker.federation import linking
    from broker.grants import actions as grants
    from broker.identity import sessions
    from broker.identity.actions import organisation_called

    with opened() as (broker, session):
        organisation_called(session, organisation)
        at, trail = now(), broker.trail
        if invitations.working(session, person, organisation, now=at) is None:
            raise Conflict("not-a-member", "They do not work for this organisation now.")
        account.empty(session, person, by=OPERATOR, organisation=organisation, trail=trail, now=at)
        linking.unlink_person(session, person, by=OPERATOR, trail=trail, now=at)
        sessions.end_every(session, person=person, now=at)
        grants.end_every(session, person=person, by=OPERATOR, why="account-reset", trail=trail, now=at)
        session.commit()
        code = invitations.invite(session, person, organisation, by=OPERATOR, trail=trail, now=at)
    _tell(code)


def _tell(code: str) -> None:
    click.echo(code)
    click.echo("Good once, for seven days. They enter it at /accept-invitation.", err=True)
