"""What an operator can set, read once from the environment. Each field says its unit and its effect.

Every variable is ``BROKER_`` and the field's name in capitals. ``docs/settings.md`` is generated from here.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from broker.errors import Misconfigured


def _setting(default: Any, doc: str) -> Any:
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The broker's configuration. Build it with ``from_environment`` or, in tests, by naming fields."""

    data_folder: Path = _setting(
        Path("var"), "Folder for the embedded database, keys and secrets. Created with mode 0700."
    )
    database_url: str = _setting("", "SQLAlchemy URL of the database. Empty: an SQLite file in the data folder.")
    bind: str = _setting("127.0.0.1:8080", "Address and port the broker serves on.")
    public_url: str = _setting("", "The URL partners use, as in tokens' audience. Empty: http:// and the bind address.")
    trusted_proxies: int = _setting(
        0, "Number of your own proxies in front, whose X-Forwarded-For is believed. 0: nobody's is, whatever is sent."
    )
    workers: int = _setting(2, "Number of gunicorn worker processes.")
    threads: int = _setting(16, "Number of threads in each worker.")
    demonstration: bool = _setting(
        False, "Turns on the demonstration sign-in. Only `broker demo` sets it; refused beside a non-loopback address."
    )
    policy_engine: str = _setting("embedded", "`embedded` or `opa`.")
    opa_url: str = _setting("", "Base URL of the OPA server, where policy_engine is `opa`.")
    opa_ca: str = _setting("", "Path of the certificate authority for an https OPA server.")
    bundle_token: str = _setting(
        "", "Bearer token an OPA server presents to fetch the policy bundle and to report what it does. Empty: neither."
    )
    decision_deadline_ms: int = _setting(250, "Milliseconds a policy engine may take; later is a refusal.")
    source_deadline_ms: int = _setting(3000, "Milliseconds a source system may take; later is a stated gap.")
    source_answer_bytes: int = _setting(8 * 1024 * 1024, "Most bytes accepted from one source for one view.")
    egress_hosts: tuple[str, ...] = _setting(
        (), "Host names (comma separated, `host` or `host:port`) that sources may be at. Others are never called."
    )
    body_bytes: int = _setting(1024 * 1024, "Most bytes in a request's body; more is refused with 413.")
    token_seconds: int = _setting(300, "Seconds an access token lives.")
    refresh_days: int = _setting(
        30,
        "Days a partner's system may renew what somebody let it do; what stands on a consent ends with it.",
    )
    dpop_nonces: bool = _setting(
        False,
        "Whether every DPoP proof must carry a nonce of ours (RFC 9449 section 8): none is then made ahead.",
    )
    session_idle_seconds: int = _setting(1800, "Seconds of inactivity after which a resident's session ends.")
    staff_idle_seconds: int = _setting(900, "Seconds of inactivity after which a worker's session ends.")
    fresh_seconds: int = _setting(
        300,
        "Seconds after proving who they are in which somebody may use emergency access, widen sharing or sign.",
    )
    membership_idle_days: int = _setting(90, "Days after which a membership that nobody signs in to lapses. 0: never.")
    session_seconds: int = _setting(43200, "Seconds after which a signed-in session ends in any case.")
    lookups_per_minute: int = _setting(5, "Residents one person may look for in a minute.")
    lookups_per_day: int = _setting(50, "Residents one person may look for in a day.")
    request_days: int = _setting(14, "Days a resident has to answer an access request; then it expires.")
    decision_days: int = _setting(
        180, "Days a decision can be replayed: its question is kept so long, encrypted and without names, then emptied."
    )
    checkpoint_seconds: int = _setting(60, "Most seconds between signed checkpoints of the trail while it grows.")
    log_level: str = _setting("INFO", "Least severe log level written: DEBUG, INFO, WARNING or ERROR.")

    def __post_init__(self) -> None:
        if self.policy_engine not in ("embedded", "opa"):
            raise Misconfigured(f"BROKER_POLICY_ENGINE must be 'embedded' or 'opa', not {self.policy_engine!r}")
        if self.policy_engine == "opa" and not self.opa_url:
            raise Misconfigured("BROKER_OPA_URL is needed when BROKER_POLICY_ENGINE is 'opa'")
        if self.demonstration and not (is_loopback(self.host) and is_loopback(urlsplit(self.issuer).hostname or "")):
            raise Misconfigured("the demonstration sign-in cannot be turned on beside a non-loopback address")
        if self.demonstration and self.trusted_proxies:
            raise Misconfigured("a demonstration is served to its own machine alone, and believes no proxy")
        for host in self.egress_hosts:
            if not _HOST.fullmatch(host):
                raise Misconfigured(
                    f"BROKER_EGRESS_HOSTS: {host!r} is neither a host nor host:port (no scheme, no path, no wildcard)"
                )
        for limit in (
            "workers",
            "threads",
            "decision_deadline_ms",
            "source_deadline_ms",
            "token_seconds",
            "body_bytes",
            "decision_days",
        ):
            if getattr(self, limit) < 1:
                raise Misconfigured(f"BROKER_{limit.upper()} must be at least 1")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read every ``BROKER_`` variable. Raises Misconfigured for one that is unknown or does not parse."""
        known = {f"BROKER_{f.name.upper()}": f for f in fields(cls)}
        values: dict[str, Any] = {}
        for name, text in environment.items():
            if not name.startswith("BROKER_"):
                continue
            if name not in known:
                raise Misconfigured(f"{name} is not a setting; see docs/settings.md")
            values[known[name].name] = _parse(name, str(known[name].type), text)
        return cls(**values)

    @property
    def host(self) -> str:
        return self.bind.rpartition(":")[0].strip("[]")

    @property
    def issuer(self) -> str:
        """The broker's own URL, configured and never taken from a request."""
        return (self.public_url or f"http://{self.bind}").rstrip("/")

    @property
    def sqlalchemy_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_folder.absolute() / 'broker.sqlite3'}"

    def secret(self, name: str) -> bytes:
        """32 random bytes kept in the data folder under ``name``, made on first use, readable by the owner alone."""
        path = self.data_folder / "secrets" / name
        try:
            if not path.exists():
                self._make_secret(path)
            value = bytes.fromhex(path.read_text())
        except (OSError, ValueError) as error:
            raise Misconfigured(f"the secret {name!r} cannot be kept in {path.parent}: {error}") from error
        if len(value) != 32:
            raise Misconfigured(f"the secret {name!r} in {path.parent} is not 32 bytes")
        return value

    def kept_secret(self, name: str) -> bytes | None:
        """The secret kept under ``name``; None where there is none, and none is made."""
        return self.secret(name) if (self.data_folder / "secrets" / name).exists() else None

    def retire_secret(self, name: str, *, kept_as: str) -> None:
        """Keep the secret ``name`` under another name, so that the next use of ``name`` makes a new one."""
        folder = self.data_folder / "secrets"
        (folder / name).rename(folder / kept_as)

    @staticmethod
    def _make_secret(path: Path) -> None:
        # Written whole under another name, then linked: two processes that start together agree on one secret.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()


# A name or an IPv4 address, or an IPv6 address (in brackets where a port follows), and perhaps a port.
_HOST = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::(?:[1-9][0-9]{0,4}))?|[0-9a-f]*:[0-9a-f:.]{1,44}",
    re.IGNORECASE | re.ASCII,
)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _parse(name: str, kind: str, text: str) -> Any:
    try:
        match kind:
            case "int":
                return int(text)
            case "bool":
                return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]
            case "Path":
                return Path(text)
            case "tuple[str, ...]":
                return tuple(part.strip() for part in text.split(",") if part.strip())
            case _:
                return text
    except (ValueError, KeyError) as error:
        raise Misconfigured(f"{name}={text!r} is not a valid {kind}") from error
