"""A browser between the broker and a certified provider: pages of ours by the test client, theirs over the network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import requests
from werkzeug.test import TestResponse

from tests.web.conftest import Door, Visitor

OURS = "http://127.0.0.1:8080"


@dataclass
class Upstream:
    """The provider's side of the test: who is at the keyboard, and what is said of them."""

    issuer: str

    def sits(self, account: str | None) -> None:
        self._tell("as", account=account)

    def says(self, account: str, **changes: Any) -> None:
        self._tell("claims", account=account, **changes)

    def logout_token(self, client: str, sub: str, sid: str) -> str:
        return str(self._tell("logout-token", client=client, sub=sub, sid=sid)["logout_token"])

    def _tell(self, what: str, **told: Any) -> dict[str, Any]:
        answer = requests.post(f"{self.issuer}/test/{what}", json=told, timeout=10)
        answer.raise_for_status()
        return dict(answer.json())


@dataclass
class Browser:
    """Somebody who signs in with a provider. ``elsewhere`` holds the provider's own cookies."""

    visitor: Visitor
    door: Door
    elsewhere: requests.Session = field(default_factory=requests.Session)

    def leave(self, provider: str, *, way_back: str = "", again: bool = False) -> str:
        """Press the provider's button; gives the address it leads to."""
        page, path = ("/sign-in/again", "/again") if again else ("/accept-invitation", "")
        answer = self.visitor.send(f"/sign-in/with/{provider}{path}", page=page, next=way_back)
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    def at_provider(self, address: str) -> str:
        """Do what the provider asks, which is nothing; gives our address that it leads back to."""
        for _ in range(10):
            answer = self.elsewhere.get(address, allow_redirects=False, timeout=10)
            assert answer.status_code in (302, 303), answer.text[:500]
            address = urljoin(address, answer.headers["Location"])
            if address.startswith(OURS):
                return address
        raise AssertionError("the provider never led back")

    def come_back(self, address: str) -> TestResponse:
        return self.visitor.get(address.removeprefix(OURS))

    def sign_in(self, provider: str, **how: Any) -> TestResponse:
        return self.come_back(self.at_provider(self.leave(provider, **how)))


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
