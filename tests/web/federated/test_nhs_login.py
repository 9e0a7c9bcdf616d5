"""A resident signs in with NHS login: proved to the high level, matched by both identifiers, and told nothing back."""

from __future__ import annotations

from datetime import date, timedelta
from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from broker.federation.models import FederatedIdentity
from broker.identity.models import Resident
from broker.vocabulary import Role
from tests.people import ADA_NUMBER, BEN_NUMBER
from tests.web.conftest import Door
from tests.web.federated.browser import OURS, Browser, Upstream, query_of
from tests.web.federated.places import ACCOUNTS, NHS, sessions_of, whys

pytestmark = pytest.mark.needs("node")


def test_a_resident_signs_in_with_nhs_login(browser: Browser, house: Door, upstream: Upstream) -> None:
    upstream.sits("ada-there")
    answer = browser.sign_in(NHS, way_back="/my/choices")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/my/choices")
    (begun,) = sessions_of(house)
    assert (begun.resident_id, begun.role, begun.assurance) == ("ada", Role.RESIDENT, 3)
    assert (begun.means, begun.upstream_subject) == (NHS, "ada-there")
    assert begun.upstream_session
    assert browser.visitor.get("/my").status_code == 200


def test_she_is_the_same_resident_the_next_time(browser: Browser, house: Door, upstream: Upstream) -> None:
    upstream.sits("ada-there")
    for _ in range(2):
        assert browser.sign_in(NHS).status_code == 303
    with house.broker.sessions() as session:
        assert [(each.subject, each.resident_id) for each in session.scalars(select(FederatedIdentity))] == [
            ("ada-there", "ada")
        ]


def test_what_is_asked_of_nhs_login_is_its_own_shape(browser: Browser) -> None:
    asked = query_of(browser.leave(NHS))
    assert asked["vtr"] == '["P9.Cp.Cd","P9.Cp.Ck","P9.Cm"]'
    assert asked["scope"] == "openid profile"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert min(len(asked["state"]), len(asked["nonce"])) >= 43
    assert asked["state"] != asked["nonce"]
    assert asked["redirect_uri"] == f"{OURS}/sign-in/with/{NHS}/callback"


def test_nothing_that_is_asked_is_asked_twice(browser: Browser) -> None:
    one, other = query_of(browser.leave(NHS)), query_of(browser.leave(NHS))
    assert all(one[name] != other[name] for name in ("state", "nonce", "code_challenge"))


@pytest.mark.parametrize("vector", ["P5.Cp.Cd", "P5.Cm", "P0.Cp"])
def test_an_identity_claimed_and_not_proved_sees_no_record(
    browser: Browser, house: Door, upstream: Upstream, vector: str
) -> None:
    upstream.says("ada-there", id_token={"vot": vector})
    upstream.sits("ada-there")
    answer = browser.sign_in(NHS)
    assert answer.status_code == 403
    assert "Prove more of who you are" in answer.text
    assert f'action="/sign-in/with/{NHS}"' in answer.text
    assert sessions_of(house) == []


@pytest.mark.parametrize("vector", ["P9.Cp", "P9.Cp.Cd.Ck", "P9", "p9.cp.cd", None])
def test_a_vector_that_was_not_asked_for_signs_nobody_in(
    browser: Browser, house: Door, upstream: Upstream, vector: str | None
) -> None:
    upstream.says("ada-there", id_token={"vot": vector} if vector else {})
    upstream.sits("ada-there")
    assert browser.sign_in(NHS).status_code == 401
    assert sessions_of(house) == []


@pytest.mark.parametrize("level", ["P5", "P0", "", None])
def test_the_level_of_proof_must_be_said_of_the_user_too(
    browser: Browser, house: Door, upstream: Upstream, level: str | None
) -> None:
    told = {**ACCOUNTS["ada-there"]["userinfo"], "identity_proofing_level": level}
    upstream.says("ada-there", userinfo=told)
    upstream.sits("ada-there")
    assert "Prove more of who you are" in browser.sign_in(NHS).text
    assert sessions_of(house) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"birthdate": "1964-03-15"},
        {"birthdate": ""},
        {"birthdate": "14/03/1964"},
        {"nhs_number": "9990000034"},
        {"nhs_number": BEN_NUMBER},
        {"nhs_number": "9990000019"},
        {"nhs_number": ""},
    ],
    ids=str,
)
def test_both_nhs_number_and_date_of_birth_must_match_and_the_refusal_is_one(
    browser: Browser, house: Door, upstream: Upstream, changes: dict[str, str]
) -> None:
    upstream.says("ada-there", userinfo={**ACCOUNTS["ada-there"]["userinfo"], **changes})
    upstream.sits("ada-there")
    answer = browser.sign_in(NHS)
    assert answer.status_code == 403
    assert "could not match you" in answer.text
    assert sessions_of(house) == []
    assert whys(house) == ["resident-not-matched"]
    assert not any(number in answer.text for number in (ADA_NUMBER, BEN_NUMBER, "9990000034"))


def test_the_nhs_number_is_matched_however_it_is_written(browser: Browser, house: Door, upstream: Upstream) -> None:
    spaced = f"{ADA_NUMBER[:3]} {ADA_NUMBER[3:6]} {ADA_NUMBER[6:]}"
    upstream.says("ada-there", userinfo={**ACCOUNTS["ada-there"]["userinfo"], "nhs_number": spaced})
    upstream.sits("ada-there")
    assert browser.sign_in(NHS).status_code == 303


def test_who_has_died_is_not_signed_in(browser: Browser, house: Door, upstream: Upstream) -> None:
    with house.broker.sessions() as session:
        session.get_one(Resident, "ada").died_on = date(2026, 1, 2)
        session.commit()
    upstream.sits("ada-there")
    assert "could not match you" in browser.sign_in(NHS).text


def test_a_subject_that_becomes_somebody_else_is_nobody(browser: Browser, house: Door, upstream: Upstream) -> None:
    upstream.sits("ada-there")
    assert browser.sign_in(NHS).status_code == 303
    with house.broker.sessions() as session:
        ben = session.get_one(Resident, "ben")
        ben.born_on = date(1990, 1, 1)
        session.commit()
    upstream.says(
        "ada-there",
        userinfo={"nhs_number": BEN_NUMBER, "birthdate": "1990-01-01", "identity_proofing_level": "P9"},
    )
    assert "could not match you" in Browser(house.visitor(), house).sign_in(NHS).text


@pytest.mark.parametrize(("years", "days", "status"), [(13, -1, 403), (13, 0, 200), (16, -1, 200), (16, 0, 303)])
def test_who_is_under_thirteen_is_not_signed_in_and_who_is_under_sixteen_is_told_what_it_means(
    browser: Browser, house: Door, upstream: Upstream, years: int, days: int, status: int
) -> None:
    today = house.clock().date()
    born = today.replace(year=today.year - years) - timedelta(days=days)
    with house.broker.sessions() as session:
        session.get_one(Resident, "ada").born_on = born
        session.commit()
    upstream.says("ada-there", userinfo={**ACCOUNTS["ada-there"]["userinfo"], "birthdate": born.isoformat()})
    upstream.sits("ada-there")
    answer = browser.sign_in(NHS)
    assert answer.status_code == status
    assert len(sessions_of(house)) == (status != 403)
    assert ("Because you are under 16" in answer.text) == (status == 200)


def test_stopping_at_the_provider_is_said_in_words(browser: Browser, house: Door, upstream: Upstream) -> None:
    answer = browser.sign_in(NHS)
    assert answer.status_code == 401
    assert "You stopped" in answer.text
    assert whys(house) == ["provider-said-access-denied"]


@pytest.mark.parametrize("error", ["sso_login_required", "login_required", "server_error", "<script>", "made_up"])
def test_each_error_of_a_provider_is_said_in_our_words(browser: Browser, upstream: Upstream, error: str) -> None:
    state = query_of(browser.leave(NHS))["state"]
    said = {"state": state, "error": error, "error_description": "<b>theirs</b>", "iss": upstream.issuer}
    answer = browser.come_back(f"{OURS}/sign-in/with/{NHS}/callback?{urlencode(said)}")
    assert answer.status_code == 401
    assert [words for words in ("theirs", "made_up", "&lt;script&gt;") if words in answer.text] == []
    assert "You could not be signed in" in answer.text


def test_nothing_that_was_told_of_a_resident_is_logged(
    browser: Browser, upstream: Upstream, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    upstream.sits("ada-there")
    browser.sign_in(NHS)
    upstream.says("ada-there", userinfo={**ACCOUNTS["ada-there"]["userinfo"], "birthdate": "1964-03-15"})
    Browser(browser.door.visitor(), browser.door).sign_in(NHS)
    written = "".join(capsys.readouterr()) + caplog.text
    assert not any(word in written for word in (ADA_NUMBER, "1964-03-1", "Okoro", "eyJ"))
