"""s3fs: files, folders and streams by fsspec's interface."""

import os

import fsspec
import s3fs

fs = s3fs.S3FileSystem()
fs.mkdir("s3fs-bucket")
with fs.open("s3fs-bucket/a/hello.txt", "w") as file:
    file.write("hello\nworld\n")
assert fs.cat("s3fs-bucket/a/hello.txt") == b"hello\nworld\n"
with fs.open("s3fs-bucket/a/hello.txt", "r") as file:
    assert file.readlines() == ["hello\n", "world\n"]
body = os.urandom(23_000_000)
with fs.open("s3fs-bucket/b/large", "wb", block_size=5 * 2**20) as file:  # Parts are sent while it is written.
    for at in range(0, len(body), 1_000_000):
        file.write(body[at : at + 1_000_000])
with fs.open("s3fs-bucket/b/large", "rb") as file:
    file.seek(10_000_000)
    assert file.read(5) == body[10_000_000:10_000_005]
assert fs.cat_ranges(["s3fs-bucket/b/large"] * 2, [0, -5], [3, None]) == [body[:3], body[-5:]]
assert fs.cat("s3fs-bucket/b/large") == body
fs.pipe({f"s3fs-bucket/many/{number}": str(number).encode() for number in range(30)})
assert len(fs.ls("s3fs-bucket/many")) == 30
assert sorted(fs.ls("s3fs-bucket")) == ["s3fs-bucket/a", "s3fs-bucket/b", "s3fs-bucket/many"]
assert fs.glob("s3fs-bucket/many/1*")[:2] == ["s3fs-bucket/many/1", "s3fs-bucket/many/10"]
assert fs.du("s3fs-bucket/b") == len(body)
assert fs.info("s3fs-bucket/a/hello.txt")["size"] == 12
assert not fs.exists("s3fs-bucket/nothing")
fs.copy("s3fs-bucket/a/hello.txt", "s3fs-bucket/c/hello.txt")
fs.mv("s3fs-bucket/c/hello.txt", "s3fs-bucket/d/hello.txt")
assert (fs.exists("s3fs-bucket/c/hello.txt"), fs.exists("s3fs-bucket/d/hello.txt")) == (False, True)
with fs.open("s3fs-bucket/d/hello.txt", "ab") as file:
    file.write(b"more\n")
fs.invalidate_cache()
assert fs.cat("s3fs-bucket/d/hello.txt") == b"hello\nworld\nmore\n"
fs.setxattr("s3fs-bucket/a/hello.txt", colour="blue")
assert fs.getxattr("s3fs-bucket/a/hello.txt", "colour") == "blue"
fs.put_tags("s3fs-bucket/a/hello.txt", {"team": "red"})
assert fs.get_tags("s3fs-bucket/a/hello.txt") == {"team": "red"}
with fsspec.open("s3://s3fs-bucket/packed.gz", "wt", compression="gzip") as file:
    file.write("packed")
with fsspec.open("s3://s3fs-bucket/packed.gz", "rt", compression="gzip") as file:
    assert file.read() == "packed"
fs.rm("s3fs-bucket", recursive=True)
assert not fs.exists("s3fs-bucket")
print("ok")
