"""The conformance tests take `harness`: each runs on every engine that is named here."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from fogbank.core.front_door import FrontDoor
from fogbank.engines.compute.choice import make_engine
from fogbank.engines.compute.interface import ComputeEngine
from tests.engines.compute.harness import NOW_MS, Harness, Room
from tests.engines.compute.ray_cluster import RayCluster, ray_cluster


class Engines:
    """Makes engines of one kind."""

    def __init__(self, compute: str, cluster: RayCluster | None = None) -> None:
        self._compute = compute
        self.cluster = cluster
        """What they share, if they are on Ray."""

    def make(self, folder: Path, front_door: FrontDoor | None = None) -> ComputeEngine:
        return make_engine(self._compute, folder, lambda: NOW_MS, front_door)


@contextmanager
def process_engines() -> Iterator[Engines]:
    yield Engines("process")


@contextmanager
def ray_engines() -> Iterator[Engines]:
    from fogbank.engines.compute.ray.cluster import connect, disconnect

    with ray_cluster() as cluster, pytest.MonkeyPatch.context() as patch:
        for name, value in cluster.settings.items():
            patch.setenv(name, value)
        connect("ray")
        try:
            yield Engines("ray", cluster)
        finally:
            disconnect()


ENGINES = {"process": process_engines, "ray": ray_engines}


@pytest.fixture(scope="session", params=ENGINES)
def engines(request: pytest.FixtureRequest) -> Iterator[Engines]:
    if request.param == "ray" and find_spec("ray") is None:
        pytest.skip("Ray is not there for this Python")
    with ENGINES[request.param]() as engines:
        yield engines


@pytest.fixture(scope="session")
def new_engine(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], ComputeEngine]:
    return lambda: engines.make(tmp_path_factory.mktemp("engine") / "run")


@pytest.fixture(scope="session")
def room(new_engine: Callable[[], ComputeEngine]) -> Iterator[Room]:
    room = Room(new_engine)
    yield room
    room.close()


@pytest.fixture
def harness(room: Room, tmp_path: Path) -> Harness:
    return Harness(room, tmp_path)
