"""An organisation's own pages: who works here, its systems, what is missing; and nothing of anybody else's."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from broker.accounts.models import Invitation
from broker.federation.models import FederatedIdentity
from broker.identity import memberships
from broker.identity.models import Client, Membership, Person
from broker.vocabulary import AuditAction, Role
from tests.accounts.conftest import connected
from tests.people import COUNCIL, FOOD_BANK, INTEGRATOR, LONG_AGO, NOON, SURGERY
from tests.web.conftest import Door, Visitor
from tests.web.test_accounts import by_passkey

CODE = re.compile(r'broker-code--long">([A-Z0-9-]+)<')


def employ(door: Door, person: str, name: str, organisation: str, role: Role) -> str:
    """Somebody who works there; gives their membership's id."""
    with door.broker.sessions() as session:
        session.add(Person(id=person, name=name))
        session.flush()
        begun = Membership(
            person_id=person, organisation_code=organisation, role=role, started_at=LONG_AGO, used_at=NOON
        )
        session.add(begun)
        session.commit()
        return begun.id


def _system(door: Door, client_id: str, organisation: str) -> None:
    key = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "one"}
    with door.broker.sessions() as session:
        session.add(
            Client(
                id=client_id, organisation_code=organisation, name="Shelf system", role=Role.CASE_WORKER,
                jwks={"keys": [key]}, scopes="records.read", registered_at=NOON,
            )
        )  # fmt: skip
        session.commit()


def membership_of(session: Session, person: str) -> Membership:
    theirs = select(Membership).where(Membership.person_id == person, Membership.ended_at.is_(None))
    return session.scalars(theirs).one()


def _id(door: Door, person: str) -> str:
    with door.broker.sessions() as session:
        return membership_of(session, person).id


@pytest.fixture
def boss(door: Door) -> Visitor:
    """The administrator of the food bank."""
    employ(door, "boss", "Pia Lund", FOOD_BANK, Role.ADMINISTRATOR)
    return door.signed_in("boss")


def test_an_administrator_begins_at_who_works_here(boss: Visitor) -> None:
    page = boss.get("/")
    assert 'href="/organisation"' in page.text
    people = boss.get("/organisation")
    for name in ("Sol Marsh", "Lee Stone", "Ash Dunmore", "Pia Lund"):
        assert name in people.text
    assert "Dr Noor Vale" not in people.text
    assert people.text.count("<h1") == 1


def test_the_same_organisations_ig_lead_may_and_its_workers_may_not(door: Door) -> None:
    assert door.signed_in("pantry-lead").get("/organisation").status_code == 200
    for other in ("adviser", "resident:ada", "guardian"):
        assert door.signed_in(other).get("/organisation").status_code == 403


def test_the_menu_leads_only_where_they_may_go(door: Door, boss: Visitor) -> None:
    assert "Our organisation" in door.signed_in("pantry-lead").get("/governance").text
    assert "Our organisation" not in door.signed_in("guardian").get("/governance").text
    assert 'href="/organisation/systems"' in boss.get("/organisation").text


def test_an_integrators_menu_leads_to_the_applications_and_nobody_elses_does(door: Door, boss: Visitor) -> None:
    assert 'href="/organisation/applications"' in door.signed_in("overseer").get("/governance").text
    assert 'href="/organisation/applications"' not in boss.get("/organisation").text


def test_what_is_still_needed_is_said_to_the_organisation_itself(door: Door, boss: Visitor) -> None:
    page = boss.get("/organisation/readiness").text.partition("<h1")[2]
    assert "A sharing agreement in force names your organisation" in page
    assert "names it" not in page
    assert "(TB-ADVICE)</li>" in page
    assert 'href="/governance/agreements/TB-ADVICE"' not in page, "an administrator reads none"
    assert (
        'href="/governance/agreements/TB-ADVICE"' in door.signed_in("pantry-lead").get("/organisation/readiness").text
    )


def test_a_system_is_said_in_words(door: Door, boss: Visitor) -> None:
    _system(door, "shelf", FOOD_BANK)
    page = boss.get("/organisation/systems").text
    assert "Ask for sections of a record" in page
    assert "records.read" not in page
    assert page.count("Key one (OKP Ed25519)") == 1


def test_the_whole_address_goes_with_a_code(door: Door, boss: Visitor) -> None:
    assert f"{door.broker.settings.issuer}/accept-invitation<" in _invites(boss).text


# ---- inviting ------------------------------------------------------------------------------------------------------


def _invites(boss: Visitor, name: str = "Fen Ash", role: str = "case-worker") -> TestResponse:
    return boss.send("/organisation/invite", full_name=name, role=role)


def test_somebody_is_invited_and_their_code_is_shown_once(door: Door, boss: Visitor) -> None:
    answer = _invites(boss)
    assert answer.status_code == 200
    code = CODE.search(answer.text)
    assert code is not None
    assert code[1] not in boss.get("/organisation").text
    with door.broker.sessions() as session:
        [invitation] = session.scalars(select(Invitation))
        begun = membership_of(session, invitation.person_id)
        assert (begun.organisation_code, begun.role) == (FOOD_BANK, Role.CASE_WORKER)
        assert code[1].replace("-", "") not in invitation.digest
    told = str([(dict(entry.body), entry.note) for entry in door.trail()])
    assert "Fen" not in told
    assert code[1] not in told


def test_the_code_lets_them_make_an_account(door: Door, boss: Visitor) -> None:
    code = CODE.search(_invites(boss).text)
    assert code is not None
    visitor = door.visitor()
    assert visitor.send("/accept-invitation", code=code[1]).status_code == 303
    assert door.visitor().send("/accept-invitation", code=code[1]).status_code != 303, "it is used"


@pytest.mark.parametrize(
    ("name", "role"),
    [("", "case-worker"), ("Fen", ""), ("Fen", "resident"), ("Fen", "operator"), ("x" * 101, "clinician")],
)
def test_what_cannot_be_is_said_beside_its_field(door: Door, boss: Visitor, name: str, role: str) -> None:
    answer = _invites(boss, name, role)
    assert answer.status_code == 422
    assert "There is a problem" in answer.text


def test_sending_the_form_twice_adds_nobody_twice(door: Door, boss: Visitor) -> None:
    assert _invites(boss).status_code == 200
    assert _invites(boss).status_code == 422
    with door.broker.sessions() as session:
        assert len(session.scalars(select(Person).where(Person.name == "Fen Ash")).all()) == 1


def test_a_lost_code_is_replaced_and_the_old_one_is_no_good(door: Door, boss: Visitor) -> None:
    first = CODE.search(_invites(boss).text)
    with door.broker.sessions() as session:
        [invitation] = session.scalars(select(Invitation))
        id_ = membership_of(session, invitation.person_id).id
    again = boss.send(f"/organisation/people/{id_}/invite", page=f"/organisation/people/{id_}")
    second = CODE.search(again.text)
    assert first is not None
    assert second is not None
    assert door.visitor().send("/accept-invitation", code=first[1]).status_code != 303
    assert door.visitor().send("/accept-invitation", code=second[1]).status_code == 303


# ---- ending, changing, bringing back -------------------------------------------------------------------------------


def test_somebody_who_leaves_is_signed_out_at_once(door: Door, boss: Visitor, adviser: Visitor) -> None:
    assert adviser.get("/partner").status_code == 200
    path = f"/organisation/people/{_id(door, 'adviser')}"
    assert boss.send(f"{path}/end", page=path, why="Moved away.").status_code == 303
    assert adviser.get("/partner").status_code == 303
    assert "Sol Marsh" not in boss.get("/organisation").text
    assert boss.get(path).status_code == 404


def test_another_role_takes_the_place_of_the_old_one(door: Door, boss: Visitor) -> None:
    path = f"/organisation/people/{_id(door, 'adviser')}"
    assert boss.send(f"{path}/role", page=path, role="link-worker").status_code == 303
    with door.broker.sessions() as session:
        assert membership_of(session, "adviser").role is Role.LINK_WORKER
    assert boss.get(path).status_code == 404


def test_an_administrator_makes_nobody_an_officer_where_there_is_one(door: Door, boss: Visitor) -> None:
    """Its information governance lead may, and so may the operator."""
    path = f"/organisation/people/{_id(door, 'adviser')}"
    for role in ("ig-lead", "privacy-officer", "caldicott-guardian"):
        refused = _invites(boss, role=role)
        assert refused.status_code == 403
        assert "Somebody who answers for information here gives this role" in refused.text
        assert boss.send(f"{path}/role", page=path, role=role).status_code == 403
    lead = door.signed_in("pantry-lead")
    assert _invites(lead, role="privacy-officer").status_code == 200
    assert lead.send(f"{path}/role", page=path, role="ig-lead").status_code == 303


def test_nobody_changes_their_own_role_and_the_last_administrator_stays(door: Door, boss: Visitor) -> None:
    path = f"/organisation/people/{_id(door, 'boss')}"
    assert boss.send(f"{path}/role", page=path, role="ig-lead").status_code == 403
    assert boss.send(f"{path}/end", page=path).status_code == 409
    assert boss.get("/organisation").status_code == 200


def test_one_who_lapsed_is_shown_and_brought_back(door: Door, boss: Visitor) -> None:
    assert "Lapsed" not in boss.get("/organisation").text
    door.clock.forward(timedelta(days=91))
    with door.broker.sessions() as session:
        membership_of(session, "boss").used_at = NOON + timedelta(days=91)
        session.commit()
    boss.become("boss")
    assert "Lapsed" in boss.get("/organisation").text
    path = f"/organisation/people/{_id(door, 'adviser')}"
    answer = boss.send(f"{path}/reinstate", page=path)
    assert answer.status_code == 303
    assert "They cannot sign in" not in boss.get(answer.headers["Location"]).text


def test_what_gives_a_way_in_needs_a_fresh_sign_in_and_ending_does_not(door: Door, boss: Visitor) -> None:
    """Taking away is never harder than giving."""
    _system(door, "shelf", FOOD_BANK)
    path = f"/organisation/people/{_id(door, 'adviser')}"
    door.clock.forward(timedelta(minutes=6))
    for act, form in (("role", {"role": "link-worker"}), ("invite", {}), ("reinstate", {})):
        answer = boss.send(f"{path}/{act}", page=path, **form)
        assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (303, "/sign-in/again"), act
    answer = boss.send("/organisation/invite", full_name="Fen", role="case-worker")
    assert answer.headers["Location"].startswith("/sign-in/again")
    assert boss.send("/organisation/systems/shelf/stop").headers["Location"] == "/organisation/systems"
    ended = boss.send(f"{path}/end", page=path)
    assert ended.headers["Location"] == "/organisation"


# ---- our systems ---------------------------------------------------------------------------------------------------


def test_a_system_is_shown_by_its_thumbprint_and_stopped(door: Door, boss: Visitor) -> None:
    _system(door, "shelf", FOOD_BANK)
    page = boss.get("/organisation/systems").text
    assert "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" in page  # RFC 8037 appendix A.3
    assert "11qYAYKxCrfVS" not in page
    assert boss.send("/organisation/systems/shelf/stop").status_code == 303
    assert "Stopped" in boss.get("/organisation/systems").text
    with door.broker.sessions() as session:
        assert session.get_one(Client, "shelf").revoked_at == NOON
    assert [entry.actor for entry in door.trail(AuditAction.CLIENT_CHANGED)] == ["person:boss"]


def test_readiness_says_what_is_missing_and_what_to_do(boss: Visitor) -> None:
    page = boss.get("/organisation/readiness").text
    assert "Ask the operator to connect the system that holds it." in page
    assert "TB-ADVICE" in page
    assert page.count("<h1") == 1


# ---- other organisations -------------------------------------------------------------------------------------------


def _bytes(answer: TestResponse) -> tuple[int, str]:
    """What was said, but for the form's own token."""
    return answer.status_code, re.sub(r'value="[0-9a-f]{64}"', "", answer.text)


@pytest.mark.parametrize("act", ["", "/invite", "/role", "/reinstate", "/end"])
def test_somebody_elsewhere_looks_like_nobody(door: Door, boss: Visitor, act: str) -> None:
    said = set()
    for id_ in (_id(door, "gp"), _id(door, "ig-lead"), "0" * 32):
        path = f"/organisation/people/{id_}{act}"
        said.add(_bytes(boss.send(path, page="/organisation/invite", role="clinician") if act else boss.get(path)))
    assert len(said) == 1
    assert next(iter(said))[0] == 404
    with door.broker.sessions() as session:
        assert membership_of(session, "gp").organisation_code == SURGERY


def test_a_system_elsewhere_looks_like_none(door: Door, boss: Visitor) -> None:
    _system(door, "theirs", COUNCIL)
    assert "theirs" not in boss.get("/organisation/systems").text
    path = "/organisation/systems/{}/stop"
    assert _bytes(boss.get(path.format("theirs"))) == _bytes(boss.get(path.format("nobodys")))
    for client_id in ("theirs", "nobodys"):
        assert boss.send(path.format(client_id), page="/organisation/invite").status_code == 404
    with door.broker.sessions() as session:
        assert session.get_one(Client, "theirs").revoked_at is None


def test_applications_exist_for_an_integrator_alone(door: Door, boss: Visitor) -> None:
    for path in ("/organisation/applications", f"/organisation/applications/{'0' * 32}"):
        assert boss.get(path).status_code == 404
    employ(door, "second", "Lou Amery", INTEGRATOR, Role.ADMINISTRATOR)
    assert door.signed_in("second").get("/organisation/applications").status_code == 200


# ---- a membership that lapsed --------------------------------------------------------------------------------------


def test_one_who_lapsed_is_not_let_in_until_they_are_brought_back(open_door: Callable[..., Door]) -> None:
    """With the account that opened the door before: it is their work here that lapsed, not their account."""
    door = open_door(public_url="https://broker.example")
    own = by_passkey(door)
    door.clock.forward(timedelta(days=91))
    own.visitor = door.visitor()
    refused = own.passkey("/sign-in/account/passkey", page="/sign-in/account", visitor=own.visitor)
    assert refused.status_code == 403
    assert "administrator to bring you back" in refused.text
    with door.broker.sessions() as session:
        lapsed = membership_of(session, "adviser")
        memberships.reinstate(session, lapsed, by="person:boss", trail=door.broker.trail, now=door.clock())
        session.commit()
    again = door.visitor()
    own.passkey("/sign-in/account/passkey", page="/sign-in/account", visitor=again)
    assert again.get("/partner").status_code == 200


# ---- nobody becomes a colleague ------------------------------------------------------------------------------------


def test_a_colleague_who_signs_in_with_a_provider_is_not_invited(door: Door, boss: Visitor) -> None:
    page = f"/organisation/people/{_id(door, 'adviser')}"
    assert "Invite them again" in boss.get(page).text
    with door.broker.sessions() as session:
        session.add(connected("bank"))
        session.flush()
        session.add(FederatedIdentity(provider_id="bank", subject="sol", person_id="adviser", linked_at=NOON))
        session.commit()
    assert "Invite them again" not in boss.get(page).text
    assert boss.send(f"{page}/invite", page=page).status_code == 409
    with door.broker.sessions() as session:
        assert session.scalars(select(Invitation)).all() == []


def test_a_colleague_who_works_elsewhere_too_is_the_operators_to_invite(door: Door, boss: Visitor) -> None:
    page = f"/organisation/people/{_id(door, 'adviser')}"
    with door.broker.sessions() as session:
        session.add(Membership(person_id="adviser", organisation_code=SURGERY, role=Role.LINK_WORKER, started_at=NOON))
        session.commit()
    refused = boss.send(f"{page}/invite", page=page)
    assert refused.status_code == 409
    assert "work for another organisation too" in refused.text
    assert CODE.search(refused.text) is None
    lead = f"/organisation/people/{_id(door, 'food-bank-lead')}"
    assert CODE.search(boss.send(f"{lead}/invite", page=lead).text)
