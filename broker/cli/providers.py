"""``broker providers``: connect a provider that people sign in with, say what is wrong with it, and take it away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from broker.vocabulary import ProviderKind

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from broker.federation.models import IdentityProvider
    from broker.settings import Settings


@click.group()
def providers() -> None:
    """Connect the providers that people sign in with."""


@providers.command()
@click.argument("provider_id")
@click.option("--kind", type=click.Choice([kind.value for kind in ProviderKind]), required=True, help="Whose it is.")
@click.option("--issuer", required=True, help="Its name for itself: an https address, character by character.")
@click.option("--client-id", required=True, help="Its name for this broker.")
@click.option("--organisation", help="The organisation whose provider it is, where the kind is organisation.")
@click.option("--label", required=True, help="What people call it, as on the button.")
@click.option(
    "--metadata",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with its description; without one it is fetched from the issuer, once.",
)
@click.option("--also-at", multiple=True, metavar="HOST", help="Another host that its addresses may be at; repeat.")
@click.option("--id-token-alg", "algorithms", multiple=True, help="An algorithm it signs with, instead of the kind's.")
def add(
    provider_id: str,
    kind: str,
    issuer: str,
    client_id: str,
    organisation: str | None,
    label: str,
    metadata: Path | None,
    also_at: tuple[str, ...],
    algorithms: tuple[str, ...],
) -> None:
    """Connect a provider: its addresses, keys and algorithms are pinned, and a key is made towards it."""
    from broker.cli.opening import OPERATOR, now, opened
    from broker.federation import keys
    from broker.federation import providers as connected
    from broker.federation.metadata import fetch, pin
    from broker.identity.actions import organisation_called

    description = _read(metadata) if metadata else fetch(issuer)
    pinned = pin(description, kind=ProviderKind(kind), issuer=issuer, also_at=also_at, algorithms=algorithms)
    with opened() as (broker, session):
        if organisation is not None:
            organisation_called(session, organisation)
        added = connected.add(
            session,
            provider_id,
            kind=ProviderKind(kind),
            label=label,
            issuer=issuer,
            client_id=client_id,
            organisation=organisation,
            pinned=pinned,
            by=OPERATOR,
            trail=broker.trail,
            now=now(),
        )
        keys.make(broker.settings, provider_id)
        _tell(broker.settings, added)


@providers.command("list")
def list_() -> None:
    """Every provider that people can sign in with, and what was pinned of it."""
    from broker.cli.opening import now, opened
    from broker.federation.providers import offered

    with opened() as (_, session):
        for each in offered(session, now()):
            whose = each.organisation_code or "-"
            click.echo(f"{each.id:<26} {each.kind.value:<14} {whose:<16} {each.issuer}  ({each.label})")


@providers.command()
@click.argument("provider_id")
@click.option("--pem", is_flag=True, help="As PEM, instead of a JSON Web Key Set.")
def show(provider_id: str, pem: bool) -> None:
    """What to give the provider: our addresses, and the public key that our requests are signed with."""
    from broker.cli.opening import opened
    from broker.federation import keys

    with opened() as (broker, session):
        provider = _connected(session, provider_id)
        if pem:
            click.echo(keys.public_pem(broker.settings, provider_id).strip())
        else:
            _tell(broker.settings, provider)


@providers.command()
@click.argument("provider_id")
def remove(provider_id: str) -> None:
    """Stop signing anybody in with it, and end every session that it began."""
    from broker.cli.opening import OPERATOR, now, opened
    from broker.federation.providers import remove

    with opened() as (broker, session):
        ended = remove(session, _connected(session, provider_id), by=OPERATOR, trail=broker.trail, now=now())
    click.echo(f"{provider_id} signs nobody in any more. {ended} sessions ended.")


@providers.command("refresh-keys")
@click.argument("provider_id")
def refresh_keys(provider_id: str) -> None:
    """Read its public keys again from the address that was pinned. Sign-ins never do."""
    from broker.cli.opening import OPERATOR, now, opened
    from broker.errors import Conflict
    from broker.federation.metadata import keys_at
    from broker.federation.providers import change_keys

    with opened() as (broker, session):
        provider = _connected(session, provider_id)
        if provider.jwks_uri is None:
            raise Conflict("keys-not-at-an-address", "Its description named no address of keys. Add it again.")
        found = keys_at(provider.jwks_uri)
        changed = change_keys(session, provider, found, by=OPERATOR, trail=broker.trail, now=now())
    click.echo(f"{provider_id} has {len(found['keys'])} keys, {'which are new' if changed else 'as before'}.")


@providers.command("try")
@click.argument("provider_id")
@click.pass_context
def try_(context: click.Context, provider_id: str) -> None:
    """Compare what was pinned with what the provider says now, and show it our key. Exits 1 where something is off."""
    from broker.cli.opening import now, opened
    from broker.federation.trying import findings

    with opened() as (broker, session):
        provider = _connected(session, provider_id)
        found = findings(broker.settings, provider, now=now())
    for finding in found:
        click.echo(f"  {'right' if finding.right else 'WRONG'}  {finding.words}")
    if not all(finding.right for finding in found):
        context.exit(1)


@providers.command()
@click.argument("provider_id")
@click.argument("subject")
@click.argument("person_id")
def link(provider_id: str, subject: str, person_id: str) -> None:
    """Say which of our people a provider's subject is, where no code of invitation was used.

    For NHS Care Identity the subject is the user's nhsid_useruid. A resident is never linked by hand.
    """
    from broker.cli.opening import OPERATOR, now, opened
    from broker.errors import InvalidInput, NotFound
    from broker.federation import linking
    from broker.identity.models import Person

    with opened() as (broker, session):
        provider = _connected(session, provider_id)
        if provider.kind is ProviderKind.NHS_LOGIN:
            raise InvalidInput("resident-not-linked-by-hand", "Residents are matched when they sign in.")
        if session.get(Person, person_id) is None:
            raise NotFound("person-unknown", f"There is no person {person_id}.")
        linking.link(session, provider, subject, person=person_id, by=OPERATOR, trail=broker.trail, now=now())
        session.commit()
    click.echo(f"{person_id} can now sign in with {provider_id}.")


@providers.command()
@click.argument("provider_id")
@click.argument("subject")
def unlink(provider_id: str, subject: str) -> None:
    """Say that a provider's subject is nobody here any more. Ends every session of whoever it was.

    A person can then be invited, or linked, again. A resident is matched again when they sign in.
    """
    from broker.cli.opening import OPERATOR, now, opened
    from broker.errors import NotFound
    from broker.federation import linking
    from broker.federation.models import IdentityProvider
    from broker.grants import actions as grants
    from broker.identity import sessions

    with opened() as (broker, session):
        at, provider = now(), session.get(IdentityProvider, provider_id)  # also one that was taken away
        tied = linking.known(session, provider, subject) if provider else None
        if tied is None:
            raise NotFound("subject-unknown", f"{provider_id} has nobody of that name here.")
        person, resident = tied.person_id, tied.resident_id
        linking.unlink(session, tied, by=OPERATOR, trail=broker.trail, now=at)
        sessions.end_every(session, person=person, resident=resident, now=at)
        grants.end_every(
            session, person=person, resident=resident, by=OPERATOR, why="unlinked", trail=broker.trail, now=at
        )
        session.commit()
    click.echo(f"That sign-in with {provider_id} is nobody's now.")


def _connected(session: Session, provider_id: str) -> IdentityProvider:
    from broker.cli.opening import now
    from broker.federation.providers import connected

    return connected(session, provider_id, now=now())


def _read(path: Path) -> dict[str, Any]:
    from broker.errors import InvalidInput

    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidInput("metadata-malformed", "The file is not JSON.", field="--metadata") from error
    if not isinstance(found, dict):
        raise InvalidInput("metadata-malformed", "The file does not hold a description.", field="--metadata")
    return found


def _tell(settings: Settings, provider: IdentityProvider) -> None:
    from broker.federation import keys

    ours = f"{settings.issuer}/sign-in/with/{provider.id}"
    click.echo(f"{provider.id} is connected as {provider.client_id}. Give the provider:")
    click.echo(f"  redirect URI             {ours}/callback")
    click.echo(f"  back-channel logout URI  {ours}/back-channel-logout")
    click.echo(f"  client authentication    private_key_jwt, signed with {provider.client_algorithm}")
    click.echo(f"  scopes                   {provider.scopes}")
    click.echo(f"  its ID tokens signed by  {', '.join(provider.algorithms)}")
    click.echo("  our public key")
    click.echo(json.dumps(keys.public_set(settings, provider.id), indent=2))
