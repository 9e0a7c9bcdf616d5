"""Show a neighbourhood in a terminal: how many live there, who knows them, and a few of them. Writes nothing.

::

    python -m sandbox.neighbourhood --residents 500 --seed 1 --sample
"""

from __future__ import annotations

from collections import Counter

import click

from sandbox.neighbourhood import cast, named
from sandbox.neighbourhood.facts import SETTING_OF
from sandbox.neighbourhood.place import Place

_COUNTED = 5000  # residents looked at for the proportions: enough, and quick at a million


@click.command()
@click.option("--residents", default=500, show_default=True, type=click.IntRange(1, 1_000_000))
@click.option("--seed", default=1, show_default=True)
@click.option("--sample", is_flag=True, help="Show the residents with a story, and what each source holds of them.")
def main(residents: int, seed: int, sample: bool) -> None:
    """A synthetic London place. Nobody in it is real."""
    place = Place(seed, residents)
    looked_at = min(residents, _COUNTED)
    people = [place.person(index) for index in range(looked_at)]
    known = Counter(source for person in people for source in person.sources)
    click.echo(f"{cast.PLACE_NAME}: {residents:,} residents from seed {seed}. Nobody here is real.")
    click.echo(f"Of the first {looked_at:,}: {sum(p.nhs_number is None for p in people)} without an NHS number,")
    click.echo(f"{sum(p.age() < 18 for p in people)} under 18, {sum(p.age() > 79 for p in people)} over 79; known to")
    for source in cast.SOURCES:
        if known[source.id]:
            click.echo(f"  {source.label:32} {known[source.id]:>7,}")
    if sample:
        for index in range(min(residents, len(named.STORIES))):
            _show(place, index)


def _show(place: Place, index: int) -> None:
    person = place.person(index)
    click.echo(f"\n{index:>3}  {person.name}, {person.age()}. {named.STORIES[index].about}.")
    for source in person.sources:
        held = len(place.fhir_resources(source, index)) if source in SETTING_OF else _rows(place, source, index)
        click.echo(f"     {cast.source(source).label}: {held} {'resources' if source in SETTING_OF else 'rows'}")


def _rows(place: Place, source: str, index: int) -> int:
    council = source == cast.COUNCIL_ADULT_CARE.id
    return len(place.cld_rows(index) if council else place.casework_rows(index))


if __name__ == "__main__":
    main()
