"""Every row that is asked of the broker, in our own words: where it is from, how firmly, and what it means here.

A row has a test that says it shows it, or a ``reason`` why none is needed. Holds no result of any run.
"""

from __future__ import annotations

from dataclasses import dataclass

MUST, SHOULD = "must", "should"


@dataclass(frozen=True, slots=True)
class Row:
    """``reason`` says why a row is not ours to meet; empty where a test shows that it is met."""

    id: str
    what: str
    level: str = MUST
    clause: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Standard:
    title: str
    rows: tuple[Row, ...]


BCP = Standard(
    "OAuth 2.0 security best current practice (RFC 9700)",
    (
        Row("BCP-01", "A redirect address counts only if it equals a registered one, letter by letter", MUST, "§2.1"),
        Row("BCP-02", "Nobody is sent on to an address that was not registered, whatever the error", MUST, "§4.11"),
        Row(
            "BCP-03", "Every code is bound to a verifier by S256, and that cannot be talked down", MUST, "§2.1.1, §4.8"
        ),
        Row("BCP-04", "Every answer in a browser says which server it is from", MUST, "§4.4"),
        Row("BCP-05", "Neither the implicit nor the password grant exists", MUST, "§2.1.2, §2.4"),
        Row("BCP-06", "A token works only with the key it was given for", SHOULD, "§2.2.1"),
        Row("BCP-07", "A token is for one audience, and narrow details win over a wide scope", SHOULD, "§2.3"),
        Row("BCP-08", "A token in an address is not read", MUST, "§4.3.2"),
        Row("BCP-09", "After a form, a browser is sent on by 303 and never by 307", MUST, "§4.12"),
        Row("BCP-10", "Scripts of other sites read neither the page that asks nor a token", MUST, "§2.6"),
        Row("BCP-11", "No page can be put in another site's frame", MUST, "§4.16"),
        Row("BCP-12", "No address leaks to another site through a referrer or what a page loads", MUST, "§4.2"),
        Row("BCP-13", "A system can never be taken for a person of the same name", MUST, "§4.15"),
        Row("BCP-14", "Headers that only a proxy may set are not believed from outside", MUST, "§4.13"),
        Row("BCP-15", "A refresh token ends when what it stands on ends", SHOULD, "§4.14"),
        Row("BCP-16", "Systems prove who they are by a key, never by a shared secret", SHOULD, "§2.5"),
    ),
)

FAPI = Standard(
    "FAPI 2.0 Security Profile, final",
    (
        Row("FAPI-01", "What the server supports is published, and is what it does", MUST, "§5.3.2.1"),
        Row("FAPI-02", "Every client is confidential", MUST, "§5.3.2.1"),
        Row("FAPI-03", "Every token is bound to a key; without a proof there is none", MUST, "§5.3.2.1"),
        Row("FAPI-04", "A client authenticates by private_key_jwt and by nothing else", MUST, "§5.3.2.1"),
        Row("FAPI-05", "A client assertion is for the issuer, as one string", MUST, "§5.3.2.1"),
        Row("FAPI-06", "A refresh token is never exchanged for another", MUST, "§5.3.2.1"),
        Row("FAPI-07", "A code lives a minute at most", MUST, "§5.3.2.1"),
        Row(
            "FAPI-08",
            "A code is bound to a key named when it was asked for, by thumbprint or by proof",
            MUST,
            "§5.3.2.1",
        ),
        Row(
            "FAPI-09", "A clock ten seconds ahead is put up with; one more than a minute ahead is not", MUST, "§5.3.2.1"
        ),
        Row("FAPI-10", "The response type is code", MUST, "§5.3.2.2"),
        Row(
            "FAPI-11",
            "What is asked for is pushed by an authenticated client, never brought by a browser",
            MUST,
            "§5.3.2.2",
        ),
        Row("FAPI-12", "A code challenge is by S256", MUST, "§5.3.2.2"),
        Row("FAPI-13", "A pushed request names its redirect address", MUST, "§5.3.2.2"),
        Row("FAPI-14", "The answer in a browser carries iss", MUST, "§5.3.2.2"),
        Row("FAPI-15", "A redirect address is https", MUST, "§5.3.2.2"),
        Row("FAPI-16", "A code is used once", MUST, "§5.3.2.2"),
        Row("FAPI-17", "A pushed request is forgotten within ten minutes", MUST, "§5.3.2.2"),
        Row("FAPI-18", "A pushed request is its client's alone, and is used up by the answer to it", MUST, "§5.3.2.2"),
        Row("FAPI-19", "The page says enough to decide by", SHOULD, "§5.3.2.2"),
        Row("FAPI-20", "A nonce of 64 characters is taken", MUST, "§5.3.2.2"),
        Row("FAPI-21", "Signatures are PS256, ES256 or Ed25519; none is none", MUST, "§5.4"),
        Row("FAPI-22", "Keys and secrets are long enough", MUST, "§5.4.1"),
        Row("FAPI-23", "Two keys of one name are told apart", MUST, "§5.4.3"),
        Row("FAPI-24", "A resource checks life, revocation, audience and scope, from the header alone", MUST, "§5.3.4"),
        Row(
            "FAPI-25",
            "TLS 1.2 or newer, and no way round it",
            MUST,
            "§5.2",
            reason="TLS ends at the proxy in front: docs/run-in-production.md says how. The broker itself sends HSTS "
            "where its address is https, and marks its cookies for https alone.",
        ),
        Row("FAPI-26", "The scheme before an access token may be in any case", MUST, "§5.3.4"),
    ),
)

DPOP = Standard(
    "Proof of possession (RFC 9449)",
    (
        Row("DPOP-01", "Exactly one proof", MUST, "§4.3 (1)"),
        Row("DPOP-02", "It is one well-formed token", MUST, "§4.3 (2)"),
        Row("DPOP-03", "Every claim it must have is there, of its kind", MUST, "§4.3 (3)"),
        Row("DPOP-04", "Its type is dpop+jwt", MUST, "§4.3 (4)"),
        Row("DPOP-05", "It is signed by an asymmetric algorithm that is taken here", MUST, "§4.3 (5)"),
        Row("DPOP-06", "Its signature is by the key that it carries", MUST, "§4.3 (6)"),
        Row("DPOP-07", "The key it carries has no private half", MUST, "§4.3 (7)"),
        Row("DPOP-08", "It is for this method", MUST, "§4.3 (8)"),
        Row(
            "DPOP-09",
            "It is for this address, whatever the query, the fragment and the case of the host",
            MUST,
            "§4.3 (9)",
        ),
        Row(
            "DPOP-10", "It carries the server's nonce, where one is asked for, and is told which", MUST, "§4.3 (10), §8"
        ),
        Row("DPOP-11", "It was made now", MUST, "§4.3 (11)"),
        Row("DPOP-12", "At a resource it names the token that it goes with", MUST, "§4.3 (12)"),
        Row(
            "DPOP-13",
            "Its key is the one that the token is bound to, and a bound token is no bearer token",
            MUST,
            "§7.1, §7.2",
        ),
        Row("DPOP-14", "It is used once, of however many at the same moment", MUST, "§11.1"),
        Row("DPOP-15", "The worked examples of the specification give its own answers", MUST, "§4.2, §6.1, §7.1"),
    ),
)

PAR = Standard(
    "Pushed authorization requests (RFC 9126)",
    (
        Row("PAR-01", "A request that is right is kept: 201, with its name and life, in no cache", MUST, "§2.2"),
        Row("PAR-02", "A pushed request has no request_uri of its own", MUST, "§2.1"),
        Row("PAR-03", "A body beyond 64 KiB is refused as too large", SHOULD, "§2.3"),
        Row("PAR-04", "Only POST is taken", MUST, "§2.3"),
        Row("PAR-05", "Parameters come in the body, each once", MUST, "§2.1"),
        Row("PAR-06", "What is wrong is said as JSON, and never by sending a browser on", MUST, "§2.3"),
    ),
)

RAR = Standard(
    "Rich authorization requests (RFC 9396)",
    (
        Row(
            "RAR-01",
            "Details of an unknown type, or with a field too many, too few or of another kind, are refused",
            MUST,
            "§5",
        ),
        Row("RAR-02", "The token's answer says what was granted, not what was asked", MUST, "§7"),
        Row("RAR-03", "Introspection says what was granted", MUST, "§9.2"),
        Row("RAR-04", "The resource gives no more than was granted", MUST, "§9"),
        Row("RAR-05", "The types that are taken are published", MUST, "§10"),
        Row("RAR-06", "Renewing never widens what was granted", MUST, "§6.1"),
        Row("RAR-07", "What no agreement allows cannot be asked for", MUST, "§5"),
    ),
)

STEP = Standard(
    "Step-up authentication (RFC 9470)",
    (
        Row("STEP-01", "Emergency access needs a sign-in of the last five minutes", MUST, "§3"),
        Row("STEP-02", "Restricted sections need a sign-in of the last five minutes", MUST, "§3"),
        Row("STEP-03", "Letting somebody act for a resident needs a sign-in of the last five minutes", MUST, "§3"),
        Row(
            "STEP-04",
            "Giving or widening permission needs a sign-in of the last five minutes; stopping never does",
            MUST,
            "§3",
        ),
        Row(
            "STEP-05",
            "What is asked of a sign-in is asked for at the page, or refused in the RFC's word",
            MUST,
            "§4, §5",
        ),
    ),
)

TOLD = Standard(
    "Revocation and introspection (RFC 7009, RFC 7662)",
    (
        Row(
            "REV-01",
            "Giving back an unknown token, or another's, is answered as any other and does nothing",
            MUST,
            "7009 §2.2",
        ),
        Row("REV-02", "A token given back is dead at once; a refresh token takes its grant with it", MUST, "7009 §2.1"),
        Row(
            "INTRO-01",
            "Only a token's own client, or a registered resource server, is told of it",
            MUST,
            "7662 §2.1, §4",
        ),
        Row("INTRO-02", "Of a token that is not live nothing is said but that", MUST, "7662 §2.2"),
    ),
)

THREATS = Standard(
    "What must hold under attack",
    (
        Row("T1", "One organisation's token, session or id opens nothing of another's, and learns nothing of it"),
        Row("T2", "Nobody learns who is known here by looking for people"),
        Row("T3", "No read that starts after a permission was taken back succeeds"),
        Row("T4", "Rules that are old, altered or not ours decide nothing"),
        Row("T5", "A stolen token is of no use without its key, and a proof is of use once"),
        Row("T6", "What a stolen key can do ends with its client, at once"),
        Row("T7", "A code, a request and a proof are of use once, to whoever they are for"),
        Row("T8", "Nobody is signed in as another, by another's browser, provider or answer"),
        Row("T14", "Emergency access is used where it should not be: told, looked at, and shut where nobody looks"),
        Row("T15", "Whoever is watched over a shoulder betrays nothing by what their pages show"),
        Row("T16", "Acting for somebody ends with the birthday, the order or the death that ends it"),
        Row("T17", "What was agreed for one purpose serves no other"),
        Row("T18", "Words of others are shown as words, and an organisation by the name in the register"),
        Row("T19", "Nobody is worn down by being asked"),
        Row("T20", "An engine that is silent, slow or unclear permits nothing"),
        Row("T21", "What two readers could read differently is refused"),
        Row("T22", "A wrong request costs us little"),
    ),
)
