"""The compute engine on a Ray cluster.

Ray sets aside memory and a share of a processor for each environment, and so chooses its node. There the server has one
host, which makes environments as fast as the process engine does.
"""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable
from functools import partial

from fogbank.core.front_door import FrontDoor
from fogbank.engines.compute.interface import Environment, FunctionSpec, Hear, MakeRoom, RuntimeUnavailable
from fogbank.engines.compute.interpreters import check_known
from fogbank.engines.compute.ray import cluster
from fogbank.engines.compute.ray.calls import ANSWER_S, ClusterLost, ask
from fogbank.engines.compute.ray.door import ServerEnd
from fogbank.engines.compute.ray.environment import RayEnvironment
from fogbank.engines.compute.ray.node import Node, NodeLost

log = logging.getLogger("fogbank.compute")

# An environment waits half a minute for a place, as a cluster may have to grow; between looks, room can be made.
LOOKS, LOOK_S = 30, 1
_ATTEMPTS = 3
# How long the cluster may take to end what runs there; what is left ends when it misses this process.
_CLOSE_S = 5.0


class RayEngine:
    """Makes environments on the cluster that `address` names (cluster.py), to which this process is connected.
    What is not there is found where an environment is to run: no node is like another."""

    def __init__(self, address: str, now_ms: Callable[[], int], front_door: FrontDoor | None = None) -> None:
        self._now_ms = now_ms
        self._server_end = ServerEnd(front_door, cluster.own_address(address)) if front_door is not None else None
        self._nodes: dict[str, asyncio.Task[Node]] = {}
        self._environments: dict[RayEnvironment, cluster.Place] = {}
        self._numbers = itertools.count()
        self._giving_up: set[asyncio.Task[None]] = set()
        self._closed = False
        self._left = False
        """Whether the cluster did not answer to the end: it is asked for nothing more."""

    def check(self, runtime: str) -> None:
        check_known(runtime)

    async def create(self, spec: FunctionSpec, hear: Hear, make_room: MakeRoom | None = None) -> Environment:
        self.check(spec.runtime)
        for attempt in range(_ATTEMPTS):
            if self._closed:
                raise asyncio.CancelledError
            place = await self._take_place(spec, make_room)
            try:
                node = await self._node(place.node)
                number = next(self._numbers)
                await node.open(number, spec, self._now_ms())
            except NodeLost as lost:
                self._give_up(place.asked)
                log.warning("node %s of the cluster is lost: %s", place.node, lost)
                if attempt == _ATTEMPTS - 1:
                    raise RuntimeUnavailable(f"Node {place.node} of the cluster runs no functions: {lost}") from lost
                continue
            except BaseException:
                self._give_up(place.asked)
                raise
            environment = RayEnvironment(spec, node, number, hear, self._now_ms, self._forget)
            self._environments[environment] = place
            return environment
        raise AssertionError("the last attempt returns or raises")

    async def _take_place(self, spec: FunctionSpec, make_room: MakeRoom | None) -> cluster.Place:
        try:
            asking = asyncio.ensure_future(ask(partial(cluster.ask_for_place, spec.memory_mb)))
            try:
                asked = await asyncio.shield(asking)
            except asyncio.CancelledError:
                asking.add_done_callback(self._give_up_what_was_asked)
                raise
            try:
                for _ in range(LOOKS):
                    place = await ask(partial(cluster.await_place, asked, LOOK_S), within_s=LOOK_S + ANSWER_S)
                    if place is not None:
                        return place
                    if make_room is not None:
                        make_room()
            except BaseException:
                self._give_up(asked)
                raise
        except ClusterLost as lost:
            raise RuntimeUnavailable(f"The cluster that functions run on cannot be reached: {lost}") from lost
        self._give_up(asked)
        raise RuntimeUnavailable(f"The cluster has no room for a function of {spec.memory_mb} MB.")

    async def _node(self, name: str) -> Node:
        """The node, with its host started."""
        starting = self._nodes.get(name)
        if starting is None or _is_lost(starting):
            starting = self._nodes[name] = asyncio.ensure_future(self._start(name))
        return await asyncio.shield(starting)

    async def _start(self, name: str) -> Node:
        way = await self._server_end.way_for_node() if self._server_end is not None else None
        try:
            node = await ask(partial(Node, name, way))
        except ClusterLost as lost:
            raise NodeLost(str(lost)) from lost
        try:
            await node.start()
        except BaseException:
            await node.kill()
            raise
        return node

    def _forget(self, environment: RayEnvironment) -> None:
        place = self._environments.pop(environment)
        if not self._left:
            self._give_up(place.asked)

    def _give_up(self, asked: object) -> None:
        giving_up = asyncio.ensure_future(_give_up(asked))
        self._giving_up.add(giving_up)
        giving_up.add_done_callback(self._giving_up.discard)

    def _give_up_what_was_asked(self, asking: "asyncio.Task[object]") -> None:
        if not asking.cancelled() and asking.exception() is None:
            self._give_up(asking.result())

    async def close(self) -> None:
        self._closed = True
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._end_all()
        except TimeoutError:
            self._left = True
            log.warning("the cluster did not end within %.0f s what runs there, and is left to find that out", _CLOSE_S)
        if self._server_end is not None:
            self._server_end.close()

    async def _end_all(self) -> None:
        environments = tuple(self._environments)
        for environment in environments:
            environment.destroy()
        await asyncio.gather(*[environment.until_removed() for environment in environments])
        started = await asyncio.gather(*self._nodes.values(), return_exceptions=True)
        await asyncio.gather(*[node.close() for node in started if isinstance(node, Node)])
        await asyncio.gather(*self._giving_up)


async def _give_up(asked: object) -> None:
    # A cluster that is gone has nothing set aside.
    with contextlib.suppress(ClusterLost):
        await ask(partial(cluster.give_up, asked))


def _is_lost(starting: asyncio.Task[Node]) -> bool:
    if not starting.done():
        return False
    return starting.cancelled() or starting.exception() is not None or starting.result().lost
