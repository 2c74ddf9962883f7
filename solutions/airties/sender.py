"""The devices' side: PutRecords of up to 500 from several threads, each device's messages in its order.

A device has a lane, and a lane sends one request at a time. A request has one message of a device at most, since
PutRecords may take the second and refuse the first; what was refused goes first next time, before anything newer
of its device.
"""

from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fleet import Fleet, Message
from ledger import Lane, Ledger

RECORDS_PER_CALL = 500  # Kinesis quota: records in one PutRecords
LANES = 4
STREAMS = ("telemetry", "events")

Pending = deque[Message]


class Sender:
    """`streams` has the names of the telemetry's stream and the events' stream, in the order of STREAMS."""

    def __init__(self, kinesis: Any, streams: tuple[str, str], fleet: Fleet) -> None:
        self._kinesis = kinesis
        self._streams = streams
        self._fleet = fleet
        self.ledger = Ledger(LANES)
        self._pending: list[tuple[Pending, Pending]] = [(deque(), deque()) for _ in range(LANES)]
        self._pool = ThreadPoolExecutor(LANES)

    def __enter__(self) -> "Sender":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    @property
    def pending(self) -> int:
        return sum(len(queue) for lane in self._pending for queue in lane)

    def offer(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self._pending[message.device % LANES][message.event].append(message)

    def send(self) -> None:
        """Everything that is pending, once: what a shard refuses stays for the next time."""
        for _ in self._pool.map(self._send_lane, range(LANES)):
            pass

    def _send_lane(self, number: int) -> None:
        for kind, queue in enumerate(self._pending[number]):
            refused: Pending = deque()
            held: set[int] = set()  # devices that must wait behind a message of theirs that was refused
            while queue:
                batch = take(queue, held, refused)
                if batch:
                    again = self._put(kind, self.ledger.lanes[number], batch)
                    held |= {message.device for message in again}
                    refused.extend(again)
            queue.extend(refused)

    def _put(self, kind: int, lane: Lane, batch: list[Message]) -> list[Message]:
        """The messages that were refused."""
        fleet, stream = self._fleet, self._streams[kind]
        records = [{"Data": fleet.body(m), "PartitionKey": fleet.device_name(m.device)} for m in batch]
        answer = self._kinesis.put_records(StreamName=stream, Records=records)
        refused = []
        for message, outcome in zip(batch, answer["Records"], strict=True):
            if "ErrorCode" in outcome:
                refused.append(message)
            else:
                lane.acknowledge(stream, message.device, message.number, outcome["SequenceNumber"])
        size = sum(len(record["Data"]) for record in records)
        self.ledger.request(size, {STREAMS[kind]: len(refused)} if refused else {})
        return refused


def take(queue: Pending, held: set[int], refused: Pending) -> list[Message]:
    """The next request's messages, one of a device; those of devices that are held go to `refused`."""
    batch: list[Message] = []
    taken: set[int] = set()
    later: Pending = deque()
    while queue and len(batch) < RECORDS_PER_CALL:
        message = queue.popleft()
        if message.device in held:
            refused.append(message)
        elif message.device in taken:
            later.append(message)
        else:
            taken.add(message.device)
            batch.append(message)
    queue.extendleft(reversed(later))
    return batch
