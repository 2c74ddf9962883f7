"""An environment on a node of the cluster, as the server has it."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import msgspec

from fogbank.engines.compute.interface import FunctionSpec, Hear, Initialization, Invocation, Outcome
from fogbank.engines.compute.ray.node import Node, NodeLost
from fogbank.engines.compute.ray.voice import Batch, Ear, Event

_KILLED = "Runtime exited with error: signal: killed"


class RayEnvironment:
    """Hands everything on to the node. If that is lost, so is the environment: its invocation ends as that of a process
    that was killed."""

    def __init__(
        self,
        spec: FunctionSpec,
        node: Node,
        number: int,
        hear: Hear,
        now_ms: Callable[[], int],
        forget: "Callable[[RayEnvironment], None]",
    ) -> None:
        self._spec = spec
        self._node = node
        self._number = number
        self._hear = hear
        self._now_ms = now_ms
        self._forget = forget
        self._ear = Ear(self._heard)
        self._invocation: Invocation | None = None
        self._memory_mb = 1
        self._usable = True
        self._destroyed = False
        self._sending = asyncio.Lock()
        self._resume = asyncio.Event()
        self._listening = asyncio.ensure_future(self._listen())
        self._destroying: asyncio.Task[None] | None = None

    @property
    def usable(self) -> bool:
        return self._usable

    async def initialize(self) -> Initialization:
        started_s = time.perf_counter()
        try:
            initialization: Initialization | None
            initialization, batch = await self._call("initialize")
        except NodeLost:
            self._lose()
            duration_ms = (time.perf_counter() - started_s) * 1000
            return Initialization(duration_ms=duration_ms, failure="exited", payload=_document("", _KILLED))
        await self._ear.catch_up(batch)
        if initialization is None:
            raise asyncio.CancelledError
        return initialization

    async def invoke(self, invocation: Invocation) -> Outcome:
        if self._destroyed:
            raise asyncio.CancelledError
        started_s = time.perf_counter()
        self._invocation = invocation
        hears, streams = invocation.hear is not None, invocation.stream is not None
        bare = msgspec.structs.replace(invocation, hear=None, stream=None)
        try:
            outcome: Outcome | None
            batch: Batch
            outcome, batch = await self._call("invoke", bare, hears, streams, self._now_ms())
            await self._ear.catch_up(batch)
        except NodeLost:
            self._lose()
            return self._lost(invocation, started_s)
        except asyncio.CancelledError:
            self.destroy()
            raise
        finally:
            self._invocation = None
            if invocation.stream is not None:
                invocation.stream.end()
        if outcome is None:
            raise asyncio.CancelledError
        self._memory_mb = outcome.memory_mb
        return outcome

    def destroy(self) -> None:
        if self._destroyed:
            return
        self._destroyed, self._usable = True, False
        self._resume.set()
        if not self._listening.done():
            self._destroying = asyncio.ensure_future(self._destroy())

    async def until_removed(self) -> None:
        await asyncio.wait([self._listening])

    async def _call(self, method: str, *arguments: object) -> Any:
        async with self._sending:  # One that destroys overtakes no other one.
            coming = await self._node.send(method, self._number, *arguments)
        return await self._node.result(coming)

    async def _destroy(self) -> None:
        try:
            await self._call("destroy")
        except NodeLost:
            self._lose()

    async def _listen(self) -> None:
        """Ask for what the environment says until it is gone, and for no more of a stream than its reader takes."""
        try:
            over = False
            while not over:
                batch: Batch = await self._call("listen")
                self._ear.accept(batch)
                over = batch.over
                await self._room()
        except NodeLost:
            self._lose()
        finally:
            self._ear.close()
            self._forget(self)

    async def _room(self) -> None:
        stream = self._invocation.stream if self._invocation is not None else None
        self._resume.clear()
        if stream is not None and stream.full(self._resume.set) and not self._destroyed:
            await self._resume.wait()

    def _heard(self, event: Event) -> None:
        kind, what = event
        invocation = self._invocation
        if kind == "log":
            assert isinstance(what, list)
            self._hear(what)
        elif invocation is None:
            return  # Who invoked has gone.
        elif kind == "own log":
            assert isinstance(what, list)
            assert invocation.hear is not None
            invocation.hear(what)
        elif invocation.stream is not None and kind == "begin":
            assert isinstance(what, str)
            invocation.stream.begin(what)
        elif invocation.stream is not None:
            assert isinstance(what, bytes)
            invocation.stream.feed(what)

    def _lose(self) -> None:
        self._usable = False
        self._ear.close()

    def _lost(self, invocation: Invocation, started_s: float) -> Outcome:
        text = f"RequestId: {invocation.request_id} Error: {_KILLED}\nRuntime.ExitError\n"
        for hear in (self._hear, invocation.hear):
            if hear is not None:
                hear([text])
        return Outcome(
            ending="exited",
            payload=_document(invocation.request_id, _KILLED),
            duration_ms=(time.perf_counter() - started_s) * 1000,
            memory_mb=self._memory_mb,
        )


def _document(request_id: str, reason: str) -> bytes:
    return json.dumps(
        {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {request_id} Error: {reason}"}
    ).encode()
