"""An agreement is read strictly: every fault is named, with the path of the field it is in."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from broker.agreements import document
from broker.agreements.bundle import POLICIES
from broker.errors import InvalidInput
from broker.vocabulary import Level, Obligation, Purpose, Section
from sandbox.neighbourhood import cast
from tests.policies.world import samples

SAMPLES = sorted((POLICIES / "agreements").glob("*.yaml"))
ADVICE = samples()["MG-ADVICE"]


def refusal(value: Any) -> tuple[str, str | None]:
    """The code and the field of the refusal that reading ``value`` meets."""
    with pytest.raises(InvalidInput) as refused:
        document.from_mapping(value)
    return refused.value.code, refused.value.field


def changed(change: Callable[[dict[str, Any]], Any], *, of: str = "MG-ADVICE") -> dict[str, Any]:
    value = copy.deepcopy(samples()[of].as_mapping())
    change(value)
    return value


# ---- reading, rendering, signing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_reads_and_renders_to_itself(path: Any) -> None:
    text = path.read_text(encoding="utf-8")
    agreement = document.read(text)

    assert document.render(agreement) == text
    assert path.stem == agreement.id.lower()
    assert document.read(json.dumps(agreement.as_mapping())) == agreement


def test_the_samples_name_organisations_of_the_place_and_nobody_else() -> None:
    known = {organisation.code for organisation in cast.ORGANISATIONS}
    for agreement in samples().values():
        assert {party.organisation for party in agreement.parties} <= known
        assert set(agreement.source_organisations) <= known


def test_every_source_organisation_named_is_a_party_that_gives() -> None:
    for agreement in samples().values():
        giving = {party.organisation for party in agreement.parties if party.gives}
        assert set(agreement.source_organisations) <= giving, agreement.id


def test_a_sample_under_another_opens_nothing_the_other_does_not() -> None:
    for agreement in samples().values():
        if agreement.under is None:
            continue
        above = samples()[agreement.under]
        assert set(agreement.purposes) <= set(above.purposes), agreement.id
        assert {s.section for s in agreement.sections} <= {s.section for s in above.sections}, agreement.id
        assert set(agreement.roles) <= set(above.roles), agreement.id
        assert set(agreement.labels) <= set(above.labels), agreement.id
        kinds = {cast.organisation(code).kind for code in agreement.receivers}
        assert kinds <= set(above.recipient_kinds), agreement.id


def test_a_document_says_what_it_says() -> None:
    assert ADVICE.level is Level.PLACE
    assert ADVICE.place == "MG"
    assert ADVICE.under == "LON-COMMUNITY"
    assert ADVICE.purposes == (Purpose.ADVICE_DEBT, Purpose.ADVICE_HOUSING, Purpose.ADVICE_BENEFITS)
    assert Section.MONEY in {agreed.section for agreed in ADVICE.sections}
    assert ADVICE.receivers == (cast.LANTERN.code,)
    assert [agreed.obligation for agreed in ADVICE.obligations] == [
        Obligation.NOTIFY_RESIDENT,
        Obligation.NO_ONWARD_SHARING,
    ]


def test_an_agreement_holds_from_its_first_day_to_the_end_of_its_last() -> None:
    assert ADVICE.from_at == datetime(2026, 4, 1, tzinfo=UTC)
    assert ADVICE.until_at == datetime(2028, 4, 1, tzinfo=UTC)


def test_the_digest_does_not_depend_on_how_the_text_is_laid_out() -> None:
    reordered = dict(reversed(ADVICE.as_mapping().items()))

    assert document.from_mapping(reordered).digest == ADVICE.digest
    assert len(ADVICE.digest) == 64


def test_the_digest_changes_with_any_word() -> None:
    other = changed(lambda value: value["sections"][0].update(because="Because."))

    assert document.from_mapping(other).digest != ADVICE.digest


def test_an_obligation_keeps_its_parameters() -> None:
    agreement = document.from_mapping(
        changed(lambda value: value.update(obligations=[{"obligation": "review", "within_days": 7}]))
    )

    assert agreement.obligations[0].parameters == {"within_days": 7}
    assert document.read(document.render(agreement)) == agreement


# ---- what is refused -----------------------------------------------------------------------------------------------

FAULTS: list[tuple[Callable[[dict[str, Any]], Any], str, str]] = [
    (lambda v: v.pop("title"), "field-missing", "title"),
    (lambda v: v.update(titel="x"), "field-unknown", "titel"),
    (lambda v: v.update(title="  "), "text-needed", "title"),
    (lambda v: v.update(title="x" * 5000), "text-needed", "title"),
    (lambda v: v.update(title="safe\u202eevil"), "text-needed", "title"),
    (lambda v: v.update(title=7), "text-needed", "title"),
    (lambda v: v.update(id="no spaces"), "text-malformed", "id"),
    (lambda v: v.update(level="galaxy"), "code-unknown", "level"),
    (lambda v: v.update(level=None), "code-unknown", "level"),
    (lambda v: v.update(break_glass="no"), "yes-or-no-needed", "break_glass"),
    (lambda v: v.update(break_glass=0), "yes-or-no-needed", "break_glass"),
    (lambda v: v.update(purposes="advice-debt"), "list-needed", "purposes"),
    (lambda v: v.update(purposes=[]), "list-empty", "purposes"),
    (lambda v: v.update(purposes=["advice-debt", "advice-debt"]), "named-twice", "purposes[1]"),
    (lambda v: v.update(purposes=["advice-debt", "gossip"]), "code-unknown", "purposes[1]"),
    (lambda v: v["sections"][2].update(section="horoscope"), "code-unknown", "sections[2].section"),
    (lambda v: v["sections"][2].pop("because"), "field-missing", "sections[2].because"),
    (lambda v: v["sections"][2].update(because=""), "text-needed", "sections[2].because"),
    (lambda v: v["sections"][2].update(why="x"), "field-unknown", "sections[2].why"),
    (lambda v: v["sections"].append({**v["sections"][0], "because": "Again."}), "named-twice", "sections[10].section"),
    (lambda v: v["sections"].__setitem__(1, "housing"), "not-a-mapping", "sections[1]"),
    (lambda v: v.update(parties=[]), "list-empty", "parties"),
    (lambda v: v["parties"][0].update(organisation="no good"), "text-malformed", "parties[0].organisation"),
    (lambda v: v["parties"][0].update(part="friend"), "code-unknown", "parties[0].part"),
    (lambda v: v["parties"].append({**v["parties"][0], "gives": False}), "named-twice", "parties[5].organisation"),
    (lambda v: v["parties"][0].update(receives=False), "nobody-receives", "parties"),
    (lambda v: v["sources"].update(organisations=[], kinds=[]), "list-empty", "sources"),
    (lambda v: v["sources"].update(kinds=["shop"]), "code-unknown", "sources.kinds[0]"),
    (lambda v: v["recipients"].update(kinds=["vcfse"]), "recipients-and-level", "recipients.kinds"),
    (lambda v: v.update(labels=["gender-recognition"]), "restricted-in-law", "labels[0]"),
    (lambda v: v["lawful_basis"].update(article_6="6(2)"), "text-malformed", "lawful_basis.article_6"),
    (lambda v: v["lawful_basis"].update(article_9="9"), "text-malformed", "lawful_basis.article_9"),
    (lambda v: v.update(confidentiality="implied"), "purpose-needs-permission", "purposes[0]"),
    (lambda v: v.update(break_glass=True), "break-glass-and-purpose", "break_glass"),
    (lambda v: v.update(place=None), "place-and-level", "place"),
    (lambda v: v.update(under=None), "under-and-level", "under"),
    (lambda v: v.update(under="MG-ADVICE"), "under-itself", "under"),
    (lambda v: v.update(level="london"), "place-and-level", "place"),
    (lambda v: v.update(narrows=True), "narrows-and-receives", "narrows"),
    (lambda v: v.update(obligations=[{"obligation": "sing"}]), "code-unknown", "obligations[0].obligation"),
    (lambda v: v.update(obligations=[{"obligation": "review", "by": []}]), "parameter-malformed", "obligations[0].by"),
    (lambda v: v["dpia"].update(on="soon"), "date-needed", "dpia.on"),
    (lambda v: v.update(from_on="2026-02-30"), "date-needed", "from_on"),
    (lambda v: v.update(from_on=20260401), "date-needed", "from_on"),
    (lambda v: v.update(from_on=datetime(2026, 4, 1, tzinfo=UTC)), "date-needed", "from_on"),
    (lambda v: v.update(until_on="2026-03-31", review_on="2026-03-30"), "ends-before-start", "until_on"),
    (lambda v: v.update(review_on="2030-01-01"), "review-too-late", "review_on"),
]


@pytest.mark.parametrize(("change", "code", "field"), FAULTS, ids=[f"{code}:{field}" for _, code, field in FAULTS])
def test_a_fault_is_named_with_its_field(change: Callable[[dict[str, Any]], Any], code: str, field: str) -> None:
    assert refusal(changed(change)) == (code, field)


@pytest.mark.parametrize("value", [None, [], "text", 1], ids=repr)
def test_what_is_no_mapping_is_refused(value: Any) -> None:
    assert refusal(value) == ("not-a-mapping", None)


@pytest.mark.parametrize(
    "text",
    [
        "id: [",
        "id: a\nid: b\n",
        "a: &x [1]\nb: *x\n",
        "!!python/object:os.system {}",
        "\x00",
        "{" * 5000,
    ],
    ids=["unclosed", "a field twice", "an alias", "a tag", "a NUL", "very deep"],
)
def test_what_is_no_plain_yaml_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        document.read(text)
    assert refused.value.code == "document-malformed"


def test_a_text_that_is_too_large_is_not_parsed_at_all() -> None:
    with pytest.raises(InvalidInput) as refused:
        document.read("a" * (document.LARGEST_TEXT + 1))
    assert refused.value.code == "document-too-large"
