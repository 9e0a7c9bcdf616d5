"""The place's own agreements and the variations that scenarios need, as one bundle; and questions put to it.

Everything is loaded once: a scenario about a suspended agreement asks as the receiver of a suspended copy.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from broker.access import pdp
from broker.access.engines import Bundle
from broker.access.facts import Facts
from broker.access.request import AccessRequest, BreakGlass, Requester
from broker.agreements import bundle, document
from broker.agreements.document import AgreementDocument
from broker.agreements.models import SharingAgreement, Signature
from broker.vocabulary import AgreementState, OrganisationKind, Purpose, Role, Section
from sandbox.neighbourhood import cast, staff

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TICK = int(NOW.timestamp())
SAMPLES = bundle.POLICIES / "agreements"


@cache
def scenarios() -> Mapping[str, Any]:
    """``decisions.yaml``: its ``base``, its variations of agreements, and its scenarios."""
    loaded: Mapping[str, Any] = YAML(typ="safe", pure=True).load((HERE / "decisions.yaml").read_text(encoding="utf-8"))
    return loaded


@cache
def samples() -> Mapping[str, AgreementDocument]:
    texts = (document.read(path.read_text(encoding="utf-8")) for path in sorted(SAMPLES.glob("*.yaml")))
    return {text.id: text for text in texts}


def row(
    text: AgreementDocument, *, state: str = "in-force", signed: bool = True, conditions: str | None = None
) -> SharingAgreement:
    """``text`` as it is kept, signed by every party or by all but the last."""
    signatories = text.parties if signed else text.parties[:-1]
    digest = document.digest_with(text, conditions)
    agreement = SharingAgreement(
        id=text.id,
        title=text.title,
        level=text.level,
        place_code=text.place,
        under=text.under,
        state=AgreementState(state),
        document=text.as_mapping(),
        conditions=conditions,
        digest=digest,
        from_at=text.from_at,
        until_at=text.until_at,
        changed_at=text.from_at,
    )
    agreement.signatures = [
        Signature(organisation_code=party.organisation, digest=digest, signed_by="Somebody", signed_at=NOW)
        for party in signatories
    ]
    return agreement


def varied(id: str, change: Mapping[str, Any]) -> SharingAgreement:
    """A copy of a sample under another ``id``, with one receiver of its own, so that scenarios do not meet."""
    changed = samples()[change["like"]].as_mapping()
    changed["id"] = id
    changed.update(change.get("document", {}))
    changed["sections"] = [
        each for each in changed["sections"] if each["section"] not in change.get("without_sections", [])
    ]
    if "receiver" in change:
        parties = [{**party, "receives": False} for party in changed["parties"]]
        own = {"organisation": change["receiver"], "part": "controller", "receives": True, "gives": False}
        changed["parties"] = [own, *parties]
        signatory = {"organisation": change["receiver"], "name": f"Signatory for {id}", "role": "ig-lead"}
        changed["signatories"] = [signatory, *changed["signatories"]]
    text = document.from_mapping(changed)
    own = f'package conditions["{id}"]\n\n{change["conditions"]}' if "conditions" in change else None
    return row(text, state=change.get("state", "in-force"), signed=change.get("signed", True), conditions=own)


@cache
def the_bundle() -> Bundle:
    """Rules, tables, the samples and every variation, all published at once."""
    rows = [row(text) for text in samples().values()]
    rows += [varied(id, change) for id, change in scenarios()["agreements"].items()]
    data = bundle.build_data(rows)
    modules = bundle.modules_for(rows)
    revision = bundle.revision_of(NOW, modules, data)
    return Bundle(revision=revision, modules=modules, data={"sharing": {**data, "revision": revision}})


# ---- one question --------------------------------------------------------------------------------------------------

KINDS = {source.id: cast.organisation(source.organisation).kind for source in cast.SOURCES}
STAFF = {person.id: person for person in staff.STAFF}


@dataclass(frozen=True)
class Asked:
    """A request, and the facts that go with it."""

    request: AccessRequest
    facts: Facts


def asked(base: Mapping[str, Any], differences: Mapping[str, Any]) -> Asked:
    """The question a scenario describes: the base, with its differences."""
    given = {**base, **differences}
    worker = STAFF[given["who"]]
    variation = scenarios()["agreements"].get(given.get("under"), {})
    organisation = variation.get("receiver", worker.organisation)
    subject = {
        "organisation": organisation,
        "kind": cast.organisation(worker.organisation).kind.value,
        "active": True,
        "role": worker.role.value,
        "person": worker.id,
        "member": True,
        "assurance": 2,
        **given.get("as", {}),
    }
    glass = given.get("break_glass")
    sections = frozenset(Section(section) for section in given["sections"])
    request = AccessRequest(
        id=f"request: {given.get('name', 'unnamed')}",
        requester=Requester(organisation, Role(subject["role"]), person=subject["person"]),
        resident="ada-bright",
        purpose=Purpose(given["purpose"]),
        sections=sections,
        made_at=NOW,
        break_glass=None if glass is None else BreakGlass(glass),
    )
    facts = Facts(
        subject=subject,
        resident={"id": "ada-bright", "place": "MG", "neighbourhood": "MG-N", "age": 71, **given.get("resident", {})},
        relationships=[relationship(each, organisation) for each in given["relationships"]],
        provisions=[provision(each, index, organisation) for index, each in enumerate(given["choices"])],
        sources={
            source: {"organisation": cast.source(source).organisation, "kind": KINDS[source].value}
            for source in given["sources"]
        },
        pairs=[(section, source) for section in sorted(sections) for source in given["sources"]],
    )
    return Asked(request, facts)


def question_of(scenario: Mapping[str, Any]) -> dict[str, Any]:
    """What a scenario puts to the policy, spoilt where it says so."""
    given = asked(scenarios()["base"], scenario)
    question = copy.deepcopy(pdp.question(given.request, given.facts))
    if "spoil" in scenario:
        SPOILT[scenario["spoil"]](question)
    return question


def relationship(given: str | Mapping[str, Any], organisation: str) -> dict[str, Any]:
    named: Mapping[str, Any] = {"kind": given} if isinstance(given, str) else given
    whole = {"organisation": organisation, "person": None, "team": None, "tier": None, "source": "the practice list"}
    return {**whole, **named, "from": instant(named.get("from", "-30d")), "until": instant(named.get("until"))}


def provision(given: Mapping[str, Any], index: int, organisation: str) -> dict[str, Any]:
    """``permit:`` or ``deny:`` says to whom: ``them`` is whoever asks, ``anybody`` is no name at all."""
    type, whom = next((type, given[type]) for type in ("permit", "deny") if type in given)
    return {
        "id": f"provision-{index}",
        "consent": f"consent-{index}",
        "type": type,
        "organisation": {"them": organisation, "anybody": None}.get(whom, whom),
        "purposes": given.get("purposes"),
        "sections": given.get("sections"),
        "labels": given.get("labels"),
        "from": instant(given.get("from", "-7d")),
        "until": instant(given.get("until")),
        "ended": instant(given.get("ended")),
    }


_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "s": timedelta(seconds=1)}


def instant(given: str | None) -> int | None:
    """``-7d``, ``+2h`` or ``+0s`` from now, in seconds since 1970."""
    return None if given is None else TICK + int((_UNITS[given[-1]] * int(given[:-1])).total_seconds())


def all_sources() -> Sequence[str]:
    return [source.id for source in cast.SOURCES]


def all_kinds() -> Sequence[str]:
    return [kind.value for kind in OrganisationKind]


# ---- questions no door lets through --------------------------------------------------------------------------------


def _unknown_purpose(question: dict[str, Any]) -> None:
    question["request"]["purpose"] = "curiosity"


def _no_purpose(question: dict[str, Any]) -> None:
    del question["request"]["purpose"]


def _empty_purpose(question: dict[str, Any]) -> None:
    question["request"]["purpose"] = ""


def _unknown_role(question: dict[str, Any]) -> None:
    question["subject"]["role"] = "astrologer"


def _unknown_section(question: dict[str, Any]) -> None:
    question["request"]["sections"] = ["horoscope"]
    for index, pair in enumerate(question["request"]["pairs"]):
        pair["section"] = "horoscope"
        pair["source"] = f"source-{index}"
    described = next(iter(question["request"]["sources"].values()))
    question["request"]["sources"] = {pair["source"]: described for pair in question["request"]["pairs"]}


def _unasked_section(question: dict[str, Any]) -> None:
    question["request"]["sections"] = ["about-me"]


def _provision_without_type(question: dict[str, Any]) -> None:
    del question["facts"]["provisions"][0]["type"]


def _provision_without_organisation(question: dict[str, Any]) -> None:
    del question["facts"]["provisions"][0]["organisation"]


def _member_as_text(question: dict[str, Any]) -> None:
    question["subject"]["member"] = "true"


def _no_facts(question: dict[str, Any]) -> None:
    del question["facts"]


SPOILT: dict[str, Callable[[dict[str, Any]], None]] = {
    "unknown-purpose": _unknown_purpose,
    "no-purpose": _no_purpose,
    "empty-purpose": _empty_purpose,
    "unknown-role": _unknown_role,
    "unknown-section": _unknown_section,
    "unasked-section": _unasked_section,
    "provision-without-type": _provision_without_type,
    "provision-without-organisation": _provision_without_organisation,
    "member-as-text": _member_as_text,
    "no-facts": _no_facts,
}
