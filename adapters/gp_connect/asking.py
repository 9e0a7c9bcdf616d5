"""How a practice is asked: the address through the Spine proxy, its headers, the parameters, and who says they ask.

The statement of who asks is a token that nobody signs (``alg`` "none"). GP Connect wants it so: what proves the broker
is its client certificate, checked by the proxy, and the token only tells the practice's audit trail who is behind it.
The broker writes such a token here and nowhere else, and accepts one nowhere at all: what reads tokens in this
codebase names the algorithms it takes, and "none" is in no such list (OWASP ASVS 5.0 9.1.2).
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from broker.records.source import Asker
from broker.vocabulary import NHS_NUMBER, ODS_CODE, Purpose

from .areas import AREAS

MEDIA = "application/fhir+json"
READ_RECORD = "urn:nhs:names:services:gpconnect:fhir:operation:gpc.getstructuredrecord-1"
READ_METADATA = "urn:nhs:names:services:gpconnect:structured:fhir:rest:read:metadata-1"

# GP Connect is for the care of the person asked about, and its one reason for a request is "directcare".
CARE = (Purpose.DIRECT_CARE, Purpose.EMERGENCY)
LASTS_SECONDS = 300
_SDS = "https://fhir.nhs.uk/Id/sds-"
_NOT_KNOWN = "UNK"  # what GP Connect has written where somebody has no smartcard


@dataclass(frozen=True, slots=True)
class Line:
    """The way to one practice: its FHIR base, the proxy before it (or none), and the two systems' numbers (ASIDs)."""

    base_url: str
    ssp_url: str
    from_asid: str
    to_asid: str
    issuer: str

    def address(self, path: str) -> str:
        """Through the proxy the practice's whole address is written after the proxy's own."""
        return "/".join(filter(None, (self.ssp_url, self.base_url, path)))

    def headers(self, interaction: str, statement: str) -> dict[str, str]:
        """The headers of one request; its trace is its own, so that both ends can find it again."""
        return {
            "Ssp-TraceID": str(uuid4()),
            "Ssp-From": self.from_asid,
            "Ssp-To": self.to_asid,
            "Ssp-InteractionID": interaction,
            "Authorization": f"Bearer {statement}",
        }

    def statement(self, asker: Asker | None, *, now: datetime) -> str:
        """Who asks and why, as an unsigned token. ``asker`` None: nobody is asked about, only whether it is there."""
        written = int(now.timestamp())
        who = (asker.person or asker.organisation) if asker else self.from_asid
        claims = {
            "iss": self.issuer,
            "sub": who,
            "aud": self.base_url,
            "iat": written,
            "exp": written + LASTS_SECONDS,
            "reason_for_request": "directcare",
            "requested_scope": "patient/*.read" if asker else "organization/*.read",
            "requesting_device": {
                "resourceType": "Device",
                "identifier": [{"system": f"{self.issuer.rstrip('/')}/Id/device", "value": self.from_asid}],
                "model": "neighbourhood-broker",
                "version": "1",
            },
            "requesting_organization": {
                "resourceType": "Organization",
                "identifier": [{"system": ODS_CODE, "value": asker.organisation if asker else _NOT_KNOWN}],
                "name": asker.organisation if asker else _NOT_KNOWN,
            },
            "requesting_practitioner": _practitioner(asker, who, self.issuer),
        }
        return f"{_encoded({'alg': 'none', 'typ': 'JWT'})}.{_encoded(claims)}."


def _practitioner(asker: Asker | None, who: str, issuer: str) -> dict[str, Any]:
    """The person behind the request, by the broker's own id: an adapter is never told a worker's name."""
    return {
        "resourceType": "Practitioner",
        "id": who,
        "identifier": [
            {"system": f"{_SDS}user-id", "value": _NOT_KNOWN},
            {"system": f"{_SDS}role-profile-id", "value": _NOT_KNOWN},
            {"system": f"{issuer.rstrip('/')}/Id/worker", "value": who},
        ],
        "name": [{"family": asker.role.label if asker else "System"}],
    }


def _encoded(part: Mapping[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(part, separators=(",", ":")).encode()).rstrip(b"=").decode()


def for_care(asker: Asker | None) -> bool:
    """Whether the request is one that GP Connect may be asked for. Nobody in particular is nobody who gives care."""
    return asker is not None and asker.purpose.within_any(CARE)


def parameters(nhs_number: str, areas: tuple[str, ...]) -> dict[str, Any]:
    """The question: this person's record, in these clinical areas."""
    listed: list[dict[str, Any]] = [
        {"name": "patientNHSNumber", "valueIdentifier": {"system": NHS_NUMBER, "value": nhs_number}}
    ]
    for name in areas:
        area = AREAS[name]
        asked: dict[str, Any] = {"name": area.parameter}
        if area.parts:
            asked["part"] = [{"name": part, element: value} for part, element, value in area.parts]
        listed.append(asked)
    return {"resourceType": "Parameters", "parameter": listed}
