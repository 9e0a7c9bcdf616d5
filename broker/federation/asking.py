"""Asking a provider something, at an address that was pinned: over TLS, without redirects, and not for long.

Sends no cookie and no credential but the one given; reads no environment. An answer that is too large is no answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import requests

from broker.errors import NotAuthenticated
from broker.settings import is_loopback

LARGEST = 64 * 1024  # bytes of an answer
LONGEST = 5.0  # seconds for each of connecting, reading and all of it


class NoAnswer(NotAuthenticated):
    """The provider did not answer, or not with something that can be read. ``why`` is for the operator alone."""

    def __init__(self, why: str) -> None:
        super().__init__("provider-silent", "The sign-in service did not answer. Wait a while, then try again.")
        self.why = why


def post_form(url: str, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """The status and the JSON object that answer a form. Raises NoAnswer."""
    return _ask("POST", url, data=dict(form))


def get_json(url: str, *, token: str | None = None) -> tuple[int, dict[str, Any]]:
    """The status and the JSON object at an address, read with an access token where one is given. Raises NoAnswer."""
    return _ask("GET", url, headers={"Authorization": f"Bearer {token}"} if token else {})


def may_be_asked(url: str, *, issuer: str) -> bool:
    """Whether a provider with this issuer may be asked at ``url``: https, or on this machine where the issuer is."""
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.password or parts.fragment:
        return False
    if parts.scheme == "https":
        return True
    name = urlsplit(issuer)
    here = name.scheme == "http" and is_loopback(name.hostname or "")
    return here and parts.scheme == "http" and is_loopback(parts.hostname)


def _ask(method: str, url: str, *, headers: Mapping[str, str] | None = None, **sent: Any) -> tuple[int, dict[str, Any]]:
    with requests.Session() as http:
        http.trust_env = False  # no proxy, no .netrc, no certificates but the system's own list
        asked = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
        try:
            with http.request(
                method, url, headers=asked, timeout=LONGEST, allow_redirects=False, stream=True, **sent
            ) as answer:
                return answer.status_code, _object(_body(answer))
        except requests.RequestException as error:
            raise NoAnswer(type(error).__name__) from error


def _body(answer: requests.Response) -> bytes:
    started, body = monotonic(), b""
    for part in answer.iter_content(8 * 1024):
        body += part
        if len(body) > LARGEST:
            raise NoAnswer("its answer is too large")
        if monotonic() - started > LONGEST:
            raise NoAnswer("its answer took too long")
    return body


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NoAnswer("its answer is not JSON") from error
    if not isinstance(found, dict):
        raise NoAnswer("its answer is not a JSON object")
    return found
