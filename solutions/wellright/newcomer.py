"""A programme that joins while the others are under load, and the trickle of entries that single users record for it.

It shows two things: that another programme is another stack and no change to what runs, and that its queue does not
wait for the noisy ones.
"""

import threading
import time

from activity import NEWCOMER, Entry, trickle
from stack import Stack
from upload import write

ENTRIES_PER_S = 10
ENTRIES_MAX = 1_000_000


class Newcomer:
    """`with Newcomer(…)`: the programme is there (its stack is made if it is not) and entries trickle in."""

    def __init__(self, stack: Stack, season: str) -> None:
        self._stack = stack
        self.season = season
        self.numbers = 0
        self.touched = False
        self.joined_s = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._failure: Exception | None = None

    def __enter__(self) -> "Newcomer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        try:
            self._join()
            self._send()
        except Exception as error:  # Told by the thread that waits for this one.
            self._failure = error

    def _join(self) -> None:
        if NEWCOMER.name in self._stack.places:
            return
        begun, event = time.monotonic(), self._stack.last_event()
        self._stack.add_programme(NEWCOMER.name)
        self.joined_s = time.monotonic() - begun
        self.touched = self._stack.last_event() != event

    def _send(self) -> None:
        held: Entry | None = None
        for number, entry in enumerate(trickle(self.season, ENTRIES_MAX)):
            again = held is not None and held.number == entry.number
            # The burst may be over before the programme is there: it records an entry all the same.
            if not again and self._stop.wait(1 / ENTRIES_PER_S) and held is not None:
                return
            write(self._stack.client("dynamodb"), self._stack.outputs["Users"], [entry], number)
            self.numbers, held = entry.number + 1, entry
