"""``broker keys``: the public half of the broker's keys. Shows no secret."""

from __future__ import annotations

import click


@click.group()
def keys() -> None:
    """Show the broker's public keys."""


@keys.command()
def trail() -> None:
    """The key that checkpoints of the trail are signed with, as a signed-note verifier key."""
    from broker.audit.checkpoints import trail_signer
    from broker.settings import Settings

    click.echo(str(trail_signer(Settings.from_environment()).verifier))
