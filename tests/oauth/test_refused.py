"""What nobody honest sends: each case is refused with a 4xx, gives no token, and asks nothing of another machine."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.rows import row
from tests.oauth.client import ASSERTION_TYPE, Partner, encoded, new_key, signed
from tests.oauth.conftest import KEY
from tests.oauth.forging import made_of, nested, with_header

FORMS = ["/oauth/token", "/oauth/par", "/oauth/introspect", "/oauth/revoke", "/oauth/bc-authorize", "/smart/token"]
FIELDS = [
    "grant_type",
    "scope",
    "client_id",
    "client_assertion",
    "client_assertion_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "token",
    "authorization_details",
    "login_hint",
    "request",
    "resource",
]
ODD = {
    "quote": 'a"b',
    "backslash": "a\\b",
    "letter beyond ASCII": "é",
    "null": "a\x00b",
    "line": "a\r\nSet-Cookie: a=b",
    "half a character": "\udc80",
    "every control": "".join(map(chr, range(1, 32))),
    "right to left": "a\u202eb",
    "long": "a" * 20_000,
    "template": "{{7*7}}${7*7}<%=7*7%>",
    "markup": "<script>alert(1)</script>",
    "SQL": "' OR '1'='1' --",
    "percent": "%00%ff%25",
    "JSON": '{"$gt": ""}',
}


def form_for(partner: Partner, path: str) -> dict[str, Any]:
    """A form that would get an answer at ``path``, with a little of everything."""
    return {
        "/oauth/token": {"grant_type": "client_credentials", "scope": "residents.find"},
        "/smart/token": {"grant_type": "client_credentials", "scope": "residents.find"},
        "/oauth/par": partner.asking(),
        "/oauth/bc-authorize": {"scope": "records.read", "login_hint": "0" * 40, "authorization_details": "[]"},
    }.get(path, {"token": "a"})


def refused(answer: Any) -> None:
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)
    assert answer.status_code != 429, "refused for something else"
    assert "access_token" not in answer.text
    assert "urn:ietf:params:oauth:request_uri:" not in answer.text
    assert "Location" not in answer.headers


@row("A13", "A16")
@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("odd", ODD, ids=str)
def test_an_odd_value_anywhere_is_a_refusal_and_is_never_repeated(steady: Partner, path: str, odd: str) -> None:
    """In each field in turn, beside a form that is right; a field that means nothing there may be passed over."""
    value = (
        ODD[odd].encode("utf-8", "surrogatepass").decode("utf-8", "replace") if odd == "half a character" else ODD[odd]
    )
    for field in FIELDS:
        proof = steady.proof("POST", path)
        answer = steady.post(path, {**form_for(steady, path), field: value}, proof=proof)
        assert answer.status_code < 500, (path, field)
        counts = field in form_for(steady, path) or field.startswith("client_") or path == "/smart/token"
        if counts and not (field == "token" and answer.status_code == 200):  # an unknown token is answered alike
            refused(answer)
        assert value[:200] not in answer.text or len(value) < 3
        assert "Set-Cookie" not in answer.headers


@row("A11", "PAR-05")
@pytest.mark.parametrize(("path", "field"), list(itertools.product(FORMS, FIELDS)))
def test_nothing_is_said_twice(steady: Partner, path: str, field: str) -> None:
    made = {
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": steady.assertion(),
        **form_for(steady, path),
    }
    value = made.get(field, "a")
    for pair in ([value, value], [value, "another"], ["", value]):
        refused(steady.post(path, {**made, field: pair}, proof=steady.proof("POST", path), assertion=None))


@row("A10")
@pytest.mark.parametrize(("path", "field"), list(itertools.product(FORMS, FIELDS)))
def test_nothing_is_said_in_the_address(steady: Partner, path: str, field: str) -> None:
    form = form_for(steady, path)
    value = form.pop(field, "a")
    query = {field: value}
    from urllib.parse import urlencode

    refused(steady.post(path, form, proof=steady.proof("POST", path), query=f"?{urlencode(query)}"))


@row("A16")
@pytest.mark.parametrize(
    "sink",
    [
        "assertion header",
        "assertion claims",
        "proof header",
        "proof claims",
        "proof key",
        "details",
        "request",
        "json body",
    ],
)
@pytest.mark.parametrize("shape", ["arrays", "objects", "open"])
def test_json_twenty_thousand_deep_is_refused_wherever_it_is_read(steady: Partner, sink: str, shape: str) -> None:
    deep = {"arrays": nested(20_000), "objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000, "open": b"[" * 20_000}[shape]
    small = {"arrays": nested(1_000), "objects": b'{"a":' * 500 + b"1" + b"}" * 500, "open": b"[" * 3_000}[shape]
    answer = {
        "assertion header": lambda: steady.push(assertion=made_of(deep, b"{}")),
        "assertion claims": lambda: steady.push(assertion=made_of({"alg": "ES256"}, b'{"sub":' + deep + b"}")),
        "proof header": lambda: steady.token(proof=made_of(deep, b"{}")),
        "proof claims": lambda: steady.token(
            proof=made_of({"typ": "dpop+jwt", "alg": "ES256", "jwk": KEY.as_dict(private=False)}, small)
        ),
        "proof key": lambda: steady.token(
            proof=made_of(b'{"typ":"dpop+jwt","alg":"ES256","jwk":' + small + b"}", b"{}")
        ),
        "details": lambda: steady.push(scope="records.read", authorization_details=small.decode()),
        "request": lambda: steady.push(request=made_of({"alg": "ES256"}, small)),
        "json body": lambda: steady.call(
            "POST", "/api/residents/find", steady.own_token(), data=deep, content_type="application/json"
        ),
    }[sink]()
    refused(answer)


@row("A16")
@pytest.mark.parametrize("path", ["/demo/token", "/access/v1/evaluation", "/api/records/view", "/api/access-requests"])
def test_a_deep_body_is_refused_with_and_without_a_token(steady: Partner, path: str) -> None:
    for headers in ([], [("Authorization", "DPoP a")], [("Authorization", "Bearer a")]):
        for deep in (nested(20_000), b'{"a":' * 20_000):
            answer = steady.house.client.post(path, data=deep, content_type="application/json", headers=headers)
            refused(answer)


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "multipart/form-data; boundary=a",
        "text/plain",
        "application/xml",
        "",
        "application/x-www-form-urlencoded; charset=utf-16",
    ],
)
def test_only_a_form_is_taken(steady: Partner, path: str, kind: str) -> None:
    body = (
        b'{"grant_type":"client_credentials"}'
        if "json" in kind
        else b"grant_type=client_credentials&scope=residents.find"
    )
    refused(steady.house.client.post(path, data=body, content_type=kind))


@pytest.mark.parametrize("path", FORMS)
def test_too_many_fields_and_odd_names_are_refused(steady: Partner, path: str) -> None:
    for more in (
        {f"f{n}": "a" for n in range(100)},
        {"": "a"},
        {"a b": "a"},
        {"scope[]": "a"},
        {"é": "a"},
        {"a" * 101: "a"},
    ):
        refused(steady.post(path, {**form_for(steady, path), **more}, proof=steady.proof("POST", path)))


@pytest.mark.parametrize("path", [*FORMS, "/oauth/authorize", "/api/my/consents"])
@pytest.mark.parametrize("header", ["Authorization", "DPoP", "Cookie", "Origin", "X-Request-Id", "Content-Type"])
@pytest.mark.parametrize(
    "value", ["a" * 16_000, "\u00e9\u00ff", '"', "DPoP " + "a" * 9000, "\t", "=;=;,"], ids=range(6)
)
def test_a_huge_or_an_odd_header_is_refused(steady: Partner, path: str, header: str, value: str) -> None:
    sent = {header: value.encode().decode("latin-1")}
    method = "GET" if path in ("/oauth/authorize", "/api/my/consents") else "POST"
    refused(steady.house.client.open(path, method=method, headers=sent))


@pytest.fixture
def listener() -> Iterator[tuple[str, list[Any]]]:
    """An address of this machine, and whoever connected to it."""
    heard: list[Any] = []
    server = socket.create_server(("127.0.0.1", 0))

    def listen() -> None:
        while True:
            try:
                connection, peer = server.accept()
            except OSError:
                return
            heard.append(peer)
            connection.close()

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}/keys", heard
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(5)


@row("AUTHLIB-1.9.0", "FAPI-21")
@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c", "kid"])
def test_no_address_or_key_in_a_header_is_ever_followed(
    steady: Partner, listener: tuple[str, list[Any]], name: str
) -> None:
    address, heard = listener
    mine = new_key(kid=KEY.kid)
    value: Any = {"jwk": mine.as_dict(private=False), "x5c": ["MIIB"]}.get(name, address)
    for path in FORMS:
        for key in (mine, KEY):
            assertion = signed(steady.claims(), key, **{name: value})
            answer = steady.post(path, form_for(steady, path), assertion=assertion, proof=steady.proof("POST", path))
            if key is mine or name == "kid":
                refused(answer)
        forged = with_header(steady.assertion(), alg="ES256", **{name: value})
        refused(steady.post(path, form_for(steady, path), assertion=forged, proof=steady.proof("POST", path)))
    proof = steady.proof("POST", "/oauth/token", header={"jwk": None, name: value}, key=mine)
    if name != "jwk":
        refused(steady.token(proof=proof))
    refused(steady.push(request=signed(steady.asking(), mine, typ="oauth-authz-req+jwt", **{name: value})))
    for field in ("request_uri", "jwks_uri", "sector_identifier_uri", "redirect_uri"):
        answer = steady.push(**{field: address})
        assert answer.status_code in (201, 400)
    assert heard == []


@row("FAPI-23", "SMART-08")
def test_a_thousand_unknown_key_names_fetch_nothing(steady: Partner, listener: tuple[str, list[Any]]) -> None:
    address, heard = listener
    payload, signature = steady.assertion().split(".")[1:]
    for number in range(1000):
        header = encoded(f'{{"alg":"ES256","kid":"unknown-{number}","jku":"{address}"}}'.encode())
        answer = steady.house.client.post(
            "/oauth/introspect",
            data={
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": f"{header}.{payload}.{signature}",
                "token": "a",
            },
        )
        assert answer.status_code == 401
    assert heard == []


@pytest.mark.parametrize(
    "path",
    ["/oauth/token/", "/oauth//token", "/OAUTH/TOKEN", "/oauth/token%00", "/oauth/token;a=b", "/oauth/../oauth/token"],
)
def test_another_spelling_of_an_address_is_another_address(steady: Partner, path: str) -> None:
    answer = steady.post(path, form_for(steady, "/oauth/token"), proof=steady.proof("POST", "/oauth/token"))
    assert answer.status_code in (308, 404, 405)
    assert "access_token" not in answer.text
