"""What every door needs from the running broker: its parts, the request's one database session, and the time."""

from __future__ import annotations

from datetime import datetime

from flask import current_app
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import Session

from broker.access.parts import Broker

db = SQLAlchemy(session_options={"expire_on_commit": False})


def parts() -> Broker:
    broker: Broker = current_app.extensions["broker"]
    return broker


def session() -> Session:
    """This request's session, closed when it ends."""
    return db.session


def now() -> datetime:
    return parts().clock()
