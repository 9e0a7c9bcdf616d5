"""A partner's own key, and the walk it makes against a broker that is really served, over HTTP on this machine."""

from __future__ import annotations

import json
import re
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import time_machine
from joserfc import jwk
from werkzeug.serving import make_server

from broker.cli.browsing import Browser
from broker.cli.steps import Asked, State, Step
from broker.cli.walking import Walk
from broker.demonstration.processes import free_port
from broker.identity.models import Client
from broker.joining.readiness import Needed, readiness
from broker.oauth.scopes import PARTNER_SCOPES
from broker.settings import Settings
from broker.vocabulary import ClientProfile, Role
from tests.cli.conftest import Run
from tests.doors.conftest import House, build_house
from tests.people import ADA_NUMBER, FOOD_BANK, LONG_AGO, NOON

CALLBACK = "https://harvest.example/cb"
EVERY_WAY = ["authorization_code", "refresh_token", "client_credentials", "urn:openid:params:grant-type:ciba"]
pytestmark = pytest.mark.slow


class Served:
    """A house behind a real server, and the food bank's system that is registered there."""

    def __init__(self, house: House, key: Any) -> None:
        self.house, self.key = house, key
        self.base = house.broker.settings.issuer

    def walk(self, **changes: Any) -> list[Step]:
        said = {"key": self.key, "redirect_uri": CALLBACK, "somebody": Browser(self.base).somebody()}
        return list(Walk(self.base, "harvest-system", **{**said, **changes}).steps())


@pytest.fixture
def served(settings: Settings, sqlite_template: Path) -> Iterator[Served]:
    """Its time is noon, as everybody's on this machine is meanwhile."""
    settings = replace(settings, demonstration=True, bind=f"127.0.0.1:{free_port()}", lookups_per_minute=100)
    houses = build_house(settings, template=sqlite_template)
    house = next(houses)
    key = jwk.ECKey.generate_key("P-256", {"kid": "one"})
    with house.session() as session:
        session.add(
            Client(
                id="harvest-system", organisation_code=FOOD_BANK, name="Harvest", role=Role.CASE_WORKER,
                jwks={"keys": [key.as_dict(private=False)]}, scopes=" ".join(PARTNER_SCOPES),
                grant_types=EVERY_WAY, redirect_uris=[CALLBACK], registered_at=LONG_AGO,
            )
        )  # fmt: skip
        session.commit()
    host, _, port = settings.bind.rpartition(":")
    server = make_server(host, int(port), house.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with time_machine.travel(NOON, tick=False):
        yield Served(house, key)
    server.shutdown()
    thread.join()
    server.server_close()
    next(houses, None)


def _states(steps: list[Step]) -> dict[str, State]:
    return {step.name: step.state for step in steps}


def _wrong(steps: list[Step]) -> Step:
    [found] = [step for step in steps if step.state is State.WRONG]
    return found


def test_a_system_that_does_all_of_it_right_walks_the_whole_way(served: Served) -> None:
    steps = served.walk()
    assert [(step.name, step.words, step.fix) for step in steps if step.state is not State.OK] == []
    assert len(steps) == 15
    assert steps[-1].name == "Giving back"


def test_the_walk_is_what_readiness_asks_for(served: Served) -> None:
    def walked() -> bool:
        from broker.identity.models import Organisation

        with served.house.session() as session:
            organisation = session.get_one(Organisation, FOOD_BANK)
            checks = readiness(session, organisation, trail=served.house.broker.trail, now=NOON)
        return next(each.met for each in checks if each.code is Needed.WALK)

    assert not walked()
    served.walk()
    assert walked()


def test_a_wrong_audience_is_named(served: Served) -> None:
    wrong = _wrong(served.walk(audience=f"{served.base}/oauth/token"))
    assert wrong.name == "Token"
    assert wrong.fix == f"The assertion's aud must be {served.base}, as one string and not a list."


@pytest.mark.parametrize("off", [-300, 300])
def test_a_clock_that_is_wrong_is_measured(served: Served, off: int) -> None:
    wrong = _wrong(served.walk(clock=lambda: time.time() + off))
    assert wrong.name == "Clock"
    assert f"300 seconds {'ahead' if off > 0 else 'behind'}" in wrong.words


def test_a_clock_that_is_a_little_wrong_is_said_and_walked_with(served: Served) -> None:
    steps = served.walk(clock=lambda: time.time() - 20)
    assert _wrong(steps).name == "Clock"
    assert _states(steps)["Giving back"] is State.OK


def test_a_key_that_is_not_registered_is_named_by_its_thumbprint(served: Served) -> None:
    other = jwk.ECKey.generate_key("P-256", {"kid": "one"})
    wrong = _wrong(served.walk(key=other))
    assert wrong.name == "Token"
    assert other.thumbprint() in wrong.fix
    assert "registered for harvest-system" in wrong.fix


def test_missing_proofs_are_named(served: Served) -> None:
    wrong = _wrong(served.walk(proofs=False))
    assert wrong.name == "Token"
    assert "DPoP proof" in wrong.fix


def test_a_key_of_a_kind_that_is_not_taken_is_named_before_anything_is_sent(served: Served) -> None:
    public = jwk.import_key(served.key.as_dict(private=False))
    for key in (public, jwk.ECKey.generate_key("P-384")):
        assert "not of a kind" in _wrong(served.walk(key=key)).words


def test_a_way_it_is_not_registered_for_is_left_out_and_the_rest_is_walked(served: Served) -> None:
    with served.house.session() as session:
        session.get_one(Client, "harvest-system").grant_types = ["client_credentials"]
        session.commit()
    steps = served.walk()
    states = _states(steps)
    assert State.WRONG not in states.values()
    assert states["Pushed request"] is states["Ask somebody absent"] is State.LEFT_OUT
    assert states["Introspection"] is states["Giving back"] is State.OK


def test_without_a_resident_the_protocol_alone_is_walked(served: Served) -> None:
    states = _states(served.walk(somebody=None))
    assert State.WRONG not in states.values()
    assert states["Find a resident"] is State.LEFT_OUT
    assert states["Giving back"] is State.OK


def test_a_system_of_another_profile_is_told_where_it_asks(served: Served) -> None:
    with served.house.session() as session:
        session.get_one(Client, "harvest-system").profile = ClientProfile.SMART_BACKEND
        session.commit()
    wrong = _wrong(served.walk())
    assert "This walk is for FAPI 2.0 systems" in wrong.fix
    assert f"{served.base}/smart/token" in wrong.fix


@pytest.mark.parametrize("base", ["nonsense", "http://", "https://127.0.0.1:1"])
def test_an_address_that_is_wrong_is_said_in_words(base: str) -> None:
    [step] = list(Walk(base, "x", jwk.ECKey.generate_key("P-256")).steps())
    assert (step.state, bool(step.fix)) == (State.WRONG, True)
    assert not re.search(r"[a-z](Error|Schema|URL|Exception)", step.words)


def test_an_ed25519_key_walks_under_its_own_name(served: Served, recwarn: pytest.WarningsRecorder) -> None:
    own = jwk.OKPKey.generate_key("Ed25519", {"kid": "two"})
    with served.house.session() as session:
        session.get_one(Client, "harvest-system").jwks = {"keys": [own.as_dict(private=False)]}
        session.commit()
    assert {step.state for step in served.walk(key=own)} == {State.OK}
    assert [str(each.message) for each in recwarn if "EdDSA" in str(each.message)] == []


def test_a_purpose_that_no_agreement_covers_is_said(served: Served) -> None:
    steps = served.walk(asked=Asked(purpose="advice-debt", sections=("problems",)))
    assert any("agreement" in step.fix for step in steps if step.state is State.WRONG)


def test_where_there_is_no_broker_it_says_so(served: Served) -> None:
    [step] = list(Walk(f"http://127.0.0.1:{free_port()}", "x", served.key).steps())
    assert step.state is State.WRONG
    assert "did not answer" in step.words


def test_another_name_for_the_broker_is_not_its_own(served: Served) -> None:
    [step] = list(Walk(served.base.replace("127.0.0.1", "localhost"), "x", served.key).steps())
    assert f"--broker {served.base}" in step.fix


# ---- as it is typed ------------------------------------------------------------------------------------------------


@pytest.fixture
def key_file(served: Served, tmp_path: Path) -> str:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(served.key.as_dict(private=True)), encoding="utf-8")
    return str(file)


def test_it_is_typed_and_says_it_in_words_or_as_json(served: Served, run: Run, key_file: str) -> None:
    words = ("clients", "try", "--broker", served.base, "--client", "harvest-system", "--key", key_file)
    code, said, complaint = run(*words, "--resident-demo", "--redirect-uri", CALLBACK)
    assert (code, complaint) == (0, ""), said
    assert "Nothing to put right." in said
    assert said.startswith("Walking as a FAPI 2.0 system, harvest-system")
    code, said, _ = run(*words, "--audience", "elsewhere", "--json")
    told = json.loads(said)
    assert (code, told["ok"], told["steps"][-1]["state"]) == (1, False, "wrong")
    assert ADA_NUMBER not in said
    assert served.key.as_dict(private=True)["d"] not in said


def test_what_was_not_tried_is_said_and_is_not_success(served: Served, run: Run, key_file: str) -> None:
    words = ("clients", "try", "--broker", served.base, "--client", "harvest-system", "--key", key_file)
    code, said, _ = run(*words)
    assert code == 4
    assert "9 steps were not tried: Find a resident, Before anybody agreed," in said
    told = json.loads(run(*words, "--json")[1])
    assert (told["ok"], len(told["not_tried"])) == (False, 9)
    assert "4 where none did" in run("clients", "try", "--help")[1]


@pytest.mark.parametrize(
    ("option", "typed", "known"), [("--purpose", "gossip", "advice-debt"), ("--section", "diary", "housing")]
)
def test_a_word_the_broker_does_not_know_is_refused(
    run: Run, tmp_path: Path, option: str, typed: str, known: str
) -> None:
    file = tmp_path / "key.json"
    file.write_text("{}")
    code, _, complaint = run("clients", "try", "--client", "x", "--key", str(file), option, typed)
    assert (code, complaint.count("\n")) == (1, 1)
    assert f"There is no {option[2:]} {typed}." in complaint
    assert known in complaint


def test_a_demonstration_that_is_not_there_is_said_in_words(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text("{}")
    base = f"http://127.0.0.1:{free_port()}"
    code, said, _ = run("clients", "try", "--broker", base, "--client", "x", "--key", str(file), "--resident-demo")
    assert (code, "did not answer" in said) == (1, True)


def test_registering_is_one_command_shown_once(run: Run) -> None:
    listed = run("clients", "--help")[1]
    assert "\n  add " in listed
    assert "\n  register " not in listed
    assert "--jwks" in run("clients", "register", "--help")[1]


def test_a_new_key_is_readable_by_its_owner_alone_and_never_replaced(run: Run, tmp_path: Path) -> None:
    file, public = tmp_path / "own.json", tmp_path / "public.json"
    assert run("clients", "new-key", str(file), "--public", str(public))[0] == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "d" not in json.loads(public.read_text())["keys"][0]
    before = file.read_text()
    code, _, complaint = run("clients", "new-key", str(file))
    assert (code, "key-exists" in complaint) == (1, True)
    assert file.read_text() == before


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"keys": []}', '{"kty": "EC"}'])
def test_a_file_that_is_no_key_is_refused_in_a_line(run: Run, tmp_path: Path, text: str) -> None:
    file = tmp_path / "odd.json"
    file.write_text(text)
    code, _, complaint = run("clients", "try", "--client", "x", "--key", str(file))
    assert (code, complaint.count("\n")) == (1, 1)
    assert "key-malformed" in complaint
