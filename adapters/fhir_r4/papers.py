"""Readers of FHIR R4 documents, forms and consents. Names a document; never fetches or opens one."""

from __future__ import annotations

from adapters.answering import details, plain
from broker.vocabulary import Section

from .reading import Context, Draft, references, stated_section
from .values import (
    Json,
    all_words,
    chosen,
    codings,
    many,
    moment,
    period,
    text,
    words,
)


def document(resource: Json, context: Context) -> list[Draft]:
    kind = resource.get("type")
    attachments = [content.get("attachment") or {} for content in many(resource, "content")]
    titles = [text(attachment, "title") for attachment in attachments]
    formats = sorted({text(attachment, "contentType") for attachment in attachments} - {""})
    authors = [context.named(each, resource) for each in many(resource, "author")]
    about = resource.get("context") or {}
    return [
        Draft(
            stated_section(resource) or Section.DOCUMENTS,
            words(kind) or next(filter(None, titles), "") or text(resource, "description") or "Document",
            at=moment(resource.get("date")),
            status=text(resource, "docStatus") or text(resource, "status"),
            codes=codings(kind),
            details=details(
                ("Description", text(resource, "description")),
                ("Titles", "; ".join(title for title in dict.fromkeys(titles) if title not in ("", words(kind)))),
                ("Format", ", ".join(formats)),
                ("About", period(about.get("period"))),
            ),
            by=", ".join(filter(None, authors)),
            organisation=context.named(resource.get("custodian"), resource),
            linked=references(about, "encounter", "related"),
        )
    ]


_MOST_ANSWERS = 80


def form(resource: Json, context: Context) -> list[Draft]:
    """A QuestionnaireResponse: each question that was answered, in the order of the form."""
    answers: list[tuple[str, str]] = []
    waiting = list(reversed(many(resource, "item")))
    while waiting and len(answers) < _MOST_ANSWERS:
        item = waiting.pop()
        given = many(item, "answer")
        said = "; ".join(filter(None, (chosen(answer, "value") for answer in given)))
        answers.append((text(item, "text") or text(item, "linkId"), said))
        inner = [*many(item, "item"), *(sub for answer in given for sub in many(answer, "item"))]
        waiting.extend(reversed(inner))
    about_me = "about-me" in text(resource, "questionnaire").lower().replace("_", "-")
    return [
        Draft(
            stated_section(resource) or (Section.ABOUT_ME if about_me else Section.ASSESSMENTS),
            "About me" if about_me else _form_title(resource),
            at=moment(resource.get("authored")),
            status=text(resource, "status"),
            details=details(*answers, ("More", "The form has more answers than are shown" if waiting else "")),
            by=context.named(resource.get("author") or resource.get("source"), resource),
            linked=references(resource, "encounter", "basedOn", "partOf"),
        )
    ]


def _form_title(resource: Json) -> str:
    shown = text(resource.get("_questionnaire") or {}, "display") or _questionnaire_title(resource)
    name = text(resource, "questionnaire").partition("|")[0].rstrip("/").rpartition("/")[2]
    return shown or plain(name.replace("-", " ").replace("_", " ")).capitalize() or "Form"


def _questionnaire_title(resource: Json) -> str:
    items = many(resource.get("_questionnaire") or {}, "extension")
    return next((text(item, "valueString") for item in items if "valueString" in item), "")


def consent(resource: Json, context: Context) -> list[Draft]:
    provision = resource.get("provision") or {}
    research = "research" in f"{words(resource.get('scope'))} {_scope_code(resource)}".lower()
    kinds = {"permit": "Agreed", "deny": "Refused"}
    return [
        Draft(
            Section.RESEARCH if research else Section.LEGAL,
            all_words(many(resource, "category")) or words(resource.get("scope")) or "Consent",
            at=moment(resource.get("dateTime")),
            status=text(resource, "status"),
            codes=tuple(coding for concept in many(resource, "category") for coding in codings(concept)),
            details=details(
                ("Choice", kinds.get(text(provision, "type"), "")),
                ("When", period(provision.get("period"))),
                ("Scope", words(resource.get("scope"))),
            ),
            by=", ".join(filter(None, (context.named(each, resource) for each in many(resource, "performer")))),
            organisation=", ".join(filter(None, (context.named(o, resource) for o in many(resource, "organization")))),
        )
    ]


def _scope_code(resource: Json) -> str:
    return " ".join(coding.code for coding in codings(resource.get("scope")))
