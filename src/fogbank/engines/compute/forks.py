"""Environments that are forked: which functions can be, and how long the process lives that they are forked from.

A function is initialized once, in an environment that is never invoked, for all specifications that differ in nothing
but the log. That ends with the last of its forks. Whoever cannot be forked is initialized for itself.
"""

import asyncio
import logging
import platform
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from fogbank.engines.compute.environment import ProcessEnvironment
from fogbank.engines.compute.interface import FunctionSpec, Hear, RuntimeUnavailable
from fogbank.engines.compute.processes import Processes
from fogbank.engines.compute.snapshots import ForkSandbox, NotForked, TemplateSandbox

log = logging.getLogger("fogbank.compute")

# Functions of which it is remembered that they cannot be forked.
UNFIT_MAX = 256
_OWN_VARIABLES = ("AWS_LAMBDA_LOG_STREAM_NAME",)

Start = Callable[[FunctionSpec, Processes, Hear, Callable[[ProcessEnvironment], None]], Awaitable[ProcessEnvironment]]


class Template(NamedTuple):
    environment: ProcessEnvironment
    sandbox: TemplateSandbox


class Snapshot:
    def __init__(self) -> None:
        self.template: asyncio.Task[Template] | None = None
        self.users = 0
        """The forks, and those who wait for one."""


class Forks:
    """`place` gives what a sandbox is made of, `start` an environment in it."""

    def __init__(self, place: Callable[[FunctionSpec], Awaitable[tuple[Any, ...]]], start: Start) -> None:
        self._place = place
        self._start = start
        self._snapshots: dict[bytes, Snapshot] = {}
        self._unfit: OrderedDict[bytes, None] = OrderedDict()

    async def make(self, spec: FunctionSpec, hear: Hear) -> ProcessEnvironment | None:
        """An environment that waits to be restored, or None if one has to be initialized."""
        if not _can_be_forked(spec) or (key := _key(spec)) in self._unfit:
            return None
        snapshot = self._snapshots.setdefault(key, Snapshot())
        snapshot.users += 1
        left = False

        def leave(_: ProcessEnvironment | None = None) -> None:
            nonlocal left
            if not left:
                left = True
                snapshot.users -= 1
                self._end_unused(key, snapshot)

        try:
            if snapshot.template is None:
                snapshot.template = asyncio.ensure_future(self._template(spec, hear))
            template = await asyncio.shield(snapshot.template)
            if template.sandbox.gone:
                raise NotForked("what it was to be forked from has ended")
            return await self._start(spec, ForkSandbox(template.sandbox, *await self._place(spec)), hear, leave)
        except (OSError, RuntimeUnavailable) as error:
            leave()
            if self._snapshots.get(key) is snapshot:
                del self._snapshots[key]  # Its forks live on, and it with them.
            if isinstance(error, RuntimeUnavailable) or (isinstance(error, NotForked) and error.lasting):
                self._unfit[key] = None
                if len(self._unfit) > UNFIT_MAX:
                    self._unfit.popitem(last=False)
            log.info("%s is initialized for each environment: %s", spec.name, error)
            return None
        except BaseException:
            leave()
            raise

    async def _template(self, spec: FunctionSpec, hear: Hear) -> Template:
        sandbox = TemplateSandbox(*await self._place(spec))
        environment = await self._start(spec, sandbox, hear, lambda environment: None)
        try:
            initialization = await environment.initialize()
        except BaseException:
            environment.destroy()
            raise
        if initialization.failure is not None:
            environment.destroy()
            raise NotForked("its initialization failed")
        try:
            await sandbox.keep()
        except BaseException:
            environment.destroy()
            raise
        return Template(environment, sandbox)

    def _end_unused(self, key: bytes, snapshot: Snapshot) -> None:
        if snapshot.users or snapshot.template is None:
            return
        if self._snapshots.get(key) is snapshot:
            del self._snapshots[key]
        template = snapshot.template
        if not template.done():
            template.cancel()
        elif not template.cancelled() and template.exception() is None:
            template.result().environment.destroy()


def _can_be_forked(spec: FunctionSpec) -> bool:
    return (
        spec.initialization_type == "snap-start"
        and spec.runtime.startswith("python")
        and not spec.untrusted
        and spec.network != "full"
        and platform.machine() == "x86_64"
        and "AWS_LAMBDA_EXEC_WRAPPER" not in spec.environment
        and not any((layer / "extensions").is_dir() for layer in spec.layers)
    )


def _key(spec: FunctionSpec) -> bytes:
    """The same for all that may be forks of each other."""
    environment = {name: value for name, value in spec.environment.items() if name not in _OWN_VARIABLES}
    return msgspec.json.encode(msgspec.structs.replace(spec, environment=environment), enc_hook=str, order="sorted")
