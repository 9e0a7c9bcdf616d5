"""The AuthZEN door: one question and its answer, what is wrongly said, and where everything is."""

from __future__ import annotations

from typing import Any

import pytest

from broker.errors import EngineUnavailable, TrailUnavailable
from broker.vocabulary import AuditAction
from tests.doors.asking import (
    ADVISER,
    BOTH,
    MONEY,
    PATHS,
    PROBLEMS,
    QUESTION,
    SYSTEM,
    VACCINATIONS,
    Ask,
    agreed,
    ask,
    but,
    codes,
    decisions,
    post,
    steadily,
    steady,
)
from tests.doors.conftest import House
from tests.people import BEN_BORN, BEN_NUMBER

__all__ = ["agreed", "ask", "steadily", "steady"]  # fixtures


# ---- one question --------------------------------------------------------------------------------------------------


def test_what_ada_agreed_to_is_a_yes_with_what_it_rests_on(ask: Ask, agreed: str) -> None:
    answer = ask(QUESTION)
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    said = answer.get_json()
    assert said["decision"] is True
    context = said["context"]
    assert context["agreements"] == ["TB-ADVICE"]
    assert context["sections"] == [
        {"section": "housing", "decision": True, "held": True, "sources": {"permitted": 2, "withheld": 0}}
    ]
    assert (context["reasons"], context["requestable"]) == ([], False)
    assert context["valid_until"] == "2026-12-20T12:00:00+00:00"
    assert context["revision"]
    assert context["decision_id"]


def test_without_permission_it_is_a_no_that_says_why_and_that_asking_could_help(ask: Ask) -> None:
    answer = ask(QUESTION)
    assert answer.status_code == 200
    said = answer.get_json()
    assert said["decision"] is False
    (reason,) = said["context"]["reasons"]
    assert (reason["code"], reason["layer"], reason["section"]) == ("no-relationship", "relationship", "housing")
    assert reason["detail"]
    assert reason["hint"]
    assert reason["sources"] == ["council-care", "millrace-gp"]
    assert said["context"]["requestable"] is True
    assert said["context"]["valid_until"] is None


NO_SUCH_THING = [
    ("another organisation's worker", but(QUESTION, "subject.id", "gp"), "subject-unknown"),
    ("a worker who never was", but(QUESTION, "subject.id", "nobody"), "subject-unknown"),
    ("a kind of subject nobody knows", but(QUESTION, "subject.type", "spaceship"), "subject-unknown"),
    ("one's own organisation's system, for a worker", but(QUESTION, "subject", SYSTEM), "subject-unknown"),
    (
        "oneself in another role",
        but(QUESTION, "subject.properties", {"role": "clinician"}),
        "subject-unknown",
    ),
    ("an action that is not sharing", but(QUESTION, "action.name", "delete"), "action-unknown"),
    ("a purpose nobody knows", but(QUESTION, "action.properties.purpose", "curiosity"), "purpose-unknown"),
    ("a section nobody knows", but(QUESTION, "resource.id", "diary"), "section-unknown"),
    ("a kind of resource nobody knows", but(QUESTION, "resource.type", "spaceship"), "resource-unknown"),
    ("a handle never given", but(QUESTION, "resource.properties.resident", "0" * 40), "resident-unknown"),
    ("a resident's own id", but(QUESTION, "resource.properties.resident", "ada"), "resident-unknown"),
    (
        "a record with a section nobody knows",
        but(QUESTION, "resource", {**BOTH, "properties": {"sections": ["diary"]}}),
        "section-unknown",
    ),
]


@pytest.mark.parametrize(("body", "code"), [pytest.param(b, c, id=name) for name, b, c in NO_SUCH_THING])
def test_what_is_not_there_is_a_no_that_decides_nothing(steadily: Ask, body: dict[str, Any], code: str) -> None:
    answer, decided = steadily(body)
    assert answer.status_code == 200
    said = answer.get_json()
    assert said["decision"] is False
    assert said["context"]["error"]["status"] == 404
    assert said["context"]["error"]["code"] == code
    assert set(said["context"]) == {"error"}
    assert decided == []


# Each beside the plain yes: (changes to the question, whether it is still a yes, a reason where it is not).
AGREED = [
    ("as it is", QUESTION, True, None),
    ("with a context", {**QUESTION, "context": {"time": "1985-10-26T01:22-07:00", "ip": "192.0.2.1"}}, True, None),
    ("with a reason", {**QUESTION, "context": {"reason": "Arrears"}}, True, None),
    ("with fields nobody knows", {**QUESTION, "foo": "bar", "futureField": {"nested": True}}, True, None),
    ("with unknown properties", but(QUESTION, "subject.properties", {"department": "Sales"}), True, None),
    ("with one's own role", but(QUESTION, "subject.properties", {"role": "case-worker"}), True, None),
    ("of money", but(QUESTION, "resource", MONEY), True, None),
    ("of two sections", but(QUESTION, "resource", BOTH), True, None),
    ("of a section outside it", but(QUESTION, "resource", PROBLEMS), False, "section-not-for-purpose"),
    (
        "of two, one outside it",
        but(QUESTION, "resource", {**BOTH, "properties": {"sections": ["housing", "problems"]}}),
        False,
        "section-not-for-purpose",
    ),
    ("of a section held nowhere", but(QUESTION, "resource", VACCINATIONS), False, None),
    ("for another purpose", but(QUESTION, "action.properties.purpose", "advice-housing"), False, "no-agreement"),
    (
        "for a purpose of another kind of organisation",
        but(QUESTION, "action.properties.purpose", "direct-care"),
        False,
        "purpose-not-for-kind",
    ),
    ("for a group of purposes", but(QUESTION, "action.properties.purpose", "advice"), False, "purpose-too-broad"),
    ("signed in too weakly", but(QUESTION, "subject.properties", {"assurance": 0}), False, "assurance-too-low"),
    ("signed in more surely than known", but(QUESTION, "subject.properties", {"assurance": 3}), True, None),
    (
        "in an emergency that a charity cannot declare",
        {**QUESTION, "context": {"break_glass": {"reason": "Locked out"}}},
        False,
        "break-glass-not-permitted",
    ),
]


@pytest.mark.parametrize(("body", "yes", "code"), [pytest.param(*row, id=name) for name, *row in AGREED])
def test_what_ada_agreed_to_is_shared_and_nothing_beside_it(
    steady: House, steadily: Ask, body: dict[str, Any], yes: bool, code: str | None
) -> None:
    answer, decided = steadily(body)
    assert answer.status_code == 200, answer.get_json()
    said = answer.get_json()
    assert said["decision"] is yes
    assert ({code} if code else set()) <= codes(said)
    (entry,) = decided
    assert entry.body["decision"] == said["context"]["decision_id"]
    assert not any(source.asked for source in steady.sources.values())


def test_the_same_question_has_the_same_answer_however_often(ask: Ask, agreed: str) -> None:
    assert [ask(QUESTION).get_json()["decision"] for _ in range(3)] == [True] * 3
    no = but(QUESTION, "resource", PROBLEMS)
    assert [ask(no).get_json()["decision"] for _ in range(3)] == [False] * 3


def test_a_sign_in_that_is_too_weak_is_told_which_would_do(ask: Ask, agreed: str) -> None:
    weak = ask(but(QUESTION, "subject.properties", {"assurance": 0})).get_json()
    assert weak["context"]["acr_values"] == "urn:neighbourhood-broker:assurance:1"
    assert "acr_values" not in ask(QUESTION).get_json()["context"]


def test_an_emergency_is_answered_and_as_nothing_leaves_nobody_is_told(house: House, gp: str) -> None:
    sought = {"nhs_number": BEN_NUMBER, "born_on": BEN_BORN.isoformat()}
    handle = house.call("POST", "/api/residents/find", token=gp, json=sought).get_json()["resident"]
    body = {
        "subject": {"type": "person", "id": "gp"},
        "action": {"name": "share", "properties": {"purpose": "emergency"}},
        "resource": {
            "type": "record-section",
            "id": "allergies-and-adverse-reaction",
            "properties": {"resident": handle},
        },
    }
    assert post(house, "evaluation", gp, json=body).get_json()["decision"] is False
    emergency = {**body, "context": {"break_glass": {"reason": "Found collapsed"}}}
    said = post(house, "evaluation", gp, json=emergency).get_json()
    assert said["decision"] is True
    told = {duty["code"] for duty in said["context"]["obligations"]}
    assert {"notify-resident", "notify-privacy-officer", "review"} <= told
    assert decisions(house)[0].note == "Found collapsed"
    with house.session() as session:
        assert house.broker.trail.entries(session, actions=[AuditAction.RELEASE], limit=1) == []


def test_a_record_is_a_yes_where_every_section_is_and_each_says_its_own(ask: Ask, agreed: str) -> None:
    both = {**BOTH, "properties": {"sections": ["housing", "problems"]}}
    said = ask(but(QUESTION, "resource", both)).get_json()
    assert said["decision"] is False
    assert [(each["section"], each["decision"]) for each in said["context"]["sections"]] == [
        ("problems", False),
        ("housing", True),
    ]
    assert said["context"]["agreements"] == ["TB-ADVICE"]


def test_where_the_policy_cannot_be_asked_the_answer_is_no(
    house: House, ask: Ask, agreed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise EngineUnavailable("gone")

    monkeypatch.setattr(house.broker.policy.engine, "decide", broken)
    answer = ask(QUESTION)
    assert (answer.status_code, answer.get_json()["decision"]) == (200, False)
    assert codes(answer.get_json()) == {"policy-unavailable"}


def test_where_the_trail_cannot_be_written_there_is_no_answer(
    house: House, ask: Ask, agreed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise TrailUnavailable("the disk is full")

    monkeypatch.setattr(house.broker.trail, "record", broken)
    answer = ask(QUESTION)
    assert answer.status_code == 503
    assert "decision" not in answer.get_json()


# ---- what is wrongly said ------------------------------------------------------------------------------------------

WRONG = [
    ("no subject", but(QUESTION, "subject"), "subject"),
    ("no action", but(QUESTION, "action"), "action"),
    ("no resource", but(QUESTION, "resource"), "resource"),
    ("no subject type", but(QUESTION, "subject.type"), "subject.type"),
    ("no subject id", but(QUESTION, "subject.id"), "subject.id"),
    ("no action name", but(QUESTION, "action.name"), "action.name"),
    ("no resource type", but(QUESTION, "resource.type"), "resource.type"),
    ("no resource id", but(QUESTION, "resource.id"), "resource.id"),
    ("a subject that is text", but(QUESTION, "subject", "adviser"), "subject"),
    ("a subject that is a list", but(QUESTION, "subject", [ADVISER]), "subject"),
    ("a name that is a number", but(QUESTION, "action.name", 123), "action.name"),
    ("an id that is a number", but(QUESTION, "resource.id", 7), "resource.id"),
    ("an id that is an object", but(QUESTION, "subject.id", {"is": "adviser"}), "subject.id"),
    ("a type that is null", {**QUESTION, "subject": {"type": None, "id": "adviser"}}, "subject.type"),
    ("properties that are text", but(QUESTION, "action.properties", "advice-debt"), "action.properties"),
    ("a context that is text", {**QUESTION, "context": "now"}, "context"),
    ("no purpose", but(QUESTION, "action.properties"), "action.properties.purpose"),
    ("a purpose that is a number", but(QUESTION, "action.properties.purpose", 7), "action.properties.purpose"),
    ("no resident", but(QUESTION, "resource.properties"), "resource.properties.resident"),
    ("a resident in a list", but(QUESTION, "resource.properties.resident", ["$ada"]), "resource.properties.resident"),
    ("no sections", but(QUESTION, "resource", but(BOTH, "properties")), "resource.properties.sections"),
    ("sections that are text", but(QUESTION, "resource", {**BOTH, "properties": {"sections": "housing"}}), "sections"),
    ("an empty list of sections", but(QUESTION, "resource", {**BOTH, "properties": {"sections": []}}), "sections"),
    ("an assurance in words", but(QUESTION, "subject.properties", {"assurance": "high"}), "assurance"),
    ("an assurance there is not", but(QUESTION, "subject.properties", {"assurance": 4}), "assurance"),
    ("a role that is a number", but(QUESTION, "subject.properties", {"role": 7}), "subject.properties.role"),
    ("an emergency in a word", {**QUESTION, "context": {"break_glass": "yes"}}, "context.break_glass"),
    ("an emergency without a reason", {**QUESTION, "context": {"break_glass": {}}}, "context.break_glass.reason"),
    ("too long a reason", {**QUESTION, "context": {"reason": "x" * 501}}, "context.reason"),
]


@pytest.mark.parametrize(("body", "field"), [pytest.param(b, f, id=name) for name, b, f in WRONG])
def test_what_is_wrongly_said_is_named_and_decides_nothing(steadily: Ask, body: dict[str, Any], field: str) -> None:
    answer, decided = steadily(body)
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    said = answer.get_json()
    assert said["status"] == 400
    assert said["title"]
    assert field in said["field"]
    assert decided == []


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        pytest.param(b"", "application/json", "malformed", id="empty"),
        pytest.param(b"{", "application/json", "malformed", id="not JSON"),
        pytest.param(b"[]", "application/json", "invalid-request", id="a list"),
        pytest.param(b"null", "application/json", "invalid-request", id="null"),
        pytest.param(b'"x"', "application/json", "invalid-request", id="text"),
        pytest.param(b"{}", "application/json", "invalid-request", id="nothing said"),
        pytest.param(b"{}", "text/plain", "media-type", id="another type"),
        pytest.param(b"a=b", "application/x-www-form-urlencoded", "media-type", id="a form"),
        pytest.param(b'{"subject":1,"subject":2}', "application/json", "duplicate-field", id="twice"),
        pytest.param(b'{"subject":"\xff"}', "application/json", "not-utf-8", id="not UTF-8"),
        pytest.param(b'{"subject":NaN}', "application/json", "not-json", id="not a number"),
        pytest.param(b'{"a":' * 99 + b"1" + b"}" * 99, "application/json", "too-deep", id="too deep"),
    ],
)
def test_a_body_that_cannot_be_read_is_400_on_every_route(
    steady: House, body: bytes, content_type: str, code: str
) -> None:
    adviser = steady.token(person="adviser")
    for path in PATHS:
        answer = post(steady, path, adviser, data=body, content_type=content_type, headers={"X-Request-ID": "seven"})
        assert (answer.status_code, answer.get_json()["code"]) == (400, code), path
        assert answer.headers["X-Request-ID"] == "seven"


# ---- the rest of the binding ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "came_back"),
    [
        ("bfe9eb29-ab87-4ca3-be83-a1d5d8305716", "bfe9eb29-ab87-4ca3-be83-a1d5d8305716"),
        ("any words, as it pleases", "any words, as it pleases"),
        ("x" * 500, "x" * 200),
        ("caf\xe9\t!", "caf!"),
    ],
)
def test_a_requests_identifier_comes_back_bounded_and_plain(ask: Ask, sent: str, came_back: str) -> None:
    for path, body in (("evaluation", QUESTION), ("evaluation", {}), ("evaluations", QUESTION)):
        assert ask(body, path, headers={"X-Request-ID": sent}).headers.getlist("X-Request-ID") == [came_back]


def test_an_identifier_comes_back_with_a_refusal_and_without_one_there_is_ours(house: House, ask: Ask) -> None:
    refused = post(house, "evaluation", None, json=QUESTION, headers={"X-Request-ID": "seven"})
    assert (refused.status_code, refused.headers["X-Request-ID"]) == (401, "seven")
    wrong = house.client.get("/access/v1/evaluation", headers={"X-Request-ID": "seven"})
    assert (wrong.status_code, wrong.headers["X-Request-ID"]) == (405, "seven")
    assert len(ask(QUESTION).headers["X-Request-ID"]) == 32


def test_the_metadata_names_this_broker_and_every_route_and_no_more(house: House) -> None:
    answer = house.client.get("/.well-known/authzen-configuration")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    said = answer.get_json()
    assert said.pop("policy_decision_point") == house.broker.settings.issuer
    served = {rule.rule for rule in house.app.url_map.iter_rules() if rule.rule.startswith("/access/")}
    assert set(said.values()) == {f"{house.broker.settings.issuer}{path}" for path in served}
    assert set(said) == {
        "access_evaluation_endpoint",
        "access_evaluations_endpoint",
        "search_subject_endpoint",
        "search_resource_endpoint",
        "search_action_endpoint",
    }


def test_every_route_is_described_with_its_shapes(house: House) -> None:
    paths = house.client.get("/api/openapi.json").get_json()["paths"]
    for path in PATHS:
        post_ = paths[f"/access/v1/{path}"]["post"]
        assert post_["security"] == [{"token": []}]
        assert "$ref" in post_["requestBody"]["content"]["application/json"]["schema"]
        assert "$ref" in post_["responses"]["200"]["content"]["application/json"]["schema"]
