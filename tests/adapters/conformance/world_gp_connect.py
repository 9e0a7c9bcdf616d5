"""A practice behind GP Connect that holds allergies: one question by POST, one STU3 bundle whole."""

from __future__ import annotations

import json
from typing import Any

from broker.vocabulary import Section
from tests.adapters.conformance.worlds import Holding, NetworkWorld
from tests.adapters.gp_connect.stu3 import allergy, bundle, listed, patient
from tests.adapters.listener import Reply, Request, as_json

ALLERGIES = "886921000000105"


class GpConnectWorld(NetworkWorld):
    kind, personal, section = "gp-connect-structured", True, Section.ALLERGIES
    media, paged = "application/fhir+json", False

    def configuration(self, url: str) -> dict[str, Any]:
        return {"base_url": str(url), "from_asid": "200000000001", "to_asid": "200000000002"}

    def answer(self, holding: Holding, request: Request, url: str) -> Reply:
        if request.path.endswith("/metadata"):
            return as_json(_CAPABILITY, media=self.media)
        assert request.path.endswith("/Patient/$gpc.getstructuredrecord")
        names = [each["name"] for each in json.loads(request.body)["parameter"]]
        assert names == ["patientNHSNumber", "includeAllergies"]
        allergies = [allergy(number) for number in range(holding.items)]
        unknown = [{"resourceType": "Basic", "id": f"b{number}"} for number in range(holding.unknown)]
        return as_json(
            bundle(patient(holding.person), listed(ALLERGIES, *allergies), *allergies, *unknown), media=self.media
        )


_CAPABILITY = {
    "resourceType": "CapabilityStatement",
    "fhirVersion": "3.0.1",
    "version": "1.6.2",
    "software": {"name": "A practice system", "version": "7"},
}
