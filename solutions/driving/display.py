"""What the driver shows while it works: the stage, how long it has run, and the figures of the moment.

On a terminal the block is redrawn several times a second, so that it is alive also while the driver waits;
elsewhere a line is printed every few seconds.
"""

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
REDRAW_S = 0.15
LINE_EVERY_S = 2.0


class Display:
    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._stage = ""
        self._since = time.monotonic()
        self._figures: Callable[[], list[str]] = list
        self._drawn = 0

    def __enter__(self) -> "Display":
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        self._finish("✗" if kind else "✓")

    def stage(self, text: str, figures: Callable[[], list[str]] = list) -> None:
        """A new stage begins; `figures` gives the lines to show below it, as they are now."""
        with self._lock:
            self._finish("✓")
            self._stage, self._since, self._figures = text, time.monotonic(), figures
            if not self._terminal:
                self._write(f"{text}\n")

    def _run(self) -> None:
        frame = 0
        while not self._stop.wait(REDRAW_S if self._terminal else LINE_EVERY_S):
            with self._lock:
                if not self._stage:
                    continue
                figures = self._figures()
                if self._terminal:
                    frame = (frame + 1) % len(FRAMES)
                    self._draw(
                        [f"{FRAMES[frame]} {self._elapsed()}  {self._stage}", *(f"           {f}" for f in figures)]
                    )
                else:
                    self._write(f"  {self._elapsed()}  {'  '.join(figures)}\n")

    def _finish(self, mark: str) -> None:
        """Leave one line of the stage that is over."""
        if self._stage and self._terminal:
            self._draw([f"{mark} {self._elapsed()}  {self._stage}"])
            self._write("\n")
        self._stage, self._drawn = "", 0

    def _elapsed(self) -> str:
        return f"{time.monotonic() - self._since:6.1f} s"

    def _draw(self, lines: list[str]) -> None:
        up = f"\x1b[{self._drawn - 1}A" if self._drawn > 1 else ""
        self._write(f"\r{up}\x1b[J" + "\n".join(lines))
        self._drawn = len(lines)

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
