"""A refusal or a fault, as a page in words. The one place where the door for people turns errors into answers.

Never shows a trace, a message of somebody else's, or whether something exists that the reader may not know of.
"""

from __future__ import annotations

import secrets

from flask import Response, current_app, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from broker import logs
from broker.errors import Conflict, Fault, InvalidInput, NotAuthenticated, NotFound, NotPermitted, Refusal, TooMany

log = logs.logger(__name__)

STATUS: dict[type[Refusal], int] = {
    InvalidInput: 422,
    NotAuthenticated: 401,
    NotPermitted: 403,
    NotFound: 404,
    Conflict: 409,
    TooMany: 429,
}

HEADINGS = {
    400: "There is a problem with what was sent",
    401: "Sign in first",
    403: "You cannot do this",
    404: "Page not found",
    405: "Page not found",
    409: "This has changed since you opened it",
    413: "What was sent is too large",
    422: "There is a problem with what was sent",
    429: "Wait a while, then try again",
}

# Where the status says less than is known.
EXPIRED = "This page has expired"

NOT_FOUND = "If you typed the address, check it is right. It may also be something you are not able to see."


def status_of(refusal: Refusal) -> int:
    return next((status for kind, status in STATUS.items() if isinstance(refusal, kind)), 400)


def page_for_error(error: Exception) -> Response:
    """The page for any error that reaches this door."""
    if isinstance(error, Refusal):
        return refused(error)
    return not_served(error) if isinstance(error, HTTPException) else failed(error)


def refused(refusal: Refusal) -> Response:
    """The page for an answer that is no."""
    status = status_of(refusal)
    # What is not there and what may not be known of get the same words.
    heading = EXPIRED if refusal.code == "form-token-wrong" else None
    answer = _page(status, NOT_FOUND if status == 404 else refusal.detail, heading=heading)
    if isinstance(refusal, TooMany):
        answer.headers["Retry-After"] = str(refusal.retry_after)
    return answer


def not_served(error: HTTPException) -> Response:
    """The page for what HTTP itself refuses: no such address, the wrong method, too large a body."""
    status = error.code or 500
    if status >= 500:
        return failed(error)
    words = "Go back and try again."
    if status in (404, 405):
        words = NOT_FOUND
    elif status == 413:
        words = _too_large(current_app.config["MAX_CONTENT_LENGTH"])
    answer = _page(status, words)
    for name, value in error.get_headers():
        if name == "Allow":
            answer.headers[name] = value
    return answer


def failed(error: Exception) -> Response:
    """The page for a fault of ours: a reference to quote, and the cause in the log alone."""
    cause = getattr(error, "original_exception", None) or error
    reference = secrets.token_hex(6)
    log.error("fault", reference=reference, kind=type(cause).__name__, endpoint=request.endpoint, exc_info=cause)
    # Without the frame around other pages: that reads the database, which may be what is wrong.
    page = current_app.jinja_env.get_template("fault.jinja").render(reference=reference)
    return make_response(page, 503 if isinstance(cause, Fault) else 500)


def _too_large(most: int) -> str:
    size = f"{most / 1024**2:.0f} MB" if most >= 1024**2 else f"{most / 1024:.0f} KB"
    return f"The most that can be sent from a page is {size}. Your operator can bring in a larger file for you."


def _page(status: int, words: str, *, heading: str | None = None) -> Response:
    heading = heading or HEADINGS.get(status, HEADINGS[400])
    return make_response(render_template("refusal.jinja", heading=heading, words=words), status)
