"""The audit record only grows: nothing that is done, and no end of the server, changes or removes an entry."""

import asyncio
import re
from pathlib import Path
from typing import Any

import fogbank
from fogbank.core.audit import Entry
from fogbank.core.clock import Clock
from fogbank.core.cloud import Cloud
from tests.auth.conftest import GuardedServer, policy

SOURCES = Path(fogbank.__file__).parent


def test_nothing_that_is_done_changes_what_is_recorded_and_a_killed_server_still_has_it(tmp_path: Path) -> None:
    options = ("--data", str(tmp_path / "data"), "--sync", "process")
    first = GuardedServer(*options)
    iam, sqs = first.as_caller("iam", first.root), first.as_caller("sqs", first.root)
    seen: list[Any] = []

    def done(server: GuardedServer) -> None:
        """What was there is there as it was, in its order, before what is new."""
        now = server.audit()
        assert now[: len(seen)] == seen
        assert len(now) > len(seen)
        seen[:] = now

    for name in ("first", "again"):
        url = sqs.create_queue(QueueName=f"q-{name}")["QueueUrl"]
        done(first)
        iam.create_user(UserName="ann")
        iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy({"Action": "*", "Resource": "*"}))
        done(first)
        sqs.delete_queue(QueueUrl=url)
        iam.delete_user_policy(UserName="ann", PolicyName="p")
        iam.delete_user(UserName="ann")
        done(first)
    first.kill()

    second = GuardedServer(*options)
    try:
        assert second.audit()[: len(seen)] == seen
        second.as_caller("sqs", second.root).create_queue(QueueName="q-later")
        done(second)
    finally:
        assert second.stop() == 0


def test_a_clock_that_stands_through_a_restart_puts_no_entry_over_another(tmp_path: Path) -> None:
    clock = Clock(virtual=True)
    clock.stand_still()
    seen: list[tuple[Any, Any]] = []

    async def run() -> None:
        cloud = Cloud(tmp_path, services={}, sync="process", clock=clock)
        await cloud.start()
        ctx = cloud.context(account="1" * 12, region="us-east-1")
        for number in range(3):
            entry = Entry(f"{len(seen)}-{number}", "", "sqs", "CreateQueue", False, False, "", "", "", "", "{}")
            with cloud.store.transaction():
                cloud.audit.add(ctx, entry)
        now = list(cloud.audit.entries("1" * 12, "us-east-1", newest_first=False))
        assert [each for each in now if each in seen] == seen
        assert len(now) == len(seen) + 3
        seen[:] = now
        await cloud.stop()

    for _ in range(3):
        asyncio.run(run())
    assert len({place[2] for place, _ in seen}) == 1


def test_only_the_retention_takes_entries_away() -> None:
    named = [path for path in SOURCES.rglob("*.py") if 'core.audit"' in path.read_text()]
    assert named == [SOURCES / "core" / "audit.py"]
    text = named[0].read_text()
    changes = re.findall(r"self\._entries\.(\w+)", text)
    assert set(changes) <= {"put", "put_all", "get", "scan", "first", "delete"}
    assert changes.count("delete") == 1
    assert "self._entries.delete" in text.partition("def _remove_old")[2]
    users = [path for path in SOURCES.rglob("*.py") if re.search(r"audit\._", path.read_text())]
    assert users == []
