"""The door for machines: an OpenAPI description, JSON and FHIR R4, and a problem document for every refusal.

Anything that carries an identifier is a POST. No rule is kept here: the door parses, calls the domain and renders.
"""

from flask import Flask

from broker.api import authzen, bundles, consents_fhir, fhir_read, health, opa_reports, routes


def register(app: Flask) -> None:
    health.register(app)
    consents_fhir.register(app)
    bundles.register(app)
    opa_reports.register(app)
    routes.register(app)
    authzen.register(app)
    fhir_read.register(app)
