"""How a deployment is shown: an event a line to whatever reads it; on a terminal also what is under way, and for how
long, and at the end when each resource was worked on.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.text import Text

# The second event of a creation, which tells no more than the resource's physical id.
_ONLY_NAMED = "Resource creation Initiated"
_COLOURS = {"COMPLETE": "green", "PROGRESS": "yellow", "FAILED": "red"}
_STATUS_WIDTH = len("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
_BAR_MIN, _BAR_MAX = 10, 60
_REDRAWS_S = 10


class Step:
    """One resource on its way: from its first event to its last."""

    def __init__(self, event: dict[str, Any]) -> None:
        self.name: str = event["LogicalResourceId"]
        self.type: str = event["ResourceType"]
        self.started: datetime = event["Timestamp"]
        self.seen_s = time.monotonic()
        self.take(event)

    def take(self, event: dict[str, Any]) -> None:
        self.status: str = event["ResourceStatus"]
        self.last: datetime = event["Timestamp"]

    @property
    def under_way(self) -> bool:
        return self.status.endswith("IN_PROGRESS")


class Progress:
    """Shows the events of one stack."""

    def __init__(self, stack: str, *, quiet: bool) -> None:
        self._stack = stack
        # Nothing is wrapped: each event is one line, whatever reads it.
        self._console = Console(stderr=True, highlight=False, quiet=quiet, soft_wrap=True)
        self._on_terminal = self._console.is_terminal and not self._console.is_dumb_terminal and not quiet
        self._steps: dict[str, Step] = {}

    def say(self, text: str) -> None:
        self._console.print(f"[yellow]{escape(text)}[/]")

    @contextmanager
    def shown(self) -> Iterator[None]:
        """While events are told; on a terminal, what is under way is drawn below them."""
        if not self._on_terminal:
            yield
            return
        from rich.live import Live

        with Live(get_renderable=self._under_way, console=self._console, refresh_per_second=_REDRAWS_S, transient=True):
            yield
        self._console.print(self._timeline())

    def tell(self, event: dict[str, Any]) -> None:
        """Show the next event."""
        status, why = event["ResourceStatus"], event.get("ResourceStatusReason", "")
        if why == _ONLY_NAMED:
            return
        if event["ResourceType"] != "AWS::CloudFormation::Stack" or event["LogicalResourceId"] != self._stack:
            self._note(event)
        line = f"{event['ResourceType']:<36} {event['LogicalResourceId']}  {why}"
        self._console.print(f"[{_colour(status)}]{status:<{_STATUS_WIDTH}}[/] {escape(line.rstrip())}")

    def _note(self, event: dict[str, Any]) -> None:
        step = self._steps.get(event["LogicalResourceId"])
        if step is None:
            self._steps[event["LogicalResourceId"]] = Step(event)
        else:
            step.take(event)

    def _under_way(self) -> RenderableType:
        steps = list(self._steps.values())
        now_s, height = time.monotonic(), self._console.height
        waiting = [step for step in steps if step.under_way]
        lines = [
            Text.assemble((f"{now_s - step.seen_s:6.1f} s  ", "yellow"), f"{step.name}  ", (step.type, "dim"))
            for step in waiting[: max(height - 3, 1)]
        ]
        done = len(steps) - len(waiting)
        return Group(*lines, Text(f"{done} done, {len(waiting)} under way", style="dim", no_wrap=True))

    def _timeline(self) -> RenderableType:
        """A bar a resource, from its first event to its last."""
        steps = list(self._steps.values())
        if not steps:
            return Text()
        first = min(step.started for step in steps)
        whole_s = max((step.last - first).total_seconds() for step in steps) or 0.001
        label = max(len(step.name) for step in steps)
        width = min(self._console.width - label - 14, _BAR_MAX)
        lines = []
        for step in steps:
            length_s = (step.last - step.started).total_seconds()
            line = Text(f"{step.name:<{label}} {length_s:7.2f} s ")
            if width >= _BAR_MIN:
                begin = int((step.started - first).total_seconds() / whole_s * (width - 1))
                line.append(" " * begin)
                line.append("▇" * max(int(length_s / whole_s * (width - begin)), 1), style=_colour(step.status))
            lines.append(line)
        return Group(*lines)


def _colour(status: str) -> str:
    return next((colour for word, colour in _COLOURS.items() if word in status), "white")
