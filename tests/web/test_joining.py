"""An organisation applies in public, and an integrator's two people bring it in."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from broker.identity.models import Membership, Organisation
from broker.joining import limits
from broker.joining.models import Application
from broker.vocabulary import Contact, Role
from tests.people import FOOD_BANK, INTEGRATOR
from tests.web.conftest import Door, Visitor
from tests.web.test_administration import CODE, employ

SHED = "GB-CHC-9900077"
REFERENCE = re.compile(r'broker-code--long">([A-Z0-9-]{29})<')
SAID = {
    "called": "The Mending Shed",
    "code": SHED,
    "kind": "vcfse",
    "service": "Repairs and company",
    "sponsor": INTEGRATOR,
    "toolkit": "standards-met",
    "toolkit_until__day": "30",
    "toolkit_until__month": "6",
    "toolkit_until__year": "2027",
    **{f"{each.value}-name": f"Mabel Firth {number}" for number, each in enumerate(Contact)},
    **{f"{each.value}-email": f"{each.value}@mending.example" for each in Contact},
}


def _applies(visitor: Visitor, **changes: str) -> TestResponse:
    return visitor.send("/join", **{**SAID, **changes})


@pytest.fixture
def applied(visitor: Visitor) -> str:
    """The reference of an application."""
    found = REFERENCE.search(_applies(visitor).text)
    assert found is not None
    return found[1]


@pytest.fixture
def second(door: Door) -> Visitor:
    """A second person of the integrator's."""
    employ(door, "second", "Lou Amery", INTEGRATOR, Role.ADMINISTRATOR)
    return door.signed_in("second")


def _path(door: Door) -> str:
    with door.broker.sessions() as session:
        return f"/organisation/applications/{session.scalars(select(Application.id)).one()}"


def _vouched(door: Door, ig_lead: Visitor) -> str:
    path = _path(door)
    assert ig_lead.send(f"{path}/vouch", page=path, why="We know them.").status_code == 303
    return path


def test_anybody_may_apply_and_ask_where_it_stands(visitor: Visitor, applied: str) -> None:
    page = visitor.send("/join/status", reference=applied.lower())
    assert "The Mending Shed" in page.text
    assert "Waiting for a sponsor" in page.text
    assert "mending.example" not in page.text


def test_another_reference_finds_nothing(visitor: Visitor, applied: str) -> None:
    page = visitor.send("/join/status", reference="ABCDE-" * 5)
    assert page.status_code == 422
    assert "Mending" not in page.text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"code": ""}, "Enter your charity"),
        ({"code": "GB-CHC-1"}, "six or seven digits"),
        ({"code": FOOD_BANK}, "takes part already"),
        ({"kind": "icb"}, "Choose what kind"),
        ({"sponsor": FOOD_BANK}, "Choose the integrator"),
        ({"toolkit_until__year": "2020"}, "runs out"),
        ({"toolkit_until__day": "31"}, "There is no such date"),
        ({"toolkit": "exempt-small-charity"}, "how you keep information safe"),
        ({"primary-email": "nobody"}, "Enter an email address"),
        ({"primary-email": ""}, "Enter the email address of your first contact."),
        ({"ig-lead-name": ""}, "Enter the name of your information governance lead."),
    ],
)
def test_what_is_missing_or_wrong_is_said_and_nothing_is_kept(
    door: Door, visitor: Visitor, changes: dict[str, str], words: str
) -> None:
    answer = _applies(visitor, **changes)
    assert answer.status_code == 422
    assert words in answer.text.replace("&#39;", "'")
    with door.broker.sessions() as session:
        assert session.scalars(select(Application)).all() == []


def test_one_part_of_the_network_waits_and_another_does_not(open_door: Callable[..., Door]) -> None:
    door = open_door(public_url="https://broker.example")

    def sends(address: str) -> int:
        visitor = door.visitor()
        visitor.client.environ_base |= {"REMOTE_ADDR": address, "wsgi.url_scheme": "https"}
        return _applies(visitor, code=FOOD_BANK).status_code

    assert {sends(f"192.0.2.{last}") for last in range(limits.MOST_FROM_ONE_PLACE)} == {422}
    assert sends("192.0.2.200") == 429
    assert sends("198.51.100.7") == 422
    door.clock.forward(timedelta(minutes=10))
    assert sends("192.0.2.200") == 422


def test_a_contact_left_empty_is_the_first_contact(door: Door, visitor: Visitor) -> None:
    others = [each.value for each in Contact if each is not Contact.PRIMARY]
    left_empty = {f"{each}-{part}": "" for each in others for part in ("name", "email")}
    assert "leave empty if the same as the first contact" in visitor.get("/join").text
    assert _applies(visitor, **left_empty).status_code == 200
    with door.broker.sessions() as session:
        contacts = session.scalars(select(Application.contacts)).one()
    assert {str(each) for each in contacts.values()} == {str(contacts["primary"])}
    assert len(contacts) == len(Contact)


def test_what_is_wrong_is_listed_in_the_order_of_the_page(visitor: Visitor) -> None:
    page = visitor.send("/join").text
    fields = re.findall(r'name="([a-z_-]+)(?:\[day\])?"', page.partition('<form method="post"')[2])
    listed = re.findall(r'<a href="#([a-z_-]+)"', page)
    assert len(listed) >= 7
    assert listed == sorted(listed, key=lambda field: fields.index(field.removesuffix("-day")))


def test_an_applicants_own_name_and_address_can_be_filled_in_for_them(visitor: Visitor) -> None:
    """WCAG 2.2, 1.3.5."""
    page = visitor.get("/join").text
    assert page.count('autocomplete="name"') == page.count('autocomplete="email"') == 1


def test_an_application_can_be_taken_back(door: Door, visitor: Visitor, applied: str) -> None:
    shown = visitor.send("/join/status", reference=applied)
    assert shown.status_code == 200
    withdrawn = visitor.send("/join/withdraw", page="/join/status", reference=applied)
    assert "Withdrawn" in withdrawn.text
    assert visitor.send("/join/withdraw", page="/join/status", reference=applied).status_code == 409
    with door.broker.sessions() as session:
        assert session.scalars(select(Application.contacts)).one() == {}


def test_two_people_bring_it_in_and_its_administrator_gets_a_code(
    door: Door, applied: str, ig_lead: Visitor, second: Visitor, visitor: Visitor
) -> None:
    assert "The Mending Shed" in ig_lead.get("/organisation/applications").text
    path = _vouched(door, ig_lead)
    assert "Admit them" not in ig_lead.get(path).text
    assert "Admit them" in second.get(path).text
    admitted = second.send(f"{path}/admit", page=path, why="Yes.")
    code = CODE.search(admitted.text)
    assert (admitted.status_code, code is not None) == (200, True)
    with door.broker.sessions() as session:
        assert session.get_one(Organisation, SHED).left_at is None
        [first] = session.scalars(select(Membership).where(Membership.organisation_code == SHED))
        assert first.role is Role.ADMINISTRATOR
    assert code is not None
    assert door.visitor().send("/accept-invitation", code=code[1]).status_code == 303
    assert "Taking part" in visitor.send("/join/status", reference=applied).text


def test_whoever_vouched_cannot_admit_by_typing_the_address(door: Door, applied: str, ig_lead: Visitor) -> None:
    path = _vouched(door, ig_lead)
    assert ig_lead.send(f"{path}/admit", page=path, why="Yes.").status_code == 403
    with door.broker.sessions() as session:
        assert session.get(Organisation, SHED) is None


def test_an_administrator_does_not_vouch(door: Door, applied: str, second: Visitor) -> None:
    path = _path(door)
    assert "Vouch for them" not in second.get(path).text
    assert second.send(f"{path}/vouch", page=path, why="Yes.").status_code == 403


def test_a_refusal_needs_a_reason_and_the_applicant_reads_it(
    door: Door, applied: str, ig_lead: Visitor, visitor: Visitor
) -> None:
    path = _path(door)
    assert ig_lead.send(f"{path}/refuse", page=path, why=" ").status_code == 422
    assert ig_lead.send(f"{path}/refuse", page=path, why="No trustee answers.").status_code == 303
    assert "No trustee answers." in visitor.send("/join/status", reference=applied).text


def test_an_application_to_another_sponsor_is_nobodys_to_see(door: Door, applied: str) -> None:
    """Byte for byte as one that never was."""
    path = _path(door)
    lead = door.signed_in("ig-lead")
    said = {(answer.status_code, answer.text) for answer in (lead.get(path), lead.get(path[:-32] + "0" * 32))}
    assert len(said) == 1
    assert next(iter(said))[0] == 404


def test_no_contact_is_on_the_trail(door: Door, applied: str, ig_lead: Visitor, second: Visitor) -> None:
    path = _vouched(door, ig_lead)
    second.send(f"{path}/admit", page=path, why="Yes.")
    told = str([(dict(entry.body), entry.note, entry.actor) for entry in door.trail()])
    assert "Mabel" not in told
    assert "mending.example" not in told
