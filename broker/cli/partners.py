"""``broker partners`` and ``broker members``: organisations that join and leave, and who works for them.

The operator may admit and refuse; vouching is typed for the sponsor's IG lead, who is named and answers for it.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from broker.vocabulary import Role, Toolkit

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from broker.joining.actions import Said
    from broker.joining.models import Application

_WHY = click.option("--why", required=True, help="The reason, kept with it.")
_ROLE = click.Choice([role.value for role in Role if role not in (Role.OPERATOR, Role.RESIDENT, Role.PROXY)])


@click.group()
def partners() -> None:
    """Let organisations join and leave, and say what they still need."""


@partners.command("list")
def list_() -> None:
    """Every application, those that wait first."""
    from sqlalchemy import select

    from broker.cli.opening import opened
    from broker.joining.models import OPEN, Application

    with opened() as (_, session):
        found = session.scalars(select(Application).order_by(Application.applied_at))
        for each in sorted(found, key=lambda each: each.state not in OPEN):
            click.echo(f"{each.id}  {each.state.value:<9}  {each.code:<16} {each.name}")


@partners.command()
@click.argument("application_id")
def show(application_id: str) -> None:
    """One application as JSON, with whom to reach and every step it took."""
    from broker.cli.opening import opened
    from broker.joining import actions

    with opened() as (_, session):
        found = actions.called(session, application_id)
        click.echo(json.dumps(_shown(found), indent=2, ensure_ascii=False))


@partners.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def apply(file: Path) -> None:
    """Apply for an organisation, with what FILE says of it as YAML or JSON. Prints the application's id.

    code, name, kind, service, sponsor, toolkit, toolkit_until, toolkit_reason, and contacts: ig-lead, primary,
    technical and safeguarding, each with a name and an email.
    """
    from broker.cli.opening import OPERATOR, now, opened
    from broker.joining import actions

    said = _said(file.read_text(encoding="utf-8"))
    with opened() as (broker, session):
        made, reference = actions.apply(session, said, by=OPERATOR, trail=broker.trail, now=now())
        session.commit()
        click.echo(made.id)
        click.echo(f"Its reference, shown this once: {reference}", err=True)


@partners.command()
@click.argument("application_id")
@click.option("--person", required=True, help="The id of the sponsor's IG lead, who vouches.")
@_WHY
def vouch(application_id: str, person: str, why: str) -> None:
    """Write down that the sponsor's IG lead vouches for an organisation."""
    from broker.cli.opening import OPERATOR, now, opened
    from broker.errors import NotFound
    from broker.identity import memberships
    from broker.joining import actions
    from broker.joining.actions import Officer

    with opened() as (broker, session):
        found = actions.called(session, application_id)
        works = memberships.of_person(session, person, settings=broker.settings, now=now())
        here = [each for each in works if each.organisation_code == found.sponsor_code]
        if not here:
            raise NotFound("member-unknown", "Nobody of that id works for the sponsor.", field="--person")
        here.sort(key=lambda each: each.role not in actions.VOUCHERS)
        officer = Officer(person, found.sponsor_code, here[0].role)
        actions.vouch(session, found, officer=officer, by=OPERATOR, why=why, trail=broker.trail, now=now())
        session.commit()
        click.echo(f"{found.name} is vouched for.")


@partners.command()
@click.argument("application_id")
@_WHY
def admit(application_id: str, why: str) -> None:
    """Let a vouched-for organisation in. Prints the code with which its administrator makes an account."""
    from broker.accounts import invitations
    from broker.cli.opening import OPERATOR, now, opened
    from broker.joining import actions

    with opened() as (broker, session):
        found = actions.called(session, application_id)
        given: dict[str, Any] = {"by": OPERATOR, "trail": broker.trail, "now": now()}
        made = actions.admit(session, found, officer=None, why=why, **given)
        first, code = made.administrator, made.organisation.code
        invitation = invitations.invite(session, first.person_id, code, **given)
        click.echo(f"{code} takes part. Its administrator is {first.person.name} ({first.person_id}).")
        click.echo(f"Their invitation, shown this once: {invitation}")


@partners.command()
@click.argument("application_id")
@_WHY
def refuse(application_id: str, why: str) -> None:
    """Say no, with a reason that the applicant is shown."""
    from broker.cli.opening import OPERATOR, now, opened
    from broker.joining import actions

    with opened() as (broker, session):
        found = actions.called(session, application_id)
        actions.refuse(session, found, officer=None, by=OPERATOR, why=why, trail=broker.trail, now=now())
        session.commit()
        click.echo(f"{found.name} is not admitted.")


@partners.command()
@click.argument("code")
@_WHY
def leave(code: str, why: str) -> None:
    """End everything of an organisation's at once: systems, tokens, sign-ins, permissions. Its history stays."""
    from broker.cli.opening import OPERATOR, now, opened
    from broker.identity.actions import organisation_called
    from broker.joining.leaving import leave as leaves

    with opened() as (broker, session):
        organisation = organisation_called(session, code)
        left = leaves(session, organisation, by=OPERATOR, why=why, trail=broker.trail, now=now())
        session.commit()
        click.echo(
            f"{organisation.name} has left: {left.systems} systems, {left.grants} grants, {left.sessions} sign-ins, "
            f"{left.members} memberships, {left.sources} sources, {left.permissions} permissions. {left.told} told."
        )


@partners.command()
@click.argument("code")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def readiness(context: click.Context, code: str, as_json: bool) -> None:
    """What an organisation still needs before it can share. Exit code 1 where something is missing."""
    from broker.cli.opening import now, opened
    from broker.identity.actions import organisation_called
    from broker.joining.readiness import readiness as checks_of
    from broker.joining.readiness import ready

    with opened() as (broker, session):
        checks = checks_of(session, organisation_called(session, code), trail=broker.trail, now=now())
    if as_json:
        shown = [{"code": c.code.value, "met": c.met, "words": c.words, "what_to_do": c.what_to_do} for c in checks]
        click.echo(json.dumps({"ready": ready(checks), "checks": shown}, indent=2))
    else:
        for check in checks:
            click.echo(f"{'met' if check.met else 'MISSING':<8} {check.code.label}. {check.words}")
            if check.what_to_do:
                click.echo(f"{'':<8} → {check.what_to_do}")
    if not ready(checks):
        context.exit(1)


@partners.command()
@click.argument("code")
@click.argument("standing", type=click.Choice([each.value for each in Toolkit]))
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The day it runs out.")
@click.option("--reason", default="", help="Why it is exempt.")
def toolkit(code: str, standing: str, until: datetime | None, reason: str) -> None:
    """Keep an organisation's newer toolkit standing."""
    from broker.cli.opening import OPERATOR, now, opened
    from broker.errors import NotFound
    from broker.joining import actions

    with opened() as (broker, session):
        found = actions.taking_part(session, code)
        if found is None:
            raise NotFound("application-unknown", f"{code} takes part by no application.")
        day = until.date() if until else None
        given: dict[str, Any] = {"by": OPERATOR, "trail": broker.trail, "now": now()}
        actions.renew_toolkit(session, found, Toolkit(standing), until=day, reason=reason, **given)
        session.commit()
    click.echo(f"{code} is kept as {standing}.")


# ---- who works for whom --------------------------------------------------------------------------------------------


@click.group()
def members() -> None:
    """Who works for an organisation: add, end, change, bring back."""


@members.command("list")
@click.argument("organisation")
def list_members(organisation: str) -> None:
    """Everybody who works there now: ids of their work and person, role, since when, last sign-in, and name."""
    from broker.cli.opening import now, opened
    from broker.identity import memberships
    from broker.identity.actions import organisation_called

    with opened() as (broker, session):
        code = organisation_called(session, organisation).code
        for each in memberships.of_organisation(session, code, now=now()):
            used = each.used_at.date().isoformat() if each.used_at else "never used"
            lapsed = "lapsed" if memberships.lapsed(each, settings=broker.settings, now=now()) else ""
            since = each.started_at.date().isoformat()
            ids = f"{each.id}  {each.person_id}"
            click.echo(f"{ids}  {each.role.value:<20} {since}  {used:<10}  {each.person.name}  {lapsed}".rstrip())


@members.command()
@click.argument("organisation")
@click.option("--name", required=True, help="Their name, as residents would know them.")
@click.option("--role", required=True, type=_ROLE, help="What they do there.")
def add(organisation: str, name: str, role: str) -> None:
    """Add somebody. Prints their membership's id and their person's; residents who asked to be told are told."""
    from broker.cli.opening import OPERATOR, now, opened
    from broker.database import new_id
    from broker.identity.actions import organisation_called
    from broker.identity.models import Person
    from broker.joining import people

    with opened() as (broker, session):
        code, person = organisation_called(session, organisation).code, Person(id=new_id(), name=name)
        given: dict[str, Any] = {"by": OPERATOR, "trail": broker.trail, "now": now()}
        begun = people.employ(session, person, organisation=code, role=Role(role), **given)
        session.commit()
        click.echo(f"{begun.id} {person.id}")


@members.command()
@click.argument("member_id")
@_WHY
def end(member_id: str, why: str) -> None:
    """End somebody's work in one role, with every sign-in and grant that hangs on it."""
    from broker.cli.opening import OPERATOR, now, opened
    from broker.joining import people

    with opened() as (broker, session):
        membership = _membership(session, member_id)
        given: dict[str, Any] = {"by": OPERATOR, "trail": broker.trail, "settings": broker.settings, "now": now()}
        people.dismiss(session, membership, why=why, **given)
        session.commit()
    click.echo("Ended.")


@members.command()
@click.argument("member_id")
@click.argument("role", type=_ROLE)
def change(member_id: str, role: str) -> None:
    """Give somebody another role in place of this one. Prints the new membership's id."""
    from broker.cli.opening import OPERATOR, now, opened
    from broker.joining import people

    with opened() as (broker, session):
        membership = _membership(session, member_id)
        given: dict[str, Any] = {"by": OPERATOR, "trail": broker.trail, "settings": broker.settings, "now": now()}
        begun = people.move(session, membership, Role(role), **given)
        session.commit()
        click.echo(begun.id)


@members.command()
@click.argument("member_id")
def reinstate(member_id: str) -> None:
    """Bring back somebody who lapsed. Prints the new membership's id."""
    from broker.cli.opening import OPERATOR, now, opened
    from broker.joining import people

    with opened() as (broker, session):
        membership = _membership(session, member_id)
        begun = people.reinstate(session, membership, by=OPERATOR, trail=broker.trail, now=now())
        session.commit()
        click.echo(begun.id)


@members.command()
@click.option("--organisation", help="Of one organisation alone.")
def due(organisation: str | None) -> None:
    """Whose work has lapsed, or will within a fortnight."""
    from broker.cli.opening import now, opened
    from broker.identity import memberships

    with opened() as (broker, session):
        listed = memberships.due(session, organisation, settings=broker.settings, now=now())
        for each, at in listed:
            click.echo(f"{at.date().isoformat()}  {each.id}  {each.organisation_code:<16} {each.role.value}")
        if not listed:
            click.echo("Nobody's.")


def _membership(session: Session, member_id: str) -> Any:
    from broker.errors import NotFound
    from broker.identity.models import Membership

    found = session.get(Membership, member_id)
    if found is None:
        raise NotFound("member-unknown", "There is nobody of that id.")
    return found


def _said(text: str) -> Said:
    """What a file says of an organisation. Raises InvalidInput, naming the field."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    from broker.errors import InvalidInput
    from broker.joining.actions import Named, Said
    from broker.vocabulary import Contact, OrganisationKind

    try:
        said = YAML(typ="safe", pure=True).load(text)
        contacts = {Contact(kind): Named(str(n["name"]), str(n["email"])) for kind, n in said["contacts"].items()}
        until = said.get("toolkit_until")
        return Said(
            code=str(said["code"]),
            name=str(said["name"]),
            kind=OrganisationKind(said["kind"]),
            service=str(said["service"]),
            sponsor=str(said["sponsor"]),
            toolkit=Toolkit(said["toolkit"]),
            toolkit_until=None if until is None else date.fromisoformat(str(until)),
            toolkit_reason=str(said.get("toolkit_reason", "")),
            ods_role=str(said.get("ods_role", "")),
            contacts=contacts,
        )
    except KeyError as error:
        raise InvalidInput("field-missing", "The file does not say it.", field=str(error.args[0])) from error
    except (YAMLError, ValueError, TypeError, AttributeError) as error:
        raise InvalidInput("application-malformed", "The file does not say what an application must.") from error


def _shown(found: Application) -> dict[str, Any]:
    return {
        "id": found.id,
        "state": found.state.value,
        "code": found.code,
        "name": found.name,
        "kind": found.kind.value,
        "service": found.service,
        "sponsor": found.sponsor_code,
        "toolkit": found.toolkit.value,
        "toolkit_until": found.toolkit_until.isoformat() if found.toolkit_until else None,
        "toolkit_reason": found.toolkit_reason,
        "contacts": found.contacts,
        "steps": [
            {"state": step.state.value, "by": step.by, "why": step.why, "at": step.at.isoformat()}
            for step in found.steps
        ],
    }
