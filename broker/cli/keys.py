"""``broker keys``: the keys that the trail, the policy bundle and tokens' answers are signed with. Shows no secret."""

from __future__ import annotations

import json

import click

BUNDLE, TOKENS = "bundle", "tokens"
_of = click.option(
    "--of",
    "kind",
    type=click.Choice([BUNDLE, TOKENS]),
    default=BUNDLE,
    help="The keys of the policy bundle, or those at /oauth/jwks.",
)


@click.group()
def keys() -> None:
    """Show the broker's public keys, and change those that sign the policy bundle and tokens' answers."""


@keys.command()
def trail() -> None:
    """The key that checkpoints of the trail are signed with, as a signed-note verifier key."""
    from broker.audit.checkpoints import trail_signer
    from broker.settings import Settings

    click.echo(str(trail_signer(Settings.from_environment()).verifier))


@keys.command("renew-records")
def renew_records() -> None:
    """Lock the records of decisions with a new key from now on. The old key still opens what it locked."""
    from broker.cli.opening import OPERATOR, now, opened
    from broker.governance import recorded

    with opened() as (broker, session):
        old = recorded.renew_key(broker, session, by=OPERATOR, now=now())
    click.echo(f"Records are locked with a new key; {old} opens older ones. Start the broker again to use it.")


@keys.command("list")
@_of
def list_(kind: str) -> None:
    """The keys, oldest first, and what each is for now."""
    from broker.access.engines.signing import BundleKeys
    from broker.oauth.jwks import TokenKeys
    from broker.settings import Settings

    settings = Settings.from_environment()
    kept = TokenKeys.of(settings).keyring if kind == TOKENS else BundleKeys.of(settings).keyring
    for key in kept.every():
        click.echo(f"{key.kid}  {key.standing.value}")


@keys.command()
@_of
@click.option("--opa", is_flag=True, help="As the `keys` of an OPA server's configuration.")
@click.option("--pem", is_flag=True, help="The key that signs now, alone, as PEM.")
def public(kind: str, opa: bool, pem: bool) -> None:
    """Every public key that a signature may be by, as a JSON Web Key Set."""
    from broker.access.engines.signing import BundleKeys
    from broker.oauth.jwks import TokenKeys
    from broker.settings import Settings

    if opa and pem:
        raise click.UsageError("Ask for --opa or for --pem, not for both.")
    if kind == TOKENS:
        if opa or pem:
            raise click.UsageError("--opa and --pem are for the policy bundle's keys.")
        click.echo(json.dumps(TokenKeys.of(Settings.from_environment()).public_keys(), indent=2, sort_keys=True))
        return
    signing = BundleKeys.of(Settings.from_environment())
    if pem:
        click.echo(signing.opa_keys()[signing.keyring.signing()[0]]["key"], nl=False)
        return
    # JSON is YAML too, so this can be pasted into a configuration that is either.
    shown = {"keys": signing.opa_keys()} if opa else signing.public_keys()
    click.echo(json.dumps(shown, indent=2, sort_keys=True))


@keys.command()
@_of
def announce(kind: str) -> None:
    """Make the next key. It is accepted from now on, and signs nothing until `rotate`."""
    from broker.cli.opening import OPERATOR, now, opened
    from broker.governance import signing_keys
    from broker.oauth import jwks

    with opened() as (broker, session):
        if kind == TOKENS:
            kid = jwks.announce(broker, session, by=OPERATOR, now=now())
            click.echo(f"{kid} is announced. Wait {jwks.SECONDS} seconds, then `broker keys rotate --of tokens`.")
            return
        kid = signing_keys.announce(broker, session, by=OPERATOR, now=now())
    click.echo(f"{kid} is announced.\nGive every OPA server `broker keys public --opa`, then run `broker keys rotate`.")


@keys.command()
@_of
def rotate(kind: str) -> None:
    """Sign with the announced key from now on, and sign the revision in force again. The old key stays accepted."""
    from broker.cli.opening import OPERATOR, now, opened
    from broker.governance import signing_keys
    from broker.oauth import jwks

    with opened() as (broker, session):
        if kind == TOKENS:
            kid = jwks.rotate(broker, session, by=OPERATOR, now=now())
            click.echo(f"{kid} signs now. When nobody keeps an answer signed before, retire the old key.")
            return
        kid, revision = signing_keys.rotate(broker, session, by=OPERATOR, now=now())
    click.echo(f"{kid} signs now. " + (f"{revision} is signed with it." if revision else "Nothing is published yet."))
    click.echo("When every OPA server has followed (`broker keys list`), retire the old key: `broker keys retire`.")


@keys.command()
@_of
@click.argument("kid")
def retire(kind: str, kid: str) -> None:
    """Accept a key no more. What was signed with it can still be read and replayed, and never served again."""
    from broker.cli.opening import OPERATOR, now, opened
    from broker.governance import signing_keys
    from broker.oauth import jwks

    with opened() as (broker, session):
        if kind == TOKENS:
            jwks.retire(broker, session, kid, by=OPERATOR, now=now())
            click.echo(f"{kid} is retired, and is at /oauth/jwks no more.")
            return
        signing_keys.retire(broker, session, kid, by=OPERATOR, now=now())
    click.echo(f"{kid} is retired. Take it out of every OPA server's configuration.")
