"""Whom a function reaches."""

import asyncio
import os
from typing import Any

import pytest

from fogbank.engines.compute.interface import ComputeEngine, Environment
from tests.engines.compute.harness import Harness, answer
from tests.engines.compute.sandbox.puppet import PUPPET, act

CONNECT = """
def reach(address, family=socket.AF_INET):
    with socket.socket(family) as connection:
        connection.settimeout(5)
        try:
            connection.connect(address)
            return connection.recv(100).decode()
        except OSError as error:
            return errno.errorcode.get(error.errno, str(error))
"""


@pytest.mark.parametrize(
    ("network", "fogbank", "loopback"),
    [
        ("cloud", "hello from fogbank", "ECONNREFUSED"),
        ("none", "ECONNREFUSED", "ECONNREFUSED"),
        ("full", None, "machine"),
    ],
)
def test_a_network_reaches_what_it_says(harness: Harness, network: str, fogbank: str | None, loopback: str) -> None:
    async def work(environment: Environment) -> Any:
        async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"machine")
            writer.close()

        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        abstract = await asyncio.start_unix_server(greet, f"\0fogbank-test-{os.getpid()}")
        async with server, abstract:
            port = server.sockets[0].getsockname()[1]
            source = CONNECT + (
                f"got = [reach(('127.0.0.1', 4566)), reach(('127.0.0.1', {port})), reach(('192.0.2.1', 80)),"
                f" reach('\\0fogbank-test-{os.getpid()}', socket.AF_UNIX)]"
            )
            if network == "full":
                source = CONNECT + f"got = [None, reach(('127.0.0.1', {port})), None, None]"
            return answer(await environment.invoke(act(source)))

    seen = harness.with_environment(harness.spec(PUPPET, network=network), work)
    assert seen[:2] == [fogbank, loopback]
    if network != "full":
        assert seen[2] in ("ENETUNREACH", "EACCES")
        assert seen[3] in ("ECONNREFUSED", "EPERM")


def test_two_environments_cannot_reach_each_other(harness: Harness) -> None:
    async def work(engine: ComputeEngine) -> list[Any]:
        first, second = [await engine.create(harness.spec(PUPPET), harness.log.extend) for _ in range(2)]
        leave = """
        kept["tcp"] = socket.create_server(("127.0.0.1", 8888))
        kept["unix"] = socket.socket(socket.AF_UNIX)
        kept["unix"].bind("\\0mine")
        kept["unix"].listen()
        got = [call(29, 4242, 4096, 0o1666) >= 0, open("/tmp/note", "w").write("x")]
        """
        look = CONNECT + (
            "got = [reach(('127.0.0.1', 8888)), reach('\\0mine', socket.AF_UNIX), call(29, 4242, 4096, 0),"
            " os.path.exists('/tmp/note')]"
        )
        left = answer(await first.invoke(act(leave)))
        found = answer(await second.invoke(act(look)))
        first.destroy()
        second.destroy()
        return [left, found]

    left, found = harness.run(work)
    assert left == [True, 1]
    assert found == ["ECONNREFUSED", "ECONNREFUSED", "ENOENT", False]
