"""The page a board signs: all that was agreed, in plain words, standing alone, and nothing in it that could run."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from broker.agreements import document
from broker.agreements.board import board_document
from broker.agreements.document import AgreedSection, AgreementDocument
from broker.vocabulary import Confidentiality, Section
from sandbox.neighbourhood import cast
from tests.policies.world import samples

NAMES = {each.code: each.name for each in cast.ORGANISATIONS} | {"MG": "Marlowe Green"}
ADVICE = samples()["MG-ADVICE"]
HOSTILE = "<script>alert(1)</script>\" onload='x' {{ d }} <img src=https://evil.example/x>"


@dataclass(frozen=True)
class Made:
    organisation_code: str
    signed_by: str
    signed_at: datetime


class Page(HTMLParser):
    """The words of a page, its tags, and every attribute."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def page(agreement: AgreementDocument = ADVICE, **more: object) -> Page:
    return Page(board_document(agreement, digest=agreement.digest, names=NAMES, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("of", sorted(samples()))
def test_everything_that_was_agreed_is_on_the_page(of: str) -> None:
    agreement = samples()[of]
    text = page(agreement).text

    for said in (
        agreement.title,
        agreement.purpose_statement,
        agreement.benefits,
        agreement.data_subjects,
        agreement.geography,
        agreement.security,
        agreement.retention,
        agreement.disposal,
        agreement.onward_sharing,
        agreement.dpia_reference,
        agreement.article_6,
        agreement.article_9,
        agreement.digest,
        *(NAMES[party.organisation] for party in agreement.parties),
        *(party.contact for party in agreement.parties),
        *(purpose.label for purpose in agreement.purposes),
        *(role.label for role in agreement.roles),
        *(label.label for label in agreement.labels),
        *(kind.label for kind in (*agreement.recipient_kinds, *agreement.source_kinds)),
        *(line.section.label for line in agreement.sections),
        *(line.because for line in agreement.sections),
        *(signatory.name for signatory in agreement.signatories),
        *(other.article_9 for other in agreement.other_bases),
        *(vars(agreement.rights).values() if agreement.rights else ()),
        *(vars(agreement.flow).values() if agreement.flow else ()),
    ):
        assert said is not None
        assert re.sub(r"\s+", " ", said) in text


def test_the_three_legal_questions_have_three_answers() -> None:
    text = page().text

    assert "1. UK GDPR: why may personal data be used? " in text
    assert "2. The duty of confidentiality: why may a confidence be passed on? Explicit permission" in text.replace(
        "  ", " "
    )
    assert "3. The resident's own choice A resident can close any part" in text
    assert "Their permission comes first" in text


def test_where_the_law_answers_nobody_is_promised_a_choice() -> None:
    text = page(samples()["MG-SAFEGUARDING"]).text

    assert "the law may require sharing all the same" in text
    assert "Their permission comes first" not in text
    assert "close any part" not in text


def test_the_page_runs_nothing_and_fetches_nothing() -> None:
    hostile = replace(
        ADVICE,
        title=HOSTILE,
        purpose_statement=HOSTILE,
        retention=HOSTILE,
        sections=(AgreedSection(Section.HOUSING, HOSTILE),),
    )
    names = {**NAMES, cast.LANTERN.code: HOSTILE}
    html = board_document(hostile, digest="0" * 64, names=names, conditions=HOSTILE)
    found = Page(html)

    assert found.tags & {"script", "img", "link", "iframe", "object", "a", "form", "svg"} == set()
    assert found.attributes <= {"lang", "charset", "name", "content", "scope", "class"}
    assert html.count(HOSTILE) == 0
    assert "url(" not in html
    assert "@import" not in html


def test_a_signature_already_made_is_in_its_place_and_the_others_are_left_open() -> None:
    made = Made(cast.LANTERN.code, "Ines Cordery", datetime(2026, 3, 20, 9, tzinfo=UTC))
    html = board_document(ADVICE, digest=ADVICE.digest, names=NAMES, signatures=[made], version=3)

    assert "Ines Cordery, 20 March 2026" in html
    assert html.count("Signature and date") == len(ADVICE.signatories) - 1
    assert "version 3" in html


def test_conditions_are_shown_where_there_are_any() -> None:
    assert "deny contains" in page(conditions='deny contains "outside-place" if true').text
    assert "Conditions of its own" not in page().text


def test_what_is_not_stated_yet_is_said_to_be_not_stated() -> None:
    bare = replace(ADVICE, rights=None, flow=None, security=None, incidents=None, disposal=None, data_subjects=None)

    assert page(bare).text.count("Not stated") >= 5


@pytest.mark.parametrize("met", list(Confidentiality), ids=lambda met: met.value)
def test_every_way_to_meet_the_duty_of_confidentiality_is_in_words(met: Confidentiality) -> None:
    text = page(replace(samples()["MG-NEIGHBOURHOOD-TEAMS"], confidentiality=met, s251="26/CAG/0001")).text

    assert ("national data opt-out applies." in text) is (met is Confidentiality.S251)


def test_the_page_that_is_signed_is_the_page_of_exactly_one_text() -> None:
    other = document.from_mapping({**ADVICE.as_mapping(), "retention": "Seven years."})

    assert ADVICE.digest in page().text
    assert ADVICE.digest not in page(other).text
