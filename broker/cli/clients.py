"""``broker clients``: register, change, show and revoke partners' systems, by their public keys. Shows no secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from broker.cli.try_client import new_key, try_
from broker.vocabulary import ClientProfile, Role

_ROLES = click.Choice([role.value for role in Role if role not in (Role.RESIDENT, Role.PROXY)])
_KEYS = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def clients() -> None:
    """Register partners' systems."""


def _described(command: Callable[..., Any]) -> Callable[..., Any]:
    """What can be said of a system, when it is registered and later."""
    for option in (
        click.option("--resource-server/--no-resource-server", default=None, help="May ask what any token is."),
        click.option("--signs-requests/--no-signs-requests", default=None, help="Sends signed requests alone (JAR)."),
        click.option("--scope", "scopes", multiple=True, help="A scope it may ask for. May be given again."),
        click.option("--redirect-uri", "redirect_uris", multiple=True, help="Where people are sent back to, exactly."),
        click.option("--grant-type", "grant_types", multiple=True, help="How it gets tokens. May be given again."),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("client_id")
@click.option("--organisation", required=True, help="The organisation's code.")
@click.option("--name", required=True, help="What the system is called.")
@click.option("--role", type=_ROLES, required=True, help="The role it asks in.")
@click.option("--jwks", required=True, type=_KEYS, help="A file of public keys (JWKS).")
@click.option(
    "--profile",
    type=click.Choice([profile.value for profile in ClientProfile]),
    default=ClientProfile.FAPI2.value,
    help="The rules it is held to, for good.",
)
@_described
def add(client_id: str, organisation: str, profile: str, **said: Any) -> None:
    """Register a system. It authenticates by private_key_jwt; keep the private key with the partner."""
    from broker.cli.opening import OPERATOR, now, opened
    from broker.oauth import registration
    from broker.oauth.registration import Registration

    wanted = Registration(profile=ClientProfile(profile), **_given(said))
    with opened() as (broker, session):
        client = registration.add(
            session,
            client_id,
            wanted,
            organisation=organisation,
            demonstration=broker.settings.demonstration,
            by=OPERATOR,
            trail=broker.trail,
            now=now(),
        )
        session.commit()
        click.echo(f"{client_id} is registered for {organisation}, with the scopes {client.scopes}.")


clients.add_command(add, "add")
clients.add_command(click.Command("register", callback=add.callback, params=add.params, help=add.help, hidden=True))
clients.add_command(new_key)
clients.add_command(try_)


@clients.command()
@click.argument("client_id")
@click.option("--name", help="What the system is called.")
@click.option("--role", type=_ROLES, help="The role it asks in.")
@click.option("--jwks", type=_KEYS, help="A file of public keys (JWKS), in place of those it had.")
@_described
def change(client_id: str, **said: Any) -> None:
    """Register something else of a system. What is given replaces what was; asking for less ends what it was let do."""
    from broker.cli.opening import OPERATOR, now, opened
    from broker.oauth import registration

    changes = _given(said)
    if not changes:
        raise click.UsageError("Say what to change.")
    with opened() as (broker, session):
        demonstration = broker.settings.demonstration
        registration.change(
            session,
            client_id,
            demonstration=demonstration,
            by=OPERATOR,
            trail=broker.trail,
            now=now(),
            **changes,
        )
        session.commit()
    click.echo(f"{client_id} is changed.")


@clients.command("list")
def list_() -> None:
    """Every system: its organisation, its profile, and whether it is in use."""
    from sqlalchemy import select

    from broker.cli.opening import opened
    from broker.identity.models import Client

    with opened() as (_, session):
        for client in session.scalars(select(Client).order_by(Client.organisation_code, Client.id)):
            state = "revoked" if client.revoked_at else "in use"
            click.echo(f"{client.id}  {client.organisation_code}  {client.profile.value}  {state}  {client.name}")


@clients.command()
@click.argument("client_id")
def show(client_id: str) -> None:
    """What is registered of a system, as JSON: its public keys by their thumbprints (RFC 7638)."""
    from broker.cli.opening import opened
    from broker.errors import NotFound
    from broker.identity.models import Client

    with opened() as (_, session):
        client = session.get(Client, client_id)
        if client is None:
            raise NotFound("client-unknown", f"There is no client {client_id}.")
        click.echo(json.dumps(_shown(client), indent=2))


@clients.command()
@click.argument("client_id")
def revoke(client_id: str) -> None:
    """Let a system ask for nothing more. Every grant and token it has ends at once."""
    from broker.cli.opening import OPERATOR, now, opened
    from broker.oauth import registration

    with opened() as (broker, session):
        registration.revoke(session, client_id, by=OPERATOR, trail=broker.trail, now=now())
        session.commit()
    click.echo(f"{client_id} is revoked. Nothing it was given opens anything.")


def _given(said: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, as what they register."""
    from broker.oauth.registration import keys_in

    given = {name: value for name, value in said.items() if value not in (None, ())}
    if "role" in given:
        given["role"] = Role(given["role"])
    if "jwks" in given:
        given["jwks"] = keys_in(given["jwks"].read_text(encoding="utf-8"))
    return given


def _shown(client: Any) -> dict[str, Any]:
    from broker.oauth.keys import check_set

    return {
        "client_id": client.id,
        "organisation": client.organisation_code,
        "name": client.name,
        "role": client.role.value,
        "profile": client.profile.value,
        "token_endpoint_auth_method": "private_key_jwt",
        "grant_types": client.grant_types,
        "scopes": client.scopes.split(),
        "redirect_uris": client.redirect_uris,
        "signs_requests": client.signs_requests,
        "resource_server": client.resource_server,
        "keys": [str(key.thumbprint()) for key in check_set(client.jwks)],
        "registered_at": client.registered_at.isoformat(),
        "revoked_at": client.revoked_at.isoformat() if client.revoked_at else None,
    }
