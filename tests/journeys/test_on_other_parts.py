"""The main job again, on the parts an operator would choose for production: PostgreSQL, and an OPA server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from broker.access.engines.opa_http import OpaEngine
from broker.access.policy import published_bundle
from broker.agreements import actions
from broker.agreements.models import SharingAgreement
from broker.governance.publishing import publish
from broker.settings import Settings
from broker.vocabulary import AgreementState
from tests.access.engines.opa_server import running_opa
from tests.doors.conftest import House, build_house
from tests.doors.test_records import agree, codes, find, titles, view


def the_main_job(house: House) -> None:
    adviser, ada = house.token(person="adviser"), house.token(resident="ada")
    handle = find(house, adviser)
    assert view(house, adviser, handle).status_code == 403
    consent = agree(house, adviser, ada, handle)
    assert titles(view(house, adviser, handle))["money-and-benefits"] == ["Council tax arrears"]
    house.wait(timedelta(seconds=2))
    stop = {"stop_sections": ["money-and-benefits"]}
    assert house.call("POST", f"/api/my/consents/{consent}/narrow", token=ada, json=stop).status_code == 200
    assert titles(view(house, adviser, handle))["money-and-benefits"] == []
    house.wait(timedelta(seconds=2))
    house.call("POST", f"/api/my/consents/{consent}/withdraw", token=ada)
    assert view(house, adviser, handle).status_code == 403


@pytest.fixture
def on_postgresql(tmp_path: Path, empty_postgresql_url: str) -> Iterator[House]:
    settings = Settings(
        data_folder=tmp_path / "var", database_url=empty_postgresql_url, demonstration=True, decision_deadline_ms=5000
    )
    yield from build_house(replace(settings, lookups_per_minute=50))


@pytest.mark.needs("postgresql")
def test_the_main_job_runs_on_postgresql(on_postgresql: House) -> None:
    the_main_job(on_postgresql)


@pytest.mark.needs("opa")
def test_the_main_job_runs_on_an_opa_server_and_a_stale_one_refuses(house: House) -> None:
    with house.session() as session:
        bundle = published_bundle(session)
    with running_opa(bundle) as url:
        house.broker.policy.engine = OpaEngine(url)
        the_main_job(house)
        _suspend_and_resume(house)
        gp = house.token(person="gp")
        answer = view(house, gp, find(house, gp), purpose="direct-care", sections=["problems"])
        assert (answer.status_code, codes(answer)) == (403, {"policy-stale"})


def test_without_an_opa_server_everything_is_refused(house: House) -> None:
    house.broker.policy.engine = OpaEngine("http://127.0.0.1:9")
    gp = house.token(person="gp")
    answer = view(house, gp, find(house, gp), purpose="direct-care", sections=["problems"])
    assert (answer.status_code, codes(answer)) == (403, {"policy-unavailable"})
    assert all(source.asked == [] for source in house.sources.values())


def _suspend_and_resume(house: House) -> None:
    """Nothing is different afterwards but the revision, which the OPA server has not fetched."""
    for to in (AgreementState.SUSPENDED, AgreementState.IN_FORCE):
        house.wait(timedelta(seconds=1))
        with house.session() as session:
            agreement = session.get_one(SharingAgreement, ("TB-CARE", 1))
            actions.move(session, agreement, to=to, by="operator:t", trail=house.broker.trail, now=house.time[0])
            publish(house.broker, session, by="operator:t", now=house.time[0])
