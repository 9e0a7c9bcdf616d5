"""The door for tokens: partner systems prove who they are by ``private_key_jwt`` and are given opaque, short tokens.

A token carries identity, never permission: every use of it is decided live.
"""

from flask import Flask

from broker.oauth import demonstration, server


def register(app: Flask) -> None:
    """Add the token, revocation and metadata endpoints; and, in a demonstration alone, tokens for its cast."""
    server.register(app)
    if app.extensions["broker"].settings.demonstration:
        demonstration.register(app)
