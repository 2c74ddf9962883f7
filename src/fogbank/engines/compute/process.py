"""The embedded compute engine: each environment is a few processes on this machine, in a sandbox where it has them.

Time-outs run on the machine's clock, as the function's own work does.
"""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from fogbank.core.front_door import FrontDoor
from fogbank.engines.compute import runtimes
from fogbank.engines.compute.cgroups import ControlGroups
from fogbank.engines.compute.environment import ProcessEnvironment
from fogbank.engines.compute.interface import Environment, FunctionSpec, Hear
from fogbank.engines.compute.processes import PlainProcesses, Processes
from fogbank.engines.compute.sandbox import Sandbox
from fogbank.engines.compute.zygote_client import Zygote


class ProcessEngine:
    """Makes environments on this machine, their temporary folders below `folder`. Logs tell the time of `now_ms`."""

    def __init__(self, folder: Path, now_ms: Callable[[], int], front_door: FrontDoor | None = None) -> None:
        self._folder = folder = folder.absolute()
        self._front_door = front_door
        self._now_ms = now_ms
        # Every python3.x runs on the interpreter that runs Fogbank: the only one that is surely there and has the SDK.
        self._zygote = Zygote(sys.executable, folder / "root")
        self._groups: ControlGroups | None = None
        self._environments: set[ProcessEnvironment] = set()
        self._closed = False
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "root").mkdir(parents=True)

    def check(self, runtime: str) -> None:
        runtimes.check(runtime)

    async def create(self, spec: FunctionSpec, hear: Hear) -> Environment:
        self.check(spec.runtime)
        if self._closed:
            # The server stops, and who waits for this is cancelled anyway: there is nothing to tell.
            raise asyncio.CancelledError
        processes = await self._place(spec)
        environment = ProcessEnvironment(spec, processes, hear, self._now_ms, self._environments.discard)
        self._environments.add(environment)
        try:
            await environment.start()
        except BaseException:
            environment.destroy()
            raise
        return environment

    async def _place(self, spec: FunctionSpec) -> Processes:
        if not (await self._zygote.sandboxes()).there:
            return PlainProcesses(spec, tempfile.mkdtemp(dir=self._folder), self._zygote)
        if self._groups is None:
            self._groups = ControlGroups.find()
        return Sandbox(spec, self._zygote, self._front_door, self._groups)

    async def close(self) -> None:
        self._closed = True
        environments = tuple(self._environments)
        for environment in environments:
            environment.destroy()
        await asyncio.gather(*[environment.until_removed() for environment in environments])
        await self._zygote.close()
        if self._groups is not None:
            self._groups.close()
