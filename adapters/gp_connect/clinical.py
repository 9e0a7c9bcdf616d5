"""Readers of STU3 allergies, problems and vaccinations. Each takes what is already known to be about the resident."""

from __future__ import annotations

from adapters.answering import details, plain
from adapters.fhir_r4.reading import Draft, references
from adapters.fhir_r4.values import (
    Json,
    all_words,
    chosen,
    codings,
    dated,
    many,
    moment,
    notes,
    quantity,
    span,
    text,
    words,
)
from broker.vocabulary import Section

from .record import Record, linked, related_problems
from .stu3 import extended, part, value


def _status(resource: Json) -> str:
    """Clinical status, and verification status wherever it says less than "confirmed". Plain words in STU3."""
    verified = text(resource, "verificationStatus")
    return ", ".join(filter(None, (text(resource, "clinicalStatus"), "" if verified == "confirmed" else verified)))


def allergy(key: str, resource: Json, record: Record) -> list[Draft]:
    """Ended allergies come inside a list of their own; what ended them is an extension."""
    reactions = []
    for reaction in many(resource, "reaction"):
        shown, severity = all_words(many(reaction, "manifestation")), text(reaction, "severity")
        reactions.append(f"{shown} ({severity})" if severity else shown)
    ends = extended(resource, "AllergyIntoleranceEnd")
    ended = [dated(part(each, "endDate"), "valueDateTime") for each in ends]
    why = [text(part(each, name), "valueString") for each in ends for name in ("reasonEnded", "endReason")]
    code = resource.get("code")
    return [
        Draft(
            Section.ALLERGIES,
            words(code),
            at=moment(resource.get("onsetDateTime") or resource.get("assertedDate")),
            status=_status(resource),
            codes=codings(code),
            details=details(
                ("Reaction", "; ".join(filter(None, reactions))),
                ("Kind", text(resource, "type")),
                ("Category", ", ".join(map(plain, many(resource, "category")))),
                ("Criticality", text(resource, "criticality")),
                ("Started", chosen(resource, "onset")),
                ("Last happened", dated(resource, "lastOccurrence")),
                ("Ended", "; ".join(filter(None, ended))),
                ("Why ended", "; ".join(dict.fromkeys(filter(None, why)))),
                ("Note", notes(resource)),
            ),
            by=record.named(resource.get("recorder") or resource.get("asserter"), resource),
            linked=(*references_in(resource), *related_problems(resource)),
        )
    ]


_SIGNIFICANCE = {"major": "major", "minor": "minor"}


def problem(key: str, resource: Json, record: Record) -> list[Draft]:
    code = resource.get("code")
    said = [value(each) for each in extended(resource, "ProblemSignificance")]
    significance = [_SIGNIFICANCE.get(each, "") if type(each) is str else words(each) for each in said]
    onset = span(resource, "onset")
    return [
        Draft(
            Section.PROBLEMS,
            words(code),
            at=moment(resource.get("onsetDateTime") or onset.get("start") or resource.get("assertedDate")),
            status=_status(resource),
            codes=codings(code),
            details=details(
                ("Significance", ", ".join(filter(None, significance))),
                ("Severity", words(resource.get("severity"))),
                ("Where in the body", all_words(many(resource, "bodySite"))),
                ("Started", chosen(resource, "onset")),
                ("Ended", chosen(resource, "abatement")),
                ("Recorded", dated(resource, "assertedDate")),
                ("Note", notes(resource)),
            ),
            by=record.named(resource.get("asserter"), resource),
            linked=(
                *references_in(resource),
                *linked(resource, "ActualProblem", "RelatedClinicalContent"),
                *related_problems(resource),
            ),
        )
    ]


_NOT_CODED = frozenset({"UNK", "NASK", "ASKU"})  # GP Connect has a vaccine code written where none is known


def immunisation(key: str, resource: Json, record: Record) -> list[Draft]:
    """What was given is most often known by the procedure of giving it, not by the product."""
    procedures = [value(each) for each in extended(resource, "VaccinationProcedure")]
    vaccine = resource.get("vaccineCode") or {}
    known = not (_NOT_CODED & {str(coding.get("code")) for coding in many(vaccine, "coding")})
    named = [each for each in (*procedures, vaccine if known else None) if each]
    why = resource.get("explanation") or {}
    protocols = many(resource, "vaccinationProtocol")
    doses = [str(each["doseSequence"]) for each in protocols if type(each.get("doseSequence")) is int]
    people = [record.named(each.get("actor"), resource) for each in many(resource, "practitioner")]
    title = next(filter(None, map(words, named)), "")
    return [
        Draft(
            Section.VACCINATIONS,
            f"{title} (not given)" if resource.get("notGiven") is True else title,
            at=moment(resource.get("date")),
            status="not-done" if resource.get("notGiven") is True else text(resource, "status"),
            codes=tuple(coding for each in named for coding in codings(each)),
            details=details(
                ("Vaccine", words(vaccine) if known and procedures else ""),
                ("Why", all_words(many(why, "reason"))),
                ("Why not given", all_words(many(why, "reasonNotGiven"))),
                ("Against", "; ".join(all_words(many(each, "targetDisease")) for each in protocols)),
                ("Dose number", ", ".join(doses)),
                ("Amount", quantity(resource.get("doseQuantity"))),
                ("Batch", text(resource, "lotNumber")),
                ("Where in the body", words(resource.get("site"))),
                ("How", words(resource.get("route"))),
                ("Reported by somebody else", "yes" if resource.get("primarySource") is False else ""),
                ("Note", notes(resource)),
            ),
            by=", ".join(dict.fromkeys(filter(None, people))),
            linked=(*references(resource, "encounter"), *related_problems(resource)),
        )
    ]


def references_in(resource: Json) -> tuple[str, ...]:
    """The consultation something was recorded in: ``context`` in STU3, an extension where the type has none."""
    return (*references(resource, "context", "encounter"), *_encounter(resource))


def _encounter(resource: Json) -> tuple[str, ...]:
    extensions = [
        item
        for item in many(resource, "extension")
        if text(item, "url").endswith("/StructureDefinition/encounter-associatedEncounter")
    ]
    return tuple(found for each in extensions for found in references(each, "valueReference"))
