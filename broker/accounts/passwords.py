"""Passwords: chosen, kept and checked. Argon2id alone (RFC 9106); nobody's password is anywhere but in their head.

Rules of NIST SP 800-63B §3.1.1.2: length, a list of what everybody chooses, nothing from their own name; no recipe
of capitals and signs, and no yearly change.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Collection
from datetime import datetime
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from sqlalchemy.orm import Session

from broker.accounts.models import Password
from broker.errors import InvalidInput

SHORTEST, LONGEST = 12, 256
_FEWEST_OF_ITS_OWN = 8  # characters left when the words everybody could know are taken out
_COMMON = Path(__file__).with_name("commonest.txt")


def normalised(typed: str) -> str:
    """As it is hashed: one spelling for what looks the same (NFKC, as NIST SP 800-63B §3.1.1.2 asks)."""
    return unicodedata.normalize("NFKC", typed)


def chosen(typed: str, *, known: Collection[str]) -> str:
    """A password that somebody chooses. ``known``: names that anybody could guess it from. Raises InvalidInput."""
    password = normalised(typed)
    if len(password) < SHORTEST:
        raise _no("password-too-short", f"Use at least {SHORTEST} characters. Three words together are easy to keep.")
    if len(password) > LONGEST:
        raise _no("password-too-long", f"Use {LONGEST} characters or fewer.")
    if _is_common(password):
        raise _no("password-common", "This is one of the first that somebody would try. Choose another.")
    if _is_about(password, known):
        raise _no("password-about-you", "Do not make it from your name, your organisation or this service. Try again.")
    return password


def keep(session: Session, person: str, password: str, *, now: datetime) -> None:
    """Keep ``password`` (as ``chosen`` gave it) in place of any before it. The caller commits."""
    session.merge(Password(person_id=person, hashed=hashed(password), set_at=now))


def is_right(session: Session, person: str | None, typed: str) -> bool:
    """Whether ``typed`` is this person's password. For nobody, or somebody without one, the same work, and False."""
    kept = session.get(Password, person or "")
    # What nobody could have chosen is looked at no further: neither answer nor time says whose name it came with.
    if len(typed) > 4 * LONGEST or len(password := normalised(typed)) > LONGEST:
        return False
    right = matches(kept.hashed if kept else nobodys(), password)
    return right and kept is not None


def hashed(password: str) -> str:
    # 19 MiB, two passes, one lane: OWASP Password Storage.
    cost = Argon2id(salt=secrets.token_bytes(16), length=32, iterations=2, lanes=1, memory_cost=19 * 1024)
    return cost.derive_phc_encoded(password.encode("utf-8", "replace"))


def matches(phc: str, password: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(password.encode("utf-8", "replace"), phc)
    except InvalidKey:
        return False
    return True


@cache
def nobodys() -> str:
    """A hash that no password was made from, to spend the same time on."""
    return hashed(secrets.token_hex(32))


def _is_common(password: str) -> bool:
    """Whether it is a word that everybody chooses with digits or signs around it, or one short thing over and over."""
    letters = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", password.casefold())
    if letters in commonest() or password.casefold() in commonest():
        return True
    repeats = any(
        password.casefold() == (password.casefold()[:n] * len(password))[: len(password)] for n in range(1, 7)
    )
    return repeats or _runs_on(password.casefold())


def _runs_on(password: str) -> bool:
    """Whether it only counts up or down, or goes along a row of keys."""
    steps = {ord(b) - ord(a) for a, b in zip(password, password[1:], strict=False)}
    row = "qwertyuiopasdfghjklzxcvbnm"
    return steps <= {1, -9} or steps <= {-1, 9} or password in row or password in row[::-1]


def _is_about(password: str, known: Collection[str]) -> bool:
    left = plain = re.sub(r"[\W_]", "", password.casefold())
    words = {re.sub(r"[\W_]", "", each) for name in known for each in (name.casefold(), *name.casefold().split())}
    for word in sorted((word for word in words if len(word) >= 3), key=len, reverse=True):
        left = left.replace(word, "")
    return left != plain and len(left) < _FEWEST_OF_ITS_OWN


@cache
def commonest() -> frozenset[str]:
    return frozenset(_COMMON.read_text(encoding="utf-8").split())


def _no(code: str, detail: str) -> InvalidInput:
    return InvalidInput(code, detail, field="password")
