"""The door for people: residents, workers and information-governance leads. Holds every page and no rule of sharing."""

from __future__ import annotations

from flask import Flask

from broker.doors import parts
from broker.web import csrf, pages
from broker.web.accounts import accounts
from broker.web.administration import administration
from broker.web.again import again_pages
from broker.web.authorize import authorize
from broker.web.connected import connected
from broker.web.cookies import keep_visit
from broker.web.federated import federated
from broker.web.governance import governance
from broker.web.headers import protect
from broker.web.home import web
from broker.web.hosting import hosting
from broker.web.joining import join
from broker.web.my_sign_in import my_sign_in
from broker.web.partner import partner
from broker.web.practice import practice
from broker.web.resident import resident
from broker.web.sign_in import demonstration, sign_in
from broker.web.signed_out_upstream import signed_out_upstream

__all__ = ["register"]

for blueprint in (
    web,
    sign_in,
    federated,
    accounts,
    again_pages,
    my_sign_in,
    authorize,
    connected,
    demonstration,
    partner,
    practice,
    resident,
    governance,
    administration,
    hosting,
    join,
):
    blueprint.before_request(csrf.check)
    blueprint.after_request(keep_visit)


def register(app: Flask) -> None:
    """Add every page to ``app``. The demonstration sign-in exists only where the settings turn it on."""
    pages.prepare(app)
    for blueprint in (
        pages.nhsuk,
        web,
        sign_in,
        federated,
        signed_out_upstream,
        accounts,
        again_pages,
        my_sign_in,
        authorize,
        connected,
        partner,
        practice,
        resident,
        governance,
        administration,
        hosting,
        join,
    ):
        app.register_blueprint(blueprint)
    with app.app_context():
        if parts().settings.demonstration:
            app.register_blueprint(demonstration)
    app.after_request(protect)
