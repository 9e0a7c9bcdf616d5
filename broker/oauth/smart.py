"""SMART App Launch 2.2: the second, narrower profile, for clients registered so."""

from __future__ import annotations

from typing import Any

from broker.grants.models import Grant
from broker.oauth.clients import RegisteredClient


def check_backend(client: RegisteredClient, scopes: str) -> None:
    """Raises InvalidScopeError for a scope that a system on nobody's behalf cannot have."""


def launch_context(client: RegisteredClient, grant: Grant) -> dict[str, Any]:
    """What a token's answer says of the launch, such as ``patient``; empty for other profiles."""
    return {}
