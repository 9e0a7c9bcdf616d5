"""The answer to a message: MSH, MSA, and ERR where it is not taken (HL7 v2 §2.9, §2.15.5). Repeats nothing clinical."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from .message import Segment
from .refusing import WORDS, Answer, NotTaken

_ESCAPED = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\r": "", "\n": ""})
_VERSION = "2.4"  # where the message does not say which it is in


def acknowledgement(header: Segment | None, now: datetime, refused: NotTaken | None = None) -> bytes:
    """``header`` is the MSH of what is answered, or None where there was none that could be read."""
    answer = refused.answer if refused else Answer.ACCEPTED
    version = _said(header, 12) or _VERSION
    lines = [
        "|".join(
            (
                "MSH|^~\\&",
                *(_said(header, number) for number in (5, 6, 3, 4)),
                now.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000"),
                "",
                f"ACK^{_said(header, 9, 2)}^ACK" if _said(header, 9, 2) else "ACK",
                uuid4().hex[:20],
                _said(header, 11) or "P",
                version,
                *[""] * 5,
                "UNICODE UTF-8",
            )
        ),
        f"MSA|{answer}|{_said(header, 10)}",
    ]
    if refused is not None:
        lines.append(_error(refused, version))
    return ("\r".join(lines) + "\r").encode()


def _error(refused: NotTaken, version: str) -> str:
    problem, words = refused.problem, WORDS[refused.problem]
    if version < "2.5":  # then where and what stood in one field
        segment, sequence, field, *_ = (*refused.where.split("^"), "", "", "")
        return f"ERR|{segment}^{sequence}^{field}^{problem}&{words}&HL70357"
    return f"ERR||{refused.where}|{problem}^{words}^HL70357|E||||{refused.detail.translate(_ESCAPED)}"


def _said(header: Segment | None, field: int, component: int = 1) -> str:
    return "" if header is None else header.text(field, component)[:180].translate(_ESCAPED)
