"""How the broker proves itself to a source: bearer token, signed assertion, client certificate. Stores no secret.

Configuration names secrets; the values are read when first used, and again after a source refuses them, so that a
rotated one is taken up without a restart. Certificates are always verified: there is no setting that turns it off.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from yarl import URL

from broker.records.source import Asker
from broker.vocabulary import GapCause, Purpose

from .answering import Clock, Secret, Unanswered, utc_now
from .signed_jwt import Given, SignedJwt, given

MOST_ASKERS = 256  # workers whose tokens are kept at once; whoever asked longest ago asks for a new one


@dataclass
class Credentials:
    """The names of a source's secrets, any of them empty, and what was read of them."""

    secret: Secret = field(repr=False)
    bearer: str = ""
    certificate: str = ""  # PEM: the client certificate, its chain and its private key
    authority: str = ""  # PEM: the authority that signed the source's certificate
    signed: SignedJwt | None = None  # a token is asked for with an assertion, in place of a ``bearer`` one
    clock: Clock = utc_now
    _context: ssl.SSLContext | None = field(default=None, repr=False)
    _token: str | None = field(default=None, repr=False)
    _given: Given | None = field(default=None, repr=False)
    _turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = field(
        default_factory=WeakKeyDictionary, repr=False
    )
    _asker: Asker | None = field(default=None, repr=False)
    _whole: Credentials | None = field(default=None, repr=False)  # the source's, of which these are one worker's
    _askers: OrderedDict[tuple[str, str, str], Credentials] = field(default_factory=OrderedDict, repr=False)
    _nobody: Credentials | None = field(default=None, repr=False)
    # Until when this source, at each of its addresses, asked to be left alone. One for all that ask it.
    rests: dict[URL, float] = field(default_factory=dict, repr=False)

    def on_behalf_of(self, asker: Asker | None) -> Credentials:
        """What is shown for ``asker``: these, or a token of their own where the source wants one for each worker.

        Raises Unanswered where it does and no worker is named, as by a partner's system that asks for itself, or by a
        resident who reads their own record: one person's token is never used for another.
        """
        if self.signed is None or not self.signed.exchange:
            return self
        if asker is None or not asker.person or asker.purpose is Purpose.OWN_RECORD:
            raise Unanswered(GapCause.REFUSED, "must be told which worker asks, and none was named")
        who = (asker.organisation, asker.role.value, asker.person)
        known = self._askers.pop(who, None)
        if known is None:
            known = Credentials(
                self.secret, signed=self.signed, clock=self.clock, _asker=asker, _whole=self, rests=self.rests
            )
        self._askers[who] = known
        while len(self._askers) > MOST_ASKERS:
            self._askers.popitem(last=False)
        return known

    def headers(self) -> dict[str, str]:
        if self.signed is not None:
            return {"Authorization": f"Bearer {self._given.text}"} if self._given else {}
        if not self.bearer:
            return {}
        if self._token is None:
            self._token = self._read(self.bearer)
            if not self._token.isascii() or not self._token.isprintable() or " " in self._token:
                self._token = None
                raise Unanswered(GapCause.REFUSED, "the broker's bearer token for it cannot be used")
        return {"Authorization": f"Bearer {self._token}"}

    def needs_token(self) -> bool:
        """Whether a token must be asked for before the source is."""
        return self.signed is not None and (self._given is None or self.clock() >= self._given.until)

    def turn(self) -> asyncio.Lock:
        """Whoever holds it asks for the token; the others of this loop wait, and find it there."""
        return self._turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())

    def token_form(self) -> list[tuple[str, str]]:
        """A token request, never made before."""
        assert self.signed is not None, "only a signed assertion is exchanged for a token"
        return self.signed.form(self._read(self.signed.key_secret), now=self.clock(), asker=self._asker)

    def keep(self, answer: Any) -> None:
        """Keep the token that was given, in memory alone."""
        self._given = given(answer, now=self.clock())

    def unsigned(self) -> Credentials:
        """The same connection without a token: for the token address itself."""
        if self._whole is not None:
            return self._whole.unsigned()
        return Credentials(
            self.secret,
            certificate=self.certificate,
            authority=self.authority,
            _context=self._context,
            rests=self.rests,
        )

    def of_nobody(self) -> Credentials:
        """Neither token nor certificate: for an address that is not the source's own. The same authority is trusted."""
        if self._whole is not None:
            return self._whole.of_nobody()
        if self._nobody is None:
            self._nobody = Credentials(self.secret, authority=self.authority, rests=self.rests)
        return self._nobody

    def context(self) -> ssl.SSLContext:
        """The TLS context of this source: one object, so that its connections are kept and reused."""
        if self._whole is not None:
            return self._whole.context()
        if self._context is None:
            self._context = self._make_context()
        return self._context

    def forget(self) -> None:
        """Read the secrets again next time: the source refused them."""
        self._token = self._context = self._given = None
        if self._whole is not None:
            self._whole._context = None

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
