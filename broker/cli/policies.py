"""``broker policies``: publish the rules in force, and write them as a bundle for an OPA server."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def policies() -> None:
    """Publish the rules in force, and write them out for OPA."""


@policies.command()
def publish() -> None:
    """Publish the rules on disk and the agreements in the database as a new revision."""
    from broker.cli.opening import OPERATOR, now, opened
    from broker.governance.publishing import publish as make_it_so

    with opened() as (broker, session):
        published = make_it_so(broker, session, by=OPERATOR, now=now())
        click.echo(f"Revision {published.revision} is published.")


@policies.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def bundle(file: Path) -> None:
    """Write the revision in force as an OPA bundle (a gzip tar)."""
    from broker.access.engines.bundle_file import bundle_file
    from broker.access.policy import published_bundle
    from broker.cli.opening import opened

    with opened() as (_, session):
        found = published_bundle(session)
        file.write_bytes(bundle_file(found))
        click.echo(f"Revision {found.revision} is in {file}. Start OPA with: opa run --server --bundle {file}")


@policies.command()
@click.argument("folder", default="policies", type=click.Path(file_okay=False, path_type=Path))
def generate(folder: Path) -> None:
    """Write the vocabulary and schemas that Rego reads, from the one vocabulary."""
    from broker.agreements.generated import write

    write(folder)
    click.echo(f"The vocabulary and schemas in {folder} are those of broker/vocabulary.py.")
