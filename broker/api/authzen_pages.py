"""Pages of a search: an opaque token that says where the next one begins, good for the same question and asker alone.

The token holds its own state under a keyed digest; nothing is kept here between pages, and no resident is named in it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from broker.access.request import Requester
from broker.errors import InvalidInput

USUAL = 50  # results on a page, unless fewer are wanted


@dataclass(frozen=True, slots=True)
class Page:
    """Where a page begins, and how long it may be. ``after`` is the last one looked at before; empty at first."""

    key: bytes
    question: str
    limit: int
    after: str = ""

    def next_token(self, last: str) -> str:
        """The token for what comes after ``last``."""
        said = json.dumps([self.question, self.limit, last]).encode()
        return urlsafe_b64encode(_mark(self.key, said) + said).decode()


def page(body: Mapping[str, Any], *, search: str, asker: Requester, key: bytes) -> Page:
    """The page that ``body`` asks for. Raises InvalidInput for a token that is not ours, or was for something else."""
    asked = body.get("page", {})
    question = _digest(body, search=search, asker=asker)
    if not asked.get("token"):
        return Page(key, question, min(asked.get("limit", USUAL), USUAL))
    of, limit, after = _read(asked["token"], key)
    if of != question or min(asked.get("limit", limit), USUAL) != limit:
        raise InvalidInput("page-of-another", "The token is for another question. Change nothing.", field="page.token")
    return Page(key, question, limit, after)


def _digest(body: Mapping[str, Any], *, search: str, asker: Requester) -> str:
    entities = {name: value for name, value in body.items() if name != "page"}
    who = [asker.organisation, asker.client, asker.person, asker.role.value]
    said = json.dumps([search, who, entities, body.get("page", {}).get("properties")], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _read(token: str, key: bytes) -> tuple[str, int, str]:
    try:
        raw = urlsafe_b64decode(token.encode())
    except ValueError:
        raw = b""
    if not hmac.compare_digest(raw[:32], _mark(key, raw[32:])):
        raise InvalidInput("page-token-wrong", "The token is not one of ours.", field="page.token")
    of, limit, after = json.loads(raw[32:])
    return of, limit, after


def _mark(key: bytes, said: bytes) -> bytes:
    return hmac.new(key, b"authzen-page/v1\0" + said, hashlib.sha256).digest()
