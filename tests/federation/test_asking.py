"""What a provider answers is read within limits: no redirect is followed, and what is too large is no answer."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from broker.federation.asking import LARGEST, NoAnswer, get_json

ANSWERS = {
    "/object": (200, b'{"sub": "them"}'),
    "/list": (200, b"[]"),
    "/page": (200, b"<html></html>"),
    "/deep": (200, b'{"a":' * 20_000),
    "/large": (200, b'{"a": "' + b"x" * LARGEST + b'"}'),
    "/elsewhere": (302, b"{}"),
}


class Told(BaseHTTPRequestHandler):
    asked: list[tuple[str, str | None]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Cookie")))
        status, body = ANSWERS[self.path]
        self.send_response(status)
        self.send_header("Set-Cookie", "them=here")
        if status == 302:
            self.send_header("Location", "/object")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def provider() -> Iterator[str]:
    Told.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Told) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_object_is_read(provider: str) -> None:
    assert get_json(f"{provider}/object") == (200, {"sub": "them"})


@pytest.mark.parametrize("path", ["/list", "/page", "/deep", "/large"])
def test_anything_else_is_no_answer(provider: str, path: str) -> None:
    with pytest.raises(NoAnswer):
        get_json(f"{provider}{path}")


def test_a_redirect_is_not_followed(provider: str) -> None:
    assert get_json(f"{provider}/elsewhere") == (302, {})
    assert [path for path, _ in Told.asked] == ["/elsewhere"]


def test_no_cookie_is_brought_back(provider: str) -> None:
    for _ in range(2):
        get_json(f"{provider}/object")
    assert [cookie for _, cookie in Told.asked] == [None, None]


def test_a_proxy_of_the_environment_is_not_used(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    assert get_json(f"{provider}/object")[0] == 200


def test_who_is_not_there_gives_no_answer() -> None:
    with pytest.raises(NoAnswer) as refused:
        get_json("http://127.0.0.1:9/object")
    assert "127.0.0.1" not in refused.value.detail
