"""The embedded compute engine: each environment is an operating-system process that speaks the Lambda Runtime API.

A process is in a session of its own, so that ending an environment ends whatever it started. Time-outs run on the
machine's clock, as the function's own work does. Not there yet: a sandbox by namespaces, and freezing between calls.
"""

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from fogbank.engines.compute.interface import (
    Ending,
    Environment,
    FunctionSpec,
    Invocation,
    Outcome,
    RuntimeUnavailable,
)
from fogbank.engines.compute.log_pipe import LogPipe
from fogbank.engines.compute.runtime_api import RuntimeApi
from fogbank.engines.compute.zygote_client import Zygote

log = logging.getLogger("fogbank.compute")

MEMORY_WATCH_S = 0.1
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class ProcessEngine:
    """Makes environments on this machine, their temporary folders below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Every python3.x runs on the interpreter that runs Fogbank: the only one that is surely there and has the SDK.
        self._zygote = Zygote(sys.executable)
        self._environments: set[ProcessEnvironment] = set()
        self._closed = False
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def check(self, runtime: str) -> None:
        if not runtime.startswith(("python3.", "provided")):
            raise RuntimeUnavailable(
                f"Functions of runtime {runtime} cannot be run in Fogbank yet: "
                "there are python3.* and, for what brings its own bootstrap, provided.al2 and provided.al2023."
            )

    async def create(self, spec: FunctionSpec) -> Environment:
        self.check(spec.runtime)
        if self._closed:
            # The server stops, and who waits for this is cancelled anyway: there is nothing to tell.
            raise asyncio.CancelledError
        environment = ProcessEnvironment(spec, tempfile.mkdtemp(dir=self._folder), self._environments.discard)
        self._environments.add(environment)
        try:
            await environment.start(self._zygote)
        except BaseException:
            environment.destroy()
            raise
        return environment

    async def close(self) -> None:
        self._closed = True
        for environment in tuple(self._environments):
            environment.destroy()
        await self._zygote.close()


class ProcessEnvironment:
    """One process (and whatever it starts) that runs one function."""

    def __init__(self, spec: FunctionSpec, folder: str, forget: "Callable[[ProcessEnvironment], None]") -> None:
        self._spec = spec
        self._folder = folder
        self._forget = forget
        self._api = RuntimeApi(self)
        self._log = LogPipe()
        self._pid = 0
        self._created_s = time.perf_counter()
        self._ready = asyncio.get_running_loop().create_future()
        self._init_ms: float | None = None
        self._invoked = False
        self._running: str | None = None
        self._ended: asyncio.Future[tuple[Ending, bytes]] | None = None
        self._exit_status: int | None = None
        self._destroyed = False
        self._over_memory = False

    @property
    def usable(self) -> bool:
        return not self._destroyed and self._exit_status is None

    async def start(self, zygote: Zygote) -> None:
        spec = self._spec
        address = await self._api.open()
        layers = [str(layer) for layer in spec.layers]
        command = []
        if not spec.runtime.startswith("python"):
            found = [path / "bootstrap" for path in (spec.code, *spec.layers) if (path / "bootstrap").is_file()]
            command = [str(found[0])] if found else [str(spec.code / "bootstrap")]
        order = {
            "code": str(spec.code),
            "handler": spec.handler,
            "memory_mb": spec.memory_mb,
            "command": command,
            "python_path": [path for layer in layers for path in (f"{layer}/python", layer)],
            "environment": {
                "PATH": os.environ.get("PATH", os.defpath),
                "LANG": "en_US.UTF-8",
                "TZ": ":UTC",
                **spec.environment,
                "AWS_LAMBDA_RUNTIME_API": address,
                "_HANDLER": spec.handler,
                "LAMBDA_TASK_ROOT": str(spec.code),
                "LAMBDA_RUNTIME_DIR": str(Path(__file__).with_name("python")),
                "TMPDIR": self._folder,
                "HOME": self._folder,
            },
        }
        try:
            self._pid = await zygote.fork(order, self._log.write_end, self._exited)
        finally:
            self._log.close_write_end()

    async def invoke(self, invocation: Invocation) -> Outcome:
        loop = asyncio.get_running_loop()
        first, self._invoked = not self._invoked, True
        self._log.listen(invocation.hear)
        if first:
            failure = await self._initialized()
            if failure is not None:
                return self._outcome(invocation, failure, started_s=self._created_s, first=True)
        started_s = time.perf_counter()
        ended = self._ended = loop.create_future()
        self._running = invocation.request_id
        if self._exit_status is not None:
            self._exited(self._exit_status)
        timer = loop.call_later(invocation.timeout_s, self._timed_out)
        watch = loop.call_later(MEMORY_WATCH_S, self._watch_memory)
        self._watch = watch
        try:
            self._api.offer(invocation)
            ending = await ended
        except asyncio.CancelledError:
            self.destroy()
            raise
        finally:
            timer.cancel()
            self._watch.cancel()
            self._running = None
            self._ended = None
        return self._outcome(invocation, ending, started_s=started_s, first=first)

    def destroy(self) -> None:
        if self._destroyed:
            return
        self._destroyed = True
        self._kill()
        self._api.close()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        if not self._ready.done():
            self._ready.cancel()
        self._forget(self)

    # ---- what the runtime says ----------------------------------------------------------------------------------

    def runtime_ready(self) -> None:
        if not self._ready.done():
            self._init_ms = (time.perf_counter() - self._created_s) * 1000
            self._ready.set_result(None)

    def runtime_answered(self, request_id: str, payload: bytes, *, failed: bool) -> bool:
        if self._ended is None or self._ended.done() or request_id != self._running:
            return False
        self._ended.set_result(("failed" if failed else "answered", payload))
        return True

    def runtime_init_failed(self, payload: bytes) -> None:
        if not self._ready.done():
            self._ready.set_result(("init_failed", payload))

    # ---- endings ------------------------------------------------------------------------------------------------

    async def _initialized(self) -> tuple[Ending, bytes] | None:
        """Wait until the runtime is ready; how it failed if it is not."""
        limit_s = self._spec.init_timeout_s
        try:
            failure: tuple[Ending, bytes] | None = await asyncio.wait_for(asyncio.shield(self._ready), limit_s)
        except TimeoutError:
            self._kill()
            return ("timed_out", f"Task timed out after {limit_s:.2f} seconds".encode())
        return failure

    def _timed_out(self) -> None:
        if self._ended is not None and not self._ended.done():
            self._kill()
            self._ended.set_result(("timed_out", b""))

    def _exited(self, status: int) -> None:
        self._exit_status = status
        ending: Ending = "out_of_memory" if self._over_memory else "exited"
        if self._ended is not None and not self._ended.done():
            self._ended.set_result((ending, b""))
        if not self._ready.done():
            self._ready.set_result((ending, b""))

    def _watch_memory(self) -> None:
        if resident_mb(self._pid) > self._spec.memory_mb:
            self._over_memory = True
            self._kill()
            return
        self._watch = asyncio.get_running_loop().call_later(MEMORY_WATCH_S, self._watch_memory)

    def _kill(self) -> None:
        if self._pid and self._exit_status is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, signal.SIGKILL)
            # A process forked a moment ago may not lead a group yet.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)

    def _outcome(
        self, invocation: Invocation, ended: tuple[Ending, bytes], *, started_s: float, first: bool
    ) -> Outcome:
        ending, payload = ended
        memory_mb = peak_mb(self._pid) or 1
        if ending == "out_of_memory":
            memory_mb = self._spec.memory_mb
        alive = ending in ("answered", "failed")
        self._log.stop_listening(final=not alive)
        if not alive:
            payload, lines = self._error_document(invocation, ending, payload)
            invocation.hear(lines)
            self.destroy()
        return Outcome(
            ending=ending,
            payload=payload,
            duration_ms=(time.perf_counter() - started_s) * 1000,
            memory_mb=min(memory_mb, self._spec.memory_mb),
            init_ms=self._init_ms if first else None,
        )

    def _error_document(self, invocation: Invocation, ending: Ending, payload: bytes) -> tuple[bytes, list[str]]:
        """The error as AWS words it, and what it adds to the log."""
        request_id = invocation.request_id
        if ending == "init_failed":
            return payload, []
        if ending == "timed_out":
            now = datetime.fromtimestamp(invocation.now_ms() / 1000, UTC).isoformat(timespec="milliseconds")
            message = payload.decode() or f"Task timed out after {invocation.timeout_s:.2f} seconds"
            text = f"{now.removesuffix('+00:00')}Z {request_id} {message}"
            return json.dumps({"errorMessage": text}).encode(), [text, ""]
        error_type = "Runtime.OutOfMemory" if ending == "out_of_memory" else "Runtime.ExitError"
        reason = exit_reason(9 if ending == "out_of_memory" else self._exit_status or 0)
        document = {"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {reason}"}
        return json.dumps(document).encode(), [f"RequestId: {request_id} Error: {reason}", error_type]


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


def resident_mb(pid: int) -> float:
    """The memory that the process has in use now; 0 if it has ended (or the machine has no /proc)."""
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * _PAGE_BYTES / (1 << 20)
    except (OSError, IndexError):
        return 0.0


def peak_mb(pid: int) -> int:
    """The most memory that the process had in use; 0 if it has ended."""
    try:
        with open(f"/proc/{pid}/status") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) // 1024
    except OSError:
        return 0
    return 0
