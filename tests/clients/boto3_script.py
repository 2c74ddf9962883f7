"""boto3's transfer manager with threads, and the checksums that its newest version sends and wants by default."""

import hashlib
import io
import os
import tempfile
from pathlib import Path

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

BUCKET = "transfers"
s3 = boto3.client("s3")
s3.create_bucket(Bucket=BUCKET)
threads = TransferConfig(multipart_threshold=8 * 2**20, multipart_chunksize=8 * 2**20, max_concurrency=10)


def digest(file):
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


with tempfile.TemporaryDirectory() as folder:
    large, back = Path(folder, "large"), Path(folder, "back")
    with large.open("wb") as file:
        for _ in range(200):
            file.write(os.urandom(2**20))
    progress = []
    s3.upload_file(str(large), BUCKET, "large", Config=threads, Callback=progress.append,
                   ExtraArgs={"ContentType": "application/x-large", "Metadata": {"made": "here"}})  # fmt: skip
    assert sum(progress) == large.stat().st_size
    head = s3.head_object(Bucket=BUCKET, Key="large", ChecksumMode="ENABLED")
    assert (head["ContentType"], head["Metadata"]) == ("application/x-large", {"made": "here"})
    assert head["ETag"].strip('"').endswith("-25")
    assert head["ChecksumCRC32"], "the newest SDKs send a CRC by themselves"
    s3.download_file(BUCKET, "large", str(back), Config=threads)
    assert digest(back) == digest(large)
    s3.copy({"Bucket": BUCKET, "Key": "large"}, BUCKET, "copy", Config=threads)
    s3.download_file(BUCKET, "copy", str(back), Config=threads)
    assert digest(back) == digest(large)
    assert s3.head_object(Bucket=BUCKET, Key="copy")["Metadata"] == {"made": "here"}

body = os.urandom(20 * 2**20)
s3.upload_fileobj(io.BytesIO(body), BUCKET, "object", Config=threads)
got = io.BytesIO()
s3.download_fileobj(BUCKET, "object", got, Config=threads)
assert got.getvalue() == body

for algorithm in ("CRC32", "SHA1", "SHA256"):
    put = s3.put_object(Bucket=BUCKET, Key="small", Body=b"small", ChecksumAlgorithm=algorithm)
    found = s3.get_object(Bucket=BUCKET, Key="small", ChecksumMode="ENABLED")
    assert found["Body"].read() == b"small"  # The body is verified against the checksum while it is read.
    assert put[f"Checksum{algorithm}"] == found[f"Checksum{algorithm}"]
    assert put["ChecksumType"] == "FULL_OBJECT"
s3.put_object(Bucket=BUCKET, Key="stream", Body=io.BytesIO(body))  # Signed in chunks, with the CRC behind it.
assert s3.get_object(Bucket=BUCKET, Key="stream")["Body"].read() == body
try:
    s3.put_object(Bucket=BUCKET, Key="bad", Body=b"small", ChecksumSHA256="A" * 43 + "=")
except ClientError as error:
    refused = error.response["Error"]["Code"]
else:
    refused = None
assert refused == "BadDigest"

objects = boto3.resource("s3").Bucket(BUCKET).objects
assert {one.key for one in objects.all()} == {"large", "copy", "object", "small", "stream"}
objects.all().delete()
s3.delete_bucket(Bucket=BUCKET)
print("ok")
