"""A question about nobody, from nobody: how an engine is asked whether it answers at all, and with which revision.

Complete in its shape and empty in its content, so that a policy can only say no to it; it never names a resident.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

QUESTION: Mapping[str, Any] = MappingProxyType(
    {
        "request": {
            "id": "probe",
            "time": 0,
            "purpose": "",
            "sections": [],
            "pairs": [],
            "sources": {},
            "break_glass": None,
        },
        "subject": {
            "organisation": "",
            "kind": "",
            "active": False,
            "role": "",
            "person": None,
            "member": False,
            "assurance": 0,
        },
        "resident": {"id": "", "place": "", "neighbourhood": "", "age": 0},
        "facts": {"relationships": [], "provisions": []},
    }
)
