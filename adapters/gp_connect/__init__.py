"""GP Connect Access Record: Structured (FHIR STU3) as a source system: one question to a practice for one resident.

Never decides who may see an entry, never keeps one, and never asks for any purpose but care.
"""

from __future__ import annotations

from .adapter import KEYS, GpConnect
from .documents import read_document

__all__ = ["KEYS", "GpConnect", "read_document"]
