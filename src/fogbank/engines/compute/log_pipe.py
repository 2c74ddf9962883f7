"""What processes of an environment write, as lines."""

import asyncio
import os
from collections.abc import Callable

# A line longer than this is cut into several, as an event of CloudWatch Logs has a limit of 256 KB.
_LINE_BYTES_MAX = 256_000
_BYTES_MAX = 16 << 20


class LogPipe:
    """The reading end of a pipe whose writing end is the stdout and stderr of processes.

    Lines are handed over as they come. At most 16 MB an invocation, more is dropped: a function may write faster than
    anything could store.
    """

    def __init__(self, hear: Callable[[list[str]], None]) -> None:
        self._read, self.write_end = os.pipe()
        os.set_blocking(self._read, False)
        self._hear = hear
        self._bytes = 0
        self._partial = b""
        self._open = True
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._read, self.read)

    def begin(self) -> None:
        """Count the limit from here."""
        self._bytes = 0

    def read(self, *, final: bool = False) -> None:
        """Hand over what is written by now, with the unfinished last line if `final`."""
        lines: list[str] = []
        while self._open:
            try:
                data = os.read(self._read, 65_536)
            except BlockingIOError:
                break
            self._take(data, lines)
            if len(data) < 65_536:
                break
        if final and self._partial:
            self._keep(self._partial, lines)
            self._partial = b""
        if lines:
            self._hear(lines)

    def close(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_reader(self._read)
            os.close(self._read)
            os.close(self.write_end)

    def _take(self, data: bytes, lines: list[str]) -> None:
        *whole, self._partial = (self._partial + data).split(b"\n")
        for line in whole:
            self._keep(line, lines)
        while len(self._partial) > _LINE_BYTES_MAX:
            self._keep(self._partial[:_LINE_BYTES_MAX], lines)
            self._partial = self._partial[_LINE_BYTES_MAX:]

    def _keep(self, line: bytes, lines: list[str]) -> None:
        self._bytes += len(line)
        if self._bytes <= _BYTES_MAX:
            # The runtimes join the lines of one record by carriage returns.
            lines.append(line.decode("utf-8", "replace").rstrip("\r").replace("\r", "\n"))
