"""Receive a partner's messages into a source that is kept here, each on the trail before it is acknowledged."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import click

from broker.access import hosted
from broker.access.parts import Broker
from broker.app import message_listener
from broker.cli.opening import now, opened
from broker.identity.models import Source
from broker.records.hosting import Batch
from broker.records.source import ResidentIdentity

ACTOR = "broker"


def listen_until_stopped(source_id: str, listening: Mapping[str, Any]) -> None:
    """Blocks. Raises NotFound, and InvalidInput where it cannot listen so.

    A facility may be given with the name that its sender's certificate must be for, as in ``RIVERSIDE=mllp.example``.
    """
    with opened() as (broker, session):
        source = hosted.called(session, source_id)
        session.expunge(source)
        listener = message_listener(
            broker.settings,
            source,
            {**listening, **_bound(listening["facilities"])},
            by=ACTOR,
            stated=lambda batch, person: _state(broker, source, batch, person),
            told=click.echo,
        )

        async def serve() -> None:
            async with listener:
                click.echo(f"{source_id} listens on port {listener.port}.")
                serving = asyncio.ensure_future(listener.serve())
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
                with suppress(asyncio.CancelledError):
                    await serving

        with suppress(KeyboardInterrupt):
            asyncio.run(serve())
    click.echo(f"{source_id} listens no longer.")


def _bound(facilities: Iterable[str]) -> dict[str, Any]:
    given = [each.partition("=") for each in facilities]
    return {
        "facilities": frozenset(facility for facility, _, _ in given),
        "proven_by": {facility: name for facility, bound, name in given if bound},
    }


def _state(broker: Broker, source: Source, batch: Batch, person: ResidentIdentity) -> None:
    """Say on the trail that a batch was kept, and link the person where they are enrolled."""
    at = now()
    with broker.sessions() as session:
        keeper = hosted.Keeper(source, broker.hosted(source), ACTOR, broker.trail, at)
        hosted.put_in(session, keeper, batch, [(person.nhs_number, person.born_on, None)])
