"""A resident's own record, asked for with a token: their own, or one by which somebody acts for them.

Says who asks and for whom, and nothing of what they get: that is decided in ``access``, live, from what stands now.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from broker.access.request import AccessRequest, Requester
from broker.database import new_id
from broker.errors import NotPermitted
from broker.oauth.tokens import KeptToken
from broker.vocabulary import Purpose, Role, Section


def is_own(token: KeptToken) -> bool:
    """Whether ``token`` was given by a resident, or by somebody who acts for one."""
    return token.resident_id is not None and token.role in (Role.RESIDENT, Role.PROXY)


def own_requester(token: KeptToken) -> Requester:
    """Who asks, with such a token: the resident, or the proxy as themselves; ``client`` is the app they use.

    Raises NotPermitted for anybody else's token.
    """
    if not is_own(token):
        raise NotPermitted("residents-only", "Only a resident may do this, for their own record.")
    asker = (token.acting or "").removeprefix("resident:") if token.role is Role.PROXY else token.resident_id
    return Requester(
        organisation="", role=token.role, client=token.client_id, assurance=token.assurance, resident=asker or None
    )


def own_request(token: KeptToken, sections: Iterable[Section], *, now: datetime) -> AccessRequest:
    """These sections of the record that ``token`` is about, for ``release_record``. Raises NotPermitted as above."""
    asker = own_requester(token)
    assert token.resident_id is not None, "whoever asks for their own record has one"
    return AccessRequest(
        id=new_id(),
        requester=asker,
        resident=token.resident_id,
        purpose=Purpose.OWN_RECORD,
        sections=frozenset(sections),
        made_at=now,
    )
