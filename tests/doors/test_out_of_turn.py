"""A request whose turn has not come is not answered by whoever knows its id."""

from __future__ import annotations

from datetime import time

from broker.consent import asking
from broker.consent.asking import Preferences, Quiet
from broker.consent.models import AccessRequestRecord
from tests.doors.conftest import House
from tests.doors.test_records import ask as asks
from tests.doors.test_records import find
from tests.people import NOON

NOW_QUIET = Preferences(quiet=Quiet(time(11), time(13)))


def test_what_is_held_back_is_not_answered_by_its_id(house: House, adviser: str, ada: str) -> None:
    handle = find(house, adviser)
    shown = asks(house, adviser, handle).get_json()["id"]
    with house.session() as session:
        asking.change(session, "ada", NOW_QUIET, by="resident:ada", trail=house.broker.trail, now=NOON)
    held_back = asks(house, adviser, handle).get_json()["id"]

    def answered(request: str) -> int:
        path = f"/api/my/access-requests/{request}/answer"
        return int(house.call("POST", path, token=ada, json={"agree": True}).status_code)

    assert (answered(held_back), answered("0" * 32), answered(shown)) == (404, 404, 200)
    with house.session() as session:
        session.get_one(AccessRequestRecord, held_back).shown_from = NOON
        session.commit()
    assert answered(held_back) == 200
