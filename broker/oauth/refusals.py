"""What the token endpoints refuse, in the words of the RFCs. A description never repeats what was sent."""

from __future__ import annotations

from typing import Any, NoReturn

from authlib.oauth2.rfc6749 import (
    InvalidClientError,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Error,
    UnauthorizedClientError,
)

__all__ = [
    "InvalidAuthorizationDetails",
    "InvalidClientError",
    "InvalidGrantError",
    "InvalidProof",
    "InvalidRequestError",
    "InvalidScopeError",
    "InvalidTarget",
    "OAuth2Error",
    "UnauthorizedClientError",
    "UseNonce",
    "refuse",
]


class InvalidTarget(OAuth2Error):  # type: ignore[misc]  # Authlib is untyped
    error = "invalid_target"  # RFC 8707 §2


class InvalidAuthorizationDetails(OAuth2Error):  # type: ignore[misc]
    error = "invalid_authorization_details"  # RFC 9396 §5


class InvalidProof(OAuth2Error):  # type: ignore[misc]
    error = "invalid_dpop_proof"  # RFC 9449 §5


class UseNonce(OAuth2Error):  # type: ignore[misc]
    """A proof without a fresh nonce of ours. ``nonce`` is one to use."""

    error = "use_dpop_nonce"  # RFC 9449 §8

    def __init__(self, nonce: str) -> None:
        super().__init__("The proof must carry the nonce in this answer.")
        self.nonce = nonce


def refuse(kind: type[Any], why: str) -> NoReturn:
    """Raise a refusal of ``kind``; ``why`` is ours alone, in printable ASCII."""
    raise kind(description=why)
