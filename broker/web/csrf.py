"""That a form was sent from a page of ours: where the browser says it came from, and a token bound to the session."""

from __future__ import annotations

import hashlib
import hmac

from flask import request
from markupsafe import Markup

from broker.doors import parts
from broker.errors import InvalidInput, NotPermitted
from broker.web.cookies import secret_of_this_visit

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FIELD = "csrf_token"


def token() -> str:
    """The token that this session's forms must bring back. Another session's is another token."""
    key = parts().settings.secret("csrf")
    return hmac.new(key, b"form-token/v1\0" + secret_of_this_visit().encode(), hashlib.sha256).hexdigest()


def hidden_field() -> Markup:
    """The token as a hidden input, for a form."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, token())


def check() -> None:
    """Refuse an unsafe request that did not come from a page of ours. Raises NotPermitted."""
    if request.method in SAFE_METHODS:
        return
    if any("\x00" in value for _, values in request.form.lists() for value in values):
        raise InvalidInput("not-plain-text", "Something was sent that is not plain text.")
    # Fetch Metadata: every current browser says so; an old one is judged by the token alone.
    site = request.headers.get("Sec-Fetch-Site")
    if site not in (None, "same-origin"):
        raise NotPermitted("sent-from-elsewhere", "This did not come from one of our pages, so nothing was done.")
    if not hmac.compare_digest(request.form.get(FIELD, "").encode(), token().encode()):
        raise NotPermitted(
            "form-token-wrong",
            "Nothing was done: you were signed out, or this page was open for too long. Sign in, and try once more.",
        )
