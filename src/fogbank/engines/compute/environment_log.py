"""The log of one environment: what its processes print and what the platform says, in one order."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from fogbank.engines.compute.interface import FunctionSpec, Hear
from fogbank.engines.compute.log_pipe import LogPipe
from fogbank.engines.compute.platform_events import PlatformEvent
from fogbank.engines.compute.telemetry_api import TelemetryApi

_LEVELS = ("DEBUG", "INFO", "WARN")


class EnvironmentLog:
    """Hands over every line to `hear`, and those of an invocation also to who invokes."""

    def __init__(self, spec: FunctionSpec, hear: Hear, now_ms: Callable[[], int]) -> None:
        self._json = spec.log_format == "JSON"
        self._least = _LEVELS.index(spec.system_log_level)
        self._hear = hear
        self._hear_invocation: Hear | None = None
        self._now_ms = now_ms
        self._telemetry: TelemetryApi | None = None
        self.function = LogPipe(lambda messages: self._printed("function", messages))
        self.extensions = LogPipe(lambda messages: self._printed("extension", messages))

    def send_to(self, telemetry: TelemetryApi) -> None:
        """Have all that comes also sent to the extensions that have subscribed."""
        self._telemetry = telemetry

    def platform(self, event: PlatformEvent) -> None:
        """Write what the platform says, behind what the processes have said so far."""
        self.read()
        if self._telemetry is not None and self._telemetry.listens:
            self._telemetry.write(event.type, self.time(), event.record)
        if not self._json:
            if event.text is not None:
                self._write([event.text])
        elif event.type != "platform.end" and _LEVELS.index(event.level) >= self._least:
            self._write([json.dumps({"time": self.time(), "type": event.type, "record": event.record}) + "\n"])

    def read(self, *, final: bool = False) -> None:
        """Take what the processes have written by now, with unfinished last lines if `final`."""
        self.function.read(final=final)
        self.extensions.read(final=final)

    def note(self, *lines: str) -> None:
        """Write lines of the platform's that are no events, such as that a task timed out."""
        self.read()
        self._write(list(lines))

    def time(self) -> str:
        now = datetime.fromtimestamp(self._now_ms() / 1000, UTC).isoformat(timespec="milliseconds")
        return now.removesuffix("+00:00") + "Z"

    def begin_invocation(self, hear: Hear | None) -> None:
        self.function.begin()
        self.extensions.begin()
        self._hear_invocation = hear

    def end_invocation(self) -> None:
        self._hear_invocation = None

    def close(self) -> None:
        self.function.close()
        self.extensions.close()

    def _printed(self, who: Literal["function", "extension"], messages: list[str]) -> None:
        self._write(messages)
        if self._telemetry is not None and self._telemetry.listens:
            for message in messages:
                self._telemetry.write(who, self.time(), message)

    def _write(self, lines: list[str]) -> None:
        self._hear(lines)
        if self._hear_invocation is not None:
            self._hear_invocation(lines)
