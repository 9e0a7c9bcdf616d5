"""Two residents who are one person: what either refused stays refused, what was permitted ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from broker.access.merging import Merged, merge
from broker.audit.trail import Trail
from broker.consent import actions as consents
from broker.consent import asking
from broker.consent.models import Consent, LabelChoice
from broker.errors import Conflict, InvalidInput, NotFound, Refusal
from broker.federation.models import FederatedIdentity, IdentityProvider
from broker.identity import sessions as signed_in
from broker.identity.actions import find_resident, resident_behind
from broker.identity.models import FormerNumber, Relationship, Resident, SignedInSession, SourceLink
from broker.identity.sessions import Proof
from broker.identity.tracing import Finding, take_in
from broker.proxies.models import Proxy
from broker.settings import Settings
from broker.vocabulary import (
    AccessLevel,
    ConsentStatus,
    LegalBasis,
    ProviderKind,
    ProvisionType,
    ProxyReason,
    ProxyRelation,
    ProxyState,
    Purpose,
    RelationshipKind,
    Section,
    Sensitivity,
)
from tests.people import ADA_NUMBER, ADVISER, BEFRIENDERS, COUNCIL, FOOD_BANK, NOON, STRANGER_NUMBER, connect, settle

OPERATOR = "operator:command-line"
TWIN_NUMBER = "9990000042"
ORDERS = pytest.mark.parametrize(("gone", "into"), [("ada", "twin"), ("twin", "ada")])


@pytest.fixture
def trail(sessions: sessionmaker[Session]) -> Trail:
    return Trail(sessions, key=b"k" * 32)


@pytest.fixture(autouse=True)
def _everybody(session: Session) -> None:
    """Ada, and the same person enrolled again under another number."""
    settle(session)
    ada = session.get_one(Resident, "ada")
    again = {"given_name": "Ada", "family_name": "Okoro", "neighbourhood_code": "TB-1", "born_on": ada.born_on}
    session.add(Resident(id="twin", nhs_number=TWIN_NUMBER, **again))
    session.commit()


def merged(session: Session, trail: Trail, gone: str, into: str) -> Merged:
    return merge(session, gone, into, by=OPERATOR, trail=trail, now=NOON)


def withhold(session: Session, trail: Trail, resident: str, **more: Any) -> Consent:
    said = {"organisation": FOOD_BANK, "sections": frozenset({Section.MONEY}), "labels": None, **more}
    return consents.withhold(session, resident=resident, **said, by=f"resident:{resident}", trail=trail, now=NOON)


def give(session: Session, trail: Trail, resident: str) -> Consent:
    given: dict[str, Any] = {"purposes": frozenset({Purpose.ADVICE}), "sections": frozenset({Section.HOUSING})}
    until, by = NOON + timedelta(days=30), f"resident:{resident}"
    return consents.give(
        session, resident=resident, organisation=FOOD_BANK, **given, until=until, by=by, trail=trail, now=NOON
    )


def provisions(session: Session, resident: str) -> list[tuple[ProvisionType, frozenset[Section] | None]]:
    return [(p.type, p.sections) for c in consents.in_use(session, resident, now=NOON) for p in c.provisions]


@ORDERS
def test_what_the_one_who_goes_withheld_stays_withheld(session: Session, trail: Trail, gone: str, into: str) -> None:
    withhold(session, trail, gone)
    withhold(session, trail, gone, organisation=None, sections=None, labels=frozenset({Sensitivity.HIV}))
    asking.block(session, gone, BEFRIENDERS, by=f"resident:{gone}", trail=trail, now=NOON)
    session.get_one(Resident, gone).sensitive_since = NOON
    outcome = merged(session, trail, gone, into)
    assert outcome.refusals == 3
    assert provisions(session, into).count((ProvisionType.DENY, frozenset({Section.MONEY}))) == 1
    assert (ProvisionType.DENY, None) in provisions(session, into)
    assert asking.blocked(session, into) == [BEFRIENDERS]
    assert session.get_one(Resident, into).sensitive_since == NOON


@ORDERS
def test_what_the_one_who_stays_withheld_stays_withheld_too(
    session: Session, trail: Trail, gone: str, into: str
) -> None:
    withhold(session, trail, into)
    asking.block(session, into, BEFRIENDERS, by=f"resident:{into}", trail=trail, now=NOON)
    asking.block(session, gone, BEFRIENDERS, by=f"resident:{gone}", trail=trail, now=NOON)
    merged(session, trail, gone, into)
    assert provisions(session, into) == [(ProvisionType.DENY, frozenset({Section.MONEY}))]
    assert asking.blocked(session, into) == [BEFRIENDERS]


@ORDERS
def test_what_the_one_who_goes_permitted_ends_and_the_survivors_own_stays(
    session: Session, trail: Trail, gone: str, into: str
) -> None:
    ended = give(session, trail, gone)
    outcome = merged(session, trail, gone, into)
    assert outcome.permissions_ended == 1
    assert provisions(session, into) == []
    assert session.get_one(Consent, ended.id).status is ConsentStatus.INACTIVE
    assert session.scalar(select(func.count()).where(Relationship.kind == RelationshipKind.INVITED)) == 0
    give(session, trail, into)
    assert provisions(session, into) == [(ProvisionType.PERMIT, frozenset({Section.HOUSING}))]


def test_a_choice_that_permits_and_refuses_leaves_its_refusal_alone(session: Session, trail: Trail) -> None:
    mixed = give(session, trail, "twin")
    refusal = withhold(session, trail, "twin").provisions[0]
    refusal.consent = mixed
    session.commit()
    merged(session, trail, "twin", "ada")
    assert provisions(session, "ada") == [(ProvisionType.DENY, frozenset({Section.MONEY}))]


@ORDERS
def test_a_consent_they_brought_goes_on_keeping_back_what_it_refuses_and_permits_nothing(
    session: Session, trail: Trail, gone: str, into: str
) -> None:
    brought = give(session, trail, gone)
    brought.document = {"provision": {"type": "permit", "provision": [{"type": "deny"}]}}
    session.commit()
    merged(session, trail, gone, into)
    (kept,) = session.scalars(select(Consent).where(Consent.resident_id == into))
    assert (kept.status, kept.document) == (ConsentStatus.ACTIVE, brought.document)
    assert (kept.provisions, kept.given_by) == ([], f"resident:{into}")


@ORDERS
def test_links_relationships_and_handles_lead_to_the_survivor(
    session: Session, trail: Trail, settings: Settings, gone: str, into: str
) -> None:
    def find(number: str) -> str:
        asked = {"asker": ADVISER, "nhs_number": number, "born_on": session.get_one(Resident, "ada").born_on}
        return find_resident(session, **asked, trail=trail, settings=settings, now=NOON)

    connect(session, "surgery", COUNCIL, know=("ada", "twin"))
    connect(session, "council", COUNCIL, know=(gone,))
    by_old_number = find(ADA_NUMBER), find(TWIN_NUMBER)
    merged(session, trail, gone, into)
    assert {resident_behind(session, h, organisation=FOOD_BANK) for h in by_old_number} == {into}
    names = find(ADA_NUMBER), find(TWIN_NUMBER)
    assert names[0] == names[1], "an organisation has one name for somebody"
    assert resident_behind(session, names[0], organisation=FOOD_BANK) == into
    links = session.execute(select(SourceLink.source_id, SourceLink.resident_id).order_by(SourceLink.source_id))
    assert [tuple(row) for row in links] == [("council", into), ("surgery", into)]
    registered = select(Relationship.resident_id).where(Relationship.kind == RelationshipKind.REGISTERED_PRACTICE)
    assert list(session.scalars(registered)) == [into]
    assert session.get_one(Resident, gone).merged_into_id == into


@ORDERS
def test_numbers_meet_in_the_survivor_and_tracing_still_settles_which_is_in_use(
    session: Session, trail: Trail, gone: str, into: str
) -> None:
    numbers = {"ada": ADA_NUMBER, "twin": TWIN_NUMBER}
    merged(session, trail, gone, into)
    assert session.get_one(Resident, gone).nhs_number is None
    assert session.get_one(Resident, into).nhs_number == numbers[into]
    assert session.get_one(FormerNumber, numbers[gone]).resident_id == into
    finding = Finding(numbers[gone], sensitive=False, died_on=None, by="pds")
    take_in(session, session.get_one(Resident, into), finding, actor=OPERATOR, trail=trail, now=NOON)
    assert session.get_one(Resident, into).nhs_number == numbers[gone]
    assert session.get_one(FormerNumber, numbers[into]).resident_id == into


@ORDERS
@pytest.mark.parametrize("side", ["resident_id", "proxy_resident_id"])
def test_a_proxy_paused_quietly_stays_paused_and_every_other_ends(
    session: Session, trail: Trail, gone: str, into: str, side: str
) -> None:
    for resident, state, quiet in ((gone, ProxyState.SUSPENDED, NOON), (into, ProxyState.ACTIVE, None)):
        other = "proxy_resident_id" if side == "resident_id" else "resident_id"
        session.add(proxy(f"of-{resident}", state, quiet_at=quiet, **{side: resident, other: "ben"}))
    session.commit()
    merged(session, trail, gone, into)
    kept, dropped = session.get_one(Proxy, f"of-{into}"), session.get_one(Proxy, f"of-{gone}")
    assert (kept.state, kept.quiet) == (ProxyState.SUSPENDED, True)
    assert dropped.state is ProxyState.INACTIVE


def test_a_paused_proxy_moves_and_an_active_one_ends(session: Session, trail: Trail) -> None:
    session.add(proxy("paused", ProxyState.SUSPENDED, resident_id="twin", proxy_resident_id="ben", quiet_at=NOON))
    session.add(proxy("active", ProxyState.ACTIVE, resident_id="ben", proxy_resident_id="twin"))
    session.commit()
    merged(session, trail, "twin", "ada")
    paused, active = session.get_one(Proxy, "paused"), session.get_one(Proxy, "active")
    assert (paused.resident_id, paused.state, paused.quiet) == ("ada", ProxyState.SUSPENDED, True)
    assert active.state is ProxyState.INACTIVE


def proxy(id: str, state: ProxyState, **more: Any) -> Proxy:
    return Proxy(
        id=id,
        state=state,
        relation=ProxyRelation.FAMILY,
        legal_basis=LegalBasis.DEPUTY,
        levels=frozenset(AccessLevel),
        reason=ProxyReason.ROLE_ACTIVATED,
        granted_by=COUNCIL,
        from_at=NOON - timedelta(days=9),
        **more,
    )


@ORDERS
def test_what_was_called_sensitive_stays_so_over_what_the_other_said(
    session: Session, trail: Trail, gone: str, into: str
) -> None:
    for resident, entry, applies in ((gone, "a", True), (into, "a", False), (gone, "b", False)):
        said = {"entry": entry, "sensitivity": Sensitivity.HIV, "applies": applies, "made_by": "resident:x"}
        session.add(LabelChoice(resident_id=resident, made_at=NOON, **said))
    session.commit()
    merged(session, trail, gone, into)
    stands = session.scalars(select(LabelChoice).where(LabelChoice.ended_at.is_(None)))
    assert [(c.resident_id, c.entry, c.applies) for c in stands] == [(into, "a", True)]


@ORDERS
def test_nobody_stays_signed_in_as_the_one_who_goes(session: Session, trail: Trail, gone: str, into: str) -> None:
    for resident in (gone, into):
        proof = Proof("nhs-login", 3)
        who = session.get_one(Resident, resident)
        signed_in.begin_for_resident(session, who, proof=proof, trail=trail, now=NOON)
    where = {"authorization_endpoint": "https://x.example/a", "token_endpoint": "https://x.example/t", "jwks": {}}
    known = {"id": "nhs-login", "kind": ProviderKind.NHS_LOGIN, "label": "x", "issuer": "https://x.example"}
    pinned = {"client_id": "c", "scopes": "openid", "algorithms": ["RS512"], "client_algorithm": "RS512"}
    provider = IdentityProvider(**known, **pinned, **where, added_at=NOON)
    session.add(provider)
    session.flush()
    session.add(FederatedIdentity(provider_id="nhs-login", subject="s", resident_id=gone, linked_at=NOON))
    session.commit()
    merged(session, trail, gone, into)
    still = session.scalars(select(SignedInSession.resident_id).where(SignedInSession.ended_at.is_(None)))
    assert list(still) == [into]
    assert session.scalar(select(func.count(FederatedIdentity.id))) == 0, "matched anew when they next sign in"


@ORDERS
def test_no_choice_can_be_kept_for_the_one_who_went(session: Session, trail: Trail, gone: str, into: str) -> None:
    merged(session, trail, gone, into)
    for choose in (give, withhold):
        with pytest.raises(Conflict) as caught:
            choose(session, trail, gone)
        assert caught.value.code == "identity-merged"
        session.rollback()
        choose(session, trail, into)


@pytest.mark.parametrize(
    ("gone", "into", "refusal", "code"),
    [
        ("ada", "ada", InvalidInput, "identity-same"),
        ("ada", "nobody", NotFound, "resident-unknown"),
        ("nobody", "ada", NotFound, "resident-unknown"),
        ("ada", "ben", Conflict, "identity-differs"),
        ("ben", "ada", Conflict, "identity-differs"),
    ],
)
def test_two_who_may_not_be_one_are_refused_and_nothing_is_changed(
    session: Session, trail: Trail, gone: str, into: str, refusal: type[Refusal], code: str
) -> None:
    withhold(session, trail, "ada")
    with pytest.raises(refusal) as caught:
        merged(session, trail, gone, into)
    assert caught.value.code == code
    session.rollback()
    assert session.get_one(Resident, "ada").merged_into_id is None
    assert len(provisions(session, "ada")) == 1


def test_one_who_is_merged_is_merged_once_and_a_chain_ends_at_the_last(session: Session, trail: Trail) -> None:
    ada = session.get_one(Resident, "ada")
    third = {"given_name": "A", "family_name": "Okoro", "neighbourhood_code": "TB-1", "born_on": ada.born_on}
    session.add(Resident(id="third", nhs_number=STRANGER_NUMBER, **third))
    session.commit()
    merged(session, trail, "twin", "ada")
    for pair in (("twin", "third"), ("third", "twin")):
        with pytest.raises(Conflict) as caught:
            merged(session, trail, *pair)
        assert caught.value.code == "identity-merged"
    merged(session, trail, "ada", "third")
    assert session.get_one(Resident, "twin").merged_into_id == "third"
    formers = session.scalars(select(FormerNumber.nhs_number).where(FormerNumber.resident_id == "third"))
    assert set(formers) == {ADA_NUMBER, TWIN_NUMBER}
