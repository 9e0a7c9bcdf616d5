"""Make the trail write-once: the database refuses to change or delete what is on it, and holds one head.

Step 0002, after 0001. The text is a copy of ``broker/audit/immutable.py`` as it was, because a step never changes;
``tests/house/test_migrations.py`` compares what the two make.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEYS = {
    "audit_entry": "leaf_index = NEW.leaf_index OR id = NEW.id",
    "audit_node": "level = NEW.level AND node_index = NEW.node_index",
    "audit_checkpoint": "size = NEW.size",
}


def sqlite_trigger(table: str, verb: str, when: str = "") -> str:
    # The INSERT trigger is for INSERT OR REPLACE, which deletes a row without firing its DELETE trigger.
    return (
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} {when}"
        f"BEGIN SELECT RAISE(ABORT, 'the trail is write-once: {table}'); END"
    )


def sqlite() -> list[str]:
    statements = ["INSERT INTO audit_head (id, size, edge) VALUES (1, 0, X'')"]
    for table, key in KEYS.items():
        statements += [
            sqlite_trigger(table, "UPDATE"),
            sqlite_trigger(table, "DELETE"),
            sqlite_trigger(table, "INSERT", f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {key}) "),
        ]
    return [
        *statements,
        sqlite_trigger("audit_head", "DELETE"),
        sqlite_trigger("audit_head", "INSERT"),
        sqlite_trigger("audit_head", "UPDATE", "WHEN NEW.id <> OLD.id OR NEW.size < OLD.size "),
    ]


def postgresql_trigger(name: str, table: str, act: str, each: str) -> str:
    return f"CREATE TRIGGER {name} BEFORE {act} ON {table} FOR EACH {each} EXECUTE FUNCTION audit_is_write_once()"


def postgresql() -> list[str]:
    statements = [
        "INSERT INTO audit_head (id, size, edge) VALUES (1, 0, '')",
        "CREATE OR REPLACE FUNCTION audit_is_write_once() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the trail is write-once: %', TG_TABLE_NAME; END $$",
    ]
    for table in KEYS:
        statements.append(postgresql_trigger(f"{table}_no_change", table, "UPDATE OR DELETE", "ROW"))
    for table in (*KEYS, "audit_head"):
        statements.append(postgresql_trigger(f"{table}_no_truncate", table, "TRUNCATE", "STATEMENT"))
    shrinks = "ROW WHEN (NEW.id <> OLD.id OR NEW.size < OLD.size)"
    return [
        *statements,
        postgresql_trigger("audit_head_no_delete", "audit_head", "DELETE", "ROW"),
        postgresql_trigger("audit_head_no_shrink", "audit_head", "UPDATE", shrinks),
    ]


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        statements = sqlite()
    else:
        statements = [text.replace("%", "%%") for text in postgresql()]  # the driver reads % as a parameter
    for statement in statements:
        connection.exec_driver_sql(statement)


def downgrade() -> None:
    raise NotImplementedError("a trail that can be rewritten is not a trail; restore a backup instead")
