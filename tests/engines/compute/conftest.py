"""The conformance tests take `harness`: each runs on every engine that is named here."""

from pathlib import Path

import pytest

from fogbank.engines.compute.process import ProcessEngine
from tests.engines.compute.harness import NOW_MS, Harness, MakeEngine

ENGINES: dict[str, MakeEngine] = {"process": lambda folder: ProcessEngine(folder, lambda: NOW_MS)}


@pytest.fixture(params=ENGINES)
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Harness:
    return Harness(ENGINES[request.param], tmp_path)
