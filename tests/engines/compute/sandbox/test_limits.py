"""Functions that take all they can get: what stops them, and that it goes on behind them."""

import json

import pytest

from fogbank.engines.compute.cgroups import ControlGroups
from fogbank.engines.compute.environment import ProcessEnvironment
from fogbank.engines.compute.interface import ComputeEngine
from tests.engines.compute.harness import Harness
from tests.engines.compute.sandbox.outside import group_folders
from tests.engines.compute.sandbox.puppet import PUPPET, act, get


def test_a_fork_bomb_is_stopped_by_its_limit_and_its_environment_serves_on(harness: Harness) -> None:
    bomb = """
    os.mkfifo("/tmp/never")
    script = "n=0; while :; do (read x < /tmp/never) & n=$((n + 1)); echo $n; done"
    with open("/tmp/counted", "w+") as counted:
        bomb = subprocess.run(["sh", "-c", script], stdout=counted, stderr=subprocess.DEVNULL)
    counts = open("/tmp/counted").read().split()
    got = [int(counts[-1]), bomb.returncode != 0]
    """
    (processes, ended), after = get(harness, bomb, "got = 'still here'")
    assert 900 < processes < 1024
    assert ended
    assert after == "still here"


@pytest.mark.parametrize("how", ["kept = b'x' * (400 << 20)", "p = [bytearray(b'x' * (1 << 20)) for _ in range(400)]"])
def test_memory_beyond_the_limit_ends_the_function(harness: Harness, how: str) -> None:
    (outcome,) = harness.invoke(harness.spec(PUPPET, memory_mb=128), act(f"{how}\ntime.sleep(60)"))
    assert outcome.ending == "out_of_memory"
    assert json.loads(outcome.payload)["errorType"] == "Runtime.OutOfMemory"


def test_memory_of_children_counts(harness: Harness) -> None:
    source = """
    for _ in range(4):
        if os.fork() == 0:
            kept = b'x' * (60 << 20)
            time.sleep(60)
    time.sleep(60)
    """
    if "memory" not in ControlGroups.find().places:
        pytest.skip("this machine has no control group for memory")
    (outcome,) = harness.invoke(harness.spec(PUPPET, memory_mb=128), act(source))
    assert outcome.ending == "out_of_memory"


def test_tmp_has_its_size_and_is_no_memory_of_the_function(harness: Harness) -> None:
    fill = """
    got = 0
    try:
        with open("/tmp/big", "wb", buffering=0) as file:
            while True:
                got += file.write(b"x" * (1 << 20))
    except OSError as error:
        got = [got >> 20, errno.errorcode[error.errno]]
    """
    filled, after = get(harness, fill, "os.unlink('/tmp/big'); got = open('/tmp/small', 'w').write('x')",
                        memory_mb=128, ephemeral_mb=256)  # fmt: skip
    assert filled[0] in range(250, 257)
    assert filled[1] in ("ENOSPC", "EFBIG")
    assert after == 1


def test_who_is_not_trusted_gets_no_more_than_its_share_of_the_processors(harness: Harness) -> None:
    async def work(engine: ComputeEngine) -> list[str]:
        quotas = []
        for untrusted in (False, True):
            environment = await engine.create(
                harness.spec(PUPPET, memory_mb=128, untrusted=untrusted), harness.log.extend
            )
            assert isinstance(environment, ProcessEnvironment)
            await environment.invoke(act("got = 1"))
            (pid,) = environment.pids()
            quotas += [
                (folder / file).read_text().split()[0]
                for folder in set(group_folders(pid))
                for file in ("cpu.cfs_quota_us", "cpu.max")
                if (folder / file).exists()
            ]
        return quotas

    if ControlGroups.find().lacks():
        pytest.skip("this machine runs nobody who is not trusted")
    assert harness.run(work) in (["-1", "7235"], ["max", "7235"])  # Of 100,000 microseconds, for 128 of 1,769 MB.


def test_open_files_and_dumps_of_memory_have_limits(harness: Harness) -> None:
    (limits,) = get(
        harness,
        """
        files = []
        try:
            while True:
                files.append(os.open("/dev/null", os.O_RDONLY))
        except OSError as error:
            got = [len(files) + 8 > 1000, errno.errorcode[error.errno]]
        for file in files:
            os.close(file)
        got.append(resource.getrlimit(resource.RLIMIT_CORE)[1])
        """,
    )
    assert limits == [True, "EMFILE", 0]


@pytest.mark.parametrize("harness", ["initialized"], indirect=True)
def test_a_flood_of_output_ends_and_the_environment_serves_on(harness: Harness) -> None:
    _, after = get(harness, "for _ in range(20): sys.stdout.write('x' * 1_000_000 + '\\n')", "got = 1")
    assert after == 1
    assert sum(map(len, harness.log)) < 17 << 20


def test_the_runtime_api_takes_no_endless_heads_and_no_thousands_of_connections(harness: Harness) -> None:
    endless = """
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    got = {}
    chunked = b"POST /2018-06-01/runtime/init/error HTTP/1.1\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n"
    for name, start in (("header", b"GET / HTTP/1.1\\r\\nX: "), ("path", b"GET /"), ("trailer", chunked + b"X: ")):
        connection = socket.create_connection((host, int(port)))
        sent = 0
        try:
            connection.sendall(start)
            while sent < 64:
                connection.sendall(b"x" * (1 << 20))
                sent += 1
        except OSError:
            pass
        got[name] = sent < 64
    """
    many = """
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    open_ones = [socket.create_connection((host, int(port))) for _ in range(400)]
    alive = 0
    for connection in open_ones:
        try:
            connection.sendall(b"GET /nothing HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
            alive += connection.recv(10) != b""
        except OSError:
            pass
        connection.close()
    got = alive
    """
    heads, alive, after = get(harness, endless, many, "got = 1")
    assert heads == {"header": True, "path": True, "trailer": True}
    assert 0 < alive < 128
    assert after == 1


def test_the_runtime_api_keeps_no_more_than_an_answer_and_writes_no_more_than_is_read(harness: Harness) -> None:
    bodies = """
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    connections = []
    for _ in range(20):
        connections.append(socket.create_connection((host, int(port))))
        path = f"/2018-06-01/runtime/invocation/{context.aws_request_id}/response"
        try:
            connections[-1].sendall(f"POST {path} HTTP/1.1\\r\\nContent-Length: 6000000\\r\\n\\r\\n".encode())
            connections[-1].sendall(b"x" * 5_999_999)
        except OSError:
            pass
        connections[-1].setblocking(False)

    def is_open(connection):
        try:
            return connection.recv(1) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    while sum(map(is_open, connections)) > 2:
        time.sleep(0.01)
    """
    answers = """
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.settimeout(1)
        sent, many = 0, b"GET /nothing HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" * 10_000
        try:
            while sent < 200:
                connection.sendall(many)
                sent += 1
        except OSError:
            pass
    got = sent
    """
    upgrade = """
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"GET / HTTP/1.1\\r\\nConnection: Upgrade\\r\\nUpgrade: h2c\\r\\n\\r\\n")
        try:
            while connection.recv(1000): pass
            got = "closed"
        except ConnectionError:
            got = "closed"
    """
    _, read, closed, after = get(harness, bodies, answers, upgrade, "got = 1")
    assert read < 200
    assert closed == "closed"
    assert after == 1
