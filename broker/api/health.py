"""Whether the broker is alive, and whether it is ready to decide. Says nothing of anybody."""

from __future__ import annotations

from flask import Flask, Response, jsonify
from sqlalchemy import text

from broker.doors import parts, session
from broker.errors import EngineUnavailable, Fault
from broker.oauth.guard import public


def register(app: Flask) -> None:
    app.add_url_rule("/health", "health", health)
    app.add_url_rule("/ready", "ready", ready)


@public
def health() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@public
def ready() -> tuple[Response, int]:
    """The database answers and a policy is in force. 503 says which does not."""
    try:
        session().execute(text("SELECT 1"))
    except Exception:  # whatever the driver raises, the answer is the same
        return jsonify(status="not-ready", waiting_for="database"), 503
    try:
        revision = parts().policy.revision(session())
    except (EngineUnavailable, Fault):
        return jsonify(status="not-ready", waiting_for="policy"), 503
    return jsonify(status="ok", revision=revision), 200
