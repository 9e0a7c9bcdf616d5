"""Walk the whole flow against a running broker as a partner's system would, and say at each step what to put right.

Knows what an outsider knows: the broker's address, a client id and a private key. Uses none of the broker's own code,
keeps nothing, and tells nobody the key or a token.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
from joserfc import jwk, jwt

from broker.cli.browsing import Browser
from broker.cli.steps import REACH, SECONDS, Asked, Somebody, State, Step, Wrong, fix_for, json_of, said_in, unreached

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
RECORD_TYPE = "urn:neighbourhood-broker:record-access:v1"
CIBA = "urn:openid:params:grant-type:ciba"
SKEW, WORST_SKEW = 5, 50  # seconds a clock may be off: unremarked, and at all


@dataclass
class Walk:
    """One partner's system on its way. ``clock`` gives seconds since 1970; ``audience`` is a wrong one, on purpose."""

    base: str
    client_id: str
    key: Any
    redirect_uri: str = ""
    somebody: Somebody | None = None
    asked: Asked = field(default_factory=Asked)
    returned: Callable[[str], str] | None = None  # shown the address to open, gives the one that came back
    audience: str = ""
    proofs: bool = True  # a system that sends none learns here that it must
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self.http = requests.Session()
        self.proof_key = jwk.ECKey.generate_key("P-256")
        self.metadata: dict[str, Any] = {}
        self.nonce = ""
        self.token = self.granted = self.refresh = self.handle = self.auth_req_id = ""
        self.request_uri = self.state = self.code = self.verifier = ""

    def steps(self) -> Iterator[Step]:
        """Each step as it was taken. Ends early where what follows could not go well."""
        for name, take in self._ways():
            try:
                yield Step(name, State.OK, take())
            except Wrong as wrong:
                yield Step(name, State.LEFT_OUT if wrong.left_out else State.WRONG, wrong.words, wrong.fix)
                if wrong.final:
                    return
            except requests.RequestException as error:
                why = unreached(error)
                yield Step(name, State.WRONG, why.words, why.fix)
                return

    def _ways(self) -> list[tuple[str, Callable[[], str]]]:
        return [
            ("Metadata", self._read_metadata),
            ("Clock", self._compare_clocks),
            ("Token", self._own_token),
            ("Proof at the resource", self._use_token),
            ("Find a resident", self._find),
            ("Before anybody agreed", self._view_without),
            ("Pushed request", self._push),
            ("Answer in a browser", self._authorize),
            ("Token for the answer", self._redeem),
            ("Record", self._view),
            ("Renew", self._renew),
            ("Ask somebody absent", self._ask_absent),
            ("Collect their answer", self._collect),
            ("Introspection", self._introspect),
            ("Giving back", self._give_back),
        ]

    # ---- where and when ----

    def _read_metadata(self) -> str:
        answer = self.http.get(f"{self.base}/.well-known/oauth-authorization-server", timeout=SECONDS)
        self.metadata = json_of(answer)
        issuer = self.metadata.get("issuer")
        if answer.status_code != 200 or not issuer:
            raise Wrong(f"There is no broker at {self.base} ({answer.status_code}).", REACH, final=True)
        if issuer != self.base:
            raise Wrong(f"It calls itself {issuer}.", f"Say --broker {issuer}: assertions are for that.", final=True)
        if not _kind(self.key):
            fix = "Make one with `broker clients new-key`, and have its public half registered."
            raise Wrong("The key is not of a kind that is taken: ES256, PS256 or Ed25519.", fix, final=True)
        return f"{issuer}, with {len(self.metadata.get('grant_types_supported', []))} ways to a token."

    def _compare_clocks(self) -> str:
        answer = self.http.get(f"{self.base}/health", timeout=SECONDS)
        said = answer.headers.get("Date", "")
        try:
            theirs = parsedate_to_datetime(said).timestamp()
        except (TypeError, ValueError):
            raise Wrong("The broker did not say what time it is.", left_out=True) from None
        ahead = round(self.clock() - theirs)
        if abs(ahead) > SKEW:
            words = f"This machine's clock is {abs(ahead)} seconds {'ahead' if ahead > 0 else 'behind'}."
            raise Wrong(words, "Set it by a time server (NTP).", final=abs(ahead) > WORST_SKEW)
        return f"Within {max(1, abs(ahead))} seconds of the broker's."

    # ---- tokens ----

    def _own_token(self) -> str:
        scope = "residents.find access.request records.read"
        answer = self._post("token_endpoint", {"grant_type": "client_credentials", "scope": scope}, proof=True)
        self.token = self._taken(answer, final=True)["access_token"]
        return f"Given for {answer.json()['expires_in']} seconds, bound to a key of its own."

    def _use_token(self) -> str:
        nowhere = "/api/access-requests/none"
        bare = self.http.get(self.base + nowhere, headers={"Authorization": f"Bearer {self.token}"}, timeout=SECONDS)
        if bare.status_code != 401:
            raise Wrong("The token was taken without a proof.", "Tell the broker's operator at once.", final=True)
        answer = self._call("GET", nowhere, self.token)
        if answer.status_code == 401:
            raise Wrong(f"The token was refused: {said_in(answer)}", self._fix(answer), final=True)
        return "Taken with a proof, and refused without one."

    def _find(self) -> str:
        if self.somebody is None:
            raise Wrong("No resident was named.", "Give --resident FILE to go on from here.", left_out=True)
        body = {"nhs_number": self.somebody.nhs_number, "born_on": self.somebody.born_on}
        answer = self._call("POST", "/api/residents/find", self.token, json=body)
        if answer.status_code != 200:
            raise Wrong(f"Refused: {said_in(answer)}", self._fix(answer))
        self.handle = json_of(answer)["resident"]
        return "A handle was given. It is given whether or not there is such a person."

    def _view_without(self) -> str:
        self._must_have_handle()
        answer = self._call("POST", "/api/records/view", self.token, json=self._wanted())
        if answer.status_code == 200:
            return "Released already: somebody agreed before, or an agreement allows it."
        if answer.status_code != 403:
            raise Wrong(f"Answered {answer.status_code}: {said_in(answer)}", self._fix(answer))
        codes = {reason.get("code", "") for reason in json_of(answer).get("reasons", [])}
        if "no-agreement" in codes:
            raise Wrong("Refused: no sharing agreement covers this.", "Ask the integrator for one, or try --purpose.")
        asked = "and the resident can be asked" if json_of(answer).get("requestable") else "and asking would not help"
        return f"Refused, {asked} ({', '.join(sorted(codes)) or 'not told why'})."

    def _push(self) -> str:
        self._must_have_handle()
        if not self.redirect_uri:
            raise Wrong(
                "No address to come back to was named.", "Give --redirect-uri as it is registered.", left_out=True
            )
        self.verifier, self.state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        form = {
            "client_id": self.client_id,
            "response_type": "code",
            "redirect_uri": self.redirect_uri,
            "scope": "records.read",
            "state": self.state,
            "code_challenge": _hash(self.verifier),
            "code_challenge_method": "S256",
            "authorization_details": self._details(),
        }
        answer = self._post("pushed_authorization_request_endpoint", form, proof=True)
        pushed = self._taken(answer)
        self.request_uri = pushed["request_uri"]
        return f"Taken, and good for {pushed['expires_in']} seconds."

    def _authorize(self) -> str:
        if not self.request_uri:
            raise Wrong("Nothing was pushed.", left_out=True)
        query = urlencode({"client_id": self.client_id, "request_uri": self.request_uri})
        address = f"{self.metadata['authorization_endpoint']}?{query}"
        if self.somebody and self.somebody.demonstration:
            back = Browser(self.base).answers(self.somebody.demonstration, address)
        elif self.returned is not None:
            back = self.returned(address)
        else:
            raise Wrong(f"Open {address} as the resident.", "Run it at a terminal to go on from here.", left_out=True)
        said = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
        if said.get("iss") != self.metadata["issuer"]:
            raise Wrong("What came back does not say it is from this broker (iss).", "Compare iss before using a code.")
        if said.get("state") != self.state:
            raise Wrong("What came back has another state.", "Compare state before using a code.")
        if "code" not in said:
            raise Wrong(f"The answer was {said.get('error', 'none')}.", "The resident said no, or could not answer.")
        self.code = said["code"]
        return "Agreed, with the right iss and state."

    def _redeem(self) -> str:
        if not self.code:
            raise Wrong("There is no code.", left_out=True)
        form = {
            "grant_type": "authorization_code",
            "code": self.code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }
        given = self._taken(self._post("token_endpoint", form, proof=True))
        self.granted, self.refresh = given["access_token"], given.get("refresh_token", "")
        allowed = given.get("authorization_details", [{}])[0].get("sections", [])
        return f"Given, for {', '.join(allowed) or 'nothing'}."

    def _view(self) -> str:
        if not self.granted:
            raise Wrong("Nobody agreed to anything yet.", left_out=True)
        answer = self._call("POST", "/api/records/view", self.granted, json=self._wanted())
        if answer.status_code != 200:
            raise Wrong(f"Answered {answer.status_code}: {said_in(answer)}", self._fix(answer))
        return f"{len(json_of(answer).get('sections', []))} section(s) of the record, assembled just now."

    def _renew(self) -> str:
        if not self.refresh:
            raise Wrong(
                "It was given no refresh token.", "Register refresh_token to renew without asking.", left_out=True
            )
        form = {"grant_type": "refresh_token", "refresh_token": self.refresh}
        self.granted = self._taken(self._post("token_endpoint", form, proof=True))["access_token"]
        return "Renewed by the same key; the refresh token stays as it is."

    # ---- somebody who is not here ----

    def _ask_absent(self) -> str:
        self._must_have_handle()
        form = {"scope": "records.read", "login_hint": self.handle, "authorization_details": self._details()}
        form["requested_expiry"] = "300"
        given = self._taken(self._post("backchannel_authentication_endpoint", form, proof=True))
        self.auth_req_id = given["auth_req_id"]
        return (
            f"Taken. The code to read aloud is {given.get('binding_code', '')}; poll every {given['interval']} seconds."
        )

    def _collect(self) -> str:
        if not self.auth_req_id:
            raise Wrong("Nobody absent was asked.", left_out=True)
        if self.somebody and self.somebody.demonstration:
            Browser(self.base).agrees(self.somebody.demonstration)
        form = {"grant_type": CIBA, "auth_req_id": self.auth_req_id}
        answer = self._post("token_endpoint", form, proof=True)
        if answer.status_code == 400 and json_of(answer).get("error") == "authorization_pending":
            return "Not answered yet, as was to be expected; poll no oftener than you were told."
        self._taken(answer)
        return "Answered, and collected once."

    # ---- looking, and giving back ----

    def _introspect(self) -> str:
        said = self._taken(self._post("introspection_endpoint", {"token": self.token}))
        if said.get("active") is not True:
            raise Wrong("Its own token is said to be no good.", "Ask within the token's life.")
        nonsense = self._taken(self._post("introspection_endpoint", {"token": "nonsense"}))
        if nonsense != {"active": False}:
            raise Wrong("It was told of a token that is not its own.", "Tell the broker's operator at once.")
        return "Told of its own token, and of no other."

    def _give_back(self) -> str:
        for token in filter(None, (self.token, self.granted, self.refresh)):
            self._taken(self._post("revocation_endpoint", {"token": token}))
        if self._call("GET", "/api/access-requests/none", self.token).status_code != 401:
            raise Wrong("A token that was given back is still good.", "Tell the broker's operator at once.")
        return "Given back, and dead at the next request."

    # ---- what it sends ----

    def _post(self, endpoint: str, form: dict[str, str], *, proof: bool = False) -> requests.Response:
        """Send a form with a new assertion; with a proof where it is wanted, once more where a nonce is asked for."""
        address = self.metadata.get(endpoint, "")
        if not address:
            raise Wrong("This broker does not offer it.", left_out=True)
        for _ in range(2):
            said = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self._assertion(), **form}
            headers = {"DPoP": self._proof("POST", address)} if proof and self.proofs else {}
            answer = self.http.post(address, data=said, headers=headers, timeout=SECONDS, allow_redirects=False)
            self.nonce = answer.headers.get("DPoP-Nonce", self.nonce)
            if not (answer.status_code == 400 and json_of(answer).get("error") == "use_dpop_nonce"):
                break
        return answer

    def _call(self, method: str, path: str, token: str, **more: Any) -> requests.Response:
        headers = {"Authorization": f"DPoP {token}", "Accept": "application/json"}
        headers["DPoP"] = self._proof(method, self.base + path, token)
        return self.http.request(method, self.base + path, headers=headers, timeout=SECONDS, **more)

    def _assertion(self) -> str:
        at = int(self.clock())
        claims: dict[str, Any] = {"iss": self.client_id, "sub": self.client_id, "aud": self.audience or self.base}
        claims |= {"iat": at, "exp": at + 60, "jti": secrets.token_hex(16)}
        header = {"alg": _kind(self.key)} | ({"kid": self.key.kid} if self.key.kid else {})
        return jwt.encode(header, claims, self.key, algorithms=[header["alg"]])

    def _proof(self, method: str, address: str, token: str = "") -> str:
        claims: dict[str, Any] = {"htm": method, "htu": address, "iat": int(self.clock()), "jti": secrets.token_hex(16)}
        if token:
            claims["ath"] = _hash(token)
        if self.nonce:
            claims["nonce"] = self.nonce
        header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": self.proof_key.as_dict(private=False)}
        return jwt.encode(header, claims, self.proof_key)

    def _details(self) -> str:
        asked = {
            "type": RECORD_TYPE,
            "actions": ["read"],
            "resident": self.handle,
            "sections": list(self.asked.sections),
            "purpose": self.asked.purpose,
            "duration": self.asked.seconds,
            "reason": self.asked.reason,
        }
        return json.dumps([asked])

    def _wanted(self) -> dict[str, Any]:
        wanted = {"resident": self.handle, "purpose": self.asked.purpose, "sections": list(self.asked.sections)}
        return wanted | {"reason": self.asked.reason}

    def _must_have_handle(self) -> None:
        if not self.handle:
            raise Wrong("There is no resident to ask about.", left_out=True)

    def _taken(self, answer: requests.Response, *, final: bool = False) -> dict[str, Any]:
        if answer.status_code in (200, 201):
            return json_of(answer)
        if json_of(answer).get("error") == "unauthorized_client":
            fix = "Have the grant type registered for it, if it is to do this."
            raise Wrong(f"Not for this system: {said_in(answer)}", fix, left_out=True)
        raise Wrong(f"Refused: {said_in(answer)}", self._fix(answer), final=final)

    def _fix(self, answer: requests.Response) -> str:
        thumbprint = str(self.key.thumbprint())
        return fix_for(answer, client_id=self.client_id, base=self.base, audience=self.audience, thumbprint=thumbprint)


def _hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def _kind(key: Any) -> str:
    """The algorithm that a private key signs by here; empty where it is not taken."""
    if not getattr(key, "is_private", False):
        return ""
    curve = {"P-256": "ES256", "Ed25519": "Ed25519"}.get(getattr(key, "curve_name", ""), "")
    return "PS256" if key.key_type == "RSA" else curve
