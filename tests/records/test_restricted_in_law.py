"""What the law restricts is in no view, whatever a decision, a consent or a resident says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.access.request import Pair
from broker.records.labels import label
from broker.records.view import assemble
from broker.vocabulary import Disclosure, LabelSource, Sensitivity
from tests.records.cast import NOW
from tests.records.test_concealment import IDS, IN_LAW, SECTIONS, SOURCES, outcomes, pairs, shown

pytestmark = pytest.mark.slow

worlds = st.tuples(pairs(), st.tuples(*(outcomes(source) for source in SOURCES)))
said = st.dictionaries(
    st.tuples(st.sampled_from(SOURCES), st.sampled_from(IDS)),
    st.dictionaries(st.sampled_from(list(Sensitivity)), st.booleans(), max_size=4),
    max_size=4,
)


@settings(max_examples=70, deadline=None)
@given(worlds, said, st.sampled_from(list(Disclosure)), st.booleans(), st.sampled_from([None, 9, 40]), st.booleans())
def test_nothing_the_law_restricts_is_ever_shown(
    world: Any, choices: dict[Any, Any], disclosure: Disclosure, clinical: bool, age: int | None, forgot: bool
) -> None:
    decided, brought = world
    if forgot:  # even where a decision left it out
        decided = tuple(Pair(each.section, each.source) for each in decided)
    view = assemble(
        pairs=decided,
        outcomes=brought,
        requested=frozenset(SECTIONS),
        disclosure=disclosure,
        clinical=clinical,
        made_at=NOW,
        age=age,
        choices=lambda each: choices.get((each.provenance.source, each.id), {}),
    )
    permitted = {(pair.section, pair.source) for pair in decided if pair.permitted}
    restricted = {
        (each.provenance.source, each.id, each.section, each.title)
        for each in label(
            [e for one in brought for e in one.answer.entries if (e.section, e.provenance.source) in permitted]
        )
        if any(b.sensitivity in IN_LAW and b.source is not LabelSource.LINKED for b in each.label_basis)
    }
    for each in shown(view):
        assert not each.labels & IN_LAW
        assert not {basis.sensitivity for basis in each.label_basis} & IN_LAW
        assert (each.provenance.source, each.id, each.section, each.title) not in restricted
