"""What holds all over the source, and that no type checker sees."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src" / "fogbank"
MODULES = {str(path.relative_to(SOURCE)): path for path in SOURCE.rglob("*.py")}
LINES_MAX = 800

# Functions run in real time, as do the commands; all else asks core/clock.py, which a test can move.
READS_THE_CLOCK = ("core/clock.py", "engines/compute/", "cli/")
_CLOCK_READERS = {"time.time", "time.time_ns", "time.monotonic", "time.perf_counter", "datetime.now", "datetime.utcnow"}

# The edges: whatever comes is told to whoever waits, or tried again, or cleaned up after and raised again.
CATCHES_EVERYTHING = (
    "core/outbox.py",
    "core/own_thread.py",
    "core/store.py",
    "core/tasks.py",
    "engines/compute/",
    "server.py",
    "services/cloudformation/steps.py",
    "wire/gateway.py",
    "wire/http.py",
    "wire/http2.py",
)


def trees() -> Iterator[tuple[str, ast.Module]]:
    for name, path in sorted(MODULES.items()):
        yield name, ast.parse(path.read_text())


def test_a_module_can_be_held_in_the_head() -> None:
    lengths = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert {name: lines for name, lines in lengths.items() if lines > LINES_MAX} == {}


def test_only_the_clock_reads_the_clock() -> None:
    readers = {
        f"{name}:{node.lineno}"
        for name, tree in trees()
        if not name.startswith(READS_THE_CLOCK)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in _CLOCK_READERS
    }
    assert readers == set()


def test_everything_is_caught_only_at_an_edge_or_to_be_raised_again() -> None:
    caught = {
        f"{name}:{handler.lineno}"
        for name, tree in trees()
        if not name.startswith(CATCHES_EVERYTHING)
        for handler in ast.walk(tree)
        if isinstance(handler, ast.ExceptHandler) and _is_broad(handler) and not _raises(handler)
    }
    assert caught == set()


def _is_broad(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or ast.unparse(handler.type) in ("Exception", "BaseException")


def _raises(handler: ast.ExceptHandler) -> bool:
    return isinstance(handler.body[-1], ast.Raise)
