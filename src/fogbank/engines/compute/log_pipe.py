"""What processes of an environment write, as messages: lines, and whole records where a runtime frames them.

Runtimes put a head before a record, so that its lines stay together: four bytes that begin with a55a, its length in
four, and the time in eight if the second lowest bit of the first four is set.
"""

import asyncio
import os
from collections.abc import Callable

# A line longer than this is cut into several, as an event of CloudWatch Logs has a limit of 256 KB.
_LINE_BYTES_MAX = 256_000
_BYTES_MAX = 16 << 20
# No text in UTF-8 has these in a row, but for one with a zero byte in it.
_FRAME = b"\xa5\x5a\x00"


class LogPipe:
    """The reading end of a pipe whose writing end is the stdout and stderr of processes.

    Messages are handed over as they come. At most 16 MB an invocation, more is dropped: a function may write faster
    than anything could store.
    """

    def __init__(self, hear: Callable[[list[str]], None]) -> None:
        self._hear = hear
        self._bytes = 0
        self._partial = b""
        self._open = False
        self._read = self._write = -1
        self._loop = asyncio.get_running_loop()

    @property
    def write_end(self) -> int:
        """Opened when it is first asked for: few environments have extensions, which have a pipe of their own."""
        if not self._open:
            self._read, self._write = os.pipe()
            os.set_blocking(self._read, False)
            self._loop.add_reader(self._read, self.read)
            self._open = True
        return self._write

    def begin(self) -> None:
        """Count the limit from here."""
        self._bytes = 0

    def read(self, *, final: bool = False) -> None:
        """Hand over what is written by now, with the unfinished last line if `final`."""
        messages: list[str] = []
        while self._open:
            try:
                data = os.read(self._read, 65_536)
            except BlockingIOError:
                break
            self._take(data, messages)
            if len(data) < 65_536:
                break
        if final and self._partial:
            self._keep(self._partial, messages)
            self._partial = b""
        if messages:
            self._hear(messages)

    def close(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_reader(self._read)
            os.close(self._read)
            os.close(self._write)

    def _take(self, data: bytes, messages: list[str]) -> None:
        rest = self._partial + data
        while (at := rest.find(_FRAME)) >= 0:
            if at:
                *lines, unfinished = rest[:at].split(b"\n")
                for line in lines:
                    self._keep(line + b"\n", messages)
                if unfinished:
                    self._keep(unfinished, messages)
                rest = rest[at:]
            start = 16 if len(rest) > 3 and rest[3] & 2 else 8
            size = int.from_bytes(rest[4:8], "big")
            if len(rest) < start + size:
                self._partial = rest
                return
            self._keep(rest[start : start + size], messages)
            rest = rest[start + size :]
        *lines, rest = rest.split(b"\n")
        for line in lines:
            self._keep(line + b"\n", messages)
        while len(rest) > _LINE_BYTES_MAX:
            self._keep(rest[:_LINE_BYTES_MAX], messages)
            rest = rest[_LINE_BYTES_MAX:]
        self._partial = rest

    def _keep(self, message: bytes, messages: list[str]) -> None:
        self._bytes += len(message)
        if self._bytes <= _BYTES_MAX:
            messages.append(message.decode("utf-8", "replace"))
