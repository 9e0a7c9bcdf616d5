"""Signed notes and checkpoints, as C2SP writes them (signed-note v1.0.0, tlog-checkpoint v1.0.0).

Pure: text in, text out. Ed25519 only; a signature by a key it was not asked about is passed over, never trusted.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_ED25519 = b"\x01"
_NAME = re.compile(r"[^\s+]+")
_SIGNATURE_LINE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+=*)")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class NoteInvalid(ValueError):
    """The note is malformed, or no signature on it is by the key it should be signed with."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key and the name it signs under. ``str()`` is its C2SP form: ``name+hash+base64(type‖key)``."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or len(self.public_key) != 32:
            raise NoteInvalid("a verifier has a name without spaces or plus signs, and 32 bytes of key")

    @property
    def key_hash(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_hash.hex()}+{base64.b64encode(_ED25519 + self.public_key).decode()}"

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Raises NoteInvalid for anything but an Ed25519 key whose hash is its own."""
        name, _, rest = text.strip().partition("+")
        key_hash, _, encoded = rest.partition("+")
        key = _base64(encoded)
        if key[:1] != _ED25519:
            raise NoteInvalid("this is not an Ed25519 verifier key")
        verifier = cls(name, key[1:])
        if key_hash != verifier.key_hash.hex():
            raise NoteInvalid("the verifier key's hash is not its own")
        return verifier


@dataclass(frozen=True, slots=True)
class Signer:
    """A name and a 32-byte Ed25519 seed."""

    name: str
    seed: bytes = field(repr=False)

    @property
    def verifier(self) -> Verifier:
        return Verifier(self.name, self._key.public_key().public_bytes_raw())

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    def sign(self, text: str) -> str:
        """The signed note. ``text`` ends with a newline."""
        if not text.endswith("\n") or "\n\n" in text:
            raise NoteInvalid("a note's text ends with a newline and has no empty line")
        signature = base64.b64encode(self.verifier.key_hash + self._key.sign(text.encode())).decode()
        return f"{text}\n— {self.name} {signature}\n"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself at one size."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Raises NoteInvalid. Extension lines are allowed and passed over (tlog-checkpoint)."""
        lines = text.split("\n")
        if len(lines) < 4 or not lines[0] or not _SIZE.fullmatch(lines[1]):
            raise NoteInvalid("a checkpoint has an origin, a size and a root")
        root = _base64(lines[2])
        if len(root) != 32:
            raise NoteInvalid("a checkpoint's root is 32 bytes")
        return cls(lines[0], int(lines[1]), root)


def open_note(note: str, verifier: Verifier) -> str:
    """The note's text, once ``verifier``'s signature on it has been checked. Raises NoteInvalid."""
    text, separator, signatures = note.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise NoteInvalid("a signed note has a text, an empty line and signatures")
    text += "\n"
    for line in signatures[:-1].split("\n"):
        match = _SIGNATURE_LINE.fullmatch(line)
        if match is None:
            raise NoteInvalid("a signature line is malformed")
        signature = _base64(match[2])
        if match[1] == verifier.name and signature[:4] == verifier.key_hash:
            _check(signature[4:], text, verifier)
            return text
    raise NoteInvalid(f"the note is not signed by {verifier.name}")


def open_checkpoint(note: str, verifier: Verifier) -> Checkpoint:
    """The checkpoint, its signature checked and its origin the verifier's own name. Raises NoteInvalid."""
    checkpoint = Checkpoint.parse(open_note(note, verifier))
    if checkpoint.origin != verifier.name:
        raise NoteInvalid("the checkpoint is of another log")
    return checkpoint


def _check(signature: bytes, text: str, verifier: Verifier) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(verifier.public_key).verify(signature, text.encode())
    except (InvalidSignature, ValueError) as error:
        raise NoteInvalid(f"the signature by {verifier.name} does not hold") from error


def _base64(text: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteInvalid("not base64") from error
    if base64.b64encode(decoded).decode() != text:
        raise NoteInvalid("base64 with stray bits")
    return decoded
