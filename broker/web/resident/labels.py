"""Saying of one entry that it is private in some way, or that it is not. Opened from the record, and from there alone.

Which entry is meant is sent by its opaque key, in a form and never in an address. What it is is read again from its
source, so that what a source itself states is known and cannot be disputed. To take back needs no entry: it is done by
the key alone, from a list of all that was said. For residents themselves, never a proxy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from broker.access import label_choices
from broker.access.release import release_record
from broker.access.request import AccessRequest, Requester
from broker.consent import labelling
from broker.database import new_id
from broker.doors import now, parts, session
from broker.errors import NotFound
from broker.identity.sessions import actor_of
from broker.records.own_labels import NOT_THEIRS_TO_DISPUTE, TOLD
from broker.records.source import RecordEntry
from broker.vocabulary import LabelSource, Purpose, Section, Sensitivity
from broker.web.access import RESIDENTS, own_id, prove_first, signed_in, who
from broker.web.resident import resident

IS, IS_NOT, TAKE_BACK = "is", "is-not", "take-back"
Answer = str | tuple[str, int] | Response


@dataclass(frozen=True)
class Known:
    """One kind of sensitive information in an entry: how it is known, and whether the resident may dispute it."""

    kind: Sensitivity
    how: tuple[str, ...]
    disputable: bool


@resident.post("/record/private")
@who(*RESIDENTS)
def labels() -> Answer:
    """The page of one entry."""
    return _page(_entry(request.form.get("entry", "")))


@resident.get("/record/private")
@resident.get("/record/private/say")
@who(*RESIDENTS)
def labels_from_record() -> Response:
    """No address says which entry is meant, so whoever opens one of these by its address chooses it in the record."""
    return redirect(url_for("resident.record"), code=303)


@resident.get("/record/said")
@who(*RESIDENTS)
def said() -> Answer:
    """All that the resident has said, to take back: also of what is not in their record, or not shown to them, now."""
    return _list()


@resident.post("/record/private/say")
@who(*RESIDENTS)
def label_said() -> Answer:
    """Keep the answer, and show the entry as it is now. What may open something is for a sign-in that is fresh."""
    key, answer = request.form.get("entry", ""), request.form.get("answer", "")
    kind = next((each for each in Sensitivity if each.value == request.form.get("kind")), None)
    if kind is None or answer not in (IS, IS_NOT, TAKE_BACK):
        return _page(_entry(key), errors={"kind": "Choose a kind of information."}), 422
    if (answer == IS_NOT or (answer == TAKE_BACK and _closes(key, kind))) and (first := prove_first()) is not None:
        return first
    by, trail = actor_of(signed_in()), parts().trail
    if answer == TAKE_BACK:
        labelling.take_back(session(), own_id(), key, kind, by=by, trail=trail, now=now())
        return _list(done=answer)
    entry = _entry(key)
    keys, stated = label_choices.keys_of(parts().settings, entry), _stated(entry)
    labelling.say(session(), own_id(), keys, kind, answer == IS, by=by, stated=stated, trail=trail, now=now())
    return _page(_entry(key), done=answer)


def _closes(key: str, kind: Sensitivity) -> bool:
    """Whether what was said under ``key`` keeps something closed."""
    return any(
        each.applies and (each.entry, each.sensitivity) == (key, kind)
        for each in labelling.all_said(session(), own_id())
    )


def _list(*, done: str = "") -> str:
    choices = labelling.all_said(session(), own_id())
    return render_template("resident/labels_said.jinja", choices=choices, done=done)


def _page(entry: RecordEntry, *, done: str = "", errors: Mapping[str, str] | None = None) -> str:
    keys = label_choices.keys_of(parts().settings, entry)
    said = labelling.said_of(session(), own_id(), keys)
    of_age = labelling.old_enough(session(), own_id(), now=now())
    spoken_of = {choice.sensitivity for choice in said}
    known = [_known(entry, kind, of_age=of_age) for kind in Sensitivity if kind in entry.labels - spoken_of]
    return render_template(
        "resident/labels.jinja",
        entry=entry,
        key=keys.entry,
        known=known,
        said=said,
        kinds=[kind for kind in Sensitivity if kind in labelling.THEIRS - spoken_of - entry.labels],
        done=done,
        errors=errors or {},
    )


def _known(entry: RecordEntry, kind: Sensitivity, *, of_age: bool) -> Known:
    bases = [basis for basis in entry.label_basis if basis.sensitivity is kind]
    told = any(basis.source in TOLD for basis in bases)
    return Known(
        kind=kind,
        how=tuple(basis.source.label for basis in bases if basis.source is not LabelSource.RESIDENT),
        disputable=of_age and not told and kind not in NOT_THEIRS_TO_DISPUTE,
    )


def _stated(entry: RecordEntry) -> frozenset[Sensitivity]:
    """What its source says of it, and what the national sets do."""
    told = TOLD - {LabelSource.RESIDENT}
    return frozenset(basis.sensitivity for basis in entry.label_basis if basis.source in told)


def _entry(key: str) -> RecordEntry:
    """The entry of the resident's own record that ``key`` names, as it stands now. Raises NotFound for none."""
    asker = Requester(organisation="", role=signed_in().role, assurance=signed_in().assurance, resident=own_id())
    asked = AccessRequest(
        id=new_id(),
        requester=asker,
        resident=own_id(),
        purpose=Purpose.OWN_RECORD,
        sections=frozenset(Section) - {Section.SAFEGUARDING},
        made_at=now(),
    )
    view = release_record(parts(), session(), asked).view
    secret = parts().settings.secret(label_choices.SECRET)
    for section in view.sections:
        for joined in section.entries:
            for entry in (joined.entry, *joined.others):
                if label_choices.entry_key(secret, entry.provenance.source, entry.id) == key:
                    return entry
    raise NotFound("entry-unknown", "This is not in your record now.")
