"""The conformance tests take `harness`: each runs on every engine that is named here."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from fogbank.engines.compute.interface import ComputeEngine
from fogbank.engines.compute.process import ProcessEngine
from tests.engines.compute.harness import NOW_MS, Harness, Room
from tests.engines.compute.ray_cluster import ray_cluster

MakeEngine = Callable[[Path], ComputeEngine]


@contextmanager
def process_engines() -> Iterator[MakeEngine]:
    yield lambda folder: ProcessEngine(folder, lambda: NOW_MS)


@contextmanager
def ray_engines() -> Iterator[MakeEngine]:
    from fogbank.engines.compute.ray import cluster
    from fogbank.engines.compute.ray.engine import RayEngine

    with ray_cluster() as found, pytest.MonkeyPatch.context() as patch:
        for name, value in {**found.settings, "RAY_ADDRESS": found.head}.items():
            patch.setenv(name, value)
        cluster.connect("ray")
        try:
            yield lambda folder: RayEngine("ray", lambda: NOW_MS)
        finally:
            cluster.disconnect()


ENGINES = {"process": process_engines, "ray": ray_engines}


@pytest.fixture(scope="session", params=ENGINES)
def make_engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], ComputeEngine]]:
    if request.param == "ray" and find_spec("ray") is None:
        pytest.skip("Ray is not there for this Python")
    with ENGINES[request.param]() as make:
        yield lambda: make(tmp_path_factory.mktemp("engine") / "run")


@pytest.fixture(scope="session")
def room(make_engine: Callable[[], ComputeEngine]) -> Iterator[Room]:
    room = Room(make_engine)
    yield room
    room.close()


@pytest.fixture
def harness(room: Room, tmp_path: Path) -> Harness:
    return Harness(room, tmp_path)
