"""The engine as it is on Linux, shared: its sandboxes are what is tested here."""

import sys
from collections.abc import Iterator

import pytest

from fogbank.engines.compute.process import ProcessEngine
from tests.engines.compute.doorway import Doorway
from tests.engines.compute.harness import NOW_MS, Room


@pytest.fixture(scope="package")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    if sys.platform != "linux":
        pytest.skip("sandboxes are there on Linux only")
    folder = tmp_path_factory.mktemp("engine") / "run"
    room = Room(lambda: ProcessEngine(folder, lambda: NOW_MS, Doorway()))
    yield room
    room.close()
