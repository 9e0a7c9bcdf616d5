"""What is told of an entry beside its title and date: nothing twice, and no word that only a machine knows."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from broker.records.telling import told
from tests.records.cast import entry


def test_a_detail_that_only_repeats_the_title_or_the_day_is_not_told_again() -> None:
    said = (("Onset", "13 May 2026"), ("Kind", "social isolation"), ("Since", "12 May 2026"), ("Why", "Moved"))
    alone = entry("1", "Social isolation", at=date(2026, 5, 13), details=said)

    assert told(alone) == (("Since", "12 May 2026"), ("Why", "Moved"))


def test_a_time_is_told_though_its_day_is() -> None:
    at = datetime(2026, 5, 13, 9, tzinfo=UTC)

    assert told(entry("1", at=at, details=(("When", "13 May 2026 at 10:00am"),)))
    assert not told(entry("1", at=at, details=(("When", "13 May 2026"),)))


@pytest.mark.parametrize("text", ["I read lips.", "About me: I read lips."])
def test_a_label_that_repeats_the_title_is_not_told(text: str) -> None:
    assert told(entry("1", "About me", details=(("About me", text),))) == (("", "I read lips."),)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("text/plain", ()),
        ("application/pdf, text/html; charset=utf-8", (("Format", "PDF, web page"),)),
        ("application/x-unheard-of", ()),
        ("Letter", (("Format", "Letter"),)),
    ],
)
def test_a_media_type_is_said_in_words_or_not_at_all(written: str, said: tuple[tuple[str, str], ...]) -> None:
    assert told(entry("1", details=(("Format", written),))) == said
