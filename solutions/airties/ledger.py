"""What the streams have acknowledged: the measure of everything that is checked afterwards."""

import threading
import time
from array import array
from collections import Counter
from collections.abc import Iterator


class Lane:
    """The acknowledgements of some of the devices, in their order: one sending thread writes it."""

    def __init__(self) -> None:
        self.numbers = array("q")
        self.sent_ms = array("q")
        self.out_of_order = 0
        self._last: dict[tuple[str, int], int] = {}

    def acknowledge(self, stream: str, device: int, number: int, sequence: str) -> None:
        """A record's sequence number must be above that of the device's record before it, in whichever shard."""
        self.numbers.append(number)
        self.sent_ms.append(int(time.time() * 1000))
        at = int(sequence)
        if at <= self._last.get((stream, device), -1):
            self.out_of_order += 1
        self._last[(stream, device)] = at


class Ledger:
    def __init__(self, lanes: int) -> None:
        self.lanes = [Lane() for _ in range(lanes)]
        self.requests = 0
        self.bytes_sent = 0
        self.refused: Counter[str] = Counter()
        self._lock = threading.Lock()

    def request(self, size: int, refused: dict[str, int]) -> None:
        """One PutRecords: the bytes it carried, and the records that each stream refused for now."""
        with self._lock:
            self.requests += 1
            self.bytes_sent += size
            self.refused.update(refused)

    @property
    def acknowledged(self) -> int:
        return sum(len(lane.numbers) for lane in self.lanes)

    @property
    def out_of_order(self) -> int:
        return sum(lane.out_of_order for lane in self.lanes)

    def sends(self) -> Iterator[tuple[int, int]]:
        """Number and time (by the driver's clock) of every acknowledged record, each device's in its order."""
        for lane in self.lanes:
            yield from zip(lane.numbers, lane.sent_ms, strict=True)
