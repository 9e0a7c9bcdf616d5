"""What crosses the AuthZEN door: its shapes, read forgivingly as that standard asks. Knows no word of our own.

Unknown fields are ignored and everything wrongly said is one 400 with a message (AuthZEN Authorization API 1.0,
JSON serialization and error responses); a repeated key, a depth or a character no database keeps is wrong too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, NoReturn, TypeVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from broker.api.problems import problem
from broker.doors.body import StrictParser
from broker.errors import InvalidInput

View = TypeVar("View", bound=Callable[..., Any])
MOST_EVALUATIONS = 50
SEMANTICS = ("execute_all", "deny_on_first_deny", "permit_on_first_permit")


class ForgivingParser(StrictParser):
    """Reads bodies as strictly as every route does; ignores unknown fields; says in words what is wrong."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"json": EXCLUDE}
    DEFAULT_VALIDATION_STATUS = 400

    def handle_error(self, error: ValidationError, *_: Any, **__: Any) -> NoReturn:
        raise wrongly_said(error) from error


def wrongly_said(error: ValidationError) -> InvalidInput:
    """The refusal that names every field at fault."""
    found = list(_faults(error.messages, ()))
    return InvalidInput("invalid-request", " ".join(f"{path}: {text}" for path, text in found), field=found[0][0])


def wrong_is_400(view: View) -> View:
    """Answer 400 to whatever is wrongly said: the one status the standard has for it, where other routes have three."""

    @wraps(view)
    def answered(*args: Any, **kwargs: Any) -> Any:
        try:
            return view(*args, **kwargs)
        except InvalidInput as error:
            return problem(400, error.code, error.detail, **({"field": error.field} if error.field else {}))
        except UnsupportedMediaType:
            return problem(400, "media-type", "Send the question as application/json.")
        except BadRequest:
            return problem(400, "malformed", "The body is empty, or is not JSON.")

    return answered  # type: ignore[return-value]


def _faults(messages: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(messages, dict):
        for name, inner in messages.items():
            unnamed = name == "_schema" or (name == "json" and not path)
            yield from _faults(inner, path if unnamed else (*path, str(name)))
        return
    yield ".".join(path) or "body", " ".join(messages) if isinstance(messages, list) else str(messages)


class Forgiving(Schema):
    class Meta:
        unknown = EXCLUDE


def _said(about: str, *, required: bool = True) -> fields.String:
    return fields.String(required=required, metadata={"description": about})


def _properties(about: str) -> fields.Dict:
    return fields.Dict(keys=fields.String(), metadata={"description": about, "additionalProperties": True})


def _object(shape: type[Schema], about: str, *, required: bool = True) -> fields.Nested:
    return fields.Nested(shape, required=required, metadata={"description": about})


SUBJECT = "Who would be given it: one of your own workers, or your own system."
ACTION = "What they would have: a share of the record, for a purpose."
RESOURCE = "A section of one resident's record, or several."
CONTEXT = "`reason`, and `break_glass` with its reason. The time is the broker's own."
ROLE = "`role`, where they work in several; `assurance` (0 to 3), where they signed in less surely than your token."


class SoughtSubjectSchema(Forgiving):
    type = _said("`person` or `client`.")
    properties = _properties(ROLE)


class SubjectSchema(SoughtSubjectSchema):
    id = _said("Their id in your organisation's memberships, or your system's.")


class ActionSchema(Forgiving):
    name = _said("`share`.")
    properties = _properties("`purpose`: exactly what for.")


class SoughtResourceSchema(Forgiving):
    type = _said("`record-section`, or `record`.")
    properties = _properties("`resident`: your organisation's handle; of a `record`, `sections`.")


class ResourceSchema(SoughtResourceSchema):
    id = _said("A section's code; of a `record`, the resident's handle.")


class EvaluationSchema(Forgiving):
    """One question (AuthZEN, Access Evaluation API)."""

    subject = _object(SubjectSchema, SUBJECT)
    action = _object(ActionSchema, ACTION)
    resource = _object(ResourceSchema, RESOURCE)
    context = _properties(CONTEXT)


class OptionsSchema(Forgiving):
    evaluations_semantic = fields.String(
        validate=validate.OneOf(SEMANTICS), metadata={"description": "When to stop. Absent: `execute_all`."}
    )


class EvaluationsSchema(Forgiving):
    """Many questions, each with its own fields or these (AuthZEN, Access Evaluations API). None: this is the one."""

    subject = _properties("For every question that names none.")
    action = _properties("For every question that names none.")
    resource = _properties("For every question that names none.")
    context = _properties("For every question that has none.")
    evaluations = fields.List(
        fields.Dict(keys=fields.String()),
        validate=validate.Length(max=MOST_EVALUATIONS),
        metadata={"description": "The questions, in order."},
    )
    options = _object(OptionsSchema, "How they are to be answered.", required=False)


class PageSchema(Forgiving):
    token = fields.String(metadata={"description": "`next_token` of the page before; everything else unchanged."})
    limit = fields.Integer(
        strict=True, validate=validate.Range(min=0, max=10**6), metadata={"description": "Most results wanted."}
    )
    properties = _properties("Nothing of ours.")


class _SearchSchema(Forgiving):
    context = _properties(CONTEXT)
    page = _object(PageSchema, "Which part of a long answer.", required=False)


class SubjectSearchSchema(_SearchSchema):
    subject = _object(SoughtSubjectSchema, "What kind to look for.")
    action = _object(ActionSchema, ACTION)
    resource = _object(ResourceSchema, RESOURCE)


class ResourceSearchSchema(_SearchSchema):
    subject = _object(SubjectSchema, SUBJECT)
    action = _object(ActionSchema, ACTION)
    resource = _object(SoughtResourceSchema, "`record-section`, of the resident in its properties.")


class ActionSearchSchema(_SearchSchema):
    subject = _object(SubjectSchema, SUBJECT)
    resource = _object(ResourceSchema, RESOURCE)


class DecisionSchema(Forgiving):
    decision = fields.Boolean(required=True, metadata={"description": "Whether everything asked may go forward."})
    context = _properties("Why, and what goes with it, as far as you may be told.")


class DecisionsSchema(Forgiving):
    decision = fields.Boolean(metadata={"description": "Where one question was asked."})
    context = _properties("Where one question was asked.")
    evaluations = fields.List(fields.Nested(DecisionSchema), metadata={"description": "One for each, in order."})


class NextPageSchema(Forgiving):
    next_token = fields.String(required=True, metadata={"description": "Empty at the end."})
    count = fields.Integer()
    total = fields.Integer()


class SearchAnswerSchema(Forgiving):
    page = fields.Nested(NextPageSchema, required=True)
    context = _properties("The decisions this rests on, and the policy's revision.")
    results = fields.List(fields.Dict(), required=True, metadata={"description": "Each would be permitted."})
