"""What a function finds of the machine's files, and which it may write."""

import os
import resource
from pathlib import Path

from fogbank.engines.compute.process import ProcessEngine
from tests.engines.compute.doorway import Doorway
from tests.engines.compute.harness import NOW_MS, Harness, Room, answer
from tests.engines.compute.sandbox.puppet import PUPPET, act, get


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


def test_the_machines_own_mounts_are_not_in_a_sandbox(harness: Harness) -> None:
    (mounts,) = get(harness, "got = [line.split()[4] for line in open('/proc/self/mountinfo')]")
    outside = {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    assert {"/", "/proc", "/tmp", "/usr", "/var/task"} <= set(mounts)
    assert [mount for mount in outside & set(mounts) if mount.startswith(("/sys", "/run", "/home"))] == []


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
