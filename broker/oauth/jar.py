"""Signed authorization requests (JAR, RFC 9101; FAPI 2.0 Message Signing §5.3)."""

from __future__ import annotations

from broker.oauth.clients import RegisteredClient
from broker.oauth.refusals import InvalidRequestError, refuse


def parameters(client: RegisteredClient, form: dict[str, str]) -> dict[str, str]:
    """What is asked for: inside the signed request object where there is one, else the form."""
    if "request" in form or client.client.signs_requests:
        refuse(InvalidRequestError, "Signed requests are not taken yet.")
    return form
