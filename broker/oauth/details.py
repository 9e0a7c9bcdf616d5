"""Access to one resident's record, asked for in full: the authorization details of RFC 9396, read strictly.

The resident is named by a handle that only this organisation has, never by an NHS number. A purpose and sections are
exact; how long is of the sharing, never of a token. Whatever cannot be read as this is refused as a whole.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate
from werkzeug.exceptions import HTTPException

from broker.doors.body import json_of
from broker.errors import InvalidInput
from broker.oauth.refusals import InvalidAuthorizationDetails, refuse
from broker.vocabulary import Purpose, Section

TYPE = "urn:neighbourhood-broker:record-access:v1"
LONGEST = 8 * 1024  # bytes of all of it
SHORTEST_SHARE = timedelta(minutes=5)
LONGEST_SHARE = timedelta(days=90)
LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class RecordAccess:
    """These sections of this resident's record, for this purpose, for so long; and why, in the asker's own words."""

    resident: str
    sections: frozenset[Section]
    purpose: Purpose
    duration: timedelta
    reason: str
    location: str | None = None

    def as_json(self) -> dict[str, Any]:
        location = {} if self.location is None else {"locations": [self.location]}
        return {
            "type": TYPE,
            **location,
            "actions": ["read"],
            "resident": self.resident,
            "sections": [section.value for section in Section if section in self.sections],
            "purpose": self.purpose.value,
            "duration": math.ceil(self.duration.total_seconds()),  # so that what was asked comes back as it was
            "reason": self.reason,
        }

    def narrowed(self, *, sections: Iterable[Section], duration: timedelta) -> RecordAccess:
        """What was given of it: never more sections, never longer."""
        return replace(self, sections=self.sections & frozenset(sections), duration=min(self.duration, duration))


class _Exactly(fields.String):
    """A text that is a text: not a number, and not too long."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("not a text")
        return value


class _Seconds(fields.Integer):
    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValidationError("not a whole number")
        return value


_CODES = validate.Length(min=1, max=len(Section))


class _Shape(Schema):
    class Meta:
        unknown = RAISE

    type = _Exactly(required=True, validate=validate.Equal(TYPE))
    locations = fields.List(_Exactly(), validate=validate.Length(equal=1))
    actions = fields.List(_Exactly(validate=validate.Equal("read")), required=True, validate=validate.Length(equal=1))
    resident = _Exactly(required=True, validate=validate.Regexp(r"[A-Za-z0-9_-]{16,64}\Z"))
    sections = fields.List(_Exactly(validate=validate.OneOf(list(Section))), required=True, validate=_CODES)
    purpose = _Exactly(required=True, validate=validate.OneOf([each for each in Purpose if not each.grouping]))
    duration = _Seconds(
        required=True,
        validate=validate.Range(min=SHORTEST_SHARE.total_seconds(), max=LONGEST_SHARE.total_seconds()),
    )
    reason = _Exactly(required=True, validate=validate.Length(min=1, max=LONGEST_REASON))


class _Kept(_Shape):
    """What was given may be shorter than anybody may ask for."""

    duration = _Seconds(required=True, validate=validate.Range(min=0, max=LONGEST_SHARE.total_seconds()))


def read(text: str, *, audience: str) -> RecordAccess:
    """The one record that ``text``, a JSON array of one object, asks for. Raises InvalidAuthorizationDetails."""
    if len(text.encode()) > LONGEST:
        refuse(InvalidAuthorizationDetails, "The authorization details are too long.")
    try:
        said = json_of(text.encode())
    except (InvalidInput, HTTPException, UnicodeEncodeError) as error:
        raise InvalidAuthorizationDetails(description="The authorization details are not JSON.") from error
    if not isinstance(said, list) or len(said) != 1 or not isinstance(said[0], dict):
        refuse(InvalidAuthorizationDetails, "Ask for one record at a time: an array of one object.")
    return _from(said[0], _Shape(), audience=audience)


def from_json(kept: Any) -> RecordAccess:
    """What ``as_json`` gave. For what is kept; nothing of it is trusted further than when it was read."""
    return _from(kept, _Kept(), audience=None)


def _from(said: dict[str, Any], shape: Schema, *, audience: str | None) -> RecordAccess:
    try:
        found: dict[str, Any] = shape.load(said)
    except ValidationError as error:
        names = ", ".join(sorted(name for name in error.messages_dict if name in shape.fields))
        why = f"Wrong or missing: {names}." if names else "There is a field that this type does not have."
        raise InvalidAuthorizationDetails(description=why) from error
    location = found.get("locations", [None])[0]
    if audience is not None and location not in (None, audience):
        refuse(InvalidAuthorizationDetails, "The location is not this broker's API.")
    if len(set(found["sections"])) != len(found["sections"]):
        refuse(InvalidAuthorizationDetails, "A section is named more than once.")
    return RecordAccess(
        resident=found["resident"],
        sections=frozenset(Section(each) for each in found["sections"]),
        purpose=Purpose(found["purpose"]),
        duration=timedelta(seconds=found["duration"]),
        reason=_plain(found["reason"]),
        location=location,
    )


def _plain(reason: str) -> str:
    """The reason as a resident may be shown it: no control, no direction of writing, nothing that cannot be seen."""
    kept = unicodedata.normalize("NFC", reason)
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for letter in kept) or not kept.strip():
        refuse(InvalidAuthorizationDetails, "The reason must be plain text.")
    return kept.strip()
