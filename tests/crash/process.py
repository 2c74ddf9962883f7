"""A Fogbank on a data folder that outlives it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path


class KillableServer:
    """Started as often as wanted on the same folder."""

    def __init__(self, data: Path, sync: str) -> None:
        self._command = [
            *(sys.executable, "-m", "fogbank", "up", "--port", "0", "--json"),
            *("--data", str(data), "--sync", sync, "--log-level", "warning"),
        ]
        self._process: subprocess.Popen[str] | None = None
        self.endpoint = ""

    @property
    def port(self) -> int:
        return int(self.endpoint.rpartition(":")[2])

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the server ended before it was ready"
        self.endpoint = json.loads(line)["endpoint"]

    def kill(self) -> None:
        """SIGKILL for the whole process group: nothing gets a chance to tidy up."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self._process = None
