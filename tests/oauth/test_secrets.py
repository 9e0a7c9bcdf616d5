"""Secrets: nothing that is kept or logged opens anything, whatever happened on the way."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from broker.errors import Misconfigured
from broker.settings import Settings
from tests.conformance.rows import row
from tests.oauth.client import Partner
from tests.people import ADA_NUMBER


def everything_done(partner: Partner) -> dict[str, str]:
    """The whole way, with a refusal at every step; gives every secret that was given out on it."""
    uri = partner.pushed(**partner.asking_ada())
    code = partner.authorize(uri, who="resident:ada").code
    partner.redeem(partner.code(), code_verifier="a" * 43)
    given = partner.redeem(code).get_json()
    again = partner.refresh(given["refresh_token"]).get_json()
    own, assertion, proof = partner.own_token(), partner.assertion(), partner.proof("POST", "/oauth/token")
    partner.token(assertion=assertion, proof=proof)
    partner.token(assertion=assertion, proof=proof)
    partner.call("POST", "/api/records/view", own, json={})
    partner.call("POST", "/api/records/view", own, scheme="Bearer", json={})
    partner.introspect(given["access_token"])
    partner.revoke(own)
    partner.redeem(code)
    return {
        "request_uri": uri.rpartition(":")[2],
        "code": code,
        "access token": given["access_token"],
        "renewed token": again["access_token"],
        "own token": own,
        "refresh token": given["refresh_token"],
        "verifier": partner.verifier,
        "assertion": assertion.rpartition(".")[2],
        "proof": proof.rpartition(".")[2],
    }


@row("A18")
def test_nothing_in_the_whole_database_opens_anything(fapi: Partner) -> None:
    secrets = everything_done(fapi)
    folder = fapi.house.broker.settings.data_folder
    with fapi.house.session() as session:
        session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert fapi.thumbprint.encode() in kept  # what is kept is readable, so a secret would be seen
    assert [name for name, secret in secrets.items() if secret.encode() in kept] == []


@pytest.fixture
def all_that_is_logged() -> Iterator[list[str]]:
    """Every record of every logger, as loud as can be."""
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(f"{record.name} {record.getMessage()} {record.args} {record.exc_info}")

    ear, root = Ear(level=1), logging.getLogger()
    loggers = [
        root,
        *(logging.getLogger(name) for name in ("authlib", "authlib.oauth2", "werkzeug", "broker", "joserfc")),
    ]
    before = [(each, each.level) for each in loggers]
    root.addHandler(ear)
    for each in loggers:
        if each.name != "authlib":  # what the broker itself pins must stay pinned
            each.setLevel(1)
    yield heard
    root.removeHandler(ear)
    for each, level in before:
        each.setLevel(level)


@row("A17", "NHS-05")
def test_no_log_has_any_part_of_a_secret(fapi: Partner, all_that_is_logged: list[str]) -> None:
    secrets = everything_done(fapi)
    said = "\n".join(all_that_is_logged)
    assert "/oauth/token" in said
    for name, secret in secrets.items():
        assert secret[:12] not in said, name
        assert secret[-12:] not in said, name
    assert ADA_NUMBER not in said


@row("A22")
def test_the_librarys_own_switch_for_insecure_transport_changes_nothing(
    fapi: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is never read: addresses are compared with those registered, and proofs with the configured issuer."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    assert fapi.push(redirect_uri="http://harvest.example/cb").status_code == 400
    wrong = fapi.proof("POST", "/oauth/token", htu=fapi.issuer.replace("http:", "https:") + "/oauth/token")
    assert fapi.token(proof=wrong).status_code == 400
    with pytest.raises(Misconfigured):
        Settings(demonstration=True, public_url="http://broker.example")
