"""One HL7 v2 message as segments, fields and components. Knows no meaning of any, and the only place with the parser.

Character sets: MSH-18 decides, and what it does not cover is refused, never guessed at. Chapter 2 of HL7 v2.3 to 2.8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import hl7  # type: ignore[import-untyped]

from .refusing import Answer, NotTaken, Problem

NULL = '""'  # HL7 v2 §2.5.3: what was recorded before is to be deleted
MOST_SEGMENTS = 20_000
# MSH-18 (table 0211). Left out, it means ASCII; UTF-8 is the same for all of that, and says where it is not.
_CHARACTERS = {
    "": "utf-8",
    "ASCII": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UNICODE": "utf-8",
    "UTF-8": "utf-8",
    "8859/1": "iso-8859-1",
    "ISO-8859-1": "iso-8859-1",
    "8859/15": "iso-8859-15",
}
_NAME = re.compile(r"[A-Z][A-Z0-9]{2}\Z")

Nested = tuple[tuple[tuple[str, ...], ...], ...]  # of one field: repetitions, of components, of subcomponents


@dataclass(frozen=True, slots=True)
class Escapes:
    """The characters this message separates and escapes with (MSH-1 and MSH-2)."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str

    def undone(self, text: str) -> str:
        """``text`` with its escape sequences resolved; those that mean nothing here (HL7 v2 §2.7) are left out."""
        if self.escape not in text:
            return text
        sequence = re.compile(f"{re.escape(self.escape)}([^{re.escape(self.escape)}]*){re.escape(self.escape)}")
        return sequence.sub(lambda found: self._meant(found.group(1)), text)

    def _meant(self, code: str) -> str:
        separators = {
            "F": self.field,
            "S": self.component,
            "R": self.repetition,
            "E": self.escape,
            "T": self.subcomponent,
        }
        if code in separators:
            return separators[code]
        if code[:1] == "X":
            try:
                return bytes.fromhex(code[1:]).decode("utf-8")
            except ValueError:
                return ""
        return "\n" if code[:3] in (".br", ".sp", ".ce") else " " if code[:3] in (".sk", ".in", ".ti") else ""


@dataclass(frozen=True, slots=True)
class Value:
    """One repetition of a field. Components and subcomponents count from 1, as the standard does."""

    parts: tuple[tuple[str, ...], ...]
    escapes: Escapes

    def text(self, component: int = 1, subcomponent: int = 1) -> str:
        """Empty where it is not there, or is there only to say that it is deleted."""
        try:
            raw = self.parts[component - 1][subcomponent - 1]
        except IndexError:
            return ""
        return "" if raw == NULL else self.escapes.undone(raw).strip()

    @property
    def present(self) -> bool:
        return any(part not in ("", NULL) for component in self.parts for part in component)


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment. Fields count from 1, as the standard does. ``received`` is it as it came."""

    name: str
    fields: tuple[Nested, ...]
    escapes: Escapes
    received: str = ""

    def values(self, field: int) -> list[Value]:
        """The repetitions of a field that say something."""
        if field > len(self.fields):
            return []
        return [value for each in self.fields[field - 1] if (value := Value(each, self.escapes)).present]

    def value(self, field: int) -> Value:
        """The first repetition that says something, or one that says nothing."""
        return next(iter(self.values(field)), Value((), self.escapes))

    def text(self, field: int, component: int = 1, subcomponent: int = 1) -> str:
        return self.value(field).text(component, subcomponent)

    def deletes(self, field: int) -> bool:
        """Whether the field is there only to say that what was recorded before is to be deleted."""
        return field <= len(self.fields) and self.fields[field - 1] == (((NULL,),),)


@dataclass(frozen=True, slots=True)
class Message:
    """Segments in the order they came; the first is MSH."""

    segments: tuple[Segment, ...]

    @property
    def header(self) -> Segment:
        return self.segments[0]

    def all(self, name: str) -> Iterator[Segment]:
        return (segment for segment in self.segments if segment.name == name)

    def first(self, name: str) -> Segment | None:
        return next(self.all(name), None)

    @property
    def control_id(self) -> str:
        return self.header.text(10)

    @property
    def kind(self) -> str:
        """As in ``ADT``."""
        return self.header.text(9)

    @property
    def event(self) -> str:
        """As in ``A01``."""
        return self.header.text(9, 2)


def parse(data: bytes) -> Message:
    """Raises NotTaken for what is not one HL7 v2 message in characters it says it is in."""
    text = _decoded(data)
    escapes = _escapes(text)
    if text.count("\r") > MOST_SEGMENTS:
        raise NotTaken(Problem.SEGMENT_SEQUENCE, "it has more segments than are accepted", answer=Answer.REJECT)
    try:
        parsed = hl7.parse(text)
        segments = tuple(_segment(each, escapes) for each in parsed)
    except (hl7.HL7Exception, ValueError, IndexError, KeyError, TypeError, AssertionError) as error:
        raise _no_message() from error
    if any(not _NAME.match(segment.name) for segment in segments):
        raise NotTaken(Problem.SEGMENT_SEQUENCE, "a segment has no name")
    return Message(segments)


def header_of(data: bytes) -> Segment | None:
    """MSH alone, so that even a message that cannot be read is answered by its own control id; None without one."""
    line = data.lstrip().split(b"\r", 1)[0].split(b"\n", 1)[0][:4000].decode("iso-8859-1")
    try:
        escapes = _escapes(line)  # first: with others than it checks for, the parser cannot be relied on
        return _segment(hl7.parse(line)[0], escapes)
    except (NotTaken, hl7.HL7Exception, ValueError, IndexError, KeyError, TypeError, AssertionError):
        return None


def messages_in(data: bytes) -> list[bytes]:
    """The messages of a file: one after another, in a batch or not (FHS, BHS), framed as for MLLP or not."""
    lines = re.split(rb"[\r\n]+", data.replace(b"\x0b", b"\r").replace(b"\x1c", b"\r").removeprefix(b"\xef\xbb\xbf"))
    found: list[list[bytes]] = []
    for line in lines:
        if line.startswith(b"MSH"):
            found.append([line])
        elif found and line and line[:3] not in (b"FHS", b"BHS", b"BTS", b"FTS"):
            found[-1].append(line)
    return [b"\r".join(each) + b"\r" for each in found]


def _decoded(data: bytes) -> str:
    header = header_of(data)
    if header is None:
        raise _no_message()
    stated = header.text(18).upper()
    characters = _CHARACTERS.get(stated)
    if characters is None or len(header.values(18)) > 1:
        raise NotTaken(Problem.VALUE_UNKNOWN, "its character set (MSH-18) is not one that is read", where="MSH^1^18")
    try:
        text = data.decode(characters)
    except UnicodeDecodeError as error:
        raise NotTaken(
            Problem.DATA_TYPE, "it is not in the character set it says (MSH-18)", where="MSH^1^18"
        ) from error
    if "\x00" in text:
        raise _no_message()
    return re.sub(r"\r\n?|\n", "\r", text).strip("\r \t")


def _escapes(text: str) -> Escapes:
    stated = text[3:8]
    if not text.startswith("MSH") or len(stated) < 5 or len(set(stated)) < 5 or any(c.isalnum() for c in stated):
        raise _no_message()
    # HL7 v2.7 adds a fifth encoding character, for what was truncated.
    if stated[0] not in (text[8:9], text[9:10]) or any(c.isspace() for c in stated):
        raise _no_message()
    return Escapes(*stated)


def _segment(parsed: Any, escapes: Escapes) -> Segment:
    return Segment(str(parsed[0]), tuple(_field(each) for each in list(parsed)[1:]), escapes, str(parsed))


def _field(field: Any) -> Nested:
    return tuple(tuple(_component(each) for each in _items(repetition)) for repetition in _items(field))


def _component(component: Any) -> tuple[str, ...]:
    return tuple(str(each) for each in _items(component))


def _items(container: Any) -> list[Any]:
    return [container] if isinstance(container, str) else list(container)


def _no_message() -> NotTaken:
    return NotTaken(Problem.SEGMENT_SEQUENCE, "it is not an HL7 v2 message", answer=Answer.REJECT)
