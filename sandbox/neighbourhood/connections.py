"""How the broker reaches each source system of the sandbox: the adapters' configurations. Holds no secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from broker.vocabulary import Section
from sandbox.neighbourhood import cast

_COMMON = {"id_column": "Case no", "date_column": "Opened", "by_column": "Worker"}

# The advice centre's columns, told as an operator would: one entry or more for each case, by what the case is about.
CASEWORK_ENTRIES: list[dict[str, Any]] = [
    {
        "section": Section.VCFSE_SUPPORT.value,
        "title_column": "Issue",
        "details": {"Next step": "Next step", "Next contact": "Next contact", "Closed": "Closed", "Notes": "Notes"},
        **_COMMON,
    },
    {
        "section": Section.MONEY.value,
        "title": "Debts",
        "when": {"Issue": ["Debt"]},
        "details": {"Owed to": "Owed to", "Total": "Debt total"},
        **_COMMON,
    },
    {
        "section": Section.MONEY.value,
        "title": "Benefit",
        "when": {"Issue": ["Benefits"]},
        "details": {"Benefit": "Benefit claimed"},
        **_COMMON,
    },
    {
        "section": Section.HOUSING.value,
        "title": "Home at risk",
        "when": {"Issue": ["Housing", "Homelessness"]},
        "details": {"Landlord": "Landlord", "Rent arrears": "Rent arrears"},
        **_COMMON,
    },
]


def adapter_of(source: cast.SourceSystem) -> str:
    """The kind of adapter that speaks to ``source``: all the FHIR servers of the place speak R4."""
    return {"fhir": "fhir-r4"}.get(source.kind, source.kind)


def configuration(source: cast.SourceSystem, *, first_port: int, folder: Path) -> dict[str, Any]:
    """What the adapter is told. ``folder`` is where the council and the charity drop their files."""
    address = f"http://127.0.0.1:{first_port + (source.port or 0)}"
    match source.kind:
        case "fhir":
            return {"base_url": f"{address}/fhir"}
        case "open-referral-uk":
            return {"base_url": address}
        case "cld-csv":
            return {"folder": str((folder / source.id).absolute())}
        case _:
            return {
                "path": str((folder / source.id / "cases.csv").absolute()),
                "nhs_number_column": "NHS no",
                "local_id_column": "Client ref",
                "born_on_column": "DOB",
                "date_format": "%d/%m/%Y",
                "entries": CASEWORK_ENTRIES,
            }
