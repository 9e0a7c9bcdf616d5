"""Two engines, one policy: made-up questions to the real rules, answered by the embedded engine and by a real OPA.

A small sample; ``python -m benchmarks.differential --n 100000`` asks many more.
"""

from __future__ import annotations

import pytest

from benchmarks import differential


@pytest.fixture(scope="module")
def found() -> differential.Found:
    return differential.run(240, share_spoiled=0.2, seed=11, worlds=4)


@pytest.mark.needs("opa")
def test_every_whole_question_is_answered_alike(found: differential.Found) -> None:
    assert found.examples == []
    assert found.counted[differential.ALIKE] >= 190


@pytest.mark.needs("opa")
def test_no_question_at_all_opens_more_in_the_embedded_engine(found: differential.Found) -> None:
    assert found.counted[differential.WIDER] == 0


@pytest.mark.needs("opa")
def test_the_questions_are_worth_asking(found: differential.Found) -> None:
    asked, permitted = found.counted["pairs asked"], found.counted["pairs permitted"]
    assert 0.05 < permitted / asked < 0.95
