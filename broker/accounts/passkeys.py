"""Passkeys (W3C Web Authentication Level 3): made, used and taken away. Always with user verification: two factors.

What a browser sends is checked by ``webauthn``; whatever it raises, the answer is no. The challenge is a ticket of the
browser it was made for. Every key can be found without a name being typed, so that no page says whose name is known.
"""

from __future__ import annotations

import hmac
import json
import re
import struct
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import webauthn
from cryptography.exceptions import UnsupportedAlgorithm
from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from webauthn.helpers import bytes_to_base64url, options_to_json
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from broker.accounts.models import Account, Passkey
from broker.errors import Conflict, InvalidInput, NotAuthenticated

ALGORITHMS = [
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,  # all that many Windows machines have
]
MOST = 10
_ID = re.compile(r"[A-Za-z0-9_-]{1,1400}")
LONGEST_ANSWER = 16 * 1024
# What reading bytes that somebody made up may raise, beside the library's own.
_UNREADABLE = (
    WebAuthnException,
    UnsupportedAlgorithm,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    struct.error,
)


@dataclass(frozen=True, slots=True)
class Site:
    """Whom passkeys are for: the host they are bound to, and the one origin their answers come from."""

    host: str
    origin: str
    label: str

    @classmethod
    def at(cls, issuer: str, *, label: str) -> Site:
        parts = urlsplit(issuer)
        return cls(host=parts.hostname or "", origin=f"{parts.scheme}://{parts.netloc}", label=label)

    @property
    def takes_passkeys(self) -> bool:
        """Whether a browser would make one here: never for a bare address, and in clear text for localhost alone."""
        try:
            ip_address(self.host)
        except ValueError:
            return self.origin.startswith("https://") or self.host == "localhost"
        return False


def to_make(site: Site, *, challenge: bytes, handle: bytes, name: str, display: str, known: list[Passkey]) -> str:
    """The options that a browser makes a new passkey with, as JSON. ``known`` are not made a second time."""
    options = webauthn.generate_registration_options(
        rp_id=site.host,
        rp_name=site.label,
        user_id=handle,
        user_name=name,
        user_display_name=display,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            require_resident_key=True,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=_bytes(each.credential_id)) for each in known],
        supported_pub_key_algs=ALGORITHMS,
    )
    return options_to_json(options)


def to_use(site: Site, *, challenge: bytes) -> str:
    """The options that a browser proves a passkey with, as JSON. Names no key: the same for everybody."""
    return options_to_json(
        webauthn.generate_authentication_options(
            rp_id=site.host, challenge=challenge, user_verification=UserVerificationRequirement.REQUIRED
        )
    )


def add(
    session: Session, site: Site, answer: str, *, person: str, challenge: bytes, label: str, now: datetime
) -> Passkey:
    """Keep the passkey that a browser has made for ``person``. Raises InvalidInput or Conflict. The caller commits."""
    if len(of_person(session, person)) >= MOST:
        raise Conflict("passkeys-enough", "Remove a passkey that you do not use before you add another.")
    try:
        sent = _read(answer)
        made = webauthn.verify_registration_response(
            credential=sent,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
            supported_pub_key_algs=ALGORITHMS,
        )
    except _UNREADABLE as error:
        raise InvalidInput("passkey-not-made", "The passkey could not be made. Try again.", field="passkey") from error
    kept = Passkey(
        person_id=person,
        credential_id=bytes_to_base64url(made.credential_id),
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        aaguid=made.aaguid,
        transports=_transports(sent),
        label=label.strip()[:60] or "Passkey",
        made_at=now,
    )
    session.add(kept)
    try:
        session.flush()
    except IntegrityError as error:
        session.rollback()
        raise Conflict("passkey-taken", "This passkey is somebody's already.") from error
    return kept


def accept(session: Session, site: Site, answer: str, *, challenge: bytes, now: datetime) -> Passkey:
    """The passkey that a browser has proved just now. Raises NotAuthenticated, in one way for every reason. Commits."""
    try:
        if not challenge:
            raise ValueError("there is no challenge of this browser's")
        sent = _read(answer)
        kept = _called(session, str(sent["id"]))
        proved = webauthn.verify_authentication_response(
            credential=sent,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=kept.public_key,
            credential_current_sign_count=kept.sign_count,
            require_user_verification=True,
        )
        _must_be_theirs(session, kept, sent)
    except _UNREADABLE as error:
        raise not_proved() from error
    used = session.execute(
        update(Passkey)
        .where(
            Passkey.id == kept.id,
            Passkey.removed_at.is_(None),
            # A copy of the key, used at the same moment, would count to the same number.
            or_(Passkey.sign_count < proved.new_sign_count, Passkey.sign_count == 0),
        )
        .values(sign_count=proved.new_sign_count, used_at=now)
        .returning(Passkey.id)
        .execution_options(synchronize_session=False)
    ).first()
    session.commit()
    if used is None:
        raise not_proved()
    session.refresh(kept)
    return kept


def of_person(session: Session, person: str) -> list[Passkey]:
    """The passkeys in use, oldest first."""
    query = select(Passkey).where(Passkey.person_id == person, Passkey.removed_at.is_(None))
    return list(session.scalars(query.order_by(Passkey.made_at, Passkey.id)))


def not_proved() -> NotAuthenticated:
    return NotAuthenticated("passkey-not-proved", "The passkey was not accepted. Try again.")


def _called(session: Session, credential_id: str) -> Passkey:
    if not _ID.fullmatch(credential_id):
        raise ValueError("no passkey is called that")
    kept = session.scalar(
        select(Passkey)
        .where(Passkey.credential_id == credential_id, Passkey.removed_at.is_(None))
        .execution_options(populate_existing=True)
    )
    if kept is None:
        raise KeyError("there is no such passkey")
    return kept


def _must_be_theirs(session: Session, kept: Passkey, sent: dict[str, Any]) -> None:
    """Raises ValueError where the answer names another account than the key's (§7.2, step 6)."""
    account = session.get(Account, kept.person_id)
    named = sent["response"].get("userHandle")
    if account is None or not isinstance(named, str) or not hmac.compare_digest(_bytes(named), account.handle):
        raise ValueError("the passkey is another account's")


def _read(answer: str) -> dict[str, Any]:
    if len(answer) > LONGEST_ANSWER:
        raise ValueError("the answer is too long")
    sent = json.loads(answer)
    if not isinstance(sent, dict) or not isinstance(sent.get("response"), dict):
        raise ValueError("the answer is no credential")
    return sent


def _transports(sent: dict[str, Any]) -> list[str]:
    said = sent["response"].get("transports")
    known = ("usb", "nfc", "ble", "smart-card", "hybrid", "internal")
    return [each for each in known if isinstance(said, list) and each in said]


def _bytes(text: str) -> bytes:
    return webauthn.base64url_to_bytes(text)
