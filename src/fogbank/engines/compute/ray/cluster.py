"""The cluster: connecting to it, and the places on it that environments take. Calls here block."""

import atexit
import logging
import os
import socket
import threading
from typing import Any
from urllib.parse import urlsplit

import msgspec

from fogbank.engines.compute.cgroups import MB_PER_CPU
from fogbank.engines.compute.ray.calls import in_one_line

PREFIX = "ray://"
CLIENT_PORT = 10001
_REACH_S = 5.0
_LEAVE_S = 5.0
_SETTINGS = {
    # Ray would otherwise report how it is used to its makers, and warn of settings to come.
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # A call after the connection has ended would otherwise start a cluster on this machine.
    "RAY_ENABLE_AUTO_CONNECT": "0",
    # Seconds in which a connection that breaks may be made again. Until then calls wait; then they fail.
    "RAY_CLIENT_RECONNECT_GRACE_PERIOD": "5",
}
_CPU_STEPS = 10_000  # Ray counts in ten-thousandths.


class ClusterUnavailable(Exception):
    """There is no cluster to use; the message says what to do."""


class Place(msgspec.Struct, frozen=True):
    """What Ray has set aside for one environment."""

    asked: object
    node: str
    """The node's id, in hexadecimal."""


def connect(address: str) -> None:
    """Connect this process to the cluster: `ray://HOST:PORT`, or `ray` for the one that this machine is a node of.
    Raises ClusterUnavailable. Nothing happens if the process is connected."""
    for name, value in _SETTINGS.items():  # They are read when Ray is imported.
        os.environ.setdefault(name, value)
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ClusterUnavailable(
            "Ray is not installed: pip install 'fogbank[ray]' (it is there for Python 3.11 to 3.13)"
        ) from error
    if ray.is_initialized():
        return
    if address != "ray":
        host, port = client_endpoint(address)
        try:
            socket.create_connection((host, port), _REACH_S).close()
        except OSError as error:
            reason = error.strerror or str(error)
            raise ClusterUnavailable(f"the cluster {address} cannot be reached: {reason}") from error
    try:
        ray.init(
            "auto" if address == "ray" else address,
            namespace="fogbank",
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except ConnectionError as error:
        if address == "ray":
            raise ClusterUnavailable(
                'this machine is no node of a Ray cluster: start one with "ray start --head", '
                "or name one with --compute ray://HOST:10001"
            ) from error
        raise ClusterUnavailable(f"the cluster {address} refuses: {in_one_line(error)}") from error
    except (RuntimeError, ray.exceptions.RayError) as error:  # Other versions of Ray or Python, or no right to enter.
        raise ClusterUnavailable(f"the cluster {address} refuses: {in_one_line(error)}") from error


def disconnect() -> None:
    """Leave the cluster; what this process had there ends. One that does not answer is left to find that out."""
    import ray

    leaving = threading.Thread(target=ray.shutdown, name="fogbank-ray", daemon=True)
    leaving.start()
    leaving.join(_LEAVE_S)
    if leaving.is_alive():
        atexit.unregister(ray.shutdown)  # It would wait for the same.


def client_endpoint(address: str) -> tuple[str, int]:
    parts = urlsplit(address)
    return parts.hostname or "", parts.port or CLIENT_PORT


def own_address(address: str) -> str:
    """Where the cluster's nodes find this machine."""
    if address == "ray":
        import ray

        return str(ray.util.get_node_ip_address())
    host, port = client_endpoint(address)
    family, _, _, _, endpoint = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(endpoint)  # Nothing is sent; the system chooses the address that it would send from.
        return str(probe.getsockname()[0])


def ask_for_place(memory_mb: int) -> object:
    """Have Ray set memory aside, and the share of a processor that goes with it."""
    from ray.util import placement_group

    cpu = max(round(memory_mb / MB_PER_CPU * _CPU_STEPS), 1) / _CPU_STEPS
    return placement_group([{"CPU": cpu, "memory": memory_mb << 20}])


def await_place(asked: Any, wait_s: float) -> Place | None:
    """None if there is no room in that time; Ray goes on looking for it, and a cluster that can grow does."""
    from ray.util import placement_group_table

    if not asked.wait(wait_s):
        return None
    return Place(asked, placement_group_table(asked)["bundles_to_node_id"][0])


def give_up(asked: object) -> None:
    """Let others have it."""
    from ray.util import remove_placement_group

    remove_placement_group(asked)
