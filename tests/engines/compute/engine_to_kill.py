"""An engine in a process of its own that a test can kill. Run as a program, this module is that process."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from fogbank.engines.compute.interface import FunctionSpec, InitializationType, Invocation
from fogbank.engines.compute.process import ProcessEngine


class EngineToKill:
    """Has one environment, whose function it invokes once."""

    def __init__(self, said: IO[str]) -> None:
        self._said = said
        self.function_pids = [int(pid) for pid in said.readline().split()]

    def wait_for_answer(self) -> None:
        assert self._said.readline() == "answered\n"


@contextmanager
def engine_to_kill(
    folder: Path, code: Path, initialization_type: InitializationType = "on-demand"
) -> Iterator[EngineToKill]:
    """It is killed at the end of the block."""
    command = [sys.executable, __file__, str(folder), str(code), initialization_type]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield EngineToKill(process.stdout)
        finally:
            process.kill()


async def main(folder: Path, code: Path, initialization_type: InitializationType) -> None:
    engine = ProcessEngine(folder / "run", int)
    spec = FunctionSpec(
        code=code,
        handler="app.handler",
        runtime="python3.12",
        environment={},
        memory_mb=128,
        initialization_type=initialization_type,
    )
    environment = await engine.create(spec, lambda lines: None)
    print(*environment.pids(), flush=True)
    await environment.invoke(Invocation(request_id="r", payload=b"null", function_arn="a", timeout_s=100))
    print("answered", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    folder, code, initialization_type = sys.argv[1:]
    asyncio.run(main(Path(folder), Path(code), cast(InitializationType, initialization_type)))
