"""Requests that nobody would send: half right and half wrong, at every route, so that the wrong half is reached.

Seeded: the same seed makes the same requests of the same routes, but for what must be new each time (proofs, tokens).
"""

from __future__ import annotations

import json
import random
import re
import string
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from flask.testing import FlaskClient

from broker.vocabulary import Purpose, Role, Section
from tests.attacks.town import Kind, Town, asker
from tests.oauth.client import ASSERTION_TYPE
from tests.people import FOOD_BANK, INTEGRATOR, SURGERY

HANG_SECONDS = 2.0  # of the processor
EVERY = 1000  # requests after which somebody who was signed out signs in again
ODD_TEXTS = (
    "",
    " ",
    "0",
    "-1",
    "\x00",
    "\r\nSet-Cookie: a=b",
    "\u202egnp.exe",
    "\u0661\u0662\u0663",  # digits, but not ASCII ones
    "\uff19\uff19\uff19\uff10\uff10\uff10\uff10\uff10\uff11\uff18",
    "a\u0301" * 50,
    "\U0001f4a9" * 100,
    "\ufffd",
    "\ufeff",
    "é" * 300,
    "x" * 10_000,
    "'; DROP TABLE consent; --",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "<script>alert(1)</script>",
    "../../../../etc/passwd",
    "%00%0a%ff",
    "9" * 400,
    "1e400",
    "NaN",
    "null",
    "true",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00",
    "2026-02-30",
    "9990000018",
    "[" * 3000,
    '{"a":' * 3000,
    "a.b.c",
    "eyJhbGciOiJub25lIn0.e30.",
    'https://evil.example/"\\',
    "javascript:alert(1)",
    "//evil.example",
    "urn:ietf:params:oauth:request_uri:x",
)
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    2**63,
    2**200,
    1.5,
    1e308,
    [],
    {},
    [[[[]]]],
    [None],
    {"": ""},
    "\ud800",
)
FIELDS = (
    "resident",
    "purpose",
    "sections",
    "reason",
    "until",
    "worker",
    "format",
    "break_glass",
    "nhs_number",
    "born_on",
    "subject",
    "action",
    "resource",
    "context",
    "evaluations",
    "options",
    "organisation",
    "purposes",
    "labels",
    "agree",
    "stop_sections",
    "code",
    "person",
)
PARAMETERS = (
    "grant_type",
    "client_id",
    "client_assertion",
    "client_assertion_type",
    "scope",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "token",
    "auth_req_id",
    "request_uri",
    "response_type",
    "state",
    "code_challenge",
    "code_challenge_method",
    "authorization_details",
    "dpop_jkt",
    "acr_values",
    "max_age",
    "prompt",
    "login_hint",
    "binding_message",
    "requested_expiry",
    "resource",
    "request",
    "nonce",
    "response_mode",
)
GRANTS = (
    "client_credentials",
    "authorization_code",
    "refresh_token",
    "urn:openid:params:grant-type:ciba",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "password",
)


@dataclass
class Found:
    """What came back. ``broken`` are requests that were answered with a fault of ours, and ``hung`` took too long."""

    statuses: Counter[int] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    hung: list[str] = field(default_factory=list)
    routes: Counter[str] = field(default_factory=Counter)


class Fuzzer:
    """Makes and sends requests to a town."""

    def __init__(self, town: Town, seed: int) -> None:
        self.town, self.chance = town, random.Random(seed)
        self.routes = [
            (rule, method)
            for rule in sorted(town.house.app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint))
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        ]
        self.known = [*town.has.values(), *[each.value for each in Section], *[each.value for each in Purpose]]
        self.browsers: list[tuple[FlaskClient, str]] = []

    def run(self, count: int, *, say: Callable[[int], None] = lambda number: None) -> Found:
        found = Found()
        for number in range(count):
            if number % EVERY == 0:
                self._sign_in()
                say(number)
            self._one(found)
        return found

    def _sign_in(self) -> None:
        self.town.browsers.clear()
        self.town.tokens.clear()
        who = [("ada", Role.RESIDENT), (FOOD_BANK, asker(FOOD_BANK)), (SURGERY, asker(SURGERY))]
        who += [(FOOD_BANK, Role.IG_LEAD), (INTEGRATOR, Role.ADMINISTRATOR), (SURGERY, Role.PRIVACY_OFFICER)]
        browsers = [self.town.browser(owner, role) for owner, role in who]
        self.browsers = [(browser, self.town.form_token(browser)) for browser in browsers]
        system = self.town.systems[FOOD_BANK]
        self.town.tokens["system"] = system.own_token("residents.find access.request records.read")

    def _one(self, found: Found) -> None:
        rule, method = self.chance.choice(self.routes)
        path = self._path(rule.rule)
        audience = getattr(self.town.house.app.view_functions[rule.endpoint], "audience", None)
        if rule.rule.startswith(("/oauth/", "/smart/")) and method == "POST" and isinstance(audience, str):
            options = self._form_of_a_system(path)
        elif isinstance(audience, str):
            options = self._of_a_machine(rule.rule, method, path)
        else:
            options = self._of_a_browser(method)
        client: FlaskClient = options.pop("client", None) or self.town.house.app.test_client()
        began = time.thread_time()
        try:
            answer = client.open(path, method=method, **options)
        except (UnicodeError, ValueError, TypeError):
            return  # a request that no HTTP client could send: the test client itself refuses to
        took = time.thread_time() - began
        found.statuses[answer.status_code] += 1
        found.routes[f"{method} {rule.rule}"] += 1
        if answer.status_code >= 500 or b"Traceback" in answer.get_data():
            found.broken.append(f"{answer.status_code} {method} {path[:200]} {str(options)[:1500]}")
        if took > HANG_SECONDS:
            found.hung.append(f"{took:.1f} s {method} {path[:200]} {str(options)[:300]}")

    # ---- parts ----

    def _text(self) -> str:
        kind = self.chance.random()
        if kind < 0.35:
            return self.chance.choice(ODD_TEXTS)
        if kind < 0.7:
            return str(self.chance.choice(self.known))
        letters = string.printable + "äßñ漢字\u200b\u202e"
        return "".join(self.chance.choice(letters) for _ in range(self.chance.randrange(40)))

    def _value(self, depth: int = 0) -> Any:
        kind = self.chance.random()
        if kind < 0.5 or depth > 3:
            return self._text()
        if kind < 0.7:
            return self.chance.choice(ODD_VALUES)
        if kind < 0.85:
            return [self._value(depth + 1) for _ in range(self.chance.randrange(4))]
        return {self.chance.choice(FIELDS): self._value(depth + 1) for _ in range(self.chance.randrange(4))}

    def _claim(self) -> Any:
        """A value that can be signed: without half of a letter."""
        return json.loads(json.dumps(self._value()).replace("\\ud800", "?"))

    def _path(self, rule: str) -> str:
        path = re.sub(r"<(?:int:)[^<>]+>", lambda _: self.chance.choice(("0", "1", "2", "9" * 30)), rule)
        path = re.sub(r"<any\(([^)]*)\):[^<>]+>", lambda m: self.chance.choice(m[1].split(",")).strip("'"), path)
        path = re.sub(r"<[^<>]+>", lambda _: quote(self._text()[:300], safe="") or "-", path)
        if self.chance.random() < 0.15:
            names = (self.chance.choice(("next", "before", "page", "outcome", "organisation", "state", "code", "q")),)
            path += "?" + urlencode({name: self._text() for name in names}, errors="replace")
        return path

    def _of_a_browser(self, method: str) -> dict[str, Any]:
        browser, token = self.chance.choice(self.browsers)
        if method == "GET":
            return {"client": browser}
        if self.chance.random() < 0.1:
            return {"client": browser, "data": self.chance.randbytes(200), "content_type": self._type()}
        names = (*FIELDS, "answer", "route", "length", "words", "role", "name", "day", "born_on[day]", "next", "who")
        form = {self.chance.choice(names): [self._text() for _ in range(self.chance.randrange(1, 3))] for _ in range(5)}
        return {"client": browser, "data": {**form, "csrf_token": token}}

    def _of_a_machine(self, rule: str, method: str, path: str) -> dict[str, Any]:
        headers = self._who(rule, method, path)
        if method == "GET":
            return {"headers": headers}
        kind = self.chance.random()
        if kind < 0.1:
            return {"headers": headers, "data": self.chance.randbytes(300), "content_type": self._type()}
        if kind < 0.2:
            deep = self.chance.choice(("[", '{"a":', '[{"b":')) * self.chance.choice((30, 2000, 20_000))
            return {"headers": headers, "data": deep, "content_type": "application/json"}
        body = self._body(rule)
        text = json.dumps(body)
        if kind < 0.3:
            text = text[: self.chance.randrange(len(text) + 1)]
        if kind > 0.95:
            text = text.replace('{"', '{"resident": 1, "', 1)
        return {"headers": headers, "data": text, "content_type": "application/json"}

    def _body(self, rule: str) -> Any:
        has = self.town.has[Kind.HANDLE, FOOD_BANK]
        right: dict[str, Any] = {
            "resident": has,
            "purpose": "advice-debt",
            "sections": ["housing"],
            "reason": "Rent",
            "until": "2026-12-10T12:00:00Z",
        }
        if rule.endswith("/view"):
            right.pop("until")
        elif rule.endswith("/find"):
            right = {"nhs_number": "9990000018", "born_on": "1964-03-14"}
        elif rule.endswith("/pair"):
            right = {"code": "BCDFGHJK"}
        elif rule.startswith("/access"):
            resource = {"type": "record-section", "id": "housing", "properties": {"resident": has}}
            right = {"subject": {"type": "person", "id": "adviser"}, "resource": resource}
            right |= {"action": {"name": "share", "properties": {"purpose": "advice-debt"}}}
        elif rule.startswith("/api/my"):
            right = {"organisation": FOOD_BANK, "purposes": ["advice-debt"], "sections": ["housing"], "agree": True}
        elif rule.startswith("/opa"):
            right = {"labels": {"id": "a"}, "bundles": {}, "decision_id": "x"}
        changed = self.chance.random()
        if changed < 0.2:
            return self._value()
        if right and changed < 0.9:
            self._change(right)
        return [right] if changed > 0.97 else right

    def _change(self, body: dict[str, Any]) -> None:
        name = self.chance.choice([*body, self.chance.choice(FIELDS)])
        if isinstance(body.get(name), dict) and self.chance.random() < 0.7:
            self._change(body[name])
        elif self.chance.random() < 0.15:
            body.pop(name, None)
        else:
            body[name] = self._value()

    def _who(self, rule: str, method: str, path: str) -> list[tuple[str, str]]:
        kind = self.chance.random()
        if kind < 0.1:
            scheme = self.chance.choice(("Bearer", "DPoP", "Basic", ""))
            return [("Authorization", f"{scheme} {_header(self._text())}"), ("DPoP", _header(self._text()))]
        if kind < 0.5 and not rule.startswith("/api/my"):
            system, token = self.town.systems[FOOD_BANK], self.town.tokens["system"]
            changes = (
                {}
                if self.chance.random() < 0.7
                else {self.chance.choice(("htm", "htu", "ath", "jti", "iat", "nbf")): self._claim()}
            )
            proof = system.proof(method, path.partition("?")[0], token, **changes)
            return [("Authorization", f"DPoP {token}"), ("DPoP", proof)]
        owner = "ada" if rule.startswith("/api/my") else FOOD_BANK
        return [("Authorization", f"Bearer {self.town.token(owner)}")]

    def _form_of_a_system(self, path: str) -> dict[str, Any]:
        system, chance = self.town.systems[FOOD_BANK], self.chance
        form: dict[str, Any] = {"grant_type": chance.choice(GRANTS), "scope": "records.read"}
        if "par" in path or "bc-authorize" in path:
            form = system.asking(scope="records.read", authorization_details=self._details())
            form["login_hint"] = self.town.has[Kind.HANDLE, FOOD_BANK]
        for _ in range(chance.randrange(4)):
            form[chance.choice(PARAMETERS)] = self._text()
        if chance.random() < 0.05:
            form[self._text()] = [self._text(), self._text()]
        claims = (
            {} if chance.random() < 0.8 else {chance.choice(("iss", "aud", "exp", "jti", "iat", "nbf")): self._claim()}
        )
        if chance.random() < 0.85:
            form |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": system.assertion(**claims)}
        headers = []
        if chance.random() < 0.9:
            proof = (
                {}
                if chance.random() < 0.7
                else {chance.choice(("htm", "htu", "jti", "iat", "nbf", "exp")): self._claim()}
            )
            headers = [("DPoP", system.proof("POST", path.partition("?")[0], **proof))]
        elif chance.random() < 0.5:
            headers = [("DPoP", _header(self._text()))]
        return {"data": form, "headers": headers}

    def _details(self) -> str:
        if self.chance.random() < 0.2:
            return self._text()
        details = json.loads(self.town.systems[FOOD_BANK].details(self.town.has[Kind.HANDLE, FOOD_BANK]))
        if self.chance.random() < 0.8:
            self._change(details[0])
        return json.dumps(details)

    def _type(self) -> str:
        types = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x")
        return self.chance.choice((*types, "text/plain", "application/xml", "application/json; charset=utf-16", "gzip"))


def _header(text: str) -> str:
    """What can be sent in a header at all: no line ends, in Latin-1."""
    return text.encode("utf-8").decode("latin-1").replace("\r", "").replace("\n", "").replace("\x00", "")[:6000]
