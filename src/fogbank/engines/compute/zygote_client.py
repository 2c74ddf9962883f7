"""Speaks with a zygote: the process that forks function processes off a warm interpreter
(python/zygote.py)."""

import asyncio
import itertools
import json
import logging
import os
import socket
import subprocess
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

log = logging.getLogger("fogbank.compute")

_PYTHON_FILES = Path(__file__).with_name("python")
OnExit = Callable[[int], None]


class Zygote:
    """One interpreter's zygote, started when first needed and again if it should die."""

    def __init__(self, interpreter: str) -> None:
        self._interpreter = interpreter
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._reader: asyncio.Task[None] | None = None
        self._orders = itertools.count(1)
        self._sending = asyncio.Lock()
        self._started: dict[int, tuple[asyncio.Future[int], OnExit]] = {}
        self._on_exit: dict[int, OnExit] = {}

    async def fork(self, order: Mapping[str, Any], log_fd: int, on_exit: OnExit) -> int:
        """A new process for that order; its pid. `on_exit` is called with its wait status when it has
        ended."""
        loop = asyncio.get_running_loop()
        async with self._sending:
            if self._control is None:
                self._start()
            assert self._control is not None
            number = next(self._orders)
            future: asyncio.Future[int] = loop.create_future()
            self._started[number] = (future, on_exit)
            document = json.dumps({**order, "order": number}).encode()
            socket.send_fds(self._control, [len(document).to_bytes(4, "big")], [log_fd])
            await loop.sock_sendall(self._control, document)
        return await future

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            # -I -S: nothing of Fogbank's environment is visible to functions but the AWS SDK, as on AWS.
            self._process = subprocess.Popen(
                [
                    self._interpreter,
                    "-I",
                    "-S",
                    str(_PYTHON_FILES / "zygote.py"),
                    str(theirs.fileno()),
                    *_sdk_path(),
                ],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"},
            )
        ours.setblocking(False)
        self._control = ours
        self._reader = asyncio.get_running_loop().create_task(self._read(ours), name="compute zygote")

    async def _read(self, control: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        rest = b""
        while True:
            try:
                data = await loop.sock_recv(control, 65_536)
            except OSError:
                data = b""
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._heard(line)
        self._lost()

    def _heard(self, line: bytes) -> None:
        word, first, second = line.split()
        if word == b"started":
            future, on_exit = self._started.pop(int(first))
            self._on_exit[int(second)] = on_exit
            if not future.done():
                future.set_result(int(second))
        else:
            ended = self._on_exit.pop(int(first), None)
            if ended is not None:
                ended(int(second))

    def _lost(self) -> None:
        """The zygote has died, and its children with it."""
        if self._control is not None:
            self._control.close()
            self._control = None
            if self._process is not None:
                self._process.poll()
            log.warning("the function interpreter %s ended; it is started again when needed", self._interpreter)
        for future, _ in self._started.values():
            if not future.done():
                future.set_exception(ConnectionResetError("the function interpreter ended"))
        self._started.clear()
        endings, self._on_exit = self._on_exit, {}
        for on_exit in endings.values():
            on_exit(9)

    async def close(self) -> None:
        if self._control is None or self._reader is None or self._process is None:
            return
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        self._control.close()
        self._control = None
        await asyncio.get_running_loop().run_in_executor(None, self._process.wait)


def _sdk_path() -> list[str]:
    """Where boto3 lies: AWS's Python runtimes include it."""
    spec = find_spec("boto3")
    if spec is None or spec.origin is None:
        return []
    return [str(Path(spec.origin).parent.parent)]
