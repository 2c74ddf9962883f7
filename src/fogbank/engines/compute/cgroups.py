"""Control groups: how much memory, how many processes and what share of the processors an environment has.

https://docs.kernel.org/admin-guide/cgroup-v2.html, and version 1, which lies in one hierarchy a controller. A group is
made below the server's own one, which the server must be allowed to write to: as root, or where systemd delegates it.
"""

import contextlib
import os
import re
import secrets
import signal
from pathlib import Path

import msgspec

PROCESSES_MAX = 1024
# "At 1,769 MB, a function has the equivalent of one vCPU."
MB_PER_CPU = 1769
_CPU_PERIOD_US = 100_000
CONTROLLERS = ("memory", "pids", "cpu", "freezer")
_OWN = re.compile(r"fogbank-(\d+)-[0-9a-f]+")
# Where systems of version 2 want the server itself to be: groups that pass controllers on have no processes.
_SERVER = "fogbank-server"


class Weight(msgspec.Struct, frozen=True):
    file: str
    usual: int
    most: int


_WEIGHTS = {1: Weight("cpu.shares", 1024, 262_144), 2: Weight("cpu.weight", 100, 10_000)}


class Place(msgspec.Struct, frozen=True):
    """The folder of this server's group in the hierarchy of a controller."""

    folder: Path
    version: int


def server_weight(version: int, processors: int) -> int:
    """All functions together weigh as much as a process for each processor, not as much as one."""
    weight = _WEIGHTS[version]
    return min(weight.usual * processors, weight.most)


class ControlGroups:
    """The groups of one server, made when the first environment is; those that a killed server left are removed."""

    def __init__(self, places: dict[str, Place]) -> None:
        self.places = places
        self._numbers = 0

    @classmethod
    def find(cls) -> "ControlGroups":
        """What of the machine's groups can be used; `places` has the controllers that can."""
        places = {}
        own_name = f"fogbank-{os.getpid()}-{secrets.token_hex(4)}"
        for name, (folder, version) in _hierarchies(Path("/proc/self")).items():
            own = folder / own_name
            try:
                _remove_left_behind(folder)
                if version == 2 and name != "freezer":
                    _delegate(folder, name)
                own.mkdir(exist_ok=True)
                if version == 2 and name != "freezer":
                    _delegate(own, name)
            except OSError:
                continue
            places[name] = Place(own, version)
        if place := places.get("cpu"):
            _write(place, _WEIGHTS[place.version].file, server_weight(place.version, os.cpu_count() or 1))
        return cls(places)

    def lacks(self) -> list[str]:
        """What cannot be limited on this machine; a line each."""
        texts = {
            "memory": "no control group for memory (it is watched ten times a second)",
            "pids": f"no control group for processes (their number is limited to {PROCESSES_MAX} by user)",
            "cpu": "no control group for processors (functions take what they can get)",
        }
        return [text for name, text in texts.items() if name not in self.places]

    def make(self, *, memory_bytes: int, memory_mb: int) -> "ControlGroup":
        """A group for one environment. `memory_mb` says what share of the processors it has."""
        self._numbers += 1
        folders = {name: Place(place.folder / str(self._numbers), place.version) for name, place in self.places.items()}
        for place in folders.values():
            place.folder.mkdir(exist_ok=True)
        group = ControlGroup(folders)
        group.limit(memory_bytes=memory_bytes, memory_mb=memory_mb)
        return group

    def close(self) -> None:
        # In version 2 all controllers have one folder.
        for folder in {place.folder for place in self.places.values()}:
            _remove(folder)


class ControlGroup:
    """The group of one environment: a folder in each hierarchy."""

    def __init__(self, places: dict[str, Place]) -> None:
        self._places = places

    def entrances(self) -> list[str]:
        """The files by which a process enters; one for each hierarchy."""
        # In version 1 a thread enters alone, without waiting for all that are just forking or exiting.
        files = (place.folder / ("cgroup.procs" if place.version == 2 else "tasks") for place in self._places.values())
        return list(dict.fromkeys(map(str, files)))

    def limit(self, *, memory_bytes: int, memory_mb: int) -> None:
        if place := self._places.get("memory"):
            if place.version == 2:
                _write(place, "memory.max", memory_bytes)
                _write(place, "memory.swap.max", 0)
                _write(place, "memory.oom.group", 1)
            else:
                _write(place, "memory.limit_in_bytes", memory_bytes)
                _write(place, "memory.memsw.limit_in_bytes", memory_bytes)
        if place := self._places.get("pids"):
            _write(place, "pids.max", PROCESSES_MAX)
        if place := self._places.get("cpu"):
            weight = _WEIGHTS[place.version]
            _write(place, weight.file, max(round(weight.usual * memory_mb / MB_PER_CPU), 2))

    def limit_cpu(self, memory_mb: int) -> None:
        """No more than the share from now on, even if nobody else wants the processors."""
        if place := self._places.get("cpu"):
            quota = max(_CPU_PERIOD_US * memory_mb // MB_PER_CPU, 1000)
            if place.version == 2:
                _write(place, "cpu.max", f"{quota} {_CPU_PERIOD_US}")
            else:
                _write(place, "cpu.cfs_quota_us", quota)

    def freezes(self) -> bool:
        return "freezer" in self._places

    def set_frozen(self, *, frozen: bool) -> None:
        """Stop all processes where they are, or let them go on."""
        place = self._places["freezer"]
        if place.version == 2:
            _write(place, "cgroup.freeze", int(frozen))
        else:
            _write(place, "freezer.state", "FROZEN" if frozen else "THAWED")

    def frozen_folder(self) -> str:
        """The server's folder, in whose groups nothing that is frozen can be killed; empty where everything can."""
        place = self._places.get("freezer")
        return str(place.folder.parent) if place is not None and place.version == 1 else ""

    def anonymous_mb(self) -> float:
        """The memory in use that is no file's."""
        place = self._places.get("memory")
        if place is None:
            return 0.0
        names = ("anon ",) if place.version == 2 else ("total_rss ",)
        for line in _read(place, "memory.stat").splitlines():
            if line.startswith(names):
                return int(line.split()[1]) / (1 << 20)
        return 0.0

    def killed_for_memory(self) -> int:
        """How many processes the kernel has ended in here because there was no more memory."""
        place = self._places.get("memory")
        if place is None:
            return 0
        text = _read(place, "memory.events" if place.version == 2 else "memory.oom_control")
        return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("oom_kill ")), 0)

    def remove(self) -> None:
        """Its processes must have ended."""
        for place in self._places.values():
            with contextlib.suppress(OSError):
                place.folder.rmdir()


def _write(place: Place, name: str, value: object) -> None:
    # A file that this kernel has not got (no accounting of swap) limits nothing that there is.
    with contextlib.suppress(FileNotFoundError):
        handle = os.open(place.folder / name, os.O_WRONLY)
        try:
            os.write(handle, str(value).encode())
        finally:
            os.close(handle)


def _read(place: Place, name: str) -> str:
    try:
        return (place.folder / name).read_text()
    except OSError:
        return ""


def _hierarchies(proc: Path) -> dict[str, tuple[Path, int]]:
    """For each controller the folder of this process's group and the version of its hierarchy."""
    try:
        groups = [line.split(":", 2) for line in (proc / "cgroup").read_text().splitlines()]
        mounts = [line.split() for line in (proc / "mountinfo").read_text().splitlines()]
    except OSError:
        return {}
    found: dict[str, tuple[Path, int]] = {}
    for _, controllers, path in groups:
        for mount in mounts:
            kind, options = mount[mount.index("-") + 1], mount[-1].split(",")
            if kind == "cgroup" and controllers and set(controllers.split(",")) <= set(options):
                folder = _below(mount, path)
                found |= {name: (folder, 1) for name in controllers.split(",") if name in CONTROLLERS}
            elif kind == "cgroup2" and not controllers:
                folder = _below(mount, path)
                with contextlib.suppress(OSError):
                    there = [*(folder / "cgroup.controllers").read_text().split(), "freezer"]
                    found = {name: (folder, 2) for name in there if name in CONTROLLERS} | found
    return found


def _below(mount: list[str], path: str) -> Path:
    root, point = mount[3], mount[4]
    inner = path.removeprefix(root) if root != "/" else path
    return Path(point) / inner.lstrip("/").removesuffix(_SERVER)


def _delegate(folder: Path, controller: str) -> None:
    """Let groups below this one have the controller."""
    control = folder / "cgroup.subtree_control"
    if controller in control.read_text().split():
        return
    try:
        control.write_text(f"+{controller}")
    except OSError:
        # Only a group without processes of its own can pass controllers on: this one moves into a group of its own.
        server = folder / _SERVER
        server.mkdir(exist_ok=True)
        (server / "cgroup.procs").write_text("0")
        control.write_text(f"+{controller}")


def _remove_left_behind(folder: Path) -> None:
    """The groups of servers that were killed, and what may still be frozen in them."""
    for group in folder.glob("fogbank-*"):
        owner = _OWN.fullmatch(group.name)
        if owner is not None and not Path(f"/proc/{owner[1]}").exists():
            _remove(group)


def _remove(group: Path) -> None:
    """A server's group with those of its environments, whose processes are to end."""
    for inner in (*(path for path in group.iterdir() if path.is_dir()), group):
        with contextlib.suppress(OSError):
            for pid in (inner / "cgroup.procs").read_text().split():
                os.kill(int(pid), signal.SIGKILL)
            if (inner / "freezer.state").exists() and inner != group:
                (inner / "freezer.state").write_text("THAWED")
        with contextlib.suppress(OSError):
            inner.rmdir()
