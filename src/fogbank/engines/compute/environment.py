"""The life of an environment: initialized, invoked again and again, reset after a failure, destroyed.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
A runtime that fails, ends or is ended because time or memory is up leaves an environment without processes. The next
invocation initializes it anew, in its own time and with what lies in its temporary folder.
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable
from typing import NamedTuple

from fogbank.engines.compute import platform_events
from fogbank.engines.compute.environment_log import EnvironmentLog
from fogbank.engines.compute.http_api import HttpApi
from fogbank.engines.compute.interface import Ending, FunctionSpec, Hear, Initialization, Invocation, Outcome
from fogbank.engines.compute.platform_events import Phase, status_of
from fogbank.engines.compute.processes import Processes
from fogbank.engines.compute.runtime_api import RuntimeApi
from fogbank.engines.compute.runtimes import runtime_program

MEMORY_WATCH_S = 0.1


class Failure(NamedTuple):
    ending: Ending
    payload: bytes = b""
    error_type: str | None = None


class ProcessEnvironment:
    """Processes that run one function."""

    def __init__(
        self,
        spec: FunctionSpec,
        processes: Processes,
        hear: Hear,
        now_ms: Callable[[], int],
        forget: "Callable[[ProcessEnvironment], None]",
    ) -> None:
        self._spec = spec
        self._processes = processes
        self._forget = forget
        self._log = EnvironmentLog(spec, hear, now_ms)
        self._runtime = RuntimeApi(self)
        self._http = HttpApi(self._runtime.receive)
        self._address = ""
        self._lives = 0
        self._alive = False
        self._started_s = self._ready_s = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._ready: asyncio.Future[Failure | None] = asyncio.get_running_loop().create_future()
        self._ended: asyncio.Future[Failure | None] | None = None
        self._answer = b""
        self._produced_bytes = 0
        self._peak_mb = 0
        self._exit_status = 0
        self._over_memory = False
        self._initialization: asyncio.Future[Initialization] | None = None
        self._invoked = False
        self._destroyed = False

    @property
    def usable(self) -> bool:
        return not self._destroyed

    def pids(self) -> list[int]:
        """All of its processes, by their numbers on this machine."""
        return self._processes.pids()

    async def start(self) -> None:
        self._address = await self._http.serve(await self._processes.open())
        await self._launch("init")

    async def initialize(self) -> Initialization:
        if self._initialization is None:
            self._initialization = asyncio.ensure_future(self._first_initialization())
        if self._initialization.done():
            return self._initialization.result()
        return await asyncio.shield(self._initialization)

    async def invoke(self, invocation: Invocation) -> Outcome:
        first, self._invoked = not self._invoked, True
        try:
            initialization = await self.initialize()
            init_ms = initialization.duration_ms if first and initialization.failure is None else None
            self._log.begin_invocation(invocation.hear)
            started_s = time.perf_counter()
            failure = None if self._alive else await self._initialize_again(invocation.timeout_s)
            self._log.platform(platform_events.start(invocation.request_id, self._spec.version))
            if failure is None:
                failure = await self._run(invocation, started_s)
            return self._outcome(invocation, failure, started_s, init_ms)
        except asyncio.CancelledError:
            self.destroy()
            raise
        finally:
            self._log.end_invocation()
            if invocation.stream is not None:
                invocation.stream.end()

    def destroy(self) -> None:
        if self._destroyed:
            return
        self._destroyed = True
        self._alive = False
        self._processes.kill_all()
        self._http.close()
        self._log.close()
        self._processes.remove()
        for waiting in (self._ready, self._initialization):
            if waiting is not None:
                waiting.cancel()
        self._forget(self)

    # ---- initializing -------------------------------------------------------------------------------------------

    async def _launch(self, phase: Phase) -> None:
        self._lives += 1
        life = self._lives
        self._alive = True
        self._over_memory = False
        self._started_s = time.perf_counter()
        self._ready = asyncio.get_running_loop().create_future()
        self._runtime.reset()
        self._log.platform(platform_events.init_start(self._spec, phase))

        def exited(status: int) -> None:
            if life == self._lives:
                self._exited(status)

        program = runtime_program(self._spec, self._processes.view, self._address)
        await self._processes.start(program, self._log.function.write_end, exited)

    async def _first_initialization(self) -> Initialization:
        failure = await self._initialized("init", self._spec.init_timeout_s)
        duration_ms = (self._ready_s - self._started_s) * 1000
        if failure is None:
            return Initialization(duration_ms=duration_ms)
        return Initialization(duration_ms=duration_ms, failure=failure.ending, payload=failure.payload)

    async def _initialize_again(self, timeout_s: float) -> Failure | None:
        started_s = time.perf_counter()
        await self._launch("invoke")
        return await self._initialized("invoke", timeout_s - (time.perf_counter() - started_s))

    async def _initialized(self, phase: Phase, limit_s: float) -> Failure | None:
        """Wait until the runtime is ready; how it failed if it is not."""
        self._watch_memory()
        try:
            failure = await asyncio.wait_for(asyncio.shield(self._ready), limit_s)
        except TimeoutError:
            failure = Failure("timed_out")
            self._ready_s = time.perf_counter()
        finally:
            self._stop_watching()
        status = status_of(failure.ending if failure else None)
        error_type = failure.error_type if failure else None
        self._log.platform(platform_events.init_runtime_done(self._spec, phase, status, error_type))
        duration_ms = (self._ready_s - self._started_s) * 1000
        self._log.platform(platform_events.init_report(self._spec, phase, status, error_type, duration_ms))
        if failure is not None:
            self._reset()
        return failure

    def _reset(self) -> None:
        """End all processes; what they have written is in the log."""
        self._alive = False
        self._peak_mb = self._processes.peak_mb()
        self._processes.kill_all()
        self._log.function.read(final=True)
        self._http.disconnect()

    # ---- invoking -----------------------------------------------------------------------------------------------

    async def _run(self, invocation: Invocation, started_s: float) -> Failure | None:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Failure | None] = loop.create_future()
        self._ended = ended
        self._answer, self._produced_bytes = b"", 0
        left_s = invocation.timeout_s - (time.perf_counter() - started_s)
        timer = loop.call_later(left_s, self._end, Failure("timed_out", error_type="Sandbox.Timedout"))
        self._watch_memory()
        try:
            self._runtime.offer(invocation)
            return await ended
        finally:
            timer.cancel()
            self._stop_watching()
            self._ended = None

    def _outcome(
        self, invocation: Invocation, failure: Failure | None, started_s: float, init_ms: float | None
    ) -> Outcome:
        duration_ms = (time.perf_counter() - started_s) * 1000
        ending: Ending = failure.ending if failure else "answered"
        payload = failure.payload if failure else self._answer
        error_type = failure.error_type if failure else None
        self._log.function.read()
        if self._alive:
            self._peak_mb = self._processes.peak_mb()
            if ending not in ("answered", "failed"):
                self._reset()
        memory_mb = self._spec.memory_mb if ending == "out_of_memory" else self._peak_mb
        if ending not in ("answered", "failed", "init_failed"):
            payload, lines = self._error_document(invocation, ending)
            self._log.note(*lines)
        status = status_of(ending)
        request_id = invocation.request_id
        self._log.platform(
            platform_events.runtime_done(
                request_id, status, error_type, duration_ms=duration_ms, produced_bytes=self._produced_bytes
            )
        )
        self._log.platform(platform_events.end(request_id))
        outcome = Outcome(
            ending=ending,
            payload=payload,
            duration_ms=duration_ms,
            memory_mb=min(max(memory_mb, 1), self._spec.memory_mb),
            init_ms=init_ms,
        )
        self._log.platform(
            platform_events.report(
                request_id,
                status,
                error_type,
                duration_ms=duration_ms,
                billed_init=self._spec.initialization_type == "on-demand",
                memory_size_mb=self._spec.memory_mb,
                memory_used_mb=outcome.memory_mb,
                init_ms=init_ms,
            )
        )
        return outcome

    def _error_document(self, invocation: Invocation, ending: Ending) -> tuple[bytes, list[str]]:
        """The error as AWS words it, and what it adds to the log."""
        request_id = invocation.request_id
        if ending == "timed_out":
            message = f"Task timed out after {invocation.timeout_s:.2f} seconds"
            document = {"errorType": "Sandbox.Timedout", "errorMessage": f"RequestId: {request_id} Error: {message}"}
            return json.dumps(document).encode(), [f"{self._log.time()} {request_id} {message}\n\n"]
        error_type = "Runtime.OutOfMemory" if ending == "out_of_memory" else "Runtime.ExitError"
        reason = exit_reason(signal.SIGKILL if ending == "out_of_memory" else self._exit_status)
        document = {"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {reason}"}
        return json.dumps(document).encode(), [f"RequestId: {request_id} Error: {reason}", error_type]

    # ---- what the runtime says ----------------------------------------------------------------------------------

    def runtime_ready(self) -> None:
        self._initialization_ended(None)

    def runtime_answered(self, payload: bytes, produced_bytes: int) -> None:
        self._answer, self._produced_bytes = payload, produced_bytes
        self._end(None)

    def runtime_failed(self, payload: bytes, error_type: str) -> None:
        self._end(Failure("failed", payload, error_type))

    def runtime_init_failed(self, payload: bytes, error_type: str) -> None:
        self._initialization_ended(Failure("init_failed", payload, error_type))

    # ---- endings ------------------------------------------------------------------------------------------------

    def _initialization_ended(self, failure: Failure | None) -> None:
        if not self._ready.done():
            self._ready_s = time.perf_counter()
            self._ready.set_result(failure)

    def _end(self, failure: Failure | None) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(failure)

    def _exited(self, status: int) -> None:
        self._alive = False
        self._exit_status = status
        if self._over_memory:
            failure = Failure("out_of_memory", error_type="Runtime.OutOfMemory")
        else:
            failure = Failure("exited", error_type="Runtime.ExitError")
        self._end(failure)
        self._initialization_ended(failure)

    def _watch_memory(self) -> None:
        self._watch = asyncio.get_running_loop().call_later(MEMORY_WATCH_S, self._look_at_memory)

    def _stop_watching(self) -> None:
        if self._watch is not None:
            self._watch.cancel()

    def _look_at_memory(self) -> None:
        if self._processes.resident_mb() > self._spec.memory_mb:
            self._over_memory = True
            self._processes.kill_all()
        else:
            self._watch_memory()


def exit_reason(status: int) -> str:
    """A wait status in AWS's words."""
    if os.WIFSIGNALED(status):
        names: dict[int, str] = {
            signal.SIGKILL: "killed",
            signal.SIGSEGV: "segmentation fault",
            signal.SIGABRT: "aborted",
        }
        number = os.WTERMSIG(status)
        return f"Runtime exited with error: signal: {names.get(number, signal.strsignal(number) or str(number))}"
    code = os.waitstatus_to_exitcode(status)
    return f"Runtime exited with error: exit status {code}" if code else "Runtime exited without providing a reason"
