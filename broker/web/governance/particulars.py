"""What an agreement says beyond who may see what: how it travels, who answers residents, and so on."""

from __future__ import annotations

from broker.agreements.terms import AgreementDocument
from broker.web.pages import joined


def lawful_basis(document: AgreementDocument) -> list[str]:
    """UK GDPR's bases in sentences: the agreement's own, then those that hold for some of its purposes."""
    said = [f"{_articles(document.article_6, document.article_9)}."]
    for basis in document.other_bases:
        purposes = joined([purpose.label.lower() for purpose in basis.purposes])
        articles = _articles(basis.article_6, basis.article_9)
        said.append(f"For {purposes}: {articles}." if purposes else f"Else {articles}.")
    return said


def _articles(six: str, nine: str | None) -> str:
    return f"Article {six} and Article {nine}" if nine else f"Article {six}"


def particulars(document: AgreementDocument) -> list[tuple[str, str]]:
    """Headings with their words, in the order an agreement is written; what it does not say is left out."""
    flow, rights, incidents = document.flow, document.rights, document.incidents
    said = [
        ("What residents gain", document.benefits),
        ("What this version changes", document.changes_agreed),
        ("Whose information", document.data_subjects),
        ("Where", document.geography),
        ("Condition in law (Data Protection Act 2018, Schedule 1)", document.schedule_1),
        ("Powers relied on", document.powers),
        ("Section 251 support", document.s251),
        ("How it travels", flow and f"{flow.method} {flow.frequency}"),
        ("Where it rests", flow and flow.hosting),
        ("Who answers a request to see information", rights and rights.access_requests),
        ("Who answers an objection", rights and rights.objections),
        ("Who answers a complaint", rights and rights.complaints),
        ("Privacy notice", rights and rights.privacy_notice),
        ("Security", document.security),
        ("If something goes wrong", incidents and f"{incidents.contact}, within {incidents.hours} hours"),
        ("Destroyed when it ends", document.disposal),
    ]
    return [(heading, words) for heading, words in said if words]
