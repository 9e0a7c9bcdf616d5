"""The providers of these tests, who has an account there, and what is looked at afterwards."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from broker.federation import linking
from broker.federation.models import IdentityProvider
from broker.identity.models import SignedInSession
from broker.vocabulary import AuditAction, ProviderKind
from tests.people import ADA_NUMBER, COUNCIL, FOOD_BANK, SURGERY
from tests.web.conftest import Door

NHS, CARE, BANK, TOWN = "nhs-login", "care-identity", "harvest-shelf", "testbourne"
KINDS = {
    NHS: (ProviderKind.NHS_LOGIN, None),
    CARE: (ProviderKind.CIS2, None),
    BANK: (ProviderKind.ORGANISATION, FOOD_BANK),
    TOWN: (ProviderKind.ORGANISATION, COUNCIL),
}
ROLE = {"person_roleid": "555001", "org_code": SURGERY, "role_code": "S8000:G8000:R0260"}
ACCOUNTS: dict[str, dict[str, Any]] = {
    "ada-there": {
        "id_token": {"vot": "P9.Cp.Cd", "vtm": "https://sign-in.example/trustmark"},
        "userinfo": {"nhs_number": ADA_NUMBER, "birthdate": "1964-03-14", "identity_proofing_level": "P9"},
        "amr": [],
    },
    "gp-there": {
        "id_token": {
            "selected_roleid": "555001",
            "id_assurance_level": "3",
            "authentication_assurance_level": "2",
        },
        "userinfo": {"nhsid_useruid": "910000000001", "nhsid_nrbac_roles": [ROLE]},
        "amr": [],
    },
    "sol-there": {"id_token": {}, "userinfo": {}, "amr": ["pwd", "mfa"]},
    "stranger-there": {"id_token": {}, "userinfo": {}, "amr": ["pwd"]},
}


def tie(house: Door, provider: str, subject: str, person: str) -> None:
    with house.broker.sessions() as session:
        known = session.get_one(IdentityProvider, provider)
        by, trail = "operator:tests", house.broker.trail
        linking.link(session, known, subject, person=person, by=by, trail=trail, now=house.clock())
        session.commit()


def sessions_of(house: Door) -> list[SignedInSession]:
    with house.broker.sessions() as session:
        return list(session.scalars(select(SignedInSession).order_by(SignedInSession.started_at)))


def whys(house: Door) -> list[str]:
    return [entry.body["why"] for entry in house.trail(AuditAction.SIGN_IN_REFUSED)]
