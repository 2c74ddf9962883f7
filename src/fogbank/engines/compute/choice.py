"""Which compute engine a server has."""

from collections.abc import Callable
from pathlib import Path

from fogbank.core.front_door import FrontDoor
from fogbank.engines.compute.interface import ComputeEngine
from fogbank.engines.compute.process import ProcessEngine


def make_engine(
    compute: str, folder: Path, now_ms: Callable[[], int], front_door: FrontDoor | None = None
) -> ComputeEngine:
    """`compute` is "process", or names a Ray cluster to which this process is connected. What environments need on
    this machine lies below `folder`; logs tell the time of `now_ms`."""
    if compute == "process":
        return ProcessEngine(folder, now_ms, front_door)
    from fogbank.engines.compute.ray.engine import RayEngine

    return RayEngine(compute, now_ms, front_door)
