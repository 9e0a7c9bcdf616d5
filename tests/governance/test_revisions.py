"""Two revisions side by side: which agreements came, went and changed, which rules and tables; and how one is named."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from broker.access.engines import Bundle
from broker.access.parts import Broker
from broker.access.policy import published_bundle
from broker.agreements import actions
from broker.errors import InvalidInput, NotFound
from broker.governance.publishing import publish
from broker.governance.revisions import called, differences, newest
from broker.vocabulary import AgreementState
from tests.governance.conftest import BY
from tests.people import NOON


def suspended(broker: Broker, session: Session) -> tuple[Bundle, Bundle]:
    """Before and after the advice agreement is suspended."""
    before = published_bundle(session)
    found = actions.called(session, "TB-ADVICE")
    actions.move(session, found, to=AgreementState.SUSPENDED, by=BY, trail=broker.trail, now=NOON)
    publish(broker, session, by=BY, now=NOON)
    return before, published_bundle(session)


def test_what_changed_in_an_agreement_is_said_in_a_sentence(governed: Broker) -> None:
    with governed.sessions() as session:
        found = differences(*suspended(governed, session))
    assert [each.sentence for each in found] == ["TB-ADVICE: state: from in-force to suspended."]


def test_a_revision_is_not_different_from_itself(governed: Broker) -> None:
    with governed.sessions() as session:
        one = published_bundle(session)
        assert differences(one, one) == []


def test_agreements_that_came_and_went_and_sets_that_grew_are_told() -> None:
    agreed = {"state": "in-force", "sections": {"housing": True}}
    old = Bundle(
        "a", {"x.rego": "package a\n"}, {"sharing": {"agreements": {"ONE": agreed, "TWO": agreed}, "tables": {}}}
    )
    more = {"state": "in-force", "sections": {"money-and-benefits": True}}
    new = Bundle(
        "b",
        {"x.rego": "package a\n\nx := 1\n"},
        {"sharing": {"agreements": {"TWO": more, "NEW": agreed}, "tables": {"t": [1]}}},
    )
    assert [each.sentence for each in differences(old, new)] == [
        "NEW is new, and is in-force.",
        "ONE is no longer there.",
        "TWO: sections: adds money-and-benefits; drops housing.",
        "x.rego: 2 lines added, 0 taken out.",
        "tables: adds t 1.",
    ]


def test_a_revision_is_called_by_the_beginning_of_its_name_or_digest(governed: Broker) -> None:
    with governed.sessions() as session:
        suspended(governed, session)
        latest, first = newest(session, limit=10)
        for name in (latest.revision, latest.digest, latest.digest[:12]):
            assert called(session, name).revision == latest.revision
        assert called(session, first.digest[:12]).revision == first.revision


def test_a_name_that_is_nobodys_or_several_is_refused(governed: Broker) -> None:
    with governed.sessions() as session:
        suspended(governed, session)
        for name in ("nonsense", "", "%", "2"):
            with pytest.raises(NotFound):
                called(session, name)
        with pytest.raises(InvalidInput, match="Several revisions"):
            called(session, "2026-11-")
