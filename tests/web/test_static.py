"""The files every page needs: vendored ones unchanged since they were vendored, nothing that calls another host."""

from __future__ import annotations

import hashlib

import pytest

from broker.web.home import STATIC
from tests.web.conftest import Visitor

VENDORED = STATIC / "nhsuk-frontend-10.6.1"


def test_the_vendored_files_are_those_that_were_vendored() -> None:
    kept = dict(line.split("  ")[::-1] for line in (VENDORED / "SHA256SUMS").read_text().splitlines())
    found = {str(path.relative_to(VENDORED)) for path in VENDORED.rglob("*") if path.is_file()} - {"SHA256SUMS"}
    assert found == set(kept)
    for name, digest in kept.items():
        assert hashlib.sha256((VENDORED / name).read_bytes()).hexdigest() == digest, name


def test_no_stylesheet_names_a_font_or_a_host() -> None:
    for sheet in STATIC.rglob("*.css"):
        text = sheet.read_text()
        assert "Frutiger" not in text
        assert "@font-face" not in text
        assert "@import" not in text
        assert "//" not in text


def test_every_picture_the_stylesheet_names_is_served(visitor: Visitor) -> None:
    for icon in VENDORED.rglob("*.svg"):
        name = icon.relative_to(STATIC)
        answer = visitor.get(f"/assets/{name}")
        assert (answer.status_code, answer.mimetype) == (200, "image/svg+xml")


def test_the_licence_goes_with_the_files() -> None:
    notice = (VENDORED / "NOTICE").read_text()
    assert "MIT License" in notice
    assert "NHS England" in notice


@pytest.mark.parametrize(
    "name", ["vendor.py", "nhsuk-frontend-10.6.1/SHA256SUMS", "../sign_in.py", "..%2fsign_in.py", "nothing.css", ""]
)
def test_nothing_else_is_served(visitor: Visitor, name: str) -> None:
    assert visitor.get(f"/assets/{name}").status_code == 404


def test_scripts_are_served_as_scripts(visitor: Visitor) -> None:
    assert "javascript" in visitor.get("/assets/start.js").mimetype
