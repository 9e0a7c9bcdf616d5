"""The page an agreement is written on: what was typed, every finding beside it, and what it would change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import render_template, request

from broker.agreements import actions
from broker.agreements.difference import Difference, difference
from broker.agreements.document import Written
from broker.agreements.findings import Finding
from broker.agreements.models import COUNTS, LIVE, SharingAgreement
from broker.doors import session
from broker.governance.changes import written
from broker.web.governance.acting import names_of
from broker.web.governance.differences import grouped
from broker.web.pages import joined


@dataclass(frozen=True)
class Typed:
    """What is in the form: the text, and the conditions where there are any."""

    text: str
    conditions: str | None

    @classmethod
    def sent(cls) -> Typed:
        """As the form brought it. A browser sends every line's end as two characters (HTML, form submission)."""
        text, conditions = (request.form.get(name, "").replace("\r\n", "\n") for name in ("text", "conditions"))
        return cls(text, conditions if conditions.strip() else None)

    @classmethod
    def of(cls, agreement: SharingAgreement) -> Typed:
        return cls(agreement.text, agreement.conditions)


@dataclass(frozen=True)
class Comparison:
    """What a text that is well formed would change. ``asked_again`` names those whose permissions would run out."""

    changes: Difference
    first: bool
    asked_again: str


def editor(
    typed: Typed,
    *,
    action: str,
    edits: SharingAgreement | None = None,
    replaces: SharingAgreement | None = None,
    findings: Sequence[Finding] = (),
    refused: str = "",
    compared: Comparison | None = None,
) -> str:
    """The page with ``typed`` on it, whose form goes to ``action``. ``findings`` and ``refused`` say why not kept."""
    conditions = [finding for finding in findings if finding.file.endswith(".rego")]
    return render_template(
        "governance/editor.jinja",
        typed=typed,
        action=action,
        edits=edits,
        replaces=replaces,
        # The text that was read when the writing began, so that nobody's later text is overwritten unseen.
        digest=request.form.get("digest") or (edits.digest if edits else ""),
        findings=findings,
        in_conditions=bool(conditions),
        in_text=len(findings) > len(conditions),
        refused=refused,
        compared=compared,
        groups=grouped(compared.changes) if compared else [],
    )


def compared_with_live(new: Written) -> Comparison:
    """What ``new`` would change of the version in force."""
    live = live_text(new.document.id)
    changes = difference(live, new)
    receivers = new.document.receivers
    asked = joined(sorted(names_of(*receivers).values())) if receivers and changes.asks_again else ""
    return Comparison(changes, first=live is None, asked_again=asked if live else "")


def live_text(agreement_id: str) -> Written | None:
    """The text that a new version of an agreement would take the place of; None where nothing is in force."""
    live = [each for each in actions.versions(session(), agreement_id) if each.state in LIVE]
    found = min(live, key=lambda each: COUNTS.index(each.state), default=None)
    return written(found) if found else None
