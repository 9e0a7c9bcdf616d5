"""SMART apps and services: their scopes are read exactly, open sections and no more, and never what policy refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from broker.oauth import smart, smart_scopes
from broker.oauth.smart_scopes import NATURAL, SECTIONS, Unusable
from broker.records.source import Provenance, RecordEntry, ResidentIdentity, SourceAnswer
from broker.vocabulary import ClientProfile, Role, Section
from tests.conformance.rows import row
from tests.doors.conftest import House
from tests.oauth.client import Partner, new_key, signed
from tests.oauth.conftest import register
from tests.people import FOOD_BANK, NOON, SURGERY, ToldSource

CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
SOCIAL = f"Observation.rs?category={CATEGORY}|social-history"
USER = "user/*.rs residents.find"
# Two or three of the letters in any order, but for the one that is right.
OTHER_LETTERS = [w for n in (2, 3) for letters in permutations("cruds", n) if (w := "".join(letters)) != "rs"]
CARE = {"purpose": "direct-care", "format": "fhir-searchset", "reason": "Review"}


def app_of(house: House, client_id: str, scopes: str, **changes: Any) -> Partner:
    kind = {
        "profile": ClientProfile.SMART_APP,
        "grant_types": ["authorization_code", "refresh_token"],
        "scopes": scopes,
        "role": Role.CLINICIAN,
        **changes,
    }
    partner = register(house, client_id, SURGERY, key=new_key(), dpop_key=new_key(), **kind)
    return replace(partner, audience=f"{partner.issuer}/smart/token", token_path="/smart/token")


@pytest.fixture
def app(house: House) -> Partner:
    """An app that the surgery's workers use."""
    return app_of(house, "smart-app", f"{USER} offline_access online_access launch/patient patient/*.rs")


@pytest.fixture
def service(house: House) -> Partner:
    """A service of the surgery's that nobody uses."""
    kinds = {"profile": ClientProfile.SMART_BACKEND, "grant_types": ["client_credentials"], "redirect_uris": []}
    return app_of(house, "smart-service", "system/*.rs residents.find", **kinds)


def asking(partner: Partner, scope: str, **changes: Any) -> dict[str, Any]:
    return {"scope": scope, "aud": f"{partner.issuer}/fhir", **changes}


def used_by_gp(partner: Partner, scope: str = USER) -> dict[str, Any]:
    return partner.granted(who="gp", **asking(partner, scope))


def handle(partner: Partner, token: str) -> str:
    answer = partner.call(
        "POST", "/api/residents/find", token, json={"nhs_number": "9990000018", "born_on": "1964-03-14"}
    )
    assert answer.status_code == 200, answer.text
    return str(answer.get_json()["resident"])


def read(partner: Partner, token: str, resident: str, *sections: str, **changes: Any) -> Any:
    body = {"resident": resident, "sections": list(sections), **CARE, **changes}
    return partner.call("POST", "/api/records/view", token, json=body)


def kinds(answer: Any) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {each["resource"]["resourceType"] for each in answer.get_json()["entry"]}


# ---- the configuration ----


@row("SMART-01")
@pytest.mark.parametrize("accept", [None, "text/html", "application/fhir+xml", "image/png;q=1, */*;q=0"])
def test_the_configuration_is_json_whatever_is_accepted(app: Partner, accept: str | None) -> None:
    headers = {"Accept": accept} if accept else {}
    answer = app.house.client.get("/fhir/.well-known/smart-configuration", headers=headers)
    assert (answer.status_code, answer.mimetype) == (200, "application/json")


@row("SMART-02")
def test_the_configuration_has_what_it_must_and_says_that_requests_are_pushed(app: Partner) -> None:
    found = app.house.client.get("/fhir/.well-known/smart-configuration").get_json()
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["require_pushed_authorization_requests"] is True
    assert found["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    for name in ("authorization", "token", "introspection", "revocation", "pushed_authorization_request"):
        assert found[f"{name}_endpoint"].startswith(f"{app.issuer}/")
    assert "permission-v2" in found["capabilities"]
    assert "issuer" not in found, "no identity token is given, so nobody is told who gives it"


def test_every_scope_that_is_listed_can_be_read(app: Partner) -> None:
    listed = app.house.client.get("/fhir/.well-known/smart-configuration").get_json()["scopes_supported"]
    for scope in listed:
        if smart_scopes.is_resource_scope(scope):
            assert smart_scopes.read(scope).sections
        assert smart_scopes.said_of(scope)
    assert {scope.split("/")[0] for scope in listed if smart_scopes.is_resource_scope(scope)} == {
        "patient", "user", "system",
    }  # fmt: skip


# ---- the grammar ----


@row("SMART-03")
@pytest.mark.parametrize(
    "scope", ["patient/*.rs", "user/Condition.rs", "system/Observation.read", f"user/{SOCIAL}", "user/*.read"]
)
def test_a_scope_for_reading_and_searching_is_read(scope: str) -> None:
    assert smart_scopes.read(scope).context == scope.partition("/")[0]


@row("SMART-03")
@pytest.mark.parametrize(
    "scope",
    [
        *(f"user/Condition.{letters}" for letters in OTHER_LETTERS),
        *("user/Condition.cruds", "user/Condition.r", "user/Condition.s", "user/Condition.c", "user/Condition."),
        *("user/Condition.*", "user/Condition.write", "user/*.*", "user/*.rd", "user/Condition.rsx", "user/Condition"),
        *("patients/Condition.rs", "user/condition.rs", "user/.rs", "user/Patient/1.rs", "user/NoSuchType.rs"),
        *("user/Condition.rs?", "user/Condition.rs?code=x", "user/Condition.rs?category=x", "user/*.rs?category=x"),
        *(f"user/{SOCIAL}&code=1", f"user/{SOCIAL},{CATEGORY}|survey", f"user/Condition.rs?category={CATEGORY}|survey"),
        *(f"user/Observation.read?category={CATEGORY}|survey", "user/Observation.rs?category:in=x", ""),
    ],
)
def test_letters_out_of_order_and_anything_but_reading_are_refused(scope: str) -> None:
    with pytest.raises(Unusable):
        smart_scopes.read(scope)


def test_a_type_is_shown_in_sections_of_the_record_and_a_category_in_some_of_those() -> None:
    assert smart_scopes.sections_of("user/Condition.rs residents.find") >= {Section.PROBLEMS}  # type: ignore[operator]
    assert smart_scopes.sections_of("user/*.rs") == frozenset(Section)
    assert smart_scopes.sections_of("records.read") is None
    for (kind, category), sections in smart_scopes.CATEGORIES.items():
        assert sections <= SECTIONS[kind]
        assert smart_scopes.sections_of(f"user/{kind}.rs?category={category}") == sections


def test_every_type_that_a_source_can_bring_has_its_sections() -> None:
    from adapters.fhir_r4.types import TYPES

    natural = {kind for kind, _ in NATURAL.values()}
    named = SECTIONS.keys() - {"*"}
    assert named == TYPES.keys() | natural
    brought = {name: TYPES[name].sections if name in TYPES else frozenset() for name in named}
    told = {name: frozenset(s for s, (kind, _) in NATURAL.items() if kind == name) for name in named}
    assert {name for name in named if not SECTIONS[name] <= brought[name] | told[name]} == set()
    assert NATURAL.keys() == set(Section), "every section has a type that its entries are told as"


@pytest.mark.parametrize(
    ("asked", "registered", "allowed"),
    [
        ("user/Condition.rs", "user/*.rs", True),
        ("user/Condition.read", "user/Condition.rs", True),
        (f"user/{SOCIAL}", "user/Observation.rs", True),
        ("user/Observation.rs", f"user/{SOCIAL}", False),
        ("user/*.rs", "user/Condition.rs", False),
        ("user/Condition.rs", "patient/*.rs", False),
        ("system/Condition.rs", "user/*.rs", False),
        ("user/Condition.cruds", "user/*.rs", False),
        ("residents.find", "user/*.rs", False),
    ],
)
def test_a_client_may_ask_for_less_than_it_is_registered_for_and_never_more(
    asked: str, registered: str, allowed: bool
) -> None:
    assert smart_scopes.covered(asked, registered.split()) is allowed


# ---- pushing ----


@row("SMART-06")
@pytest.mark.parametrize("aud", [None, "https://another.example/fhir", "", "the issuer", "the base/"])
def test_a_launch_for_another_address_is_refused(app: Partner, aud: str | None) -> None:
    named = {"the issuer": app.issuer, "the base/": f"{app.issuer}/fhir/"}.get(aud or "", aud)
    answer = app.push(**asking(app, USER, aud=named))
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "scope",
    [
        "user/Condition.cruds",
        "user/*.*",
        "user/Condition.sr",
        "system/*.rs",
        "patient/*.rs user/*.rs",
        "launch/patient user/*.rs",
        "offline_access",
        "launch",
        "openid fhirUser",
        "records.read",
        " ".join(f"user/{kind}.rs" for kind in SECTIONS) + " user/Basic.read user/Condition.read",
    ],
)
def test_a_scope_that_no_app_has_is_refused_and_not_trimmed(app: Partner, scope: str) -> None:
    answer = app.push(**asking(app, scope))
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_scope"), answer.text


def test_an_app_asks_by_its_scopes_alone(app: Partner) -> None:
    answer = app.push(**asking(app, "user/*.rs", authorization_details=app.details("a" * 40)))
    assert answer.status_code == 400


def test_only_a_smart_app_has_such_scopes(house: House) -> None:
    odd = register(house, "odd", FOOD_BANK, key=new_key(), dpop_key=new_key(), scopes="user/*.rs system/*.rs")
    assert odd.push(**asking(odd, "user/*.rs")).get_json()["error"] == "invalid_scope"
    assert odd.token(scope="system/*.rs").get_json()["error"] == "invalid_scope"


def test_an_app_has_its_own_token_address_and_no_other(app: Partner, fapi: Partner) -> None:
    code = app.code(who="gp", **asking(app, USER))
    there = replace(app, token_path="/oauth/token")
    assert there.redeem(code).get_json()["error"] == "invalid_client"
    assert replace(app, audience=app.issuer).push(**asking(app, USER)).status_code == 401
    assert replace(fapi, token_path="/smart/token").token().get_json()["error"] == "invalid_client"


@row("SMART-08")
def test_an_assertion_is_used_once_and_no_address_in_it_is_followed(
    service: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("an address in a token was followed")

    monkeypatch.setattr(socket, "create_connection", refuse)
    assertion = service.assertion()
    assert service.token(scope="system/*.rs", assertion=assertion).status_code == 200
    assert service.token(scope="system/*.rs", assertion=assertion).status_code == 401
    stranger = new_key("ES256", service.key.kid)
    for header in ({"jku": "https://evil.example/jwks"}, {"x5u": "https://evil.example/x5"}):
        forged = signed(service.claims(), stranger, **header)
        assert service.token(scope="system/*.rs", assertion=forged).status_code == 401


# ---- reading ----


@row("SMART-03", "SMART-11")
def test_a_workers_app_reads_what_they_may_within_its_scopes(app: Partner) -> None:
    given = used_by_gp(app)
    assert (given["token_type"], given["expires_in"]) == ("DPoP", 300)
    assert "patient" not in given
    answer = read(app, given["access_token"], handle(app, given["access_token"]), "problems")
    assert kinds(answer) == {"Patient", "Condition"}
    said = app.introspect(given["access_token"]).get_json()
    assert (said["active"], said["client_id"], said["scope"]) == (True, "smart-app", USER)
    assert said["exp"] > app.now


@pytest.mark.parametrize(
    ("scope", "sections"),
    [
        ("user/Condition.rs", ["allergies-and-adverse-reaction"]),
        ("user/AllergyIntolerance.read", ["problems"]),
        ("user/Condition.rs", ["problems", "allergies-and-adverse-reaction"]),
    ],
)
def test_a_section_outside_the_scopes_is_refused(app: Partner, scope: str, sections: list[str]) -> None:
    token = used_by_gp(app, f"{scope} residents.find")["access_token"]
    answer = read(app, token, handle(app, token), *sections)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "outside-grant")


@pytest.mark.parametrize("form", ["view", "fhir-document"])
def test_a_smart_token_opens_a_search_and_no_other_form(app: Partner, form: str) -> None:
    token = used_by_gp(app)["access_token"]
    answer = read(app, token, handle(app, token), "problems", format=form)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "outside-grant")


@dataclass
class ToldFhir(ToldSource):
    """A source that holds FHIR resources, by section."""

    resources: Mapping[Section, tuple[dict[str, Any], ...]] = field(default_factory=dict)

    @property
    def sections(self) -> frozenset[Section]:
        return frozenset(self.resources)

    async def fetch(self, resident: ResidentIdentity, sections: frozenset[Section]) -> SourceAnswer:
        return SourceAnswer(
            entries=tuple(
                RecordEntry(
                    id=f"{section.value}-{number}",
                    section=section,
                    title=str(resource["id"]),
                    provenance=Provenance(source=self.id, received_at=NOON, organisation=self.organisation),
                    original=resource,
                    fhir_release="4.0",
                )
                for section in sorted(sections)
                for number, resource in enumerate(self.resources.get(section, ()))
            )
        )


def of_category(name: str) -> list[dict[str, Any]]:
    return [{"coding": [{"system": CATEGORY, "code": name}]}]


HOUSING = (
    {"resourceType": "Observation", "id": "at-home", "category": of_category("social-history")},
    {"resourceType": "Observation", "id": "measured", "category": of_category("vital-signs")},
    {"resourceType": "Observation", "id": "uncategorised"},
    {"resourceType": "Condition", "id": "homeless", "category": of_category("social-history")},
)


@row("SMART-05")
@pytest.mark.parametrize(
    ("scope", "shown"),
    [
        (f"user/{SOCIAL}", {"Observation": 1}),
        ("user/Observation.rs", {"Observation": 3}),
        ("user/Condition.rs", {"Condition": 1}),
        (f"user/{SOCIAL} user/Condition.rs", {"Observation": 1, "Condition": 1}),
        ("user/*.rs", {"Observation": 3, "Condition": 1}),
    ],
)
def test_a_scope_shows_its_own_types_and_categories_and_nothing_beside_them(
    app: Partner, scope: str, shown: dict[str, int]
) -> None:
    app.house.sources["millrace-gp"] = ToldFhir("millrace-gp", SURGERY, resources={Section.HOUSING: HOUSING})
    app.house.sources["council-care"] = ToldFhir("council-care", SURGERY)
    token = used_by_gp(app, f"{scope} residents.find")["access_token"]
    answer = read(app, token, handle(app, token), "housing")
    assert answer.status_code == 200, answer.text
    found = [each["resource"]["resourceType"] for each in answer.get_json()["entry"] if _is_match(each)]
    assert {kind: found.count(kind) for kind in found} == shown
    assert answer.get_json()["total"] == sum(shown.values())


def _is_match(entry: dict[str, Any]) -> bool:
    return bool(entry["search"]["mode"] == "match")


@row("SMART-04")
def test_no_scope_opens_what_policy_keeps_shut(app: Partner, service: Partner) -> None:
    """Ben is known to nobody here: every scope there is changes nothing of that."""
    token = used_by_gp(app)["access_token"]
    sought = {"nhs_number": "9990000026", "born_on": "2015-06-01"}
    ben = app.call("POST", "/api/residents/find", token, json=sought).get_json()["resident"]
    own = service.token(scope="system/*.rs").get_json()["access_token"]
    for partner, text in ((app, token), (service, own)):
        answer = read(partner, text, ben, "problems")
        assert (answer.status_code, answer.get_json()["code"]) == (403, "access-refused")


def test_a_smart_token_opens_no_other_door(app: Partner) -> None:
    token = used_by_gp(app, "user/*.rs")["access_token"]
    for path in ("/api/residents/find", "/api/access-requests", "/access/v1/evaluation"):
        answer = app.call("POST", path, token, json={})
        assert (answer.status_code, answer.get_json()["code"]) == (403, "scope-missing"), path


# ---- services ----


@row("SMART-09")
def test_a_service_is_given_a_short_token_that_is_not_renewed(service: Partner) -> None:
    answer = service.token(scope="system/*.rs residents.find")
    body = answer.get_json()
    assert answer.status_code == 200, body
    assert body["expires_in"] == 300
    assert "refresh_token" not in body
    worker = {"person": "gp", "role": "clinician"}
    token = body["access_token"]
    assert kinds(read(service, token, handle(service, token), "problems", worker=worker)) == {"Patient", "Condition"}
    service.house.wait(timedelta(seconds=300))
    assert read(service, token, "a" * 40, "problems").status_code == 401


@pytest.mark.parametrize("scope", ["user/*.rs", "system/*.cruds", "launch/patient", "offline_access system/*.rs", ""])
def test_a_service_has_system_scopes_alone(service: Partner, scope: str) -> None:
    assert service.token(scope=scope).get_json()["error"] == "invalid_scope"


# ---- a resident's own app ----


@row("SMART-07")
def test_a_residents_app_is_told_who_the_resident_is_by_a_name_of_its_own(app: Partner) -> None:
    scope = "launch/patient patient/Condition.rs"
    given = app.granted(who="resident:ada", **asking(app, scope))
    worker = used_by_gp(app)["access_token"]
    assert given["patient"] == handle(app, worker), "the name that the organisation knows them by"
    said = app.introspect(given["access_token"]).get_json()
    assert said["patient"] == given["patient"]
    assert said["sub"].startswith("resident:")
    assert "ada" not in said["sub"]


def own(app: Partner, token: str, **body: Any) -> Any:
    return app.call("POST", "/api/my/record", token, json={"format": "fhir-searchset", **body})


def test_a_residents_app_reads_that_residents_record_within_its_scopes(app: Partner) -> None:
    given = app.granted(who="resident:ada", **asking(app, "launch/patient patient/Condition.rs"))
    answer = own(app, given["access_token"], sections=["problems"])
    assert answer.status_code == 200, answer.text
    matches = [each["resource"]["resourceType"] for each in answer.get_json()["entry"] if _is_match(each)]
    assert set(matches) == {"Condition"}
    beyond = own(app, given["access_token"], sections=["problems", "allergies-and-adverse-reaction"])
    assert (beyond.status_code, beyond.get_json()["code"]) == (403, "outside-grant")
    other = own(app, given["access_token"], format="view", sections=["problems"])
    assert (other.status_code, other.get_json()["code"]) == (403, "outside-grant")


def test_a_residents_app_opens_no_record_by_an_organisations_door_nor_a_workers_app_by_a_residents(
    app: Partner,
) -> None:
    given = app.granted(who="resident:ada", **asking(app, "launch/patient patient/*.rs"))
    answer = read(app, given["access_token"], given["patient"], "problems")
    assert (answer.status_code, answer.get_json()["code"]) == (403, "partners-only")
    worker = used_by_gp(app)["access_token"]
    answer = own(app, worker, sections=["problems"])
    assert (answer.status_code, answer.get_json()["code"]) == (403, "residents-only")


def test_an_app_that_may_only_know_who_the_resident_is_reads_nothing(app: Partner) -> None:
    given = app.granted(who="resident:ada", **asking(app, "launch/patient"))
    answer = own(app, given["access_token"], sections=["problems"])
    assert (answer.status_code, answer.get_json()["code"]) == (403, "scope-missing")


def test_another_organisation_is_told_another_name(app: Partner, house: House) -> None:
    desk = register(house, "desk", FOOD_BANK, key=new_key(), dpop_key=new_key(), resource_server=True)
    given = app.granted(who="resident:ada", **asking(app, "launch/patient"))
    told = desk.introspect(given["access_token"]).get_json()
    assert told["active"] is True
    assert told["patient"] != given["patient"]


def test_a_worker_cannot_launch_a_residents_app(app: Partner) -> None:
    answered = app.authorize(app.pushed(**asking(app, "launch/patient")), who="gp")
    assert answered.answer.status_code == 403


def test_only_an_app_that_asked_to_go_on_alone_may_renew(app: Partner) -> None:
    assert "refresh_token" not in used_by_gp(app)
    assert "refresh_token" not in used_by_gp(app, f"{USER} online_access")
    given = app.granted(who="resident:ada", **asking(app, "launch/patient offline_access"))
    renewed = app.refresh(given["refresh_token"])
    assert renewed.status_code == 200, renewed.text
    assert renewed.get_json()["patient"] == given["patient"], "a launch is told again with every token"
    assert smart.base(app.house.broker.settings) == f"{app.issuer}/fhir"
