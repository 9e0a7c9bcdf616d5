"""The headers every answer carries. One function, so that the whole policy can be read and tested in one place.

No page has inline code or style, so the content security policy needs neither nonce nor hash.
"""

from __future__ import annotations

from flask import Response

from broker.doors import parts

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
    )
)

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

TWO_YEARS = "max-age=63072000; includeSubDomains"


def protect(response: Response) -> Response:
    """Add what is missing. A header that a door has set for itself stands, so that a door may be stricter."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    if https():
        response.headers.setdefault("Strict-Transport-Security", TWO_YEARS)
    # Personal unless a view has said otherwise: nothing of anybody's stays in a cache, or behind the back button.
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def https() -> bool:
    """Whether the broker is served over https, from its own configured URL and never from the request."""
    return parts().settings.issuer.startswith("https://")
