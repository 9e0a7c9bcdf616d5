"""Is this the resident who was asked about? Two identifiers must agree before anything is read. Reads nothing else."""

from __future__ import annotations

from adapters.answering import Unanswered
from broker.records.source import ResidentIdentity
from broker.vocabulary import GapCause

from .search import Found
from .values import Json, many, nhs_numbers


def identify(found: Found, resident: ResidentIdentity, local_id: str | None) -> tuple[Json, str]:
    """The one Patient found, and its full URL. Raises Unanswered (not-linked or wrong-person) for any doubt."""
    matched = {
        resource.get("id"): (resource, url)
        for resource, url, matched in found.resources
        if matched and resource["resourceType"] == "Patient"
    }
    if not matched:
        if found.broken is not None:
            raise found.broken
        raise Unanswered(GapCause.NOT_LINKED, "")
    current = [pair for pair in matched.values() if not _out_of_use(pair[0])]
    if len(current) > 1:
        raise Unanswered(GapCause.WRONG_PERSON, "found more than one person")
    if not current:
        raise Unanswered(GapCause.NOT_LINKED, "no longer keeps this person's record in use")
    patient, url = current[0]
    cross_check(patient, resident, local_id)
    return patient, url


def _out_of_use(patient: Json) -> bool:
    """Whether another Patient stands for this person now (FHIR R4 Patient.link): that one is read, or nothing."""
    try:
        replaced = any(link.get("type") == "replaced-by" for link in many(patient, "link"))
    except (TypeError, AttributeError) as error:
        raise Unanswered(GapCause.MALFORMED, "sent a person who cannot be read") from error
    return replaced or patient.get("active", True) is False


def cross_check(patient: Json, resident: ResidentIdentity, local_id: str | None) -> None:
    """Raises Unanswered (wrong-person) unless every NHS number it states is the resident's, and the date of birth."""
    try:
        numbers = nhs_numbers(patient)
    except (TypeError, AttributeError) as error:
        raise Unanswered(GapCause.MALFORMED, "sent a person who cannot be read") from error
    numbered = resident.nhs_number is not None
    known = bool(numbers) and all(map(resident.is_known_by, numbers))
    agrees = known if numbered else local_id is not None and patient.get("id") == local_id
    if not agrees:
        raise Unanswered(GapCause.WRONG_PERSON, "the NHS number does not agree")
    if patient.get("birthDate") != resident.born_on.isoformat():
        raise Unanswered(GapCause.WRONG_PERSON, "the date of birth does not agree")


def names_of(patient: Json, url: str, base: str) -> frozenset[str]:
    """Every way a resource of this server may refer to the Patient."""
    own = f"Patient/{patient.get('id')}"
    return frozenset({own, f"{base}/{own}"} | ({url} if url else set()))


def numbers_of(resident: ResidentIdentity) -> tuple[str, ...]:
    """Every NHS number the resident has or had, the one in use first; none where they have no number."""
    if resident.nhs_number is None:
        return ()
    return (resident.nhs_number, *sorted(resident.former_numbers))
