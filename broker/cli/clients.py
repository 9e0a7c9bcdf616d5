"""``broker clients``: register a partner's system by its public keys."""

from __future__ import annotations

import json
from pathlib import Path

import click

from broker.vocabulary import AuditAction, Role


@click.group()
def clients() -> None:
    """Register partners' systems."""


@clients.command()
@click.argument("client_id")
@click.option("--organisation", required=True, help="The organisation's code.")
@click.option("--name", required=True, help="What the system is called.")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True, help="The role it asks in.")
@click.option(
    "--jwks",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of public keys (JWKS).",
)
def register(client_id: str, organisation: str, name: str, role: str, jwks: Path) -> None:
    """Register a system. It authenticates by private_key_jwt; keep the private key with the partner."""
    from broker.audit.trail import Event
    from broker.cli.opening import OPERATOR, now, opened
    from broker.errors import Conflict
    from broker.identity.actions import organisation_called
    from broker.identity.models import Client
    from broker.oauth.scopes import PARTNER_SCOPES

    keys = _public_keys(jwks.read_text(encoding="utf-8"))
    with opened() as (broker, session):
        organisation_called(session, organisation)
        if session.get(Client, client_id) is not None:
            raise Conflict("client-exists", f"There is already a client {client_id}.")
        at = now()
        scopes = " ".join(PARTNER_SCOPES)
        session.add(
            Client(
                id=client_id,
                organisation_code=organisation,
                name=name,
                role=Role(role),
                jwks=keys,
                scopes=scopes,
                registered_at=at,
            )
        )
        session.flush()
        body = {"client": client_id, "act": "registered", "scopes": scopes.split()}
        event = Event(
            action=AuditAction.ORGANISATION_CHANGED, actor=OPERATOR, organisation=organisation, resident=None, body=body
        )
        broker.trail.append(session, event, now=at)
        session.commit()
        click.echo(f"{client_id} is registered for {organisation}, with the scopes {scopes}.")


def _public_keys(text: str) -> dict[str, object]:
    """A JWKS of ES256 or PS256 public keys. Raises InvalidInput for private ones, or none."""
    from joserfc import jwk
    from joserfc.errors import JoseError

    from broker.errors import InvalidInput

    try:
        keys: dict[str, object] = json.loads(text)
        key_set = jwk.KeySet.import_key_set(keys)  # type: ignore[arg-type]
    except (ValueError, TypeError, KeyError, JoseError) as error:
        raise InvalidInput("jwks-malformed", "This is not a set of JSON Web Keys.", field="--jwks") from error
    if not key_set.keys or any(key.is_private for key in key_set.keys):
        raise InvalidInput("jwks-not-public", "Give public keys alone.", field="--jwks")
    return keys
