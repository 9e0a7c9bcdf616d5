"""A FHIR R4 server as a source system: one search that brings everything along, or one search for each type.

Never decides who may see an entry, never keeps one, and never puts an NHS number into an address unless an operator
configured searching by GET.
"""

from __future__ import annotations

from .adapter import KEYS, FhirR4

__all__ = ["KEYS", "FhirR4"]
