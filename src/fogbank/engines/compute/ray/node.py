"""A node as the engine has it: the calls to its host."""

import asyncio
import contextlib
import logging
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

from fogbank import __version__
from fogbank.engines.compute.interface import FunctionSpec, RuntimeUnavailable
from fogbank.engines.compute.ray.calls import ANSWER_S, ClusterLost, ask, in_one_line
from fogbank.engines.compute.ray.door import Way
from fogbank.engines.compute.ray.host import Host, Opened, Order, own_loopback
from fogbank.engines.compute.ray.packages import fingerprint, pack

log = logging.getLogger("fogbank.compute")

# A worker of Ray's has to start, and to import what the host needs.
_START_S = 60.0
# Calls wait for what environments say; an environment has three at most.
_CALLS_MAX = 10_000
_PACKAGE_BYTES_PER_S = 1 << 20  # at least, on the way to a node


class NodeLost(Exception):
    """The node, or the host on it, is gone."""


class Node:
    """Calls raise NodeLost."""

    def __init__(self, node: str, way: Way | None) -> None:
        """Blocks."""
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self._node = node
        self.lost = False
        actor = ray.remote(Host).options(
            num_cpus=0,
            max_concurrency=_CALLS_MAX,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
        )
        self._host: Any = actor.remote(way, own_loopback())
        self._delivering = asyncio.Lock()

    async def start(self) -> None:
        """Raises RuntimeUnavailable, too."""
        try:
            greeting = await asyncio.wait_for(self.call("greet"), _START_S)
        except TimeoutError:
            raise RuntimeUnavailable(f"Node {self._node} of the cluster did not start in {_START_S:.0f} s.") from None
        if greeting.version != __version__:
            raise RuntimeUnavailable(
                f"Node {greeting.name} of the cluster has Fogbank {greeting.version}, and this server is {__version__}:"
                f" install fogbank[ray]=={__version__} there."
            )
        if greeting.lacks:
            lacks = "; ".join(greeting.lacks)
            log.warning("functions on node %s are isolated as far as it can: %s", greeting.name, lacks)

    async def call(self, method: str, *arguments: object) -> Any:
        """What the host's method of that name gives."""
        return await self.result(await self.send(method, *arguments))

    async def send(self, method: str, *arguments: object, within_s: float = ANSWER_S) -> "Future[Any]":
        """Call the host's method of that name; its result is to come. Of calls that are sent one after the other the
        first one is the first to begin."""
        try:
            return await ask(partial(_call, self._host, method, arguments), within_s=within_s)
        except ClusterLost as lost:
            self.lost = True
            raise NodeLost(str(lost)) from lost

    async def result(self, coming: "Future[Any]") -> Any:
        import ray

        try:
            return await asyncio.wrap_future(coming)
        except ray.exceptions.RayTaskError:
            raise  # The method's own exception.
        except (ray.exceptions.RayError, ConnectionError) as error:
            self.lost = True
            raise NodeLost(in_one_line(error)) from error

    async def open(self, number: int, spec: FunctionSpec, now_ms: int) -> None:
        """Have the environment made; the node gets the code that it has not got. Raises RuntimeUnavailable, too."""
        loop = asyncio.get_running_loop()
        folders = [spec.code, *spec.layers]
        code, *layers = [await loop.run_in_executor(None, fingerprint, folder) for folder in folders]
        order = Order(spec, code, tuple(layers), now_ms)
        while True:
            opened: Opened = await self.call("open", number, order)
            if opened.refusal is not None:
                raise RuntimeUnavailable(opened.refusal)
            if not opened.missing:
                return
            await self._deliver(dict(zip((code, *layers), folders, strict=True)), opened.missing)

    async def close(self) -> None:
        """End the host, which leaves nothing behind, and with it whatever is left of its environments."""
        with contextlib.suppress(NodeLost):
            await self.call("close")
        await self.kill()

    async def kill(self) -> None:
        import ray

        with contextlib.suppress(ClusterLost):
            await ask(partial(ray.kill, self._host))

    async def _deliver(self, folders: dict[str, Path], missing: tuple[str, ...]) -> None:
        loop = asyncio.get_running_loop()
        async with self._delivering:
            for package in missing:
                archive = await loop.run_in_executor(None, pack, folders[package])
                within_s = ANSWER_S + len(archive) / _PACKAGE_BYTES_PER_S
                await self.result(await self.send("keep", package, archive, within_s=within_s))


def _call(host: Any, method: str, arguments: tuple[object, ...]) -> "Future[Any]":
    result: Future[Any] = getattr(host, method).remote(*arguments).future()
    return result
