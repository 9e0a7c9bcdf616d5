"""A source that wants the broker's own signed assertion: what is sent, how often, and to whom the token is shown."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwk, jwt

from adapters import Egress, Http, build
from adapters.answering import Unanswered
from adapters.credentials import Credentials
from adapters.signed_jwt import SignedJwt
from broker.errors import InvalidInput
from broker.vocabulary import GapCause
from tests.adapters.listener import Listener, Reply, Request, as_json
from tests.conformance.rows import row

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = jwk.RSAKey.generate_key(2048)
PEM = KEY.as_pem(private=True).decode()


@dataclass
class Platform:
    """A source and its token address in one. ``given`` is what it answers for a token, in turn, the last for ever."""

    given: list[Reply] = field(
        default_factory=lambda: [as_json({"access_token": "t1", "token_type": "Bearer", "expires_in": 600})]
    )
    refuses: int = 0  # requests for a record that it answers with 401 first
    asked: list[Request] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    def __call__(self, request: Request) -> Reply:
        if request.path == "/base/token":
            self.asked.append(request)
            return self.given.pop(0) if len(self.given) > 1 else self.given[0]
        self.shown.append(request.headers.get("authorization", ""))
        if self.refuses:
            self.refuses -= 1
            return Reply(status=401)
        return as_json({"a": "record"})


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


def credentials(source: Listener, clock: Clock, *, pem: str = PEM, **changes: Any) -> Credentials:
    said = {"token_url": f"{source.url}/token", "client_id": "api-key", "key_secret": "key", "kid": "prod-1", **changes}
    return Credentials(lambda name: pem, signed=SignedJwt(**said), clock=clock)


def asking(platform: Platform, ask: Any) -> None:
    """Run ``ask(http, source)`` against the platform."""

    async def run() -> None:
        async with Listener(platform) as source:
            http = Http(egress=Egress([source.place]))
            await ask(http, source)
            await http.close()

    asyncio.run(run())


async def get(http: Http, source: Listener, known: Credentials) -> Any:
    return await http.ask(f"{source.url}/Patient", credentials=known, allowance=http.allowance())


@row("NHS-01")
def test_the_assertion_says_what_the_platform_asks_for_and_nothing_else() -> None:
    platform = Platform()

    async def ask(http: Http, source: Listener) -> None:
        await get(http, source, credentials(source, Clock(), scope="system/Patient.rs"))
        sent = dict(platform.asked[0].parameters)
        token = jwt.decode(sent["client_assertion"], KEY, algorithms=["RS512"])
        assert token.header == {"alg": "RS512", "typ": "JWT", "kid": "prod-1"}
        assert token.claims.pop("jti")
        seconds = int(NOON.timestamp())
        address = f"{source.url}/token"
        assert token.claims == {
            "iss": "api-key",
            "sub": "api-key",
            "aud": address,
            "iat": seconds,
            "exp": seconds + 300,
        }
        assert sent["grant_type"] == "client_credentials"
        assert sent["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        assert sent["scope"] == "system/Patient.rs"
        assert "authorization" not in platform.asked[0].headers

    asking(platform, ask)
    assert platform.shown == ["Bearer t1"]


@row("NHS-01")
def test_every_request_for_a_token_is_one_that_was_never_made_before() -> None:
    platform = Platform(refuses=1)

    async def ask(http: Http, source: Listener) -> None:
        known = credentials(source, Clock())
        with pytest.raises(Unanswered):
            await get(http, source, known)
        assert await get(http, source, known) == {"a": "record"}

    asking(platform, ask)
    ids = [
        jwt.decode(dict(each.parameters)["client_assertion"], KEY, algorithms=["RS512"]).claims["jti"]
        for each in platform.asked
    ]
    assert len(set(ids)) == len(ids) == 2


@row("NHS-02")
def test_a_hundred_views_at_once_ask_for_one_token() -> None:
    platform = Platform()

    async def ask(http: Http, source: Listener) -> None:
        known = credentials(source, Clock())
        assert await asyncio.gather(*(get(http, source, known) for _ in range(100))) == [{"a": "record"}] * 100

    asking(platform, ask)
    assert len(platform.asked) == 1


@row("NHS-02")
@pytest.mark.parametrize(("waited", "asked"), [(569, 1), (570, 2)])
def test_a_token_is_kept_until_half_a_minute_before_it_ends(waited: int, asked: int) -> None:
    platform = Platform()

    async def ask(http: Http, source: Listener) -> None:
        clock = Clock()
        known = credentials(source, clock)
        await get(http, source, known)
        clock.now += timedelta(seconds=waited)
        await get(http, source, known)

    asking(platform, ask)
    assert len(platform.asked) == asked


@pytest.mark.parametrize(
    "answer",
    [
        Reply(status=400),
        Reply(status=302),
        Reply(b"not json"),
        as_json([]),
        as_json({}),
        as_json({"access_token": "t", "token_type": "DPoP", "expires_in": 60}),
        as_json({"access_token": "two words", "token_type": "Bearer", "expires_in": 60}),
        as_json({"access_token": "line\nbreak", "token_type": "Bearer", "expires_in": 60}),
        as_json({"access_token": "t", "token_type": "Bearer", "expires_in": 0}),
        as_json({"access_token": "t", "token_type": "Bearer", "expires_in": True}),
        as_json({"access_token": "", "token_type": "Bearer"}),
    ],
)
def test_without_a_token_it_can_use_the_source_is_not_asked(answer: Reply) -> None:
    platform = Platform(given=[answer])

    async def ask(http: Http, source: Listener) -> None:
        with pytest.raises(Unanswered):
            await get(http, source, credentials(source, Clock()))

    asking(platform, ask)
    assert platform.shown == []


def test_a_key_that_cannot_sign_is_a_stated_gap_and_nothing_is_sent() -> None:
    platform = Platform()

    async def ask(http: Http, source: Listener) -> None:
        with pytest.raises(Unanswered) as stated:
            await get(http, source, credentials(source, Clock(), pem="no key"))
        assert stated.value.cause is GapCause.REFUSED

    asking(platform, ask)
    assert platform.asked == platform.shown == []


@row("SMART-10")
def test_a_token_is_shown_to_no_other_place_than_those_allowed() -> None:
    platform = Platform()

    async def ask(http: Http, source: Listener) -> None:
        known = credentials(source, Clock(), token_url="https://elsewhere.example/token")
        with pytest.raises(Unanswered):
            await get(http, source, known)
        with pytest.raises(Unanswered):
            await http.ask("https://elsewhere.example/Patient", credentials=known, allowance=http.allowance())

    asking(platform, ask)
    assert platform.asked == platform.shown == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"token_url": ""}, "token_url"),
        ({"token_key_id": ""}, "token_key_id"),
        ({"bearer_secret": "b"}, "bearer_secret"),
        ({"token_algorithm": "none"}, "token_algorithm"),
        ({"token_url": "http://far.example/token"}, "token_url"),
    ],
)
def test_half_a_way_to_a_token_is_refused_when_the_source_is_added(changes: dict[str, str], field: str) -> None:
    whole = {
        "base_url": "https://ehr.example/fhir",
        "token_url": "https://ehr.example/token",
        "token_client_id": "api-key",
        "token_key_secret": "key",
        "token_key_id": "prod-1",
    }
    said = {name: value for name, value in {**whole, **changes}.items() if value}
    about = {"id": "ehr", "label": "EHR", "kind": "fhir-r4", "organisation": "A81001", "configuration": said}
    http = Http(egress=Egress(["ehr.example"]))
    with pytest.raises(InvalidInput) as refused:
        build(about, http=http, secret=lambda name: PEM)
    assert refused.value.field == field
