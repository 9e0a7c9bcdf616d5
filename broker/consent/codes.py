"""Codes that people read to one another. Keeps none, and knows nothing of what each is for."""

from __future__ import annotations

import secrets

# No vowels and no look-alikes: they are read aloud and typed, and must not spell a word.
LETTERS = "BCDFGHJKLMNPQRSTVWXZ23456789"


def new_code(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(length))


def binding_code() -> str:
    """Six letters, by which a worker and a resident know that they mean one request."""
    return new_code(6)
