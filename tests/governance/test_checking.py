"""Everything wrong with conditions is found before anybody signs them, with its place; nothing they do is a crash."""

from __future__ import annotations

import pytest

from broker.agreements.document import render
from broker.governance.checking import SAYABLE, check_conditions, check_draft, check_files
from broker.vocabulary import DenialReason, Layer
from tests import texts

HEAD = 'package conditions["TB-ADVICE"]\n\n'
GOOD = (
    HEAD + 'deny contains "outside-place" if input.resident.neighbourhood == "TB-2"\n\nobligations contains "review"\n'
)
LOOPS = """deny contains "no-agreement" if {
	count([1 |
		some a in input.request.sections
		some b in input.request.sections
		some c in input.request.sections
		some d in input.request.sections
		some e in input.request.sections
		a == concat("", [b, c, d, e])
	]) > 0
}
"""


def found_in(text: str) -> set[tuple[int | None, str]]:
    return {(each.line, each.code) for each in check_conditions(text, agreement="TB-ADVICE", file="conditions.rego")}


def test_good_conditions_have_no_finding() -> None:
    assert found_in(GOOD) == set()


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        (HEAD + f"_x := {'[' * 20}{']' * 20}\n", 3, "brackets-too-deep"),
        (HEAD + 'deny contains "outside-place" if http.send({"url": "http://x"}).body\n', 3, "built-in"),
        (HEAD + 'deny contains "outside-place" if time.now_ns() > 5\n', 3, "built-in"),
        (GOOD.replace("TB-ADVICE", "TB-CARE"), 1, "package"),
        (GOOD.replace('conditions["TB-ADVICE"]', "broker.decision"), 1, "package"),
        (HEAD + "import data.sharing\n\n" + GOOD.removeprefix(HEAD), 3, "import"),
        (HEAD + 'deny contains "outside-place" if data.broker.choices.withheld\n', 3, "root"),
        (HEAD + 'deny contains "outside-place" if data.sharing.agreements["TB-CARE"]\n', 3, "reads-too-much"),
        (HEAD + 'deny contains "outside-place" if data["sharing"]["agreements"]["TB-CARE"]\n', 3, "reads-too-much"),
        (HEAD + 'deny contains "because-i-say-so" if input.request.id\n', 3, "reason-unknown"),
        (HEAD + 'deny contains "consent-withheld" if input.request.id\n', 3, "reason-unknown"),
        (HEAD + 'obligations contains "write-in-triplicate"\n', 3, "obligation-unknown"),
        (HEAD + 'deny contains code if {\n\tsome code in ["made-up"]\n}\n', 1, "reason-unknown"),
        (GOOD + "\nallow if input.request.id\n", 7, "not-a-condition"),
        (HEAD + 'deny := {"outside-place"}\n', 3, "not-a-condition"),
        (HEAD + '_only := "a helper"\n', 1, "nothing-restricted"),
        (HEAD + LOOPS, 1, "rego-stopped"),
        (HEAD + "deny contains :=\n", 3, "rego-invalid"),
        (HEAD + 'deny contains "outside-place if input.request.id\n', 3, "string-not-closed"),
        ("", 1, "package"),
        ("#" * 70_000, 1, "file-too-large"),
        ("\ud800", 1, "not-text"),
    ],
)
def test_each_fault_is_found_with_its_line(text: str, line: int, code: str) -> None:
    assert (line, code) in found_in(text)


def test_every_finding_says_what_to_do_in_a_sentence() -> None:
    for text in (HEAD + "allow if true\n", HEAD + LOOPS, HEAD + 'deny contains "x" if http.send({})\n', "nonsense"):
        for each in check_conditions(text, agreement="TB-ADVICE", file="own.rego"):
            assert each.file == "own.rego"
            assert each.message[0].isupper() or each.message[0] in "'\"" or each.code == "rego-invalid"
            assert "Stack backtrace" not in each.message


def test_a_rule_that_calls_itself_without_end_is_a_finding() -> None:
    text = HEAD + '_deeper(x) := _deeper(x)\n\ndeny contains "outside-place" if _deeper(input.request.id)\n'
    assert "rego-stopped" in {code for _, code in found_in(text)}


def test_a_condition_says_nothing_of_the_residents_choices_or_of_the_law() -> None:
    assert {reason.layer for reason in SAYABLE} == {Layer.IDENTITY, Layer.RELATIONSHIP, Layer.AGREEMENT}
    assert DenialReason.OUTSIDE_PLACE in SAYABLE


def test_a_draft_is_its_agreement_and_its_conditions() -> None:
    text = render(texts.advice())
    assert check_draft(text, None) == check_draft(text, GOOD)
    more = check_draft(text.replace("advice-debt", "curiosity"), HEAD + "allow if true\n")
    assert {each.file for each in more} == {"agreement.yaml", "conditions.rego"}


def test_conditions_must_be_of_the_very_agreement() -> None:
    assert "package" in {each.code for each in check_draft(render(texts.care()), GOOD)}


def test_a_folder_is_checked_file_by_file() -> None:
    found = check_files(
        {
            "broker/odd/odd.rego": "package broker.odd\n\nimport data.broker.choices\n\nx := 1\n",
            "conditions/TB-ADVICE.rego": HEAD + "allow if true\n",
            "agreements/odd.yaml": "id: TB-ODD\n",
        }
    )
    assert {each.file for each in found} == {"broker/odd/odd.rego", "conditions/TB-ADVICE.rego", "agreements/odd.yaml"}


def test_conditions_are_those_of_the_agreement_that_is_kept_whatever_else_the_text_looks_like() -> None:
    """A line of a title may look like an id; only the id that is kept may be spoken for."""
    text = render(texts.advice()).replace("id: TB-ADVICE", 'id: "TB-ADVICE"', 1)
    title = next(line for line in text.splitlines() if line.startswith("title:"))
    looks = text.replace(title, 'title: "Advice\n\nid: TB-CARE\n\nin Testbourne"', 1)

    assert looks.index("id: TB-CARE") > 0
    assert check_draft(looks, GOOD) == []
    assert "package" in {each.code for each in check_draft(looks, GOOD.replace("TB-ADVICE", "TB-CARE"))}
