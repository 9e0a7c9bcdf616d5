"""The cast of the sandbox, put to work: what each source of the neighbourhood serves, and which files it drops.

The one module here that knows the neighbourhood's generator; the servers would serve any other records as well.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sandbox.neighbourhood import cast
from sandbox.neighbourhood.place import Place, Progress
from sandbox.partners.directory import DirectoryServer
from sandbox.partners.faults import FaultBoard, control
from sandbox.partners.fhir_server import FhirServer
from sandbox.partners.holdings import Holdings, Resource
from sandbox.partners.process import Listener, new_app

FIRST_PORT = cast.FIRST_PORT
FHIR_BASE = "/fhir"
MADE = "made.json"  # says what the files beside it were made from, so that they are made once


class PlaceRecords:
    """One FHIR source's records, generated resident by resident. See ``holdings.Records``."""

    def __init__(self, place: Place, source: str) -> None:
        self._place = place
        self._source = source
        self.residents = place.residents

    def record(self, index: int) -> Sequence[Resource]:
        return self._place.fhir_resources(self._source, index)

    def index_of(self, nhs_number: str) -> int | None:
        return self._place.index_of(nhs_number)

    def index_in(self, id: str) -> int | None:
        """A resource's id begins with its patient's: ``LK-04830017-12`` is of ``LK-04830017``."""
        return self._place.index_of_local(self._source, "-".join(id.split("-")[:2]))


def is_fhir(source: str) -> bool:
    return any(each.id == source for each in cast.FHIR_SOURCES)


def served() -> list[cast.SourceSystem]:
    """The sources that answer on a port, in the order of their ports."""
    return sorted((source for source in cast.SOURCES if source.port is not None), key=lambda source: source.port or 0)


def listener(
    place: Place, source: cast.SourceSystem, first_port: int, *, board: FaultBoard, token: str | None
) -> Listener:
    """``source`` on its own port, with the control of every source's faults beside it. The directory is open to all."""
    app = new_app()
    control(app, board, {each.id: each.kind for each in served()})
    if source.kind == "fhir":
        holdings = Holdings(PlaceRecords(place, source.id))
        FhirServer(source.id, holdings, base=FHIR_BASE, board=board, token=token).add_to(app)
    else:
        DirectoryServer(source.id, place.directory(), base="", board=board).add_to(app)
    return Listener(app, first_port + (source.port or 0) if first_port else 0)


def base_url(source: cast.SourceSystem, host: str, port: int) -> str:
    return f"http://{host}:{port}" + (FHIR_BASE if source.kind == "fhir" else "")


def drop_files(place: Place, folder: Path, *, progress: Progress | None = None) -> dict[str, str]:
    """Write what the council and the charity export, unless it is there; where each is, by source id.

    The council's is a folder that files are dropped into, the charity's one file.
    """
    council = folder / cast.COUNCIL_ADULT_CARE.id
    casework = folder / cast.LANTERN_CASEWORK.id / "cases.csv"
    made_from = {"seed": place.seed, "residents": place.residents, "today": place.today.isoformat()}
    if _made(folder) != made_from:
        (folder / MADE).unlink(missing_ok=True)
        place.write_cld(council, progress)
        place.write_casework(casework, progress)
        (folder / MADE).write_text(json.dumps(made_from))
    return {cast.COUNCIL_ADULT_CARE.id: str(council.absolute()), cast.LANTERN_CASEWORK.id: str(casework.absolute())}


def _made(folder: Path) -> object:
    try:
        return json.loads((folder / MADE).read_text())
    except (OSError, ValueError):
        return None
