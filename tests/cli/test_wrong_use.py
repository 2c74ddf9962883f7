"""A command that cannot do what it is asked says so in one line, with the way out, and fails."""

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from fogbank.cli.main import main
from fogbank.cli.run import solutions_folder
from tests.conftest import LiveServer

SOLUTIONS = sorted(path.parent.name for path in solutions_folder().glob("*/template.yaml"))


def fogbank(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "fogbank", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def in_process(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> "subprocess.CompletedProcess[str]":
    """The same without a process of its own, for what ends before anything is begun."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    said = capsys.readouterr()
    return subprocess.CompletedProcess(arguments, int(ended.value.code or 0), said.out, said.err)


def complaint(done: "subprocess.CompletedProcess[str]", code: int) -> str:
    assert done.returncode == code, done
    assert done.stderr.startswith("fogbank: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.removeprefix("fogbank: ").rstrip("\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), 'are required: COMMAND: see "fogbank --help"'),
        (("nonsense",), "invalid choice: 'nonsense'"),
        (("up", "--port", "abc"), "argument --port: invalid int value: 'abc': see \"fogbank up --help\""),
        (("up", "--sync", "maybe"), "choose from"),
        (("up", "extra"), "up does not know extra"),
        (("up", "--", "extra"), "up passes nothing on"),
        (("deploy",), 'are required: template: see "fogbank deploy --help"'),
        (("deploy", "t.yaml", "--stack", "s", "--nope"), "deploy does not know --nope"),
        (("logs",), "are required: group"),
        (("snapshot", "save"), "are required: file"),
    ],
)
def test_words_that_a_command_does_not_know(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert said in complaint(in_process(capsys, arguments), 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("up", "--port", "99999"), "--port 99999: a port is a number from 0 to 65535"),
        (("up", "--port", "-1"), "--port -1: a port is a number from 0 to 65535"),
        (("up", "--account", "12"), "--account 12: an account id has 12 digits"),
        (("up", "--account", "١٢٣٤٥٦٧٨٩٠١٢"), "an account id has 12 digits"),
        (("up", "--region", ""), "a region has a name such as us-east-1"),
        (("up", "--auth", "off", "--host", "0.0.0.0"), "say --insecure if you mean it"),
        (("up", "--auth", "off", "--host", "nowhere.invalid"), "say --insecure if you mean it"),
        (("up", "--ephemeral", "--data", "x"), "leave one of them out"),
        (("up", "-d", "--data", "/dev/null"), "cannot use /dev/null: File exists; choose another folder with --data"),
        (("down", "--data", "/nowhere"), "no Fogbank runs on /nowhere"),
        (("status", "--endpoint", "http://127.0.0.1:9"), 'start one with "fogbank up"'),
        (("status", "--endpoint", "junk"), "junk is no endpoint: it is a URL such as http://localhost:4566"),
        (("status", "--endpoint", "localhost:4566"), "localhost:4566 is no endpoint"),
        (("reset", "--endpoint", "http://127.0.0.1:9"), "say --yes to do it without being asked"),
        (("reset", "--endpoint", "http://127.0.0.1:9", "--yes"), "no Fogbank answers"),
        (("run", "nothing"), f"there is no solution nothing: choose one of {', '.join(SOLUTIONS)}"),
        (("deploy", "/nowhere.yaml"), "cannot read /nowhere.yaml: No such file or directory"),
        (("deploy", __file__), "Template format error"),
        (("deploy", "t.yaml", "Stage"), "Stage: parameters are given as KEY=VALUE"),
    ],
)
def test_what_cannot_be_done_is_told_with_the_way_out(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert said in complaint(in_process(capsys, arguments), 1)


def test_a_data_folder_that_is_none_is_named() -> None:
    done = fogbank("up", "--data", "/dev/null")
    assert complaint(done, 1) == "cannot use /dev/null: File exists; choose another folder with --data"


def test_a_port_that_is_taken_is_named(server: LiveServer, tmp_path: Path) -> None:
    done = fogbank("up", "--data", str(tmp_path), "--port", str(server.port))
    assert complaint(done, 1) == (
        f"cannot listen on 127.0.0.1:{server.port}: Address already in use; choose another --port"
    )


def test_a_store_that_is_none_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "store.lmdb").write_bytes(b"junk")
    done = fogbank("up", "--data", str(tmp_path), "--port", "0")
    assert "store.lmdb cannot be opened" in complaint(done, 1)


@pytest.mark.parametrize("store", ["none", "junk", "cut off"])
def test_what_is_no_snapshot_leaves_everything_as_it_was(tmp_path: Path, store: str) -> None:
    server = LiveServer("--data", str(tmp_path / "data"))
    sqs = server.client("sqs", account="111111111111")
    sqs.create_queue(QueueName="kept")
    spoilt, file = tmp_path / "store.lmdb", tmp_path / "spoilt.fog"
    if store == "cut off":
        assert fogbank("snapshot", "save", str(file), "--endpoint", server.endpoint).returncode == 0
        with tarfile.open(file) as archive:
            archive.extract("store.lmdb", tmp_path, filter="data")
        spoilt.write_bytes(spoilt.read_bytes()[: 2 * 4096])
    else:
        spoilt.write_bytes(b"junk")
    with tarfile.open(file, "w") as archive:
        archive.add(spoilt, "something" if store == "none" else "store.lmdb")
    done = fogbank("snapshot", "load", str(file), "--endpoint", server.endpoint)
    assert complaint(done, 1) == f"{file}: this file is not a Fogbank snapshot"
    assert len(sqs.list_queues()["QueueUrls"]) == 1
    assert server.stop() == 0


@pytest.mark.parametrize("verb", ["up", "down", "status", "reset", "env", "deploy", "run", "logs", "snapshot"])
def test_every_command_explains_itself_with_an_example(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    done = in_process(capsys, (verb, "--help"))
    assert done.returncode == 0
    assert "example:\n  " in done.stdout
    assert f"fogbank {verb}" in done.stdout.partition("example:")[2]
