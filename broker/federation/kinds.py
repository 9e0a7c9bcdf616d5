"""What each kind of provider is asked for: scopes, assurance and algorithms. A new kind begins with a row here."""

from __future__ import annotations

import json
from dataclasses import dataclass

from broker.federation.models import Errand, IdentityProvider
from broker.vocabulary import ProviderKind

# High identity proofing, with a second factor or a key in a registered device (NHS login, vectors of trust).
NHS_LOGIN_VECTORS = ("P9.Cp.Cd", "P9.Cp.Ck", "P9.Cm")

OLDEST_PROOF = 12 * 3600  # seconds: no older than a session here may ever be


@dataclass(frozen=True, slots=True)
class Kind:
    """``algorithms`` are those its ID tokens may be signed with; ``client_algorithms`` ours, the first preferred."""

    scopes: str
    algorithms: tuple[str, ...]
    client_algorithms: tuple[str, ...]
    needs_userinfo: bool
    wanted: tuple[str, ...] = ()


KINDS = {
    ProviderKind.NHS_LOGIN: Kind("openid profile", ("RS512",), ("RS512",), True, NHS_LOGIN_VECTORS),
    ProviderKind.CIS2: Kind(
        "openid profile nhsperson nationalrbacaccess selectedrole", ("RS256", "RS512"), ("RS512",), True
    ),
    ProviderKind.ORGANISATION: Kind("openid", ("PS256", "ES256", "RS256"), ("PS256", "RS256"), False),
}


def asked(provider: IdentityProvider, errand: Errand) -> dict[str, str]:
    """What the authorization request says beside what every one does."""
    said = (
        {"vtr": json.dumps(KINDS[provider.kind].wanted, separators=(",", ":"))} if KINDS[provider.kind].wanted else {}
    )
    if errand is Errand.AGAIN:
        # Asked for and then checked: a provider that ignores it is found out by its ``auth_time``.
        return said | {"prompt": "login", "max_age": "0"}
    # A provider that is asked for an age says when they proved it (Core §2, ``auth_time``).
    return said | {"max_age": str(OLDEST_PROOF)}
