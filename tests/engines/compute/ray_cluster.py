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

import msgspec

_OBJECT_STORE_BYTES = 100 << 20
_START_S = "180"
_STARTS = 3
# What `ray start` does for a node, but that it refuses several nodes on a laptop.
_JOIN = f"""
import sys
from ray._private.node import Node
from ray._private.parameter import RayParams
size = {{"num_cpus": 2, "object_store_memory": {_OBJECT_STORE_BYTES}}}
Node(RayParams(gcs_address=sys.argv[1], node_ip_address="127.0.0.1", **size), head=False)
print("Ray runtime started", flush=True)
sys.stdin.read()
"""


class RayCluster(msgspec.Struct):
    head: str
    """Where its nodes connect."""
    compute: str
    """As --compute takes it."""
    settings: dict[str, str]
    """Environment variables of the nodes, and of whoever connects."""
    head_group: int
    """The head node's processes."""


@contextlib.contextmanager
def ray_cluster() -> Iterator[RayCluster]:
    """A cluster of one node."""
    with contextlib.ExitStack() as held:
        for starts_left in reversed(range(_STARTS)):
            try:
                cluster = held.enter_context(_started_cluster())
                break
            except RuntimeError:  # Ray gives its node half a minute to start, whatever the machine is at.
                if not starts_left:
                    raise
        yield cluster


@contextlib.contextmanager
def _started_cluster() -> Iterator[RayCluster]:
    head, client = _free_ports(2)
    settings = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(16),
        # Ray takes this machine's outer address for 127.0.0.1, unless it takes it for a laptop.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_ADDRESS": f"127.0.0.1:{head}",
        # How long its parts wait for each other when they start: by default too short for a machine that is busy.
        "RAY_NUM_REDIS_GET_RETRIES": _START_S,
        "RAY_gcs_server_request_timeout_seconds": _START_S,
        "RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": _START_S,
        "RAY_worker_register_timeout_seconds": _START_S,
    }
    # The names of sockets, which lie in it, are limited.
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        start = (sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus=2")
        ports = (f"--port={head}", f"--ray-client-server-port={client}", "--node-ip-address=127.0.0.1")
        quiet = ("--include-dashboard=false", "--disable-usage-stats", f"--temp-dir={folder}")
        with _running([*start, *ports, *quiet, f"--object-store-memory={_OBJECT_STORE_BYTES}"], settings) as node:
            yield RayCluster(settings["RAY_ADDRESS"], f"ray://127.0.0.1:{client}", settings, node.pid)


@contextlib.contextmanager
def another_node(cluster: RayCluster) -> Iterator[subprocess.Popen[str]]:
    """A node beside the first one. All of it is in the process's group."""
    with _running([sys.executable, "-c", _JOIN, cluster.head], cluster.settings) as process:
        yield process


@contextlib.contextmanager
def _running(command: list[str], settings: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **settings},
        start_new_session=True,
    )
    assert process.stdin is not None
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
        process.stdin.close()
        process.stdout.close()
        # Workers, which lead groups of their own, end when their node's daemon is gone.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]
