"""What every page needs of Jinja: the NHS components, escaping in every template, dates in words, the page's frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Flask, current_app, request, url_for
from jinja2 import ChainableUndefined

from broker.access import hosted
from broker.doors import parts, session
from broker.identity.models import Organisation, Person, Resident, SignedInSession
from broker.proxies.deciding import VERIFIERS
from broker.records.arrangement import short
from broker.records.telling import told
from broker.vocabulary import OrganisationKind, Role, Section, Sensitivity
from broker.web import csrf
from broker.web.access import ADMINISTRATORS, GOVERNORS, RESIDENTS_AND_PROXIES, acting, acting_may, home_of
from broker.web.cookies import whoever_is_signed_in

SERVICE = "Neighbourhood record sharing"
LONDON = ZoneInfo("Europe/London")

# The components' templates, as the package ships them.
nhsuk = Blueprint("nhsuk", "nhsuk_frontend_jinja", template_folder="templates")

NAVIGATION: Mapping[str, tuple[tuple[str, str], ...]] = {
    "partner": (("partner.home", "Your requests"), ("partner.find", "Find somebody")),
    "resident": (
        ("resident.home", "Home"),
        ("resident.sharing", "Who can see"),
        ("resident.withhold", "Stop sharing"),
        ("resident.activity", "Who looked"),
    ),
    "governance": (
        ("governance.home", "Agreements"),
        ("governance.decisions", "Decisions"),
        ("governance.playground", "Playground"),
        ("governance.engines_page", "Engines"),
        ("administration.home", "Our organisation"),
    ),
    "administration": (
        ("administration.home", "Who works here"),
        ("administration.our_systems", "Our systems"),
        ("hosting.home", "What we keep here"),
        ("administration.checklist", "What we still need"),
    ),
}


# Where a heading of the record standard is not a word people use, what it means.
HINTS: Mapping[str, str] = {
    Section.DEMOGRAPHICS.value: "Name, date of birth, address and how to make contact",
    Section.CONTACTS.value: "Family, friends and carers to contact",
    Section.INDIVIDUAL_REQUIREMENTS.value: "What helps, such as an interpreter or large print",
    Section.LEGAL.value: "Such as power of attorney, or a decision made in advance",
    Section.ALERTS.value: "What staff must know straight away",
    Section.SOCIAL_CONTEXT.value: "Home life, work and daily living",
    Section.RESULTS.value: "Such as blood tests and scans",
    Section.OBSERVATIONS.value: "Such as weight and blood pressure",
    Section.ACTIONS.value: "What has been planned, and who does it",
    Section.CONTINGENCY.value: "What to do if things get worse",
    Section.FORMULATION.value: "How professionals make sense of what is going on",
    Section.VCFSE_SUPPORT.value: "Such as a food bank, befriending or advice",
    Section.SIGNPOSTING.value: "Services and groups that might help",
    Sensitivity.THIRD_PARTY.value: "Such as something a relative told your doctor",
}


def prepare(app: Flask) -> None:
    """Make ``app`` able to render our pages."""
    environment = app.jinja_env
    environment.autoescape = True  # Flask's own choice leaves .jinja files unescaped
    environment.undefined = ChainableUndefined  # the components read options that were not given
    environment.filters.update(day=in_words, moment=moment_in_words, joined=joined, in_order=in_order, words=words)
    environment.filters.update(told=told, short=short)
    environment.globals.update(csrf=csrf.hidden_field, service=SERVICE, hints=HINTS)
    environment.trim_blocks = environment.lstrip_blocks = True
    app.context_processor(frame)


def frame() -> dict[str, Any]:
    """What the layout shows around any page."""
    signed_in = whoever_is_signed_in()
    area = _area(signed_in)
    return {
        "demonstration": parts().settings.demonstration,
        "signed_in_as": _name_of(signed_in) if signed_in else "",
        "signed_in_for": _organisation_of(signed_in) if signed_in else "",
        "acting_for": proxy.resident.name if (proxy := acting()) else "",
        "home_path": home_of(signed_in.role) if signed_in else url_for("web.home"),
        "navigation": [
            {"href": url_for(endpoint), "text": text, "current": endpoint == request.endpoint}
            for endpoint, text in (*NAVIGATION.get(area, ()), *_of_its_kind(signed_in))
            if _leads_anywhere(endpoint, signed_in)
        ],
    }


def _of_its_kind(signed_in: SignedInSession | None) -> tuple[tuple[str, str], ...]:
    """What only some kinds of organisation do: nobody else's menu says so."""
    if signed_in is None or signed_in.organisation_code is None:
        return ()
    organisation = session().get(Organisation, signed_in.organisation_code)
    kind = organisation.kind if organisation is not None else None
    if kind is OrganisationKind.GP_PRACTICE and signed_in.role in VERIFIERS:
        return (("practice.proxies", "People who act for patients"),)
    if kind is OrganisationKind.INTEGRATOR and signed_in.role in ADMINISTRATORS:
        return (("administration.applications", "Applications"),)
    if signed_in.role is Role.CASE_WORKER and hosted.of_organisation(session(), signed_in.organisation_code):
        return (("hosting.home", "What we keep here"),)
    return ()


def _leads_anywhere(endpoint: str, signed_in: SignedInSession | None) -> bool:
    """Whether a page of the menu is for them: somebody who acts for another has fewer."""
    view: Any = current_app.view_functions[endpoint]
    level = view.level
    return signed_in is not None and signed_in.role in view.audience and (level is None or acting_may(level))


def in_words(day: date | datetime | None) -> str:
    """``3 March 2026``, as it is or was in London."""
    if day is None:
        return "no date given"
    if isinstance(day, datetime):
        day = day.astimezone(LONDON)
    return f"{day.day} {day:%B %Y}"


def moment_in_words(at: datetime | date | None) -> str:
    """``3 March 2026 at 2:05pm`` in London."""
    if not isinstance(at, datetime):
        return in_words(at)
    local = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(LONDON)
    hour = local.hour % 12 or 12
    return f"{in_words(local)} at {hour}:{local:%M}{'am' if local.hour < 12 else 'pm'}"


def joined(words: list[str]) -> str:
    """``one, two and three``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def words(item: object) -> str:
    """A code's plain label; any other text as it is."""
    return str(getattr(item, "label", item))


def in_order(sections: Iterable[Section]) -> list[Section]:
    """Sections in the order a record shows them."""
    chosen = frozenset(sections)
    return [section for section in Section if section in chosen]


def _area(signed_in: SignedInSession | None) -> str:
    if signed_in is None:
        return ""
    if signed_in.role in RESIDENTS_AND_PROXIES:
        return "resident"
    if signed_in.role is Role.ADMINISTRATOR:
        return "administration"
    return "governance" if signed_in.role in GOVERNORS else "partner"


def _name_of(signed_in: SignedInSession) -> str:
    if signed_in.resident_id is not None:
        resident = session().get(Resident, signed_in.resident_id)
        return resident.name if resident else ""
    person = session().get(Person, signed_in.person_id)
    return person.name if person else ""


def _organisation_of(signed_in: SignedInSession) -> str:
    if signed_in.organisation_code is None:
        return ""
    organisation = session().get(Organisation, signed_in.organisation_code)
    return organisation.name if organisation else ""
