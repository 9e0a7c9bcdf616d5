"""What every source system that is files promises, whatever is put into its folder."""

from __future__ import annotations

import asyncio
import csv
import os
import socket
import time
from pathlib import Path

import pytest

from adapters import KINDS, Limits
from broker.records.source import ResidentIdentity
from broker.vocabulary import GapCause
from tests.adapters.conformance.asking import ask_files, file_system
from tests.adapters.conformance.worlds import ADA, FILES, STRANGER, FileWorld, Holding

every = pytest.mark.parametrize("world", FILES, ids=lambda world: world.kind)
# Kinds that one adapter reads alike need a large file but once.
by_reader = {KINDS[world.kind].make: world for world in reversed(FILES)}
every_reader = pytest.mark.parametrize("world", by_reader.values(), ids=lambda world: world.kind)


def written(world: FileWorld, folder: Path, rows: list[list[str]], *, encoding: str = "utf-8") -> None:
    with world.file(folder).open("w", newline="", encoding=encoding) as file:
        csv.writer(file).writerows([world.header, *rows])


def causes(world: FileWorld, folder: Path, **options: object) -> list[GapCause]:
    answer = ask_files(world, folder, **options)  # type: ignore[arg-type]
    assert not answer.entries
    return [gap.cause for gap in answer.gaps]


@every
def test_reading_files_opens_no_socket(world: FileWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write(Holding(), tmp_path)

    async def fetched() -> None:
        system = file_system(world, tmp_path)

        def refuse(*given: object, **named: object) -> None:
            raise AssertionError("a file adapter opened a socket")

        with monkeypatch.context() as patch:
            patch.setattr(socket.socket, "connect", refuse)
            patch.setattr(socket, "getaddrinfo", refuse)
            assert len((await system.fetch(ADA, frozenset({world.section}))).entries) == 3

    asyncio.run(fetched())


@every
def test_only_the_residents_rows_are_read_among_many(world: FileWorld, tmp_path: Path) -> None:
    others = [ResidentIdentity(f"99900{n:05}", STRANGER.born_on) for n in range(1000, 1500)]
    rows = [world.row(other, number) for number, other in enumerate(others)]
    rows[250:250] = [world.row(ADA, 9001), world.row(ADA, 9002)]
    written(world, tmp_path, rows)
    answer = ask_files(world, tmp_path)
    assert len(answer.entries) == 2
    assert not answer.gaps


@every
def test_a_number_written_with_spaces_is_the_same_number(world: FileWorld, tmp_path: Path) -> None:
    spaced = ResidentIdentity("999 000 0018", ADA.born_on)
    written(world, tmp_path, [world.row(spaced, 1)])
    assert len(ask_files(world, tmp_path).entries) == 1


@every
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_the_encodings_spreadsheets_save_in_are_read(world: FileWorld, tmp_path: Path, encoding: str) -> None:
    rows = [world.row(ADA, 1)]
    rows[0][-1] = "Café – “urgent” £40"
    written(world, tmp_path, rows, encoding=encoding)
    (entry,) = ask_files(world, tmp_path).entries
    assert "Café – “urgent” £40" in (entry.title, *(text for _, text in entry.details))


@every
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_another_encoding_is_a_gap_and_not_a_guess(world: FileWorld, tmp_path: Path, encoding: str) -> None:
    written(world, tmp_path, [world.row(ADA, 1)], encoding=encoding)
    assert causes(world, tmp_path) == [GapCause.MALFORMED]


@every
def test_a_value_of_several_lines_with_quotes_and_commas_is_one_value(world: FileWorld, tmp_path: Path) -> None:
    rows = [world.row(ADA, number) for number in range(3)]
    rows[0][-1] = 'She said "call me",\nthen\r\nleft'
    written(world, tmp_path, rows)
    answer = ask_files(world, tmp_path)
    assert len(answer.entries) == 3
    assert any("call me" in f"{entry.title}{entry.details}" for entry in answer.entries)


@every
@pytest.mark.parametrize("dropped", [0, 1, 2, 3])
def test_a_missing_column_is_a_gap(world: FileWorld, tmp_path: Path, dropped: int) -> None:
    needed = [n for n, name in enumerate(world.header) if name not in ("LA_Name", "Event_Reference")][dropped]
    with world.file(tmp_path).open("w", newline="") as file:
        rows = [list(world.header), world.row(ADA, 1)]
        csv.writer(file).writerows([[v for n, v in enumerate(row) if n != needed] for row in rows])
    assert causes(world, tmp_path) == [GapCause.MALFORMED]


@every
def test_two_columns_of_one_name_are_a_gap(world: FileWorld, tmp_path: Path) -> None:
    with world.file(tmp_path).open("w", newline="") as file:
        csv.writer(file).writerows([[*world.header, world.header[0]], [*world.row(ADA, 1), "x"]])
    assert causes(world, tmp_path) == [GapCause.MALFORMED]


@every
@pytest.mark.parametrize("content", [b"", b"\n\n", b"\0\0\0\0", b"<html>", b"\xff\xfea,b"])
def test_a_file_that_is_no_table_is_a_gap(world: FileWorld, tmp_path: Path, content: bytes) -> None:
    world.file(tmp_path).write_bytes(content)
    assert causes(world, tmp_path) == [GapCause.MALFORMED]


@every
def test_a_quotation_mark_that_never_closes_is_a_gap(world: FileWorld, tmp_path: Path) -> None:
    written(world, tmp_path, [world.row(ADA, 1)])
    with world.file(tmp_path).open("a") as file:
        file.write('"' + "never closed, " * 40_000)
    assert causes(world, tmp_path) == [GapCause.MALFORMED]


@every
def test_a_short_row_is_not_read_as_somebody_elses(world: FileWorld, tmp_path: Path) -> None:
    row = world.row(ADA, 1)
    born = next(n for n, value in enumerate(row) if "1964" in value)
    written(world, tmp_path, [row[:born]])
    answer = ask_files(world, tmp_path)
    assert not answer.entries
    assert [gap.cause for gap in answer.gaps] == [GapCause.MALFORMED]
    assert list(answer.not_understood.values()) == [1]


@every
def test_a_date_of_birth_that_is_no_date_is_counted_by_its_row(world: FileWorld, tmp_path: Path) -> None:
    rows = [world.row(ADA, number) for number in range(3)]
    born = next(n for n, value in enumerate(rows[0]) if "1964" in value)
    rows[1][born] = "about 1964"
    written(world, tmp_path, rows)
    answer = ask_files(world, tmp_path)
    assert len(answer.entries) == 2
    assert dict(answer.not_understood) == {f"row 3: {world.header[born]} not a date": 1}
    assert [gap.cause for gap in answer.gaps] == [GapCause.MALFORMED]


@every
def test_one_row_of_somebody_else_does_not_hide_the_residents_own(world: FileWorld, tmp_path: Path) -> None:
    typo = ResidentIdentity(ADA.nhs_number, STRANGER.born_on)
    written(world, tmp_path, [world.row(ADA, 1), world.row(typo, 2)])
    answer = ask_files(world, tmp_path)
    assert len(answer.entries) == 1
    assert [gap.cause for gap in answer.gaps] == [GapCause.WRONG_PERSON]


@every
def test_a_changed_file_is_read_again(world: FileWorld, tmp_path: Path) -> None:
    async def changed() -> list[int]:
        system, counts = file_system(world, tmp_path), []
        for items in (2, 5):
            world.write(Holding(items=items), tmp_path)
            counts.append(len((await system.fetch(ADA, frozenset({world.section}))).entries))
        return counts

    assert asyncio.run(changed()) == [2, 5]


@every
def test_a_file_replaced_by_one_of_the_same_size_and_time_is_read_again(world: FileWorld, tmp_path: Path) -> None:
    async def replaced() -> list[str]:
        system, titles = file_system(world, tmp_path), []
        for word in ("first", "other"):
            rows = [world.row(ADA, 1)]
            rows[0][-1] = word
            fresh = tmp_path / "fresh"
            fresh.mkdir(exist_ok=True)
            written(world, fresh, rows)
            os.utime(world.file(fresh), ns=(10**18, 10**18))
            world.file(fresh).replace(world.file(tmp_path))
            (entry,) = (await system.fetch(ADA, frozenset({world.section}))).entries
            titles.append(entry.title)
        return titles

    assert asyncio.run(replaced()) == ["first", "other"]


@every
def test_a_symbolic_link_out_of_the_folder_is_not_followed(world: FileWorld, tmp_path: Path) -> None:
    secret = tmp_path / "elsewhere"
    secret.mkdir()
    world.write(Holding(), secret)
    world.file(tmp_path).symlink_to(world.file(secret))
    assert causes(world, tmp_path) == [GapCause.UNREACHABLE]


@every
def test_a_pipe_that_never_ends_is_not_waited_for(world: FileWorld, tmp_path: Path) -> None:
    os.mkfifo(world.file(tmp_path))
    started = time.perf_counter()
    assert causes(world, tmp_path) == [GapCause.NOT_ALLOWED]
    assert time.perf_counter() - started < 0.5


@every
def test_a_file_beyond_the_limit_is_a_gap(world: FileWorld, tmp_path: Path) -> None:
    world.write(Holding(items=100), tmp_path)
    assert causes(world, tmp_path, limits=Limits(file_bytes=1000)) == [GapCause.TOO_LARGE]


@every_reader
def test_a_caller_at_its_deadline_goes_while_a_large_file_is_indexed(world: FileWorld, tmp_path: Path) -> None:
    written(world, tmp_path, [world.row(STRANGER, number) for number in range(150_000)] + [world.row(ADA, 1)])

    async def asked() -> tuple[float, float, int, int]:
        system, turns = file_system(world, tmp_path), [0]

        async def another() -> None:
            while True:
                turns[0] += 1
                await asyncio.sleep(0.001)

        beside = asyncio.create_task(another())
        started = time.perf_counter()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await system.fetch(ADA, frozenset({world.section}))
        gone = time.perf_counter() - started
        answer = await system.fetch(ADA, frozenset({world.section}))  # the index that was being made is used
        beside.cancel()
        return gone, time.perf_counter() - started, turns[0], len(answer.entries)

    gone, indexed, turns, found = asyncio.run(asked())
    assert gone < indexed / 2, "the caller had to wait for the whole file"
    assert turns > 10, "the event loop was held up"
    assert found == 1
