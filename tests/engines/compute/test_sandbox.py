"""Functions that try to break out, and one that tries everything which it is to be able to do.

Each act answers with what it got. What it must not get is asserted; that it could be had outside is asserted beside it
where that costs nothing.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fogbank.engines.compute.cgroups import ControlGroups
from fogbank.engines.compute.environment import ProcessEnvironment
from fogbank.engines.compute.interface import ComputeEngine, Environment, Outcome, RuntimeUnavailable
from fogbank.engines.compute.process import ProcessEngine
from tests.engines.compute.doorway import Doorway
from tests.engines.compute.harness import NOW_MS, Harness, Room, answer, call
from tests.patience import PATIENCE_S, eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sandboxes are there on Linux only")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("engine") / "run"
    room = Room(lambda: ProcessEngine(folder, lambda: NOW_MS, Doorway()))
    yield room
    room.close()


@pytest.fixture
def harness(room: Room, tmp_path: Path) -> Harness:
    return Harness(room, tmp_path)


# Runs the event as Python, and answers with what it leaves in `got`, or with the error.
PUPPET = """
import ctypes, errno, json, os, resource, socket, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
kept = {}

def call(number, *arguments):
    result = libc.syscall(number, *arguments)
    return errno.errorcode[ctypes.get_errno()] if result < 0 else result

def handler(event, context):
    scope = {**globals(), "got": None}
    scope["context"] = context
    try:
        exec(event, scope)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return scope["got"]
"""


def act(source: str, **options: Any) -> Any:
    return call(textwrap.dedent(source), timeout_s=PATIENCE_S, **options)


def get(harness: Harness, *acts: str, **options: Any) -> list[Any]:
    """What the acts of one environment gave."""
    outcomes = harness.invoke(harness.spec(PUPPET, **options), *map(act, acts))
    return [answer(outcome) for outcome in outcomes]


def test_a_function_finds_what_it_finds_on_aws(harness: Harness) -> None:
    (seen,) = get(
        harness,
        """
        open("/tmp/own", "w").write("x" * 100_000)
        import boto3, decimal, sqlite3, tempfile, zoneinfo
        got = {
            "task": [os.getcwd(), sorted(name for name in os.listdir("/var/task") if name[0] != "_")],
            "user": [os.getuid(), os.getgid(), os.environ.get("HOME"), tempfile.gettempdir()],
            "api": os.environ["AWS_LAMBDA_RUNTIME_API"],
            "own": os.path.getsize("/tmp/own"),
            "threads": [thread.start() for thread in [threading.Thread(target=print)]],
            "shell": subprocess.run("echo $((1 + 1)) | cat; id -u", shell=True, capture_output=True, text=True).stdout,
            "local": socket.gethostbyname("bucket.s3.localhost"),
            "self": os.readlink("/proc/self/exe") != "",
        }
        """,
    )
    assert seen == {
        "task": ["/var/task", ["app.py"]],
        "user": [993, 990, None, "/tmp"],
        "api": "127.0.0.1:9001",
        "own": 100_000,
        "threads": [None],
        "shell": "2\n993\n",
        "local": "127.0.0.1",
        "self": True,
    }


def test_layers_are_merged_in_opt_and_the_last_one_wins(harness: Harness) -> None:
    layers = []
    for name in ("first", "second"):
        layer = harness.folder / name
        (layer / "python").mkdir(parents=True)
        (layer / "python" / "shared.py").write_text(f"which = {name!r}")
        (layer / f"{name}.txt").write_text(name)
        layers.append(layer)
    (seen,) = get(harness, 'import shared; got = [shared.which, sorted(os.listdir("/opt"))]', layers=tuple(layers))
    assert seen == ["second", ["first.txt", "python", "second.txt"]]


# ---- files ------------------------------------------------------------------------------------------------------


def test_nothing_of_the_machine_is_there_but_its_programs(harness: Harness, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s")
    secret.chmod(0o644)
    hidden = (str(secret), str(tmp_path), os.path.abspath(__file__), "/root/.bashrc", "/srv", "/var/log", "/etc/shadow",
              "/etc/hostname", "/sys/kernel", "/run", "/boot", "/mnt")  # fmt: skip
    visible, settings = get(
        harness, f"got = [path for path in {hidden} if os.path.exists(path)]", "got = open('/etc/passwd').read()"
    )
    assert visible == []
    assert "sbx_user1051:x:993:990:" in settings
    assert secret.exists()


def test_files_can_be_written_in_tmp_only(harness: Harness) -> None:
    (written,) = get(
        harness,
        """
        got = []
        for folder in ("/", "/var/task", "/opt", "/var/runtime", "/usr/bin", "/etc", "/dev", "/proc", "/tmp"):
            try:
                open(folder + "/mine", "w").close()
                got.append(folder)
            except OSError:
                pass
        for file in ("/proc/sysrq-trigger", "/proc/self/oom_score_adj", "/proc/sys/kernel/core_pattern", "/etc/hosts",
                     "/proc/self/uid_map", "/var/task/app.py", "/usr/bin/env"):
            try:
                open(file, "r+").write("1000")
                got.append(file)
            except OSError:
                pass
        """,
    )
    assert written == ["/tmp"]


def test_the_code_of_a_function_stays_as_it_was_deployed(harness: Harness) -> None:
    before = sorted(path.name for path in harness.spec(PUPPET).code.iterdir())
    get(harness, "import app, compileall; compileall.compile_dir('/var/task', quiet=2)")
    assert sorted(path.name for path in harness.spec(PUPPET).code.iterdir()) == before


def test_a_link_out_of_the_code_leads_nowhere(harness: Harness, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    spec = harness.spec(PUPPET)
    (spec.code / "link").symlink_to(tmp_path / "secret")
    (spec.code / "up").symlink_to("../../../../../../../../boot")
    (outcome,) = harness.invoke(spec, act("got = [os.path.lexists('up'), *map(os.path.exists, ('up', 'link'))]"))
    assert answer(outcome) == [True, False, False]
    assert (spec.code / "link").exists()


# ---- the machine's rights ---------------------------------------------------------------------------------------

# name: arguments of a call that works for root outside, or would without the filter
X86_CALLS = {
    "mount": "165, b'none', b'/tmp', b'tmpfs', 0, None", "umount": "166, b'/tmp', 2",
    "pivot_root": "155, b'/tmp', b'/tmp'", "chroot": "161, b'/tmp'", "fsopen": "430, b'tmpfs', 0",
    "move_mount": "429, -1, b'', -1, b'', 0", "unshare user": "272, 0x10000000", "unshare mount": "272, 0x20000",
    "setns": "308, 0, 0", "clone user": "56, 0x10000011, 0, 0, 0, 0", "ptrace": "101, 0, 0, 0, 0",
    "process_vm_readv": "310, os.getpid(), None, 0, None, 0, 0", "keyctl": "250, 0, -3, 0",
    "add_key": "248, 0, 0, 0, 0, 0", "bpf": "321, 0, None, 0", "perf_event_open": "298, None, 0, -1, -1, 0",
    "userfaultfd": "323, 0", "io_uring_setup": "425, 1, None", "init_module": "175, None, 0, b''",
    "kexec_load": "246, 0, 0, None, 0", "reboot": "169, 0", "swapon": "167, b'/tmp/s', 0", "syslog": "103, 3, None, 0",
    "sethostname": "170, b'x', 1", "settimeofday": "164, None, None", "iopl": "172, 3", "personality": "135, 0x40000",
    "open_by_handle_at": "304, -100, None, 0", "mknod of a disk": "133, b'/tmp/disk', 0o60644, 0x700",
    "memfd_secret": "447, 0",
}  # fmt: skip


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of calls are those of x86_64")
def test_calls_that_administer_a_machine_are_refused(harness: Harness) -> None:
    calls = "\n".join(f"got[{name!r}] = call({arguments})" for name, arguments in X86_CALLS.items())
    # A call that no table knows, the replacement of clone, and the other set of numbers (x32).
    more = "got['newest'] = call(500)\ngot['clone3'] = call(435, None, 0)\ngot['x32'] = call(0x40000000 + 165)"
    (got,) = get(harness, f"got = {{}}\n{calls}\n{more}")
    unknown = {"newest": "ENOSYS", "clone3": "ENOSYS", "x32": "ENOSYS"}
    assert got == dict.fromkeys(X86_CALLS, "EPERM") | unknown


def test_sockets_of_the_kernel_cannot_be_made(harness: Harness) -> None:
    (families,) = get(
        harness,
        """
        got = {}
        for name, family in (("alg", 38), ("vsock", 40), ("packet", 17), ("key", 15), ("bluetooth", 31), ("inet", 2)):
            try:
                socket.socket(family, socket.SOCK_DGRAM if family != 38 else socket.SOCK_SEQPACKET).close()
                got[name] = "made"
            except OSError as error:
                got[name] = errno.errorcode[error.errno]
        try:
            socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
        except OSError as error:
            got["raw"] = errno.errorcode[error.errno]
        """,
    )
    refused = dict.fromkeys(("alg", "vsock", "packet", "key", "bluetooth"), "EAFNOSUPPORT")
    assert families == refused | {"inet": "made", "raw": "EPERM"}


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the instruction is one of x86_64")
def test_a_call_in_another_architectures_way_ends_the_process(harness: Harness) -> None:
    (status,) = get(
        harness,
        """
        import mmap
        pid = os.fork()
        if pid == 0:
            page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
            page.write(bytes.fromhex("53 b8 15 00 00 00 31 db cd 80 5b c3"))  # mount, by int 0x80
            ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
            os._exit(0)
        got = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        """,
    )
    assert status == -31  # SIGSYS


def test_no_descriptor_of_the_server_or_the_zygote_comes_along(harness: Harness, tmp_path: Path) -> None:
    """Whatever number it has: where many are open, the zygote's line to the server has a high one."""
    look = """
        got = {}
        for name in os.listdir("/proc/self/fd"):
            try:
                got[int(name)] = os.readlink(f"/proc/self/fd/{name}").partition(":")[0]
            except OSError:
                pass
    """
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1200)]
    room = Room(lambda: ProcessEngine(tmp_path / "run", lambda: NOW_MS, Doorway()))
    try:
        (seen,) = get(Harness(room, tmp_path), look)
    finally:
        room.close()
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert seen.pop("0") == "/dev/null"
    assert [seen.pop("1"), seen.pop("2")] == ["pipe", "pipe"]
    assert list(seen.values()) == ["socket"]  # The runtime's connection to its API.


def test_there_are_no_rights_and_none_to_be_had(harness: Harness) -> None:
    status, setuid = get(
        harness,
        """
        lines = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
        got = {name: lines[name].strip() for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")}
        """,
        """
        import stat
        got = []
        for name in ("/usr/bin/su", "/usr/bin/mount", "/usr/bin/passwd", "/bin/su"):
            if os.path.exists(name) and os.stat(name).st_mode & stat.S_ISUID:
                got.append(subprocess.run([name, "--version"], capture_output=True).returncode is not None)
                os.system(f"{name} -c id root > /tmp/out 2>&1 < /dev/null")
                got.append("uid=0" in open("/tmp/out").read())
        for change in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0])):
            try:
                change()
                got.append("changed")
            except OSError:
                pass
        """,
    )
    none = "0" * 16
    assert status == {"CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none, "NoNewPrivs": "1", "Seccomp": "2"}
    assert "changed" not in setuid
    assert setuid[1::2] == [False] * (len(setuid) // 2)


# ---- processes --------------------------------------------------------------------------------------------------


def test_no_process_of_others_is_there(harness: Harness) -> None:
    async def work(environment: Environment) -> Any:
        server = os.getpid()
        return answer(
            await environment.invoke(
                act(
                    f"""
                    got = {{"processes": sorted(int(name) for name in os.listdir("/proc") if name.isdigit())}}
                    got["own"] = os.getpid()
                    for name, pid in (("server", {server}), ("init", 1)):
                        got[name] = []
                        for file in ("environ", "maps", "mem", "root/etc/passwd", "cwd/x", "fd/3"):
                            try:
                                open(f"/proc/{{pid}}/{{file}}", "rb").read(1)
                                got[name].append(file)
                            except OSError:
                                pass
                        try:
                            os.kill(pid, 9)
                            got[name].append("killed")
                        except OSError as error:
                            got[name].append(errno.errorcode[error.errno])
                    """
                )
            )
        )

    seen = harness.with_environment(harness.spec(PUPPET), work)
    assert seen["processes"] == [1, seen["own"]]
    assert seen["server"] == ["ESRCH"]
    # The kernel takes a SIGKILL for the first process of a namespace and drops it, as it came from inside.
    assert seen["init"] == ["killed"]


def test_a_forked_process_has_no_secret_of_another_function_in_its_memory(harness: Harness) -> None:
    secret = "TENANT-" + "A-SECRET"
    search = """
    needle = b"TENANT-" + b"A-SECRET"
    got = 0
    memory = open("/proc/self/mem", "rb", buffering=0)
    for line in open("/proc/self/maps"):
        area, rights = line.split()[:2]
        first, last = (int(part, 16) for part in area.split("-"))
        if rights.startswith("rw"):
            try:
                memory.seek(first)
                got += memory.read(last - first).count(needle)
            except (OSError, OverflowError, ValueError):
                pass
    """

    async def work(engine: ComputeEngine) -> list[Any]:
        found = []
        environments = []
        for variables in ({"SECRET": secret}, {}):
            environment = await engine.create(harness.spec(PUPPET, environment=variables), harness.log.extend)
            environments.append(environment)
            found.append(answer(await environment.invoke(act(search))))
        for environment in environments:
            environment.destroy()
        return found

    own, others = harness.run(work)
    assert own > 1  # The search itself has the secret in two halves only.
    assert others <= 1


def test_what_a_function_leaves_running_ends_with_its_environment(harness: Harness) -> None:
    daemon = """
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.closerange(0, 3)
        while True:
            time.sleep(0.05)
    os.wait()
    """

    async def work(environment: Environment) -> set[str]:
        assert isinstance(environment, ProcessEnvironment)
        await environment.invoke(act(daemon))
        function, *_ = environment.pids()
        before = processes_in_namespace_of(function)
        assert len(before) >= 2  # The function and its daemon, and init for who may look at it.
        return before

    processes = harness.with_environment(harness.spec(PUPPET), work)
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in processes))


def processes_in_namespace_of(pid: int) -> set[str]:
    namespace = os.readlink(f"/proc/{pid}/ns/pid")
    found = set()
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.readlink(f"/proc/{name}/ns/pid") == namespace:
                found.add(name)
        except OSError:
            continue
    return found


def test_nothing_runs_between_invocations(harness: Harness) -> None:
    async def work(environment: Environment) -> tuple[int, int, int]:
        assert isinstance(environment, ProcessEnvironment)
        start = """
        def count():
            while True:
                kept["n"] = kept.get("n", 0) + 1
                time.sleep(0.001)
        threading.Thread(target=count, daemon=True).start()
        """
        await environment.invoke(act(start))
        (pid,) = environment.pids()
        await stopped(pid)
        first = ticks(pid)
        await asyncio.sleep(0.1)
        second = ticks(pid)
        again = answer(await environment.invoke(act("before = kept['n']\nwhile kept['n'] == before: pass\ngot = 1")))
        return first, second, again

    first, second, again = harness.with_environment(harness.spec(PUPPET), work)
    assert first == second
    assert again == 1


async def stopped(pid: int) -> None:
    for _ in range(1000):
        before = ticks(pid)
        await asyncio.sleep(0.05)
        if ticks(pid) == before:
            return
    raise AssertionError("it runs on")


def ticks(pid: int) -> int:
    """How often its threads gave up the processor."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        status = (task / "status").read_text()
        total += sum(int(line.split()[1]) for line in status.splitlines() if "ctxt_switches" in line)
    return total


# ---- network ----------------------------------------------------------------------------------------------------

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


# ---- limits -----------------------------------------------------------------------------------------------------


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


def test_a_flood_of_output_ends_and_the_environment_serves_on(harness: Harness) -> None:
    _, after = get(harness, "for _ in range(40): sys.stdout.write('x' * 1_000_000 + '\\n')", "got = 1")
    assert after == 1
    assert sum(map(len, harness.log)) < 20 << 20


# ---- what the machine gives -------------------------------------------------------------------------------------


async def run_untrusted(engine: ComputeEngine, harness: Harness) -> Outcome | str:
    """How its invocation ended, or why there was none."""
    try:
        environment = await engine.create(harness.spec(PUPPET, untrusted=True), harness.log.extend)
    except RuntimeUnavailable as error:
        return str(error)
    outcome = await environment.invoke(act("got = 1"))
    environment.destroy()
    return outcome


REFUSAL = "This machine cannot isolate functions that are not trusted: "


def test_an_untrusted_function_runs_where_nothing_is_missing_and_is_refused_elsewhere(harness: Harness) -> None:
    given = harness.run(lambda engine: run_untrusted(engine, harness))
    if isinstance(given, str):
        assert given.startswith(f"{REFUSAL}no ")
    else:
        assert answer(given) == 1


def test_without_control_groups_only_trusted_functions_run(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ControlGroups, "find", lambda: ControlGroups({}))
    room = Room(lambda: ProcessEngine(tmp_path / "run", lambda: NOW_MS))
    try:
        poor = Harness(room, tmp_path)
        refusal = poor.run(lambda engine: run_untrusted(engine, poor))
        assert refusal.startswith(f"{REFUSAL}no control group for memory (it is watched ten times a second); no ")
        (outcome,) = poor.invoke(poor.spec(PUPPET, memory_mb=128), act("kept = b'x' * (300 << 20)\ntime.sleep(60)"))
        assert outcome.ending == "out_of_memory"
    finally:
        room.close()


def test_without_sandboxes_trusted_functions_run_as_plain_processes(harness: Harness, tmp_path: Path) -> None:
    def make() -> ProcessEngine:
        engine = ProcessEngine(tmp_path / "run", lambda: NOW_MS)
        engine._zygote(sys.executable)
        (tmp_path / "run" / "root-0").rmdir()  # There is nowhere to make one.
        return engine

    room = Room(make)
    try:
        poor = Harness(room, tmp_path)
        assert poor.run(lambda engine: run_untrusted(engine, poor)).startswith(f"{REFUSAL}no sandboxes (")
        seen, rested = get(poor, f"got = os.path.exists({__file__!r})", "got = os.environ['LAMBDA_TASK_ROOT']")
        assert seen
        assert rested == str(tmp_path / "code")
    finally:
        room.close()


def test_the_groups_of_an_environment_go_with_it(harness: Harness) -> None:
    async def work(environment: Environment) -> list[Path]:
        assert isinstance(environment, ProcessEnvironment)
        await environment.invoke(act("got = 1"))
        (pid,) = environment.pids()
        return group_folders(pid)

    groups = harness.with_environment(harness.spec(PUPPET), work)

    async def wait(_: ComputeEngine) -> None:
        while any(group.exists() for group in groups):
            await asyncio.sleep(0.01)

    assert len(groups) == len(ControlGroups.find().places)
    harness.run(wait)


def group_folders(pid: int) -> list[Path]:
    """Of those that Fogbank made for the process."""
    lines = [line.split(":", 2) for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
    return [Path(f"/sys/fs/cgroup/{names}{path}") for _, names, path in lines if "fogbank-" in path]


IDLE_ENGINE = """
import asyncio, sys
from pathlib import Path
from fogbank.engines.compute.interface import FunctionSpec, Invocation
from fogbank.engines.compute.process import ProcessEngine

async def main():
    engine = ProcessEngine(Path(sys.argv[1]) / "run", int)
    spec = FunctionSpec(
        code=Path(sys.argv[2]), handler="app.handler", runtime="python3.12", environment={}, memory_mb=128
    )
    environment = await engine.create(spec, lambda lines: None)
    await environment.invoke(Invocation(request_id="r", payload=b"null", function_arn="a", timeout_s=100))
    print(*environment.pids(), flush=True)
    await asyncio.sleep(1000)

asyncio.run(main())
"""


def test_frozen_processes_and_their_groups_do_not_outlive_a_killed_server(harness: Harness, tmp_path: Path) -> None:
    code = harness.spec("def handler(event, context):\n    return 1\n").code
    command = [sys.executable, "-c", IDLE_ENGINE, str(tmp_path), str(code)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        (pid,) = map(int, server.stdout.readline().split())
        folders = group_folders(pid)
        asyncio.run(stopped(pid))
        server.kill()
    eventually(lambda: not Path(f"/proc/{pid}").exists())
    assert all(folder.exists() for folder in folders)

    def left() -> bool:
        ControlGroups.find().close()  # As the next server does.
        return any(folder.parent.exists() for folder in folders)

    eventually(lambda: not left())


# ---- the server -------------------------------------------------------------------------------------------------


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
    connections, sent = [], 0
    try:
        for _ in range(20):
            connections.append(socket.create_connection((host, int(port))))
            path = f"/2018-06-01/runtime/invocation/{context.aws_request_id}/response"
            connections[-1].sendall(f"POST {path} HTTP/1.1\\r\\nContent-Length: 6000000\\r\\n\\r\\n".encode())
            connections[-1].sendall(b"x" * 5_999_999)
            sent += 1
    except OSError:
        pass
    for connection in connections:
        connection.close()
    got = sent
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
    kept, read, closed, after = get(harness, bodies, answers, upgrade, "got = 1")
    assert kept < 20
    assert read < 200
    assert closed == "closed"
    assert after == 1


def test_a_sandbox_that_cannot_be_made_says_why_and_the_next_one_can(harness: Harness, tmp_path: Path) -> None:
    async def work(engine: ComputeEngine) -> str:
        with pytest.raises(RuntimeUnavailable) as refusal:
            await engine.create(harness.spec(PUPPET, code=tmp_path / "gone"), harness.log.extend)
        return str(refusal.value)

    assert harness.run(work).startswith("No sandbox could be made for the function: [Errno 2] open_tree: No such file")
    assert get(harness, "got = 1") == [1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has other users' numbers to give")
def test_each_environment_is_another_user_outside_and_none_is_root(harness: Harness) -> None:
    async def work(engine: ComputeEngine) -> list[int]:
        environments = [await engine.create(harness.spec(PUPPET), harness.log.extend) for _ in range(2)]
        users = []
        for environment in environments:
            assert isinstance(environment, ProcessEnvironment)
            await environment.invoke(act("got = 1"))
            (pid,) = environment.pids()
            users.append(os.stat(f"/proc/{pid}").st_uid)
            environment.destroy()
        return users

    first, second = harness.run(work)
    assert first != second
    assert min(first, second) >= 1_900_000_000


def test_the_machines_own_mounts_are_not_in_a_sandbox(harness: Harness) -> None:
    (mounts,) = get(harness, "got = [line.split()[4] for line in open('/proc/self/mountinfo')]")
    outside = {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    assert {"/", "/proc", "/tmp", "/usr", "/var/task"} <= set(mounts)
    assert [mount for mount in outside & set(mounts) if mount.startswith(("/sys", "/run", "/home"))] == []
