"""What the library under the token endpoints leaves to its user, and what it once did wrong: a row for each.

The edges were found by measuring Authlib 1.9.9; the fixes by comparing its releases. A test guards each here.
"""

from __future__ import annotations

from tests.conformance.table import MUST, Row, Standard

EDGES = Standard(
    "Sharp edges of the library, and what is done instead",
    (
        Row("A1", "A code challenge is asked of every client, not of public ones alone"),
        Row("A2", "The plain challenge method is refused"),
        Row("A3", "A code is spent by one conditional update, before anything else is looked at"),
        Row("A4", "A code used twice takes back what it gave"),
        Row("A5", "A refresh token is bound to its key; many uses at once give no more than each may"),
        Row("A6", "No token lives longer than five minutes by default"),
        Row("A7", "A client assertion's audience is a text, not a list, and not the endpoint's address"),
        Row("A8", "A client assertion lives five minutes at most"),
        Row("A9", "Nothing is believed of a client before its signature is checked"),
        Row("A10", "Parameters in the address are refused at every endpoint that takes a form"),
        Row("A11", "A parameter given twice is refused, whichever it is"),
        Row("A12", "A request object for another server, unsigned or timeless, is refused"),
        Row("A13", "An odd character in any parameter is a refusal, never a fault"),
        Row("A14", "A refused push is JSON, never a redirect"),
        Row("A15", "A shared secret in any form is refused, never a fault"),
        Row("A16", "JSON nested 20,000 deep is a refusal at every place that reads JSON"),
        Row("A17", "No token or code is in any log, at any level"),
        Row("A18", "Nothing that is kept opens anything: every secret is kept as a digest"),
        Row("A19", "No token has an empty scope, and every route names the scope it needs"),
        Row("A20", "Asking for too much is refused, never trimmed"),
        Row("A21", "Every endpoint that proves a client asks for the same method"),
        Row("A22", "A variable in the environment does not turn off what keeps transport safe"),
        Row("A23", "Looking at a request, and again, changes nothing"),
        Row("A24", "A refused proof is answered as RFC 9449 §7.1 has it"),
        Row("A25", "Every answer in a browser has iss, a refusal too"),
        Row("A26", "Subjects are typed, so that no client is taken for a person"),
    ),
)

FIXES = Standard(
    "What the library's releases mended, kept mended here",
    (
        Row("AUTHLIB-1.7.0", "A verifier cannot be left out where a challenge was sent"),
        Row("AUTHLIB-1.8.0", "An assertion that cannot be read is a refusal, and user names in addresses fool nobody"),
        Row("AUTHLIB-1.9.0", "No address in a request is fetched; an unsigned request object is refused"),
        Row(
            "AUTHLIB-1.9.1",
            "A registration token is of use for its own client alone",
            MUST,
            "",
            reason="No client registers itself: an operator does, at the command line. There is no registration token.",
        ),
        Row(
            "AUTHLIB-1.9.2",
            "An identity assertion of another domain widens no scope",
            MUST,
            "",
            reason="That draft's grant is not registered; NHS-03 has the exchange that is.",
        ),
        Row("AUTHLIB-1.9.3", "No script is an address that a browser is sent to"),
        Row("AUTHLIB-1.9.5", "A public key is never used as a shared secret, and no encrypted token is read"),
        Row("AUTHLIB-1.9.9", "A client that says it has no way to authenticate is refused at every endpoint"),
        Row("AUTHLIB-PIN", "The library is pinned to one version, by hash"),
    ),
)
