"""Pairing with an organisation: a code on the screen, once, for a worker who is there. Names the resident; no more."""

from __future__ import annotations

import segno
from flask import render_template
from markupsafe import Markup

from broker.consent import pairing as codes
from broker.doors import now, parts, session
from broker.identity.sessions import actor_of
from broker.web.access import RESIDENTS, resident_id, signed_in, who
from broker.web.resident import resident
from broker.web.resident.people import organisations


@resident.get("/pairing")
@who(*RESIDENTS)
def pairing() -> str:
    return _page(code="")


@resident.post("/pairing")
@who(*RESIDENTS)
def make_code() -> str:
    """A new code, shown in this answer and nowhere else: no address leads to it, and nothing keeps it as it is."""
    by, kept = actor_of(signed_in()), parts()
    code = codes.new_code(session(), resident_id(), by=by, trail=kept.trail, settings=kept.settings, now=now())
    return _page(code=codes.in_halves(code))


def picture(code: str) -> Markup:
    """The code as a QR symbol (ISO/IEC 18004) of the page's own: no address in it, no style and no script."""
    drawn = segno.make(code, error="m", micro=False).svg_inline(scale=6, svgclass="broker-qr", omitsize=False)
    # Markup of the library's making, from letters and digits of ours.
    return Markup(drawn.replace("<svg ", '<svg role="img" aria-label="The same code, to be scanned" ', 1))  # noqa: S704


def _page(*, code: str) -> str:
    used = codes.used(session(), resident_id(), now=now())
    return render_template(
        "resident/pairing.jinja",
        code=code,
        picture=picture(code) if code else "",
        minutes=int(codes.LIVES.total_seconds()) // 60,
        used=used,
        organisations=organisations({each.used_by for each in used if each.used_by}),
    )
