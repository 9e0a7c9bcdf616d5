"""The agreements, for those who answer for them."""

from __future__ import annotations

from tests.web.conftest import Door, Visitor


def test_every_agreement_is_listed_with_its_state_and_dates(ig_lead: Visitor) -> None:
    page = ig_lead.get("/governance").text
    for words in ("Agreement LON-CARE", "Agreement TB-ADVICE", "Agreement TB-CARE", "In force", "Place: Testbourne"):
        assert words in page
    assert page.index("LON-CARE") < page.index("TB-ADVICE")
    assert "6 January 2026 to 31 December 2027" in page


def test_an_agreement_keeps_its_three_legal_answers_apart(ig_lead: Visitor) -> None:
    page = ig_lead.get("/governance/agreements/TB-ADVICE").text
    for words in (
        "UK GDPR lawful basis",
        "Article 6(1)(e) and Article 9(2)(h)",
        "Duty of confidentiality",
        "The resident’s explicit permission".replace("’", "&#39;"),
        "Must be given before anything is shared",
        "It is needed.",
        "Harvest Shelf",
        "Signatory of XX9T02",
        "DPIA-T, 5 January 2026",
    ):
        assert words in page
    assert 'href="/governance/agreements/LON-COMMUNITY"' in page


def test_a_wider_agreement_names_those_under_it(ig_lead: Visitor) -> None:
    page = ig_lead.get("/governance/agreements/LON-CARE").text
    assert 'href="/governance/agreements/TB-CARE"' in page


def test_an_agreement_that_is_not_there_is_not_found(ig_lead: Visitor) -> None:
    assert ig_lead.get("/governance/agreements/none").status_code == 404


def test_no_resident_is_named(ig_lead: Visitor, door: Door) -> None:
    for path in ("/governance", "/governance/agreements/TB-CARE", "/governance/decisions"):
        assert "Okoro" not in ig_lead.get(path).text
