"""A token for each worker, in exchange for a JWT that names them (RFC 8693), and SMART backend services."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwk, jwt

from adapters import Egress, Http, build, check_configuration
from adapters.answering import Unanswered
from adapters.credentials import MOST_ASKERS, Credentials
from adapters.signed_jwt import SignedJwt, pseudonym
from broker.errors import InvalidInput
from broker.records.source import Asker
from broker.vocabulary import GapCause, Purpose, Role, Section
from tests.adapters.conformance.asking import described
from tests.adapters.conformance.worlds import ADA, FhirWorld, Holding
from tests.adapters.listener import Listener, Reply, Request, as_json

RSA = jwk.RSAKey.generate_key(2048)
CURVE = jwk.ECKey.generate_key("P-384")
PEM = RSA.as_pem(private=True).decode()
ONE = Asker("XX9T01", Role.CLINICIAN, Purpose.DIRECT_CARE, "request-1", "worker-1")
TWO = replace(ONE, person="worker-2")


@dataclass
class Platform:
    """A FHIR server whose token address gives each that asks a token of its own."""

    url: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    def __call__(self, request: Request) -> Reply:
        if request.path == "/base/token":
            self.forms.append(dict(request.parameters))
            return as_json({"access_token": f"t{len(self.forms)}", "token_type": "bearer", "expires_in": 600})
        if not request.path.endswith("/metadata"):
            self.shown.append(request.headers.get("authorization", ""))
        return FhirWorld().answer(Holding(), request, self.url)


def asking(use: Callable[[Any], Any], *, pem: str = PEM, **configured: str) -> Platform:
    platform = Platform()

    async def run() -> None:
        async with Listener(platform) as source:
            platform.url = source.url
            token = {"token_url": f"{source.url}/token", "token_client_id": "key", "token_key_secret": "k"}
            said = {"base_url": source.url, **token, "token_key_id": "kid", **configured}
            client = Http(egress=Egress([source.place]))
            await use(build(described("fhir-r4", said), http=client, secret=lambda name: pem))
            await client.close()

    asyncio.run(run())
    return platform


def for_(*askers: Asker | None) -> Callable[[Any], Any]:
    async def use(system: Any) -> None:
        for asker in askers:
            answer = await system.fetch(replace(ADA, asked_by=asker), frozenset({Section.ALLERGIES}))
            assert len(answer.entries) == 3

    return use


def subject(form: dict[str, str]) -> dict[str, Any]:
    return dict(jwt.decode(form["subject_token"], RSA, algorithms=["RS512"]).claims)


def exchanged(platform: Platform) -> list[dict[str, str]]:
    return [form for form in platform.forms if form["grant_type"].endswith("token-exchange")]


def test_the_exchange_names_the_worker_by_a_pseudonym_with_organisation_and_role() -> None:
    platform = asking(for_(ONE), token_exchange="yes")
    (form,) = exchanged(platform)
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange"
    assert form["subject_token_type"] == "urn:ietf:params:oauth:token-type:jwt"
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert jwt.decode(form["client_assertion"], RSA, algorithms=["RS512"]).claims["sub"] == "key"
    claims = subject(form)
    assert (claims["iss"], claims["organisation"], claims["role"]) == ("key", "XX9T01", "clinician")
    assert claims["aud"] == f"{platform.url}/token"
    assert claims["exp"] - claims["iat"] == 300
    assert "worker-1" not in repr(claims)


def test_each_worker_has_their_own_token_and_it_is_kept() -> None:
    platform = asking(for_(ONE, TWO, ONE, TWO), token_exchange="yes")
    first, second = exchanged(platform)
    assert subject(first)["sub"] != subject(second)["sub"]
    assert platform.shown[0] == platform.shown[2] != platform.shown[1] == platform.shown[3]


def test_the_same_person_in_another_role_or_organisation_is_another() -> None:
    other = replace(ONE, role=Role.SOCIAL_WORKER)
    elsewhere = replace(ONE, organisation="XX9T02")
    platform = asking(for_(ONE, other, elsewhere), token_exchange="yes")
    assert len(exchanged(platform)) == 3
    assert len(set(platform.shown)) == 3


def test_without_a_worker_nothing_is_asked() -> None:
    async def use(system: Any) -> None:
        answer = await system.fetch(replace(ADA, asked_by=None), frozenset({Section.ALLERGIES}))
        assert [gap.cause for gap in answer.gaps] == [GapCause.REFUSED]

    platform = asking(use, token_exchange="yes")
    assert platform.forms == platform.shown == []


@pytest.mark.parametrize(
    "nobody",
    [
        replace(ONE, person=None),
        replace(ONE, person=""),
        replace(ONE, organisation="", person=None, role=Role.RESIDENT, purpose=Purpose.OWN_RECORD),
        replace(ONE, purpose=Purpose.OWN_RECORD),
    ],
)
def test_those_who_are_no_named_worker_do_not_share_one_token(nobody: Asker) -> None:
    async def use(system: Any) -> None:
        answer = await system.fetch(replace(ADA, asked_by=nobody), frozenset({Section.ALLERGIES}))
        (gap,) = answer.gaps
        assert gap.cause is GapCause.REFUSED
        assert "which worker" in gap.detail

    platform = asking(use, token_exchange="yes")
    assert platform.forms == platform.shown == []


def test_without_an_exchange_whoever_asks_is_answered() -> None:
    platform = asking(for_(replace(ONE, person=None), None))
    assert [form["grant_type"] for form in platform.forms] == ["client_credentials"]


def test_nobody_has_no_pseudonym() -> None:
    assert pseudonym(PEM, ONE) == pseudonym(PEM, replace(ONE, request="request-2"))
    with pytest.raises(Unanswered):
        pseudonym(PEM, replace(ONE, person=None))


def test_a_check_names_nobody() -> None:
    async def use(system: Any) -> None:
        assert (await system.check()).ok

    platform = asking(use, token_exchange="yes")
    assert [form["grant_type"] for form in platform.forms] == ["client_credentials"]


def test_the_tokens_kept_are_bounded_and_the_oldest_goes_first() -> None:
    whole = Credentials(lambda name: PEM, signed=SignedJwt("https://a.example/t", "c", "k", "kid", exchange=True))
    first = whole.on_behalf_of(ONE)
    for place in range(MOST_ASKERS - 1):
        whole.on_behalf_of(replace(ONE, person=f"p{place}"))
    assert whole.on_behalf_of(ONE) is first, "used, so not the oldest"
    whole.on_behalf_of(TWO)
    whole.on_behalf_of(replace(ONE, person="p0"))
    assert len(whole._askers) == MOST_ASKERS
    assert whole.on_behalf_of(ONE) is first
    with pytest.raises(Unanswered):
        whole.on_behalf_of(None)


def test_a_refusal_of_one_workers_token_forgets_that_one_alone() -> None:
    clock = lambda: datetime(2026, 11, 20, 12, tzinfo=UTC)  # noqa: E731
    signed = SignedJwt("https://a.example/t", "c", "k", "kid", exchange=True)
    whole = Credentials(lambda name: PEM, signed=signed, clock=clock)
    one, two = whole.on_behalf_of(ONE), whole.on_behalf_of(TWO)
    for each in (one, two):
        each.keep({"access_token": "t", "token_type": "bearer", "expires_in": 600})
    one.forget()
    assert one.needs_token()
    assert not two.needs_token()


def test_an_exchange_without_a_token_address_is_refused_when_the_source_is_added() -> None:
    with pytest.raises(InvalidInput) as caught:
        check_configuration("fhir-r4", {"base_url": "https://ehr.example/fhir", "token_exchange": "yes"})
    assert caught.value.field == "token_url"


@pytest.mark.parametrize(("algorithm", "key"), [("RS384", RSA), ("ES384", CURVE)])
def test_smart_backend_services_are_asked_with_a_system_scope(algorithm: str, key: Any) -> None:
    pem = key.as_pem(private=True).decode()
    platform = asking(for_(ONE), pem=pem, token_algorithm=algorithm, token_scope="system/*.rs")
    (form,) = platform.forms
    assert (form["grant_type"], form["scope"]) == ("client_credentials", "system/*.rs")
    assertion = jwt.decode(form["client_assertion"], key, algorithms=[algorithm])
    assert assertion.header["alg"] == algorithm
    assert assertion.claims["iss"] == assertion.claims["sub"] == "key"
    assert "subject_token" not in form
    assert set(platform.shown) == {"Bearer t1"}
