"""The library under the token endpoints: one version, by hash, and nothing of it reached that it does not do safely."""

from __future__ import annotations

import re
from importlib.metadata import version

import pytest
from authlib.integrations.flask_oauth2 import AuthorizationServer

from broker.oauth import server
from broker.oauth.assertion import PrivateKeyJWT
from tests.conformance.rows import row
from tests.house.tree import ROOT
from tests.oauth.client import Partner
from tests.oauth.forging import made_of


@row("AUTHLIB-PIN")
def test_the_library_is_pinned_to_one_version_by_hash() -> None:
    wanted = re.search(r'"authlib==([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    assert wanted is not None
    locked = (ROOT / "requirements" / "run.txt").read_text()
    assert re.search(rf"^authlib=={re.escape(wanted[1])} \\\n +--hash=sha256:[0-9a-f]{{64}}", locked, re.MULTILINE)
    assert version("authlib") == wanted[1]


@row("BCP-05", "BCP-16", "A15", "AUTHLIB-1.9.9")
def test_only_what_is_wanted_of_the_library_is_registered(steady: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[AuthorizationServer] = []
    first = AuthorizationServer.__init__

    def noted(self: AuthorizationServer, *args: object, **kwargs: object) -> None:
        made.append(self)
        first(self, *args, **kwargs)

    monkeypatch.setattr(AuthorizationServer, "__init__", noted)
    from flask import Flask

    app = Flask("another")
    app.extensions["broker"] = steady.house.broker
    server.register(app)
    [own] = made
    assert set(own._client_auth._methods) - {"none", "client_secret_basic", "client_secret_post"} == {
        PrivateKeyJWT.CLIENT_AUTH_METHOD
    }
    assert own._authorization_grants == []
    for grant, _ in own._token_grants:
        assert grant.TOKEN_ENDPOINT_AUTH_METHODS == ["private_key_jwt"]
    for endpoints in own._endpoints.values():
        for endpoint in endpoints:
            cls = endpoint if isinstance(endpoint, type) else type(endpoint)
            assert cls.CLIENT_AUTH_METHODS == ["private_key_jwt"]


@row("AUTHLIB-1.9.0", "A12")
@pytest.mark.parametrize("alg", ["none", "ES256"])
def test_a_request_object_that_nobody_signed_is_refused_and_none_is_fetched(steady: Partner, alg: str) -> None:
    inside = {
        **steady.asking(),
        "iss": steady.client_id,
        "aud": steady.issuer,
        "exp": steady.now + 60,
        "nbf": steady.now,
    }
    assert steady.push(request=made_of({"alg": alg, "typ": "oauth-authz-req+jwt"}, inside, b"")).status_code == 400
    for address in ("http://127.0.0.1:1/request", "https://evil.example/request"):
        assert steady.push(request_uri=address).status_code == 400
        shown = steady.house.client.get(f"/oauth/authorize?client_id={steady.client_id}&request_uri={address}")
        assert shown.status_code in (400, 404)


@row("AUTHLIB-1.9.5", "AUTHLIB-1.9.3")
@pytest.mark.parametrize("parts", [5, 2, 4])
def test_a_token_of_another_number_of_parts_is_not_read(steady: Partner, parts: int) -> None:
    """Five parts are an encrypted token: none is decrypted here, so none can be a bomb."""
    text = ".".join(["eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTEyOEdDTSJ9", *["AAAA"] * (parts - 1)])
    assert steady.push(assertion=text).status_code == 401
    assert steady.token(proof=text).get_json()["error"] == "invalid_dpop_proof"
    assert steady.push(request=text).status_code == 400
