"""An agreement is read strictly: every fault is named, with the path of the field it is in."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.agreements import document, guide, schema
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


# ---- what is kept --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("of", sorted(samples()))
def test_what_was_kept_is_the_same_document(of: str) -> None:
    kept = json.loads(json.dumps(samples()[of].as_mapping()))

    assert document.from_stored(kept) == document.from_mapping(kept) == samples()[of]


def test_what_was_kept_before_a_field_was_asked_for_still_reads_and_keeps_its_digest() -> None:
    """Else what was signed would be signed by nobody, on the day the broker is made stricter."""
    asked_for_later = ["benefits", "data_subjects", "geography", "flow", "rights", "security", "incidents", "disposal"]
    kept = {name: value for name, value in ADVICE.as_mapping().items() if name not in asked_for_later}
    kept["parties"] = [{k: v for k, v in party.items() if k not in ("contact", "dspt")} for party in kept["parties"]]

    assert document.from_stored(kept).as_mapping() == kept
    assert document.from_stored(kept).digest == document.digest_of(kept)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True),
        st.text(st.characters(exclude_categories=["Cs"])) | st.integers(-(2**53) + 1, 2**53 - 1) | st.booleans(),
    )
)
def test_the_digest_is_of_canonical_json(mapping: dict[str, Any]) -> None:
    """RFC 8785, by another's hand."""
    nested = {"list": [mapping, None], **mapping}

    assert document.digest_of(nested) == hashlib.sha256(rfc8785.dumps(nested)).hexdigest()


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
    (lambda v: v.update(title="safe\u200bhidden"), "text-needed", "title"),
    (lambda v: v.update(labels=[f"x{n}" for n in range(500)]), "list-too-long", "labels"),
    (
        lambda v: v.update(obligations=[{"obligation": "review", "days": 2**53}]),
        "parameter-malformed",
        "obligations[0].days",
    ),
    (
        lambda v: v.update(obligations=[{"obligation": "review", "À faire": 1}]),
        "parameter-malformed",
        "obligations[0].À faire",
    ),
    (lambda v: v.update(obligations=["review"]), "not-a-mapping", "obligations[0]"),
    (lambda v: v["lawful_basis"].update(article_6="6(1)(eb)"), "text-malformed", "lawful_basis.article_6"),
    (lambda v: v["lawful_basis"].update(schedule_1="Paragraph 18"), "text-malformed", "lawful_basis.schedule_1"),
    (lambda v: v["incidents"].update(hours=73), "number-needed", "incidents.hours"),
    (lambda v: v["incidents"].update(hours=True), "number-needed", "incidents.hours"),
    (lambda v: v["rights"].update(privacy_notice="http://x.example"), "text-malformed", "rights.privacy_notice"),
    (lambda v: v["rights"].pop("complaints"), "field-missing", "rights.complaints"),
    (lambda v: v["parties"][0]["dspt"].update(status="brilliant"), "code-unknown", "parties[0].dspt.status"),
    (lambda v: v["parties"][0].update(public_authority="no"), "yes-or-no-needed", "parties[0].public_authority"),
    (lambda v: v["signatories"].pop(), "signatory-missing", "signatories"),
    (lambda v: v["signatories"][0].update(name="Gareth Moyle"), "signs-twice", "signatories"),
]


@pytest.mark.parametrize(("change", "code", "field"), FAULTS, ids=[f"{code}:{field}" for _, code, field in FAULTS])
def test_a_fault_is_named_with_its_field(change: Callable[[dict[str, Any]], Any], code: str, field: str) -> None:
    assert refusal(changed(change)) == (code, field)


WORDS = ("text-needed", "text-malformed", "number-needed", "parameter-malformed")
MATTERS = [fault for fault in FAULTS if fault[1] not in WORDS and fault[2] != "parties[0].public_authority"]


@pytest.mark.parametrize(("change", "code", "field"), MATTERS, ids=[f"{code}:{field}" for _, code, field in MATTERS])
def test_what_was_kept_is_trusted_for_its_words_and_for_nothing_that_opens(
    change: Callable[[dict[str, Any]], Any], code: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        document.from_stored(changed(change))
    assert (refused.value.code, refused.value.field) == (code, field)


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


# ---- the guide -----------------------------------------------------------------------------------------------------


def test_the_guide_has_every_field_as_the_schema_explains_it() -> None:
    page = (POLICIES.parent / "docs" / "write-an-agreement.md").read_text(encoding="utf-8")
    table = page.split("<!-- fields: generated -->\n")[1].split("<!-- end of fields -->")[0]

    assert table == guide.table()


def test_every_field_is_explained_in_a_sentence_and_says_when_it_is_needed() -> None:
    for note in guide.notes():
        assert note.about[0].isupper(), note.path
        assert note.about.endswith("."), note.path
        assert note.needed in (schema.ALWAYS, schema.TO_SIGN, schema.OPTIONAL), note.path
