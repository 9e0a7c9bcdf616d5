"""An application: what it must say, who vouches, who admits, and that nobody brings in their own."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from broker.audit.trail import Trail
from broker.errors import Conflict, InvalidInput, NotFound, NotPermitted, TooMany
from broker.identity.models import Membership, Organisation, Person
from broker.joining import actions, limits
from broker.joining.actions import Named
from broker.joining.models import TRANSITIONS, Application
from broker.vocabulary import ApplicationState, Contact, OrganisationKind, Role, Toolkit
from tests.joining.conftest import SAID, SECOND, SHED, STRANGER, VOUCHER, Apply
from tests.people import COUNCIL, FOOD_BANK, INTEGRATOR, LONG_AGO, NOON

GIVEN = {"by": "person:partnership-lead", "why": "We know them well.", "now": NOON}


def _vouched(applies: Apply, session: Session, trail: Trail) -> Application:
    application, _ = applies()
    actions.vouch(session, application, officer=VOUCHER, trail=trail, **GIVEN)  # type: ignore[arg-type]
    session.commit()
    return application


def test_an_organisation_applies_and_asks_where_it_stands_by_its_reference(applies: Apply, settled: Session) -> None:
    application, reference = applies()
    assert application.state is ApplicationState.APPLIED
    assert actions.behind(settled, reference) is application
    assert actions.behind(settled, reference.lower().replace("-", " ")) is application


@pytest.mark.parametrize("typed", ["", "ABCDE-ABCDE-ABCDE-ABCDE-ABCDE", "é", "A" * 5000])
def test_another_reference_finds_nothing(applies: Apply, settled: Session, typed: str) -> None:
    applies()
    with pytest.raises(NotFound):
        actions.behind(settled, typed)


def test_the_reference_is_kept_as_a_digest_alone(applies: Apply, settled: Session) -> None:
    application, reference = applies()
    assert reference not in str(vars(application))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"code": "GB-CHC-12"}, "code"),
        ({"code": "GB-COH-1234567"}, "code"),
        ({"code": "not a code!"}, "code"),
        ({"kind": OrganisationKind.ACUTE_TRUST}, "kind"),
        ({"code": "XX9T77", "kind": OrganisationKind.PHARMACY, "ods_role": "RO197"}, "ods_role"),
        ({"code": "XX9T77", "kind": OrganisationKind.PHARMACY, "ods_role": "RO999"}, "ods_role"),
        ({"ods_role": "RO157"}, "ods_role"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"service": "line\nbreak"}, "service"),
        ({"toolkit_until": None}, "toolkit_until"),
        ({"toolkit_until": date(2026, 6, 30)}, "toolkit_until"),
        ({"toolkit_until": date(2036, 6, 30)}, "toolkit_until"),
        ({"toolkit": Toolkit.EXEMPT, "toolkit_until": None}, "toolkit_reason"),
        (
            {
                "code": "XX9T77",
                "kind": OrganisationKind.PHARMACY,
                "toolkit": Toolkit.EXEMPT,
                "toolkit_reason": "We are small.",
            },
            "toolkit",
        ),
        ({"sponsor": COUNCIL}, "sponsor"),
        ({"sponsor": ""}, "sponsor"),
    ],
)
def test_what_cannot_be_true_is_refused_beside_its_field(applies: Apply, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        applies(**changes)
    assert refused.value.field == field


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "gb-chc-9900078 "},
        {"code": "GB-COH-09900077"},
        {"code": "XX9T77", "kind": OrganisationKind.PHARMACY, "ods_role": "RO182"},
        {"toolkit": Toolkit.EXEMPT, "toolkit_reason": "Two volunteers, no records of our own.", "toolkit_until": None},
        {"toolkit": Toolkit.NOT_MET, "toolkit_until": None},
        {"toolkit": Toolkit.APPROACHING},
    ],
)
def test_what_can_be_true_is_taken(applies: Apply, changes: dict[str, Any]) -> None:
    assert applies(**changes)[0].state is ApplicationState.APPLIED


@pytest.mark.parametrize("kind", Contact)
@pytest.mark.parametrize("wrong", [None, Named("", "a@b.example"), Named("Al", "nobody"), Named("Al", "a@b.example\n")])
def test_each_contact_needs_a_name_and_an_email(applies: Apply, kind: Contact, wrong: Named | None) -> None:
    contacts = {each: named for each, named in SAID.contacts.items() if each is not kind}
    if wrong is not None:
        contacts[kind] = wrong
    with pytest.raises(InvalidInput) as refused:
        applies(contacts=contacts)
    assert (refused.value.field or "").startswith(kind.value)


def test_one_that_takes_part_does_not_apply(applies: Apply) -> None:
    with pytest.raises(Conflict):
        applies(code=FOOD_BANK)


def test_one_that_nobody_vouches_for_runs_out_and_bars_nobody(applies: Apply, settled: Session, trail: Trail) -> None:
    made = [applies()[0] for _ in range(limits.MOST_OPEN)]
    almost, over = NOON + limits.LASTS - timedelta(seconds=1), NOON + limits.LASTS
    assert actions.run_out(settled, trail=trail, now=almost) == 0
    with pytest.raises(TooMany):
        applies(at=almost)
    with pytest.raises(Conflict, match="application-too-old"):
        actions.vouch(settled, made[0], officer=VOUCHER, trail=trail, **{**GIVEN, "now": over})  # type: ignore[arg-type]
    settled.rollback()
    applies(at=over)
    assert actions.run_out(settled, trail=trail, now=over) == limits.MOST_OPEN
    assert {(each.state, str(each.contacts)) for each in made} == {(ApplicationState.LAPSED, "{}")}


def test_one_that_was_vouched_for_does_not_run_out(applies: Apply, settled: Session, trail: Trail) -> None:
    application = _vouched(applies, settled, trail)
    assert actions.run_out(settled, trail=trail, now=NOON + 2 * limits.LASTS) == 0
    assert application.state is ApplicationState.VOUCHED


def test_a_form_that_is_sent_again_and_again_is_stopped(applies: Apply) -> None:
    for _ in range(limits.MOST_OPEN):
        applies()
    with pytest.raises(TooMany):
        applies()


# ---- vouching ------------------------------------------------------------------------------------------------------


def test_the_sponsors_ig_lead_vouches_with_a_reason(applies: Apply, settled: Session, trail: Trail) -> None:
    application = _vouched(applies, settled, trail)
    assert (application.state, application.vouched_by) == (ApplicationState.VOUCHED, "partnership-lead")
    assert [step.why for step in application.steps if step.state is ApplicationState.VOUCHED] == ["We know them well."]


@pytest.mark.parametrize(
    ("officer", "kind"),
    [(STRANGER, NotFound), (SECOND, NotPermitted), (replace(VOUCHER, role=Role.PRIVACY_OFFICER), NotPermitted)],
)
def test_nobody_else_vouches(applies: Apply, settled: Session, trail: Trail, officer: Any, kind: type) -> None:
    application, _ = applies()
    with pytest.raises(kind):
        actions.vouch(settled, application, officer=officer, trail=trail, **GIVEN)  # type: ignore[arg-type]


def test_vouching_needs_a_reason(applies: Apply, settled: Session, trail: Trail) -> None:
    application, _ = applies()
    with pytest.raises(InvalidInput):
        actions.vouch(settled, application, officer=VOUCHER, by="person:x", why="  ", trail=trail, now=NOON)


def test_nobody_vouches_for_their_own_organisation(applies: Apply, settled: Session, trail: Trail) -> None:
    """Whoever works, or ever worked, for the applicant; and whoever it names as one of its own."""
    application, _ = applies()
    settled.add(Organisation(code=SHED, name="x", kind=OrganisationKind.VCFSE, joined_at=LONG_AGO, left_at=LONG_AGO))
    settled.flush()
    settled.add(
        Membership(
            person_id=VOUCHER.person, organisation_code=SHED, role=Role.IG_LEAD, started_at=LONG_AGO, ended_at=NOON
        )
    )
    settled.commit()
    with pytest.raises(NotPermitted) as refused:
        actions.vouch(settled, application, officer=VOUCHER, trail=trail, **GIVEN)  # type: ignore[arg-type]
    assert refused.value.code == "vouch-for-oneself"


def test_one_whom_the_applicant_names_does_not_vouch_for_it(applies: Apply, settled: Session, trail: Trail) -> None:
    contacts = {**SAID.contacts, Contact.IG_LEAD: Named("beth  CORRAN", "beth@mending.example")}
    application, _ = applies(contacts=contacts)
    with pytest.raises(NotPermitted):
        actions.vouch(settled, application, officer=VOUCHER, trail=trail, **GIVEN)  # type: ignore[arg-type]


# ---- admitting -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("officer", [SECOND, None], ids=["a second person", "the operator"])
def test_a_vouched_for_organisation_is_admitted(
    applies: Apply, settled: Session, trail: Trail, officer: actions.Officer | None
) -> None:
    application = _vouched(applies, settled, trail)
    admitted = actions.admit(settled, application, officer=officer, trail=trail, **GIVEN)  # type: ignore[arg-type]
    settled.commit()
    assert settled.get_one(Organisation, SHED).active(at=NOON)
    assert admitted.administrator.role is Role.ADMINISTRATOR
    assert settled.get_one(Person, admitted.administrator.person_id).name == "Mabel Firth"


def test_whoever_vouched_does_not_admit(applies: Apply, settled: Session, trail: Trail) -> None:
    application = _vouched(applies, settled, trail)
    with pytest.raises(NotPermitted) as refused:
        actions.admit(settled, application, officer=VOUCHER, trail=trail, **GIVEN)  # type: ignore[arg-type]
    assert refused.value.code == "admit-needs-another"


def test_one_that_nobody_vouched_for_is_not_admitted(applies: Apply, settled: Session, trail: Trail) -> None:
    application, _ = applies()
    with pytest.raises(Conflict):
        actions.admit(settled, application, officer=None, trail=trail, **GIVEN)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("officer", "kind"),
    [(STRANGER, NotFound), (replace(SECOND, role=Role.CASE_WORKER), NotPermitted)],
)
def test_nobody_else_admits(applies: Apply, settled: Session, trail: Trail, officer: Any, kind: type) -> None:
    application = _vouched(applies, settled, trail)
    for act in (actions.admit, actions.refuse):
        with pytest.raises(kind):
            act(settled, application, officer=officer, trail=trail, **GIVEN)  # type: ignore[operator]


def test_it_is_admitted_once(applies: Apply, settled: Session, trail: Trail) -> None:
    application = _vouched(applies, settled, trail)
    actions.admit(settled, application, officer=SECOND, trail=trail, **GIVEN)  # type: ignore[arg-type]
    settled.commit()
    with pytest.raises(Conflict):
        actions.admit(settled, application, officer=SECOND, trail=trail, **GIVEN)  # type: ignore[arg-type]


def test_of_two_applications_with_one_number_one_is_admitted(applies: Apply, settled: Session, trail: Trail) -> None:
    first, second = _vouched(applies, settled, trail), _vouched(applies, settled, trail)
    actions.admit(settled, first, officer=SECOND, trail=trail, **GIVEN)  # type: ignore[arg-type]
    settled.commit()
    with pytest.raises(Conflict):
        actions.admit(settled, second, officer=SECOND, trail=trail, **GIVEN)  # type: ignore[arg-type]


@pytest.mark.parametrize("act", ["refuse", "withdraw"])
def test_what_is_over_keeps_nobody_to_reach_and_cannot_go_on(
    applies: Apply, settled: Session, trail: Trail, act: str
) -> None:
    application = _vouched(applies, settled, trail)
    if act == "refuse":
        actions.refuse(settled, application, officer=VOUCHER, trail=trail, **GIVEN)  # type: ignore[arg-type]
    else:
        actions.withdraw(settled, application, by="broker", why="", trail=trail, now=NOON)
    settled.commit()
    assert application.contacts == {}
    with pytest.raises(Conflict):
        actions.admit(settled, application, officer=SECOND, trail=trail, **GIVEN)  # type: ignore[arg-type]


def test_every_step_leaves_one_entry_that_names_nobody(applies: Apply, settled: Session, trail: Trail) -> None:
    application = _vouched(applies, settled, trail)
    actions.admit(settled, application, officer=SECOND, trail=trail, **GIVEN)  # type: ignore[arg-type]
    settled.commit()
    entries = trail.entries(settled, newest_first=False)
    assert [entry.body["act"] for entry in entries] == ["applied", "vouched", "admitted", "member-added"]
    told = json.dumps([[dict(entry.body), entry.note] for entry in entries])
    for named in SAID.contacts.values():
        assert named.name not in told
        assert named.email not in told


def test_no_state_leads_back(applies: Apply) -> None:
    order = list(ApplicationState)
    assert TRANSITIONS.keys() == set(order)
    assert all(order.index(to) > order.index(state) for state, after in TRANSITIONS.items() for to in after)
    assert {state for state, after in TRANSITIONS.items() if ApplicationState.ADMITTED in after} == {
        ApplicationState.VOUCHED
    }


def test_a_standing_that_ran_out_is_renewed(applies: Apply, settled: Session, trail: Trail) -> None:
    application = _vouched(applies, settled, trail)
    later = NOON + timedelta(days=365)
    given = {"by": "operator:t", "trail": trail, "now": later}
    with pytest.raises(InvalidInput):
        actions.renew_toolkit(settled, application, Toolkit.STANDARDS_MET, until=date(2027, 6, 30), **given)  # type: ignore[arg-type]
    actions.renew_toolkit(settled, application, Toolkit.STANDARDS_MET, until=date(2028, 6, 30), **given)  # type: ignore[arg-type]
    assert application.toolkit_until == date(2028, 6, 30)


def test_the_sponsor_sees_its_own_applications_alone(applies: Apply, settled: Session) -> None:
    application, _ = applies()
    assert actions.sponsored(settled, INTEGRATOR) == [application]
    assert actions.sponsored(settled, COUNCIL) == []
    with pytest.raises(NotFound) as theirs:
        actions.called(settled, application.id, sponsor=COUNCIL)
    with pytest.raises(NotFound) as nobodys:
        actions.called(settled, "no-such-id", sponsor=COUNCIL)
    assert str(theirs.value) == str(nobodys.value)
