"""An operator connects a provider, sees what to give it, and takes it away; what does not fit stops at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from broker.database import open_engine, session_factory
from broker.federation.models import FederatedIdentity, IdentityProvider
from broker.identity.models import SignedInSession
from broker.settings import Settings
from broker.vocabulary import Role
from tests.cli.conftest import Run
from tests.federation.forging import ISSUER, public, rsa
from tests.people import FOOD_BANK, NOON


@pytest.fixture
def description(tmp_path: Path) -> Path:
    path = tmp_path / "provider.json"
    path.write_text(json.dumps(described()))
    return path


def described(**changes: Any) -> dict[str, Any]:
    return {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/token",
        "userinfo_endpoint": f"{ISSUER}/userinfo",
        "jwks": public(rsa("first")),
        **changes,
    }


def add(
    run: Run, description: Path, name: str = "nhs-login", kind: str = "nhs-login", *more: str
) -> tuple[int, str, str]:
    given = ("--issuer", ISSUER, "--client-id", "the-broker", "--label", "NHS login", "--metadata", str(description))
    return run("providers", "add", name, "--kind", kind, *given, *more)


def kept(tmp_path: Path, model: type[Any]) -> list[Any]:
    engine = open_engine(Settings(data_folder=tmp_path / "var").sqlalchemy_url)
    with session_factory(engine)() as session:
        found = list(session.query(model))
    engine.dispose()
    return found


def test_a_provider_is_connected_and_its_side_is_told(ready: Run, description: Path, tmp_path: Path) -> None:
    code, said, _ = add(ready, description)
    assert code == 0
    assert "/sign-in/with/nhs-login/callback" in said
    assert "RS512" in said
    (provider,) = kept(tmp_path, IdentityProvider)
    assert (provider.issuer, provider.algorithms) == (ISSUER, ["RS512"])
    assert "nhs-login" in ready("providers", "list")[1]


def test_the_private_key_is_its_owners_alone_and_is_never_printed(
    ready: Run, description: Path, tmp_path: Path
) -> None:
    said = add(ready, description)[1] + ready("providers", "show", "nhs-login")[1]
    path = tmp_path / "var" / "secrets" / "providers" / "nhs-login.json"
    assert path.stat().st_mode & 0o077 == 0
    private = json.loads(path.read_text())
    assert private["n"] in said
    assert not any(private[part] in said for part in ("d", "p", "q"))
    pem = ready("providers", "show", "nhs-login", "--pem")[1]
    assert pem.startswith("-----BEGIN PUBLIC KEY-----")


@pytest.mark.parametrize(
    ("name", "kind", "more"),
    [
        ("passkey", "nhs-login", ()),
        ("demonstration", "nhs-login", ()),
        ("NHS", "nhs-login", ()),
        ("a/b", "nhs-login", ()),
        ("bank", "organisation", ()),
        ("nhs-login", "nhs-login", ("--organisation", FOOD_BANK)),
        ("bank", "organisation", ("--organisation", "XX9T99")),
        ("nhs-login", "nhs-login", ("--id-token-alg", "HS256")),
        ("nhs-login", "nhs-login", ("--id-token-alg", "none")),
    ],
)
def test_what_does_not_fit_is_refused(
    ready: Run, description: Path, tmp_path: Path, name: str, kind: str, more: tuple[str, ...]
) -> None:
    assert add(ready, description, name, kind, *more)[0] == 1
    assert kept(tmp_path, IdentityProvider) == []


def test_a_description_of_another_issuer_is_refused(ready: Run, description: Path) -> None:
    description.write_text(json.dumps(described(issuer="https://another.example")))
    code, _, complaint = add(ready, description)
    assert (code, "another issuer" in complaint) == (1, True)


def test_a_name_is_for_good(ready: Run, description: Path) -> None:
    assert add(ready, description)[0] == 0
    assert add(ready, description)[0] == 1
    assert ready("providers", "remove", "nhs-login")[0] == 0
    assert ready("providers", "list")[1] == ""
    assert add(ready, description)[0] == 1


def test_a_colleague_is_linked_once_and_a_resident_never_by_hand(ready: Run, description: Path, tmp_path: Path) -> None:
    add(ready, description)
    add(ready, description, "bank", "organisation", "--organisation", FOOD_BANK)
    assert ready("providers", "link", "nhs-login", "them", "adviser")[0] == 1
    assert ready("providers", "link", "bank", "them", "nobody")[0] == 1
    assert ready("providers", "link", "bank", "them", "adviser")[0] == 0
    assert ready("providers", "link", "bank", "them", "food-bank-lead")[0] == 1
    assert [(each.subject, each.person_id) for each in kept(tmp_path, FederatedIdentity)] == [("them", "adviser")]


def test_keys_that_were_given_in_a_file_are_not_looked_for(ready: Run, description: Path) -> None:
    add(ready, description)
    code, _, complaint = ready("providers", "refresh-keys", "nhs-login")
    assert (code, "keys-not-at-an-address" in complaint) == (1, True)


def test_a_sign_in_that_is_unlinked_is_nobodys_and_its_sessions_end(
    ready: Run, description: Path, tmp_path: Path
) -> None:
    add(ready, description, "bank", "organisation", "--organisation", FOOD_BANK)
    ready("providers", "link", "bank", "them", "adviser")
    ready("providers", "link", "bank", "lead", "food-bank-lead")
    engine = open_engine(Settings(data_folder=tmp_path / "var").sqlalchemy_url)
    with session_factory(engine)() as session:
        for digest, person in (("a" * 64, "adviser"), ("b" * 64, "food-bank-lead")):
            begun = {"role": Role.CASE_WORKER, "assurance": 2, "means": "bank", "started_at": NOON, "used_at": NOON}
            session.add(SignedInSession(digest=digest, person_id=person, organisation_code=FOOD_BANK, **begun))
        session.commit()
    engine.dispose()
    assert ready("providers", "unlink", "bank", "them")[0] == 0
    assert [each.subject for each in kept(tmp_path, FederatedIdentity)] == ["lead"]
    assert [each.person_id for each in kept(tmp_path, SignedInSession) if each.ended_at is None] == ["food-bank-lead"]
    for wrong in (("bank", "them"), ("bank", "stranger"), ("elsewhere", "lead")):
        assert ready("providers", "unlink", *wrong)[0] == 1
    assert ready("providers", "link", "bank", "them", "adviser")[0] == 0
