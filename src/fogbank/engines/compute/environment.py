"""The life of an environment: initialized, invoked again and again, reset after a failure, shut down.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
An initialization has ended when the runtime and every extension ask for the next event, and so has an invocation. What
fails, ends or is ended because time or memory is up leaves an environment without processes. The next invocation
initializes it anew, in its own time and with what lies in its temporary folder.
"""

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import Callable
from typing import NamedTuple

from fogbank.engines.compute import platform_events
from fogbank.engines.compute.environment_log import EnvironmentLog
from fogbank.engines.compute.extensions_api import PREFIX as EXTENSIONS_PREFIX
from fogbank.engines.compute.extensions_api import ExtensionsApi, ShutdownReason
from fogbank.engines.compute.http_api import HttpApi, Receiver, Request
from fogbank.engines.compute.interface import Ending, FunctionSpec, Hear, Initialization, Invocation, Outcome
from fogbank.engines.compute.interpreters import Interpreters
from fogbank.engines.compute.platform_events import Phase, status_of
from fogbank.engines.compute.processes import Processes
from fogbank.engines.compute.runtime_api import RuntimeApi
from fogbank.engines.compute.runtimes import InvalidEntrypoint, Program, extension_programs, runtime_program
from fogbank.engines.compute.telemetry_api import LOGS_PATH, TELEMETRY_PATH, TelemetryApi

MEMORY_WATCH_S = 0.1
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-shutdown
SHUTDOWN_WITH_EXTERNAL_S = 2.0
SHUTDOWN_WITH_INTERNAL_S = 0.5


class Failure(NamedTuple):
    ending: Ending
    payload: bytes = b""
    """The error document, if there is one already."""
    error_type: str | None = None
    reason: str = ""


class ProcessEnvironment:
    """Processes that run one function."""

    def __init__(
        self,
        spec: FunctionSpec,
        processes: Processes,
        interpreters: Interpreters,
        hear: Hear,
        now_ms: Callable[[], int],
        forget: "Callable[[ProcessEnvironment], None]",
    ) -> None:
        self._spec = spec
        self._processes = processes
        self._interpreters = interpreters
        self._forget = forget
        self._log = EnvironmentLog(spec, hear, now_ms)
        self._runtime = RuntimeApi(self, snap_start=spec.initialization_type == "snap-start")
        self._extensions = ExtensionsApi(self, spec)
        self._telemetry = TelemetryApi(self._extensions, processes.connect, self._log.platform)
        self._log.send_to(self._telemetry)
        self._http = HttpApi(self._route)
        self._address = ""
        self._lives = 0
        self._alive = False
        self._restored = False
        """Whether what runs was initialized elsewhere, where that was told, too."""
        self._runtime_pid = 0
        self._running: set[object] = set()
        self._request_id = ""
        self._started_s = self._ready_s = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._ready: asyncio.Future[Failure | None] = asyncio.get_running_loop().create_future()
        self._ended: asyncio.Future[Failure | None] | None = None
        self._answered = False
        self._answer = b""
        self._failure: Failure | None = None
        self._produced_bytes = 0
        self._peak_mb = 0
        self._over_memory = False
        self._initialization: asyncio.Future[Initialization] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._farewell: asyncio.Task[None] | None = None
        self._all_gone = asyncio.Event()
        self._invoked = False
        self._destroyed = False

    @property
    def usable(self) -> bool:
        return not self._destroyed and not self._processes.gone

    def pids(self) -> list[int]:
        """All of its processes, by their numbers on this machine."""
        return self._processes.pids()

    async def start(self, failed: Initialization | None = None) -> None:
        """Begin to initialize, unless that has failed elsewhere: the next invocation then tries it again."""
        self._address = await self._http.serve(await self._processes.open())
        if failed is None:
            await self._launch("init")
        else:
            self._initialization = asyncio.get_running_loop().create_future()
            self._initialization.set_result(failed)

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
            self._processes.wake()
            init_ms = initialization.duration_ms if first and initialization.failure is None else None
            self._log.begin_invocation(invocation.hear)
            started_s = time.perf_counter()
            failure = None if self._alive else await self._initialize_again(invocation.timeout_s)
            restore_ms = None
            if failure is None and self._runtime.waits_for_restore:
                failure = await self._restore()
                init_ms, restore_ms = None, (self._ready_s - self._started_s) * 1000
                started_s = self._ready_s
            self._log.platform(platform_events.start(invocation.request_id, self._spec.version))
            if failure is None:
                failure = await self._run(invocation, started_s)
            return self._outcome(invocation, failure, started_s, init_ms, restore_ms)
        except asyncio.CancelledError:
            self.destroy()
            raise
        finally:
            if self._alive:
                self._processes.rest()
            self._log.end_invocation()
            if invocation.stream is not None:
                invocation.stream.end()

    def destroy(self) -> None:
        if self._destroyed:
            return
        self._destroyed = True
        for waiting in (self._ready, self._initialization):
            if waiting is not None:
                waiting.cancel()
        if self._alive and self._extensions.any and self._ended is None:
            self._alive = False
            self._farewell = asyncio.ensure_future(self._shut_down_and_remove())
        else:
            self._remove()

    async def until_removed(self) -> None:
        if self._farewell is not None:
            await asyncio.wait([self._farewell])

    def _remove(self) -> None:
        self._alive = False
        if self._starting is not None:
            self._starting.cancel()
        self._processes.kill_all()
        reason = "Runtime exited with error: signal: killed"
        self._end(Failure("exited", error_type="Runtime.ExitError", reason=reason))
        self._telemetry.reset()
        self._http.close()
        self._log.close()
        self._processes.remove()
        self._forget(self)

    # ---- initializing -------------------------------------------------------------------------------------------

    async def _launch(self, phase: Phase) -> None:
        """Start the extensions and, when they have registered, the runtime."""
        if self._farewell is not None:
            await self._farewell
        self._lives += 1
        self._alive = True
        self._over_memory = False
        self._started_s = time.perf_counter()
        self._ready = asyncio.get_running_loop().create_future()
        self._runtime.reset()
        self._telemetry.reset()
        self._starting = None
        self._restored = self._processes.restores
        if not self._restored:
            self._log.platform(platform_events.init_start(self._spec, phase))
        programs = extension_programs(self._spec, self._processes.view, self._address)
        self._extensions.reset(tuple(programs))
        for program in programs.values():
            await self._start(program, self._log.extensions.write_end, self._extension_exited)
        if not programs:
            await self._start_runtime()

    async def _start_runtime(self) -> None:
        try:
            program = runtime_program(self._spec, self._processes.view, self._address, self._interpreters)
        except InvalidEntrypoint as error:
            self._fail(Failure("exited", error_type="Runtime.InvalidEntrypoint", reason=str(error)))
            return
        self._runtime_pid = await self._start(program, self._log.function.write_end, self._runtime_exited)

    async def _start(self, program: Program, log_fd: int, on_exit: Callable[[int], None]) -> int:
        life = self._lives
        process = object()
        self._running.add(process)

        def exited(status: int) -> None:
            self._running.discard(process)
            if not self._running:
                self._all_gone.set()
            if self._alive and life == self._lives:
                on_exit(status)

        return await self._processes.start(program, log_fd, exited)

    async def _first_initialization(self) -> Initialization:
        failure = await self._initialized("init", self._spec.init_timeout_s)
        duration_ms = (self._ready_s - self._started_s) * 1000
        if self._alive:
            self._processes.rest()
        if failure is None:
            return Initialization(duration_ms=duration_ms)
        return Initialization(duration_ms=duration_ms, failure=failure.ending, payload=failure.payload)

    async def _initialize_again(self, timeout_s: float) -> Failure | None:
        started_s = time.perf_counter()
        try:
            await self._launch("invoke")
        except OSError:  # Somebody has ended the sandbox itself.
            return Failure("exited", error_type="Runtime.ExitError", reason=exit_reason(signal.SIGKILL))
        return await self._initialized("invoke", timeout_s - (time.perf_counter() - started_s))

    async def _initialized(self, phase: Phase, limit_s: float) -> Failure | None:
        """Wait until everything is ready; how it failed if it is not."""
        failure = await self._until_ready(limit_s)
        self._extensions.open_for_registration = False
        self._telemetry.close_subscription()
        status = status_of(failure.ending if failure else None)
        error_type = failure.error_type if failure else None
        for event in self._extensions.platform_events():
            self._log.platform(event)
        duration_ms = (self._ready_s - self._started_s) * 1000
        if not self._restored:
            self._log.platform(platform_events.init_runtime_done(self._spec, phase, status, error_type))
            self._log.platform(platform_events.init_report(self._spec, phase, status, error_type, duration_ms))
        if failure is not None:
            self._reset(failure)
        return failure

    async def _restore(self) -> Failure | None:
        """Have the runtime go on from where a snapshot would have been taken; how it failed if it does."""
        self._log.platform(platform_events.restore_start(self._spec))
        self._started_s = time.perf_counter()
        self._ready = asyncio.get_running_loop().create_future()
        self._runtime.restore()
        failure = await self._until_ready(self._spec.restore_timeout_s)
        if failure is not None and failure.ending == "timed_out":
            failure = failure._replace(reason=f"Restore timed out after {self._spec.restore_timeout_s:.2f} seconds")
        status = status_of(failure.ending if failure else None)
        error_type = failure.error_type if failure else None
        self._log.platform(platform_events.restore_runtime_done(status, error_type))
        duration_ms = (self._ready_s - self._started_s) * 1000
        self._log.platform(platform_events.restore_report(status, error_type, duration_ms))
        if failure is not None:
            self._reset(failure)
        return failure

    async def _until_ready(self, limit_s: float) -> Failure | None:
        self._watch_memory()
        try:
            return await asyncio.wait_for(asyncio.shield(self._ready), limit_s)
        except TimeoutError:
            self._ready_s = time.perf_counter()
            return Failure("timed_out")
        finally:
            self._stop_watching()

    # ---- invoking -----------------------------------------------------------------------------------------------

    async def _run(self, invocation: Invocation, started_s: float) -> Failure | None:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Failure | None] = loop.create_future()
        self._ended = ended
        self._request_id = invocation.request_id
        self._answered, self._answer, self._failure, self._produced_bytes = False, b"", None, 0
        left_s = invocation.timeout_s - (time.perf_counter() - started_s)
        timer = loop.call_later(left_s, self._end, Failure("timed_out", error_type="Sandbox.Timedout"))
        self._watch_memory()
        # The function reads the machine's clock, so its deadline is on that clock and not on Fogbank's.
        deadline_ms = int((time.time() + left_s) * 1000)
        try:
            self._runtime.offer(invocation, deadline_ms)
            self._extensions.invoke(invocation, deadline_ms)
            return await ended
        finally:
            timer.cancel()
            self._stop_watching()
            self._ended = None

    def _outcome(
        self,
        invocation: Invocation,
        failure: Failure | None,
        started_s: float,
        init_ms: float | None,
        restore_ms: float | None,
    ) -> Outcome:
        duration_ms = (time.perf_counter() - started_s) * 1000
        request_id = invocation.request_id
        ending: Ending = failure.ending if failure else "answered"
        payload = failure.payload if failure else self._answer
        error_type = failure.error_type if failure else None
        self._log.read()
        if self._alive:
            self._peak_mb = self._processes.peak_mb()
            if failure is not None and ending != "failed":
                self._reset(failure)
        memory_mb = self._spec.memory_mb if ending == "out_of_memory" else self._peak_mb
        if failure is not None and ending not in ("failed", "init_failed"):
            payload, lines = self._error_document(invocation, failure)
            self._log.note(*lines)
        status = status_of(ending)
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
            restore_ms=restore_ms,
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
                restore_ms=restore_ms,
            )
        )
        return outcome

    def _error_document(self, invocation: Invocation, failure: Failure) -> tuple[bytes, list[str]]:
        """The error as AWS words it, and what it adds to the log."""
        request_id = invocation.request_id
        if failure.ending == "timed_out":
            message = failure.reason or f"Task timed out after {invocation.timeout_s:.2f} seconds"
            document = {"errorType": "Sandbox.Timedout", "errorMessage": f"RequestId: {request_id} Error: {message}"}
            return json.dumps(document).encode(), [f"{self._log.time()} {request_id} {message}\n\n"]
        text = f"RequestId: {request_id} Error: {failure.reason}"
        document = {"errorType": failure.error_type or "", "errorMessage": text}
        return json.dumps(document).encode(), [f"{text}\n{failure.error_type}\n"]

    # ---- what the runtime and the extensions say ----------------------------------------------------------------

    def _route(self, request: Request) -> Receiver:
        if request.path.startswith(EXTENSIONS_PREFIX):
            return self._extensions.receive(request)
        if request.path.startswith((TELEMETRY_PATH, LOGS_PATH)):
            return self._telemetry.receive(request)
        return self._runtime.receive(request)

    def runtime_ready(self) -> None:
        self._go_on()

    def runtime_answered(self, payload: bytes, produced_bytes: int) -> None:
        self._answered, self._answer, self._produced_bytes = True, payload, produced_bytes

    def runtime_failed(self, payload: bytes, error_type: str) -> None:
        self._answered, self._failure = True, Failure("failed", payload, error_type)

    def runtime_waits_for_restore(self) -> None:
        self._go_on()

    def runtime_init_failed(self, payload: bytes, error_type: str) -> None:
        self._initialization_ended(Failure("init_failed", payload, error_type))

    def extensions_changed(self) -> None:
        if self._extensions.any_external and self._extensions.all_registered and self._starting is None:
            self._starting = asyncio.ensure_future(self._start_runtime())
        self._go_on()

    def extension_failed(self, error_type: str, reason: str) -> None:
        self._fail(Failure("exited", error_type=error_type, reason=reason))

    # ---- endings ------------------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """End what is under way, if nobody has anything left to do in it."""
        waiting = self._runtime.waiting or self._runtime.waits_for_restore
        if not waiting or not self._extensions.all_ready:
            return
        if not self._ready.done():
            self._initialization_ended(None)
        elif self._answered:
            self._end(self._failure)

    def _initialization_ended(self, failure: Failure | None) -> None:
        if not self._ready.done():
            self._ready_s = time.perf_counter()
            self._ready.set_result(failure)

    def _end(self, failure: Failure | None) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(failure)

    def _fail(self, failure: Failure) -> None:
        if self._ready.done() and self._ended is None:
            # Nothing is under way: the next invocation begins with another initialization.
            self._reset(failure)
        self._end(failure)
        self._initialization_ended(failure)

    def _runtime_exited(self, status: int) -> None:
        if self._answered and self._ended is not None:
            # Its answer stands; that it has ended is for the log.
            self._log.note(f"RequestId: {self._request_id} Error: {exit_reason(status)}\nRuntime.ExitError\n")
            self._end(self._failure)
            self._reset(Failure("exited"))
        elif self._over_memory or self._processes.killed_for_memory():
            reason = exit_reason(signal.SIGKILL)
            self._fail(Failure("out_of_memory", error_type="Runtime.OutOfMemory", reason=reason))
        else:
            self._fail(Failure("exited", error_type="Runtime.ExitError", reason=exit_reason(status)))

    def _extension_exited(self, status: int) -> None:
        reason = exit_reason(status).removeprefix("Runtime exited with error: ")
        self._fail(Failure("exited", error_type="Extension.Crash", reason=reason))

    def _reset(self, failure: Failure) -> None:
        """End all processes; what they have written is in the log."""
        self._alive = False
        self._peak_mb = max(self._peak_mb, self._processes.peak_mb())
        if self._extensions.any_external and not self._destroyed:
            reason: ShutdownReason = "timeout" if failure.ending == "timed_out" else "failure"
            self._farewell = asyncio.ensure_future(self._shut_down(reason))
        else:
            self._processes.kill_all()
            self._log.read(final=True)
            self._http.disconnect()

    async def _shut_down(self, reason: ShutdownReason) -> None:
        """https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-shutdown"""
        budget_s = SHUTDOWN_WITH_EXTERNAL_S if self._extensions.any_external else SHUTDOWN_WITH_INTERNAL_S
        self._processes.wake()
        self._processes.terminate(self._runtime_pid)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(budget_s):
                await self._telemetry.flush()
                self._extensions.shut_down(reason, budget_s)
                while self._running:
                    self._all_gone.clear()
                    await self._all_gone.wait()
        self._processes.kill_all()
        self._log.read(final=True)
        self._http.disconnect()

    async def _shut_down_and_remove(self) -> None:
        await self._shut_down("spindown")
        self._remove()

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
