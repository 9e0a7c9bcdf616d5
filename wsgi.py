"""The broker for a WSGI server: ``gunicorn wsgi:app``."""

from broker.app import create_app
from broker.settings import Settings

app = create_app(Settings.from_environment())
