"""The door for people: residents, workers and information-governance leads. Holds every page and no rule of sharing."""

from __future__ import annotations

from flask import Flask

from broker.doors import parts
from broker.web import csrf, pages
from broker.web.authorize import authorize
from broker.web.cookies import keep_visit
from broker.web.governance import governance
from broker.web.headers import protect
from broker.web.home import web
from broker.web.partner import partner
from broker.web.resident import resident
from broker.web.sign_in import demonstration, sign_in

__all__ = ["register"]

for blueprint in (web, sign_in, authorize, demonstration, partner, resident, governance):
    blueprint.before_request(csrf.check)
    blueprint.after_request(keep_visit)


def register(app: Flask) -> None:
    """Add every page to ``app``. The demonstration sign-in exists only where the settings turn it on."""
    pages.prepare(app)
    for blueprint in (pages.nhsuk, web, sign_in, authorize, partner, resident, governance):
        app.register_blueprint(blueprint)
    with app.app_context():
        if parts().settings.demonstration:
            app.register_blueprint(demonstration)
    app.after_request(protect)
