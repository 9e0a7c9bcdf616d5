"""The statements that make the trail's tables write-once, by dialect and table, for ``create_all`` and migrations.

Run each table's statements just after the table is made. They stop an ordinary mistake or a stolen application
password; an owner of the database can drop them, which is what checkpoints and ``verify`` are for.
"""

from __future__ import annotations

FIRST_HEAD = "INSERT INTO audit_head (id, size, edge) VALUES (1, 0, {empty})"

_KEYS = {
    "audit_entry": "leaf_index = NEW.leaf_index OR id = NEW.id",
    "audit_node": "level = NEW.level AND node_index = NEW.node_index",
    "audit_checkpoint": "size = NEW.size",
}


def _sqlite_trigger(table: str, verb: str, when: str = "") -> str:
    # The INSERT trigger is for INSERT OR REPLACE, which deletes a row without firing its DELETE trigger.
    return (
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} {when}"
        f"BEGIN SELECT RAISE(ABORT, 'the trail is write-once: {table}'); END"
    )


def _sqlite_write_once(table: str, key: str) -> tuple[str, ...]:
    return (
        _sqlite_trigger(table, "UPDATE"),
        _sqlite_trigger(table, "DELETE"),
        _sqlite_trigger(table, "INSERT", f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {key}) "),  # noqa: S608 - our own names
    )


SQLITE_DDL: dict[str, tuple[str, ...]] = {
    **{table: _sqlite_write_once(table, key) for table, key in _KEYS.items()},
    "audit_head": (
        FIRST_HEAD.format(empty="X''"),
        _sqlite_trigger("audit_head", "DELETE"),
        _sqlite_trigger("audit_head", "INSERT"),
        _sqlite_trigger("audit_head", "UPDATE", "WHEN NEW.id <> OLD.id OR NEW.size < OLD.size "),
    ),
}


_POSTGRESQL_REFUSAL = (
    "CREATE OR REPLACE FUNCTION audit_is_write_once() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the trail is write-once: %', TG_TABLE_NAME; END $$"
)


def _postgresql_write_once(table: str) -> tuple[str, ...]:
    return (
        _POSTGRESQL_REFUSAL,
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION audit_is_write_once()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_write_once()",
    )


POSTGRESQL_DDL: dict[str, tuple[str, ...]] = {
    **{table: _postgresql_write_once(table) for table in _KEYS},
    "audit_head": (
        FIRST_HEAD.format(empty="''"),
        _POSTGRESQL_REFUSAL,
        "CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head "
        "FOR EACH ROW EXECUTE FUNCTION audit_is_write_once()",
        "CREATE TRIGGER audit_head_no_shrink BEFORE UPDATE ON audit_head "
        "FOR EACH ROW WHEN (NEW.id <> OLD.id OR NEW.size < OLD.size) EXECUTE FUNCTION audit_is_write_once()",
        "CREATE TRIGGER audit_head_no_truncate BEFORE TRUNCATE ON audit_head "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_write_once()",
    ),
}
