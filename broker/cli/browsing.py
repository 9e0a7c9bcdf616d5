"""A resident's browser in a demonstration, so that a walk can be made to its end by nobody. Of no use anywhere else."""

from __future__ import annotations

import html
import re
from datetime import datetime

import requests

from broker.cli.steps import SECONDS, Somebody, Wrong, json_of

_INPUT = re.compile(r"<(?:input|button)\b[^>]*>")
_NAMED = re.compile(r'\b(name|value|type)="([^"]*)"')
_RESIDENT = re.compile(
    r'value="resident:(?P<id>[^"]+)".*?Born (?P<born>\d+ \w+ \d{4}), NHS number <span[^>]*>(?P<number>[\d ]+)<',
    re.DOTALL,
)


def _fields(page: str) -> list[tuple[str, str]]:
    """What a page's form would send with everything ticked, but for its buttons and choices of one."""
    said = [dict(_NAMED.findall(tag)) for tag in _INPUT.findall(page)]
    return [
        (each["name"], html.unescape(each.get("value", "")))
        for each in said
        if "name" in each and each.get("type") != "radio"
    ]


class Browser:
    """A resident's browser in a demonstration, which asks nobody to prove who they are."""

    def __init__(self, base: str) -> None:
        self.base, self.http = base, requests.Session()

    def answers(self, who: str, address: str) -> str:
        """Sign in as ``who``, agree to everything at ``address``; gives where the browser is sent."""
        self._becomes(who)
        page = self._get(address)
        form = [(name, value) for name, value in _fields(page) if name != "answer"]
        answer = self._post(f"{self.base}/oauth/authorize", [*form, ("answer", "yes")])
        if answer.status_code != 303:
            raise Wrong(f"The page did not take the answer ({answer.status_code}).")
        return answer.headers["Location"]

    def agrees(self, who: str) -> None:
        """Say yes to whatever waits for an answer, through the resident's own API."""
        kind, _, id_ = who.partition(":")
        given = self.http.post(f"{self.base}/demo/token", json={kind: id_}, timeout=SECONDS)
        headers = {"Authorization": f"Bearer {json_of(given).get('access_token', '')}"}
        waiting = self.http.get(f"{self.base}/api/my/access-requests", headers=headers, timeout=SECONDS)
        for each in waiting.json() if waiting.status_code == 200 else []:
            address = f"{self.base}/api/my/access-requests/{each['id']}/answer"
            self.http.post(address, json={"agree": True}, headers=headers, timeout=SECONDS)

    def somebody(self) -> Somebody:
        """The first resident whom the demonstration offers to be. Raises Wrong where there is no demonstration."""
        page = self._get(f"{self.base}/demo/sign-in")
        found = _RESIDENT.search(page)
        if found is None:
            raise Wrong("This is no demonstration.", "Give --resident FILE instead.", final=True)
        born_on = datetime.strptime(found["born"], "%d %B %Y").date()  # noqa: DTZ007  a day has no zone
        return Somebody(re.sub(r"\D", "", found["number"]), born_on.isoformat(), f"resident:{found['id']}")

    def _becomes(self, who: str) -> None:
        token = dict(_fields(self._get(f"{self.base}/demo/sign-in")))["csrf_token"]
        self._post(f"{self.base}/demo/sign-in", [("csrf_token", token), ("who", who)])

    def _get(self, address: str) -> str:
        answer = self.http.get(address, timeout=SECONDS)
        if answer.status_code != 200:
            raise Wrong(f"The page was not shown ({answer.status_code}).", "Run it against a demonstration.")
        return answer.text

    def _post(self, address: str, form: list[tuple[str, str]]) -> requests.Response:
        return self.http.post(address, data=form, timeout=SECONDS, allow_redirects=False)
