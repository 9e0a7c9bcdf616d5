"""What every door needs from the running broker: its parts, the request's one database session, and the time."""

from __future__ import annotations

from datetime import datetime
from inspect import iscoroutinefunction
from typing import Any

from flask import current_app
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import Session

from broker.access.parts import Broker


class Database(SQLAlchemy):
    """The extension, without what it does for asynchronous sessions: it starts a thread at the end of every request
    to close them, and here there are none."""

    def init_app(self, app: Any) -> None:
        super().init_app(app)
        app.teardown_appcontext_funcs[:] = [
            close for close in app.teardown_appcontext_funcs if not iscoroutinefunction(close)
        ]


db = Database(session_options={"expire_on_commit": False})


def parts() -> Broker:
    broker: Broker = current_app.extensions["broker"]
    return broker


def session() -> Session:
    """This request's session, closed when it ends."""
    return db.session


def now() -> datetime:
    return parts().clock()
