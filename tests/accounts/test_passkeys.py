"""A passkey is taken from the right place, by its own person, once; everything else is refused in the same words."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.orm import Session
from webauthn.helpers import bytes_to_base64url

from broker.accounts import account, passkeys
from broker.accounts.models import Passkey
from broker.accounts.passkeys import Site
from broker.errors import Conflict, InvalidInput, NotAuthenticated
from tests.accounts.authenticator import ES512, PRESENT, Device
from tests.accounts.conftest import ORIGIN, SITE, Kept
from tests.people import NOON


def _prove(session: Session, device: Device, *, origin: str = ORIGIN, **how: Any) -> Passkey:
    challenge = secrets.token_bytes(32)
    answer = device.prove(passkeys.to_use(SITE, challenge=challenge), origin=origin, **how)
    return passkeys.accept(session, SITE, answer, challenge=challenge, now=NOON)


def _make(session: Session, device: Device, *, person: str = "adviser", origin: str = ORIGIN, **how: Any) -> Passkey:
    challenge = secrets.token_bytes(32)
    handle = account.handle_for(session, person)
    options = passkeys.to_make(SITE, challenge=challenge, handle=handle, name="sol", display="Sol", known=[])
    answer = device.make(options, origin=origin, **how)
    return passkeys.add(session, SITE, answer, person=person, challenge=challenge, label="", now=NOON)


def test_a_passkey_proves_whose_it_is(settled: Session, adviser: Kept) -> None:
    proved = _prove(settled, adviser.device)
    assert (proved.person_id, proved.used_at) == ("adviser", NOON)
    settled.refresh(proved)
    assert proved.sign_count == 1


@pytest.mark.parametrize(
    "how",
    [
        {"origin": "https://broker.example.elsewhere.example"},
        {"origin": "http://broker.example"},
        {"origin": "https://broker.example:8443"},
        {"host": "elsewhere.example"},
        {"challenge": bytes_to_base64url(bytes(32))},
        {"flags": PRESENT},
        {"flags": 0},
        {"kind": "webauthn.create"},
        {"signer": ec.generate_private_key(ec.SECP256R1())},
        {"handle": b"somebody else"},
        {"handle": None},
    ],
    ids=lambda how: "-".join(how) if isinstance(how, dict) else str(how),
)
def test_a_proof_with_anything_wrong_is_refused(settled: Session, adviser: Kept, how: dict[str, Any]) -> None:
    with pytest.raises(NotAuthenticated, match="The passkey was not accepted"):
        _prove(settled, adviser.device, **how)
    assert _prove(settled, adviser.device).person_id == "adviser"


def test_a_count_that_goes_back_or_stands_still_betrays_a_copy(settled: Session, adviser: Kept) -> None:
    _prove(settled, adviser.device, counts=5)
    for step in (0, -2):
        with pytest.raises(NotAuthenticated):
            _prove(settled, adviser.device, counts=step)


def test_a_device_that_never_counts_is_taken(settled: Session, adviser: Kept) -> None:
    for _ in range(2):
        assert _prove(settled, adviser.device, counts=0).sign_count == 0


def test_a_key_nobody_here_has_is_refused(settled: Session, adviser: Kept) -> None:
    with pytest.raises(NotAuthenticated):
        _prove(settled, Device(handle=adviser.device.handle))


def test_a_key_that_was_taken_away_is_refused(settled: Session, adviser: Kept) -> None:
    passkeys.of_person(settled, "adviser")[0].removed_at = NOON
    settled.commit()
    with pytest.raises(NotAuthenticated):
        _prove(settled, adviser.device)


def test_one_of_another_algorithm_is_not_made(settled: Session, adviser: Kept) -> None:
    device = Device(key=ec.generate_private_key(ec.SECP521R1()))
    with pytest.raises(InvalidInput):
        _make(settled, device, alg=ES512)


@pytest.mark.parametrize(
    "how",
    [
        {"origin": "https://elsewhere.example"},
        {"host": "elsewhere.example"},
        {"challenge": bytes_to_base64url(bytes(32))},
        {"flags": PRESENT},
    ],
    ids=lambda how: "-".join(how),
)
def test_one_with_anything_wrong_is_not_made(settled: Session, adviser: Kept, how: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="could not be made"):
        _make(settled, Device(), **how)
    assert len(passkeys.of_person(settled, "adviser")) == 1
    assert _make(settled, Device()).label == "Passkey"


def test_a_key_that_is_somebodys_is_nobody_elses(settled: Session, adviser: Kept) -> None:
    account.make(settled, "gp", "noor", now=NOON)
    settled.commit()
    with pytest.raises(Conflict, match="somebody's already"):
        _make(settled, adviser.device, person="gp")


def test_nobody_has_more_than_ten(settled: Session, adviser: Kept) -> None:
    for _ in range(9):
        _make(settled, Device())
    with pytest.raises(Conflict, match="Remove a passkey"):
        _make(settled, Device())


NO_ANSWERS = ("", "{", "[]", "null", "1", '{"response":{}}', '{"id":"x","response":{}}', '{"id":1,"response":[]}')
NO_NAMES = ('{"id":"a\\u0000b","response":{}}', '{"id":"\\ud800","response":{}}')
TOO_MUCH = ("[" * 9000, '{"id":"' + "x" * 20_000 + '","response":{}}')


@pytest.mark.parametrize("answer", [*NO_ANSWERS, *NO_NAMES, *TOO_MUCH], ids=lambda answer: answer[:15] or "nothing")
def test_what_is_no_answer_at_all_is_refused_like_any_other(settled: Session, adviser: Kept, answer: str) -> None:
    with pytest.raises(NotAuthenticated):
        passkeys.accept(settled, SITE, answer, challenge=b"c" * 32, now=NOON)
    with pytest.raises(InvalidInput):
        passkeys.add(settled, SITE, answer, person="adviser", challenge=b"c" * 32, label="", now=NOON)


def test_bytes_changed_anywhere_in_an_answer_are_refused(settled: Session, adviser: Kept) -> None:
    challenge = b"c" * 32
    good = json.loads(adviser.device.prove(passkeys.to_use(SITE, challenge=challenge), origin=ORIGIN))
    for part in good["response"]:
        for cut in ("", "AAAA", good["response"][part][:-4], good["response"][part][4:], "!" * 8, 7, None, ["x"]):
            answer = json.dumps(good | {"response": good["response"] | {part: cut}})
            with pytest.raises(NotAuthenticated):
                passkeys.accept(settled, SITE, answer, challenge=challenge, now=NOON)


def test_the_options_ask_for_a_key_that_unlocks_and_name_nobody(settled: Session, adviser: Kept) -> None:
    using = json.loads(passkeys.to_use(SITE, challenge=b"c" * 32))
    assert (using["userVerification"], using["rpId"], using["allowCredentials"]) == ("required", "broker.example", [])
    known = passkeys.of_person(settled, "adviser")
    made = json.loads(passkeys.to_make(SITE, challenge=b"c", handle=b"h", name="sol", display="Sol", known=known))
    assert made["authenticatorSelection"]["userVerification"] == "required"
    assert made["authenticatorSelection"]["residentKey"] == "required"
    assert [each["alg"] for each in made["pubKeyCredParams"]] == [-7, -8, -257]
    assert [each["id"] for each in made["excludeCredentials"]] == [known[0].credential_id]


@pytest.mark.parametrize(
    ("issuer", "possible"),
    [
        ("https://broker.example", True),
        ("http://localhost:8080", True),
        ("http://127.0.0.1:8080", False),
        ("https://192.0.2.1", False),
        ("http://broker.example", False),
    ],
)
def test_passkeys_are_offered_where_a_browser_would_make_one(issuer: str, possible: bool) -> None:
    assert Site.at(issuer, label="").takes_passkeys is possible
