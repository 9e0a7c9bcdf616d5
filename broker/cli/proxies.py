"""``broker proxies``: who may act for whom, as the practice that decides it sees it; and what the clock has done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from broker.vocabulary import AccessLevel, OrganisationKind, ProxyReason, ProxyState

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from broker.proxies.deciding import Verifier
    from broker.proxies.models import Proxy

REASONS = click.Choice([why.value for why in ProxyReason])


@click.group()
def proxies() -> None:
    """Decide who may act for a practice's patients, and stop it."""


@proxies.command("list")
@click.option("--practice", required=True, help="The practice's ODS code.")
@click.option("--all", "everything", is_flag=True, help="What has ended or was turned down as well.")
def list_(practice: str, everything: bool) -> None:
    """Show who may act for a practice's patients, and who asks to. Names nobody."""
    from broker.cli.opening import now, opened
    from broker.errors import InvalidInput
    from broker.identity.actions import organisation_called
    from broker.proxies.deciding import at_practice
    from broker.proxies.states import OPEN

    with opened() as (_, session):
        if organisation_called(session, practice).kind is not OrganisationKind.GP_PRACTICE:
            raise InvalidInput("not-a-practice", f"{practice} is not a GP practice.", field="--practice")
        listed = at_practice(session, practice, states=tuple(ProxyState) if everything else OPEN, now=now())
        for proxy in listed:
            click.echo(_line(proxy))
        if not listed:
            click.echo("Nobody's.")


@proxies.command()
@click.argument("proxy_id")
def show(proxy_id: str) -> None:
    """Show one, with everything that happened to it."""
    from broker.cli.opening import opened

    with opened() as (_, session):
        proxy = _called(session, proxy_id)
        click.echo(_line(proxy))
        click.echo(f"resident {proxy.resident_id}, acting {proxy.proxy_resident_id}, {proxy.relation.value}")
        click.echo(f"may: {', '.join(sorted(proxy.levels)) or 'nothing'}")
        for change in proxy.changes:
            quietly = " (quietly)" if change.quiet else ""
            click.echo(f"{change.at:%Y-%m-%d %H:%M} {change.state.value} {change.reason.value} {change.by}{quietly}")


@proxies.command()
@click.argument("proxy_id")
@click.option("--yes/--no", "agree", required=True, help="Whether they may act.")
@click.option("--reason", type=REASONS, default=None, help="Why not.")
@click.option("--words", default="", help="What shows it, or the reason in words.")
@click.option("--level", "levels", multiple=True, type=click.Choice([level.value for level in AccessLevel]))
def decide(proxy_id: str, agree: bool, reason: str | None, words: str, levels: tuple[str, ...]) -> None:
    """Decide an application, for the practice. Without --level, all that was asked for."""
    from broker.cli.opening import now, opened
    from broker.proxies import deciding

    with opened() as (broker, session):
        proxy, at = _called(session, proxy_id), now()
        deciding.decide(
            session,
            proxy,
            verifier=_operator(session, proxy, at),
            agree=agree,
            reason=ProxyReason(reason) if reason else None,
            words=words,
            levels=frozenset(map(AccessLevel, levels)) or None,
            trail=broker.trail,
            now=at,
        )
        click.echo(_line(proxy))


@proxies.command()
@click.argument("proxy_id")
@click.option("--reason", type=REASONS, default=ProxyReason.ROLE_SUSPENDED.value, show_default=True)
@click.option("--words", default="", help="The reason in words.")
@click.option("--quietly", is_flag=True, help="Tell nobody, and show it on no page of theirs.")
def suspend(proxy_id: str, reason: str, words: str, quietly: bool) -> None:
    """Pause it at once, until somebody has looked."""
    _close("suspend", proxy_id, reason, words, quiet=quietly)


@proxies.command()
@click.argument("proxy_id")
@click.option("--reason", type=REASONS, required=True)
@click.option("--words", default="", help="The reason in words.")
@click.option("--quietly", is_flag=True, help="Tell nobody, and show it on no page of theirs.")
def end(proxy_id: str, reason: str, words: str, quietly: bool) -> None:
    """End it at once, for good."""
    _close("end", proxy_id, reason, words, quiet=quietly)


@proxies.command()
def due() -> None:
    """Do what the clock calls for: ends, reviews at birthdays, warnings. Run it daily; twice does no harm."""
    from broker.cli.opening import now, opened
    from broker.proxies.clock import due as do

    with opened() as (broker, session):
        done = do(session, trail=broker.trail, now=now())
    for each in done:
        click.echo(f"{each.proxy} {each.what}")
    click.echo(f"{len(done)} done.")


def _close(act: str, proxy_id: str, reason: str, words: str, *, quiet: bool) -> None:
    from broker.cli.opening import now, opened
    from broker.proxies import deciding

    with opened() as (broker, session):
        proxy, at = _called(session, proxy_id), now()
        close = deciding.suspend if act == "suspend" else deciding.end
        close(
            session,
            proxy,
            verifier=_operator(session, proxy, at),
            reason=ProxyReason(reason),
            words=words,
            quiet=quiet,
            trail=broker.trail,
            now=at,
        )
        click.echo(_line(proxy))


def _called(session: Session, proxy_id: str) -> Proxy:
    from broker.errors import NotFound
    from broker.proxies.models import Proxy

    found = session.get(Proxy, proxy_id)
    if found is None:
        raise NotFound("proxy-unknown", f"There is no proxy {proxy_id}.")
    return found


def _operator(session: Session, proxy: Proxy, now: datetime) -> Verifier:
    """The operator acts for the practice the resident is registered with, and for none where there is none."""
    from broker.cli.opening import OPERATOR
    from broker.errors import Conflict
    from broker.proxies.deciding import Verifier, practices_of
    from broker.vocabulary import Role

    practices = practices_of(session, proxy.resident_id, now=now)
    if not practices:
        raise Conflict("no-practice", "The resident is registered with no practice, so nobody can decide.")
    return Verifier(by=OPERATOR, organisation=practices[0], role=Role.OPERATOR)


def _line(proxy: Proxy) -> str:
    until = f"{proxy.until_at:%Y-%m-%d}" if proxy.until_at else "no-end"
    quietly = " quiet" if proxy.quiet else ""
    return f"{proxy.id} {proxy.state.value} {proxy.legal_basis.value} {until}{quietly}"
