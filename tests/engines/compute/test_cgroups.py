"""Control groups of version 2, as far as they are folders: there one has all controllers."""

from pathlib import Path

import pytest

from fogbank.engines.compute import cgroups
from fogbank.engines.compute.cgroups import CONTROLLERS, ControlGroups

OWN = "fogbank-1-0a"


def groups_of_version_2(folder: Path) -> ControlGroups:
    (folder / OWN).mkdir()
    return ControlGroups({name: cgroups.Place(folder / OWN, 2) for name in CONTROLLERS})


def test_a_folder_that_all_controllers_share_is_removed_once(tmp_path: Path) -> None:
    groups = groups_of_version_2(tmp_path)
    group = groups.make(memory_bytes=1 << 20, memory_mb=128)
    assert group.entrances() == [str(tmp_path / OWN / "1" / "cgroup.procs")]
    groups.close()
    assert list(tmp_path.iterdir()) == []


def test_a_share_of_the_processors_goes_with_the_memory(tmp_path: Path) -> None:
    groups = groups_of_version_2(tmp_path)
    folder = tmp_path / OWN / "1"
    folder.mkdir()
    for name in ("cpu.weight", "cpu.max"):
        (folder / name).touch()
    group = groups.make(memory_bytes=1 << 20, memory_mb=3538)
    assert [(folder / name).read_text() for name in ("cpu.weight", "cpu.max")] == ["200", ""]
    group.limit_cpu(3538)
    assert (folder / "cpu.max").read_text() == "200000 100000"


@pytest.mark.parametrize(
    ("version", "processors", "weight"), [(1, 4, 4096), (1, 512, 262_144), (2, 4, 400), (2, 512, 10_000)]
)
def test_all_functions_weigh_no_more_than_the_kernel_takes(version: int, processors: int, weight: int) -> None:
    assert cgroups.server_weight(version, processors) == weight
