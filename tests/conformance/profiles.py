"""Rows of the narrower profiles: signed requests, SMART, the shapes of NHS England's interfaces, asking the absent."""

from __future__ import annotations

from tests.conformance.table import MUST, SHOULD, Row, Standard

JAR = Standard(
    "Signed requests (RFC 9101) and signed introspection (RFC 9701), as FAPI 2.0 Message Signing has them",
    (
        Row("JAR-01", "Where a client signs, an unsigned request is refused", MUST, "FAPI MS §5.3"),
        Row(
            "JAR-02",
            "A request object is signed by a registered key and a strong algorithm, never by none",
            MUST,
            "RFC 9101 §10",
        ),
        Row("JAR-03", "It is for this issuer", MUST, "FAPI MS §5.3"),
        Row("JAR-04", "It lives at most an hour, and no longer ago than that did it begin", MUST, "FAPI MS §5.3"),
        Row("JAR-05", "What is outside it does not count", MUST, "RFC 9101 §6.3"),
        Row("JAR-06", "It says what kind of token it is", SHOULD, "RFC 9101 §10.8"),
        Row("JAR-07", "Introspection is answered with a signature, where that is asked for", SHOULD, "RFC 9701 §4"),
    ),
)

SMART = Standard(
    "SMART App Launch 2.2",
    (
        Row("SMART-01", "Its configuration is JSON, whatever is accepted", MUST, "Conformance"),
        Row("SMART-02", "What its configuration must have is there, and plain is not", MUST, "Conformance"),
        Row("SMART-03", "Scopes follow the grammar, letters in their order", MUST, "Scopes"),
        Row("SMART-04", "A scope never opens what policy keeps shut", MUST, "Scopes"),
        Row("SMART-05", "A scope of one category gives that category alone, in every kind of search", MUST, "Scopes"),
        Row("SMART-06", "A launch is for this FHIR address", MUST, "App launch"),
        Row("SMART-07", "The patient of a launch is in the token's answer", MUST, "App launch"),
        Row(
            "SMART-08",
            "A signed assertion is used once, by one registered key, and no address in it is followed",
            MUST,
            "Asymmetric",
        ),
        Row("SMART-09", "A backend's token lives five minutes and is not renewed", SHOULD, "Backend"),
        Row("SMART-10", "A reference to another machine is not followed with our token", SHOULD, "Scopes"),
        Row("SMART-11", "Introspection says scope, client and end", MUST, "Introspection"),
    ),
)

NHS = Standard(
    "The shapes of NHS England's interfaces",
    (
        Row(
            "NHS-01",
            "The broker proves itself to another's token address by an RS512 assertion",
            MUST,
            "Application-restricted",
        ),
        Row(
            "NHS-02",
            "A token of another's is kept until it nearly ends, and fetched once",
            MUST,
            "Application-restricted",
        ),
        Row(
            "NHS-03",
            "An identity assertion of NHS login or Care Identity is exchanged for a token, and a wrong one is not",
            MUST,
            "Token exchange (RFC 8693)",
        ),
        Row(
            "NHS-04",
            "A proxy and the resident are told apart, in the token and on the trail",
            MUST,
            "Token exchange (RFC 8693)",
        ),
        Row("NHS-05", "No NHS number is in an address or a log", MUST, "User-restricted"),
        Row("NHS-06", "A provider's back-channel logout ends every session it opened, at once", MUST, "CIS2"),
    ),
)

CIBA = Standard(
    "Asking somebody who is not here (OpenID Connect CIBA, poll mode, FAPI-CIBA)",
    (
        Row("CIBA-01", "Exactly one hint, and the answer is the same whether or not it is of anybody", MUST, "§7.1"),
        Row("CIBA-02", "Until it is answered the request is pending; asking too often is told so", MUST, "§11"),
        Row(
            "CIBA-03",
            "A yes gives one token, for what was granted; a no looks like time running out",
            MUST,
            "§10.1, §11",
        ),
        Row("CIBA-04", "A request is its client's alone, and of use once", MUST, "§10.1"),
        Row(
            "CIBA-05",
            "The request's parameters are checked, and the endpoint takes an authenticated client's form alone",
            MUST,
            "§7.1",
        ),
    ),
)
