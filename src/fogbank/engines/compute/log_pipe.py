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
# What a message counts besides its text, as in CloudWatch Logs: a flood of empty lines is a flood.
_MESSAGE_BYTES = 26
# So much is read in one turn of the event loop. What is more than a burst comes no faster than the server can hand it
# on beside its work.
_READ_BYTES = 4 << 10
_MESSAGES_MAX = 1_000
_BURST_BYTES = 1 << 20
_BYTES_PER_S = 8 << 20
# What a pipe holds.
_PIPE_BYTES = 64 << 10
# No text in UTF-8 has these in a row, but for one with a zero byte in it.
_FRAME = b"\xa5\x5a\x00"


class LogPipe:
    """The reading end of a pipe whose writing end is the stdout and stderr of processes.

    Messages are handed over as they come. A function may write faster than anything could store: it waits then, and
    of more than 16 MB an invocation the rest is dropped.
    """

    def __init__(self, hear: Callable[[list[str]], None]) -> None:
        self._hear = hear
        self._bytes = 0
        self._partial = b""
        self._framed_bytes = 0
        """Of the record at hand, what has not been handed over."""
        self._open = False
        self._read = self._write = -1
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None

    @property
    def write_end(self) -> int:
        """Opened when it is first asked for: few environments have extensions, which have a pipe of their own."""
        if not self._open:
            self._read, self._write = os.pipe()
            os.set_blocking(self._read, False)
            self._open = True
            self._resume()
        return self._write

    def begin(self) -> None:
        """Count the limit from here."""
        self._bytes = 0

    def read(self, *, final: bool = False) -> None:
        """Hand over what is written by now, with the unfinished last line if `final`."""
        messages: list[str] = []
        for _ in range(_PIPE_BYTES // _READ_BYTES):
            if not self._take_some(messages) or len(messages) > _MESSAGES_MAX:
                break
        if final and self._partial:
            self._keep(self._partial, messages)
            self._partial = b""
            self._framed_bytes = 0
        if messages:
            self._hear(messages)

    def close(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_reader(self._read)
            if self._pause is not None:
                self._pause.cancel()
            os.close(self._read)
            os.close(self._write)

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._read, self._read_some)

    def _read_some(self) -> None:
        before = self._bytes
        messages: list[str] = []
        flood = self._take_some(messages)
        if messages:
            self._hear(messages)
        if flood and self._bytes > _BURST_BYTES:
            # What is dropped costs turns, too.
            took = max(self._bytes - before, _READ_BYTES)
            self._loop.remove_reader(self._read)
            self._pause = self._loop.call_later(took / _BYTES_PER_S, self._resume)

    def _take_some(self, messages: list[str]) -> bool:
        """Whether there may be more."""
        if not self._open:
            return False
        try:
            data = os.read(self._read, _READ_BYTES)
        except BlockingIOError:
            return False
        if self._bytes > _BYTES_MAX:
            self._partial, self._framed_bytes = b"", 0
        else:
            self._take(data, messages)
        return len(data) == _READ_BYTES

    def _take(self, data: bytes, messages: list[str]) -> None:
        rest = self._partial + data
        while self._framed_bytes or (at := rest.find(_FRAME)) >= 0:
            if self._framed_bytes:
                size = min(self._framed_bytes, _LINE_BYTES_MAX)
                if len(rest) < size:
                    self._partial = rest
                    return
                self._keep(rest[:size], messages)
                self._framed_bytes -= size
                rest = rest[size:]
                continue
            if at:
                *lines, unfinished = rest[:at].split(b"\n")
                for line in lines:
                    self._keep(line + b"\n", messages)
                if unfinished:
                    self._keep(unfinished, messages)
                rest = rest[at:]
            start = 16 if len(rest) > 3 and rest[3] & 2 else 8
            if len(rest) < start:
                self._partial = rest
                return
            self._framed_bytes = int.from_bytes(rest[4:8], "big")
            rest = rest[start:]
        *lines, rest = rest.split(b"\n")
        for line in lines:
            self._keep(line + b"\n", messages)
        while len(rest) > _LINE_BYTES_MAX:
            self._keep(rest[:_LINE_BYTES_MAX], messages)
            rest = rest[_LINE_BYTES_MAX:]
        self._partial = rest

    def _keep(self, message: bytes, messages: list[str]) -> None:
        self._bytes += len(message) + _MESSAGE_BYTES
        if self._bytes <= _BYTES_MAX:
            messages.append(message.decode("utf-8", "replace"))
