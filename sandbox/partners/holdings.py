"""What one source system holds: records generated on demand, with any FHIR R4 Bundles loaded on top, in memory only.

A resident is generated when asked about and soon forgotten, so a source of a million costs nothing at start.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from sandbox.partners.matching import elements, key_of
from sandbox.partners.parameters import PATIENT_ELEMENTS

Resource = Mapping[str, Any]
Key = tuple[str, str]

NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
KEPT_RECORDS = 256


class Records(Protocol):
    """Where generated records come from. ``residents`` is how many there could be, whether or not known here."""

    residents: int

    def record(self, index: int) -> Sequence[Resource]:
        """Every resource about one resident, the Patient among them; empty where this source does not know them."""
        ...

    def index_of(self, nhs_number: str) -> int | None: ...

    def index_in(self, id: str) -> int | None:
        """The resident whose record holds the resource with this id, as far as the id tells."""
        ...


class NoRecords:
    """A source that holds only what is loaded into it."""

    residents = 0

    def record(self, index: int) -> Sequence[Resource]:
        return ()

    def index_of(self, nhs_number: str) -> int | None:
        return None

    def index_in(self, id: str) -> int | None:
        return None


class Holdings:
    """One source's resources, by type and id, and patient by patient. What is loaded hides what is generated."""

    def __init__(self, records: Records | None = None) -> None:
        self._records = records or NoRecords()
        self._recent: OrderedDict[int, tuple[Resource, ...]] = OrderedDict()
        self._loaded: dict[Key, Resource] = {}
        self._of_patient: dict[str, dict[Key, None]] = {}
        self._gone: set[Key] = set()

    @property
    def size(self) -> int:
        """How many residents a search of everybody would have to look at."""
        return self._records.residents + len(self._of_patient)

    def loaded_kinds(self) -> frozenset[str]:
        return frozenset(kind for kind, _ in self._loaded)

    def is_gone(self, key: Key) -> bool:
        return key in self._gone

    def read(self, key: Key) -> Resource | None:
        if key in self._gone:
            return None
        if key in self._loaded:
            return self._loaded[key]
        index = self._records.index_in(key[1])
        generated = () if index is None else self._generated(index)
        return next((r for r in generated if _key(r) == key), None)

    def of_patient(self, id: str) -> Iterator[Resource]:
        """Everything held about the patient with this id, the Patient first; nothing where there is none."""
        index = self._records.index_in(id)
        generated = () if index is None else self._generated(index)
        if not any(_key(r) == ("Patient", id) for r in generated):
            generated = ()
        yield from (r for r in generated if not self._hidden(_key(r)))
        yield from (self._loaded[key] for key in self._of_patient.get(id, ()))

    def patients_with(self, system: str, value: str) -> list[str]:
        """The ids of patients with this identifier, found without looking at everybody."""
        found = [r["id"] for r in self._loaded.values() if r["resourceType"] == "Patient" and _bears(r, system, value)]
        for index in dict.fromkeys((self._records.index_of(value), self._records.index_in(value))):
            for resource in () if index is None else self._generated(index):
                key = _key(resource)
                if key[0] == "Patient" and not self._hidden(key) and _bears(resource, system, value):
                    found.append(key[1])
        return found

    def everything(self) -> Iterator[Resource]:
        """Every resource, one resident at a time: ask ``size`` first."""
        for index in range(self._records.residents):
            for resource in self._records.record(index):
                if not self._hidden(_key(resource)):
                    yield resource
        yield from self._loaded.values()

    def _hidden(self, key: Key) -> bool:
        """Whether what is generated under ``key`` has been replaced or deleted."""
        return key in self._loaded or key in self._gone

    def put(self, resource: Resource) -> bool:
        """Keep ``resource`` under its type and id; whether it is new here."""
        key = _key(resource)
        new = self.read(key) is None
        self.remove(key)
        self._gone.discard(key)
        self._loaded[key] = resource
        for id in patients_of(resource):
            self._of_patient.setdefault(id, {})[key] = None
        return new

    def remove(self, key: Key) -> None:
        self._gone.add(key)
        if self._loaded.pop(key, None) is not None:
            for keys in self._of_patient.values():
                keys.pop(key, None)

    def _generated(self, index: int) -> tuple[Resource, ...]:
        if index in self._recent:
            self._recent.move_to_end(index)
            return self._recent[index]
        record = tuple(self._records.record(index))
        self._recent[index] = record
        if len(self._recent) > KEPT_RECORDS:
            self._recent.popitem(last=False)
        return record


def _key(resource: Resource) -> Key:
    return resource["resourceType"], resource["id"]


def _bears(patient: Resource, system: str, value: str) -> bool:
    return any(i.get("value") == value and system in ("", i.get("system")) for i in patient.get("identifier", ()))


def patients_of(resource: Resource) -> list[str]:
    """Every patient a resource is about: itself, or those its patient elements refer to."""
    if resource["resourceType"] == "Patient":
        return [resource["id"]]
    references = (key_of(e) for path in PATIENT_ELEMENTS for e in elements(resource, f"{path}.reference"))
    return list(dict.fromkeys(key[1] for key in references if key is not None and key[0] == "Patient"))
