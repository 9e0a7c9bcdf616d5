"""The operator's commands, as an operator types them: what each says, and the one line a mistake gets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from joserfc import jwk

from broker.cli import COMMANDS
from tests import texts
from tests.cli.conftest import Run, written
from tests.people import ADA_NUMBER, COUNCIL, FOOD_BANK, SURGERY

pytestmark = pytest.mark.slow  # each types several commands, and a command opens everything anew

HERE = "base_url=http://127.0.0.1:9/fhir"


def test_help_lists_every_command_without_loading_any(run: Run) -> None:
    code, said, _ = run("--help")
    assert code == 0
    for name, (_, about) in COMMANDS.items():
        assert name in said
        assert about.split()[0] in said


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(run: Run, name: str) -> None:
    code, said, _ = run(name, "--help")
    assert code == 0
    assert "Usage:" in said


def test_an_unknown_command_or_option_is_one_clear_line(run: Run) -> None:
    for words in (("frobnicate",), ("db", "frobnicate"), ("audit", "show", "--wrong")):
        code, _, complaint = run(*words)
        assert code == 2
        assert "No such" in complaint


def test_a_database_that_is_not_there_is_one_clear_line(run: Run) -> None:
    for words in (("db", "check"), ("audit", "show")):
        code, said, complaint = run(*words)
        assert (code, said, complaint.count("\n")) == (3, "", 1)
        assert "broker db upgrade" in complaint


def test_a_database_that_is_not_migrated_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    for words, expected in ((("db", "check"), 1), (("audit", "show"), 2)):
        code, said, complaint = run(*words)
        assert (code, (said + complaint).count("\n")) == (expected, 1)
        assert "broker db upgrade" in said + complaint


def test_a_wrong_setting_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("BROKER_WORKERS", "many"), ("BROKER_NO_SUCH", "1"), ("BROKER_POLICY_ENGINE", "guess")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            code, _, complaint = run("db", "check")
        assert code == 2
        assert name in complaint


def test_agreements_are_adopted_listed_suspended_and_ended(ready: Run, tmp_path: Path) -> None:
    from broker.agreements.document import render

    files = [written(tmp_path, f"{d.id}.yaml", render(d)) for d in (*texts.frameworks(), texts.advice())]
    assert ready("agreements", "check", *files)[0] == 0
    code, said, complaint = ready("agreements", "adopt", *files)
    assert code == 0, complaint
    assert "TB-ADVICE is in force." in said
    for act, state in (("suspend", "Suspended"), ("resume", "In force"), ("end", "Ended")):
        assert ready("agreements", act, "TB-ADVICE")[0] == 0
        assert state in next(line for line in ready("agreements", "list")[1].splitlines() if "TB-ADVICE" in line)
    code, _, complaint = ready("agreements", "resume", "TB-ADVICE")
    assert code == 1
    assert "agreement-state" in complaint


def test_a_wrong_agreement_names_the_field(ready: Run, tmp_path: Path) -> None:
    from broker.agreements.document import render

    text = render(texts.care()).replace("direct-care", "curiosity")
    code, said, complaint = ready("agreements", "check", written(tmp_path, "wrong.yaml", text))
    assert code == 1
    assert "wrong.yaml, line " in said
    assert "purposes[0]" in said
    assert "Traceback" not in said + complaint


def test_an_agreement_starts_from_a_template_and_says_what_is_left_to_fill(ready: Run, tmp_path: Path) -> None:
    file = str(tmp_path / "start.yaml")
    options = (
        "--id",
        "TB-NEW",
        "--title",
        "New",
        "--organisation",
        FOOD_BANK,
        "--place",
        "TB",
        "--under",
        "LON-COMMUNITY",
    )
    names = [line.split()[0] for line in ready("agreements", "templates")[1].splitlines() if not line.startswith(" ")]
    code, said, complaint = ready("agreements", "start", names[0], file, *options)
    assert code == 0, complaint
    assert "broker agreements check" in said
    code, said, _ = ready("agreements", "check", file)
    assert (code, "to-fill" in said or "Fill" in said) == (1, True)
    assert ready("agreements", "start", "no-such-template", file, *options)[0] == 1


def test_an_agreement_is_drafted_shown_reviewed_and_given_up(ready: Run, tmp_path: Path) -> None:
    from broker.agreements.document import render

    files = [written(tmp_path, f"{d.id}.yaml", render(d)) for d in texts.frameworks()]
    assert ready("agreements", "adopt", *files)[0] == 0
    advice = written(tmp_path, "advice.yaml", "# our first\n" + render(texts.advice()))
    assert "Version 1 of TB-ADVICE is a draft" in ready("agreements", "draft", advice)[1]
    assert "in review" in ready("agreements", "submit", "TB-ADVICE")[1]
    said = ready("agreements", "show", "TB-ADVICE")[1]
    assert f"waiting for {FOOD_BANK}" in said
    code, _, complaint = ready("agreements", "begin", "TB-ADVICE")
    assert (code, "agreement-state" in complaint) == (1, True)
    page = tmp_path / "board.html"
    made = ready("agreements", "document", "TB-ADVICE", str(page))
    assert made[0] == 0, made
    assert "TB-ADVICE" in page.read_text(encoding="utf-8")
    register = tmp_path / "register.csv"
    assert ready("agreements", "register", str(register))[0] == 0
    assert len(register.read_text(encoding="utf-8").splitlines()) > 1
    assert "Nothing waits" in ready("agreements", "due")[1]
    assert ready("agreements", "end", "TB-ADVICE")[0] == 0
    assert ready("agreements", "draft", advice)[0] == 0
    assert "version 2: draft" in ready("agreements", "show", "TB-ADVICE")[1]


def test_an_agreement_before_its_parent_is_refused(ready: Run, tmp_path: Path) -> None:
    from broker.agreements.document import render

    file = written(tmp_path, "a.yaml", render(texts.care()))
    code, _, complaint = ready("agreements", "adopt", file)
    assert (code, "agreement-parent-unknown" in complaint) == (1, True)


def test_a_source_is_added_checked_listed_linked_and_removed(ready: Run) -> None:
    added = ready(
        "sources", "add", "millrace", "--kind", "fhir-r4", "--label", "Millrace", "--organisation", SURGERY,
        "--set", "base_url=http://127.0.0.1:9/fhir",
    )  # fmt: skip
    assert added[0] == 0, added
    assert ready("residents", "link", "millrace", "--nhs-number", ADA_NUMBER, "--born-on", "1964-03-14")[0] == 0
    assert "1 residents" in ready("sources", "list")[1]
    code, said, _ = ready("sources", "check", "millrace")
    assert code == 1
    assert "may not call" in said, "an address nobody allowed is never called"
    assert ready("sources", "remove", "millrace")[0] == 0
    assert "millrace" not in ready("sources", "list")[1]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--kind", "telepathy", "--organisation", SURGERY), "source-kind-unknown"),
        (("--kind", "fhir-r4", "--organisation", "XX9ZZZ", "--set", HERE), "organisation-unknown"),
        (("--kind", "fhir-r4", "--organisation", "not a code", "--set", HERE), "organisation-code-malformed"),
        (("--kind", "fhir-r4", "--organisation", SURGERY, "--set", "base_url"), "setting-malformed"),
        (("--kind", "fhir-r4", "--organisation", SURGERY), "base_url"),
        (("--kind", "fhir-r4", "--organisation", SURGERY, "--set", "base_url=file:///etc/passwd"), "base_url"),
    ],
)  # fmt: skip
def test_a_wrong_source_is_refused_in_a_line(ready: Run, words: tuple[str, ...], code: str) -> None:
    exit_code, _, complaint = ready("sources", "add", "millrace", "--label", "Millrace", *words)
    assert exit_code == 1
    assert code in complaint
    assert complaint.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), "resident-ambiguous"),
        (("--resident", "ada", "--nhs-number", ADA_NUMBER, "--born-on", "1964-03-14"), "resident-ambiguous"),
        (("--nhs-number", ADA_NUMBER), "resident-ambiguous"),
        (("--nhs-number", "9990000019", "--born-on", "1964-03-14"), "nhs-number-invalid"),
        (("--nhs-number", ADA_NUMBER, "--born-on", "1964-03-15"), "resident-unknown"),
        (("--resident", "nobody"), "resident-unknown"),
    ],
)
def test_a_missing_or_ambiguous_resident_is_refused(ready: Run, words: tuple[str, ...], code: str) -> None:
    ready(
        "sources", "add", "drop", "--kind", "cld-csv", "--label", "Drop", "--organisation", COUNCIL,
        "--set", "folder=/tmp/no-such-folder",
    )  # fmt: skip
    exit_code, _, complaint = ready("residents", "link", "drop", *words)
    assert exit_code == 1
    assert code in complaint
    assert ADA_NUMBER not in complaint


def test_a_resident_is_enrolled_once(ready: Run) -> None:
    words = (
        "--nhs-number",
        "999 000 0034",
        "--born-on",
        "1990-01-02",
        "--given-name",
        "Cleo",
        "--family-name",
        "Marsh",
    )
    code, said, _ = ready("residents", "enrol", *words, "--neighbourhood", "TB-1")
    assert code == 0
    assert len(said.strip().splitlines()[-1]) == 32
    assert "resident-exists" in ready("residents", "enrol", *words, "--neighbourhood", "TB-1")[2]


def test_a_client_is_registered_by_its_public_keys_alone(ready: Run, tmp_path: Path) -> None:
    key = jwk.ECKey.generate_key("P-256", {"kid": "one"})
    words = (
        "clients",
        "register",
        "harvest",
        "--organisation",
        FOOD_BANK,
        "--name",
        "Harvest",
        "--role",
        "case-worker",
    )
    public = written(tmp_path, "public.json", json.dumps({"keys": [key.as_dict(private=False)]}))
    private = written(tmp_path, "private.json", json.dumps({"keys": [key.as_dict(private=True)]}))
    nothing = written(tmp_path, "nothing.json", "{}")
    for file, code in ((private, "jwks-not-public"), (nothing, "jwks-malformed")):
        assert code in ready(*words, "--jwks", file)[2]
    assert ready(*words, "--jwks", public)[0] == 0
    assert "client-exists" in ready(*words, "--jwks", public)[2]


def test_the_trail_is_signed_verified_exported_and_shown(ready: Run, tmp_path: Path) -> None:
    words = ("--nhs-number", "9990000034", "--born-on", "1990-01-02", "--given-name", "Cleo", "--family-name", "Marsh")
    ready("residents", "enrol", *words, "--neighbourhood", "TB-1")
    code, checkpoint, _ = ready("audit", "checkpoint")
    assert code == 0
    assert "\u2014 " in checkpoint
    assert "The trail holds: 1 entries, 1 signed checkpoints" in ready("audit", "verify")[1]
    exported = written(tmp_path, "trail.jsonl", ready("audit", "export")[1])
    key = ready("keys", "trail")[1].strip()
    assert ready("audit", "verify", "--export", exported, "--key", key)[0] == 0
    assert ready("audit", "verify", "--export", exported)[0] == 2, "a trail is not checked against a key it brings"
    assert "linked" in ready("audit", "show")[1]


def test_a_trail_that_was_tampered_with_is_named(ready: Run, tmp_path: Path) -> None:
    words = ("--nhs-number", "9990000034", "--born-on", "1990-01-02", "--given-name", "Cleo", "--family-name", "Marsh")
    ready("residents", "enrol", *words, "--neighbourhood", "TB-1")
    ready("audit", "checkpoint")
    text = ready("audit", "export")[1].replace("enrolled", "forgotten")
    key = ready("keys", "trail")[1].strip()
    code, _, complaint = ready("audit", "verify", "--export", written(tmp_path, "trail.jsonl", text), "--key", key)
    assert code == 1
    assert "does NOT hold" in complaint


def test_policies_are_published_and_written_for_opa(ready: Run, tmp_path: Path) -> None:
    assert "no policy" in ready("policies", "bundle", str(tmp_path / "bundle.tar.gz"))[2]
    assert ready("policies", "publish")[0] == 0
    assert ready("policies", "bundle", str(tmp_path / "bundle.tar.gz"))[0] == 0
    assert (tmp_path / "bundle.tar.gz").stat().st_size > 1000


def test_a_place_is_brought_in_from_nothing(run: Run) -> None:
    """Everything a view needs, without a synthetic neighbourhood: place, organisation, worker, resident, source."""
    run("db", "upgrade")
    place = ("organisations", "place", "EX", "--name", "Exbourne", "--system", "XX9ICB")
    assert run(*place, "--neighbourhood", "EX-1=North side")[0] == 0
    assert run("organisations", "add", "XX9E01", "--name", "Exbourne Surgery", "--kind", "gp-practice")[0] == 0
    code, person, _ = run("organisations", "member", "XX9E01", "--name", "Dr Fen", "--role", "clinician")
    assert (code, len(person.strip())) == (0, 32)
    resident = ("--nhs-number", ADA_NUMBER, "--born-on", "1964-03-14", "--given-name", "Ada", "--family-name", "Okoro")
    assert run("residents", "enrol", *resident, "--neighbourhood", "EX-1")[0] == 0
    source = ("--kind", "fhir-r4", "--label", "Surgery", "--organisation", "XX9E01", "--set", HERE)
    assert run("sources", "add", "surgery", *source)[0] == 0
    assert "Exbourne Surgery" in run("organisations", "list")[1]
    assert "The trail holds: 5 entries" in run("audit", "verify")[1]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("place", "TB", "--name", "Again", "--system", "XX9ICB"), "place-exists"),
        (("place", "EX", "--name", "Ex", "--system", "XX9ICB", "--neighbourhood", "EX-1"), "neighbourhood-malformed"),
        (("add", SURGERY, "--name", "Again", "--kind", "gp-practice"), "organisation-exists"),
        (("add", "lower case", "--name", "Odd", "--kind", "vcfse"), "organisation-code-malformed"),
        (("member", "XX9ZZZ", "--name", "Nobody", "--role", "clinician"), "organisation-unknown"),
    ],
)
def test_what_cannot_be_brought_in_is_refused_and_leaves_nothing(ready: Run, words: tuple[str, ...], code: str) -> None:
    exit_code, _, complaint = ready("organisations", *words)
    assert (exit_code, code in complaint) == (1, True)
    assert "The trail holds: 0 entries" in ready("audit", "verify")[1]
