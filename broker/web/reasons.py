"""Which of several reasons to tell. Decides nothing, and words nothing."""

from __future__ import annotations

from collections.abc import Collection

from broker.vocabulary import DenialReason, Layer

_LAYERS = list(Layer)


def furthest(reasons: Collection[DenialReason]) -> list[DenialReason]:
    """The reasons of the last layer that was reached, in the vocabulary's order.

    A section that some source would open but for the resident's choice is refused by that choice: what kept other
    sources closed, earlier, would only send somebody to the wrong person.
    """
    last = max((_LAYERS.index(reason.layer) for reason in reasons), default=0)
    return [reason for reason in DenialReason if reason in reasons and _LAYERS.index(reason.layer) == last]
