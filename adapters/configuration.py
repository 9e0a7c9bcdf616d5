"""Read an adapter's configuration strictly: every key known, every value of its kind. Never guesses what was meant."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from broker.errors import InvalidInput
from broker.vocabulary import Section

from .answering import Unanswered
from .egress import parse
from .signed_jwt import ALGORITHMS, SignedJwt

_MISSING = object()


@dataclass(frozen=True)
class Key:
    """One key: how its value is read, what an operator is told it means, and what stands where it is left out."""

    read: Callable[[Any], Any]
    doc: str
    default: Any = _MISSING

    @property
    def required(self) -> bool:
        return self.default is _MISSING


def read(keys: Mapping[str, Key], configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Every key's value. Raises InvalidInput naming the key that is unknown, missing or wrong."""
    for name in configuration:
        if name not in keys:
            raise wrong(name, f"is not a key; the keys are {', '.join(keys)}")
    values = {}
    for name, key in keys.items():
        if name not in configuration:
            if key.required:
                raise wrong(name, f"is needed: {key.doc}")
            values[name] = key.default
            continue
        try:
            values[name] = key.read(configuration[name])
        except ValueError as error:
            raise wrong(name, str(error)) from error
    return values


def wrong(name: str, why: str) -> InvalidInput:
    return InvalidInput("source-configuration-invalid", f"{name} {why}", field=name)


def text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be text")
    return value.strip()


def whole(low: int, high: int) -> Callable[[Any], int]:
    def read_whole(value: Any) -> int:
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value)
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return read_whole


def one_of(*words: str) -> Callable[[Any], str]:
    def read_word(value: Any) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return str(value)

    return read_word


def sections(value: Any) -> frozenset[Section]:
    """A list of section codes, or one text with commas as a command line gives it."""
    codes = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if not isinstance(codes, (list, tuple)) or not codes:
        raise ValueError("must be a list of section codes")
    return frozenset(section(code) for code in codes)


def section(value: Any) -> Section:
    try:
        return Section(value)
    except ValueError:
        raise ValueError(f"names {value!r}, which is not a section") from None


def structure(value: Any) -> Any:
    """A list or mapping, or the JSON text of one as a command line gives it."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError("must be JSON") from None


def base_url(value: Any) -> str:
    """An https address without a query; http only to this machine, where nothing crosses a network."""
    address = text(value).rstrip("/")
    try:
        url = parse(address)
    except Unanswered as error:
        raise ValueError(f"cannot be used: {error.detail}") from None
    if "?" in address:
        raise ValueError("must have no query")
    if url.scheme == "http" and not _own_machine(url.host or ""):
        raise ValueError("must be https: records would cross the network unprotected")
    return address


def _own_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def switch(value: Any) -> bool:
    """Yes or no, as a command line or a file says it."""
    if value in ("yes", "true", True):
        return True
    if value in ("no", "false", False):
        return False
    raise ValueError("must be yes or no")


CREDENTIALS = {
    "bearer_secret": Key(text, "name of the secret that holds a bearer token", ""),
    "client_certificate_secret": Key(text, "name of the secret that holds the client certificate and key (PEM)", ""),
    "authority_secret": Key(text, "name of the secret that holds the source's certificate authority (PEM)", ""),
    "token_url": Key(base_url, "where a token is asked for, with an assertion that the broker signs", ""),
    "token_client_id": Key(text, "what the broker is called there (its API key)", ""),
    "token_key_secret": Key(text, "name of the secret that holds the private key (PEM) it signs with", ""),
    "token_key_id": Key(text, "what that key is called there (kid)", ""),
    "token_algorithm": Key(one_of(*ALGORITHMS), f"how it signs: {', '.join(ALGORITHMS)}", "RS512"),
    "token_scope": Key(text, "the scope asked for there, where one is needed", ""),
    "token_exchange": Key(switch, "yes: a token for each worker, in exchange for a JWT that names them", False),
}
_TOKEN = ("token_client_id", "token_key_secret", "token_key_id")


def check_credentials(options: Mapping[str, Any]) -> None:
    """What the credentials' values, each right by itself, lack together. Raises InvalidInput."""
    if not options.get("token_url"):
        if name := next((each for each in _TOKEN if options.get(each)), None):
            raise wrong("token_url", f"is needed beside {name}")
        if options.get("token_exchange"):
            raise wrong("token_url", "is needed beside token_exchange")
        return
    for each in _TOKEN:
        if not options.get(each):
            raise wrong(each, "is needed beside token_url")
    if options.get("bearer_secret"):
        raise wrong("bearer_secret", "and token_url cannot both be used")


def signed_jwt(options: Mapping[str, Any]) -> SignedJwt | None:
    """How a token is asked for; None where none is."""
    if not options.get("token_url"):
        return None
    return SignedJwt(
        token_url=options["token_url"],
        client_id=options["token_client_id"],
        key_secret=options["token_key_secret"],
        kid=options["token_key_id"],
        algorithm=options["token_algorithm"],
        scope=options["token_scope"],
        exchange=options["token_exchange"],
    )
