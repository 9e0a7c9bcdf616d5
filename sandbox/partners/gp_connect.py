"""A practice behind GP Connect: checks who asks as a practice's system would, and answers with an STU3 record.

Serves synthetic records, on loopback, from memory. The token it reads proves nothing, as none does there that nobody
signs: it is checked for being complete and in time, and never for who wrote it.
"""

from __future__ import annotations

import asyncio
import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from aiohttp import web

from broker.vocabulary import NHS_NUMBER
from sandbox.neighbourhood import cast
from sandbox.neighbourhood.named import BETH, GRACE, MARTIN
from sandbox.neighbourhood.numbers import LocalNumbers
from sandbox.neighbourhood.place import Place
from sandbox.partners.faults import FaultBoard, somebody_else, spoil
from sandbox.partners.gp_connect_record import LISTS, bundle
from sandbox.partners.outcome import FHIR_JSON, fhir_response

BASE = "/gpconnect/STU3/1"
READ_RECORD = "urn:nhs:names:services:gpconnect:fhir:operation:gpc.getstructuredrecord-1"
READ_METADATA = "urn:nhs:names:services:gpconnect:structured:fhir:rest:read:metadata-1"

SENSITIVE = frozenset({GRACE})  # whose whereabouts the national register protects
CONFIDENTIAL = frozenset({BETH, MARTIN})  # for whom the practice keeps something back

_CLAIMS = (
    *("iss", "sub", "aud", "exp", "iat", "reason_for_request", "requested_scope"),
    *("requesting_device", "requesting_organization", "requesting_practitioner"),
)
_LONGEST_SECONDS = 300


class Denied(Exception):
    """A request that is answered with a Spine code."""

    def __init__(self, code: str, status: int, diagnostics: str) -> None:
        super().__init__(code)
        self.code, self.status, self.diagnostics = code, status, diagnostics


class GpConnectServer:
    """One practice. ``off`` are parameters it has switched off; the others are residents by index."""

    def __init__(
        self,
        place: Place,
        practice: str,
        *,
        board: FaultBoard | None = None,
        off: Collection[str] = (),
        confidential: Collection[int] = CONFIDENTIAL,
        sensitive: Collection[int] = SENSITIVE,
        dissents: Collection[int] = (),
    ) -> None:
        self._place, self._practice = place, cast.organisation(practice)
        self._board = board or FaultBoard()
        self._off, self._confidential = frozenset(off), frozenset(confidential)
        self._sensitive, self._dissents = frozenset(sensitive), frozenset(dissents)
        self._local = LocalNumbers(place.seed, f"gp-connect-{practice}", "GPC")

    def add_to(self, app: web.Application) -> None:
        """At any address: a proxy's carries the practice's whole one after its own."""
        app.router.add_post("/{before:.*}Patient/$gpc.getstructuredrecord", self.record)
        app.router.add_get("/{before:.*}metadata", self.metadata)

    async def record(self, request: web.Request) -> web.StreamResponse:
        return await self._answered(request, READ_RECORD, self._record)

    async def metadata(self, request: web.Request) -> web.StreamResponse:
        return await self._answered(request, READ_METADATA, self._metadata)

    async def _answered(self, request: web.Request, interaction: str, answer: Any) -> web.StreamResponse:
        fault = self._board.at(self._practice.code)
        if fault.delay_ms:
            await asyncio.sleep(fault.delay_ms / 1000)
        try:
            if fault.status:
                raise Denied("INTERNAL_SERVER_ERROR", fault.status, "told to fail")
            _check_headers(request.headers, interaction)
            _check_token(request.headers.get("Authorization", ""), now=time.time())
            written = answer(await request.read())
            if fault.wrong_patient:
                written = {
                    **written,
                    "entry": [{**each, "resource": somebody_else(each["resource"])} for each in written["entry"]],
                }
            response = fhir_response(written)
        except Denied as denied:
            response = fhir_response(_outcome(denied), status=denied.status)
        return await spoil(request, response, fault)

    def _record(self, body: bytes) -> Mapping[str, Any]:
        number, parameters = _question(body)
        index = self._place.index_of(number)
        if index is None or index in self._sensitive:
            raise Denied("PATIENT_NOT_FOUND", 404, "not a patient here")
        person = self._place.person(index)
        if person.practice != self._practice.code or person.died_on is not None:
            raise Denied("PATIENT_NOT_FOUND", 404, "not a patient here")
        if index in self._dissents:
            raise Denied("NO_PATIENT_CONSENT", 403, "does not share")
        return bundle(
            person,
            self._place.story(index),
            self._practice,
            local=self._local.of(index),
            parameters=parameters,
            off=self._off,
            confidential=index in self._confidential,
        )

    def _metadata(self, _body: bytes) -> Mapping[str, Any]:
        return {
            "resourceType": "CapabilityStatement",
            "version": "1.6.2",
            "status": "active",
            "kind": "capability",
            "software": {"name": self._practice.name, "version": "1"},
            "fhirVersion": "3.0.1",
            "acceptUnknown": "both",
            "format": [FHIR_JSON],
            "rest": [{"mode": "server", "operation": [{"name": "gpc.getstructuredrecord"}]}],
        }


def _check_headers(headers: Mapping[str, str], interaction: str) -> None:
    for name in ("Ssp-From", "Ssp-To"):
        if not headers.get(name, "").isdigit():
            raise Denied("BAD_REQUEST", 400, f"{name} is not an ASID")
    try:
        UUID(headers.get("Ssp-TraceID", ""))
    except ValueError:
        raise Denied("BAD_REQUEST", 400, "Ssp-TraceID is not a UUID") from None
    if headers.get("Ssp-InteractionID") != interaction:
        raise Denied("BAD_REQUEST", 400, "Ssp-InteractionID is of another interaction")
    if interaction == READ_RECORD and headers.get("Content-Type", "").partition(";")[0] != FHIR_JSON:
        raise Denied("UNSUPPORTED_MEDIA_TYPE", 415, "another content type")


def _check_token(authorization: str, *, now: float) -> None:
    """Complete, unsigned, and in time: whoever wrote it, it tells the audit trail who asked."""
    scheme, _, token = authorization.partition(" ")
    try:
        head, claims, signature = token.split(".")
        header, said = _decoded(head), _decoded(claims)
        complete = all(said.get(name) for name in _CLAIMS)
        timely = said["exp"] - said["iat"] == _LONGEST_SECONDS and said["iat"] - 60 <= now < said["exp"]
        right = scheme == "Bearer" and header["alg"] == "none" and not signature
    except (ValueError, KeyError, TypeError):
        raise Denied("BAD_REQUEST", 400, "the token cannot be read") from None
    if not (complete and timely and right and said["reason_for_request"] == "directcare"):
        raise Denied("BAD_REQUEST", 400, "the token is not as it must be")
    if not any("value" in each for each in said["requesting_organization"].get("identifier", ())):
        raise Denied("BAD_REQUEST", 400, "the token names no organisation")


def _decoded(part: str) -> dict[str, Any]:
    decoded = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if not isinstance(decoded, dict):
        raise TypeError("not an object")
    return decoded


def _question(body: bytes) -> tuple[str, list[str]]:
    """The NHS number asked about, and the parameters of the areas. Raises Denied for a question not put well."""
    try:
        document = json.loads(body)
        listed = {each["name"]: each for each in document["parameter"]}
        identifier = listed.pop("patientNHSNumber")["valueIdentifier"]
        system, number = identifier["system"], str(identifier["value"])
    except (ValueError, KeyError, TypeError):
        raise Denied("INVALID_RESOURCE", 422, "the parameters cannot be read") from None
    if system != NHS_NUMBER or not (len(number) == 10 and number.isdigit()):
        raise Denied("INVALID_NHS_NUMBER", 400, "not an NHS number")
    if unknown := [name for name in listed if name not in LISTS]:
        raise Denied("INVALID_PARAMETER", 422, f"{unknown[0][:40]} is not a parameter")
    allergies = listed.get("includeAllergies")
    if allergies is not None and not any(each["name"] == "includeResolvedAllergies" for each in allergies["part"]):
        raise Denied("INVALID_PARAMETER", 422, "includeResolvedAllergies is missing")
    return number, list(listed)


def _outcome(denied: Denied) -> dict[str, Any]:
    system = "https://fhir.nhs.uk/STU3/CodeSystem/Spine-ErrorOrWarningCode-1"
    return {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "invalid",
                "details": {"coding": [{"system": system, "code": denied.code}]},
                "diagnostics": denied.diagnostics,
            }
        ],
    }
