"""Build the source system a description names: the one table of the kinds of system the broker can ask.

Nothing here asks a source, and nothing here knows who may see what one answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from broker.errors import InvalidInput
from broker.records.source import SourceSystem

from . import casework_csv, client_level_data, open_referral_uk
from . import configuration as reading
from .answering import Clock, Limits, Secret, utc_now
from .casework_csv import CaseworkCsv
from .client_level_data import ClientLevelData
from .configuration import Key
from .credentials import Credentials
from .egress import Egress
from .fhir_r4 import KEYS as FHIR_R4_KEYS
from .fhir_r4 import FhirR4
from .http import Http
from .open_referral_uk import OpenReferralUk

__all__ = ["KINDS", "Egress", "Http", "Kind", "Limits", "build", "check_configuration"]


@dataclass(frozen=True)
class Kind:
    """A kind of source system: what an operator reads, the keys it is configured by, and what makes one.

    ``checked`` says what of the values, each right by itself, does not fit together. Raises InvalidInput.
    """

    label: str
    keys: Mapping[str, Key]
    make: Callable[..., SourceSystem]
    networked: bool
    checked: Callable[[Mapping[str, Any]], None] = lambda options: None


KINDS: Mapping[str, Kind] = {
    "fhir-r4": Kind("FHIR R4 server", FHIR_R4_KEYS, FhirR4, networked=True),
    "cld-csv": Kind("Client Level Data files", client_level_data.KEYS, ClientLevelData, networked=False),
    "casework-csv": Kind(
        "Casework export (CSV)", casework_csv.KEYS, CaseworkCsv, networked=False, checked=casework_csv.check_options
    ),
    "open-referral-uk": Kind("Open Referral UK directory", open_referral_uk.KEYS, OpenReferralUk, networked=True),
}


def check_configuration(kind: str, configuration: Mapping[str, Any]) -> None:
    """Raise InvalidInput naming the field (``kind``, or a key of the configuration) that is wrong."""
    _options(kind, configuration)


def build(description: Mapping[str, Any], *, http: Http, secret: Secret, clock: Clock = utc_now) -> SourceSystem:
    """The source system that ``description`` (id, label, kind, organisation, configuration) describes.

    Opens no socket and no file, and reads no secret: those are faults of the source, stated when it is asked.
    """
    kind, configuration = description["kind"], description["configuration"]
    options = _options(kind, configuration)
    named = {name: description[name] for name in ("id", "label", "organisation")}
    if not KINDS[kind].networked:
        return KINDS[kind].make(**named, options=options, limits=http.limits, clock=clock)
    credentials = Credentials(
        secret,
        bearer=options.get("bearer_secret", ""),
        certificate=options.get("client_certificate_secret", ""),
        authority=options.get("authority_secret", ""),
        signed=reading.signed_jwt(options),
        clock=clock,
    )
    return KINDS[kind].make(**named, options=options, http=http, credentials=credentials, clock=clock)


def _options(kind: str, configuration: Mapping[str, Any]) -> dict[str, Any]:
    if kind not in KINDS:
        raise InvalidInput("source-kind-unknown", f"{kind!r} is not one of {', '.join(KINDS)}", field="kind")
    options = reading.read(KINDS[kind].keys, configuration)
    reading.check_credentials(options)
    KINDS[kind].checked(options)
    return options
