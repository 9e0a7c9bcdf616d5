"""Whose pages these are, and which of their sources: the organisation of whoever is signed in, and no other's."""

from __future__ import annotations

from typing import Final

from broker.access import hosted
from broker.access.hosted import Keeper
from broker.doors import now, parts, session
from broker.errors import NotFound
from broker.identity.models import Source
from broker.identity.sessions import actor_of
from broker.records.hosting import Batch
from broker.vocabulary import Role
from broker.web.access import keeper as sender
from broker.web.access import signed_in

KEEPERS: Final = (Role.ADMINISTRATOR,)
WRITERS: Final = (Role.ADMINISTRATOR, Role.CASE_WORKER)  # of one note about one person


def own_sources() -> list[Source]:
    return hosted.of_organisation(session(), _organisation())


def keeping(source_id: str) -> Keeper:
    """One of our own. Raises NotFound for any other alike."""
    return _keeper(hosted.called(session(), source_id, organisation=_organisation()))


def batch_of(batch_id: str) -> tuple[Keeper, Batch]:
    """A batch of one of our own sources, with the source. Raises NotFound for any other alike."""
    for source in own_sources():
        acting = _keeper(source)
        found = next((each for each in acting.kept.batches() if each.id == batch_id), None)
        if found is not None:
            return acting, found
    raise NotFound("hosted-batch-unknown", "There is no such batch.")


def waiting_of(waiting_id: str) -> tuple[Keeper, bytes]:
    """A table that whoever is signed in sent and has not confirmed. Raises NotFound for any other, or one forgotten."""
    for source in own_sources():
        acting = _keeper(source)
        upload = acting.kept.waiting(waiting_id, by=sender(signed_in()), now=now())
        if upload is not None:
            return acting, upload
    raise NotFound("hosted-table-forgotten", "There is no table waiting here. Send it again.")


def _keeper(source: Source) -> Keeper:
    return Keeper(source, parts().hosted(source), actor_of(signed_in()), parts().trail, now())


def _organisation() -> str:
    organisation = signed_in().organisation_code
    assert organisation is not None, "a worker works somewhere"
    return organisation
