"""The embedded compute engine: each environment is an operating-system process that speaks the Lambda Runtime API.

A process is in a session of its own, so that ending an environment ends whatever it started. Time-outs run on the
machine's clock, as the function's own work does. Not there yet: a sandbox by namespaces, and freezing between calls.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from fogbank.engines.compute import runtimes
from fogbank.engines.compute.environment import ProcessEnvironment
from fogbank.engines.compute.interface import Environment, FunctionSpec, Hear
from fogbank.engines.compute.runtimes import Program, View
from fogbank.engines.compute.zygote_client import OnExit, Zygote

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class ProcessEngine:
    """Makes environments on this machine, their temporary folders below `folder`. Logs tell the time of `now_ms`."""

    def __init__(self, folder: Path, now_ms: Callable[[], int]) -> None:
        self._folder = folder
        self._now_ms = now_ms
        # Every python3.x runs on the interpreter that runs Fogbank: the only one that is surely there and has the SDK.
        self._zygote = Zygote(sys.executable)
        self._environments: set[ProcessEnvironment] = set()
        self._closed = False
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def check(self, runtime: str) -> None:
        runtimes.check(runtime)

    async def create(self, spec: FunctionSpec, hear: Hear) -> Environment:
        self.check(spec.runtime)
        if self._closed:
            # The server stops, and who waits for this is cancelled anyway: there is nothing to tell.
            raise asyncio.CancelledError
        processes = Processes(spec, tempfile.mkdtemp(dir=self._folder), self._zygote)
        environment = ProcessEnvironment(spec, processes, hear, self._now_ms, self._environments.discard)
        self._environments.add(environment)
        try:
            await environment.start()
        except BaseException:
            environment.destroy()
            raise
        return environment

    async def close(self) -> None:
        self._closed = True
        for environment in tuple(self._environments):
            environment.destroy()
        await self._zygote.close()


class Processes:
    """The processes of one environment: its runtime and its extensions, each in a group of its own."""

    def __init__(self, spec: FunctionSpec, folder: str, zygote: Zygote) -> None:
        self._spec = spec
        self._folder = folder
        self._zygote = zygote
        self._pids: set[int] = set()

    @property
    def view(self) -> View:
        return View(str(self._spec.code), tuple(str(layer) for layer in self._spec.layers), self._folder)

    async def start(self, program: Program, log_fd: int, on_exit: OnExit) -> int:
        order = {
            "code": self.view.task_root,
            "memory_mb": self._spec.memory_mb,
            "handler": program.handler,
            "command": list(program.command),
            "python_path": list(program.python_path),
            "environment": dict(program.environment),
        }

        def ended(status: int) -> None:
            self._pids.discard(pid)
            on_exit(status)

        pid = await self._zygote.fork(order, log_fd, ended)
        self._pids.add(pid)
        return pid

    def kill(self, pid: int) -> None:
        if pid not in self._pids:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        # A process forked a moment ago may not lead a group yet.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def kill_all(self) -> None:
        for pid in tuple(self._pids):
            self.kill(pid)

    def resident_mb(self) -> float:
        return sum(_resident_mb(pid) for pid in self._pids)

    def peak_mb(self) -> int:
        return sum(_peak_mb(pid) for pid in self._pids)

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _resident_mb(pid: int) -> float:
    """The memory that the process has in use now; 0 if it has ended (or the machine has no /proc)."""
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * _PAGE_BYTES / (1 << 20)
    except (OSError, IndexError):
        return 0.0


def _peak_mb(pid: int) -> int:
    """The most memory that the process had in use; 0 if it has ended."""
    try:
        with open(f"/proc/{pid}/status") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) // 1024
    except OSError:
        return 0
    return 0
