"""Starting, dying, starting again."""

import json
import resource
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from tests.conftest import LiveServer

ACCOUNT = "123456789012"


def _fogbank(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "fogbank", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def _bodies(sqs: Any, url: str) -> list[str]:
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return sorted(message["Body"] for message in answer.get("Messages", []))


def test_acknowledged_messages_survive_kill_9(tmp_path: Path) -> None:
    first = LiveServer("--data", str(tmp_path), "--sync", "process")
    sqs = first.client("sqs", account=ACCOUNT)
    url = sqs.create_queue(QueueName="kept")["QueueUrl"]
    for number in range(5):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    first.kill()
    second = LiveServer("--data", str(tmp_path), "--sync", "process")
    assert _bodies(second.client("sqs", account=ACCOUNT), url) == ["0", "1", "2", "3", "4"]
    assert second.stop() == 0


def test_a_download_that_was_begun_is_whole_when_the_server_is_told_to_stop(tmp_path: Path) -> None:
    server = LiveServer("--data", str(tmp_path), "--sync", "process")
    s3, body = server.client("s3", account=ACCOUNT), bytes(range(256)) * 64 * 1024
    s3.create_bucket(Bucket="downloads")
    s3.put_object(Bucket="downloads", Key="k", Body=body)
    stream = s3.get_object(Bucket="downloads", Key="k")["Body"]
    begun = stream.read(1)
    server.tell_to_stop()
    assert begun + stream.read() == body
    assert server.stop() == 0


def test_a_second_server_on_the_same_data_folder_is_told_who_has_it(tmp_path: Path) -> None:
    server = LiveServer("--data", str(tmp_path))
    second = _fogbank("up", "--port", "0", "--data", str(tmp_path))
    assert second.returncode == 1
    assert second.stderr.startswith(f"fogbank: data folder {tmp_path} is in use by process ")
    assert f'run "fogbank down --data {tmp_path}"' in second.stderr
    assert second.stderr.count("\n") == 1
    server.stop()


def test_the_server_opens_as_many_files_as_the_system_allows(tmp_path: Path) -> None:
    up = ["up", "--detach", "--json", "--port", "0", "--data", str(tmp_path)]
    few = ["sh", "-c", 'ulimit -S -n 256; exec "$@"', "sh", sys.executable, "-m", "fogbank", *up]
    endpoint = json.loads(subprocess.run(few, capture_output=True, text=True, timeout=60, check=True).stdout)[
        "endpoint"
    ]
    with urllib.request.urlopen(f"{endpoint}/_fogbank/status") as answer:
        soft, hard = resource.prlimit(json.load(answer)["pid"], resource.RLIMIT_NOFILE)
    assert _fogbank("down", "--data", str(tmp_path)).returncode == 0
    assert soft == hard


def test_up_detached_status_and_down(tmp_path: Path) -> None:
    up = _fogbank("up", "--detach", "--json", "--port", "0", "--data", str(tmp_path))
    assert up.returncode == 0, up.stderr
    endpoint = json.loads(up.stdout)["endpoint"]
    status = json.loads(_fogbank("status", "--json", "--endpoint", endpoint).stdout)
    assert status["data"] == str(tmp_path)
    assert status["durability"] == "disk"
    assert _fogbank("down", "--data", str(tmp_path)).returncode == 0
    again = _fogbank("down", "--data", str(tmp_path))
    assert again.returncode == 1
    assert "no Fogbank runs" in again.stderr


def test_a_snapshot_brings_back_what_was_there(tmp_path: Path) -> None:
    server = LiveServer("--data", str(tmp_path / "data"))
    sqs = server.client("sqs", account=ACCOUNT)
    url = sqs.create_queue(QueueName="before")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="saved")
    file = str(tmp_path / "cloud.fog")
    assert _fogbank("snapshot", "save", file, "--endpoint", server.endpoint).returncode == 0
    assert _fogbank("reset", "--yes", "--endpoint", server.endpoint).returncode == 0
    assert "QueueUrls" not in sqs.list_queues()
    assert _fogbank("snapshot", "load", file, "--endpoint", server.endpoint).returncode == 0
    assert _bodies(sqs, url) == ["saved"]
    secret = (Path(file), tmp_path / "data/store.lmdb", tmp_path / "data/blobs")
    assert [place.stat().st_mode & 0o077 for place in secret] == [0, 0, 0], "others can read what was kept"
    refused = _fogbank("snapshot", "load", __file__, "--endpoint", server.endpoint)
    assert refused.returncode == 1
    assert _bodies(sqs, url) == []
    assert server.stop() == 0


def test_a_snapshot_holds_large_bodies_too(tmp_path: Path) -> None:
    server = LiveServer("--data", str(tmp_path / "data"))
    s3 = server.client("s3", account=ACCOUNT)
    s3.create_bucket(Bucket="archive")
    body = bytes(range(256)) * 12_000
    s3.put_object(Bucket="archive", Key="large", Body=body)
    file = str(tmp_path / "cloud.fog")
    assert _fogbank("snapshot", "save", file, "--endpoint", server.endpoint).returncode == 0
    s3.delete_object(Bucket="archive", Key="large")
    assert _fogbank("snapshot", "load", file, "--endpoint", server.endpoint).returncode == 0
    assert s3.get_object(Bucket="archive", Key="large")["Body"].read() == body
    assert [entry.name for entry in (tmp_path / "data").iterdir() if entry.is_dir()] == ["blobs"]
    assert server.stop() == 0


def test_prometheus_counts_answers(tmp_path: Path) -> None:
    server = LiveServer("--ephemeral")
    server.client("sqs", account=ACCOUNT).create_queue(QueueName="counted")
    with urllib.request.urlopen(f"{server.endpoint}/_fogbank/metrics") as answer:
        text = answer.read().decode()
    assert 'fogbank_requests_total{service="sqs",operation="CreateQueue",status="200"} 1' in text
    server.stop()


def test_messages_that_a_killed_server_had_given_out_are_counted_once_when_they_are_deleted(tmp_path: Path) -> None:
    first = LiveServer("--data", str(tmp_path), "--sync", "process")
    sqs = first.client("sqs", account=ACCOUNT)
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    for number in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    handles = [m["ReceiptHandle"] for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=2)["Messages"]]
    first.kill()
    second = LiveServer("--data", str(tmp_path), "--sync", "process")
    sqs = second.client("sqs", account=ACCOUNT)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handles[0])
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    second.stop()
    assert found["ApproximateNumberOfMessages"] == "1"
    assert found["ApproximateNumberOfMessagesNotVisible"] == "1"
