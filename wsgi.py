"""The broker for a WSGI server: ``gunicorn wsgi:app``."""

import gc

from broker.app import create_app
from broker.settings import Settings

app = create_app(Settings.from_environment())

# What is made before the first request stays until the last: the collector need not look at all of it again and again.
gc.collect()
gc.freeze()
