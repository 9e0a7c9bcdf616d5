"""Build the source system a description names: the one table of the kinds of system the broker can ask.

Nothing here asks a source, and nothing here knows who may see what one answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from broker.errors import InvalidInput
from broker.records.source import SourceSystem

from . import casework_csv, client_level_data, national, nrl, open_referral_uk, patient_flags, pds
from . import configuration as reading
from .answering import Clock, Limits, Secret, utc_now
from .casework_csv import CaseworkCsv
from .client_level_data import ClientLevelData
from .configuration import Key
from .credentials import Credentials
from .egress import Egress
from .fhir_r4 import KEYS as FHIR_R4_KEYS
from .fhir_r4 import FhirR4
from .gp_connect import KEYS as GP_CONNECT_KEYS
from .gp_connect import GpConnect
from .hosted.adapter import Hosted
from .hosted.configuration import KEYS as HOSTED_KEYS
from .hosted.configuration import check_options as check_hosted
from .hosted.keeping import Hosting
from .http import Http
from .nrl import Nrl
from .open_referral_uk import OpenReferralUk
from .patient_flags import PatientFlags
from .pds import Pds

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
    "children-csv": Kind(
        "Children's services extract (CSV)",
        casework_csv.keys("children-in-need", "looked-after-children"),
        CaseworkCsv,
        networked=False,
        checked=casework_csv.check_options,
    ),
    "housing-csv": Kind(
        "Housing extract (CSV)",
        casework_csv.keys("housing-lettings", "housing-repairs-and-arrears"),
        CaseworkCsv,
        networked=False,
        checked=casework_csv.check_options,
    ),
    "social-prescribing-csv": Kind(
        "Social prescribing extract (CSV)",
        casework_csv.keys("social-prescribing"),
        CaseworkCsv,
        networked=False,
        checked=casework_csv.check_options,
    ),
    "gp-connect-structured": Kind("GP Connect structured record", GP_CONNECT_KEYS, GpConnect, networked=True),
    "hosted": Kind("Kept here for the organisation", HOSTED_KEYS, Hosted, networked=False, checked=check_hosted),
    "pds-fhir": Kind("Personal Demographics Service", pds.KEYS, Pds, networked=True),
    "nrl": Kind("National Record Locator", nrl.KEYS, Nrl, networked=True, checked=national.check_options),
    "patient-flags": Kind(
        "Patient Flags (reasonable adjustments)",
        patient_flags.KEYS,
        PatientFlags,
        networked=True,
        checked=national.check_options,
    ),
    "open-referral-uk": Kind("Open Referral UK directory", open_referral_uk.KEYS, OpenReferralUk, networked=True),
}


# Keys that every kind has. What they mean is done for the adapter, by whoever asks it.
COMMON: Mapping[str, Key] = {
    "answer_within_ms": Key(
        reading.whole(50, 60_000), "milliseconds it may take, where that is less than every source has", None
    ),
}


def check_configuration(kind: str, configuration: Mapping[str, Any]) -> None:
    """Raise InvalidInput naming the field (``kind``, or a key of the configuration) that is wrong."""
    _options(kind, configuration)


def build(
    description: Mapping[str, Any],
    *,
    http: Http,
    secret: Secret,
    hosting: Hosting | None = None,
    clock: Clock = utc_now,
) -> SourceSystem:
    """The source system that ``description`` (id, label, kind, organisation, configuration) describes.

    ``hosting`` is where sources that are kept here are. Opens no socket and no file, and reads no secret: those are
    faults of the source, stated when it is asked.
    """
    kind, configuration = description["kind"], description["configuration"]
    options = _options(kind, configuration)
    named = {name: description[name] for name in ("id", "label", "organisation")}
    if KINDS[kind].make is Hosted:
        return Hosted(**named, options=options, limits=http.limits, hosting=hosting)
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
    options = reading.read({**KINDS[kind].keys, **COMMON}, configuration)
    reading.check_credentials(options)
    KINDS[kind].checked(options)
    return options
