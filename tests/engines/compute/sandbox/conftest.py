"""The engine as it is on Linux, shared: its sandboxes are what is tested here."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fogbank.engines.compute.process import ProcessEngine
from tests.engines.compute.doorway import Doorway
from tests.engines.compute.harness import NOW_MS, Harness, Room
from tests.engines.compute.sandbox.forked import skip_where_nothing_is_forked


@pytest.fixture(scope="package")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    if sys.platform != "linux":
        pytest.skip("sandboxes are there on Linux only")
    folder = tmp_path_factory.mktemp("engine") / "run"
    room = Room(lambda: ProcessEngine(folder, lambda: NOW_MS, Doorway()))
    yield room
    room.close()


@pytest.fixture(params=["initialized", "forked"])
def harness(room: Room, tmp_path: Path, request: pytest.FixtureRequest) -> Harness:
    """Whoever is forked from a snapshot finds the same walls."""
    if request.param == "initialized":
        return Harness(room, tmp_path)
    skip_where_nothing_is_forked()
    return Harness(room, tmp_path, initialization_type="snap-start")
