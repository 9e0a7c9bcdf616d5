"""One agreement as a page that a board can read, print and sign: standalone, with no script and nothing fetched.

Says what the document says, in plain words, and the digest that names exactly this text. Decides and checks nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from broker.agreements.terms import Agreed, AgreementDocument, Assurance, Basis, Part, Party
from broker.agreements.wording import day
from broker.vocabulary import Confidentiality, Disclosure, Purpose, Section


class Signed(Protocol):
    """A signature that has been made on the text."""

    @property
    def organisation_code(self) -> str: ...
    @property
    def signed_by(self) -> str: ...
    @property
    def signed_at(self) -> datetime: ...


@dataclass(frozen=True)
class Block:
    """One party's place to sign: who is to, and who has. ``signed_on`` is None where nobody has yet."""

    organisation: str
    name: str
    role: str
    signed_by: str = ""
    signed_on: date | None = None


def board_document(
    document: AgreementDocument,
    *,
    digest: str,
    names: Mapping[str, str],
    signatures: Sequence[Signed] = (),
    version: int = 1,
    conditions: str | None = None,
) -> str:
    """``document`` as one page of HTML. ``names`` says what each organisation and place is called, by code.

    ``digest`` binds the document and its ``conditions``; ``signatures`` are those made on exactly that digest.
    """
    return _PAGE.render(
        d=document,
        called=lambda code: names.get(code, code),
        digest=digest,
        version=version,
        conditions=conditions,
        receiving=[party for party in document.parties if party.receives],
        sections=sorted(document.sections, key=lambda line: list(Section).index(line.section)),
        bases=_bases(document),
        blocks=_blocks(document, names, signatures),
        part=_PART.__getitem__,
        standing=_standing,
        share=_share,
        duty=_duty,
        confidentiality=_CONFIDENTIALITY[document.confidentiality],
        choice=_choice(document),
        disclosure=_DISCLOSURE[document.disclosure],
    )


_PART = {Part.CONTROLLER: "Controller", Part.JOINT_CONTROLLER: "Joint controller", Part.PROCESSOR: "Processor"}
_STANDING = {
    Assurance.EXCEEDED: "Standards exceeded",
    Assurance.MET: "Standards met",
    Assurance.APPROACHING: "Approaching standards",
    Assurance.NOT_REQUIRED: "Not required",
}
_CONFIDENTIALITY = {
    Confidentiality.IMPLIED: "Implied consent: those caring for a resident may share what the resident would "
    "expect them to, for that care and nothing else.",
    Confidentiality.EXPLICIT: "Explicit permission: the resident is asked, and says yes, before anything is shared.",
    Confidentiality.LAW: "A legal duty, or an overriding public interest, sets the duty of confidentiality aside.",
    Confidentiality.S251: "Support under section 251 of the National Health Service Act 2006.",
}
_DISCLOSURE = {
    Disclosure.TELL: "Whoever asks is told that something was withheld, though never what.",
    Disclosure.CLINICIANS: "Only clinicians are told that something was withheld, though never what.",
    Disclosure.NEVER: "Nobody who asks is told that anything was withheld.",
}


def _bases(document: AgreementDocument) -> list[tuple[str, Basis]]:
    """Each lawful basis, and the purposes that stand on it in words."""
    elsewhere = {purpose for other in document.other_bases for purpose in other.purposes}
    rest = [purpose for purpose in document.purposes if purpose not in elsewhere]
    others = [(_labels(other.purposes), other) for other in document.other_bases]
    return [*([(_labels(rest), document.basis)] if rest else []), *others]


def _blocks(document: AgreementDocument, names: Mapping[str, str], signatures: Sequence[Signed]) -> list[Block]:
    made = {signature.organisation_code: signature for signature in signatures}
    blocks = []
    for signatory in document.signatories:
        organisation = names.get(signatory.organisation, signatory.organisation)
        block = Block(organisation, signatory.name, signatory.role.label)
        signature = made.get(signatory.organisation)
        if signature is not None:
            block = Block(organisation, block.name, block.role, signature.signed_by, signature.signed_at.date())
        blocks.append(block)
    return blocks


def _standing(party: Party) -> str:
    if party.dspt is None:
        return "Not stated"
    dated = f", {day(party.dspt.on)}" if party.dspt.on else ""
    note = f". {party.dspt.note}" if party.dspt.note else ""
    return f"{_STANDING[party.dspt.status]}{dated}{note}"


def _share(party: Party) -> str:
    if party.gives and party.receives:
        return "Gives and receives"
    return "Receives" if party.receives else "Gives" if party.gives else "Neither gives nor receives"


def _duty(agreed: Agreed) -> str:
    said = ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in agreed.parameters.items())
    return f"{agreed.obligation.label} ({said})" if said else agreed.obligation.label


def _choice(document: AgreementDocument) -> str:
    own = "A resident can close any part of their record to anybody, at any time, and that outranks this agreement"
    if document.confidentiality is Confidentiality.LAW:
        own = "A resident is heard, and told wherever that is safe, but the law may require sharing all the same"
    first = " Their permission comes first, organisation by organisation, and they can take it back."
    return f"{own}.{first if document.confidentiality is Confidentiality.EXPLICIT else ''}"


def _labels(codes: Iterable[Purpose]) -> str:
    return ", ".join(code.label for code in codes)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {"day": day, "labels": _labels}
    environment.filters.update(filters)
    return environment


_PAGE = _environment().get_template("board.jinja")
