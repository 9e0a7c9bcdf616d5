"""How the broker proves itself to a source: bearer token, client certificate, private authority. Stores no secret.

Configuration names secrets; the values are read when first used, and again after a source refuses them, so that a
rotated one is taken up without a restart. Certificates are always verified: there is no setting that turns it off.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from dataclasses import dataclass, field

from broker.vocabulary import GapCause

from .answering import Secret, Unanswered


@dataclass
class Credentials:
    """The names of a source's secrets, any of them empty, and what was read of them."""

    secret: Secret = field(repr=False)
    bearer: str = ""
    certificate: str = ""  # PEM: the client certificate, its chain and its private key
    authority: str = ""  # PEM: the authority that signed the source's certificate
    _context: ssl.SSLContext | None = field(default=None, repr=False)
    _token: str | None = field(default=None, repr=False)

    def headers(self) -> dict[str, str]:
        if not self.bearer:
            return {}
        if self._token is None:
            self._token = self._read(self.bearer)
            if not self._token.isascii() or not self._token.isprintable() or " " in self._token:
                self._token = None
                raise Unanswered(GapCause.REFUSED, "the broker's bearer token for it cannot be used")
        return {"Authorization": f"Bearer {self._token}"}

    def context(self) -> ssl.SSLContext:
        """The TLS context of this source: one object, so that its connections are kept and reused."""
        if self._context is None:
            self._context = self._make_context()
        return self._context

    def forget(self) -> None:
        """Read the secrets again next time: the source refused them."""
        self._token = self._context = None

    def _make_context(self) -> ssl.SSLContext:
        try:
            authority = self._read(self.authority) if self.authority else None
            context = ssl.create_default_context(cadata=authority)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.certificate:
                _load(context, self._read(self.certificate))
        except (ssl.SSLError, ValueError) as error:
            raise Unanswered(GapCause.REFUSED, "the broker's certificate for it cannot be used") from error
        return context

    def _read(self, name: str) -> str:
        try:
            value = self.secret(name)
            text = value.decode() if isinstance(value, bytes) else value
        except Exception as error:  # whatever keeps secrets may fail in its own way
            raise Unanswered(GapCause.REFUSED, f"the broker's secret {name!r} for it cannot be read") from error
        if not text.strip():
            raise Unanswered(GapCause.REFUSED, f"the broker's secret {name!r} for it is empty")
        return text.strip()


def _load(context: ssl.SSLContext, pem: str) -> None:
    """``load_cert_chain`` takes only a path, so the key is shown to it through a file that is gone at once."""
    with tempfile.TemporaryDirectory(prefix="broker-") as folder:
        path = os.path.join(folder, "client.pem")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(pem)
        context.load_cert_chain(path, password="")
