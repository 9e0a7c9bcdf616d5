"""``broker policies``: check, try, explain and publish the rules; what changed, what a draft would do, and to go back.

What is worked out is printed to be read in 100 columns, or with ``--json`` to be read by a program. Decides nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from broker.agreements.models import SharingAgreement

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Write JSON instead of words.")
_VERSION = click.option("--version", "number", type=click.IntRange(1), help="Which version; else the newest.")


@click.group()
def policies() -> None:
    """Check, try, explain, publish and compare the rules in force."""


# ---- files -----------------------------------------------------------------------------------------------------------


@policies.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@_AS_JSON
def check(paths: tuple[Path, ...], as_json: bool) -> None:
    """Say everything that is wrong with rules, conditions (conditions/ID.rego) and agreements. Changes nothing."""
    from broker.cli import policy_words as words
    from broker.cli.policy_tools import checked_by_opa, texts_of
    from broker.governance.checking import check_files

    texts = texts_of(paths)
    found = check_files(texts)
    by_opa = checked_by_opa(texts)
    if as_json:
        words.as_json({"files": len(texts), "findings": found, "opa": by_opa.said, "opa_ran": by_opa.ran})
    else:
        words.findings(found, files=len(texts))
        words.by_opa(by_opa)
    if found or by_opa.wrong:
        raise SystemExit(1)


@policies.command()
@click.argument("folder", default=None, required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@_AS_JSON
def test(folder: Path | None, as_json: bool) -> None:
    """Run the rules' own tests (…_test.rego), and say which lines of the rules they reach."""
    from broker.cli import policy_words as words
    from broker.cli.policy_tools import texts_of
    from broker.governance.ruletests import run

    report = run({path: text for path, text in texts_of((folder,) if folder else ()).items() if path.endswith(".rego")})
    if as_json:
        words.as_json({"tests": report.tests, "coverage": report.coverage, "share": report.share})
    else:
        words.tests(report)
    if report.failed or not report.tests:
        raise SystemExit(1)


@policies.command()
@click.argument("folder", default="policies", type=click.Path(file_okay=False, path_type=Path))
def generate(folder: Path) -> None:
    """Write the vocabulary and schemas that Rego reads, from the one vocabulary."""
    from broker.agreements.generated import write

    write(folder)
    click.echo(f"The vocabulary and schemas in {folder} are those of broker/vocabulary.py.")


# ---- revisions -------------------------------------------------------------------------------------------------------


@policies.command()
def publish() -> None:
    """Publish the rules on disk and the agreements in the database as a new revision."""
    from broker.cli.opening import OPERATOR, now, opened
    from broker.governance.publishing import publish as make_it_so

    with opened() as (broker, session):
        published = make_it_so(broker, session, by=OPERATOR, now=now())
        click.echo(f"Revision {published.revision} is published.")


@policies.command()
@click.argument("revision")
def rollback(revision: str) -> None:
    """Put an older revision's rules and agreements back in force, as a new revision."""
    from broker.cli.opening import OPERATOR, now, opened
    from broker.governance.publishing import rollback as put_back
    from broker.governance.revisions import called

    with opened() as (broker, session):
        older = called(session, revision).revision
        published = put_back(broker, session, to=older, by=OPERATOR, now=now())
        click.echo(f"Revision {published.revision} is published. It puts back {older}.")
        click.echo("No agreement is changed: what they say here is newer than what is in force. What was stopped since")
        click.echo("stays so. The next publication, or change to an agreement, ends this.")


@policies.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@_AS_JSON
def revisions(limit: int, as_json: bool) -> None:
    """The newest revisions, newest first; the first is in force."""
    from broker.cli import policy_words as words
    from broker.cli.opening import opened
    from broker.governance.revisions import newest

    with opened() as (_, session):
        words.revisions(newest(session, limit=limit), as_json=as_json)


@policies.command()
@click.argument("before")
@click.argument("after", required=False)
@_AS_JSON
def diff(before: str, after: str | None, as_json: bool) -> None:
    """What AFTER (else: the revision in force) has otherwise than BEFORE: agreements, rules and tables."""
    from broker.access.policy import published_bundle
    from broker.cli import policy_words as words
    from broker.cli.opening import opened
    from broker.governance.revisions import called, differences

    with opened() as (_, session):
        names = [called(session, name).revision if name else None for name in (before, after)]
        old, new = (published_bundle(session, name) for name in names)
        words.differences(differences(old, new), old.revision, new.revision, as_json=as_json)


@policies.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def bundle(file: Path) -> None:
    """Write the revision in force as a signed OPA bundle (a gzip tar)."""
    from broker.access.engines.bundle_file import bundle_file
    from broker.access.policy import published_bundle, signed_bundle
    from broker.cli.opening import opened

    with opened() as (broker, session):
        found = published_bundle(session)
        signed = signed_bundle(session, found.revision, keys=broker.signing)
        file.write_bytes(bundle_file(signed.bundle, signatures=signed.signatures))
        click.echo(f"Revision {found.revision} is in {file}.")
        click.echo("Keep what `broker keys public --pem` prints in key.pem, and start OPA with:")
        click.echo("   opa run --server --verification-key key.pem --signing-alg ES256 --scope sharing \\")
        click.echo(f"  --bundle {file}")


# ---- decisions, and drafts -------------------------------------------------------------------------------------------


@policies.command()
@click.argument("decision")
@click.option("--as", "register", type=click.Choice(["resident", "requester", "ig-lead"]), default="ig-lead")
@_AS_JSON
def explain(decision: str, register: str, as_json: bool) -> None:
    """Explain a recorded decision by the rules that made it. That it was opened is on the trail."""
    from broker.access.policy import published_bundle
    from broker.cli import policy_words as words
    from broker.cli.opening import OPERATOR, now, opened
    from broker.governance.explaining import explain as explained
    from broker.governance.recorded import decision as recorded

    with opened() as (broker, session):
        found = recorded(broker, session, decision, by=OPERATOR, now=now(), why="explaining")
        rules = published_bundle(session, found.revision or None)
        words.explanation(explained(rules, found.question, found.answer), register, as_json=as_json)


@policies.command()
@click.argument("agreement_id")
@_VERSION
@_AS_JSON
def impact(agreement_id: str, number: int | None, as_json: bool) -> None:
    """Work out who would gain and who would lose by a version of an agreement. Signed, kept, and on the trail."""
    from broker.cli import policy_words as words
    from broker.cli.opening import OPERATOR, now, opened
    from broker.governance.impact import report

    with opened() as (broker, session):
        made = report(broker, session, _version(session, agreement_id, number), by=OPERATOR, now=now())
        words.impact(made.report, made.digest, as_json=as_json)


@policies.command()
@click.option("--revision", help="Only decisions of this revision. Without it: the newest of any.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=10_000, show_default=True)
@_AS_JSON
def replay(revision: str | None, limit: int, as_json: bool) -> None:
    """Make recorded decisions again, by the rules that made them, and say whether they come out the same."""
    from broker.cli import policy_words as words
    from broker.cli.opening import OPERATOR, now, opened
    from broker.governance.fidelity import check as made_again
    from broker.governance.revisions import called

    with opened() as (broker, session):
        name = called(session, revision).revision if revision else None
        found = made_again(broker, session, by=OPERATOR, now=now(), revision=name, limit=limit)
        words.fidelity(found, as_json=as_json)
    if not found.holds:
        raise SystemExit(1)


@policies.command()
@click.option(
    "--question", "file", type=FILE, required=True, help="The question, as JSON (policies/schemas/input.json)."
)
@click.option("--agreement", "agreement_id", help="As if this agreement's newest version were in force.")
@_VERSION
@_AS_JSON
def play(file: Path, agreement_id: str | None, number: int | None, as_json: bool) -> None:
    """Put one question to the rules, within limits: the answer, why, and which lines had a part in it."""
    from broker.access.policy import published_bundle
    from broker.cli import policy_words as words
    from broker.cli.opening import now, opened
    from broker.cli.policy_tools import question_in
    from broker.governance.playground import play as played
    from broker.governance.replay import draft_bundle

    question = question_in(file)
    with opened() as (broker, session):
        if agreement_id is None:
            rules = published_bundle(session)
        else:
            rules = draft_bundle(broker, session, _version(session, agreement_id, number), now=now())
        found = played(rules, question)
    words.played(found, as_json=as_json)
    if found.problem:
        raise SystemExit(1)


def _version(session: Session, id: str, number: int | None) -> SharingAgreement:
    """The version of that number, else the newest. Raises NotFound."""
    from broker.agreements import actions

    if number is not None:
        return actions.version(session, id, number)
    found = actions.versions(session, id)
    return found[0] if found else actions.called(session, id)
