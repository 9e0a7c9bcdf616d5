"""The shapes that cross the API's door, in and out. Each field says what it is; codes are the vocabulary's."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from broker.vocabulary import Purpose, Section, Sensitivity


class CodeField(fields.String):
    """One code of a vocabulary. An unknown one is refused by name."""

    def __init__(self, kind: type[StrEnum], **options: object) -> None:
        self.kind = kind
        super().__init__(validate=validate.OneOf([code.value for code in kind]), **options)  # type: ignore[arg-type]

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return self.kind(text)
        except ValueError as error:
            raise ValidationError(f"{text!r} is not a known {self.kind.__name__.lower()}.") from error


def codes(kind: type[StrEnum], about: str, **options: object) -> fields.List[Any]:
    return fields.List(
        CodeField(kind),
        validate=validate.Length(min=1, max=len(kind)),
        metadata={"description": about, "uniqueItems": False},
        **options,  # type: ignore[arg-type]
    )


def text(about: str, *, most: int, least: int = 0, required: bool = False, **options: object) -> fields.String:
    return fields.String(
        required=required,
        validate=validate.Length(min=least, max=most),
        metadata={"description": about},
        **options,  # type: ignore[arg-type]
    )


class InstantField(fields.AwareDateTime):
    """An instant with its zone, as UTC has it. One that UTC cannot say is not valid."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            return super()._deserialize(value, attr, data, **kwargs).astimezone(UTC)
        except OverflowError as error:
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE) from error


def instant(about: str, *, required: bool = False, **options: object) -> InstantField:
    return InstantField(format="iso", required=required, metadata={"description": about}, **options)  # type: ignore[arg-type]


class Strict(Schema):
    class Meta:
        unknown = RAISE


HANDLE = {"description": "The resident's handle, good for your organisation alone."}


class FindSchema(Strict):
    nhs_number = text("Ten digits; spaces and hyphens are ignored.", most=20, least=1, required=True)
    born_on = fields.Date(required=True, metadata={"description": "Date of birth."})


class HandleSchema(Strict):
    resident = fields.String(required=True, validate=validate.Regexp(r"^[0-9a-f]{40}$"), metadata=HANDLE)


class FoundSchema(Strict):
    resident = fields.String(metadata=HANDLE)


class PairSchema(Strict):
    code = text(
        "The code that the resident gave you; spaces, hyphens and case do not count.", most=20, least=1, required=True
    )


class AskSchema(HandleSchema):
    purpose = CodeField(Purpose, required=True)
    sections = codes(Section, "What you need, and no more.", required=True)
    reason = text("Why, in words the resident will read.", most=500, least=1, required=True)
    until = instant("When sharing would end; within a year.", required=True)


class RequestSchema(Strict):
    id = fields.String()
    state = fields.String(metadata={"description": "pending, granted or expired. A silent no is never shown as one."})
    purpose = fields.String()
    sections = fields.List(fields.String())
    binding_code = fields.String(
        metadata={"description": "Read it to the resident, so that each knows it is this request."}
    )
    share_until = fields.AwareDateTime()
    expires_at = fields.AwareDateTime()


class WorkerSchema(Strict):
    person = text("The worker's id in your organisation's memberships.", most=64, least=1, required=True)
    role = text("The role they act in.", most=40, least=1, required=True)


class BreakGlassSchema(Strict):
    reason = text("Why this is an emergency.", most=500, least=1, required=True)


class ViewSchema(HandleSchema):
    purpose = CodeField(Purpose, required=True)
    sections = codes(Section, "What you need, and no more.", required=True)
    reason = text("Why, in your own words.", most=500, load_default="")
    worker = fields.Nested(WorkerSchema, metadata={"description": "The worker a partner's system asks for."})
    break_glass = fields.Nested(BreakGlassSchema, metadata={"description": "Declares emergency access."})
    format = fields.String(
        load_default="view",
        validate=validate.OneOf(["view", "fhir-searchset", "fhir-document"]),
        metadata={"description": "The broker's own view, or a FHIR R4 Bundle of that type."},
    )


class OwnRecordSchema(Strict):
    sections = codes(Section, "Which parts; absent: all that you may read.", load_default=None)
    format = fields.String(
        load_default="view",
        validate=validate.OneOf(["view", "fhir-searchset", "fhir-document"]),
        metadata={"description": "The broker's own view, or a FHIR R4 Bundle of that type."},
    )


class AnswerSchema(Strict):
    agree = fields.Boolean(required=True, truthy={True}, falsy={False}, metadata={"description": "true or false."})
    sections = codes(Section, "Fewer than were asked for, if you wish.", load_default=None)
    until = instant("Sooner than was asked for, if you wish.", load_default=None)


class GiveSchema(Strict):
    organisation = text("Whom to share with.", most=20, least=3, required=True)
    purposes = codes(Purpose, "For what.", required=True)
    sections = codes(Section, "Which sections.", required=True)
    until = instant("When it ends; absent: until you stop it.", load_default=None)


class WithholdSchema(Strict):
    organisation = text("Whom not to share with; absent: nobody at all.", most=20, least=3, load_default=None)
    sections = codes(Section, "Which sections; absent: every one.", load_default=None)
    labels = codes(Sensitivity, "Which kinds of sensitive information, wherever they are.", load_default=None)


class NarrowSchema(Strict):
    stop_sections = codes(Section, "Which sections to stop sharing.", required=True)


class ProvisionSchema(Strict):
    type = fields.String()
    organisation = fields.String(allow_none=True)
    purposes = fields.List(fields.String(), allow_none=True)
    sections = fields.List(fields.String(), allow_none=True)
    labels = fields.List(fields.String(), allow_none=True)
    from_at = fields.AwareDateTime()
    until = fields.AwareDateTime(allow_none=True)


class ConsentSchema(Strict):
    id = fields.String()
    status = fields.String()
    given_at = fields.AwareDateTime()
    ended_at = fields.AwareDateTime(allow_none=True)
    provisions = fields.List(fields.Nested(ProvisionSchema))


class LookSchema(Strict):
    index = fields.Integer(metadata={"description": "Its place on the trail."})
    at = fields.AwareDateTime()
    action = fields.String()
    label = fields.String()
    organisation = fields.String(allow_none=True, metadata={"description": "The end organisation, never the broker."})
    organisation_name = fields.String(allow_none=True)
    role = fields.String(allow_none=True)
    purpose = fields.String(allow_none=True)
    sections = fields.List(fields.String())
    released = fields.List(fields.String())
    permitted = fields.Boolean(allow_none=True)
    emergency = fields.Boolean()
