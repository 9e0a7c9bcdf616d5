"""SMART apps and services at the FHIR side: their scopes open types there and no more, and a purpose is always said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from broker.vocabulary import ClientProfile, Role, Section
from tests.doors.conftest import House
from tests.doors.reading import codes, found, local
from tests.oauth.client import Partner, new_key
from tests.oauth.conftest import register
from tests.oauth.test_smart import asking, handle, used_by_gp
from tests.people import SURGERY

pytestmark = pytest.mark.slow
KEY, DPOP_KEY = new_key(), new_key()


def partner_of(house: House, client_id: str, scopes: str, **changes: Any) -> Partner:
    kind = {"profile": ClientProfile.SMART_APP, "scopes": scopes, "role": Role.CLINICIAN, **changes}
    partner = register(house, client_id, SURGERY, key=KEY, dpop_key=DPOP_KEY, **kind)
    return replace(partner, audience=f"{partner.issuer}/smart/token", token_path="/smart/token")


@pytest.fixture
def app(house: House) -> Partner:
    scopes = "user/*.rs residents.find launch/patient patient/*.rs own.read"
    return partner_of(house, "smart-app", scopes, grant_types=["authorization_code", "refresh_token"])


def get(partner: Partner, token: str, path: str, *, purpose: str | None = "direct-care", **headers: str) -> Any:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    sent |= {"X-Purpose-Of-Use": purpose} if purpose else {}
    address = local(path)
    proof = partner.proof("GET", address.partition("?")[0], token)
    return partner.house.client.get(address, headers={"Authorization": f"DPoP {token}", "DPoP": proof, **sent})


def test_a_workers_app_reads_the_types_of_its_scopes(app: Partner) -> None:
    token = used_by_gp(app, "user/Condition.rs residents.find")["access_token"]
    ada = handle(app, token)
    answer = get(app, token, f"Condition?patient={ada}")
    assert [each["code"]["text"] for each in found(answer)] == ["Diabetes", "Asthma"]
    assert get(app, token, f"Condition/{found(answer)[0]['id']}").status_code == 200
    for path in (f"AllergyIntolerance?patient={ada}", f"Patient/{ada}", f"Patient/{ada}/$document"):
        refused = get(app, token, path)
        assert (refused.status_code, codes(refused)) == (403, ["scope-missing"]), path
    everything = get(app, token, f"Patient/{ada}/$everything")
    assert {each["resourceType"] for each in found(everything)} == {"Patient", "Condition"}
    assert "name" not in found(everything)[0], "whose it is, and nothing of who they are"


def test_an_app_of_every_type_reads_the_document(app: Partner) -> None:
    token = used_by_gp(app)["access_token"]
    assert get(app, token, f"Patient/{handle(app, token)}/$document").get_json()["type"] == "document"


def test_a_token_is_no_purpose(app: Partner) -> None:
    token = used_by_gp(app)["access_token"]
    answer = get(app, token, f"Condition?patient={handle(app, token)}", purpose=None)
    assert (answer.status_code, codes(answer)) == (400, ["purpose-missing"])


def test_what_needs_a_new_sign_in_is_left_out_and_said(app: Partner) -> None:
    token = used_by_gp(app)["access_token"]
    ada = handle(app, token)
    fresh = get(app, token, f"Patient/{ada}/$everything")
    assert "not-fresh" not in codes(fresh)
    service = partner_of(
        app.house,
        "smart-service",
        "system/*.rs",
        grant_types=["client_credentials"],
        profile=ClientProfile.SMART_BACKEND,
        redirect_uris=[],
    )
    own = service.token(scope="system/*.rs").get_json()["access_token"]
    worker = {"X_Worker": "gp", "X_Worker_Role": "clinician"}
    answer = get(service, own, f"Patient/{ada}/$everything", **worker)
    assert codes(answer).count("not-fresh") == 1, "a system cannot say that its worker proved lately who they are"
    assert Section.SAFEGUARDING not in {each for asked in asked_of(app.house) for each in asked}


def asked_of(house: House) -> list[frozenset[Section]]:
    return [asked for source in house.sources.values() for asked in source.asked]


def test_a_service_names_the_worker_it_asks_for(app: Partner) -> None:
    service = partner_of(
        app.house,
        "smart-service",
        "system/*.rs residents.find",
        grant_types=["client_credentials"],
        profile=ClientProfile.SMART_BACKEND,
        redirect_uris=[],
    )
    own = service.token(scope="system/*.rs residents.find").get_json()["access_token"]
    ada = handle(service, own)
    path = f"Condition?patient={ada}"
    assert found(get(service, own, path, X_Worker="gp", X_Worker_Role="clinician"))
    for worker, code in (
        ({"X_Worker": "gp"}, "worker-incomplete"),
        ({"X_Worker": "adviser", "X_Worker_Role": "clinician"}, "worker-unknown"),
        ({"X_Worker": "gp", "X_Worker_Role": "wizard"}, "role-unknown"),
    ):
        assert codes(get(service, own, path, **worker)) == [code]


def test_a_residents_app_reads_their_own_record_and_nobody_elses(app: Partner) -> None:
    given = app.granted(who="resident:ada", **asking(app, "launch/patient patient/*.rs"))
    token, own = given["access_token"], given["patient"]
    for name in (own, "me"):
        answer = get(app, token, f"Condition?patient={name}", purpose=None)
        assert {each["code"]["text"] for each in found(answer)} == {"Diabetes", "Asthma"}
    (mine, *_) = found(answer)
    assert mine["id"].startswith(own)
    assert get(app, token, f"Condition/{mine['id']}", purpose=None).get_json() == mine
    assert get(app, token, "Patient/me/$everything?_count=1", purpose=None).status_code == 200
    ben = app.call(
        "POST",
        "/api/residents/find",
        used_by_gp(app)["access_token"],
        json={"nhs_number": "9990000026", "born_on": "2015-06-01"},
    ).get_json()["resident"]
    for path in (f"Condition?patient={ben}", f"Condition?patient={'0' * 40}"):
        assert get(app, token, path, purpose=None).status_code == 404
    never = f"Condition/{ben}.{mine['id'].partition('.')[2]}"
    assert get(app, token, never, purpose=None).data == get(app, token, "Condition/none", purpose=None).data


def test_a_residents_app_is_told_who_looked(app: Partner) -> None:
    worker = used_by_gp(app)["access_token"]
    assert found(get(app, worker, f"Condition?patient={handle(app, worker)}"))
    given = app.granted(who="resident:ada", **asking(app, "launch/patient patient/*.rs"))
    answer = get(app, given["access_token"], f"AuditEvent?patient={given['patient']}", purpose=None)
    patterns = {name.rpartition(".")[2] for each in found(answer) for name in each.get("meta", {}).get("profile", ())}
    assert {"AuthZconsent", "PatientQuery", "Source", "Recipient", "Opaque"} <= patterns
    assert get(app, worker, "AuditEvent").status_code == 403
