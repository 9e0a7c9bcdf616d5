"""A provider's description is read once, and what does not fit is named before anybody signs in."""

from __future__ import annotations

from typing import Any

import pytest

from broker.errors import InvalidInput
from broker.federation.asking import may_be_asked
from broker.federation.metadata import pin
from broker.federation.signatures import checked_keys
from broker.vocabulary import ProviderKind
from tests.federation.forging import ISSUER, elliptic, public, rsa


def description(**changes: Any) -> dict[str, Any]:
    known = {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/token",
        "userinfo_endpoint": f"{ISSUER}/userinfo",
        "jwks": public(rsa("first")),
        "response_types_supported": ["code"],
        "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "RS512"],
        **changes,
    }
    return {name: value for name, value in known.items() if value is not None}


def pinned(kind: ProviderKind = ProviderKind.NHS_LOGIN, *, also_at: tuple[str, ...] = (), **changes: Any) -> Any:
    return pin(description(**changes), kind=kind, issuer=ISSUER, also_at=also_at)


def test_of_what_it_offers_only_what_its_kind_takes_is_pinned() -> None:
    assert pinned().algorithms == ["RS512"]
    assert pinned(ProviderKind.CIS2).algorithms == ["RS256", "RS512"]
    assert pinned(ProviderKind.ORGANISATION).algorithms == ["RS256"]


def test_our_own_signature_is_of_the_kind_the_nhs_takes() -> None:
    assert pinned().client_algorithm == "RS512"
    offered: dict[str, Any] = {"token_endpoint_auth_signing_alg_values_supported": ["RS256", "ES256"]}
    assert pinned(ProviderKind.ORGANISATION, **offered).client_algorithm == "RS256"
    with pytest.raises(InvalidInput, match="RS512"):
        pinned(**offered)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("issuer", f"{ISSUER}/"),
        ("issuer", "https://another.example"),
        ("authorization_endpoint", None),
        ("token_endpoint", None),
        ("token_endpoint", "http://sign-in.example/token"),
        ("token_endpoint", "https://user:word@sign-in.example/token"),
        ("token_endpoint", "https://sign-in.example@evil.example/token"),
        ("token_endpoint", "https://169.254.169.254/latest/meta-data"),
        ("token_endpoint", "file:///etc/passwd"),
        ("token_endpoint", ["https://sign-in.example/token"]),
        ("userinfo_endpoint", None),
        ("jwks_uri", "https://keys.another.example/keys"),
        ("jwks", None),
        ("jwks", {"keys": []}),
        ("jwks", {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}),
        ("response_types_supported", ["id_token"]),
        ("code_challenge_methods_supported", ["plain"]),
        ("token_endpoint_auth_methods_supported", ["client_secret_basic"]),
        ("id_token_signing_alg_values_supported", ["none", "HS256"]),
    ],
    ids=str,
)
def test_what_does_not_fit_is_not_pinned(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput):
        pinned(**{field: value})


def test_another_host_is_taken_only_where_the_operator_says_so() -> None:
    elsewhere: dict[str, Any] = {"userinfo_endpoint": "https://people.another.example/me"}
    with pytest.raises(InvalidInput, match=r"--also-at people\.another\.example"):
        pinned(**elsewhere)
    assert pinned(also_at=("people.another.example",), **elsewhere).userinfo_endpoint == elsewhere["userinfo_endpoint"]


@pytest.mark.parametrize(
    ("url", "issuer", "may"),
    [
        ("https://sign-in.example/token", ISSUER, True),
        ("http://127.0.0.1:9000/token", "http://127.0.0.1:9000", True),
        ("http://127.0.0.1:9000/token", ISSUER, False),
        ("http://127.0.0.1:9000/token", "https://127.0.0.1:9000", False),
        ("http://10.0.0.1/token", "http://10.0.0.1", False),
        ("http://sign-in.example/token", "http://sign-in.example", False),
        ("https://sign-in.example/token#part", ISSUER, False),
        ("//sign-in.example/token", ISSUER, False),
        ("", ISSUER, False),
    ],
)
def test_plain_http_is_for_this_machine_alone(url: str, issuer: str, may: bool) -> None:
    assert may_be_asked(url, issuer=issuer) is may


def test_of_a_set_of_keys_only_public_signature_keys_are_kept() -> None:
    private = rsa("first").as_dict(private=True)
    encryption = {**elliptic("curve").as_dict(private=False), "use": "enc"}
    kept = checked_keys({"keys": [private, encryption, {"kty": "oct", "k": "AA"}, *public(rsa("second"))["keys"], "?"]})
    assert [key["kid"] for key in kept["keys"]] == ["second"]
    with pytest.raises(ValueError, match="no key"):
        checked_keys({"keys": [private]})
    with pytest.raises(ValueError, match="at most twenty"):
        checked_keys({"keys": public(rsa("second"))["keys"] * 21})
