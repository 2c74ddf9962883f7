"""The `aws` program."""

import json
from typing import Any

from tests.clients.tools import environment, python_tool, run


class Aws:
    """Runs `aws` commands."""

    def __init__(self, endpoint: str) -> None:
        self.programs = python_tool("awscli", "awscli")
        self._command = [str(self.programs / "aws"), "--endpoint-url", endpoint]
        self._env = environment(endpoint)

    def text(self, *arguments: str, given: str = "") -> str:
        return run([*self._command, *arguments], env=self._env, given=given)

    def __call__(self, *arguments: str) -> Any:
        answer = self.text(*arguments)
        return json.loads(answer) if answer.strip() else None
