"""The servers that are compared: each in an environment and a process of its own, one at a time."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("FOGBANK_BENCH_CACHE", Path.home() / ".cache" / "fogbank-bench"))
READY_S = 60.0

# The first request of every server: a plain, small, signed SQS call.
FIRST_REQUEST = (
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.0\r\n"
    b"X-Amz-Target: AmazonSQS.ListQueues\r\nX-Amz-Date: 20260101T000000Z\r\n"
    b"Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, "
    b"SignedHeaders=host;x-amz-date, Signature=0\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
)


@dataclass(frozen=True)
class Peer:
    """A server under test: what pip installs for it, or the program that it is, and how it is started."""

    name: str
    requirement: str
    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    label: str = ""
    program: str = ""
    package: str = ""
    """What npm installs for it."""
    files: tuple[tuple[str, str], ...] = ()
    """What lies in its folder when it starts: names and contents."""
    groups: tuple[str, ...] | None = None
    """What it is measured by, if not by everything."""
    first_request: bytes = FIRST_REQUEST

    @property
    def ours(self) -> bool:
        return not self.requirement and not self.program


FOGBANK_UP = (
    "{python}",
    "-m",
    "fogbank",
    "up",
    "--port",
    "{port}",
    "--data",
    "{data}",
    "--log-level",
    "warning",
)

# The raw limit of moving bodies: a plain file server, which takes PUT as well.
NGINX_CONF = """
worker_processes 1;
pid {data}/nginx.pid;
error_log {data}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    client_max_body_size 0;
    client_body_temp_path {data}/uploads;
    server {{
        listen 127.0.0.1:{port};
        location = / {{ return 200; }}
        location / {{ root {data}/files; dav_methods PUT DELETE; create_full_put_path on; }}
    }}
}}
"""

PEERS = (
    Peer("fogbank", "", (*FOGBANK_UP, "--sync", "process"), label="Fogbank, --sync process"),
    Peer("fogbank-disk", "", (*FOGBANK_UP, "--sync", "disk"), label="Fogbank, --sync disk"),
    Peer(
        "ministack",
        "ministack==1.5.33 cryptography",
        ("{bin}/ministack",),
        (("GATEWAY_PORT", "{port}"), ("LAMBDA_EXECUTOR", "local"), ("LOG_LEVEL", "ERROR")),
        label="ministack 1.5.33",
    ),
    Peer(
        "moto",
        "moto[server,all]",
        ("{bin}/moto_server", "-H", "127.0.0.1", "-p", "{port}"),
        label="moto server",
    ),
    Peer(
        "kinesalite",
        "",
        ("{modules}/.bin/kinesalite", "--port", "{port}", "--shardLimit", "500"),
        label="kinesalite 3.3.3",
        program="npm",
        package="kinesalite@3.3.3",
        groups=("kinesis",),
        first_request=FIRST_REQUEST.replace(b"AmazonSQS.ListQueues", b"Kinesis_20131202.ListStreams")
        .replace(b"amz-json-1.0", b"amz-json-1.1")
        .replace(b"/sqs/", b"/kinesis/"),
    ),
    Peer(
        "nginx",
        "",
        ("nginx", "-c", "{data}/nginx.conf", "-g", "daemon off; user root;"),
        label="nginx, files only",
        program="nginx",
        files=(("nginx.conf", NGINX_CONF),),
        groups=("s3",),
        first_request=b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    ),
)


def python_of(peer: Peer) -> Path:
    """The interpreter of the peer's own environment, made at first use."""
    if not peer.requirement:
        _compile()
        return Path(sys.executable)
    folder = CACHE / peer.name
    marker = folder / "installed"
    if not marker.exists() or marker.read_text() != peer.requirement:
        print(f"Installing {peer.requirement} into {folder} ...", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run(
            [folder / "bin" / "python", "-m", "pip", "install", "-q", *peer.requirement.split(), "setuptools<81"],
            check=True,
        )
        marker.write_text(peer.requirement)
    return folder / "bin" / "python"


def modules_of(peer: Peer) -> Path:
    """Where its npm package is, installed at first use."""
    folder = CACHE / peer.name
    marker = folder / "installed"
    if peer.package and (not marker.exists() or marker.read_text() != peer.package):
        print(f"Installing {peer.package} into {folder} ...", file=sys.stderr)
        subprocess.run(["npm", "install", "--silent", "--prefix", folder, peer.package], check=True)
        marker.write_text(peer.package)
    return folder / "node_modules"


def _compile() -> None:
    """Write Fogbank's bytecode, as pip does for what it installs: nobody's start is measured with Python's compiler."""
    subprocess.run([sys.executable, "-m", "compileall", "-q", ROOT / "src"], check=True)


@dataclass
class Running:
    """A started server."""

    peer: Peer
    port: int
    process: subprocess.Popen[bytes]
    ready_ms: float

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu_s(self) -> float:
        """Processor time that the server and all its descendants have used."""
        return sum(_cpu_s(pid) for pid in _tree(self.process.pid))

    def memory_mb(self) -> float:
        """Proportional set size of the server and all its descendants."""
        return sum(_memory_kb(pid, "Pss:") for pid in _tree(self.process.pid)) / 1024

    def peak_memory_mb(self) -> float:
        """The most memory that was resident at any time, mapped files included, summed over all processes."""
        return sum(_peak_kb(pid) for pid in _tree(self.process.pid)) / 1024

    def anonymous_mb(self) -> float:
        """As `memory_mb` without mapped files: pages of the store are the system's cache, not the server's memory."""
        return sum(_memory_kb(pid, "Pss_Anon:") for pid in _tree(self.process.pid)) / 1024


@contextlib.contextmanager
def running(peer: Peer) -> Iterator[Running]:
    """Start the server on a free port and a fresh folder; its whole process group ends with the block."""
    python = python_of(peer)
    port = _free_port()
    data = Path(tempfile.mkdtemp(prefix=f"bench-{peer.name}-"))
    values = {"python": str(python), "bin": str(python.parent), "port": str(port), "data": str(data)}
    values["modules"] = str(modules_of(peer))
    environment = dict(os.environ)
    environment.pop("AWS_PROFILE", None)
    for name, value in (("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), *peer.environment):
        environment[name] = value.format(**values)
    if peer.ours:
        environment["PYTHONPATH"] = str(ROOT / "src")
    command = [part.format(**values) for part in peer.command]
    for name, contents in peer.files:
        (data / name).write_text(contents.format(**values))
    log = (data / "server.log").open("wb")
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, cwd=data, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        _await_answer(process, port, data / "server.log", peer.first_request)
        yield Running(peer, port, process, (time.perf_counter() - started) * 1000)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.close()
        shutil.rmtree(data, ignore_errors=True)


def _await_answer(process: subprocess.Popen[bytes], port: int, log: Path, request: bytes) -> None:
    deadline = time.perf_counter() + READY_S
    while time.perf_counter() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}: {log.read_text()[-500:]}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(request)
                if connection.recv(4096)[9:12] == b"200":
                    return
        except OSError:
            pass
        time.sleep(0.002)
    raise RuntimeError(f"{process.args!r} did not answer within {READY_S} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _tree(pid: int) -> list[int]:
    found = [pid]
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = thread.read_text().split()
        except OSError:  # The thread has ended since.
            continue
        for child in children:
            found += _tree(int(child))
    return found


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_kb(pid: int, kind: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(kind))


def _peak_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
