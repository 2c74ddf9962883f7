"""What the audit record writes."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from fogbank.core.audit import Entry
from fogbank.core.clock import Clock
from fogbank.core.cloud import Cloud
from fogbank.core.store import Table

READS = 25_000  # more than may wait, in one turn


def test_what_waits_is_written_once_however_much_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Any] = []
    put_all = Table.put_all

    def noted(table: Table[Any], rows: Iterable[tuple[Any, Any]]) -> None:
        rows = list(rows)
        written.extend(key for key, _ in rows)
        put_all(table, rows)

    async def run() -> None:
        cloud = Cloud(tmp_path, services={}, sync="process", clock=Clock(virtual=True))
        await cloud.start()
        monkeypatch.setattr(Table, "put_all", noted)
        ctx = cloud.context(account="1" * 12, region="us-east-1")
        for number in range(READS):
            entry = Entry(f"{number}", "", "sqs", "ListQueues", True, False, "", "", "", "", "{}")
            cloud.audit.add_later(ctx, entry)
        while len(set(written)) < READS:
            await asyncio.sleep(0)
        assert len(written) == READS
        assert len(list(cloud.audit.entries("1" * 12, "us-east-1"))) == READS
        await cloud.stop()

    asyncio.run(run())
