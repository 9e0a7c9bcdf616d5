"""Where to go on: the whole of a search and the place its last page ended, sealed so that only we can read or make it.

Keeps nothing and remembers no result: whoever follows a link is decided on, and everything is fetched, again. A link
is of use to nobody but whom it was given to, and says nothing to whoever reads it in a log.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from broker.api.fhir_read.query import Pairs
from broker.errors import InvalidInput

_LONGEST = 8000


def seal(key: bytes, *, owner: Sequence[str], pairs: Pairs, after: tuple[float, str]) -> str:
    """A link's text. The same for the same search at the same place (RFC 5297), so that it tells nothing by itself."""
    plain = json.dumps([pairs, after], separators=(",", ":")).encode()
    sealed = AESSIV(key).encrypt(plain, [each.encode() for each in owner])
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def opened(key: bytes, text: str, *, owner: Sequence[str]) -> tuple[Pairs, tuple[float, str]]:
    """What ``seal`` sealed for the same ``owner``. Raises InvalidInput for anything else, all of it alike."""
    try:
        if len(text) > _LONGEST:
            raise ValueError
        sealed = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        pairs, (at, last) = json.loads(AESSIV(key).decrypt(sealed, [each.encode() for each in owner]))
    except (ValueError, UnicodeEncodeError, binascii.Error, InvalidTag) as error:
        raise InvalidInput("page-unknown", "There is no such page of yours.", field="_page") from error
    return tuple((str(name), str(value)) for name, value in pairs), (float(at), str(last))
