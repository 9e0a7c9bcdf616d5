"""A logout token is believed once, soon, and only where it is one (OpenID Connect Back-Channel Logout 1.0 §2.6)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from broker.federation.logout import EVENT, SignedOut, take
from broker.federation.models import IdentityProvider
from broker.federation.signatures import NotBelieved
from tests.federation.forging import AT, provider, said, signed
from tests.people import NOON


def over(**changes: Any) -> dict[str, Any]:
    return said(**{"nonce": None, "auth_time": None, "jti": "once", "events": {EVENT: {}}, "exp": AT + 100, **changes})


@pytest.fixture
def known(session: Session) -> IdentityProvider:
    found = provider()
    session.add(found)
    session.commit()
    return found


def taken(session: Session, known: IdentityProvider, token: str) -> SignedOut:
    return take(session, known, token, now=NOON)


def test_a_logout_token_says_who_signed_out(session: Session, known: IdentityProvider) -> None:
    assert taken(session, known, signed(over(), typ="logout+jwt")) == SignedOut("their-subject", "their-session")


@pytest.mark.parametrize("left", ["sub", "sid"])
def test_one_of_subject_and_session_is_enough(session: Session, known: IdentityProvider, left: str) -> None:
    found = taken(session, known, signed(over(**{left: None}), typ="logout+jwt"))
    assert found in (SignedOut(None, "their-session"), SignedOut("their-subject", None))


def test_a_logout_token_is_taken_once(session: Session, known: IdentityProvider) -> None:
    token = signed(over(), typ="logout+jwt")
    taken(session, known, token)
    session.commit()
    with pytest.raises(NotBelieved, match="token-used"):
        taken(session, known, token)


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "n"},
        {"events": None},
        {"events": {}},
        {"events": [EVENT]},
        {"events": {EVENT: None}},
        {"events": {"http://another.example/event": {}}},
        {"jti": None},
        {"jti": ""},
        {"jti": "j" * 201},
        {"iat": None},
        {"iat": AT - 301},
        {"iat": AT + 61},
        {"exp": AT - 10},
        {"exp": "soon"},
        {"iss": "https://another.example"},
        {"aud": "another"},
        {"aud": ["the-broker", "another"]},
        {"sub": None, "sid": None},
        {"sub": 3, "sid": []},
    ],
    ids=str,
)
def test_a_logout_token_that_does_not_hold_is_refused(
    session: Session, known: IdentityProvider, changes: dict[str, Any]
) -> None:
    with pytest.raises(NotBelieved):
        taken(session, known, signed(over(**changes), typ="logout+jwt"))


@pytest.mark.parametrize("typ", [None, "JWT", "at+jwt"])
def test_an_id_token_signs_nobody_out(session: Session, known: IdentityProvider, typ: str | None) -> None:
    with pytest.raises(NotBelieved, match="token-type-wrong"):
        taken(session, known, signed(over(), typ=typ))


def test_a_logout_token_of_another_algorithm_is_refused(session: Session, known: IdentityProvider) -> None:
    with pytest.raises(NotBelieved, match="token-algorithm-wrong"):
        taken(session, known, signed(over(), typ="logout+jwt", alg="RS256"))
