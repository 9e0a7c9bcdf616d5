"""``broker proxies``: the practice's part at a terminal, and the clock's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broker.database import open_engine, session_factory
from broker.identity.models import Resident
from broker.proxies.models import Proxy
from broker.settings import Settings
from broker.vocabulary import AccessLevel, LegalBasis, ProxyReason, ProxyRelation, ProxyState
from tests.cli.conftest import Run
from tests.people import SURGERY


@pytest.fixture
def proposed(ready: Run, tmp_path: Path) -> str:
    """Ben's deputy-to-be for Ada, waiting to be decided."""
    engine = open_engine(Settings(data_folder=tmp_path / "var").sqlalchemy_url)
    with session_factory(engine)() as session:
        session.get_one(Resident, "ben").born_on = session.get_one(Resident, "ada").born_on
        session.add(
            Proxy(
                id="proxy",
                resident_id="ada",
                proxy_resident_id="ben",
                relation=ProxyRelation.FAMILY,
                legal_basis=LegalBasis.DEPUTY,
                levels=frozenset(AccessLevel),
                state=ProxyState.PROPOSED,
                reason=ProxyReason.APPLICATION_SUBMITTED,
                from_at=datetime.now(UTC) - timedelta(days=1),
            )
        )
        session.commit()
    engine.dispose()
    return "proxy"


def test_one_is_listed_decided_suspended_and_ended(ready: Run, proposed: str) -> None:
    assert "proxy proposed court-appointed" in ready("proxies", "list", "--practice", SURGERY)[1]
    assert "evidence-missing" in ready("proxies", "decide", proposed, "--yes")[2]
    words = ("--yes", "--words", "Order seen.", "--level", "see-sharing")
    assert "proxy active" in ready("proxies", "decide", proposed, *words)[1]
    assert "may: see-sharing" in ready("proxies", "show", proposed)[1]
    assert "suspended" in ready("proxies", "suspend", proposed, "--quietly")[1]
    assert "quiet" in ready("proxies", "list", "--practice", SURGERY)[1]
    assert "inactive" in ready("proxies", "end", proposed, "--reason", "role-deactivated-misuse-of-system")[1]
    assert ready("proxies", "list", "--practice", SURGERY)[1] == "Nobody's.\n"
    assert "proxy inactive" in ready("proxies", "list", "--practice", SURGERY, "--all")[1]


def test_a_list_names_nobody(ready: Run, proposed: str) -> None:
    said = ready("proxies", "list", "--practice", SURGERY)[1] + ready("proxies", "show", proposed)[1]
    assert "Okoro" not in said


def test_one_that_is_not_there_is_refused_in_a_line(ready: Run) -> None:
    code, _, complaint = ready("proxies", "end", "nobody", "--reason", "other")
    assert (code, "proxy-unknown" in complaint) == (1, True)


def test_the_clock_is_run_and_says_what_it_did(ready: Run, proposed: str) -> None:
    assert ready("proxies", "due")[1] == "0 done.\n"
