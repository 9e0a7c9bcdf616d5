"""Refusals and faults. A refusal is an answer: coded, and safe to show. A fault is ours: logged, shown as a reference.

::

    BrokerError
    ├── Refusal                     an answer; ``code`` is stable, ``detail`` is plain words
    │   ├── InvalidInput            the request is malformed            (400 / 422 at a door)
    │   ├── NotAuthenticated        nobody proved who they are          (401)
    │   ├── NotPermitted            known, and not allowed              (403)
    │   ├── NotFound                not there, or not yours to know of  (404)
    │   ├── Conflict                the state does not allow this now   (409)
    │   └── TooMany                 slow down                           (429)
    └── Fault                       ours
        ├── TrailUnavailable        the trail cannot be written, so nothing leaves
        ├── EngineUnavailable       the policy engine gave no answer
        ├── EngineUnclear           the policy engine's answer could not be read
        └── Misconfigured           a setting is wrong; raised at start, never in a request
"""

from __future__ import annotations


class BrokerError(Exception):
    """The root of everything the broker raises on purpose."""


class Refusal(BrokerError):
    """An answer that is no. ``code`` reads in words (``nhs-number-invalid``); ``field`` names the input at fault."""

    def __init__(self, code: str, detail: str, *, field: str | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.field = field


class InvalidInput(Refusal):
    """The request does not say what it must, or says it wrongly."""


class NotAuthenticated(Refusal):
    """Nobody proved who they are."""


class NotPermitted(Refusal):
    """The requester is known and may not do this."""


class NotFound(Refusal):
    """It is not there, or the requester may not know that it is. The two look alike."""


class Conflict(Refusal):
    """The present state does not allow this."""


class TooMany(Refusal):
    """Asked too often; ``retry_after`` is in seconds."""

    def __init__(self, code: str, detail: str, *, retry_after: int) -> None:
        super().__init__(code, detail)
        self.retry_after = retry_after


class Fault(BrokerError):
    """Something of ours went wrong."""


class TrailUnavailable(Fault):
    """The trail cannot be written or read."""


class EngineUnavailable(Fault):
    """The policy engine gave no answer in time."""


class EngineUnclear(Fault):
    """The policy engine answered, and the answer cannot be relied on."""


class Misconfigured(Fault):
    """A setting is missing or wrong."""
