"""The Kinesis Client Library for Java: leases in DynamoDB, and a stream that is resharded while it is read."""

import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from tests.clients.tools import HERE, Missing, environment, eventually, installed, look

APP = HERE / "kcl_app"
VERSION = "3.0.0"
START_S = 240.0
"""A worker of version 3 waits for a minute before it takes leases."""
KEYS = 20


class _Reading:
    """What the reader has said so far."""

    def __init__(self, reader: subprocess.Popen[str]) -> None:
        self.values: dict[str, list[int]] = defaultdict(list)
        self.ended: list[str] = []
        self._reader = reader
        Thread(target=self._listen, daemon=True).start()

    def count(self) -> int:
        assert self._reader.poll() is None, "the reader has ended"
        return sum(len(values) for values in self.values.values())

    def _listen(self) -> None:
        assert self._reader.stdout is not None
        for line in self._reader.stdout:
            match line.split():
                case "record", _, key, value:
                    self.values[key].append(int(value))
                case "end", shard:
                    self.ended.append(shard)


def kcl(endpoint: str) -> str:
    classpath = _classpath()
    for mode in ("fanout", "polling"):
        _read_while_it_is_resharded(endpoint, classpath, mode)
    leases = look(endpoint, "dynamodb").scan(TableName="kcl-fanout")["Items"]
    assert {lease["leaseKey"]["S"][-1] for lease in leases if lease["checkpoint"]["S"] == "SHARD_END"} >= {"0"}
    return VERSION


def _read_while_it_is_resharded(endpoint: str, classpath: str, mode: str) -> None:
    kinesis = look(endpoint, "kinesis")
    kinesis.create_stream(StreamName=mode, ShardCount=2)
    put = 0

    def put_records() -> None:
        nonlocal put
        records = [{"Data": str(n), "PartitionKey": f"key{n % KEYS}"} for n in range(put, put + 200)]
        assert kinesis.put_records(StreamName=mode, Records=records)["FailedRecordCount"] == 0
        put += 200

    with _reader(endpoint, classpath, mode) as reading:
        put_records()
        eventually(lambda: reading.count() == 200, "the first records", patience_s=START_S)
        half = str(2**126)
        kinesis.split_shard(StreamName=mode, ShardToSplit="shardId-000000000000", NewStartingHashKey=half)
        put_records()
        merged = {"ShardToMerge": "shardId-000000000003", "AdjacentShardToMerge": "shardId-000000000001"}
        kinesis.merge_shards(StreamName=mode, **merged)
        put_records()
        eventually(lambda: reading.count() == put, "the records of all shards", patience_s=START_S)
        assert sorted(reading.ended) == [f"shardId-{number:012d}" for number in (0, 1, 3)]
    for key, values in reading.values.items():
        assert values == sorted(set(values)), f"{key}: {values}"


@contextmanager
def _reader(endpoint: str, classpath: str, mode: str) -> Iterator[_Reading]:
    command = ["java", "-cp", classpath, "Reader", mode, mode]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment(endpoint), **pipes) as reader:
        try:
            yield _Reading(reader)
            assert reader.stdin is not None
            reader.stdin.close()
            assert reader.wait(timeout=60) == 0
        finally:
            reader.kill()


def _classpath() -> str:
    """The library with all that it needs, and the reader, compiled."""
    maven, javac = shutil.which("mvn"), shutil.which("javac")
    if maven is None or javac is None:
        raise Missing("Maven or a JDK is not installed")

    def install(folder: Path) -> None:
        jars = folder / "jars"
        copy = ["dependency:copy-dependencies", f"-DoutputDirectory={jars}", "-DincludeScope=runtime"]
        subprocess.run([maven, "-q", "-B", "-f", str(APP / "pom.xml"), *copy], check=True)
        compile_reader = [javac, "-cp", f"{jars}/*", "-d", str(folder / "classes"), str(APP / "Reader.java")]
        subprocess.run(compile_reader, check=True)

    sources = ((APP / name).read_text() for name in ("pom.xml", "Reader.java"))
    folder = installed("kcl", tuple(sources), install)
    return f"{folder}/jars/*:{folder}/classes"
