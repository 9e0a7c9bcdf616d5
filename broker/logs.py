"""What the broker writes for an operator: one JSON object a line, on standard error, all that is personal taken out.

Redaction is the last thing that happens before a line is written, so it also covers what libraries log and the text of
exceptions. It cannot know a name: nothing may log one. Never writes a file and never logs an address's query.

A ten-digit number that happens to have an NHS number's check digit is redacted too: better a lost digit than a leak.
"""

from __future__ import annotations

import logging
import logging.config
import re
import secrets
import sys
from collections.abc import Mapping, MutableMapping
from string import ascii_lowercase
from time import monotonic
from typing import TYPE_CHECKING, Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

if TYPE_CHECKING:
    from flask import Flask, Response

REMOVED_NUMBER = "[nhs number removed]"
REMOVED_SECRET = "[secret removed]"  # noqa: S105 - what is written in a secret's place
REMOVED_DETAIL = "[personal detail removed]"

_GAP = r"(?:%20|\+|[ \t\u00a0\u2007\u2009\u202f.\-\u2010\u2011\u2013_/])?"
# Grouped 3-3-4 by anything people write between the groups, or with spaces anywhere; never part of a longer number.
_CANDIDATES = (
    re.compile(rf"(?<!\d)\d{{3}}{_GAP}\d{{3}}{_GAP}\d{{4}}(?!\d)"),
    re.compile(r"(?<!\d)\d(?:[ \u00a0]{0,2}\d){9}(?!\d)"),
)
_SECRET_KEYS = re.compile(
    r"pass(word|phrase|code)?$|secret|token|authori[sz]ation$|cookie|credential|assertion|verifier|dpop|"
    r"(private|api|signing|session)_?key|authori[sz]ation_code|^(key|session|csrf|nonce|salt|jwk)$",
    re.IGNORECASE,
)
_PERSONAL_KEYS = re.compile(
    r"nhs_?number|(given|family|full|first|last|person|resident)_?name|born_on|birth|postcode|^(note|phone|email)$",
    re.IGNORECASE,
)
_SECRET_TEXTS = (
    (re.compile(r"\b(Bearer|DPoP|Basic)\s+[A-Za-z0-9._~+/=\-]{6,}", re.IGNORECASE), rf"\1 {REMOVED_SECRET}"),
    (re.compile(r"\beyJ[\w\-]{4,}\.[\w\-]{4,}\.[\w\-]*"), REMOVED_SECRET),
    (re.compile(r"(://[^\s/:@]*):[^\s/@]+@"), rf"\1:{REMOVED_SECRET}@"),
    (
        re.compile(r"((?:client_secret|password|access_token|refresh_token|assertion|code_verifier)=)[^&\s\"']+"),
        rf"\1{REMOVED_SECRET}",
    ),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL), REMOVED_SECRET),
)


def without_nhs_numbers(text: str) -> str:
    """``text`` with every valid NHS number replaced, however it is spaced."""
    for pattern in _CANDIDATES:
        text = pattern.sub(_removed_if_valid, text)
    return text


def redacted(value: Any, *, key: str = "") -> Any:
    """``value`` with NHS numbers and secrets replaced, all the way down. ``key`` is the name it is logged under."""
    if value is None or isinstance(value, bool | float):
        return value
    if key and _SECRET_KEYS.search(key):
        return REMOVED_SECRET
    if key and _PERSONAL_KEYS.search(key):
        return REMOVED_DETAIL
    match value:
        case int():
            return REMOVED_NUMBER if without_nhs_numbers(str(value)) != str(value) else value
        case Mapping():
            return {_redacted_text(str(name)): redacted(part, key=str(name)) for name, part in value.items()}
        case list() | tuple() | set() | frozenset():
            return [redacted(part) for part in value]
        case bytes():
            return f"[{len(value)} bytes]"
        case _:
            return _redacted_text(str(value))


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The processor that takes everything personal or secret out of a line."""
    whole: dict[str, Any] = redacted(event)
    return whole


def configuration(level: str = "INFO", *, stream: TextIO | str = "ext://sys.stderr") -> dict[str, Any]:
    """The whole of logging as a ``logging.config`` dictionary; gunicorn takes it as ``logconfig_dict``."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": _finishing(),
                "foreign_pre_chain": _shared(),
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "stream": stream, "formatter": "json"}},
        "root": {"level": level, "handlers": ["stderr"]},
        "loggers": {
            "gunicorn.error": {"level": level, "propagate": True, "handlers": []},
            # The broker writes its own line for each request, with the route in place of the address.
            "gunicorn.access": {"level": "CRITICAL", "propagate": False, "handlers": []},
            "werkzeug": {"level": "WARNING", "propagate": True, "handlers": []},
            "sqlalchemy.engine": {"level": "WARNING", "propagate": True, "handlers": []},
            "aiohttp.access": {"level": "CRITICAL", "propagate": False, "handlers": []},
        },
    }


def configure(level: str = "INFO", *, stream: TextIO | None = None) -> None:
    """Send everything this process logs, ours and libraries', through the redaction. Call once, at the start."""
    logging.config.dictConfig(configuration(level, stream=stream if stream is not None else sys.stderr))
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # so that a test may configure again
    )


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of one room, named after it: ``logger(__name__)``."""
    found: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return found


def _request_id() -> str:
    """Thirty-two random letters: an id with digits in it would now and then be taken for an NHS number."""
    return "".join(secrets.choice(ascii_lowercase) for _ in range(32))


def begin_request(request_id: str) -> None:
    """Put ``request_id`` on every line until ``end_request``. The id is the broker's own, never the requester's."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request=request_id)


def end_request() -> None:
    structlog.contextvars.clear_contextvars()


def follow_requests(app: Flask) -> None:
    """Give every request of ``app`` an id, put it on its lines and its answer, and write one line when it is answered.

    The line names the route (``/records/<handle>``), never the address: that could hold anything.
    """
    from flask import g, request

    lines = logger("broker.requests")

    def begin() -> None:
        g.began = monotonic()
        begin_request(g.setdefault("request_id", _request_id()))

    def answered(response: Response) -> Response:
        response.headers.setdefault("X-Request-Id", g.get("request_id", ""))
        route = str(request.url_rule) if request.url_rule else "none"
        took = round((monotonic() - g.get("began", monotonic())) * 1000)
        quiet = request.endpoint == "static" or route in ("/health", "/ready")
        write = lines.debug if quiet else lines.info
        write("answered", method=request.method, route=route, status=response.status_code, took_ms=took)
        return response

    app.before_request(begin)
    app.after_request(answered)
    app.teardown_request(lambda _error: end_request())


def _removed_if_valid(match: re.Match[str]) -> str:
    digits = [int(digit) for digit in re.sub(r"%20", "", match.group()) if digit.isdigit()]
    return REMOVED_NUMBER if _has_check_digit(digits) else match.group()


def _has_check_digit(digits: list[int]) -> bool:
    """Modulus 11, as NHS numbers have it (NHS Data Dictionary, NHS NUMBER). Range is not asked: any valid one goes."""
    remainder = sum(digit * weight for digit, weight in zip(digits[:9], range(10, 1, -1), strict=True)) % 11
    return (11 - remainder) % 11 == digits[9]


def _redacted_text(text: str) -> str:
    for pattern, replacement in _SECRET_TEXTS:
        text = pattern.sub(replacement, text)
    return without_nhs_numbers(text)


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]


def _finishing() -> list[Processor]:
    return [_without_records, redact, structlog.processors.JSONRenderer()]


def _without_records(_logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]) -> EventDict:
    return structlog.stdlib.ProcessorFormatter.remove_processors_meta(_logger, _method, event)
