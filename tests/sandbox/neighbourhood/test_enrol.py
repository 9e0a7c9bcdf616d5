"""Enrolment puts all of a neighbourhood into the broker's database or none of it, and says so on the trail."""

from __future__ import annotations

import json
import stat
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from joserfc import jwk, jwt
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session, sessionmaker

from adapters import check_configuration
from broker.audit.event import Event
from broker.audit.trail import Trail
from broker.consent.models import Consent, Provision
from broker.database import session_factory
from broker.errors import Conflict, TrailUnavailable
from broker.identity.models import (
    Client,
    Membership,
    Organisation,
    Person,
    Relationship,
    Resident,
    Source,
    SourceLink,
    TeamMember,
)
from broker.oauth.scopes import PARTNER_SCOPES
from broker.proxies.limits import stands
from broker.proxies.models import Proxy
from broker.settings import Settings
from broker.vocabulary import AuditAction, ConsentStatus, OrganisationKind, ProvisionType, RelationshipKind, Role
from sandbox import enrol as enrolment
from sandbox.enrol import Enrolment, enrol
from sandbox.neighbourhood import cast, named
from sandbox.neighbourhood.place import Place
from sandbox.neighbourhood.rows import resident_id

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def trail(sessions: sessionmaker[Session]) -> Trail:
    return Trail(sessions, key=b"k" * 32)


def loaded(
    sessions: sessionmaker[Session], trail: Trail, settings: Settings, *, residents: int = 500, seed: int = 1
) -> Enrolment:
    return enrol(sessions, residents=residents, seed=seed, trail=trail, settings=settings, now=NOW)


def test_everybody_is_enrolled_with_what_the_broker_keeps(
    sessions: sessionmaker[Session], trail: Trail, settings: Settings
) -> None:
    result = loaded(sessions, trail, settings)

    place = Place(1, 500)
    with sessions() as session:
        assert session.scalar(select(func.count(Resident.id))) == result.rows["resident"] == 500
        for index in (*range(24), 499):
            resident, person = session.get(Resident, resident_id(1, index)), place.person(index)
            assert resident is not None
            assert (resident.nhs_number, resident.born_on) == (person.nhs_number, person.born_on)
            assert (resident.name, resident.died_on) == (person.name, person.died_on)
            links = select(SourceLink.source_id, SourceLink.local_id).where(SourceLink.resident_id == resident.id)
            assert {row.source_id: row.local_id for row in session.execute(links)} == {
                source: place.local_id(source, index) for source in person.sources
            }


def test_one_place_of_one_resident_can_be_enrolled(
    sessions: sessionmaker[Session], trail: Trail, settings: Settings
) -> None:
    assert loaded(sessions, trail, settings, residents=1).rows["resident"] == 1


def test_the_load_is_one_entry_on_the_trail(sessions: sessionmaker[Session], trail: Trail, settings: Settings) -> None:
    loaded(sessions, trail, settings, residents=30)

    with sessions() as session:
        (entry,) = trail.entries(session)
    assert entry.action is AuditAction.NEIGHBOURHOOD_LOADED
    assert entry.body["residents"] == 30
    assert entry.resident is None


def test_either_database_takes_the_neighbourhood(each_engine: Engine, settings: Settings) -> None:
    sessions = session_factory(each_engine)

    result = loaded(sessions, Trail(sessions, key=b"k" * 32), settings, residents=60)

    with sessions() as session:
        assert session.scalar(select(func.count(Resident.id))) == result.rows["resident"] == 60


class NoTrail:
    """A trail that cannot be written."""

    def append(self, session: Session, event: Event, *, now: datetime) -> int:
        raise TrailUnavailable("the disk is full")


def test_nobody_is_enrolled_where_the_trail_cannot_be_written(
    sessions: sessionmaker[Session], settings: Settings
) -> None:
    with pytest.raises(TrailUnavailable):
        enrol(sessions, residents=30, seed=1, trail=NoTrail(), settings=settings, now=NOW)

    with sessions() as session:
        assert session.scalar(select(func.count(Resident.id))) == 0
        assert session.scalar(select(func.count(Organisation.code))) == 0


def test_a_place_is_enrolled_once(sessions: sessionmaker[Session], trail: Trail, settings: Settings) -> None:
    loaded(sessions, trail, settings, residents=30)

    with pytest.raises(Conflict, match="enrolled already"):
        loaded(sessions, trail, settings, residents=30)


def test_every_row_refers_to_rows_that_are_there(
    sessions: sessionmaker[Session], trail: Trail, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrolment, "CHUNK", 24)
    loaded(sessions, trail, settings)

    with sessions() as session:
        if session.connection().dialect.name == "sqlite":
            assert session.execute(text("PRAGMA foreign_key_check")).all() == []


def test_progress_is_told_up_to_the_last_resident(
    sessions: sessionmaker[Session], trail: Trail, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrolment, "CHUNK", 24)
    told: list[int] = []

    enrol(sessions, residents=60, seed=1, trail=trail, settings=settings, now=NOW, progress=told.append)

    assert told == [24, 48, 60]


def test_relationships_are_of_many_kinds_some_over_and_none_longer_than_its_kind_allows(
    sessions: sessionmaker[Session], trail: Trail, settings: Settings
) -> None:
    loaded(sessions, trail, settings, residents=2000)

    with sessions() as session:
        found = list(session.scalars(select(Relationship)))
    # A neighbourhood team's relationships follow from who is in it: they are never written down.
    assert {each.kind for each in found} == set(RelationshipKind) - {RelationshipKind.NEIGHBOURHOOD_TEAM}
    assert any(each.until_at is not None and each.until_at < NOW for each in found)
    for each in found:
        assert each.from_at < NOW
        if each.kind.longest is not None:
            assert each.until_at is not None
            assert each.until_at - each.from_at <= timedelta(seconds=each.kind.longest)


def test_about_a_third_of_those_a_charity_knows_permit_it_and_a_few_refuse(
    sessions: sessionmaker[Session], trail: Trail, settings: Settings
) -> None:
    loaded(sessions, trail, settings, residents=3000)

    with sessions() as session:
        charities = [o.code for o in cast.CHARITIES]
        known = session.scalar(select(func.count(Relationship.id)).where(Relationship.organisation_code.in_(charities)))
        types = Counter(session.scalars(select(Provision.type)))
        states = Counter(session.scalars(select(Consent.status)))
        unnamed = session.scalars(
            select(Provision).where(Provision.type == ProvisionType.PERMIT, Provision.organisation_code.is_(None))
        ).all()
    assert known is not None
    assert 0.2 < types[ProvisionType.PERMIT] / known < 0.4
    assert 0 < types[ProvisionType.DENY] < 90
    assert states[ConsentStatus.INACTIVE] > 0
    assert unnamed == []


def test_ada_has_given_no_permission_and_sofia_has_withdrawn_hers(
    sessions: sessionmaker[Session], trail: Trail, settings: Settings
) -> None:
    loaded(sessions, trail, settings, residents=24)

    with sessions() as session:
        assert session.scalars(select(Consent).where(Consent.resident_id == resident_id(1, named.ADA))).all() == []
        (withdrawn,) = session.scalars(select(Consent).where(Consent.resident_id == resident_id(1, named.SOFIA)))
        assert withdrawn.status is ConsentStatus.INACTIVE
        assert [provision.ended_at for provision in withdrawn.provisions] == [withdrawn.ended_at]


def test_a_mother_a_daughter_and_a_deputy_act_for_others(
    sessions: sessionmaker[Session], trail: Trail, settings: Settings
) -> None:
    loaded(sessions, trail, settings, residents=24)

    with sessions() as session:
        proxies = session.scalars(select(Proxy)).all()
        found = {(p.proxy_resident_id, p.resident_id): p.legal_basis for p in proxies}
        assert all(stands(proxy, now=NOW) for proxy in proxies)
    assert found == {
        (resident_id(1, named.ROSA), resident_id(1, named.THEO)): "parental-responsibility",
        (resident_id(1, named.FOLAKE), resident_id(1, named.SAMUEL)): "health-and-welfare-lasting-power-of-attorney",
        (resident_id(1, named.MARGARET), resident_id(1, named.OLIVER)): "court-appointed-personal-welfare-deputy",
    }


def test_every_organisation_of_a_team_has_a_part_in_it_and_so_has_each_named_person(
    sessions: sessionmaker[Session], trail: Trail, settings: Settings
) -> None:
    loaded(sessions, trail, settings, residents=1)

    with sessions() as session:
        members = list(session.scalars(select(TeamMember)))
        jobs = session.execute(select(Membership.person_id, Membership.organisation_code))
        working = {(row.person_id, row.organisation_code) for row in jobs}
        assert session.scalar(select(func.count(Person.id))) == len(working)
    parts = {(m.team_id, m.organisation_code, m.tier) for m in members if m.person_id is None}
    assert {(m.team_id, m.organisation_code, m.tier) for m in members} == parts
    assert {(m.person_id, m.organisation_code) for m in members if m.person_id} <= working


def test_every_source_is_configured_as_its_adapter_asks(
    sessions: sessionmaker[Session], trail: Trail, settings: Settings, tmp_path: Path
) -> None:
    enrol(
        sessions, residents=1, seed=1, trail=trail, settings=settings, now=NOW,
        first_port=9000, folder=tmp_path / "drop",
    )  # fmt: skip

    with sessions() as session:
        sources = {source.id: source for source in session.scalars(select(Source))}
    assert set(sources) == {source.id for source in cast.SOURCES}
    for source in sources.values():
        check_configuration(source.kind, source.configuration)
    assert sources["hilltop-gp"].configuration["base_url"] == "http://127.0.0.1:9001/fhir"
    assert sources["council-adult-care"].configuration["folder"] == str(tmp_path / "drop" / "council-adult-care")


def test_a_partner_s_private_key_is_for_its_owner_alone_and_fits_the_public_one(
    sessions: sessionmaker[Session], trail: Trail, settings: Settings
) -> None:
    result = loaded(sessions, trail, settings, residents=1)

    with sessions() as session:
        clients = list(session.scalars(select(Client)))
    assert {client.id for client in clients} == {client.id for client in cast.CLIENTS}
    assert stat.S_IMODE(result.keys.stat().st_mode) == 0o700
    for client in clients:
        path = result.keys / f"{client.id}.json"
        private = jwk.import_key(json.loads(path.read_text()))
        public = jwk.KeySet.import_key_set(client.jwks)  # type: ignore[arg-type]
        signed = jwt.encode({"alg": "ES256", "kid": private.kid}, {"sub": client.id}, private)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert jwt.decode(signed, public, algorithms=["ES256"]).claims == {"sub": client.id}
        assert '"d"' not in json.dumps(client.jwks)
        assert client.scopes.split() == list(PARTNER_SCOPES)


def test_another_enrolment_makes_other_keys(
    sessions: sessionmaker[Session], trail: Trail, settings: Settings, tmp_path: Path
) -> None:
    first = loaded(sessions, trail, settings, residents=1).keys / "lantern-system.json"
    before = first.read_text()
    enrolment._clients(first.parent, NOW)

    assert first.read_text() != before


def test_the_integrator_governs_and_has_nobody_who_reads_records(
    sessions: sessionmaker[Session], trail: Trail, settings: Settings
) -> None:
    loaded(sessions, trail, settings, residents=1)

    with sessions() as session:
        integrator = session.scalars(select(Organisation).where(Organisation.kind == OrganisationKind.INTEGRATOR)).one()
        roles = set(session.scalars(select(Membership.role).where(Membership.organisation_code == integrator.code)))
        ties = session.scalars(select(Relationship).where(Relationship.organisation_code == integrator.code)).all()
    assert roles == {Role.IG_LEAD, Role.ADMINISTRATOR}
    assert ties == []
