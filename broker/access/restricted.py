"""What is asked of nobody who did not prove lately who they are: emergency access, and the most guarded sections.

Says only that, and of what is shown: what is read for its labels alone is shown to nobody. How somebody proves it is
for the door they come through (RFC 9470, or a page).
"""

from __future__ import annotations

from broker.access.request import AccessRequest
from broker.vocabulary import Section

GUARDED = frozenset({Section.SAFEGUARDING})


def wants_fresh_sign_in(request: AccessRequest) -> bool:
    return request.break_glass is not None or not GUARDED.isdisjoint(request.sections)
