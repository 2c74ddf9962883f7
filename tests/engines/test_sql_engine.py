"""The embedded SQL engine, alone: what a session can do, and what it cannot."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from fogbank.engines.sql.duckdb import DuckDb
from fogbank.engines.sql.interface import QueryFailed, Row, SqlSession


def in_session(work: Callable[[SqlSession], Awaitable[Any]], **options: Any) -> Any:
    async def whole() -> Any:
        session = await DuckDb().open(**options)
        try:
            return await work(session)
        finally:
            await session.close()

    return asyncio.run(whole())


async def all_rows(rows: AsyncIterator[list[Row]]) -> list[Row]:
    return [row async for part in rows for row in part]


def test_a_session_keeps_tables_and_gives_rows_in_parts() -> None:
    async def work(session: SqlSession) -> None:
        await session.run("CREATE TABLE numbers AS SELECT n FROM range($count) AS all_numbers(n)", {"count": 10_000})
        parts = [part async for part in session.rows("SELECT n FROM numbers ORDER BY n", size=1000)]
        assert len(parts) == 10
        assert [row[0] for part in parts for row in part] == list(range(10_000))

    in_session(work)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("SELECT 'x'::INT", "conversion"),
        ("SELECT 9223372036854775807::BIGINT + 1", "overflow"),
        ("SELECT error('mine|words')", "raised"),
        ("SELECT list(n) FROM range(100000000) AS numbers(n)", "memory"),
        ("SELEC 1", "other"),
    ],
)
def test_a_statement_that_fails_says_why(statement: str, reason: str) -> None:
    async def work(session: SqlSession) -> None:
        with pytest.raises(QueryFailed) as failed:
            await all_rows(session.rows(statement))
        assert failed.value.reason == reason
        assert await all_rows(session.rows("SELECT 1")) == [(1,)], "the session is of no use after a failure"

    in_session(work, memory_mb=100)


def test_a_statement_that_takes_too_long_is_ended() -> None:
    async def work(session: SqlSession) -> None:
        with pytest.raises(QueryFailed) as failed:
            await all_rows(session.rows("SELECT count(*) FROM range(100000000) AS a, range(100000) AS b"))
        assert failed.value.reason == "time"
        assert await all_rows(session.rows("SELECT 1")) == [(1,)], "the session is of no use after a failure"

    in_session(work, step_s=0.5)


def test_the_message_of_an_error_that_the_statement_raised_comes_back() -> None:
    async def work(session: SqlSession) -> str:
        with pytest.raises(QueryFailed) as failed:
            await session.run("SELECT error('mine|words')")
        return failed.value.message

    assert in_session(work) == "mine|words"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('{other}')",
        "SELECT * FROM '{other}'",
        "COPY (SELECT 1) TO '{folder}/new.csv'",
        "ATTACH '{folder}/new.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM read_parquet('http://localhost:9/x.parquet')",
        "SET enable_external_access = true",
        "SET allowed_paths = ['{other}']",
        "EXPORT DATABASE '{folder}/all'",
    ],
)
def test_a_session_reaches_nothing_but_its_files(tmp_path: Path, statement: str) -> None:
    given, other = tmp_path / "given.parquet", tmp_path / "other.csv"
    duckdb.connect().execute(f"COPY (SELECT 7 AS n) TO '{given}' (FORMAT parquet)")
    other.write_text("secret\n")

    async def work(session: SqlSession) -> None:
        assert await all_rows(session.rows("SELECT n FROM read_parquet($file)", {"file": str(given)})) == [(7,)]
        with pytest.raises(QueryFailed):
            await all_rows(session.rows(statement.format(other=other, folder=tmp_path)))

    in_session(work, files=[given])
    assert sorted(file.name for file in tmp_path.iterdir()) == ["given.parquet", "other.csv"]


def test_a_cancelled_statement_ends() -> None:
    async def work(session: SqlSession) -> None:
        endless = asyncio.create_task(session.run("SELECT count(*) FROM range(100000000) AS a, range(100000) AS b"))
        await asyncio.sleep(0)
        endless.cancel()
        with pytest.raises(asyncio.CancelledError):
            await endless
        assert await all_rows(session.rows("SELECT 1")) == [(1,)]

    in_session(work)


def test_the_engine_is_not_imported_before_it_is_used() -> None:

    check = "import sys, fogbank.services.s3, fogbank.engines.sql.duckdb; sys.exit('duckdb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
