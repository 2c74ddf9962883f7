"""The processes of one environment: its runtime and its extensions, sandboxed or plain."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from fogbank.engines.compute.forker import OnExit
from fogbank.engines.compute.interface import FunctionSpec
from fogbank.engines.compute.interpreters import PYTHON_FILES
from fogbank.engines.compute.runtimes import Program, View
from fogbank.engines.compute.zygote_client import Zygote

STOPPED_AFTER_S = 0.05
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Processes(Protocol):
    """Where an environment's processes run: the runtime's, and one for each external extension."""

    @property
    def view(self) -> View: ...

    @property
    def gone(self) -> bool:
        """Whether the place itself has ended: nothing can be started there any more."""

    @property
    def restores(self) -> bool:
        """Whether the next runtime that is started has been initialized elsewhere."""

    async def open(self) -> socket.socket:
        """Make the place ready; where the Runtime API is asked. Raises RuntimeUnavailable."""

    async def start(self, program: Program, log_fd: int, on_exit: OnExit) -> int:
        """A new process whose stdout and stderr is that; its pid. `on_exit` is called with its wait status."""

    async def connect(self, port: int) -> socket.socket:
        """Connect to a port on which one of the processes listens. Raises OSError."""

    def terminate(self, pid: int) -> None:
        """Ask a process to end (SIGTERM), by the number that `start` gave."""

    def kill_all(self) -> None: ...

    def pids(self) -> list[int]:
        """Those that were started, by their numbers on this machine."""

    def resident_mb(self) -> float:
        """The memory that all have in use now."""

    def peak_mb(self) -> int:
        """The most memory that they had in use."""

    def killed_for_memory(self) -> bool:
        """Whether the kernel ended one since the last start because there was no more memory for them."""

    def wake(self) -> None:
        """There is work: whatever rests goes on."""

    def rest(self) -> None:
        """There is no work: soon nothing runs, as on AWS."""

    def remove(self) -> None:
        """End whatever is left, and remove the temporary folder."""


class Sleep:
    """When processes are stopped: to stop and go on costs 0.2 ms, so those that are soon needed again run on."""

    def __init__(self, set_stopped: Callable[[bool], None]) -> None:
        self._set_stopped = set_stopped
        self._stopped = False
        self._timer: asyncio.TimerHandle | None = None

    def rest(self) -> None:
        self.end()
        self._timer = asyncio.get_running_loop().call_later(STOPPED_AFTER_S, self._stop)

    def wake(self) -> None:
        self.end()
        if self._stopped:
            self._stopped = False
            self._set_stopped(False)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop(self) -> None:
        self._stopped = True
        self._set_stopped(True)


def order_of(spec: FunctionSpec, view: View, program: Program) -> dict[str, Any]:
    """What python/program.py is told."""
    return {
        "code": view.task_root,
        "memory_mb": spec.memory_mb,
        "handler": program.handler,
        "command": list(program.command),
        "python_path": list(program.python_path),
        "environment": dict(program.environment),
    }


class PlainProcesses:
    """Processes like any other of the user's, each in a group of its own, with a temporary folder."""

    def __init__(self, spec: FunctionSpec, folder: str, zygote: Zygote, runtimes: Mapping[str, Path]) -> None:
        self._spec = spec
        self._runtimes = {name: str(path) for name, path in runtimes.items()}
        self._folder = folder
        self._zygote = zygote
        self._pids: set[int] = set()
        self._sleep = Sleep(self._set_stopped)

    @property
    def view(self) -> View:
        layers = tuple(str(layer) for layer in self._spec.layers)
        return View(str(self._spec.code), layers, self._folder, str(PYTHON_FILES.parent), self._runtimes)

    @property
    def gone(self) -> bool:
        return False

    @property
    def restores(self) -> bool:
        return False

    async def open(self) -> socket.socket:
        return socket.create_server(("127.0.0.1", 0), backlog=16)

    async def start(self, program: Program, log_fd: int, on_exit: OnExit) -> int:
        pid = 0

        def ended(status: int) -> None:
            self._pids.discard(pid)
            on_exit(status)

        pid = await self._zygote.fork("program", order_of(self._spec, self.view, program), [log_fd], ended)
        self._pids.add(pid)
        return pid

    async def connect(self, port: int) -> socket.socket:
        return await connected(socket.socket(), port)

    def terminate(self, pid: int) -> None:
        if pid in self._pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def kill_all(self) -> None:
        for pid in self._pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            # A process forked a moment ago may not lead a group yet.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def pids(self) -> list[int]:
        return list(self._pids)

    def resident_mb(self) -> float:
        return sum(resident_mb(pid) for pid in self._pids)

    def peak_mb(self) -> int:
        return sum(peak_mb(pid) for pid in self._pids)

    def killed_for_memory(self) -> bool:
        return False

    def wake(self) -> None:
        self._sleep.wake()

    def rest(self) -> None:
        self._sleep.rest()

    def _set_stopped(self, stopped: bool) -> None:
        for pid in self._pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGSTOP if stopped else signal.SIGCONT)

    def remove(self) -> None:
        self._sleep.end()
        self.kill_all()
        shutil.rmtree(self._folder, ignore_errors=True)


async def connected(connection: socket.socket, port: int) -> socket.socket:
    """The socket, connected to that port of the loopback address in its network. Raises OSError."""
    connection.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    except BaseException:
        connection.close()
        raise
    return connection


def resident_mb(pid: int) -> float:
    """The memory that the process has in use now; 0 if it has ended (or the machine has no /proc)."""
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * _PAGE_BYTES / (1 << 20)
    except (OSError, IndexError):
        return 0.0


def peak_mb(pid: int) -> int:
    """The most memory that the process had in use; 0 if it has ended."""
    try:
        with open(f"/proc/{pid}/status", "rb", buffering=0) as file:
            _, _, peak = file.read(4096).partition(b"\nVmHWM:")
    except OSError:
        return 0
    return int(peak.split(maxsplit=1)[0]) // 1024 if peak else 0
