"""Organisations join and leave, and their people come and go, as the operator types it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine

from tests.cli.conftest import Run, written
from tests.people import COUNCIL, FOOD_BANK, INTEGRATOR, NOON, SURGERY

SHED = "GB-CHC-9900077"
SAID = {
    "code": SHED,
    "name": "The Mending Shed",
    "kind": "vcfse",
    "service": "Repairs and company",
    "sponsor": INTEGRATOR,
    "toolkit": "standards-met",
    "toolkit_until": "2027-06-30",
    "contacts": {
        kind: {"name": "Mabel Firth", "email": f"{kind}@mending.example"}
        for kind in ("ig-lead", "primary", "technical", "safeguarding")
    },
}
WHY = ("--why", "We know them.")


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def applied(ready: Run, tmp_path: Path) -> str:
    """The id of an application."""
    code, said, complaint = ready("partners", "apply", written(tmp_path, "shed.json", json.dumps(SAID)))
    assert code == 0, complaint
    assert "shown this once" in complaint
    return said.strip()


def test_an_organisation_joins_and_leaves(ready: Run, applied: str) -> None:
    assert "applied" in ready("partners", "list")[1]
    assert ready("partners", "vouch", applied, "--person", "partnership-lead", *WHY)[0] == 0
    code, said, complaint = ready("partners", "admit", applied, *WHY)
    assert code == 0, complaint
    assert f"{SHED} takes part" in said
    assert "invitation" in said
    shown = json.loads(ready("partners", "show", applied)[1])
    assert [step["state"] for step in shown["steps"]] == ["applied", "vouched", "admitted"]
    code, said, _ = ready("partners", "readiness", SHED)
    assert (code, "MISSING" in said) == (1, True)
    told = json.loads(ready("partners", "readiness", SHED, "--json")[1])
    assert told["ready"] is False
    assert ready("partners", "toolkit", SHED, "standards-met", "--until", "2028-06-30")[0] == 0
    assert "has left: 0 systems" in ready("partners", "leave", SHED, *WHY)[1]
    assert json.loads(ready("partners", "show", applied)[1])["contacts"] == {}
    assert "The trail holds" in ready("audit", "verify")[1]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("vouch", "{}", "--person", "ig-lead", *WHY), "member-unknown"),
        (("vouch", "{}", "--person", "partnership-lead", "--why", " "), "reason-missing"),
        (("vouch", "nobody", "--person", "partnership-lead", *WHY), "application-unknown"),
        (("admit", "{}", *WHY), "application-state"),
        (("refuse", "{}", "--why", ""), "reason-missing"),
        (("leave", "XX9ZZZ", *WHY), "organisation-unknown"),
        (("toolkit", SHED, "standards-met"), "application-unknown"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(ready: Run, applied: str, words: tuple[str, ...], code: str) -> None:
    exit_code, _, complaint = ready("partners", *(word.format(applied) for word in words))
    assert (exit_code, complaint.count("\n")) == (1, 1)
    assert code in complaint


def test_a_refusal_stands(ready: Run, applied: str) -> None:
    assert ready("partners", "refuse", applied, *WHY)[0] == 0
    assert "application-state" in ready("partners", "vouch", applied, "--person", "partnership-lead", *WHY)[2]


@pytest.mark.parametrize("without", ["code", "contacts", "sponsor", "toolkit"])
def test_a_file_that_says_too_little_names_what_is_missing(ready: Run, tmp_path: Path, without: str) -> None:
    said = {name: value for name, value in SAID.items() if name != without}
    code, _, complaint = ready("partners", "apply", written(tmp_path, "shed.json", json.dumps(said)))
    assert (code, f"[{without}]" in complaint) == (1, True)


@pytest.mark.parametrize("text", ["", "[]", "a: [", '{"contacts": []}', '{"contacts": {"boss": {}}}'])
def test_a_file_that_says_something_else_is_refused(ready: Run, tmp_path: Path, text: str) -> None:
    code, _, complaint = ready("partners", "apply", written(tmp_path, "odd.yaml", text))
    assert (code, complaint.count("\n")) == (1, 1)


def test_people_come_change_and_go(ready: Run) -> None:
    id_, person = ready("members", "add", FOOD_BANK, "--name", "Fen Ash", "--role", "case-worker")[1].split()
    assert "Fen Ash" in ready("members", "list", FOOD_BANK)[1]
    assert "Fen Ash" not in ready("members", "list", COUNCIL)[1]
    assert person != id_
    changed = ready("members", "change", id_, "link-worker")[1].strip()
    assert ready("members", "end", changed, *WHY)[0] == 0
    assert "member-ended" in ready("members", "end", changed, *WHY)[2]
    assert "Fen Ash" not in ready("members", "list", FOOD_BANK)[1]
    assert "member-unknown" in ready("members", "end", "nobody", *WHY)[2]


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "A\u200b\u0000b"])
def test_nobody_works_here_without_a_name(ready: Run, name: str) -> None:
    code, _, complaint = ready("members", "add", FOOD_BANK, "--name", name.replace("\0", ""), "--role", "case-worker")
    assert (code, complaint.count("\n")) == (1, 1)
    assert "[name]" in complaint


@pytest.mark.parametrize("role", ["resident", "proxy", "operator"])
def test_no_role_of_nobodys_is_offered(ready: Run, role: str) -> None:
    code, _, complaint = ready("members", "add", FOOD_BANK, "--name", "Fen Ash", "--role", role)
    assert (code, "is not one of" in complaint) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        ("accounts", "invite", "123", "--organisation", "GB-CHC-0"),
        ("accounts", "invite", "123", "--organisation", "XX9ZZZ"),
        ("accounts", "reset", "123", "--organisation", "XX9ZZZ"),
        ("proxies", "list", "--practice", "NOPE"),
        ("proxies", "list", "--practice", FOOD_BANK),
    ],
)
def test_an_organisation_that_is_not_there_is_refused_in_words(ready: Run, words: tuple[str, ...]) -> None:
    code, _, complaint = ready(*words)
    assert (code, complaint.count("\n")) == (1, 1)
    assert complaint.startswith("Refused (")
    assert ".." not in complaint


def test_an_empty_list_says_so(ready: Run) -> None:
    assert ready("accounts", "list")[1] == "Nobody has an account of the broker's own.\n"
    assert ready("proxies", "list", "--practice", SURGERY)[1] == "Nobody's.\n"


def test_those_who_lapsed_are_listed_and_brought_back(ready: Run, at_noon: time_machine.Traveller) -> None:
    assert ready("members", "due")[1] == "Nobody's.\n"
    at_noon.move_to(NOON + timedelta(days=91))
    listed = ready("members", "due", "--organisation", FOOD_BANK)[1]
    id_ = next(line.split()[1] for line in listed.splitlines() if "case-worker" in line)
    assert "lapsed" in ready("members", "list", FOOD_BANK)[1]
    again = ready("members", "reinstate", id_)[1].strip()
    line = next(each for each in ready("members", "list", FOOD_BANK)[1].splitlines() if again in each)
    assert not line.endswith("lapsed")
