"""The client's bulk upload: entries into the Users table, 25 at a time, several requests at once."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from activity import Entry

ITEMS_PER_CALL = 25  # DynamoDB quota: items in one BatchWriteItem
CALLS_AT_ONCE = 4


def upload(dynamodb: Any, table: str, entries: Iterable[Entry], sent: Callable[[int], None]) -> int:
    """Writes every entry; answers how many were sent, duplicates included. Memory does not grow with them."""
    total = 0
    with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
        running: set[Future[int]] = set()
        for number, batch in enumerate(batches(entries)):
            running.add(pool.submit(write, dynamodb, table, batch, number))
            if len(running) >= 2 * CALLS_AT_ONCE:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                total += sum(each.result() for each in done)
                sent(total)
        total += sum(each.result() for each in running)
        sent(total)
    return total


def batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Lists of at most 25 different entries: BatchWriteItem takes no key twice."""
    batch: dict[int, Entry] = {}
    for entry in entries:
        if len(batch) == ITEMS_PER_CALL or entry.number in batch:
            yield list(batch.values())
            batch = {}
        batch[entry.number] = entry
    if batch:
        yield list(batch.values())


def write(dynamodb: Any, table: str, batch: list[Entry], upload_number: int) -> int:
    requests = [{"PutRequest": {"Item": to_item(entry, upload_number)}} for entry in batch]
    pause_s = 0.05
    while requests:
        requests = dynamodb.batch_write_item(RequestItems={table: requests})["UnprocessedItems"].get(table, [])
        if requests:
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, 5.0)
    return len(batch)


def to_item(entry: Entry, upload_number: int) -> dict[str, dict[str, str]]:
    item = {
        "user_id": {"S": entry.user_id},
        "sk": {"S": f"activity#{entry.entry_id}"},
        "entry_id": {"S": entry.entry_id},
        "season": {"S": entry.season},
        "metric": {"S": entry.metric},
        "value": {"N": str(entry.value)},
        "day": {"S": entry.day},
        "upload": {"N": str(upload_number)},  # differs for a duplicate: so its write is a change, too
        "uploaded_at": {"N": str(int(time.time() * 1000))},
    }
    if entry.team_id is not None:
        item["team_id"] = {"S": entry.team_id}
    return item
