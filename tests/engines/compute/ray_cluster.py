"""A small Ray cluster on loopback, for the tests."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

_OBJECT_STORE_BYTES = 100 << 20


class RayCluster(msgspec.Struct):
    head: str
    """Where its nodes and drivers connect."""
    client: str
    """Where clients do, as --compute takes it."""
    settings: dict[str, str]
    """Environment variables of whoever connects."""
    folder: Path


@contextlib.contextmanager
def ray_cluster(*, client: bool = False) -> Iterator[RayCluster]:
    """A cluster of one node with two processors."""
    settings = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(16),
        # Ray takes this machine's outer address for 127.0.0.1, unless it takes it for a laptop.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    }
    head, client_port = _free_ports(2)
    # Sockets lie below it, whose names are limited.
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        cluster = RayCluster(f"127.0.0.1:{head}", f"ray://127.0.0.1:{client_port}", settings, Path(folder))
        with node(
            cluster, "--head", f"--port={head}", *([f"--ray-client-server-port={client_port}"] if client else [])
        ):
            yield cluster


@contextlib.contextmanager
def node(cluster: RayCluster, *options: str) -> Iterator[subprocess.Popen[str]]:
    """One node of it; killed with all its processes at the end."""
    place = [] if "--head" not in options else ["--include-dashboard=false", f"--temp-dir={cluster.folder}"]
    command = [
        *(
            sys.executable,
            "-m",
            "ray.scripts.scripts",
            "start",
            "--block",
            "--num-cpus=2",
            "--node-ip-address=127.0.0.1",
        ),
        *(f"--object-store-memory={_OBJECT_STORE_BYTES}", "--disable-usage-stats", *place, *options),
    ]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **cluster.settings},
        start_new_session=True,
    )
    assert process.stdout is not None
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if "Ray runtime started" in line:
                break
        else:
            raise RuntimeError("".join(said))
        yield process
    finally:
        process.stdout.close()
        # Workers, which lead groups of their own, end when their node's daemon is gone.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]
