"""What GP Connect's FHIR STU3 says another way than R4: extensions, security labels, and who wrote something."""

from __future__ import annotations

import re
from typing import Any

from adapters.fhir_r4.reading import stated_labels
from adapters.fhir_r4.values import Json, code_in, many, text
from broker.vocabulary import ACT_CODE, Sensitivity

COMMENT_NOTE = "37331000000100"  # SNOMED CT: words somebody typed, carried as an observation

# Both publishers' extensions are met, of either name and any version, and mean the same.
_CARE_CONNECT = re.compile(r"/Extension-CareConnect-(?:GPC-)?(\w+?)-\d+$")
_SYSTEMS = {
    "http://hl7.org/fhir/v3/ActCode": ACT_CODE,
    "http://hl7.org/fhir/v3/Confidentiality": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
}


def name_of(extension: Json) -> str:
    """A CareConnect extension's name, ``ProblemSignificance``; of any other the last part of its address."""
    url = text(extension, "url")
    found = _CARE_CONNECT.search(url)
    return found.group(1) if found else url.rpartition("/")[2]


def extended(resource: Json, name: str) -> list[Json]:
    """The CareConnect extensions of this name."""
    return [item for item in many(resource, "extension") if name_of(item) == name]


def value(extension: Json) -> Any:
    """What an extension carries, whatever its type."""
    return next((held for element, held in extension.items() if element.startswith("value")), None)


def part(extension: Json, url: str) -> Json:
    """The extension within an extension, empty where there is none."""
    return next((item for item in many(extension, "extension") if item.get("url") == url), {})


def labels_of(resource: Json) -> tuple[frozenset[Sensitivity], str]:
    """The sensitivities a resource states, and the first restriction of it that has no meaning here.

    NOPAT says that the person is not to be shown it. It is most often set because of what is said of somebody else,
    and is kept as exactly that: what is about somebody else is shown to nobody whom the rules do not let see it.
    """
    security = (resource.get("meta") or {}).get("security") or []
    if not security:
        return frozenset(), ""
    spared = [each for each in security if each.get("code") != "NOPAT"]
    as_r4 = [{**each, "system": _SYSTEMS.get(each.get("system"), each.get("system"))} for each in spared]
    labels, restriction = stated_labels({"meta": {"security": as_r4}})
    if len(spared) < len(security):
        return labels | {Sensitivity.THIRD_PARTY}, "" if restriction in ("R", "V") else restriction
    return labels, restriction


def entered_in_error(resource: Json) -> bool:
    """STU3 has no such status for every type; where it has, an item so marked was never true."""
    return "entered-in-error" in (resource.get("status"), resource.get("verificationStatus"))


def changed(resource: Json) -> bool:
    """Whether something in it that is not understood changes its meaning (FHIR STU3 §2.4.0: must not be ignored)."""
    return "modifierExtension" in resource or "implicitRules" in resource


def is_comment(resource: Json) -> bool:
    """Whether an Observation is words that somebody typed and nothing more."""
    return resource.get("resourceType") == "Observation" and bool(code_in(resource.get("code"), (COMMENT_NOTE,)))
