"""The policy bundle, for an OPA server that pulls it: the revision in force, whole, under its digest as ETag.

Served only where an operator has set a token for it. Holds agreements and rules, and nothing of any resident.
"""

from __future__ import annotations

import hmac

from flask import Flask, Response, request

from broker.access.engines.bundle_file import bundle_file
from broker.access.policy import published_bundle, revision_in_force
from broker.doors import parts, session
from broker.errors import NotAuthenticated, NotFound


def register(app: Flask) -> None:
    app.add_url_rule("/opa/bundles/sharing.tar.gz", "opa_bundle", bundle)


def bundle() -> Response:
    """The bundle in force; 304 where the ETag already names it (OPA bundle service protocol)."""
    expected = parts().settings.bundle_token
    if not expected:
        raise NotFound("bundle-not-served", "There is nothing at this address.")
    if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {expected}".encode()):
        raise NotAuthenticated("token-invalid", "The bundle token is not valid.")
    revision = revision_in_force(session())
    if revision is None:
        raise NotFound("bundle-none", "No policy has been published.")
    tag = revision.rpartition("/")[2]
    if tag in request.if_none_match:
        answer = Response(status=304)
    else:
        answer = Response(bundle_file(published_bundle(session())), mimetype="application/gzip")
    answer.set_etag(tag)
    return answer


bundle.audience = "opa-server"  # type: ignore[attr-defined]
