"""The conformance tests take `harness`: each runs on every engine that is named here."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fogbank.engines.compute.interface import ComputeEngine
from fogbank.engines.compute.process import ProcessEngine
from tests.engines.compute.harness import NOW_MS, Harness, Room

ENGINES: dict[str, Callable[[Path], ComputeEngine]] = {"process": lambda folder: ProcessEngine(folder, lambda: NOW_MS)}


@pytest.fixture(scope="session", params=ENGINES)
def make_engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], ComputeEngine]:
    return lambda: ENGINES[request.param](tmp_path_factory.mktemp("engine") / "run")


@pytest.fixture(scope="session")
def room(make_engine: Callable[[], ComputeEngine]) -> Iterator[Room]:
    room = Room(make_engine)
    yield room
    room.close()


@pytest.fixture
def harness(room: Room, tmp_path: Path) -> Harness:
    return Harness(room, tmp_path)
