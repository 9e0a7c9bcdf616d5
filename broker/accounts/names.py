"""The name somebody types to sign in. One spelling of each: what looks the same is the same."""

from __future__ import annotations

import re
import unicodedata

from broker.errors import InvalidInput

SHORTEST, LONGEST = 3, 100
_PLAIN = re.compile(r"[^\W_][\w.@+-]*")


def normalised(typed: str) -> str:
    """``typed`` as it is kept and looked up: NFKC, lower case, without spaces around it. Never raises."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", typed).casefold()).strip()[: LONGEST + 1]


def chosen(typed: str) -> str:
    """A name that somebody chooses. Raises InvalidInput for one that could not be typed again with certainty."""
    name = normalised(typed)
    if not SHORTEST <= len(name) <= LONGEST or not _PLAIN.fullmatch(name):
        raise InvalidInput(
            "sign-in-name-malformed",
            "Use 3 to 100 letters and digits, and full stops, hyphens or @ if you like. No spaces.",
            field="sign_in_name",
        )
    return name
