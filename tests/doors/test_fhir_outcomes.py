"""Every cause has its OperationOutcome: valid, with a code that is stable and words that can be shown."""

from __future__ import annotations

import fhirkit
import pytest

from broker.api import outcomes
from broker.vocabulary import OWN, DenialReason, GapCause, Layer

# FHIR R4's issue-type value set, whole.
ISSUE_TYPES = {
    *("invalid", "structure", "required", "value", "invariant", "security", "login", "unknown", "expired"),
    *("forbidden", "suppressed", "processing", "not-supported", "duplicate", "multiple-matches", "not-found"),
    *("deleted", "too-long", "code-invalid", "extension", "too-costly", "business-rule", "conflict", "transient"),
    *("lock-error", "no-store", "exception", "timeout", "incomplete", "throttled", "informational"),
}


@pytest.mark.parametrize("cause", list(GapCause))
def test_every_way_a_source_can_fail_has_an_issue(cause: GapCause) -> None:
    made = outcomes.of_gap(cause, label="Millrace", section="Allergies", detail="said no more")
    assert made["code"] in ISSUE_TYPES
    assert made["severity"] == "warning"
    assert made["details"]["coding"] == [{"system": f"{OWN}:outcome", "code": cause.value}]
    assert cause.label in made["details"]["text"]
    assert made["diagnostics"] == "said no more"
    assert fhirkit.validate(outcomes.outcome([made])) == []


@pytest.mark.parametrize("reason", list(DenialReason))
def test_every_refusal_has_an_issue(reason: DenialReason) -> None:
    made = outcomes.of_denial(reason, section="Allergies", hint="Ask.")
    assert made["code"] in ISSUE_TYPES
    assert made["details"]["coding"][0]["code"] == reason.value
    assert fhirkit.validate(outcomes.outcome([made])) == []


def test_what_the_resident_chose_is_never_called_a_fault_of_the_asker() -> None:
    choices = {outcomes.OF_DENIALS[each] for each in DenialReason if each.layer in (Layer.CHOICES, Layer.SENSITIVITY)}
    assert choices <= {"suppressed", "expired"}


def test_codes_are_one_thing_each() -> None:
    """A gap, a refusal and a wrong parameter are told apart by code alone, and all of FHIR's words are FHIR's."""
    gaps, reasons = {each.value for each in GapCause}, {each.value for each in DenialReason}
    assert gaps.isdisjoint(reasons)
    assert outcomes.WITHHELD not in gaps | reasons
    assert set(outcomes.OF_CODES.values()) | set(outcomes.OF_GAPS.values()) <= ISSUE_TYPES
    assert outcomes.OF_GAPS.keys() == set(GapCause)
    assert outcomes.OF_DENIALS.keys() == set(DenialReason)


def test_that_something_is_withheld_is_said_in_one_sentence() -> None:
    made = outcomes.withheld()
    assert (made["code"], made["severity"]) == ("suppressed", "information")
    assert made["details"]["text"].count(".") == 1
    assert fhirkit.validate(outcomes.outcome([made])) == []
