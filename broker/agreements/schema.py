"""The shape of a sharing agreement, field by field: what each is for, in plain words, and whether it must be there.

The one place that says so: texts are read with it, and the table in the guide is written from it. Says nothing of
what must hold between fields (``rules``) or before anybody signs (``lawful``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, missing
from marshmallow import fields as shapes

from broker.agreements import fields
from broker.agreements.fields import Fault, Placed, Reader, Wrong
from broker.agreements.terms import Assurance, Part
from broker.vocabulary import (
    Confidentiality,
    Disclosure,
    Level,
    Obligation,
    OrganisationKind,
    Purpose,
    Role,
    Section,
    Sensitivity,
)

ID = r"[A-Za-z0-9][A-Za-z0-9-]{1,58}"
PLACE = r"[A-Za-z0-9][A-Za-z0-9-]{0,18}"
ORGANISATION = r"[A-Za-z0-9][A-Za-z0-9-]{1,38}"
ARTICLE_6 = r"6\(1\)\((?:[a-f]|ea)\)"
ARTICLE_9 = r"9\(2\)\([a-j]\)"
SCHEDULE_1 = r"Part [12] paragraph [1-9][0-9]?A?"
LINK = r"https://[A-Za-z0-9.-]+(?:/[A-Za-z0-9._~/?=&#%-]*)?"
MOST_HOURS = 72  # UK GDPR Art. 33(1)

ALWAYS, TO_SIGN, OPTIONAL = "always", "before it is signed", "if it applies"

_CODE_OF_PLACE = "Give letters, digits and hyphens, as MG."
_CODE_OF_ORGANISATION = "Give its ODS code, or GB-CHC- or GB-COH- and its number."
_ID = "Give letters, digits and hyphens, as MG-ADVICE."


class _Stated(shapes.Field[Any]):
    """A field that is there where it must be. What null means is for each kind of field to judge."""

    def _validate_missing(self, value: Any) -> None:
        if value is missing and self.required:
            raise _wrong(Fault("field-missing", "This must be given."))


class One(_Stated):
    """One value, read by a reader of ``fields``. ``needed`` says when it must be there."""

    def __init__(self, about: str, reader: Reader, *, needed: str = ALWAYS, null: bool = False, **more: Any) -> None:
        if needed != ALWAYS:
            more = {"load_default": None, **more}
            null = more["load_default"] is None
        super().__init__(
            required="load_default" not in more,
            allow_none=null,
            metadata={"about": about, "needed": needed},
            **more,
        )
        self.reader = reader

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        try:
            return self.reader(value)
        except Wrong as wrong:
            raise _wrong(wrong.fault) from None


class Record(_Stated, shapes.Nested):
    """A set of named fields."""

    def __init__(self, about: str, schema: type[Schema], *, needed: str = ALWAYS) -> None:
        optional: dict[str, Any] = {} if needed == ALWAYS else {"load_default": None}
        super().__init__(
            schema,
            required=not optional,
            allow_none=bool(optional),
            metadata={"about": about, "needed": needed},
            **optional,
        )


class Lines(_Stated, shapes.List[Any]):
    """A list, nothing in it twice, with at least one item where ``some``."""

    def __init__(self, about: str, of: shapes.Field[Any], *, some: bool = False, needed: str = ALWAYS) -> None:
        optional: dict[str, Any] = {} if needed == ALWAYS else {"load_default": list}
        super().__init__(of, required=not optional, metadata={"about": about, "needed": needed}, **optional)
        self.some = some

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise _wrong(Fault("list-needed", "Give a list: one line for each, with a hyphen before it."))
        if self.some and not value:
            raise _wrong(Fault("list-empty", "Name at least one."))
        if len(value) > fields.LONGEST_LIST:
            raise _wrong(Fault("list-too-long", f"Name at most {fields.LONGEST_LIST}."))
        twice: dict[int | str, Any] = {
            index: [Fault("named-twice", "This is in the list twice. Take one away.")]
            for index in fields.repeated(value)
        }
        try:
            read: list[Any] = super()._deserialize(list(value), attr, data, **kwargs)
        except ValidationError as error:
            raise ValidationError({**twice, **_messages(error)}, valid_data=error.valid_data) from None
        if twice:
            raise ValidationError(twice, valid_data=read)
        return read


class Duty(_Stated):
    """An obligation and its parameters, whatever they are called."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _wrong(_NOT_A_MAPPING)
        rest = {name: each for name, each in value.items() if name != "obligation"}
        good, wrong = fields.parameters(rest)
        faults: dict[str | int, Any] = {name: [fault] for name, fault in wrong.items()}
        obligation = None
        try:
            obligation = OBLIGATION.deserialize(value.get("obligation", missing))
        except ValidationError as error:
            faults["obligation"] = error.messages
        if faults:
            raise ValidationError(faults)
        return {"obligation": obligation, "parameters": good}


_NOT_A_MAPPING = Fault("not-a-mapping", "Write named fields here: a name, a colon and what you have to say.")
OBLIGATION = One("What is done with every release.", fields.code(Obligation, "obligation"))


class Strict(Schema):
    """A field that is not known is refused, with the one that was likely meant: a misspelt limit must not go unread."""

    error_messages = {
        "unknown": Fault("field-unknown", "This field is not one an agreement has."),  # type: ignore[dict-item]
        "type": _NOT_A_MAPPING,  # type: ignore[dict-item]
    }

    class Meta:
        unknown = RAISE

    def handle_error(self, error: ValidationError, data: Any, **kwargs: Any) -> None:
        messages = _messages(error)
        for name, faults in list(messages.items()):
            if isinstance(faults, list) and faults and faults[0].code == "field-unknown":
                messages[name] = [_unknown(name, self.fields)]


class DsptSchema(Strict):
    status = One(
        "How it stands: exceeded, met, approaching or not-required.", fields.code(Assurance, "toolkit standing")
    )
    on = One("The day that standing was published.", fields.day, needed=TO_SIGN)
    note = One(
        "For approaching or not-required: what makes up for it, and who has accepted that.",
        fields.text(),
        needed=OPTIONAL,
    )


class PartySchema(Strict):
    organisation = One("The party's code.", fields.text(ORGANISATION, _CODE_OF_ORGANISATION))
    part = One("What it is under UK GDPR: controller, joint-controller or processor.", fields.code(Part, "part"))
    receives = One("Whether its people may ask for information under this agreement.", fields.flag)
    gives = One("Whether its systems may answer.", fields.flag)
    contact = One(
        "Who answers for information governance there: a name and role, or a shared mailbox.",
        fields.text(),
        needed=TO_SIGN,
    )
    dspt = Record(
        "Its standing with the Data Security and Protection Toolkit. Every party that receives states one.",
        DsptSchema,
        needed=TO_SIGN,
    )
    public_authority = One(
        "Whether it is a public authority. Left out, an ODS code says that it is, and a charity or company number "
        "that it is not. Say false for a hospice or other independent body that has an ODS code.",
        fields.flag,
        needed=OPTIONAL,
    )


class RecipientsSchema(Strict):
    kinds = Lines(
        "For London and a system: the kinds of organisation that an agreement under this one may add.",
        One("A kind of organisation.", fields.code(OrganisationKind, "kind of organisation")),
    )


class SectionSchema(Strict):
    section = One("The part of the record.", fields.code(Section, "section"))
    because = One("Why no less would do. Printed for the resident, so written to them.", fields.text())


class SourcesSchema(Strict):
    organisations = Lines(
        "Whose systems may answer, by code.", One("An organisation.", fields.name(ORGANISATION, _CODE_OF_ORGANISATION))
    )
    kinds = Lines(
        "Or every organisation of a kind.",
        One("A kind of organisation.", fields.code(OrganisationKind, "kind of organisation")),
    )


def _articles() -> dict[str, shapes.Field[Any]]:
    return {
        "article_6": One(
            "UK GDPR Article 6: why personal data may be used.",
            fields.text(ARTICLE_6, "Write one of 6(1)(a) to 6(1)(f), such as 6(1)(e)."),
        ),
        "article_9": One(
            "UK GDPR Article 9: why health and care data may be. Nearly every section calls for one.",
            fields.text(ARTICLE_9, "Write one of 9(2)(a) to 9(2)(j), such as 9(2)(h)."),
            needed=OPTIONAL,
        ),
        "schedule_1": One(
            "The condition in Schedule 1 to the Data Protection Act 2018, where that Article 9 condition needs one.",
            fields.text(SCHEDULE_1, "Write Part 1 paragraph 2."),
            needed=OPTIONAL,
        ),
    }


class OtherBasisSchema(Strict):
    purposes = Lines(
        "The purposes that stand on this basis instead.",
        One("A purpose.", fields.code(Purpose, "purpose")),
        some=True,
    )
    article_6, article_9, schedule_1 = _articles().values()


class BasisSchema(Strict):
    article_6, article_9, schedule_1 = _articles().values()
    powers = One(
        "The statutory powers or duties relied on. Needed for Article 6(1)(c) and 6(1)(e).",
        fields.text(),
        needed=OPTIONAL,
    )
    s251 = One(
        "The Confidentiality Advisory Group reference. Needed where confidentiality is s251, and nowhere else.",
        fields.text(),
        needed=OPTIONAL,
    )
    also = Lines(
        "A basis of its own for purposes that the one above cannot carry, such as safeguarding beside care.",
        Record("One such basis.", OtherBasisSchema),
        needed=OPTIONAL,
    )


class FlowSchema(Strict):
    method = One("How information travels.", fields.text())
    frequency = One("How often.", fields.text())
    hosting = One("Where it is held and processed, and by whom.", fields.text())


class RightsSchema(Strict):
    access_requests = One("Who answers a resident who asks for what is held about them.", fields.text())
    objections = One("Who answers a resident who objects, or asks for something to be put right.", fields.text())
    complaints = One("Who hears complaints.", fields.text())
    privacy_notice = One(
        "Where residents can read how their information is used.", fields.text(LINK, "Give a web address: https://…")
    )


class IncidentsSchema(Strict):
    contact = One("Whom the other parties tell of a breach.", fields.text())
    hours = One(
        f"Within how many hours of finding it; {MOST_HOURS} at most, as the regulator's own limit is.",
        fields.whole(1, MOST_HOURS),
    )


class DpiaSchema(Strict):
    reference = One("Its reference.", fields.text())
    on = One("The day it was approved.", fields.day)


class SignatorySchema(Strict):
    organisation = One("The party.", fields.text(ORGANISATION, _CODE_OF_ORGANISATION))
    name = One("Who signs for it.", fields.text())
    role = One("In which role: ig-lead or caldicott-guardian.", fields.code(Role, "role"))


class AgreementSchema(Strict):
    id = One("Its own code, never used again for anything else.", fields.text(ID, _ID))
    title = One("What people call it.", fields.text())
    level = One("Where it is made: london, system or place.", fields.code(Level, "level"))
    place = One("The place's code, for an agreement for a place.", fields.text(PLACE, _CODE_OF_PLACE), needed=OPTIONAL)
    under = One(
        "The agreement above it, which it may narrow and never widen. Every agreement has one, except London's.",
        fields.text(ID, _ID),
        needed=OPTIONAL,
    )
    narrows = One(
        "True for an agreement that gives nobody anything, and only closes some of what the one above opens.",
        fields.flag,
        needed=OPTIONAL,
        load_default=False,
    )
    purpose_statement = One("What it is for, in words a resident would follow.", fields.text())
    benefits = One("What residents gain from it.", fields.text(), needed=TO_SIGN)
    changes_agreed = One("For a new version: what has changed since the last, and why.", fields.text(), needed=OPTIONAL)
    parties = Lines("Everybody who signs.", Record("A party.", PartySchema), some=True)
    recipients = Record("Who else may come to receive.", RecipientsSchema)
    purposes = Lines(
        "What information may be asked for. A purpose that stands for several covers them all.",
        One("A purpose.", fields.code(Purpose, "purpose")),
        some=True,
    )
    data_subjects = One("Whose information it is.", fields.text(), needed=TO_SIGN)
    geography = One("Where they live, in words. The place's code decides.", fields.text(), needed=TO_SIGN)
    sections = Lines(
        "Each part of the record that may be seen, and why.", Record("A part of the record.", SectionSchema), some=True
    )
    sources = Record("Whose systems may answer.", SourcesSchema)
    roles = Lines("Who, at a party that receives, may look.", One("A role.", fields.code(Role, "role")), some=True)
    labels = Lines(
        "Sensitive kinds of information that may be released; none unless named.",
        One("A sensitive kind.", fields.code(Sensitivity, "sensitive kind")),
    )
    lawful_basis = Record("The first legal question: UK GDPR.", BasisSchema)
    confidentiality = One(
        "The second: how the common-law duty of confidentiality is met. One of implied, explicit, law and s251.",
        fields.code(Confidentiality, "answer to the duty of confidentiality"),
    )
    disclosure = One(
        "Whether a requester learns that something was withheld: tell, tell-clinicians or never-tell.",
        fields.code(Disclosure, "kind of disclosure"),
    )
    break_glass = One("Whether clinicians at statutory bodies may use emergency access here.", fields.flag)
    obligations = Lines(
        "What is done with every release, or nothing is released. Anything beside the code is a parameter.",
        Duty(required=True),
    )
    flow = Record("How information travels, and where it rests.", FlowSchema, needed=TO_SIGN)
    rights = Record("Who answers residents.", RightsSchema, needed=TO_SIGN)
    security = One("How it is kept safe: access, encryption, audit, training.", fields.text(), needed=TO_SIGN)
    incidents = Record("What happens when something goes wrong.", IncidentsSchema, needed=TO_SIGN)
    retention = One("How long what was read is kept, and where.", fields.text())
    disposal = One(
        "How it is destroyed, and what becomes of it when the agreement ends.", fields.text(), needed=TO_SIGN
    )
    onward_sharing = One("To whom else it may go.", fields.text())
    dpia = Record("The data protection impact assessment.", DpiaSchema)
    review_on = One("The day by which the parties look at it again.", fields.day)
    from_on = One("Its first day.", fields.day)
    until_on = One("Its last day.", fields.day)
    signatories = Lines("One person for each party.", Record("A signatory.", SignatorySchema), some=True)


def load(value: Any) -> tuple[dict[str, Any], list[Placed]]:
    """What ``value`` holds, as far as it could be read, and everything wrong with its shape, in the fields' order."""
    if not isinstance(value, Mapping):
        return {}, [Placed("", _NOT_A_MAPPING)]
    try:
        return AGREEMENT.load(value), []
    except ValidationError as error:
        valid = error.valid_data if isinstance(error.valid_data, dict) else {}
        order = {name: index for index, name in enumerate(AGREEMENT.fields)}
        messages = sorted(_messages(error).items(), key=lambda item: order.get(item[0], -1))
        return valid, list(fields.placed(dict(messages), ""))


def _wrong(fault: Fault) -> ValidationError:
    return ValidationError([fault])


def _messages(error: ValidationError) -> dict[Any, Any]:
    return error.messages if isinstance(error.messages, dict) else {"_schema": error.messages}


def _unknown(name: object, known: Mapping[str, shapes.Field[Any]]) -> Fault:
    hyphened = {each.replace("_", "-"): each for each in known}
    meant = fields.nearest(name, hyphened)
    if meant:
        return Fault("field-unknown", f"An agreement has no such field here. Did you mean “{hyphened[meant]}”?")
    return Fault("field-unknown", "An agreement has no such field here. Take it away, or write it as a comment.")


AGREEMENT = AgreementSchema()
