"""How Alembic runs a step: on the connection it was given. Reads no file and no environment variable."""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context

from broker.database import Base
from broker.migrations import COMPARED
from broker.migrations.tables import load_models


def plainly(kind: str, thing: Any, _autogen: Any) -> str | Literal[False]:
    """Write a column's type as the database knows it, so that a step never changes when a vocabulary does."""
    if kind == "type" and isinstance(thing, sa.types.TypeDecorator):
        return f"sa.{thing.impl_instance!r}"
    return False


load_models()
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    render_item=plainly,
    compare_type=True,
    autogenerate_plugins=COMPARED,
)
with context.begin_transaction():
    context.run_migrations()
