"""How surely, and how lately, somebody must have proved who they are (RFC 9470): asked for, named and compared.

Three levels, each an ``acr``: 1 is one factor, 2 two factors, 3 two factors of an identity that was checked in person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from broker.oauth.refusals import InvalidRequestError, OAuth2Error, refuse

LEVELS = (1, 2, 3)
_PREFIX = "urn:neighbourhood-broker:assurance:"
LONGEST_AGE = 12 * 3600


class UnmetRequirements(OAuth2Error):  # type: ignore[misc]  # Authlib is untyped
    error = "unmet_authentication_requirements"  # RFC 9470 §4


class Proven(Protocol):
    """Somebody signed in, as far as this needs to know."""

    @property
    def assurance(self) -> int: ...
    @property
    def authenticated_at(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """At least this surely, no longer ago than this, and, where ``again``, since the request was made."""

    assurance: int = 1
    max_age: timedelta | None = None
    again: bool = False
    silently: bool = False

    def met_by(self, proven: Proven, *, asked_at: datetime, now: datetime) -> bool:
        """Whether nobody need prove anything again. A proof of which nobody says when it was is never a late one."""
        if proven.assurance < self.assurance:
            return False
        if (at := proven.authenticated_at) is None:
            return not self.again and self.max_age is None
        if self.again and at < asked_at:
            return False
        return self.max_age is None or at >= min(asked_at, now) - self.max_age


def acr(assurance: int) -> str:
    return f"{_PREFIX}{assurance}"


ACR_VALUES = [acr(level) for level in LEVELS]


def wanted(asked: dict[str, str]) -> Wanted:
    """What ``acr_values``, ``max_age`` and ``prompt`` ask for. Raises for what cannot be met, or read."""
    prompts = asked.get("prompt", "").split()
    if not set(prompts) <= {"none", "login", "consent"} or ("none" in prompts and len(prompts) > 1):
        refuse(InvalidRequestError, "The prompt is none, login or consent.")
    age = asked.get("max_age")
    if age is not None and not (age.isascii() and age.isdigit() and len(age) <= 6):
        refuse(InvalidRequestError, "The max_age is a whole number of seconds.")
    return Wanted(
        assurance=_level(asked.get("acr_values")),
        max_age=None if age is None else timedelta(seconds=int(age)),
        again="login" in prompts,
        silently="none" in prompts,
    )


def _level(acr_values: str | None) -> int:
    """The least of those that would do. Values nobody here knows are passed over; all unknown cannot be met."""
    if acr_values is None:
        return 1
    known = [level for level in LEVELS if acr(level) in acr_values.split()]
    if not known:
        refuse(UnmetRequirements, "None of the acr_values is one that people can meet here.")
    return min(known)
