"""The one way into every endpoint that takes a form: nothing in the URL, nothing twice, nothing large, nothing odd."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Response, current_app, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from broker.doors import now, parts
from broker.oauth import tokens
from broker.oauth.dpop import nonces
from broker.oauth.guard import public
from broker.oauth.refusals import InvalidRequestError, InvalidTarget, OAuth2Error, UseNonce, refuse

FORM_BYTES = 64 * 1024
MOST_PARAMETERS = 60
_NAME = re.compile(r"[A-Za-z0-9_.~-]{1,100}")


def takes_a_form(respond: Callable[[], Response], *, name: str) -> Callable[[], Response]:
    """``respond`` behind the checks, with every refusal as RFC 6749 §5.2 has it: JSON, and never a redirect."""

    @public
    def endpoint() -> Response:
        try:
            check_form()
            answer: Response = respond()
        except OAuth2Error as error:
            answer = refused(error)
        except RecursionError:
            # Nested without end. Anything else that goes wrong is ours, and is not called the client's mistake.
            answer = refused(InvalidRequestError(description="The request cannot be read."))
        if answer.status_code == 400 and (answer.get_json(silent=True) or {}).get("error") == "invalid_client":
            answer.status_code = 401  # RFC 6749 §5.2
        answer.headers["Cache-Control"] = "no-store"
        return answer

    endpoint.__name__ = name
    return endpoint


def refused(error: OAuth2Error) -> Response:
    answer: Response = current_app.make_response((jsonify(error=error.error, error_description=error.description), 400))
    if isinstance(error, UseNonce):
        answer.headers["DPoP-Nonce"] = error.nonce
    return answer


def offer_nonce(answer: Response) -> Response:
    """The nonce for the next proof, where nonces are asked for (RFC 9449 §8.2)."""
    if parts().settings.dpop_nonces:
        answer.headers["DPoP-Nonce"] = nonces(parts().settings, now=now())[0]
    return answer


def check_form() -> None:
    """Raises InvalidRequestError, InvalidTarget, or RequestEntityTooLarge."""
    if request.query_string:
        refuse(InvalidRequestError, "Parameters belong in the body, never in the URL.")
    if request.content_length is None or request.content_length > FORM_BYTES:
        raise RequestEntityTooLarge
    if request.mimetype != "application/x-www-form-urlencoded":
        refuse(InvalidRequestError, "Send application/x-www-form-urlencoded.")
    if len(request.form) > MOST_PARAMETERS or any(not _NAME.fullmatch(name) for name in request.form):
        refuse(InvalidRequestError, "There are too many parameters, or one has a name that no parameter has.")
    if any(len(values) > 1 for _, values in request.form.lists()):
        refuse(InvalidRequestError, "A parameter is given more than once.")
    if any("\x00" in value or "�" in value for value in request.form.values()):
        refuse(InvalidRequestError, "A parameter is not plain text.")
    if (resource := request.form.get("resource")) and resource != tokens.audience(parts().settings):
        refuse(InvalidTarget, "Tokens are for this broker's API alone.")
