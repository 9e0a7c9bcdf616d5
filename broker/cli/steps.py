"""What a walk says at each step, and what to put right for each refusal a broker gives. Sends nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import requests

SECONDS = 15  # to wait for one answer


class State(StrEnum):
    OK = "ok"
    WRONG = "wrong"
    LEFT_OUT = "left-out"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the walk: how it went, in words, and what would put it right."""

    name: str
    state: State
    words: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Somebody:
    """The resident to ask about. ``demonstration`` is who to be in a demonstration, so that they can answer."""

    nhs_number: str
    born_on: str  # as ISO 8601 has it
    demonstration: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a record is asked for, and why."""

    purpose: str = "advice-debt"
    sections: tuple[str, ...] = ("housing",)
    reason: str = "To try the way to the broker."
    seconds: int = 3600


class Wrong(Exception):
    """A step went wrong; ``fix`` says what to do, and where it is final nothing after it can go well."""

    def __init__(self, words: str, fix: str = "", *, final: bool = False, left_out: bool = False) -> None:
        super().__init__(words)
        self.words, self.fix, self.final, self.left_out = words, fix, final, left_out


REACH = "Check the address, and that this machine may reach it."


def unreached(error: requests.RequestException) -> Wrong:
    """Why a broker could not be asked, in words."""
    if isinstance(error, requests.exceptions.SSLError):
        words, fix = "The broker's certificate could not be trusted.", "Check the address, and this machine's clock."
    elif isinstance(error, requests.Timeout):
        words, fix = f"The broker did not answer within {SECONDS} seconds.", REACH
    elif isinstance(error, requests.ConnectionError):
        words, fix = "The broker did not answer: nothing is at that address.", REACH
    elif isinstance(error, ValueError):
        words, fix = "That is not an address.", "Give --broker as https://… and the name, with nothing after it."
    else:
        words, fix = "The broker did not answer as one would.", REACH
    return Wrong(words, fix, final=True)


def json_of(answer: requests.Response) -> dict[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def said_in(answer: requests.Response) -> str:
    said = json_of(answer)
    return str(said.get("error_description") or said.get("detail") or said.get("error") or answer.status_code)


_OTHER_PROFILE = (
    "This walk is for FAPI 2.0 systems, and {client_id} is registered as a SMART or NHS one. Have it ask for tokens at "
    "{base}/smart/token, and say that address as its assertions' aud; {base}/fhir/.well-known/smart-configuration "
    "tells it the rest."
)
_FIXES: dict[str, str] = {
    "invalid_dpop_proof": "Send exactly one fresh DPoP proof with every request, for its method, address and token.",
    "invalid_scope": "Ask only for the scopes it is registered for, or have them registered.",
    "invalid_authorization_details": "Ask for no more than an agreement in force allows: try --purpose and --section.",
    "invalid_grant": "Use a code once, within a minute, with the same key and redirect_uri.",
    "invalid_request": "Send the redirect_uri exactly as it is registered.",
    "temporarily_unavailable": "Wait: this resident has requests from you to answer.",
    "too-many-lookups": "Wait a minute: looking for people is limited.",
    "nhs-number-invalid": "Check the NHS number.",
    "scope-missing": "Have the scope registered.",
}


def fix_for(answer: requests.Response, *, client_id: str, base: str, audience: str, thumbprint: str) -> str:
    """What to do about a refusal, from its code; of a client that was not believed, from what it sent as well."""
    said = json_of(answer)
    code = str(said.get("error") or said.get("code") or "")
    if code != "invalid_client":
        return _FIXES.get(code, "Send the words above to the broker's operator.")
    words = str(said.get("error_description", "")).lower()
    if "audience" in words and audience in ("", base):
        return _OTHER_PROFILE.format(client_id=client_id, base=base)
    if "audience" in words or (audience not in ("", base)):
        return f"The assertion's aud must be {base}, as one string and not a list."
    if "expired" in words or "future" in words:
        return "Set this machine's clock by a time server (NTP); let an assertion live a minute."
    if "used before" in words:
        return "Make a new assertion, with a new jti, for every request."
    return (
        f"Have the public half of this key registered for {client_id} (thumbprint {thumbprint}), "
        "and check that the system has not been stopped."
    )
