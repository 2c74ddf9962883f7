"""An engine in a process of its own that a test can kill. Run as a program, this module is that process."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from fogbank.engines.compute.interface import FunctionSpec, Invocation
from fogbank.engines.compute.process import ProcessEngine


class EngineToKill:
    """Has one environment, whose function it invokes once."""

    def __init__(self, said: IO[str]) -> None:
        self._said = said
        self.function_pids = [int(pid) for pid in said.readline().split()]

    def wait_for_answer(self) -> None:
        assert self._said.readline() == "answered\n"


@contextmanager
def engine_to_kill(folder: Path, code: Path) -> Iterator[EngineToKill]:
    """It is killed at the end of the block."""
    command = [sys.executable, __file__, str(folder), str(code)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield EngineToKill(process.stdout)
        finally:
            process.kill()


async def main(folder: Path, code: Path) -> None:
    engine = ProcessEngine(folder / "run", int)
    spec = FunctionSpec(code=code, handler="app.handler", runtime="python3.12", environment={}, memory_mb=128)
    environment = await engine.create(spec, lambda lines: None)
    print(*environment.pids(), flush=True)
    await environment.invoke(Invocation(request_id="r", payload=b"null", function_arn="a", timeout_s=100))
    print("answered", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
