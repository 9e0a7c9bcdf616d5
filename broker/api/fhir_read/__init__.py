"""The FHIR R4 side that partners' systems and apps read: what SMART App Launch is for.

Reads, searches and two operations, and nothing else: nothing is written, kept or versioned here. Every answer is
decided live by policy, once for each page, and made from what may be shown.
"""

from flask import Flask

from broker.api.fhir_read import routes


def register(app: Flask) -> None:
    app.register_blueprint(routes.routes)
