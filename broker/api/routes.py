"""The API's routes and their OpenAPI 3.1 description. Each parses, calls one domain function and renders."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, current_app, jsonify
from flask_smorest import Api, Blueprint

from broker.api import authzen, own, partner
from broker.api.described import Refusals
from broker.oauth.guard import public
from broker.vocabulary import DenialReason, GapCause, Obligation, Purpose, Section, Sensitivity, Silence


class BrokerApi(Api):  # type: ignore[misc]  # flask-smorest is untyped
    """flask-smorest, leaving every error to ``problems`` so that no header of an error is lost."""

    DEFAULT_ERROR_RESPONSE_NAME = None  # ``described.Refusals`` says what is refused

    def _register_error_handlers(self) -> None:
        """Errors are answered in one place for every door."""


vocabulary_routes = Blueprint("api_vocabulary", __name__, url_prefix="/api", description="The words the API uses.")


@vocabulary_routes.route("/vocabulary")
@vocabulary_routes.response(200, description="Every code, with its label.")
@public
def vocabulary() -> Response:
    """Every code the API takes or gives, with a label in plain words."""
    kinds = (Purpose, Section, Sensitivity, DenialReason, GapCause, Silence, Obligation)
    answer: dict[str, Any] = {kind.__name__: {code.value: code.label for code in kind} for kind in kinds}
    return jsonify(answer)


def register(app: Flask) -> None:
    """Add every route and ``/api/openapi.json``."""
    app.config.update(
        API_TITLE="Neighbourhood data-sharing and consent broker",
        API_VERSION="1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={
            "info": {"description": "Ask for, decide on and read sections of a resident's record, with their say."},
            "components": {
                "securitySchemes": {
                    "token": {"type": "http", "scheme": "bearer", "description": "An opaque token from /oauth/token."}
                }
            },
        },
    )
    api = BrokerApi(app, spec_kwargs={"extra_plugins": [Refusals()]})
    for blueprint in (vocabulary_routes, partner.routes, own.routes, authzen.routes):
        api.register_blueprint(blueprint)
    describe: Any = app.view_functions["api-docs.openapi_json"]

    @public
    def description() -> Response:
        return current_app.make_response(describe())

    app.view_functions["api-docs.openapi_json"] = description
