"""What is committed hastily, and what never is."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from broker.database import hasty, open_engine


def synchronous(engine: Engine) -> str:
    asked = {"sqlite": "PRAGMA synchronous", "postgresql": "SHOW synchronous_commit"}[engine.dialect.name]
    with engine.connect() as connection:
        return str(connection.execute(text(asked)).scalar_one())


def test_an_ordinary_commit_waits_for_the_disk_and_a_hasty_one_does_not(each_engine: Engine) -> None:
    before = synchronous(each_engine)
    assert synchronous(hasty(each_engine)) == {"sqlite": "1", "postgresql": "off"}[each_engine.dialect.name]
    assert synchronous(each_engine) == before, "the two share no connection"
    if each_engine.dialect.name == "sqlite":
        assert before == "2"  # a PostgreSQL server says for itself; the tests' own is quick
    assert hasty(each_engine) is hasty(each_engine)


def test_both_see_the_same_rows_and_the_same_keys(each_engine: Engine) -> None:
    with each_engine.begin() as connection:
        connection.execute(text("CREATE TABLE spent (jti VARCHAR(9) PRIMARY KEY)"))
    with hasty(each_engine).begin() as connection:
        connection.execute(text("INSERT INTO spent VALUES ('once')"))
    with pytest.raises(Exception, match=r"(?i)unique"), each_engine.begin() as connection:
        connection.execute(text("INSERT INTO spent VALUES ('once')"))


def test_a_database_in_memory_is_one_and_the_same() -> None:
    engine = open_engine("sqlite://")
    assert hasty(engine) is engine
