"""A file of keys that bundles and reports, or tokens' answers, are signed with: which one signs, which are accepted.

A key is announced, then signs, then is only accepted, and at last retired: whoever verifies is told of a key before
what is in force is signed with it, and until it is retired nothing that was signed with it stops being accepted. Then
its private half is thrown away. Never shows a private key, and never keeps one where others may read.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from broker.errors import Conflict, Misconfigured, NotFound

PrivateKey = EllipticCurvePrivateKey


class Standing(StrEnum):
    """What a key is for now, in the order of its life."""

    ANNOUNCED = "announced"  # accepted, and signs for whoever asks for it by name
    SIGNING = "signing"
    ACCEPTED = "accepted"  # as announced, until nobody needs it
    RETIRED = "retired"  # accepted no more; its name stays, so that it is known for what it was


@dataclass(frozen=True)
class Key:
    """One key of the file. ``kid`` is its thumbprint (RFC 7638), so that nobody can give it another."""

    kid: str
    standing: Standing
    kept: dict[str, str]  # the JSON Web Key; with ``d`` until it is retired

    @cached_property
    def _read(self) -> ECKey:
        return ECKey.import_key(dict(self.kept))

    @property
    def jwk(self) -> dict[str, Any]:
        return {**self._read.as_dict(private=False), "kid": self.kid}

    @property
    def pem(self) -> str:
        return self._read.as_pem(private=False).decode()

    @property
    def public(self) -> EllipticCurvePublicKey:
        return self._read.public_key

    @property
    def private(self) -> PrivateKey:
        if self._read.private_key is None:
            raise Misconfigured(f"the private half of the signing key {self.kid} is missing")
        return self._read.private_key

    def become(self, standing: Standing) -> Key:
        """The same key in its next standing, without its private half where that is the last."""
        may_sign = standing is not Standing.RETIRED
        return Key(self.kid, standing, {name: part for name, part in self.kept.items() if may_sign or name != "d"})


class Keyring:
    """The keys in one file. Every reading is of the file as it is; every change replaces it whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def every(self) -> list[Key]:
        """Every key, oldest first. Makes the first where there is none."""
        if not self._path.exists():
            with self._alone():
                if not self._path.exists():
                    self._write([_new(Standing.SIGNING)])
        return self._read()

    def accepted(self) -> dict[str, Key]:
        """The keys whose signatures hold, by ``kid``."""
        return {key.kid: key for key in self.every() if key.standing is not Standing.RETIRED}

    def signing(self, kid: str | None = None) -> tuple[str, PrivateKey]:
        """The one key that signs, or the accepted one called ``kid``, and its name. Raises NotFound for another."""
        accepted = self.accepted()
        if kid is None:
            kid = next(key.kid for key in accepted.values() if key.standing is Standing.SIGNING)
        if kid not in accepted:
            raise NotFound("key-unknown", "There is no such key in use.")
        return kid, accepted[kid].private

    def announce(self) -> Key:
        """Make the next key, to be accepted everywhere before it signs. Raises Conflict where one is announced."""
        new = _new(Standing.ANNOUNCED)

        def change(keys: list[Key]) -> list[Key]:
            if any(key.standing is Standing.ANNOUNCED for key in keys):
                raise Conflict("key-announced", "A key is announced already. Rotate to it first.")
            return [*keys, new]

        self._change(change)
        return new

    def rotate(self) -> Key:
        """Let the announced key sign; the one that did is only accepted. Raises Conflict where none is announced."""
        following = {Standing.ANNOUNCED: Standing.SIGNING, Standing.SIGNING: Standing.ACCEPTED}

        def change(keys: list[Key]) -> list[Key]:
            if not any(key.standing is Standing.ANNOUNCED for key in keys):
                raise Conflict("key-not-announced", "Announce the next key first, and give it to whoever verifies.")
            return [key.become(following.get(key.standing, key.standing)) for key in keys]

        return next(key for key in self._change(change) if key.standing is Standing.SIGNING)

    def retire(self, kid: str) -> Key:
        """Accept a key no more. Raises NotFound, and Conflict for one that signs or is about to."""

        def change(keys: list[Key]) -> list[Key]:
            found = next((key for key in keys if key.kid == kid), None)
            if found is None or found.standing is Standing.RETIRED:
                raise NotFound("key-unknown", "There is no such key in use.")
            if found.standing is not Standing.ACCEPTED:
                raise Conflict("key-in-use", "This key signs, or is about to. Rotate to another first.")
            return [key.become(Standing.RETIRED) if key is found else key for key in keys]

        return next(key for key in self._change(change) if key.kid == kid)

    def _change(self, change: Callable[[list[Key]], list[Key]]) -> list[Key]:
        self.every()
        with self._alone():
            keys = change(self._read())
            self._write(keys)
        return keys

    def _read(self) -> list[Key]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))["keys"]
            keys = [_key(kept) for kept in found]
        except (OSError, ValueError, TypeError, KeyError, JoseError) as error:
            raise Misconfigured(f"the signing keys in {self._path} cannot be read: {type(error).__name__}") from error
        if [key.standing for key in keys].count(Standing.SIGNING) != 1:
            raise Misconfigured(f"exactly one key in {self._path} signs")
        return keys

    def _write(self, keys: list[Key]) -> None:
        """Whole under another name, then in place: nobody ever reads half of it."""
        draft = self._path.with_name(f"{self._path.name}.{secrets.token_hex(8)}")
        content = {"keys": [{**key.kept, "kid": key.kid, "standing": key.standing.value} for key in keys]}
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump(content, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            raise Misconfigured(f"the signing keys cannot be kept in {self._path.parent}: {error}") from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time: two that start together agree on one key, and no change is lost."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._path.with_name(f"{self._path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Misconfigured(f"the signing keys cannot be kept in {self._path.parent}: {error}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _new(standing: Standing) -> Key:
    made = ECKey.generate_key("P-256", private=True)
    kept = {name: str(part) for name, part in made.as_dict(private=True).items() if name != "kid"}
    return Key(made.thumbprint(), standing, kept)


def _key(kept: dict[str, str]) -> Key:
    """A key as kept. Raises ValueError where it is not the key that its name says, or of another curve."""
    read = ECKey.import_key({name: kept[name] for name in ("kty", "crv", "x", "y", "d") if name in kept})
    if read.curve_name != "P-256" or read.thumbprint() != kept["kid"]:
        raise ValueError("not the key that its name says")
    return Key(kept["kid"], Standing(kept["standing"]), {n: p for n, p in kept.items() if n not in ("kid", "standing")})
