"""Connects to what listens on the machine beside the cloud's endpoint."""

import socket


def handler(inputs, platform):
    for host in ("127.0.0.1", "127.0.0.2", "localhost"):
        try:
            with socket.create_connection((host, inputs["target"]["port"]), timeout=1) as connection:
                connection.sendall(b"breached\n")
                return {"result": {"breached": True, "seen": f"{host} answered"}}
        except OSError:
            continue
    return {"result": {"breached": False, "seen": "nothing could be reached"}}
