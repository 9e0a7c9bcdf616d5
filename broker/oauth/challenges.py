"""What a resource says to whoever presents no token, a wrong one, or one from too weak or too old a sign-in."""

from __future__ import annotations

from broker.errors import NotAuthenticated
from broker.oauth.assurance import acr
from broker.oauth.keys import ALGORITHMS


class Challenge(NotAuthenticated):
    """A 401 with its ``WWW-Authenticate`` (RFC 9449 §7.1, RFC 6750 §3): ``error`` is the RFC's own word for it.

    ``nonce`` is one to make the next proof with.
    """

    def __init__(self, code: str, detail: str, *, error: str = "", nonce: str | None = None, more: str = "") -> None:
        super().__init__(code, detail)
        self.nonce = nonce
        said = f', error="{error}", error_description="{detail}"' if error else ""
        self.header = f'DPoP realm="broker", algs="{" ".join(ALGORITHMS)}"{said}{more}'


class StepUp(Challenge):
    """They must prove who they are again, this surely and this lately (RFC 9470 §3)."""

    def __init__(self, *, assurance: int, max_age: int) -> None:
        super().__init__(
            "step-up-needed",
            "Prove again who you are, and try once more.",
            error="insufficient_user_authentication",
            more=f', acr_values="{acr(assurance)}", max_age="{max_age}"',
        )
