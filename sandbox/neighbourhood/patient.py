"""A resident as a FHIR R4 Patient in the UK Core shape, as one source writes it. Says nothing clinical."""

from __future__ import annotations

from typing import Any

from broker.vocabulary import NHS_NUMBER, ODS_CODE
from sandbox.neighbourhood import cast
from sandbox.neighbourhood.people import Person

UK_CORE = "https://fhir.hl7.org.uk/StructureDefinition"
_CODES = "https://fhir.hl7.org.uk/CodeSystem"
_LANGUAGE = "urn:ietf:bcp:47"

Resource = dict[str, Any]


def patient(person: Person, source: cast.SourceSystem, *, local_id: str, updated: str) -> Resource:
    """The Patient resource of ``person`` in ``source``, whose own number for them is ``local_id``."""
    resource: Resource = {
        "resourceType": "Patient",
        "id": local_id,
        "meta": {"lastUpdated": updated, "profile": [f"{UK_CORE}/UKCore-Patient"]},
        "extension": [_ethnic_category(person)],
        "identifier": _identifiers(person, source, local_id),
        "active": True,
        "name": [{"use": "official", "family": person.family_name, "given": [person.given_name]}],
        "telecom": [{"system": "phone", "value": person.telephone, "use": "home"}],
        "gender": person.sex,
        "birthDate": person.born_on.isoformat(),
        "address": [
            {"use": "home", "line": [person.line], "city": cast.PLACE_NAME, "postalCode": person.postcode},
        ],
        "generalPractitioner": [organisation_reference(person.practice)],
        "managingOrganization": organisation_reference(source.organisation),
    }
    if person.died_on is not None:
        resource["deceasedDateTime"] = person.died_on.isoformat()
    if person.language is not None:
        code, name = person.language
        spoken = {"coding": [{"system": _LANGUAGE, "code": code, "display": name}], "text": name}
        resource["communication"] = [{"language": spoken, "preferred": True}]
    return resource


def organisation_reference(code: str) -> Resource:
    """A logical reference to an organisation, by its code: nobody here serves Organization resources."""
    organisation = cast.organisation(code)
    return {
        "type": "Organization",
        "identifier": {"system": ODS_CODE, "value": code},
        "display": organisation.name,
    }


def _identifiers(person: Person, source: cast.SourceSystem, local_id: str) -> list[Resource]:
    own = {"use": "usual", "system": f"https://{source.id}.example/patient-number", "value": local_id}
    if person.nhs_number is None:
        return [own]
    verified = {
        "coding": [
            {
                "system": f"{_CODES}/UKCore-NHSNumberVerificationStatusEngland",
                "code": "01",
                "display": "Number present and verified",
            }
        ]
    }
    status = {
        "url": f"{UK_CORE}/Extension-UKCore-NHSNumberVerificationStatus",
        "valueCodeableConcept": verified,
    }
    return [{"extension": [status], "use": "official", "system": NHS_NUMBER, "value": person.nhs_number}, own]


def _ethnic_category(person: Person) -> Resource:
    code, display = person.ethnic_category
    coding = {"system": f"{_CODES}/UKCore-EthnicCategoryEngland", "code": code, "display": display}
    return {"url": f"{UK_CORE}/Extension-UKCore-EthnicCategory", "valueCodeableConcept": {"coding": [coding]}}
