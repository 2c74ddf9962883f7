"""Environments that are forked: which functions can be, and how long the process lives that they are forked from.

A function is initialized once, in an environment that is never invoked, for all specifications that differ in nothing
but the log. That ends with the last of its forks. Whoever cannot be forked is initialized for itself.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple, Protocol

import msgspec

from fogbank.engines.compute.environment import ProcessEnvironment
from fogbank.engines.compute.interface import FunctionSpec, Hear, Initialization, RuntimeUnavailable
from fogbank.engines.compute.processes import Processes
from fogbank.engines.compute.sandbox import Ground, Sandbox
from fogbank.engines.compute.snapshots import ForkSandbox, NotForked, TemplateSandbox

log = logging.getLogger("fogbank.compute")

# Functions of which it is remembered that they cannot be forked.
UNFIT_MAX = 256
_OWN_VARIABLES = ("AWS_LAMBDA_LOG_STREAM_NAME",)


class Start(Protocol):
    async def __call__(
        self,
        spec: FunctionSpec,
        processes: Processes,
        hear: Hear,
        on_end: Callable[[], None] = ...,
        failed: Initialization | None = ...,
    ) -> ProcessEnvironment:
        """An environment in these processes; `failed` if that is how its initialization has ended."""


class InitializationFailed(Exception):
    def __init__(self, initialization: Initialization) -> None:
        super().__init__(initialization.failure)
        self.initialization = initialization


class Template(NamedTuple):
    environment: ProcessEnvironment
    sandbox: TemplateSandbox


class Snapshot:
    def __init__(self) -> None:
        self.template: asyncio.Task[Template] | None = None
        self.users: set[object] = set()
        """A token for each fork, and for each that is waited for."""


class Forks:
    """`ground` tells what sandboxes are made of, if there are any, and `start` starts an environment."""

    def __init__(self, ground: Callable[[FunctionSpec], Awaitable[Ground | None]], start: Start) -> None:
        self._ground = ground
        self._start = start
        self._snapshots: dict[bytes, Snapshot] = {}
        self._unfit: OrderedDict[bytes, None] = OrderedDict()
        self._told = False

    async def make(self, spec: FunctionSpec, hear: Hear) -> ProcessEnvironment | None:
        """An environment that waits to be restored, or whose initialization has failed; None if one has to be made and
        initialized.
        """
        if not _can_be_forked(spec) or (key := _key(spec)) in self._unfit:
            return None
        ground = await self._ground(spec)
        if ground is None or ground.no_forks:
            self._tell(ground)
            return None
        snapshot = self._snapshots.setdefault(key, Snapshot())
        user = object()
        snapshot.users.add(user)
        leave = partial(self._leave, key, snapshot, user)
        try:
            if snapshot.template is None:
                snapshot.template = asyncio.ensure_future(self._template(spec, ground, hear))
            template = await asyncio.shield(snapshot.template)
            return await self._start(spec, ForkSandbox(template.sandbox, spec, ground), hear, leave)
        except InitializationFailed as error:
            leave()
            return await self._start(spec, Sandbox(spec, ground), hear, failed=error.initialization)
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

    async def _template(self, spec: FunctionSpec, ground: Ground, hear: Hear) -> Template:
        sandbox = TemplateSandbox(spec, ground)
        environment = await self._start(spec, sandbox, hear)
        try:
            initialization = await environment.initialize()
            if initialization.failure is not None:
                raise InitializationFailed(initialization)
            await sandbox.keep()
        except BaseException:
            environment.destroy()
            raise
        return Template(environment, sandbox)

    def _leave(self, key: bytes, snapshot: Snapshot, user: object) -> None:
        """What nobody uses any more ends."""
        snapshot.users.discard(user)
        if snapshot.users or snapshot.template is None:
            return
        if self._snapshots.get(key) is snapshot:
            del self._snapshots[key]
        template = snapshot.template
        if not template.done():
            template.cancel()
        elif not template.cancelled() and template.exception() is None:
            template.result().environment.destroy()

    def _tell(self, ground: Ground | None) -> None:
        if ground is not None and not self._told:
            self._told = True
            log.warning("SnapStart initializes each environment for itself on this machine: %s", ground.no_forks)


def _can_be_forked(spec: FunctionSpec) -> bool:
    return (
        spec.initialization_type == "snap-start"
        and spec.runtime.startswith("python")
        and not spec.untrusted
        and spec.network != "full"
        and "AWS_LAMBDA_EXEC_WRAPPER" not in spec.environment
        and not any((layer / "extensions").is_dir() for layer in spec.layers)
    )


def _key(spec: FunctionSpec) -> bytes:
    """The same for all that may be forks of each other."""
    environment = {name: value for name, value in spec.environment.items() if name not in _OWN_VARIABLES}
    return msgspec.json.encode(msgspec.structs.replace(spec, environment=environment), enc_hook=str, order="sorted")
