"""Data folders that older versions wrote."""

from pathlib import Path
from typing import Any

from fogbank.core.clock import Clock
from fogbank.core.cloud import Cloud
from fogbank.services.sqs.records import Due, Message, Queue, SqsTables
from fogbank.services.sqs.shelf import Shelf

QUEUE = Queue(id=1, name="jobs.fifo", account="1" * 12, region="us-east-1", created_ms=0, modified_ms=0, attributes={})


def _message(group: str) -> Message:
    return Message(id="", body="", md5="", sent_ms=0, sender="", group=group)


def test_a_fifo_queue_whose_groups_had_a_count_of_what_is_in_flight_gives_its_messages_in_order(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, services={}, sync="process", clock=Clock(virtual=True))
    now_ms = cloud.clock.now_ms()
    tables = SqsTables(cloud.store)
    heads = cloud.store.table("sqs.heads", key=(int, int), value=list[Any])
    groups = cloud.store.table("sqs.groups", key=(int, str), value=list[Any])
    with cloud.store.transaction():
        for sequence, group in ((2, "taken"), (3, "late"), (4, "early"), (5, "late"), (1, "early")):
            tables.visible.put((1, group, sequence), _message(group))
        tables.waiting.put((1, now_ms + 30_000, 0), _message("taken"))
        tables.moved.put((1, 0), Due(now_ms + 30_000))
        heads.put((1, 1), ["early"])
        heads.put((1, 3), ["late"])
        groups.put((1, "taken"), [1])
    cloud.store.flush()

    shelf = Shelf(cloud, tables)

    def take(limit: int, at_ms: int) -> list[int]:
        with cloud.store.transaction():
            shelf.return_due(QUEUE, at_ms)
            return [receipt.sequence for receipt, _ in shelf.lease(QUEUE, limit=limit, now_ms=at_ms, timeout_s=600)]

    assert take(10, now_ms) == [1, 4, 3, 5]
    assert take(10, now_ms) == []
    assert take(10, now_ms + 30_000) == [0, 2]
    assert not [*heads.scan(), *groups.scan(), *tables.moved.scan()]
    cloud.store.close()
