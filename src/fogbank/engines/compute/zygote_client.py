"""The zygote: the process that forks environments off a warm interpreter (python/zygote.py)."""

import asyncio
import json
import logging
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from fogbank.engines.compute.forker import Forker, OnExit
from fogbank.engines.compute.interpreters import PYTHON_FILES, sdk_path

log = logging.getLogger("fogbank.compute")


class Sandboxes(msgspec.Struct, frozen=True):
    """What this machine has of sandboxes: `lacks` names what is missing, a line each."""

    there: bool
    lacks: list[str]
    no_forks: str
    """Why what runs in them cannot be forked, if so."""


class Zygote:
    """One interpreter's zygote, started when first needed and again if it should die."""

    def __init__(self, interpreter: str, root: Path, runtimes: Mapping[str, Path], visible: Sequence[Path]) -> None:
        """`root` is an empty folder, `runtimes` and `visible` are what each sandbox shows of the machine besides the
        system's programs and this interpreter: Fogbank's runtimes by name, and others."""
        self._interpreter = interpreter
        self._root = root
        self._runtimes = runtimes
        self._visible = visible
        self._process: subprocess.Popen[bytes] | None = None
        self._forker: Forker | None = None
        self._sandboxes: asyncio.Future[Sandboxes] | None = None
        self._closed = False

    async def sandboxes(self) -> Sandboxes:
        """What this machine has, as found when one was tried."""
        self._running()
        assert self._sandboxes is not None
        return await asyncio.shield(self._sandboxes)

    async def fork(self, do: str, order: Mapping[str, Any], descriptors: Sequence[int], on_exit: OnExit) -> int:
        """A new process for that order; its pid. `on_exit` is called with its wait status when it has ended."""
        return await self._running().fork(do, order, descriptors, on_exit)

    async def close(self) -> None:
        """End it for good; who waits for what it does gets an OSError, or is cancelled."""
        self._closed = True
        if self._forker is None or self._process is None:
            return
        self._forker.close()
        self._forker = None
        if self._sandboxes is not None:
            self._sandboxes.cancel()
        await asyncio.get_running_loop().run_in_executor(None, self._process.wait)

    def _running(self) -> Forker:
        if self._closed:
            raise ConnectionAbortedError("the engine is closed")
        if self._forker is None:
            self._forker = self._start()
        return self._forker

    def _start(self) -> Forker:
        ours, theirs = socket.socketpair()
        settings = {
            "sdk": sdk_path(),
            "root": str(self._root),
            "runtimes": {name: str(folder) for name, folder in self._runtimes.items()},
            "visible": [str(folder) for folder in self._visible],
        }
        with theirs:
            # -I -S: nothing of Fogbank's environment is visible to functions but the AWS SDK, as on AWS.
            self._process = subprocess.Popen(
                [
                    self._interpreter,
                    "-I",
                    "-S",
                    str(PYTHON_FILES / "zygote.py"),
                    json.dumps(settings),
                ],
                stdin=theirs.fileno(),
                start_new_session=True,
                env={"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"},
            )
        self._sandboxes = asyncio.get_running_loop().create_future()
        return Forker(ours, self._heard, self._lost)

    def _heard(self, line: bytes) -> None:
        word, _, rest = line.partition(b" ")
        if word == b"sandbox" and self._sandboxes is not None and not self._sandboxes.done():
            self._sandboxes.set_result(msgspec.json.decode(rest, type=Sandboxes))

    def _lost(self) -> None:
        """The zygote has died, and its children with it."""
        self._forker = None
        if self._process is not None:
            self._process.poll()
        if self._sandboxes is not None and not self._sandboxes.done():
            self._sandboxes.set_exception(ConnectionResetError("the function interpreter ended"))
        log.warning("the function interpreter %s ended; it is started again when needed", self._interpreter)
