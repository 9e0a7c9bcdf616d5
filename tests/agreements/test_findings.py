"""A text is checked whole: every finding, with its line and what to do; and no text, however mangled, is a crash."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.agreements import actions, document, lawful, paper
from broker.agreements.findings import Finding, check_text
from broker.errors import InvalidInput
from broker.vocabulary import Purpose
from tests.policies.world import SAMPLES, samples

ADVICE = (SAMPLES / "mg-advice.yaml").read_text(encoding="utf-8")


def with_change(change: Callable[[dict[str, Any]], Any], *, of: str = "MG-ADVICE") -> str:
    """A sample with one change, as text."""
    value = copy.deepcopy(samples()[of].as_mapping())
    change(value)
    return paper.write(value)


def found(change: Callable[[dict[str, Any]], Any], *, of: str = "MG-ADVICE") -> set[tuple[str, str]]:
    """The code and field of everything that is found after one change."""
    return {(each.code, each.field) for each in check_text(with_change(change, of=of))}


def the_only(text: str) -> Finding:
    (finding,) = check_text(text)
    return finding


# ---- what is good, and where what is not stands --------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_sample_has_nothing_to_put_right(path: Any) -> None:
    assert check_text(path.read_text(encoding="utf-8")) == []


def test_a_finding_names_the_file_the_line_and_the_column() -> None:
    lines = ADVICE.splitlines()
    line = lines.index("  - advice-housing")
    text = ADVICE.replace("  - advice-housing\n", "  - advise-housing\n")

    finding = check_text(text, file="mg-advice.yaml")[0]

    assert (finding.file, finding.line, finding.column) == ("mg-advice.yaml", line + 1, 5)
    assert (finding.code, finding.field) == ("code-unknown", "purposes[1]")
    assert str(finding).startswith(f"mg-advice.yaml, line {line + 1}, purposes[1]: “advise-housing” is not a purpose")


@pytest.mark.parametrize(
    ("right", "wrong", "meant"),
    [
        ("  - advice-housing\n", "  - advise-housing\n", "advice-housing"),
        ("  - case-worker\n", "  - caseworker\n", "case-worker"),
        ("section: money-and-benefits", "section: Money, debt and benefits", "money-and-benefits"),
        ("confidentiality: explicit", "confidentiality: explict", "explicit"),
        ("level: place", "level: Place", "place"),
        ("review_on:", "review-on:", "review_on"),
        ("    receives: false", "    recieves: false", "receives"),
    ],
)
def test_what_was_likely_meant_is_suggested(right: str, wrong: str, meant: str) -> None:
    assert any(f"“{meant}”" in each.message for each in check_text(ADVICE.replace(right, wrong, 1)))


def test_a_code_like_no_other_is_answered_with_those_there_are() -> None:
    finding = next(each for each in check_text(ADVICE.replace("disclosure: tell\n", "disclosure: zzz\n")))

    assert "tell, tell-clinicians, never-tell" in finding.message


def test_everything_is_found_at_once_in_the_order_of_the_lines() -> None:
    text = ADVICE.replace("level: place", "level: galaxy").replace("  - case-worker", "  - wizard")
    text = text.replace("break_glass: false", "break_glass: true").replace("hours: 24", "hours: 100")

    findings = check_text(text)

    assert [each.code for each in findings] == [
        "code-unknown",
        "code-unknown",
        "break-glass-and-purpose",
        "number-needed",
    ]
    assert [each.line for each in findings] == sorted(each.line or 0 for each in findings)


def test_what_is_missing_is_shown_where_it_belongs() -> None:
    text = ADVICE.replace("    because: To stop an eviction and see repairs that are owed.\n", "")

    finding = the_only(text)

    assert (finding.code, finding.field) == ("field-missing", "sections[6].because")
    assert text.splitlines()[(finding.line or 0) - 1] == "  - section: housing"


def test_what_could_not_be_read_is_not_called_missing_too() -> None:
    assert found(lambda v: v["dpia"].update(on="soon")) == {("date-needed", "dpia.on")}
    assert found(lambda v: v["parties"][0].pop("part")) == {("field-missing", "parties[0].part")}


# ---- what is no plain YAML -----------------------------------------------------------------------------------------

MALFORMED = [
    ("id: [\n", 2, None),
    ("id: a\ntitle: b\nid: c\n", 3, "given twice"),
    ("a: &x [1]\nb: *x\n", 1, "aliases"),
    ("a: !!python/object:os.system {}\n", 1, "tags"),
    ("%YAML 1.1\n---\nid: a\n", 1, "tags or directives"),
    ("id: a\n---\nid: b\n", 2, "One file holds one agreement"),
    ("id: a\n...\n---\nid: b\n", 3, "One file holds one agreement"),
    ("parties:\n\t- a\n", 2, "Indent with spaces"),
    ("id: a: b\n", 1, "not YAML"),
    ("? [a, b]\n: c\n", 1, "A field's name is a word"),
    ("1: a\n", 1, "A field's name is a word"),
    ("id: 'a\n", 2, "not YAML"),
]


@pytest.mark.parametrize(("text", "line", "says"), MALFORMED)
def test_what_is_no_plain_yaml_is_named_by_its_line(text: str, line: int, says: str | None) -> None:
    finding = check_text(text)[0]

    assert (finding.code, finding.line) == ("document-malformed", line)
    assert says is None or says in finding.message


@pytest.mark.parametrize("text", ["", "   \n", "null", "[]", "- a\n", "text", "7", "# only a comment\n"])
def test_what_holds_no_fields_is_one_finding(text: str) -> None:
    assert the_only(text).code == "not-a-mapping"


def test_a_text_that_is_too_large_is_one_finding() -> None:
    assert the_only("a" * (paper.LARGEST_TEXT + 1)).code == "document-too-large"


def test_a_list_has_an_end() -> None:
    finding = next(each for each in check_text("labels: [" + "x," * 401 + "]") if each.field == "labels")

    assert finding.code == "list-too-long"


# ---- between fields, and before anybody signs ----------------------------------------------------------------------

CARE = "MG-NEIGHBOURHOOD-TEAMS"
RULES: list[tuple[str, Callable[[dict[str, Any]], Any], str, str]] = [
    ("MG-ADVICE", lambda v: v["signatories"].pop(1), "signatory-missing", "signatories"),
    ("MG-ADVICE", lambda v: v.update(until_on="2026-03-31", review_on="2026-03-01"), "ends-before-start", "until_on"),
    ("MG-ADVICE", lambda v: v.update(review_on="2029-01-01"), "review-too-late", "review_on"),
    ("MG-ADVICE", lambda v: v.update(review_on="2026-04-01"), "review-too-early", "review_on"),
    ("MG-ADVICE", lambda v: v.update(labels=["gender-recognition"]), "restricted-in-law", "labels[0]"),
    ("MG-ADVICE", lambda v: v.update(break_glass=True), "break-glass-and-purpose", "break_glass"),
    (
        "MG-ADVICE",
        lambda v: v["sections"].append({**v["sections"][0], "because": "x"}),
        "named-twice",
        "sections[10].section",
    ),
    ("MG-ADVICE", lambda v: v.pop("benefits"), "field-missing", "benefits"),
    ("MG-ADVICE", lambda v: v.pop("rights"), "field-missing", "rights"),
    ("MG-ADVICE", lambda v: v["parties"][1].pop("contact"), "field-missing", "parties[1].contact"),
    # the basis in law
    (CARE, lambda v: v["lawful_basis"].update(article_6="6(1)(a)"), "basis-and-purpose", "lawful_basis.article_6"),
    (CARE, lambda v: v["lawful_basis"].update(article_9="9(2)(a)"), "basis-and-purpose", "lawful_basis.article_9"),
    (
        CARE,
        lambda v: v["lawful_basis"].update(article_6="6(1)(f)"),
        "basis-not-for-public-authority",
        "lawful_basis.article_6",
    ),
    (CARE, lambda v: v["lawful_basis"].pop("powers"), "powers-missing", "lawful_basis.powers"),
    (CARE, lambda v: v["lawful_basis"].pop("schedule_1"), "basis-and-condition", "lawful_basis.schedule_1"),
    (CARE, lambda v: v["lawful_basis"].update(article_9=None), "article-9-missing", "lawful_basis.article_9"),
    (CARE, lambda v: v.update(confidentiality="law"), "confidentiality-and-purpose", "purposes[0]"),
    (CARE, lambda v: v.update(confidentiality="s251"), "s251-and-purpose", "purposes[0]"),
    (CARE, lambda v: v.update(confidentiality="s251"), "s251-reference", "lawful_basis.s251"),
    (CARE, lambda v: v["lawful_basis"].update(s251="26/CAG/0001"), "s251-reference", "lawful_basis.s251"),
    ("MG-ADVICE", lambda v: v.update(confidentiality="law"), "purpose-needs-permission", "purposes[0]"),
    ("MG-ADVICE", lambda v: v.update(confidentiality="implied"), "purpose-needs-permission", "purposes[0]"),
    (
        "MG-ADVICE",
        lambda v: v["lawful_basis"].update(article_6="6(1)(b)"),
        "basis-and-purpose",
        "lawful_basis.article_6",
    ),
    (
        "MG-ADVICE",
        lambda v: v["lawful_basis"].update(schedule_1="Part 1 paragraph 2"),
        "basis-and-condition",
        "lawful_basis.schedule_1",
    ),
    (
        "MG-SAFEGUARDING",
        lambda v: v["lawful_basis"].update(article_6="6(1)(a)"),
        "basis-and-purpose",
        "lawful_basis.article_6",
    ),
    (
        "MG-SAFEGUARDING",
        lambda v: v["lawful_basis"].update(article_6="6(1)(ea)"),
        "basis-not-for-public-authority",
        "lawful_basis.article_6",
    ),
    (
        "MG-SAFEGUARDING",
        lambda v: v["lawful_basis"].update(schedule_1="Part 2 paragraph 19"),
        "basis-and-condition",
        "lawful_basis.schedule_1",
    ),
    ("LON-DIRECT-CARE", lambda v: v["lawful_basis"].pop("also"), "basis-and-purpose", "lawful_basis.article_9"),
    (
        "LON-DIRECT-CARE",
        lambda v: v["lawful_basis"]["also"][0].update(article_6="6(1)(f)"),
        "basis-and-purpose",
        "lawful_basis.also[0].article_6",
    ),
    (
        "MG-BEFRIENDING",
        lambda v: v["lawful_basis"]["also"][0].update(purposes=["emergency"]),
        "purpose-not-agreed",
        "lawful_basis.also[0].purposes[0]",
    ),
    # who, and how they are trusted
    ("MG-ADVICE", lambda v: v["parties"][0].update(part="processor"), "processor-receives", "parties[0].receives"),
    ("MG-ADVICE", lambda v: [p.update(part="processor") for p in v["parties"]], "no-controller", "parties"),
    ("MG-ADVICE", lambda v: v["parties"][0].pop("dspt"), "dspt-missing", "parties[0].dspt"),
    ("MG-ADVICE", lambda v: v["parties"][0]["dspt"].pop("on"), "field-missing", "parties[0].dspt.on"),
    ("MG-ADVICE", lambda v: v["parties"][0]["dspt"].update(on="2024-06-30"), "dspt-expired", "parties[0].dspt.on"),
    (
        "MG-ADVICE",
        lambda v: v["parties"][0]["dspt"].update(status="approaching"),
        "dspt-note-missing",
        "parties[0].dspt.note",
    ),
    ("MG-ADVICE", lambda v: v["parties"][1].update(gives=False), "source-not-giving", "sources.organisations[2]"),
    ("MG-ADVICE", lambda v: v["sources"]["organisations"].pop(), "giver-not-a-source", "parties[4].gives"),
    ("MG-ADVICE", lambda v: v["dpia"].update(on="2026-04-02"), "dpia-after-start", "dpia.on"),
    ("MG-ADVICE", lambda v: v["dpia"].update(on="2023-03-31"), "dpia-old", "dpia.on"),
]


@pytest.mark.parametrize(("of", "change", "code", "field"), RULES, ids=[f"{code}:{id}" for id, _, code, _ in RULES])
def test_each_rule_finds_what_breaks_it(
    of: str, change: Callable[[dict[str, Any]], Any], code: str, field: str
) -> None:
    assert (code, field) in found(change, of=of)


@pytest.mark.parametrize(
    ("of", "change"),
    [
        ("MG-ADVICE", lambda v: v["lawful_basis"].update(article_6="6(1)(f)")),  # a charity, and no public authority
        ("MG-HOSPICE", lambda v: v["lawful_basis"].update(article_6="6(1)(e)", powers="Health and Care Act 2022.")),
        ("MG-ADVICE", lambda v: v["parties"][0]["dspt"].update(on="2024-07-01")),  # the toolkit year after
        ("MG-ADVICE", lambda v: v["parties"][0].update(dspt={"status": "not-required", "note": "Agreed by all."})),
        ("MG-ADVICE", lambda v: v["dpia"].update(on="2023-04-01")),
        ("MG-ADVICE", lambda v: v["dpia"].update(on="2026-04-01")),
        (CARE, lambda v: v["parties"][8].pop("dspt", None)),  # it gives, and receives nothing
        ("MG-SAFEGUARDING", lambda v: v["lawful_basis"].update(article_6="6(1)(e)")),
    ],
    ids=range(8),
)
def test_what_is_just_within_a_rule_is_let_through(of: str, change: Callable[[dict[str, Any]], Any]) -> None:
    assert found(change, of=of) == set()


def test_only_those_who_may_sign_are_named_to_sign() -> None:
    assert lawful.SIGNING_ROLES == actions.SIGNING_ROLES
    assert found(lambda v: v["signatories"][0].update(role="case-worker")) == {
        ("role-may-not-sign", "signatories[0].role")
    }


def test_an_independent_hospice_says_that_it_is_no_public_authority() -> None:
    assert found(lambda v: v["parties"][0].pop("public_authority"), of="MG-HOSPICE") == {
        ("basis-not-for-public-authority", "lawful_basis.article_6")
    }


def test_a_toolkit_standing_counts_to_the_june_after_the_next() -> None:
    assert lawful.toolkit_until(date(2025, 6, 30)) == date(2026, 6, 30)
    assert lawful.toolkit_until(date(2025, 7, 1)) == date(2027, 6, 30)


@pytest.mark.parametrize("purpose", list(Purpose), ids=lambda purpose: purpose.value)
def test_consent_is_the_basis_of_no_care(purpose: Purpose) -> None:
    consent = {"article_6": "6(1)(a)", "article_9": "9(2)(a)"}
    change = {"purposes": [purpose.value], "lawful_basis": consent, "break_glass": purpose is Purpose.EMERGENCY}
    codes = {code for code, _ in found(lambda v: v.update(change))}

    assert ("basis-and-purpose" in codes) is not purpose.within(Purpose.COMMUNITY_SERVICES)


# ---- drafts, and texts that are put to the parties -----------------------------------------------------------------


def test_a_draft_may_be_read_before_it_is_ready_to_sign() -> None:
    text = with_change(lambda v: v.pop("benefits"))

    assert document.read(text).benefits is None
    with pytest.raises(InvalidInput) as refused:
        document.read_written(text)
    assert (refused.value.code, refused.value.field) == ("field-missing", "benefits")


def test_a_text_with_no_findings_is_kept_as_it_was_written() -> None:
    commented = "# for the board in March\n" + ADVICE
    written = document.read_written(commented, "package conditions")

    assert (written.text, written.document.id, written.conditions) == (commented, "MG-ADVICE", "package conditions")


def test_conditions_that_say_nothing_are_found() -> None:
    assert [each.code for each in check_text(ADVICE, conditions="  \n")] == ["conditions-empty"]


# ---- no text is a crash --------------------------------------------------------------------------------------------

_BITS = st.sampled_from(
    [
        *(
            "\t",
            "- ",
            ": ",
            "{",
            "[",
            "&a ",
            "*a ",
            "!!x ",
            "%",
            "---\n",
            "...\n",
            '"',
            "'",
            "|\n",
            ">\n",
            "?",
            "~",
            "#",
        ),
        *("\x00", "\ud800", "\u202e", "\n", "\r", "<<: ", "1e999", "0x", ".inf", "9" * 400, "{" * 300),
        *("2026-02-30", "2026-01-01T00:00:00Z"),
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_mangled_text_has_findings_and_never_crashes(data: st.DataObject) -> None:
    text = ADVICE[: data.draw(st.integers(0, len(ADVICE)))] if data.draw(st.booleans()) else ADVICE
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        gone = data.draw(st.integers(0, 12))
        text = text[:at] + data.draw(_BITS | st.text(max_size=8)) + text[at + gone :]

    findings = check_text(text)

    assert all(each.code and each.message for each in findings)
    if not findings:
        document.read_written(text)
    else:
        with pytest.raises(InvalidInput):
            document.read_written(text)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.dates() | st.floats(allow_nan=True),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12) | st.integers(), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(samples()["MG-ADVICE"].as_mapping())), _JSON)
def test_any_value_in_any_field_is_read_or_refused(name: str, value: Any) -> None:
    changed = {**samples()["MG-ADVICE"].as_mapping(), name: value}
    try:
        read = document.from_mapping(changed)
    except InvalidInput:
        return
    assert document.read(document.render(read)) == read
