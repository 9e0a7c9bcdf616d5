"""What the resources of one answer are called: their ids, their addresses, and how they refer to each other.

No id says anything of what it names: a source's own ids never leave, and no two organisations are given the same.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import uuid
from dataclasses import dataclass
from typing import Protocol

NAMESPACE = uuid.UUID("6f2d3f0e-5b0b-4c29-9a52-1f6a0f4b7a51")
# At these addresses of the server is something else than what a record holds, so none of a record's is there.
ELSEWHERE = frozenset({"Consent"})
_ID = re.compile(r"(?P<handle>[0-9a-f]{40})\.[0-9a-f]{20}")


@dataclass(frozen=True, slots=True)
class Named:
    """``url`` is a Bundle's ``fullUrl``; ``reference`` is what others say to point here."""

    id: str
    url: str
    reference: str


class Naming(Protocol):
    """How the resources of an answer about one resident are called."""

    def patient(self) -> Named: ...

    def item(self, kind: str, source: str, local: str) -> Named:
        """The resource that ``local`` of ``source`` is told as."""
        ...


@dataclass(frozen=True, slots=True)
class InBundle:
    """Names that are good inside one Bundle, and can be asked for nowhere."""

    handle: str

    def patient(self) -> Named:
        url = f"urn:uuid:{uuid.uuid5(NAMESPACE, f'Patient/{self.handle}')}"
        return Named(self.handle, url, url)

    def item(self, kind: str, source: str, local: str) -> Named:
        made = str(uuid.uuid5(NAMESPACE, f"{source}/{local}"))
        return Named(made, f"urn:uuid:{made}", f"urn:uuid:{made}")


@dataclass(frozen=True, slots=True)
class AtServer:
    """Names that can be asked for at ``base``: the resident's handle, and a keyed hash that only we can make.

    The handle is the asking organisation's own, so an id is good for that organisation and that resident alone.
    """

    base: str
    handle: str
    key: bytes

    def patient(self) -> Named:
        return Named(self.handle, f"{self.base}/Patient/{self.handle}", f"Patient/{self.handle}")

    def item(self, kind: str, source: str, local: str) -> Named:
        message = f"fhir-id/v1\0{self.handle}\0{kind}\0{source}\0{local}".encode()
        made = f"{self.handle}.{hmac.new(self.key, message, hashlib.sha256).hexdigest()[:20]}"
        if kind in ELSEWHERE:
            url = f"urn:uuid:{uuid.uuid5(NAMESPACE, made)}"
            return Named(made, url, url)
        return Named(made, f"{self.base}/{kind}/{made}", f"{kind}/{made}")


def handle_in(resource_id: str) -> str | None:
    """The handle that an id of ours begins with; None for one that is none of ours."""
    found = _ID.fullmatch(resource_id)
    return found["handle"] if found else None
