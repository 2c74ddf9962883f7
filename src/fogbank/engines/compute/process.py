"""The embedded compute engine: each environment is a few processes on this machine, in a sandbox where it has them.

Time-outs run on the machine's clock, as the function's own work does.
"""

import asyncio
import logging
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from fogbank.core.front_door import FrontDoor
from fogbank.engines.compute.cgroups import ControlGroups
from fogbank.engines.compute.environment import ProcessEnvironment
from fogbank.engines.compute.forks import Forks
from fogbank.engines.compute.interface import (
    Environment,
    FunctionSpec,
    Hear,
    Initialization,
    MakeRoom,
    RuntimeUnavailable,
)
from fogbank.engines.compute.interpreters import Interpreters
from fogbank.engines.compute.processes import PlainProcesses, Processes
from fogbank.engines.compute.sandbox import Ground, Sandbox
from fogbank.engines.compute.zygote_client import Zygote

log = logging.getLogger("fogbank.compute")


class ProcessEngine:
    """Makes environments on this machine, their temporary folders below `folder`. Logs tell the time of `now_ms`."""

    def __init__(self, folder: Path, now_ms: Callable[[], int], front_door: FrontDoor | None = None) -> None:
        self._folder = folder = folder.absolute()
        self._front_door = front_door
        self._now_ms = now_ms
        self._interpreters = Interpreters(folder / "java")
        self._zygotes: dict[str, Zygote] = {}
        self._groups: ControlGroups | None = None
        self._environments: set[ProcessEnvironment] = set()
        self._forks = Forks(self._ground, self._start)
        self._closed = False
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "java").mkdir(parents=True)

    def check(self, runtime: str) -> None:
        self._interpreters.check(runtime)

    async def create(self, spec: FunctionSpec, hear: Hear, make_room: MakeRoom | None = None) -> Environment:
        self.check(spec.runtime)
        await self._interpreters.prepare(spec.runtime)
        # The zygote is in no folder of ours.
        layers = tuple(layer.absolute() for layer in spec.layers)
        spec = msgspec.structs.replace(spec, code=spec.code.absolute(), layers=layers)
        fork = await self._forks.make(spec, hear)
        return fork or await self._start(spec, await self._place(spec), hear)

    async def _start(
        self,
        spec: FunctionSpec,
        processes: Processes,
        hear: Hear,
        on_end: Callable[[], None] = lambda: None,
        failed: Initialization | None = None,
    ) -> ProcessEnvironment:
        def forget(environment: ProcessEnvironment) -> None:
            self._environments.discard(environment)
            on_end()

        environment = ProcessEnvironment(spec, processes, self._interpreters, hear, self._now_ms, forget)
        self._environments.add(environment)
        try:
            await environment.start(failed)
        except BaseException:
            environment.destroy()
            raise
        return environment

    def _check_open(self) -> None:
        if self._closed:
            # The server stops, and who waits for this is cancelled anyway: there is nothing to tell.
            raise asyncio.CancelledError

    async def _place(self, spec: FunctionSpec) -> Processes:
        ground = await self._ground(spec)
        if ground is not None:
            return Sandbox(spec, ground)
        folder = tempfile.mkdtemp(dir=self._folder)
        return PlainProcesses(spec, folder, self._zygote_of(spec), self._interpreters.runtimes())

    async def _ground(self, spec: FunctionSpec) -> Ground | None:
        """None where there are no sandboxes."""
        self._check_open()
        zygote = self._zygote_of(spec)
        first = self._groups is None
        if self._groups is None:
            # Before the zygote is started: this process may have to move, and its children are to come with it.
            self._groups = ControlGroups.find()
        groups = self._groups
        sandboxes = await zygote.sandboxes()
        self._check_open()
        lacks = [*sandboxes.lacks, *groups.lacks()]
        if first and lacks:
            log.warning("functions are isolated as far as this machine can: %s", "; ".join(lacks))
        if spec.untrusted and lacks:
            raise RuntimeUnavailable(f"This machine cannot isolate functions that are not trusted: {'; '.join(lacks)}.")
        if not sandboxes.there:
            return None
        return Ground(zygote, self._interpreters.runtimes(), self._front_door, groups, sandboxes.no_forks)

    def _zygote_of(self, spec: FunctionSpec) -> Zygote:
        python = spec.runtime.startswith("python")
        return self._zygote(self._interpreters.python(spec.runtime) if python else sys.executable)

    def _zygote(self, interpreter: str) -> Zygote:
        """All that is not in Python is started by the zygote of Fogbank's own interpreter."""
        zygote = self._zygotes.get(interpreter)
        if zygote is None:
            root = self._folder / f"root-{len(self._zygotes)}"
            root.mkdir()
            interpreters = self._interpreters
            zygote = Zygote(interpreter, root, interpreters.runtimes(), interpreters.folders())
            self._zygotes[interpreter] = zygote
        return zygote

    async def close(self) -> None:
        self._closed = True
        environments = tuple(self._environments)
        for environment in environments:
            environment.destroy()
        await asyncio.gather(*[environment.until_removed() for environment in environments])
        await asyncio.gather(*[zygote.close() for zygote in self._zygotes.values()])
        if self._groups is not None:
            self._groups.close()
