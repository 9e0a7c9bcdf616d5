"""The keys this server signs with: each step in a key's life, and that nobody who verifies is ever left behind."""

from __future__ import annotations

import json
from typing import Any

import pytest
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from broker.errors import Conflict, NotFound
from broker.oauth import jwks
from broker.oauth.jwks import TokenKeys
from tests.cli.conftest import Run, ready, run
from tests.oauth.client import Partner

__all__ = ["ready", "run"]
BY = "operator:tests"


def shown(partner: Partner) -> dict[str, dict[str, Any]]:
    answer = partner.house.client.get("/oauth/jwks")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    return {key["kid"]: key for key in answer.get_json()["keys"]}


def step(partner: Partner, act: Any, *words: str) -> Any:
    with partner.house.session() as session:
        return act(partner.house.broker, session, *words, by=BY, now=partner.house.time[0])


def test_the_address_is_in_the_metadata_and_shows_public_halves_alone(fapi: Partner) -> None:
    metadata = fapi.house.client.get("/.well-known/oauth-authorization-server").get_json()
    assert metadata["jwks_uri"] == f"{fapi.issuer}/oauth/jwks"
    (key,) = shown(fapi).values()
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-256", "ES256", "sig")
    assert "d" not in key


def test_a_signature_holds_through_every_step_until_its_key_is_retired(fapi: Partner) -> None:
    keys = TokenKeys.of(fapi.house.broker.settings)
    old_text = keys.sign({"said": 1}, kind="test+jwt")
    (old,) = shown(fapi)
    new = step(fapi, jwks.announce)
    assert shown(fapi).keys() == {old, new}
    assert signed_by(keys.sign({}, kind="test+jwt")) == old, "an announced key signs nothing"
    assert step(fapi, jwks.rotate) == new
    assert signed_by(keys.sign({}, kind="test+jwt")) == new
    assert holds(old_text, shown(fapi))
    step(fapi, jwks.retire, old)
    assert shown(fapi).keys() == {new}
    assert not holds(old_text, shown(fapi))


def signed_by(text: str) -> str:
    return str(jws.extract_compact(text.encode()).headers()["kid"])


def holds(text: str, keys: dict[str, dict[str, Any]]) -> bool:
    try:
        jws.deserialize_compact(text, KeySet.import_key_set({"keys": list(keys.values())}), algorithms=["ES256"])
    except JoseError:
        return False
    return True


def test_steps_out_of_turn_are_refused(fapi: Partner) -> None:
    with pytest.raises(Conflict):
        step(fapi, jwks.rotate)
    (old,) = shown(fapi)
    new = step(fapi, jwks.announce)
    with pytest.raises(Conflict):
        step(fapi, jwks.announce)
    for kid, error in ((old, Conflict), (new, Conflict), ("nobody", NotFound)):
        with pytest.raises(error):
            step(fapi, jwks.retire, kid)
    assert shown(fapi).keys() == {old, new}


def test_these_keys_are_not_those_of_the_policy_bundle(fapi: Partner) -> None:
    """A bundle signed by one is never taken for a statement signed by the other."""
    assert not shown(fapi).keys() & fapi.house.broker.signing.keyring.accepted().keys()


@pytest.mark.slow
def test_an_operator_rotates_them_apart_from_the_bundles(ready: Run) -> None:
    bundle = ready("keys", "list")[1]
    assert "announced" in ready("keys", "announce", "--of", "tokens")[1]
    old, new = (line.split()[0] for line in ready("keys", "list", "--of", "tokens")[1].splitlines())
    assert f"{new} signs now" in ready("keys", "rotate", "--of", "tokens")[1]
    assert ready("keys", "retire", "--of", "tokens", old)[0] == 0
    (left,) = json.loads(ready("keys", "public", "--of", "tokens")[1])["keys"]
    assert left["kid"] == new
    assert ready("keys", "public", "--of", "tokens", "--opa")[0] == 2
    assert "key-not-announced" in ready("keys", "rotate", "--of", "tokens")[2]
    assert ready("keys", "list")[1] == bundle
