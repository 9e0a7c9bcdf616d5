"""Ask recorded and made-up questions again, of any revision or draft. Writes nothing to the trail and releases nothing.

Everything is evaluated in child processes, within limits. Questions that differ only in what the rules never look at
are asked once: who the resident is, the request's own id, and the time, as far as the answer itself says that it holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from broker.access.engines import DECISION, Bundle
from broker.access.engines.child import Limits, evaluate
from broker.access.engines.reads import words_of
from broker.access.parts import Broker
from broker.agreements import actions, bundle, chains
from broker.agreements.models import SharingAgreement
from broker.governance.recorded import in_order
from broker.vocabulary import AgreementState, Purpose, Role

WORKERS = 2  # child processes
# For one child; 10,000 questions take seconds. Of its memory, the engine sets a GiB of addresses aside at its start.
LIMITS = Limits(cpu_seconds=120, memory_mb=3072, wall_seconds=180.0)
_NEVER = 253_402_300_799  # the last second of the year 9999
_WORTH_SHARING = 64  # questions; fewer are answered sooner than a second child has started
_ROUNDS = 6  # after which what is left is asked one by one

Question = Mapping[str, Any]
Answer = dict[str, Any]

_READS = re.compile(r"\binput\b((?:\.\w+)*)")
_OTHER_DATA = re.compile(r"\bdata\b(?!\.sharing\b)")
# What an agreement's own conditions may read, and a question still be asked once for many: all of it is compared.
_COMPARED = frozenset(
    {f".subject.{name}" for name in ("organisation", "kind", "active", "role", "member", "assurance", "review_overdue")}
    | {f".resident.{name}" for name in ("place", "neighbourhood", "age")}
    | {f".request.{name}" for name in ("purpose", "sections", "pairs", "sources", "break_glass")}
)


@dataclass(frozen=True)
class Replayed:
    """The answer to each question, in their order, None where the rules gave none; and how many had to be asked."""

    answers: list[Answer | None] = field(repr=False)
    asked: int


def replay(
    rules: Bundle, questions: Sequence[Question], *, alike_once: bool = True, workers: int = WORKERS
) -> Replayed:
    """What ``rules`` answer to each of ``questions``, put in order (``recorded.in_order``).

    ``alike_once`` asks questions that must have one answer only once. Raises EngineUnavailable where the children are
    stopped at their limits, EngineUnclear where the rules cannot be loaded.
    """
    answers: list[Answer | None] = [None] * len(questions)
    share = alike_once and _may_be_shared(rules)
    groups = _alike(rules, questions) if share else [[place] for place in range(len(questions))]
    asked = rounds = 0
    while groups:
        found = _evaluated(rules, [questions[places[0]] for places in groups], workers)
        asked, rounds = asked + len(groups), rounds + 1
        groups = [
            rest
            for places, answer in zip(groups, found, strict=True)
            if (rest := _beyond(places, answer, questions, answers))
        ]
        if rounds == _ROUNDS:
            groups = [[place] for places in groups for place in places]
    return Replayed(answers, asked)


def draft_bundle(broker: Broker, session: Session, agreement: SharingAgreement, *, now: datetime) -> Bundle:
    """What would be published if ``agreement``, as it is written, replaced the version of it that counts.

    As if it were signed, in force, and begun: so that a draft of next month is compared for what it says.
    """
    session.flush()
    rows = [agreement, *(row for row in actions.every(session) if row.id != agreement.id)]
    modules, data = bundle.modules_for(rows), bundle.build_data(rows)
    entry = data["agreements"][agreement.id]
    begun = min(entry["from"], int(now.timestamp()))
    entry |= {"state": AgreementState.IN_FORCE.value, "signed": True, "from": begun}
    if agreement.conditions is not None:
        entry["conditions"], modules[bundle.path_of(agreement.id)] = True, agreement.conditions
    data["chains"] = chains.chains(data["agreements"])
    revision = f"draft/{bundle.revision_of(now, modules, data)}"
    return Bundle(revision, modules, {"sharing": {**data, "revision": revision}})


def as_at(rules: Bundle, now: datetime) -> Bundle:
    """``rules`` with every agreement begun or ended for good, as it is at ``now``.

    So that a request of last spring is asked of the agreements of today: what is compared is what they say.
    """
    tick, sharing = int(now.timestamp()), rules.data["sharing"]
    still = {
        part: {id: _timeless(entry, tick) for id, entry in sharing[part].items()}
        for part in ("agreements", "chains")
        if part in sharing
    }
    return replace(rules, data={"sharing": {**sharing, **still}}, written=None)


def _timeless(entry: Mapping[str, Any], tick: int) -> dict[str, Any]:
    return {
        **entry,
        "from": 0 if entry["from"] <= tick else _NEVER,
        "until": 0 if entry["until"] <= tick else _NEVER,
        **({"instants": [0, _NEVER]} if "instants" in entry else {}),
    }


def _evaluated(rules: Bundle, questions: Sequence[Question], workers: int) -> list[Answer | None]:
    few = len(questions) < _WORTH_SHARING
    found = evaluate(rules, questions, workers=1 if few else workers, limits=LIMITS)
    answers = (each.get(DECISION) for each in found)
    return [in_order(answer) if isinstance(answer, dict) else None for answer in answers]


_OWN = frozenset({Role.RESIDENT.value, Role.PROXY.value})


# ---- asking once what must have one answer ---------------------------------------------------------------------------


def _alike(rules: Bundle, questions: Sequence[Question]) -> list[list[int]]:
    """The places of questions that differ in nothing the rules look at but time; each group earliest first."""
    reads = _read_of_residents(rules)
    groups: dict[str, list[int]] = {}
    for place, question in enumerate(questions):
        groups.setdefault(_compared(question, reads), []).append(place)
    return [sorted(places, key=lambda place: _time(questions[place])) for places in groups.values()]


def _beyond(
    places: Sequence[int], answer: Answer | None, questions: Sequence[Question], answers: list[Answer | None]
) -> list[int]:
    """Give ``answer``, which is that of the first of ``places``, to all it stands for, and return the others.

    It stands until ``valid_until``, the first instant at which anything it rests on begins or ends; null is for ever.
    """
    begun = _time(questions[places[0]])
    until = begun if answer is None else answer.get("valid_until")
    rest = []
    for place in places:
        time = _time(questions[place])
        if time == begun or until is None or time < until:
            answers[place] = None if answer is None else {**answer, "request": questions[place]["request"]["id"]}
        else:
            rest.append(place)
    return rest


def _compared(question: Question, reads: frozenset[str]) -> str:
    """Everything in ``question`` that may make a difference to its answer, time aside, as text to be compared."""
    request, subject, facts = question["request"], question["subject"], question["facts"]
    emergency = request["break_glass"] is not None or request["purpose"] == Purpose.EMERGENCY.value
    person = subject["person"]
    # Of one's own record, who they are is the whole question.
    own = request["purpose"] == Purpose.OWN_RECORD.value or subject["role"] in _OWN
    return json.dumps(
        [
            {name: value for name, value in request.items() if name not in ("id", "time")},
            request["time"] if emergency else None,  # an emergency runs out so long after it is declared
            {name: value for name, value in subject.items() if name != "person"} | {"person": person is not None},
            {name: value for name, value in question["resident"].items() if own or name in reads},
            sorted(
                _as_text({**each, "person": _whose(each["person"], person)}, "source", "team")
                for each in facts["relationships"]
            ),
            sorted(_as_text(each, "id", "consent") for each in facts["provisions"]),
        ],
        sort_keys=True,
    )


def _as_text(given: Mapping[str, Any], *without: str) -> str:
    return json.dumps({name: value for name, value in given.items() if name not in without}, sort_keys=True)


def _whose(person: str | None, asker: str | None) -> str | None:
    """The rules ask of a relationship only whether it is nobody's, the asker's, or another's."""
    return None if person is None else "asker" if person == asker else "another"


def _time(question: Question) -> int:
    time: int = question["request"]["time"]
    return time


def _read_of_residents(rules: Bundle) -> frozenset[str]:
    """What any rule may read of a resident, beside who they are: all of it, where one reads the resident whole.

    The rules of one's own record are left out: of questions that they answer, everything is compared.
    """
    read = (text for path, text in rules.modules.items() if not path.lstrip("/").startswith("broker/own/"))
    paths = {path for text in read for path in _READS.findall(words_of(text))}
    names = {path.split(".")[2] for path in paths if path.startswith(".resident.")}
    everything = {"place", "neighbourhood", "age"}
    return frozenset(everything if ".resident" in paths else (names & everything) | {"place"})


def _may_be_shared(rules: Bundle) -> bool:
    """Whether no agreement's own conditions read anything that is not compared: the time, above all, or a person."""
    for path, text in rules.modules.items():
        seen = words_of(text)
        own = path.lstrip("/").startswith("conditions/")
        if own and (_OTHER_DATA.search(seen) or not set(_READS.findall(seen)) <= _COMPARED):
            return False
        if not own and "" in _READS.findall(seen):
            return False
    return True
