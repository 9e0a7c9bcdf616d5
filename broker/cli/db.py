"""``broker db``: migrate the database, and say whether it is up to date."""

from __future__ import annotations

import click

from broker.settings import Settings


@click.group()
def db() -> None:
    """Migrate and check the database."""


@db.command()
def upgrade() -> None:
    """Bring the database to the newest revision. Safe to run again."""
    settings = Settings.from_environment()
    prepare_folder(settings)
    from broker import migrations
    from broker.database import open_engine

    engine = open_engine(settings.sqlalchemy_url)
    migrations.upgrade(engine)
    click.echo(f"The database is at revision {migrations.head()}.")


@db.command()
@click.pass_context
def check(context: click.Context) -> None:
    """Exit 0 where the database is up to date, 1 where it is not."""
    from broker import migrations
    from broker.database import open_engine

    if migrations.pending(open_engine(Settings.from_environment().sqlalchemy_url)):
        click.echo("The database is not up to date; run `broker db upgrade`.")
        context.exit(1)
    click.echo(f"The database is at revision {migrations.head()}.")


def prepare_folder(settings: Settings) -> None:
    """Make the data folder and the embedded database's file, for their owner alone, even in a folder already there."""
    settings.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not settings.database_url:
        (settings.data_folder / "broker.sqlite3").touch(mode=0o600)  # what SQLite makes beside it takes its mode
