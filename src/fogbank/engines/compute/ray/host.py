"""The host: one for each node that a server uses, a Ray actor that runs environments there with the process engine."""

import asyncio
import contextlib
import fcntl
import os
import platform
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from fogbank import __version__
from fogbank.engines.compute import machine
from fogbank.engines.compute.interface import (
    Environment,
    FunctionSpec,
    Initialization,
    Invocation,
    Outcome,
    RuntimeUnavailable,
)
from fogbank.engines.compute.process import ProcessEngine
from fogbank.engines.compute.ray.door import NodeEnd, Way
from fogbank.engines.compute.ray.packages import PackageShelf
from fogbank.engines.compute.ray.voice import Batch, Voice
from fogbank.engines.compute.response_stream import ResponseStream

_FOLDER_PREFIX = "fogbank-ray-"


class Greeting(msgspec.Struct, frozen=True):
    version: str
    name: str
    lacks: list[str]
    """What the node has not got of sandboxes, a line each."""


class Order(msgspec.Struct, frozen=True):
    """An environment to make: `spec` names folders of the server, whose content is in these packages."""

    spec: FunctionSpec
    code: str
    layers: tuple[str, ...]
    now_ms: int


class Opened(msgspec.Struct, frozen=True):
    """What became of an order: nothing yet, if packages are missing, or nothing at all, if it was refused."""

    missing: tuple[str, ...] = ()
    refusal: str | None = None


class _Held(msgspec.Struct):
    environment: Environment
    voice: Voice
    packages: tuple[str, ...]


class Host:
    """Its methods are called by the engine of one server; environments have the server's numbers."""

    def __init__(self, way: Way | None, loopback: str) -> None:
        """`loopback` is the server's."""
        self._way = way
        self._far = loopback != own_loopback()
        self._folder = _own_folder()
        self._now_ms = 0.0
        self._told_s = 0.0
        self._engine: ProcessEngine | None = None
        (self._folder / "packages").mkdir()
        self._shelf = PackageShelf(self._folder / "packages")
        self._held: dict[int, _Held] = {}
        self._removing: set[asyncio.Task[None]] = set()

    async def greet(self) -> Greeting:
        door = NodeEnd(self._way) if self._way is not None else None
        if door is not None and self._far:
            # What has the node's network calls on the node's loopback.
            with contextlib.suppress(OSError):
                await door.serve(socket.create_server(("127.0.0.1", door.port), backlog=128))
        self._engine = ProcessEngine(self._folder / "run", self._time_ms, door)
        return Greeting(__version__, platform.node(), machine.lacks())

    async def keep(self, package: str, archive: bytes) -> None:
        """Have a package that was missing."""
        if package not in self._shelf:
            await asyncio.get_running_loop().run_in_executor(None, self._shelf.keep, package, archive)
            self._shelf.there(package)

    async def open(self, number: int, order: Order) -> Opened:
        packages = (order.code, *order.layers)
        missing = tuple(package for package in dict.fromkeys(packages) if package not in self._shelf)
        if missing:
            return Opened(missing=missing)
        assert self._engine is not None
        self._tell_time(order.now_ms)
        code, *layers = [self._shelf.use(package) for package in packages]
        spec = msgspec.structs.replace(order.spec, code=code, layers=tuple(layers))
        voice = Voice()
        try:
            environment = await self._engine.create(spec, voice.log)
        except (RuntimeUnavailable, OSError) as error:
            for package in packages:
                self._shelf.release(package)
            return Opened(refusal=str(error))
        self._held[number] = _Held(environment, voice, packages)
        return Opened()

    async def initialize(self, number: int) -> tuple[Initialization | None, Batch]:
        """None if it was destroyed meanwhile."""
        held = self._held[number]
        with _none_if_cancelled():
            return await held.environment.initialize(), held.voice.take()
        return None, held.voice.take()

    async def invoke(
        self, number: int, invocation: Invocation, hears: bool, streams: bool, now_ms: int
    ) -> tuple[Outcome | None, Batch]:
        """`hears` and `streams` stand for what of the invocation does not travel; None if destroyed meanwhile."""
        self._tell_time(now_ms)
        held = self._held[number]
        voice = held.voice
        stream = ResponseStream() if streams else None
        invocation = msgspec.structs.replace(invocation, hear=voice.own_log if hears else None, stream=stream)
        passing = asyncio.ensure_future(voice.pass_on(stream)) if stream is not None else None
        outcome = None
        with _none_if_cancelled():
            outcome = await held.environment.invoke(invocation)
        if passing is not None:
            await passing
        return outcome, voice.take()

    async def listen(self, number: int) -> Batch:
        """What the environment says next."""
        held = self._held[number]
        batch = await held.voice.next()
        if batch.over:
            del self._held[number]
        return batch

    async def destroy(self, number: int) -> None:
        held = self._held[number]
        held.environment.destroy()
        task = asyncio.ensure_future(self._until_removed(held))
        self._removing.add(task)
        task.add_done_callback(self._removing.discard)

    async def close(self) -> None:
        if self._engine is not None:
            await self._engine.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _until_removed(self, held: _Held) -> None:
        await held.environment.until_removed()
        for package in held.packages:
            self._shelf.release(package)
        held.voice.end()

    def _tell_time(self, now_ms: int) -> None:
        self._now_ms, self._told_s = now_ms, time.monotonic()

    def _time_ms(self) -> int:
        """The server's, as last told, and what has passed since: clocks of machines differ, and its may be ahead."""
        return int(self._now_ms + (time.monotonic() - self._told_s) * 1000)


def own_loopback() -> str:
    """Tells whether two processes reach the same 127.0.0.1."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/net')}"
    except OSError:
        return platform.node()


@contextlib.contextmanager
def _none_if_cancelled() -> Iterator[None]:
    """An environment that is destroyed while it is initialized cancels who waits for it."""
    try:
        yield
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise


def _own_folder() -> Path:
    """A temporary folder; those of hosts that were killed are removed."""
    for left in Path(tempfile.gettempdir()).glob(f"{_FOLDER_PREFIX}*"):
        with contextlib.suppress(OSError):
            if left.stat().st_uid == os.geteuid() and _claim(left):
                shutil.rmtree(left, ignore_errors=True)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_FOLDER_PREFIX))
        with contextlib.suppress(FileNotFoundError):  # Another host may have taken it for one left behind.
            if _claim(folder):
                return folder


def _claim(folder: Path) -> bool:
    """Whether the folder is nobody's; it is this process's from then on, until that ends."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return False
    return True
