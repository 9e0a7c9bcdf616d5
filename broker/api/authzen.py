"""The AuthZEN Authorization API 1.0: would the broker share this, with whom, for what? Releases nothing, ever.

Every question is a decision like any other: live, by the policy in force, and on the trail. A no is an answer (200);
401 and 403 are about the token. What a requester may not be told is kept here exactly as at the record door.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Response, json, jsonify, request
from flask_smorest import Blueprint
from marshmallow import ValidationError

from broker.access.policy import published_bundle
from broker.access.release import decide_only
from broker.access.request import AccessRequest, Requester
from broker.api import authzen_search as searches
from broker.api import authzen_shapes as shapes
from broker.api.authzen_answer import answer, needs_step_up, not_answered
from broker.api.authzen_pages import page
from broker.api.authzen_question import Entity, question
from broker.api.authzen_search import Search
from broker.api.partner import SECURED
from broker.doors import now, parts, session
from broker.errors import InvalidInput, NotFound, NotPermitted
from broker.oauth.guard import needs_scope, presented, public
from broker.oauth.limits import limits_of

PREFIX = "/access/v1"
SCOPE = "records.read"  # whoever may ask for the record may ask whether they would be given it
ENDPOINTS = {
    "access_evaluation_endpoint": "/evaluation",
    "access_evaluations_endpoint": "/evaluations",
    "search_subject_endpoint": "/search/subject",
    "search_resource_endpoint": "/search/resource",
    "search_action_endpoint": "/search/action",
}
STOPS_AT = {"deny_on_first_deny": False, "permit_on_first_permit": True}
ENTITIES = ("subject", "action", "resource", "context")
IDENTIFYING = ("type", "id", "name")  # what a question may leave to the default even of an entity it names
UNPRINTABLE = re.compile(r"[^ -~]")
LONGEST_REQUEST_ID = 200

routes = Blueprint("api_authzen", __name__, url_prefix=PREFIX, description="AuthZEN Authorization API 1.0.")
routes.ARGUMENTS_PARSER = shapes.ForgivingParser()


def register(app: Flask) -> None:
    """Add the metadata, and give every answer under this door the identifier its request came with."""
    app.add_url_rule("/.well-known/authzen-configuration", "authzen_configuration", configuration)
    app.after_request(_echo)


@public
def configuration() -> Response:
    """Where everything is (AuthZEN, Policy Decision Point Metadata). Our own URL as configured, never as asked."""
    issuer = parts().settings.issuer
    endpoints = {name: f"{issuer}{PREFIX}{path}" for name, path in ENDPOINTS.items()}
    answered = jsonify(policy_decision_point=issuer, **endpoints)
    answered.headers["Cache-Control"] = "public, max-age=3600"
    return answered


@routes.route("/evaluation", methods=["POST"])
@routes.doc(security=SECURED)
@needs_scope(SCOPE)
@shapes.wrong_is_400
@routes.arguments(shapes.EvaluationSchema)
@routes.response(200, shapes.DecisionSchema, description="The decision, and why as far as you may be told.")
def evaluation(body: dict[str, Any]) -> Response:
    """Would this be shared?"""
    return _given(_evaluate(body, _asker()))


@routes.route("/evaluations", methods=["POST"])
@routes.doc(security=SECURED)
@needs_scope(SCOPE)
@shapes.wrong_is_400
@routes.arguments(shapes.EvaluationsSchema)
@routes.response(200, shapes.DecisionsSchema, description="A decision for each question, in order.")
def evaluations(body: dict[str, Any]) -> Response:
    """Would each of these be shared? Without ``evaluations``, would this one?"""
    asker = _asker()
    asked = body.get("evaluations")
    if not asked:
        return _given(_evaluate(_loaded(body), asker))
    stop = STOPS_AT.get(body.get("options", {}).get("evaluations_semantic", ""))
    answers: list[dict[str, Any]] = []
    for each in asked:
        answers.append(_evaluated(_with_defaults(each, body), asker))
        if answers[-1]["decision"] is stop:
            break
    return _given({"evaluations": answers})


@routes.route("/search/subject", methods=["POST"])
@routes.doc(security=SECURED)
@needs_scope(SCOPE)
@shapes.wrong_is_400
@routes.arguments(shapes.SubjectSearchSchema)
@routes.response(200, shapes.SearchAnswerSchema, description="Those of your own people who would be given it.")
def search_subject(body: dict[str, Any]) -> Response:
    """Which of your own people would be given this?"""
    return _search("subject", searches.subjects, body)


@routes.route("/search/resource", methods=["POST"])
@routes.doc(security=SECURED)
@needs_scope(SCOPE)
@shapes.wrong_is_400
@routes.arguments(shapes.ResourceSearchSchema)
@routes.response(200, shapes.SearchAnswerSchema, description="The sections of this record that would be shared.")
def search_resource(body: dict[str, Any]) -> Response:
    """Which sections of this record would be shared?"""
    return _search("resource", searches.resources, body)


@routes.route("/search/action", methods=["POST"])
@routes.doc(security=SECURED)
@needs_scope(SCOPE)
@shapes.wrong_is_400
@routes.arguments(shapes.ActionSearchSchema)
@routes.response(200, shapes.SearchAnswerSchema, description="The purposes for which this would be shared.")
def search_action(body: dict[str, Any]) -> Response:
    """For which purposes would this be shared?"""
    return _search("action", searches.actions, body)


def _asker() -> Requester:
    if presented().token.organisation_code is None:
        raise NotPermitted("partners-only", "Only an organisation's worker or system may do this.")
    if limits_of(presented().token) is not None:
        raise NotPermitted("outside-grant", "The token was given for part of one record, and opens that alone.")
    return presented().requester()


def _evaluate(body: Entity, asker: Requester) -> dict[str, Any]:
    try:
        asked = question(session(), body, asker=asker, now=now())
        decision = decide_only(parts(), session(), asked)
    except NotFound as refusal:
        return not_answered(refusal)
    needed = _assurance_needed(asked) if needs_step_up(asked, decision) else None
    return answer(asked, decision, assurance=needed)


def _evaluated(body: Entity, asker: Requester) -> dict[str, Any]:
    """One of many: what is wrong with it is its own answer, and no fault of the others."""
    try:
        return _evaluate(_loaded(body), asker)
    except InvalidInput as refusal:
        return not_answered(refusal)


def _loaded(body: Mapping[str, Any]) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = shapes.EvaluationSchema().load(body)
    except ValidationError as error:
        raise shapes.wrongly_said(error) from error
    return loaded


def _with_defaults(asked: Entity, body: Entity) -> dict[str, Any]:
    """The question with what it leaves to the defaults: whole entities, and of those it names what identifies them."""
    full = {name: body[name] for name in ENTITIES if name in body} | dict(asked)
    for name in ("subject", "action", "resource"):
        default, own = body.get(name, {}), asked.get(name)
        if isinstance(own, dict):
            full[name] = {part: default[part] for part in IDENTIFYING if part in default} | own
    return full


def _assurance_needed(asked: AccessRequest) -> int:
    """The least assurance that the policy in force asks of this purpose, and of an emergency where one is declared."""
    tables = published_bundle(session()).data["sharing"]["tables"]
    least: int = tables["assurance"].get(asked.purpose.value, 0)
    return max(least, tables["break_glass"]["assurance"]) if asked.break_glass else least


def _search(name: str, look: Callable[[Search, Entity], dict[str, Any]], body: dict[str, Any]) -> Response:
    asker = _asker()
    wanted = page(body, search=name, asker=asker, key=parts().settings.secret("authzen-pages"))
    try:
        return _given(look(Search(parts(), session(), asker, now(), wanted), body))
    except NotFound:
        return _given(searches.nothing())


def _given(body: dict[str, Any]) -> Response:
    answered = Response(json.dumps(body, sort_keys=False), mimetype="application/json")
    answered.headers["Cache-Control"] = "no-store"
    return answered


def _echo(response: Response) -> Response:
    """``X-Request-ID`` as it came (AuthZEN, request identification), as far as it is plain and not too long."""
    said = UNPRINTABLE.sub("", request.headers.get("X-Request-ID", ""))[:LONGEST_REQUEST_ID]
    if said and request.path.startswith(f"{PREFIX}/"):
        response.headers["X-Request-Id"] = said
    return response
