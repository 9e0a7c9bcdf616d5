"""The door for machines: an OpenAPI description, JSON and FHIR R4, and a problem document for every refusal.

Anything that carries an identifier is a POST. No rule is kept here: the door parses, calls the domain and renders.
"""

from flask import Flask

from broker.api import authzen, bundles, health, opa_reports, routes


def register(app: Flask) -> None:
    health.register(app)
    bundles.register(app)
    opa_reports.register(app)
    routes.register(app)
    authzen.register(app)
