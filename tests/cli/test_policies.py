"""``broker policies`` as an operator types it: what each says in 100 columns, and the one line a mistake gets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from broker.access import pdp
from broker.access.facts import gather
from broker.access.release import decide_only
from broker.access.request import AccessRequest
from broker.agreements.document import render
from broker.cli.opening import now, opened
from broker.database import open_engine, session_factory
from broker.identity.models import Source
from broker.settings import Settings
from broker.vocabulary import Purpose, Section
from tests import texts
from tests.cli.conftest import Run, written
from tests.people import ADVISER, COUNCIL, GP, SURGERY, connect

pytestmark = pytest.mark.slow  # each types several commands, and a command opens everything anew

GOOD = 'package conditions["TB-ADVICE"]\n\ndeny contains "outside-place" if input.resident.neighbourhood == "TB-2"\n'


@pytest.fixture
def agreed(ready: Run, tmp_path: Path) -> Run:
    """What is ready, with two sources, and agreements in force and published."""
    engine = open_engine(Settings(data_folder=tmp_path / "var").sqlalchemy_url)
    with session_factory(engine)() as session:
        for id, organisation in (("millrace-gp", SURGERY), ("council-housing", COUNCIL)):
            connect(session, id, organisation)
            source = session.get_one(Source, id)
            source.kind, source.configuration = "fhir-r4", {"base_url": "http://127.0.0.1:9/fhir"}
        session.commit()
    engine.dispose()
    documents = (*texts.frameworks(), texts.care(), texts.advice())
    files = [written(tmp_path, f"{document.id}.yaml", render(document)) for document in documents]
    assert ready("agreements", "adopt", *files)[0] == 0
    return ready


def decided(requester: Any, purpose: Purpose, *sections: Section) -> str:
    """A decision on the record; gives its id."""
    with opened() as (broker, session):
        request = AccessRequest("r1", requester, "ada", purpose, frozenset(sections), now())
        return decide_only(broker, session, request).id


def digest(agreed: Run, place: int) -> str:
    """The short name of a revision; 0 is the newest."""
    return agreed("policies", "revisions")[1].splitlines()[place].split()[0]


def narrow(said: str) -> bool:
    return max(len(line) for line in said.splitlines()) <= 100


# ---- files -----------------------------------------------------------------------------------------------------------


def test_good_conditions_pass_and_bad_ones_are_named_with_their_line(run: Run, tmp_path: Path) -> None:
    good = written(tmp_path, "conditions/TB-ADVICE.rego", GOOD)
    code, said, _ = run("policies", "check", good)
    assert (code, "1 file: nothing is wrong." in said) == (0, True)
    bad = written(tmp_path, "conditions/TB-CARE.rego", GOOD)
    code, said, _ = run("policies", "check", bad)
    assert code == 1
    assert said.startswith("conditions/TB-CARE.rego:1:1: package: ")


@pytest.mark.parametrize(
    "text",
    [
        GOOD + f"\n_x := {'[' * 20}{']' * 20}\n",
        GOOD + "\nallow if true\n",
        GOOD.replace("if input", 'if http.send({"url": "http://x"}).y == input'),
        GOOD.replace("if input", "if := input"),
        "nonsense",
    ],
    ids=["nests", "allows", "reaches-out", "cannot-be-read", "is-no-rego"],
)
def test_no_conditions_make_a_crash(run: Run, tmp_path: Path, text: str) -> None:
    code, said, complaint = run("policies", "check", written(tmp_path, "conditions/TB-ADVICE.rego", text))
    assert code == 1
    assert "conditions/TB-ADVICE.rego:" in said
    assert "Traceback" not in said + complaint


def test_findings_can_be_read_by_a_program(run: Run, tmp_path: Path) -> None:
    file = written(tmp_path, "conditions/TB-ADVICE.rego", GOOD + "\nallow if true\n")
    code, said, _ = run("policies", "check", "--json", file)
    assert code == 1
    assert [each["code"] for each in json.loads(said)["findings"]] == ["not-a-condition"]


def test_where_there_is_no_opa_that_is_said(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("OPA", raising=False)
    said = run("policies", "check", written(tmp_path, "conditions/TB-ADVICE.rego", GOOD))[1]
    assert "OPA is not on the PATH, so opa fmt and opa check were not run." in said


@pytest.mark.needs("opa")
def test_where_there_is_an_opa_its_own_checks_count(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.house import machine

    monkeypatch.setenv("OPA", str(machine.opa()))
    assert run("policies", "check", written(tmp_path, "conditions/TB-ADVICE.rego", GOOD))[0] == 0
    untidy = written(tmp_path, "conditions/TB-ADVICE.rego", GOOD.replace("deny contains", "deny   contains"))
    code, said, _ = run("policies", "check", untidy)
    assert (code, "opa fmt lays them out" in said) == (1, True)


def test_the_rules_own_tests_are_run_and_a_failure_has_its_line(run: Run, tmp_path: Path) -> None:
    written(tmp_path, "rules/broker/odd/odd.rego", "package broker.odd\n\nodd if input.number == 1\n")
    test = 'package broker.odd_test\n\ntest_two if data.broker.odd.odd with input as {"number": 2}\n'
    written(tmp_path, "rules/broker/odd/odd_test.rego", test)
    code, said, _ = run("policies", "test", str(tmp_path / "rules"))
    assert code == 1
    assert said.startswith("FAIL broker/odd/odd_test.rego:3 test_two\n")
    assert "0 passed, 1 failed; " in said
    written(tmp_path, "rules/broker/odd/odd_test.rego", test.replace("2}", "1}"))
    assert run("policies", "test", str(tmp_path / "rules"))[:2] == (
        0,
        "1 passed, 0 failed; 100 % of the rules' lines are reached.\n",
    )


# ---- revisions -------------------------------------------------------------------------------------------------------


def test_revisions_are_listed_compared_and_put_back(agreed: Run) -> None:
    assert agreed("agreements", "suspend", "TB-ADVICE")[0] == 0
    before, after = digest(agreed, 1), digest(agreed, 0)
    code, said, _ = agreed("policies", "diff", before, after)
    assert code == 0
    assert "TB-ADVICE: state: from in-force to suspended." in said
    assert agreed("policies", "diff", before)[1] == said, "without a second, the one in force"
    assert "Nothing is different." in agreed("policies", "diff", after)[1]
    code, said, complaint = agreed("policies", "rollback", before)
    assert code == 0, complaint
    assert "It puts back" in said
    listed = agreed("policies", "revisions")[1].splitlines()
    assert "in force" in listed[0]
    assert f"puts back {before}" in listed[0]


def test_revisions_and_differences_can_be_read_by_a_program(agreed: Run) -> None:
    rows = json.loads(agreed("policies", "revisions", "--json")[1])
    assert rows[0]["revision"].endswith(rows[0]["digest"])
    assert json.loads(agreed("policies", "diff", rows[0]["digest"], "--json")[1])["differences"] == []


# ---- decisions, and drafts -------------------------------------------------------------------------------------------


def test_a_recorded_decision_is_explained_to_each_and_opening_it_is_on_the_trail(agreed: Run) -> None:
    decision = decided(ADVISER, Purpose.ADVICE_DEBT, Section.MONEY)
    code, said, complaint = agreed("policies", "explain", decision)
    assert code == 0, complaint
    assert "[relationship / no-relationship]" in said
    assert "What would have made it allowed:" in said
    assert narrow(said)
    assert "Not shared: Money" in agreed("policies", "explain", decision, "--as", "resident")[1]
    requester = agreed("policies", "explain", decision, "--as", "requester")[1]
    assert "There is no current relationship" in requester
    assert "TB-ADVICE" not in requester
    assert agreed("audit", "show")[1].count("Recorded decisions were read") == 3


def test_an_explanation_can_be_read_by_a_program(agreed: Run) -> None:
    decision = decided(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    found = json.loads(agreed("policies", "explain", decision, "--json")[1])
    assert found["same"] is True
    assert {row["layer"] for row in found["rows"]} == {None}
    assert isinstance(json.loads(agreed("policies", "explain", decision, "--as", "resident", "--json")[1]), list)


def test_recorded_decisions_are_made_again(agreed: Run) -> None:
    decided(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    code, said, complaint = agreed("policies", "replay")
    assert code == 0, complaint
    assert said.startswith("1 decisions were made again: 1 came out the same, 0 did not.")
    assert json.loads(agreed("policies", "replay", "--revision", digest(agreed, 0), "--json")[1])["same"] == 1


def test_the_effect_of_a_draft_is_worked_out(agreed: Run, tmp_path: Path) -> None:
    decided(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    draft = written(tmp_path, "next.yaml", render(texts.care(sections=texts.because([Section.ALLERGIES]))))
    code, _, complaint = agreed("agreements", "draft", draft)
    assert code == 0, complaint
    code, said, complaint = agreed("policies", "impact", texts.care().id)
    assert code == 0, complaint
    assert "version 2" in said
    assert "Losses:" in said
    assert narrow(said)
    assert (
        json.loads(agreed("policies", "impact", texts.care().id, "--version", "2", "--json")[1])["report"]["version"]
        == 2
    )


def test_a_question_is_played_against_what_is_in_force_or_a_draft(agreed: Run, tmp_path: Path) -> None:
    with opened() as (broker, session):
        request = AccessRequest("r1", ADVISER, "ada", Purpose.ADVICE_DEBT, frozenset({Section.MONEY}), now())
        systems = broker.sources.registered(session)
        question = pdp.question(request, gather(session, request, systems.systems, systems.kinds))
    file = written(tmp_path, "question.json", json.dumps(question))
    code, said, complaint = agreed("policies", "play", "--question", file)
    assert code == 0, complaint
    assert "no-relationship" in said
    assert "Lines that had a part in it:" in said
    played = json.loads(agreed("policies", "play", "--question", file, "--agreement", "TB-ADVICE", "--json")[1])
    assert played["answer"]["revision"].startswith("draft/")
    assert played["problem"] is None


# ---- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("diff", "nonsense"), 1, "revision-unknown"),
        (("diff", "20"), 1, "revision-unknown"),
        (("rollback", "nonsense"), 1, "revision-unknown"),
        (("explain", "nonsense"), 1, "decision-unknown"),
        (("explain", "x", "--as", "neighbour"), 2, "neighbour"),
        (("impact", "NO-SUCH"), 1, "agreement-unknown"),
        (("impact", "TB-ADVICE", "--version", "9"), 1, "agreement-unknown"),
        (("impact", "TB-ADVICE", "--version", "0"), 2, "--version"),
        (("replay", "--revision", "nonsense"), 1, "revision-unknown"),
        (("revisions", "--limit", "0"), 2, "--limit"),
        (("play",), 2, "--question"),
        (("play", "--question", "/no/such/file"), 2, "does not exist"),
        (("check", "/no/such/folder"), 2, "does not exist"),
        (("test", "/no/such/folder"), 2, "does not exist"),
    ],
)
def test_a_mistake_is_one_clear_line(agreed: Run, words: tuple[str, ...], code: int, said: str) -> None:
    found, _, complaint = agreed("policies", *words)
    assert (found, said in complaint) == (code, True), complaint
    assert "Traceback" not in complaint


def test_the_revision_in_force_is_not_put_back(agreed: Run) -> None:
    code, _, complaint = agreed("policies", "rollback", digest(agreed, 0))
    assert (code, "revision-in-force" in complaint) == (1, True)


@pytest.mark.parametrize("text", ["", "[]", "{", '"text"', "[" * 100_000])
def test_a_question_that_is_no_question_is_refused(agreed: Run, tmp_path: Path, text: str) -> None:
    code, _, complaint = agreed("policies", "play", "--question", written(tmp_path, "question.json", text))
    assert (code, "question-malformed" in complaint) == (1, True)


def test_a_question_that_the_rules_cannot_read_says_so(agreed: Run, tmp_path: Path) -> None:
    code, said, _ = agreed("policies", "play", "--question", written(tmp_path, "question.json", '{"request": 5}'))
    assert (code, "The question cannot be read by the rules." in said) == (1, True)


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [("odd.txt", "x", "file-kind"), ("odd.rego", b"\xff\xfe", "not-text")],
)
def test_a_file_that_is_no_rule_is_refused(run: Run, tmp_path: Path, name: str, text: Any, code: str) -> None:
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    found, _, complaint = run("policies", "check", str(tmp_path / name))
    assert (found, code in complaint) == (1, True)


def test_an_empty_folder_is_nothing_to_check(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, _, complaint = run("policies", "check", str(tmp_path / "empty"))
    assert (code, "nothing-to-check" in complaint) == (1, True)
