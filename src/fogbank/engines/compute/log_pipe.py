"""What a function's processes write, as lines."""

import asyncio
import contextlib
import os
from collections.abc import Callable

# A line longer than this is cut into several, as an event of CloudWatch Logs has a limit of 256 KB.
_LINE_BYTES_MAX = 256_000
_BYTES_MAX = 16 << 20


class LogPipe:
    """The reading end of a pipe whose writing end is a function's stdout and stderr.

    Lines are handed over as they come while somebody listens, and kept otherwise. At most 16 MB an invocation, more is
    dropped: a function may write faster than anything could store.
    """

    def __init__(self) -> None:
        self._read, self.write_end = os.pipe()
        os.set_blocking(self._read, False)
        self._lines: list[str] = []
        self._hear: Callable[[list[str]], None] | None = None
        self._bytes = 0
        self._partial = b""
        self._open = True
        asyncio.get_running_loop().add_reader(self._read, self._receive)

    def close_write_end(self) -> None:
        os.close(self.write_end)

    def listen(self, hear: Callable[[list[str]], None]) -> None:
        """Hand over what was kept, and from now on every line as it comes."""
        self._hear, self._bytes = hear, 0
        self._hand_over()

    def stop_listening(self, *, final: bool) -> None:
        """Hand over what is written by now, with the unfinished last line if `final`, and keep what comes."""
        self._receive()
        if final and self._partial:
            self._keep(self._partial)
            self._partial = b""
        self._hand_over()
        self._hear = None

    def close(self) -> None:
        if self._open:
            self._open = False
            asyncio.get_running_loop().remove_reader(self._read)
            os.close(self._read)

    def _receive(self) -> None:
        while self._open:
            try:
                data = os.read(self._read, 65_536)
            except BlockingIOError:
                return
            if not data:
                asyncio.get_running_loop().remove_reader(self._read)
                return
            *lines, self._partial = (self._partial + data).split(b"\n")
            for line in lines:
                self._keep(line)
            while len(self._partial) > _LINE_BYTES_MAX:
                self._keep(self._partial[:_LINE_BYTES_MAX])
                self._partial = self._partial[_LINE_BYTES_MAX:]
            self._hand_over()

    def _hand_over(self) -> None:
        if self._lines and self._hear is not None:
            lines, self._lines = self._lines, []
            self._hear(lines)

    def _keep(self, line: bytes) -> None:
        self._bytes += len(line)
        if self._bytes <= _BYTES_MAX:
            with contextlib.suppress(UnicodeError):
                # The runtimes join the lines of one record by carriage returns.
                self._lines.append(line.decode("utf-8", "replace").rstrip("\r").replace("\r", "\n"))
