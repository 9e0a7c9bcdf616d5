"""Where somebody may be sent after signing in: to a page of their own, and nowhere else. Follows no address blindly."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import url_for

from broker.vocabulary import Role
from broker.web.access import ADMINISTRATORS, home_of

# The paths of our own pages: plain letters between slashes. No address elsewhere can be written so.
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_CLIENT, _REQUEST = re.compile(r"[!-~]{1,100}"), re.compile(r"urn:ietf:params:oauth:request_uri:[A-Za-z0-9_-]{1,100}")
LONGEST = 500


def safe_way_back(path: str, role: Role) -> str:
    """``path`` where it is a page that somebody in ``role`` has; else their first page.

    A page of their own area without a query, their sign-in's own pages, or the question of a partner's system, which
    alone has a query: ``client_id`` and ``request_uri``, and nothing else (RFC 9126 §4).
    """
    home = home_of(role)
    if len(path) > LONGEST:
        return home
    if path.startswith(f"{url_for('authorize.ask')}?"):
        return _question(path) or home
    if not _PATH.fullmatch(path) or "/." in path:
        return home
    kept = url_for("again.kept", kept_id="-").removesuffix("/-")
    own = [home, url_for("my_sign_in.mine"), url_for("connected.systems"), "/practice", kept]
    if role in ADMINISTRATORS:
        own.append(url_for("administration.home"))
    return path if any(path == area or path.startswith(f"{area}/") for area in own) else home


def _question(path: str) -> str | None:
    try:
        asked = parse_qs(urlsplit(path).query, strict_parsing=True, max_num_fields=2)
        (client,), (request,) = asked.get("client_id", [""]), asked.get("request_uri", [""])
    except ValueError:  # it cannot be read, or says one of them twice
        return None
    if len(asked) != 2 or not (_CLIENT.fullmatch(client) and _REQUEST.fullmatch(request)):
        return None
    return f"{url_for('authorize.ask')}?{urlencode({'client_id': client, 'request_uri': request})}"
