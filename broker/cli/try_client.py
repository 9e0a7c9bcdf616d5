"""``broker clients new-key`` and ``broker clients try``: a partner's own key, and the walk that shows it all works.

Neither opens a database: both are for a partner's machine, beside its system.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from broker.vocabulary import Coded, Purpose, Section

if TYPE_CHECKING:
    from broker.cli.steps import Somebody, Step

NOT_ALL_TRIED = 4  # the exit code of a walk in which nothing went wrong, and not everything was tried
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("new-key")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--public", type=click.Path(dir_okay=False, path_type=Path), help="Where its public half goes, as a JWKS."
)
def new_key(file: Path, public: Path | None) -> None:
    """Make a private key (ES256) in FILE, readable by you alone, and its public half to be registered."""
    from joserfc import jwk

    from broker.errors import Conflict

    key = jwk.ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"})
    named = jwk.import_key({**key.as_dict(private=True), "kid": key.thumbprint()})
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            json.dump(named.as_dict(private=True), opened)
    except FileExistsError as error:
        raise Conflict("key-exists", f"{file} is there already, and is left as it is.") from error
    keys = json.dumps({"keys": [named.as_dict(private=False)]}, indent=2)
    if public is None:
        click.echo(keys)
        return
    public.write_text(keys + "\n", encoding="utf-8")
    click.echo(f"The private key is in {file}: keep it. Give {public} to the broker's operator.")
    click.echo(f"Its thumbprint is {named.thumbprint()}.")


@click.command("try")
@click.option("--broker", "base", default="http://127.0.0.1:8080", show_default=True, help="The broker's own address.")
@click.option("--client", "client_id", required=True, help="The id it is registered by.")
@click.option("--key", "key_file", required=True, type=_FILE, help="A file with its private key (JWK).")
@click.option("--redirect-uri", default="", help="An address it is registered for, to have people answer in a browser.")
@click.option("--resident", "resident_file", type=_FILE, help='A file with {"nhs_number": …, "born_on": …}.')
@click.option("--resident-demo", is_flag=True, help="In a demonstration: ask about its first resident, who says yes.")
@click.option("--purpose", default="advice-debt", show_default=True, help="What the record is asked for.")
@click.option(
    "--section",
    "sections",
    multiple=True,
    default=("housing",),
    show_default=True,
    help="A section of the record to ask for. May be given again.",
)
@click.option("--audience", default="", help="Say this audience in assertions, to see what comes of a wrong one.")
@click.option("--no-proofs", is_flag=True, help="Send no DPoP proofs, to see what comes of that.")
@click.option("--json", "as_json", is_flag=True, help="Say it as JSON.")
def try_(
    base: str, client_id: str, key_file: Path, resident_demo: bool, resident_file: Path | None, **said: Any
) -> None:
    """Walk the whole flow as a partner's FAPI 2.0 system would; say at each step what to put right.

    For systems of the profile fapi2: a SMART or NHS one asks elsewhere, and is told where. Exit code 0 where every step
    went well, 1 where one went wrong, 4 where none did and some were not tried. Nothing of it needs the broker's
    database.
    """
    from broker.cli.steps import Asked, State, Step, Wrong
    from broker.cli.walking import Walk

    base = base.rstrip("/")
    as_json = said["as_json"]
    asked = Asked(purpose=_code(Purpose, said["purpose"], "--purpose"), sections=_sections(said["sections"]))
    if not as_json:
        click.echo(f"Walking as a FAPI 2.0 system, {client_id}, at {base}.")
    try:
        somebody = _somebody_of(base) if resident_demo else _resident(resident_file)
    except Wrong as wrong:
        raise SystemExit(
            _told([Step("Find a resident", State.WRONG, wrong.words, wrong.fix)], as_json=as_json)
        ) from None
    walk = Walk(
        base=base,
        client_id=client_id,
        key=_key(key_file),
        redirect_uri=said["redirect_uri"],
        somebody=somebody,
        asked=asked,
        returned=_ask_for_address if sys.stdin.isatty() and not as_json else None,
        audience=said["audience"],
        proofs=not said["no_proofs"],
    )
    raise SystemExit(_told(walk.steps(), as_json=as_json))


def _told(steps: Any, *, as_json: bool) -> int:
    """Say each step as it is taken. Gives the exit code."""
    taken: list[Step] = []
    for step in steps:
        taken.append(step)
        if not as_json:
            _say(step)
    wrong = [step for step in taken if step.state == "wrong"]
    untried = [step.name for step in taken if step.state == "left-out"]
    if as_json:
        told = {"ok": not wrong and not untried, "not_tried": untried, "steps": [asdict(step) for step in taken]}
        click.echo(json.dumps(told, indent=2))
        return _exit_code(wrong, untried)
    click.echo(f"{len(wrong)} to put right." if wrong else "Nothing to put right.")
    if untried:
        click.echo(
            f"{len(untried)} {'step was' if len(untried) == 1 else 'steps were'} not tried: {', '.join(untried)}."
        )
    return _exit_code(wrong, untried)


def _exit_code(wrong: list[Step], untried: list[str]) -> int:
    return 1 if wrong else NOT_ALL_TRIED if untried else 0


def _say(step: Step) -> None:
    mark = {"ok": "ok", "wrong": "WRONG", "left-out": "left out"}[step.state]
    click.echo(f"{mark:<9} {step.name}: {step.words}")
    if step.fix:
        click.echo(f"{'':<9} → {step.fix}")


def _ask_for_address(address: str) -> str:
    click.echo(f"Open this as the resident:\n  {address}")
    back: str = click.prompt("The address you were sent back to")
    return back


def _somebody_of(base: str) -> Somebody:
    """The first resident of a demonstration. Raises Wrong."""
    import requests

    from broker.cli.browsing import Browser
    from broker.cli.steps import unreached

    try:
        return Browser(base).somebody()
    except requests.RequestException as error:
        raise unreached(error) from None


def _code(codes: type[Coded], typed: str, option: str) -> str:
    """What was typed, where it is a code. Raises InvalidInput that names every code."""
    from broker.errors import InvalidInput

    known = [code.value for code in codes if not getattr(code, "grouping", False)]  # a request is exact
    if typed not in known:
        what = codes.__name__.lower()
        raise InvalidInput(f"{what}-unknown", f"There is no {what} {typed}. One of: {', '.join(known)}.", field=option)
    return typed


def _sections(typed: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_code(Section, each, "--section") for each in typed)


def _key(file: Path) -> Any:
    from joserfc import jwk
    from joserfc.errors import JoseError

    from broker.errors import InvalidInput

    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        return jwk.import_key(said["keys"][0] if "keys" in said else said)
    except (JoseError, ValueError, TypeError, KeyError, IndexError) as error:
        raise InvalidInput("key-malformed", "This is not a private key as a JSON Web Key.", field="--key") from error


def _resident(file: Path | None) -> Somebody | None:
    from broker.cli.steps import Somebody
    from broker.errors import InvalidInput

    if file is None:
        return None
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        return Somebody(str(said["nhs_number"]), str(said["born_on"]))
    except (ValueError, TypeError, KeyError) as error:
        detail = 'The file holds {"nhs_number": "…", "born_on": "YYYY-MM-DD"}.'
        raise InvalidInput("resident-malformed", detail, field="--resident") from error
