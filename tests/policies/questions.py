"""Questions nobody thought of, for the properties of a decision: mostly a scenario with a few things in it changed.

Whole ones keep to the input's schema, and are rich enough that every layer has its say; spoilt ones do not.
"""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

from broker.access import pdp
from broker.vocabulary import LegalBasis, Purpose, RelationshipKind, Role, Section, Sensitivity, Tier
from sandbox.neighbourhood import cast, staff
from tests.policies.world import KINDS, TICK, asked, scenarios

CARE_WORDS = [Section.PROBLEMS, Section.HOUSING, Section.CONTACTS, Section.FAMILY_HISTORY, Section.SAFEGUARDING]

moments = st.sampled_from([-400, -2, -1, 0, 1, 2, 400]).map(lambda days: TICK + days * 86_400)
ends = st.none() | moments
sections = st.sampled_from([*CARE_WORDS, Section.MONEY]).map(lambda section: section.value)
workers = st.sampled_from(staff.STAFF)
receivers = sorted(
    change["receiver"] for change in scenarios()["agreements"].values() if "receiver" in change
)  # fmt: skip


def some_of(codes: Any) -> st.SearchStrategy[list[str] | None]:
    return st.none() | st.lists(st.sampled_from([code.value for code in codes]), max_size=3, unique=True)


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    """Mostly a scenario's question with a few things in it changed, so that much is permitted; else anybody's."""
    whose = draw(st.integers(0, 9))
    if whose < 2:
        return draw(anybodys())
    if whose == 2:
        return draw(owns())
    scenario = draw(st.sampled_from([each for each in scenarios()["scenarios"] if "spoil" not in each]))
    given = asked(scenarios()["base"], scenario)
    question = copy.deepcopy(pdp.question(given.request, given.facts))
    organisation, person = question["subject"]["organisation"], question["subject"]["person"] or "somebody"
    if draw(st.booleans()):
        question["facts"]["provisions"] += draw(st.lists(provisions(organisation), max_size=3))
    if draw(st.booleans()):
        question["facts"]["relationships"] += draw(st.lists(relationships(organisation, person), max_size=2))
    if not draw(st.integers(0, 3)):
        other = draw(anybodys())
        part = draw(st.sampled_from(["subject", "resident", "facts"]))
        question[part] = other[part]
    return question


@st.composite
def anybodys(draw: st.DrawFn) -> dict[str, Any]:
    """Somebody of the place asks for a few sections from a few sources, with some choices on file."""
    worker = draw(workers)
    organisation = draw(st.just(worker.organisation) | st.sampled_from(receivers))
    wanted = draw(st.lists(sections, min_size=1, max_size=3, unique=True))
    sources = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=3, unique=True))
    purpose = draw(st.sampled_from(list(Purpose))).value
    glass = draw(st.sampled_from([None, {"reason": "Collapsed"}, {"reason": " "}]))
    if draw(st.integers(0, 3)):  # mostly, a declaration goes with the purpose
        glass = {"reason": "Collapsed"} if purpose == "emergency" else None
    return {
        "request": {
            "id": "a question",
            "time": TICK,
            "purpose": purpose,
            "sections": sorted(wanted),
            "pairs": [{"section": section, "source": source} for section in wanted for source in sources],
            "sources": {
                source: {"organisation": cast.source(source).organisation, "kind": KINDS[source].value}
                for source in sources
            },
            "break_glass": glass,
        },
        "subject": {
            "organisation": organisation,
            "kind": cast.organisation(worker.organisation).kind.value,
            "active": draw(st.integers(0, 9)) > 0,
            "role": draw(st.just(worker.role) | st.sampled_from(list(Role))).value,
            "person": draw(st.sampled_from([worker.id, worker.id, None])),
            "member": draw(st.integers(0, 9)) > 0,
            "assurance": draw(st.sampled_from([0, 1, 2, 2, 3])),
            "review_overdue": draw(st.integers(0, 5)) == 0,
        },
        "resident": {
            "id": "ada-bright",
            "place": draw(st.sampled_from(["MG", "MG", "MG", "EB"])),
            "neighbourhood": draw(st.sampled_from(["MG-N", "MG-S"])),
            "age": 71,
        },
        "facts": {
            "relationships": draw(st.lists(relationships(organisation, worker.id), max_size=3)),
            "provisions": draw(st.lists(provisions(organisation), max_size=4)),
        },
    }


@st.composite
def owns(draw: st.DrawFn) -> dict[str, Any]:
    """A resident, or somebody who acts for them, asks to read the resident's own record; or it is somebody at work."""
    question = draw(anybodys())
    role = draw(st.sampled_from([Role.RESIDENT, Role.PROXY, Role.PROXY]))
    askers: dict[Role, list[str | None]] = {
        Role.RESIDENT: ["ada-bright", "ada-bright", "ada-bright", "somebody-else", None],
        Role.PROXY: ["a-carer", "a-carer", None],
    }
    acting = {
        "proxy": "a-proxy",
        "basis": draw(st.sampled_from(LegalBasis)).value,
        "sections": draw(st.lists(sections, max_size=4, unique=True)),
        "until": draw(ends),
    }
    question["request"] |= {
        "purpose": Purpose.OWN_RECORD.value,
        "break_glass": draw(st.sampled_from([None, None, None, None, {"reason": "Collapsed"}])),
    }
    question["subject"] |= {
        "organisation": draw(st.sampled_from(["", "", "", "", "XX9GP2"])),
        "kind": "",
        "active": False,
        "role": role.value,
        "person": draw(st.sampled_from([None, None, None, None, "somebody"])),
        "member": False,
        "assurance": draw(st.sampled_from([2, 3, 3, 3])),
        "resident": draw(st.sampled_from(askers[role])),
        "acting": draw(st.sampled_from([acting, acting, acting, None])) if role is Role.PROXY else None,
    }
    question["resident"]["age"] = draw(st.sampled_from([4, 12, 13, 71, 71]))
    question["facts"]["provisions"] += draw(st.lists(provisions(""), max_size=2))
    return question


@st.composite
def relationships(draw: st.DrawFn, organisation: str, person: str) -> dict[str, Any]:
    return {
        "kind": draw(st.sampled_from(list(RelationshipKind))).value,
        "organisation": draw(st.sampled_from([organisation, organisation, "XX9GP2"])),
        "person": draw(st.sampled_from([None, None, person, "somebody-else"])),
        "team": None,
        "tier": draw(st.none() | st.sampled_from([tier.value for tier in Tier])),
        "from": draw(moments),
        "until": draw(ends),
        "source": "a list",
    }


@st.composite
def provisions(draw: st.DrawFn, organisation: str, type: str | None = None) -> dict[str, Any]:
    return {
        "id": "provision",
        "consent": "consent",
        "type": type or draw(st.sampled_from(["permit", "permit", "deny"])),
        "organisation": draw(st.sampled_from([organisation, organisation, None, "XX9GP2"])),
        "purposes": draw(some_of(Purpose)),
        "sections": draw(some_of(CARE_WORDS)),
        "labels": draw(st.none() | some_of(Sensitivity)),
        "from": draw(moments),
        "until": draw(ends),
        "ended": draw(ends),
    }


# ---- spoilt ones ----------------------------------------------------------------------------------------------------

JUNK: list[Any] = [None, 0, -1, 1.5, "", "x", [], ["x"], [None], {}, {"x": 1}, True, False]


@st.composite
def spoilt(draw: st.DrawFn) -> dict[str, Any]:
    """A question with one thing in it replaced, or taken away."""
    question: dict[str, Any] = draw(questions())
    at: Any = question
    while True:
        key = draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        child = at[key]
        if not (isinstance(child, dict | list) and child and draw(st.integers(0, 3))):
            break
        at = child
    if draw(st.booleans()) and isinstance(at, dict):
        del at[key]
    else:
        at[key] = draw(st.sampled_from(JUNK))
    return question
