"""A town to attack: several organisations that each have the same kinds of things, and none of which may see another's.

Everything of a kind is made alike, so that only whose it is differs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from broker.accounts import kept_forms
from broker.accounts.models import Account, KeptForm, Passkey
from broker.consent.models import AccessRequestRecord, Consent, Provision
from broker.database import Base, table_of
from broker.governance.models import DecisionRecord
from broker.grants.models import Grant
from broker.identity.models import (
    Client,
    Membership,
    Organisation,
    Person,
    Relationship,
    Resident,
    ResidentHandle,
    Source,
)
from broker.joining.models import Application
from broker.notices.models import EmergencyReview
from broker.proxies.models import Proxy, ProxyAsking
from broker.records.hosting import HostedSource
from broker.settings import Settings
from broker.vocabulary import (
    AccessLevel,
    ApplicationState,
    ConsentStatus,
    LegalBasis,
    OrganisationKind,
    ProvisionType,
    ProxyReason,
    ProxyState,
    Purpose,
    RelationshipKind,
    RequestState,
    Role,
    Section,
    Toolkit,
)
from tests import texts
from tests.doors.conftest import House, build_house
from tests.oauth.client import Partner
from tests.oauth.conftest import register
from tests.people import BEFRIENDERS, COUNCIL, FOOD_BANK, INTEGRATOR, LONG_AGO, NOON, SURGERY, ToldSource

CSRF = re.compile(r'name="csrf_token" value="([0-9a-f]+)"')
ORGANISATIONS = (SURGERY, FOOD_BANK, BEFRIENDERS, COUNCIL)
OTHER_INTEGRATOR = "XX9T08"
INTEGRATORS = (INTEGRATOR, OTHER_INTEGRATOR)
OTHER_PRACTICE = "XX9T07"
PRACTICES = (SURGERY, OTHER_PRACTICE)
RESIDENTS = ("ada", "ben")
THIRD = "cleo"  # acts for both, and both for her
NUMBERS = ("9990000042", "9990000050", "9990000069")
ASKERS = {SURGERY: Role.CLINICIAN}  # the others' are case workers
STAFF = (Role.IG_LEAD, Role.CALDICOTT_GUARDIAN, Role.PRIVACY_OFFICER, Role.ADMINISTRATOR)


class Kind(StrEnum):
    """What an id in a request can be of, and so whose it is."""

    HANDLE = "handle"
    REQUEST = "request"
    DECISION = "decision"
    EMERGENCY = "emergency"
    MEMBER = "member"
    SYSTEM = "system"
    TOKEN = "token"
    REFRESH = "refresh"
    CODE = "code"
    PUSHED = "pushed"
    BACKCHANNEL = "backchannel"
    WORKERS_GRANT = "workers-grant"
    WORKERS_KEPT = "workers-kept"
    PASSKEY = "passkey"
    APPLICATION = "application"
    OWN_REQUEST = "own-request"
    CONSENT = "consent"
    PROXY = "proxy"  # of the one who is acted for
    ACTING = "acting"  # of the one who acts
    ASKING = "asking"  # of whoever asked
    HOSTED = "hosted"  # a source that is kept here
    BATCH = "batch"
    WAITING = "waiting"  # a table that an administrator has not confirmed
    PATIENTS_PROXY = "patients-proxy"  # of the practice where the one who is acted for is registered


OF_RESIDENTS = frozenset({Kind.OWN_REQUEST, Kind.CONSENT, Kind.PROXY, Kind.ACTING, Kind.ASKING})
OF_INTEGRATORS = frozenset({Kind.APPLICATION})


def owners_of(kind: Kind) -> tuple[str, ...]:
    if kind in OF_RESIDENTS:
        return RESIDENTS
    if kind is Kind.PATIENTS_PROXY:
        return PRACTICES
    return INTEGRATORS if kind in OF_INTEGRATORS else ORGANISATIONS


@dataclass
class Town:
    """The house, everybody in it who may attack another, and what each has."""

    house: House
    systems: dict[str, Partner]
    has: dict[tuple[Kind, str], str] = field(default_factory=dict)
    browsers: dict[tuple[str, Role], FlaskClient] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def browser(self, owner: str, role: Role) -> FlaskClient:
        """Somebody of ``owner`` in ``role`` (or the resident ``owner``), signed in."""
        if (owner, role) not in self.browsers:
            self.browsers[owner, role] = self._signed_in(owner, role)
        return self.browsers[owner, role]

    def token(self, owner: str) -> str:
        """A live token of an organisation's worker, or of a resident."""
        if owner not in self.tokens:
            who = {"resident": owner} if owner in RESIDENTS else {"person": person(owner, asker(owner))}
            self.tokens[owner] = self.house.token(**who)
        return self.tokens[owner]

    def form_token(self, browser: FlaskClient) -> str:
        """What a form of this session must bring back."""
        found = CSRF.search(browser.get("/connected-systems").text) or CSRF.search(browser.get("/").text)
        assert found is not None, "no page of theirs has a form"
        return found[1]

    def _signed_in(self, owner: str, role: Role) -> FlaskClient:
        browser = self.house.app.test_client()
        key = f"resident:{owner}" if owner in RESIDENTS else f"membership:{membership(owner, role)}"
        found = CSRF.search(browser.get("/demo/sign-in").text)
        assert found is not None
        answer = browser.post("/demo/sign-in", data={"csrf_token": found[1], "who": key})
        assert answer.status_code == 303, answer.text
        return browser

    def snapshot(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row that says what somebody has or chose; not what merely happened (the trail, looks, sessions)."""
        with self.house.session() as session:
            return {
                name: sorted(tuple(map(repr, row)) for row in session.execute(select(*_said(table))))
                for name, table in Base.metadata.tables.items()
                if name in CHOICES
            }


def _said(table: Table) -> list[Any]:
    return [column for column in table.columns if column.name != "used_at"]  # that somebody came is no choice


CHOICES = frozenset(
    table_of(model).name
    for model in (
        AccessRequestRecord,
        Consent,
        Provision,
        Grant,
        Membership,
        Client,
        Application,
        Proxy,
        Passkey,
        KeptForm,
        EmergencyReview,
        ResidentHandle,
    )
)


def asker(organisation: str) -> Role:
    return ASKERS.get(organisation, Role.CASE_WORKER)


def person(organisation: str, role: Role) -> str:
    return f"{organisation}-{role.value}".lower()


def membership(organisation: str, role: Role) -> str:
    return f"m-{person(organisation, role)}"[:32]


@contextmanager
def built(folder: Path, template: Path) -> Iterator[Town]:
    """The town, in a data folder of its own. It may be asked as often as anybody likes."""
    settings = Settings(data_folder=folder / "var", demonstration=True, decision_deadline_ms=60_000)
    settings = replace(settings, lookups_per_minute=10**6, lookups_per_day=10**6)
    for house in build_house(settings, template=template):
        town = Town(house, {})
        with house.session() as session:
            _people(session)
        _agreements(house)
        for organisation in ORGANISATIONS:
            town.systems[organisation] = register(house, f"system-of-{organisation.lower()}"[:60], organisation)
        _things(town)
        yield town


def _people(session: Session) -> None:
    for number, name in enumerate((THIRD, *PRACTICES)):
        born = {"nhs_number": NUMBERS[number], "born_on": date(1970, 2, 2)}
        named = {"given_name": name.title(), "family_name": "Third", "neighbourhood_code": "TB-1"}
        session.add(Resident(id=name.lower(), **born, **named))
    for code, kind in ((OTHER_INTEGRATOR, OrganisationKind.INTEGRATOR), (OTHER_PRACTICE, OrganisationKind.GP_PRACTICE)):
        session.add(Organisation(code=code, name=f"Farbourne {kind.value}", kind=kind, joined_at=LONG_AGO))
    session.flush()
    for practice in PRACTICES:
        registered = {"kind": RelationshipKind.REGISTERED_PRACTICE, "source": "registration", "from_at": LONG_AGO}
        session.add(Relationship(resident_id=practice.lower(), organisation_code=practice, **registered))
    for organisation in (*ORGANISATIONS, *INTEGRATORS, OTHER_PRACTICE):
        roles = (asker(organisation), *STAFF) if organisation in ORGANISATIONS else STAFF
        for role in roles:
            name = person(organisation, role)
            session.add(Person(id=name, name=f"Worker {role.value}"))
            session.flush()
            works = {"organisation_code": organisation, "role": role, "started_at": LONG_AGO}
            session.add(Membership(id=membership(organisation, role), person_id=name, **works))
    session.commit()


def _agreements(house: House) -> None:
    """Each organisation may ask for housing help for the same purpose, so that no policy tells them apart."""
    parties = [texts.party(each, receives=True) for each in ORGANISATIONS]
    house.adopt(texts.advice(parties=parties, roles=["case-worker", "clinician"]))


def _things(town: Town) -> None:
    house = town.house
    for owner in ORGANISATIONS:
        with house.session() as session:
            for kind, make in MADE.items():
                town.has[kind, owner] = make(town, session, owner)
                session.commit()
        town.has[Kind.TOKEN, owner] = town.systems[owner].own_token()
        _secrets(town, owner)
    for owner in INTEGRATORS:
        with house.session() as session:
            town.has[Kind.APPLICATION, owner] = _application(session, owner)
            session.commit()
    for owner in PRACTICES:
        with house.session() as session:
            town.has[Kind.PATIENTS_PROXY, owner] = _proxy(session, owner.lower(), THIRD)
            session.commit()
    for mine in RESIDENTS:
        with house.session() as session:
            town.has[Kind.OWN_REQUEST, mine] = _request(session, FOOD_BANK, resident=mine)
            town.has[Kind.CONSENT, mine] = _consent(session, mine)
            town.has[Kind.PROXY, mine] = _proxy(session, mine, THIRD)
            town.has[Kind.ACTING, mine] = _proxy(session, THIRD, mine)
            town.has[Kind.ASKING, mine] = _asking(session, mine)
            session.commit()


def _secrets(town: Town, owner: str) -> None:
    """A code, a refresh token, a pushed request and a request to somebody absent, each waiting to be used."""
    system = town.systems[owner]
    who = person(owner, asker(owner))
    town.has[Kind.REFRESH, owner] = system.granted(who=who)["refresh_token"]
    town.has[Kind.CODE, owner] = system.code(who=who)
    town.has[Kind.PUSHED, owner] = system.pushed()
    asked = {"scope": "records.read", "login_hint": town.has[Kind.HANDLE, owner]}
    asked["authorization_details"] = system.details(town.has[Kind.HANDLE, owner])
    answer = system.post("/oauth/bc-authorize", asked)
    assert answer.status_code == 200, answer.text
    town.has[Kind.BACKCHANNEL, owner] = answer.get_json()["auth_req_id"]


def _handle(town: Town, session: Session, owner: str) -> str:
    return town.systems[owner].find()


def _request(session: Session, owner: str, *, resident: str = "ada") -> str:
    handle = session.scalars(select(ResidentHandle.handle).where(ResidentHandle.organisation_code == owner)).first()
    assert handle is not None, "somebody was looked for"
    made = AccessRequestRecord(
        resident_id=resident,
        handle=handle,
        organisation_code=owner,
        person_id=person(owner, asker(owner)),
        role=asker(owner),
        purpose=Purpose.ADVICE_DEBT,
        sections=frozenset({Section.HOUSING}),
        reason="To help with the rent.",
        binding_code="BCDFGH",
        share_until=NOON + timedelta(days=20),
        state=RequestState.PENDING,
        made_at=NOON,
        expires_at=NOON + timedelta(days=14),
    )
    session.add(made)
    session.flush()
    return made.id


def _consent(session: Session, resident: str) -> str:
    made = Consent(resident_id=resident, status=ConsentStatus.ACTIVE, given_at=NOON, given_by=f"resident:{resident}")
    made.provisions.append(
        Provision(
            type=ProvisionType.PERMIT,
            organisation_code=COUNCIL,
            purposes=frozenset({Purpose.ADVICE_DEBT}),
            sections=frozenset({Section.HOUSING, Section.MONEY}),
            labels=None,
            from_at=NOON,
            until_at=NOON + timedelta(days=30),
        )
    )
    session.add(made)
    session.flush()
    return made.id


def _asking(session: Session, resident: str) -> str:
    made = ProxyAsking(resident_id=resident, appoints=True, asked_at=NOON)
    session.add(made)
    session.flush()
    return made.id


def _proxy(session: Session, resident: str, by: str) -> str:
    made = Proxy(
        resident_id=resident,
        proxy_resident_id=by,
        legal_basis=LegalBasis.CONSENT,
        levels=frozenset(AccessLevel),
        state=ProxyState.ACTIVE,
        reason=next(iter(ProxyReason)),
        granted_by=SURGERY,
        agreed_at=NOON,
        from_at=NOON,
        until_at=NOON + timedelta(days=90),
    )
    session.add(made)
    session.flush()
    return made.id


def _application(session: Session, owner: str) -> str:
    made = Application(
        reference=f"{owner}".ljust(64, "0"),
        code=f"GB-CHC-990{1000 + INTEGRATORS.index(owner)}",
        name="Lamp Post Club",
        kind=OrganisationKind.VCFSE,
        service="Company for older people.",
        toolkit=next(iter(Toolkit)),
        toolkit_reason="It is very small.",
        toolkit_until=date(2027, 6, 30),
        contacts={},
        sponsor_code=owner,
        state=ApplicationState.APPLIED,
        applied_at=NOON,
        changed_at=NOON,
    )
    session.add(made)
    session.flush()
    return made.id


def _decision(town: Town, session: Session, owner: str) -> str:
    """A refusal that this organisation was given."""
    body = {
        "resident": town.has[Kind.HANDLE, owner],
        "purpose": Purpose.ADVICE_DEBT.value,
        "sections": [Section.HOUSING.value],
        "reason": "Arrears",
    }
    before = set(session.scalars(select(DecisionRecord.decision)))
    answer = town.house.call("POST", "/api/records/view", token=town.token(owner), json=body)
    assert answer.status_code in (200, 403), answer.text
    session.expire_all()
    (made,) = set(session.scalars(select(DecisionRecord.decision))) - before
    return str(made)


def _emergency(town: Town, session: Session, owner: str) -> str:
    made = EmergencyReview(
        decision=f"00000000-0000-4000-8000-{ORGANISATIONS.index(owner):012d}",
        organisation_code=owner,
        person_id=person(owner, asker(owner)),
        used_at=NOON,
        due_at=NOON + timedelta(days=4),
    )
    session.add(made)
    session.flush()
    return made.decision


def _member(town: Town, session: Session, owner: str) -> str:
    return membership(owner, Role.CALDICOTT_GUARDIAN)


def _grant(town: Town, session: Session, owner: str) -> str:
    who = person(owner, asker(owner))
    made = Grant(
        client_id=town.systems[owner].client_id,
        person_id=who,
        organisation_code=owner,
        role=asker(owner),
        scopes="residents.find",
        assurance=2,
        made_at=NOON,
        ends_at=NOON + timedelta(days=30),
    )
    session.add(made)
    session.flush()
    return made.id


def _kept(town: Town, session: Session, owner: str) -> str:
    key, who = town.house.broker.settings.secret("kept-forms"), f"person:{person(owner, asker(owner))}"
    made = kept_forms.keep(session, key, [("reason", "rent")], actor=who, path="/partner/find", now=NOON)
    assert made is not None
    return made


def _passkey(town: Town, session: Session, owner: str) -> str:
    who = person(owner, asker(owner))
    session.add(Account(person_id=who, sign_in_name=f"{who}@example", handle=who.encode(), made_at=NOON))
    session.flush()
    keys = [
        Passkey(
            person_id=who,
            credential_id=f"{who}-{number}",
            public_key=b"",
            sign_count=0,
            aaguid="0" * 36,
            transports=[],
            label="Phone",
            made_at=NOON,
        )
        for number in range(3)
    ]
    session.add_all(keys)
    session.flush()
    return keys[0].id


def _hosted(town: Town, session: Session, owner: str) -> str:
    made = f"kept-here-{ORGANISATIONS.index(owner):012d}"
    town.house.sources[made] = ToldSource(made, owner, {})
    registered = {"kind": "hosted", "organisation_code": owner, "configuration": {"sections": "housing"}}
    session.add(Source(id=made, label="Kept here", added_at=NOON, **registered))
    session.flush()
    return made


def _batch(town: Town, session: Session, owner: str) -> str:
    taken = _kept_here(town, session, owner).take(_TABLE, accept_good_rows=False, by="test", what="csv", now=NOON)
    return taken.batch.id


def _waiting(town: Town, session: Session, owner: str) -> str:
    administrator = f"person:{person(owner, Role.ADMINISTRATOR)}"
    return _kept_here(town, session, owner).wait(_TABLE, by=administrator, until=NOON + timedelta(minutes=20))


def _kept_here(town: Town, session: Session, owner: str) -> HostedSource:
    return town.house.broker.hosted(session.get_one(Source, town.has[Kind.HOSTED, owner]))


_TABLE = (
    b"NHS number,Date of birth,Section,Title,Date,Note,Status,Recorded by,Reference\n"
    b"9990000018,14/03/1964,Housing,Damp,,,,,A-1\n"
)

MADE: dict[Kind, Callable[[Town, Session, str], str]] = {
    Kind.HANDLE: _handle,
    Kind.REQUEST: lambda town, session, owner: _request(session, owner),
    Kind.DECISION: _decision,
    Kind.EMERGENCY: _emergency,
    Kind.MEMBER: _member,
    Kind.SYSTEM: lambda town, session, owner: town.systems[owner].client_id,
    Kind.WORKERS_GRANT: _grant,
    Kind.WORKERS_KEPT: _kept,
    Kind.PASSKEY: _passkey,
    Kind.HOSTED: _hosted,
    Kind.BATCH: _batch,
    Kind.WAITING: _waiting,
}

__all__ = ["INTEGRATORS", "ORGANISATIONS", "RESIDENTS", "Kind", "Town", "built", "owners_of"]
