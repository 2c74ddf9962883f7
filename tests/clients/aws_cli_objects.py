"""The AWS CLI's commands for buckets and objects: `s3` and `s3api`."""

import json
import os
import shutil
import subprocess
import urllib.request
from pathlib import Path

from tests.clients.aws_cli_program import Aws

BUCKET = "cli-bucket"
AT = f"s3://{BUCKET}"
VERSIONS = "cli-versions"
MADE_OF_PARTS = 100_000_000


def objects(aws: Aws, folder: Path) -> None:
    aws.text("s3", "mb", AT)
    _files(aws, folder)
    _folders(aws, folder)
    _presigned(aws)
    _streams(aws)
    aws.text("s3", "rb", AT, "--force")
    assert BUCKET not in aws.text("s3", "ls")
    _api(aws, folder)


def _files(aws: Aws, folder: Path) -> None:
    small, large = folder / "up" / "hello.txt", folder / "up" / "large.bin"
    small.parent.mkdir()
    small.write_text("hello")
    large.write_bytes(os.urandom(MADE_OF_PARTS))
    aws.text("s3", "cp", str(small), f"{AT}/a/hello.txt", "--metadata", "colour=blue", "--storage-class", "STANDARD_IA")
    head = aws("s3api", "head-object", "--bucket", BUCKET, "--key", "a/hello.txt")
    assert (head["ContentType"], head["Metadata"]) == ("text/plain", {"colour": "blue"})
    assert head["StorageClass"] == "STANDARD_IA"
    assert "hello.txt" in aws.text("s3", "ls", f"{AT}/a/")
    aws.text("s3", "cp", str(large), f"{AT}/large.bin")
    aws.text("s3", "cp", f"{AT}/large.bin", str(folder / "back.bin"))
    assert (folder / "back.bin").read_bytes() == large.read_bytes()
    assert aws("s3api", "head-object", "--bucket", BUCKET, "--key", "large.bin")["ETag"].endswith('-12"')
    aws.text("s3", "cp", f"{AT}/large.bin", f"{AT}/copies/large.bin")
    listed = aws.text("s3", "ls", AT, "--recursive", "--summarize")
    assert listed.count(str(MADE_OF_PARTS)) == 2
    assert "Total Objects: 3" in listed
    aws.text("s3", "mv", f"{AT}/a/hello.txt", f"{AT}/c/hello.txt")
    aws("s3api", "wait", "object-exists", "--bucket", BUCKET, "--key", "c/hello.txt")
    aws("s3api", "wait", "object-not-exists", "--bucket", BUCKET, "--key", "a/hello.txt")
    aws.text("s3", "rm", f"{AT}/copies/large.bin")
    assert "copies" not in aws.text("s3", "ls", AT)


def _folders(aws: Aws, folder: Path) -> None:
    source, target = folder / "up", folder / "down"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "deep" / "er" / "grün & blau?.txt").write_text("colours")
    sync = ["s3", "sync", str(source), f"{AT}/tree"]
    aws.text(*sync)
    assert aws.text(*sync) == "", "what is the same is sent again"
    aws.text("s3", "sync", f"{AT}/tree", str(target))
    assert (target / "deep" / "er" / "grün & blau?.txt").read_text() == "colours"
    assert (target / "large.bin").read_bytes() == (source / "large.bin").read_bytes()
    (source / "large.bin").unlink()
    assert "delete" in aws.text(*sync, "--delete")
    aws.text("s3", "sync", f"{AT}/tree", f"{AT}/second", "--exclude", "*.txt", "--include", "hello*")
    keys = [
        row["Key"] for row in aws("s3api", "list-objects-v2", "--bucket", BUCKET, "--prefix", "second/")["Contents"]
    ]
    assert keys == ["second/hello.txt"]
    aws.text("s3", "cp", f"{AT}/tree", str(folder / "copied"), "--recursive")
    assert (folder / "copied" / "hello.txt").read_text() == "hello"
    aws.text("s3", "rm", f"{AT}/tree", "--recursive")
    assert "tree" not in aws.text("s3", "ls", AT)


def _presigned(aws: Aws) -> None:
    url = aws.text("s3", "presign", f"{AT}/c/hello.txt", "--expires-in", "60").strip()
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"hello"
    curl = shutil.which("curl")
    if curl is not None:
        ranged = subprocess.run([curl, "-sS", "-r", "1-3", url], capture_output=True, check=True)
        assert ranged.stdout == b"ell"


def _streams(aws: Aws) -> None:
    aws.text("s3", "cp", "-", f"{AT}/from-stdin", given="piped")
    assert aws.text("s3", "cp", f"{AT}/from-stdin", "-") == "piped"


def _api(aws: Aws, folder: Path) -> None:
    named = ["--bucket", VERSIONS, "--key", "doc.csv"]
    body = folder / "doc.csv"
    body.write_text("name,age\nAnn,31\nBob,4\n")
    aws("s3api", "create-bucket", "--bucket", VERSIONS)
    aws("s3api", "put-bucket-versioning", "--bucket", VERSIONS, "--versioning-configuration", "Status=Enabled")
    first = aws("s3api", "put-object", *named, "--body", str(body), "--checksum-algorithm", "SHA256")
    assert first["ChecksumSHA256"]
    second = aws("s3api", "put-object", *named, "--body", str(body), "--tagging", "team=red")
    assert first["VersionId"] != second["VersionId"]
    got = aws("s3api", "get-object", *named, "--range", "bytes=0-3", str(folder / "part"))
    assert ((folder / "part").read_text(), got["ContentRange"]) == ("name", "bytes 0-3/22")
    assert aws("s3api", "get-object-tagging", *named)["TagSet"] == [{"Key": "team", "Value": "red"}]
    attributes = ["--object-attributes", "ETag", "ObjectSize", "StorageClass"]
    assert aws("s3api", "get-object-attributes", *named, *attributes)["ObjectSize"] == 22
    versions = aws("s3api", "list-object-versions", "--bucket", VERSIONS, "--prefix", "doc")["Versions"]
    assert [row["IsLatest"] for row in versions] == [True, False]
    aws("s3api", "select-object-content", *named, "--expression", "SELECT s.name FROM S3Object s WHERE s.age = '4'",
        "--expression-type", "SQL", "--input-serialization", json.dumps({"CSV": {"FileHeaderInfo": "USE"}}),
        "--output-serialization", json.dumps({"JSON": {}}), str(folder / "selected"))  # fmt: skip
    assert (folder / "selected").read_text() == '{"name":"Bob"}\n'
    for version in versions:
        aws("s3api", "delete-object", *named, "--version-id", version["VersionId"])
    aws("s3api", "delete-bucket", "--bucket", VERSIONS)
