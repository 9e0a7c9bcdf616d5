"""Whatever a practice sends, the reader answers: with entries, with gaps, and never with an error of its own."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.gp_connect import read_document
from broker.records.source import ResidentIdentity
from sandbox.neighbourhood import cast
from sandbox.neighbourhood.named import ADA
from sandbox.neighbourhood.place import Place
from sandbox.partners.gp_connect_record import LISTS, bundle
from tests.adapters.conformance.worlds import CARE
from tests.adapters.gp_connect.records import NOW

PLACE = Place(1, 30)
PERSON = PLACE.person(ADA)
WHO = ResidentIdentity(PERSON.nhs_number, PERSON.born_on, asked_by=CARE)
WHOLE = bundle(PERSON, PLACE.story(ADA), cast.LOCK_KEEPERS, local="GPC-1", parameters=list(LISTS))
ODD: list[Any] = [None, 0, -1.5, True, "", "x", [], {}, [[]], ["x"], [None], {"reference": "List/1"}, "9999-99-99"]


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document where something else could stand."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, held in inner for found in ((*path, key), *_places(held, (*path, key)))]


PLACES = _places(WHOLE)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(ODD)), min_size=1, max_size=4))
def test_a_record_with_anything_in_it_is_read_or_refused_and_never_breaks_the_reader(
    spoiled: list[tuple[tuple[Any, ...], Any]],
) -> None:
    document: Any = copy.deepcopy(WHOLE)
    for path, odd in spoiled:
        where = document
        try:
            for key in path[:-1]:
                where = where[key]
            where[path[-1]] = odd
        except (TypeError, KeyError, IndexError):
            continue  # an earlier change took this place away
    answer = read_document(json.dumps(document).encode(), source="the-source", now=NOW, resident=WHO).answer
    assert answer.entries or answer.gaps
    assert all(entry.provenance.source == "the-source" and type(entry.title) is str for entry in answer.entries)


def test_the_record_that_is_spoiled_here_is_read_whole_as_it_was() -> None:
    answer = read_document(json.dumps(WHOLE).encode(), source="the-source", now=NOW, resident=WHO).answer
    assert len(answer.entries) > 40
    assert not answer.gaps
