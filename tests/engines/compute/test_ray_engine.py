"""What is the Ray engine's own: places, packages, the way back to the server, and what is lost."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fogbank.engines.compute.interface import ComputeEngine, Environment, RuntimeUnavailable
from fogbank.engines.compute.ray import engine as ray_engine
from fogbank.engines.compute.ray import node as ray_node_module
from fogbank.engines.compute.ray.calls import ClusterLost, ask, in_one_line
from fogbank.engines.compute.ray.door import NodeEnd, ServerEnd
from fogbank.engines.compute.ray.packages import UNUSED_MAX, PackageShelf, pack
from fogbank.engines.compute.ray.voice import Ear, Event, Voice
from fogbank.engines.compute.response_stream import WAITING_BYTES_MAX, ResponseStream
from tests.engines.compute.conftest import Engines
from tests.engines.compute.doorway import Doorway
from tests.engines.compute.harness import Harness, Room, answer, call
from tests.engines.compute.ray_cluster import another_node
from tests.patience import PATIENCE_S, eventually

on_ray = pytest.mark.parametrize("engines", ["ray"], indirect=True)
CONSTANT = "def handler(event, context):\n    return 1\n"
# Starts a process that can be found by its argument.
MARKED = (
    "import subprocess, time\n"
    "def handler(event, context):\n"
    "    subprocess.Popen(['sleep', event])\n"
    "    print('started', flush=True)\n"
    "    time.sleep(600)\n"
)
# Two processors: all that a node of the tests has.
WHOLE_NODE_MB = 3538


def runs(mark: str) -> bool:
    """Whether a process with that argument runs on this machine."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark in file.read_text().split("\0"):
                return True
        except OSError:
            continue
    return False


# ---- calls --------------------------------------------------------------------------------------------------------


@on_ray
@pytest.mark.usefixtures("engines")
@pytest.mark.parametrize("says", [ConnectionError("gone"), Exception("Ray Client is not connected."), None])
def test_a_call_that_fails_or_never_ends_has_lost_the_cluster(says: Exception | None) -> None:
    released = threading.Event()

    def work() -> None:
        if says is not None:
            raise says
        released.wait()

    with pytest.raises(ClusterLost, match="does not answer within" if says is None else str(says)):
        asyncio.run(ask(work, within_s=0.01 if says is None else PATIENCE_S))
    released.set()


@on_ray
@pytest.mark.usefixtures("engines")
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("refused: try again\nfurther lines", "refused: try again"),
        ("Failure:\nTraceback (most recent call last):\n  File\nRuntimeError: no room\n", "RuntimeError: no room"),
        ("", "ConnectionError"),
    ],
)
def test_what_a_cluster_says_is_told_in_one_line(text: str, line: str) -> None:
    assert in_one_line(ConnectionError(text)) == line


# ---- packages -----------------------------------------------------------------------------------------------------


@on_ray
def test_code_travels_to_a_node_once_and_again_when_it_has_changed(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed: list[Path] = []

    def counted(folder: Path) -> bytes:
        packed.append(folder)
        return pack(folder)

    monkeypatch.setattr(ray_node_module, "pack", counted)
    spec = harness.spec(CONSTANT)
    assert [answer(harness.invoke(spec, call())[0]) for _ in range(2)] == [1, 1]
    assert packed == [spec.code]
    assert answer(harness.once(CONSTANT.replace("1", "22"))) == 22
    assert packed == [spec.code] * 2


def test_a_package_comes_out_as_it_was_packed(tmp_path: Path) -> None:
    code = tmp_path / "code"
    (code / "empty").mkdir(parents=True)
    (code / "run").write_text("#!/bin/sh")
    (code / "run").chmod(0o755)
    (code / "link").symlink_to("run")
    (tmp_path / "shelf").mkdir()
    shelf = PackageShelf(tmp_path / "shelf")
    shelf.keep("code", pack(code))
    shelf.there("code")
    found = shelf.use("code")
    assert sorted(os.listdir(found)) == ["empty", "link", "run"]
    assert os.access(found / "run", os.X_OK)
    assert os.readlink(found / "link") == "run"
    assert (found / "run").stat().st_mtime == pytest.approx((code / "run").stat().st_mtime)


def test_packages_that_nobody_uses_are_removed_when_there_are_many(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (tmp_path / "shelf").mkdir()
    shelf = PackageShelf(tmp_path / "shelf")
    names = [f"{n:03}" for n in range(UNUSED_MAX + 2)]
    for name in names:
        shelf.keep(name, pack(code))
        shelf.there(name)
        shelf.use(name)
    for name in names[1:]:
        shelf.release(name)
    assert sorted(os.listdir(tmp_path / "shelf")) == [names[0], *names[2:]]


# ---- what an environment says -------------------------------------------------------------------------------------


def test_batches_that_overtake_each_other_are_heard_in_order() -> None:
    async def work() -> list[Event]:
        heard: list[Event] = []
        voice, ear = Voice(), Ear(heard.append)
        voice.log(["first"])
        early = voice.take()
        voice.log(["second"])
        late = voice.take()
        waiting = asyncio.ensure_future(ear.catch_up(late))
        await asyncio.sleep(0)
        assert not heard
        ear.accept(early)
        await waiting
        return heard

    assert asyncio.run(work()) == [("log", ["first"]), ("log", ["second"])]


def test_a_stream_is_read_no_faster_than_it_is_taken() -> None:
    async def work() -> None:
        voice, stream = Voice(), ResponseStream()
        stream.begin("text/plain")
        large = bytes(WAITING_BYTES_MAX)
        for piece in (large, b"more", b"last"):
            stream.feed(piece)
        stream.end()
        passing = asyncio.ensure_future(voice.pass_on(stream))
        first = await voice.next()
        assert first.events == [("begin", "text/plain"), ("chunk", large)]
        assert not passing.done()
        assert (await voice.next()).events == [("chunk", b"more"), ("chunk", b"last")]
        await passing

    asyncio.run(work())


# ---- the way back to the server -----------------------------------------------------------------------------------


@on_ray
def test_a_function_on_a_node_reaches_the_server(engines: Engines, tmp_path: Path) -> None:
    room = Room(lambda: engines.make(tmp_path / "run", Doorway()))
    source = (
        "import socket\n"
        "def handler(event, context):\n"
        "    with socket.create_connection(('127.0.0.1', event)) as connection:\n"
        "        return connection.recv(100).decode()\n"
    )
    try:
        assert answer(Harness(room, tmp_path).once(source, call(Doorway.port))) == "hello from fogbank"
    finally:
        room.close()


@pytest.mark.parametrize(("knows", "said"), [(True, b"hello from fogbank"), (False, b"")])
def test_only_who_knows_the_key_is_let_in(knows: bool, said: bytes) -> None:
    async def work() -> bytes:
        server_end = ServerEnd(Doorway(), "127.0.0.1")
        way = await server_end.way_for_node()
        reader, writer = await asyncio.open_connection(way.host, way.port)
        writer.write(way.key if knows else bytes(len(way.key)))
        heard = await reader.read()
        writer.close()
        server_end.close()
        return heard

    assert asyncio.run(work()) == said


def test_a_server_that_is_gone_is_a_connection_that_ends() -> None:
    async def work() -> bytes:
        server_end = ServerEnd(Doorway(), "127.0.0.1")
        way = await server_end.way_for_node()
        server_end.close()
        listener = socket.create_server(("127.0.0.1", 0))
        serving = await NodeEnd(way).serve(listener)
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        heard = await reader.read()
        writer.close()
        serving.close()
        return heard

    assert asyncio.run(work()) == b""


# ---- places -------------------------------------------------------------------------------------------------------


@on_ray
def test_what_the_cluster_has_no_room_for_is_refused(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_engine, "LOOKS", 1)

    async def work(engine: ComputeEngine) -> None:
        with pytest.raises(RuntimeUnavailable, match="no room for a function of 10240 MB"):
            await engine.create(harness.spec(CONSTANT, memory_mb=10_240), harness.log.extend)

    harness.run(work)


@on_ray
def test_an_environment_waits_for_the_room_that_another_gives_up(harness: Harness) -> None:
    spec = harness.spec(CONSTANT, memory_mb=WHOLE_NODE_MB)

    async def work(engine: ComputeEngine) -> None:
        idle = await engine.create(spec, harness.log.extend)
        second = await engine.create(spec, harness.log.extend, idle.destroy)
        assert not idle.usable
        assert answer(await second.invoke(call())) == 1
        second.destroy()

    harness.run(work)


# ---- what is lost -------------------------------------------------------------------------------------------------


@on_ray
def test_an_invocation_on_a_node_that_dies_has_exited_and_the_next_runs_elsewhere(
    engines: Engines, harness: Harness
) -> None:
    assert engines.cluster is not None

    async def fill(engine: ComputeEngine) -> Environment:
        return await engine.create(harness.spec(CONSTANT, memory_mb=WHOLE_NODE_MB), harness.log.extend)

    first: Environment = harness.run(fill)
    with another_node(engines.cluster) as second_node:

        async def work(engine: ComputeEngine) -> None:
            second = await engine.create(harness.spec(MARKED), harness.log.extend)
            started = asyncio.Event()
            hear = {"started\n": started.set}
            invocation = call("987001", hear=lambda lines: [hear.get(line, int)() for line in lines], timeout_s=600)
            running = asyncio.ensure_future(second.invoke(invocation))
            await asyncio.wait_for(started.wait(), PATIENCE_S)
            os.killpg(second_node.pid, signal.SIGKILL)
            outcome = await running
            assert outcome.ending == "exited"
            assert b"Runtime exited with error: signal: killed" in outcome.payload
            assert not second.usable
            assert first.usable
            first.destroy()
            third = await engine.create(harness.spec(CONSTANT), harness.log.extend)
            assert answer(await third.invoke(call())) == 1
            third.destroy()

        harness.run(work)
    eventually(lambda: not runs("987001"))


SERVER_TO_KILL = """
import asyncio, sys
from pathlib import Path
from fogbank.engines.compute.interface import FunctionSpec, Invocation
from fogbank.engines.compute.ray.cluster import connect
from fogbank.engines.compute.ray.engine import RayEngine

async def main():
    engine = RayEngine("ray", int)
    spec = FunctionSpec(
        code=Path(sys.argv[1]), handler="app.handler", runtime="python3.12", environment={}, memory_mb=128
    )
    environment = await engine.create(spec, lambda lines: print(*lines, flush=True))
    call = Invocation(request_id="r", payload=b'"987002"', function_arn="a", timeout_s=600)
    await environment.invoke(call)

connect("ray")
asyncio.run(main())
"""


@on_ray
def test_nothing_is_left_on_the_nodes_of_a_server_that_was_killed(harness: Harness) -> None:
    command = [sys.executable, "-c", SERVER_TO_KILL, str(harness.spec(MARKED).code)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert any("started" in line for line in server.stdout)
        assert runs("987002")
        server.kill()
    eventually(lambda: not runs("987002"))


@on_ray
def test_a_destroyed_environment_leaves_no_process_on_its_node(harness: Harness) -> None:
    async def work(environment: Environment) -> None:
        started = asyncio.Event()
        hear = {"started\n": started.set}
        invocation = call("987003", hear=lambda lines: [hear.get(line, int)() for line in lines], timeout_s=600)
        running = asyncio.ensure_future(environment.invoke(invocation))
        await asyncio.wait_for(started.wait(), PATIENCE_S)
        environment.destroy()
        assert (await running).ending == "exited"
        await environment.until_removed()

    harness.with_environment(harness.spec(MARKED), work)
    eventually(lambda: not runs("987003"))
