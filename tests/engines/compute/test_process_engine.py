"""What is the process engine's own."""

import subprocess
import sys
from pathlib import Path

from tests.engines.compute.harness import Harness
from tests.patience import eventually

ENGINE_TO_KILL = """
import asyncio, sys
from pathlib import Path
from fogbank.engines.compute.interface import FunctionSpec, Invocation
from fogbank.engines.compute.process import ProcessEngine

async def main():
    engine = ProcessEngine(Path(sys.argv[1]) / "run", int)
    spec = FunctionSpec(
        code=Path(sys.argv[2]), handler="app.handler", runtime="python3.12", environment={}, memory_mb=128
    )
    environment = await engine.create(spec, print)
    call = Invocation(
        request_id="r", payload=b"null", function_arn="a", timeout_s=100
    )
    await environment.invoke(call)

asyncio.run(main())
"""


def test_function_processes_die_with_a_killed_server(harness: Harness, tmp_path: Path) -> None:
    source = (
        "import os, time\n"
        "def handler(event, context):\n"
        f"    open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()) + '\\n')\n"
        "    time.sleep(100)\n"
    )
    code = harness.spec(source).code
    server = subprocess.Popen([sys.executable, "-c", ENGINE_TO_KILL, str(tmp_path), str(code)])
    try:
        pid = eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    finally:
        server.kill()
        server.wait()
    eventually(lambda: not Path(f"/proc/{pid}").exists())
