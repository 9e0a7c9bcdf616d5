"""Clients by others, over real HTTP: the whole way as their own users write it, and what they themselves check."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from requests_oauth2client import ClientSecretPost, DPoPKey, OAuth2Client, PrivateKeyJwt
from requests_oauth2client.exceptions import InvalidClient
from werkzeug.serving import WSGIRequestHandler, make_server

from broker.settings import Settings
from tests.conformance.rows import row
from tests.doors.conftest import build_house
from tests.house.machine import PEERS, node
from tests.oauth.client import Partner
from tests.oauth.conftest import of_a_demonstration, register
from tests.people import ADA_BORN, ADA_NUMBER, FOOD_BANK

pytestmark = pytest.mark.slow


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing of each request."""


@dataclass(frozen=True)
class Live:
    """A broker at an address of this machine, with the food bank's system registered."""

    partner: Partner

    def run(self, program: str) -> dict[str, Any]:
        """Run one of the programs beside this; gives what it saw. Fails with what it said."""
        partner = self.partner
        told = {
            "issuer": partner.issuer,
            "client_id": partner.client_id,
            "key": partner.key.as_dict(private=True),
            "redirect_uri": partner.redirect_uri,
            "worker": f"membership:{partner._membership('adviser')}",
            "resident": "ada",
            "sought": {"nhs_number": ADA_NUMBER, "born_on": ADA_BORN.isoformat()},
            "details": json.loads(partner.details(""))[0],
        }
        command = [str(node()), program]
        done = subprocess.run(
            command, cwd=PEERS, input=json.dumps(told), capture_output=True, text=True, timeout=90, check=False
        )
        assert done.returncode == 0, done.stderr + done.stdout
        seen: dict[str, Any] = json.loads(done.stdout)
        return seen


@pytest.fixture
def live(settings: Settings, sqlite_template: Any) -> Iterator[Live]:
    """Served by real time, because nobody can turn another program's clock."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        here = replace(of_a_demonstration(settings), bind=f"127.0.0.1:{port}")
        for house in build_house(here, template=sqlite_template):
            house.time[0] = datetime.now(UTC)
            server = make_server(
                "127.0.0.1", port, house.app, threaded=True, request_handler=Quiet, fd=listening.fileno()
            )
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            yield Live(register(house, "harvest-system", FOOD_BANK))
            server.shutdown()
            thread.join()


@row("FAPI-01", oidf="HappyFlow")
@pytest.mark.needs("node")
def test_openid_client_goes_the_whole_way(live: Live) -> None:
    seen = live.run("flow_openid_client.mjs")
    assert (seen["iss"], seen["token_type"]) == (live.partner.issuer, "dpop")
    assert (seen["found"], seen["record"], seen["renewed"], seen["absent"]) == (200, 200, 200, 200)
    assert seen["granted"][0]["sections"] == ["housing", "money-and-benefits"]
    assert seen["told"]["authorization_details"] == seen["granted"]
    assert (seen["told"]["active"], seen["after"]) == (True, False)
    assert (seen["system"], seen["refused"]) == ("client:harvest-system", "access_denied")


@row("FAPI-01", "BCP-04", oidf="HappyFlow")
@pytest.mark.needs("node")
def test_oauth4webapi_goes_the_whole_way_and_sees_another_issuer(live: Live) -> None:
    seen = live.run("flow_oauth4webapi.mjs")
    assert (seen["iss"], seen["token_type"]) == (live.partner.issuer, "dpop")
    assert (seen["found"], seen["renewed"]) == (200, 200)
    assert (seen["told"]["active"], seen["after"]) == (True, False)
    assert seen["mixed_up"] == "OAUTH_INVALID_RESPONSE"


@row("FAPI-01")
def test_requests_oauth2client_goes_the_whole_way(live: Live) -> None:
    partner = live.partner
    key = {**partner.key.as_dict(private=True), "alg": "ES256"}
    client = OAuth2Client.from_discovery_endpoint(
        f"{partner.issuer}/.well-known/oauth-authorization-server",
        auth=PrivateKeyJwt(partner.client_id, key, aud=partner.issuer),
        redirect_uri=partner.redirect_uri,
        dpop_bound_access_tokens=True,
        testing=True,
    )
    own = client.client_credentials(scope="residents.find")
    assert (own.token_type.lower(), own.scope) == ("dpop", "residents.find")
    asked = client.authorization_request(scope="residents.find records.read", dpop=True, dpop_key=DPoPKey.generate())
    pushed = client.pushed_authorization_request(asked)
    answered = partner.authorize(pushed.request_uri)
    token = client.authorization_code(asked.validate_callback(answered.answer.headers["Location"]), validate=False)
    assert token.scope == "residents.find records.read"
    assert client.introspect_token(token)["active"] is True
    client.revoke_access_token(token)
    assert client.introspect_token(token)["active"] is False


def test_a_secret_in_place_of_a_key_is_refused_to_them_too(live: Live) -> None:
    client = OAuth2Client(
        f"{live.partner.issuer}/oauth/token", auth=ClientSecretPost(live.partner.client_id, "a-secret"), testing=True
    )
    with pytest.raises(InvalidClient):
        client.client_credentials(scope="residents.find")
