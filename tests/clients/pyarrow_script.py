"""pyarrow: its own file system of S3, and partitioned data sets on it."""

import os

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow import fs

endpoint = os.environ["AWS_ENDPOINT_URL"].removeprefix("http://")
s3 = fs.S3FileSystem(endpoint_override=endpoint, scheme="http", allow_bucket_creation=True, allow_bucket_deletion=True)
s3.create_dir("arrow-bucket")
with s3.open_output_stream("arrow-bucket/plain.txt", metadata={"Content-Type": "text/plain"}) as out:
    out.write(b"hello")
with s3.open_input_file("arrow-bucket/plain.txt") as file:
    assert (file.size(), file.read_at(3, 2)) == (5, b"llo")
body = os.urandom(30_000_000)
with s3.open_output_stream("arrow-bucket/large") as out:
    for at in range(0, len(body), 3_000_000):
        out.write(body[at : at + 3_000_000])
with s3.open_input_stream("arrow-bucket/large") as file:
    assert file.read() == body
assert s3.get_file_info("arrow-bucket/large").size == len(body)
assert s3.get_file_info("arrow-bucket/nothing").type == fs.FileType.NotFound

rows = 100_000
table = pa.table(
    {
        "id": range(rows),
        "year": [2020 + n % 3 for n in range(rows)],
        "month": [1 + n % 2 for n in range(rows)],
        "amount": [n / 7 for n in range(rows)],
        "note": [f"note {n}" for n in range(rows)],
    }
)
pq.write_table(table, "arrow-bucket/one.parquet", filesystem=s3, row_group_size=10_000)
assert pq.read_table("arrow-bucket/one.parquet", filesystem=s3).equals(table)
few = pq.read_table("arrow-bucket/one.parquet", filesystem=s3, columns=["id"], filters=[("id", ">", rows - 3)])
assert few["id"].to_pylist() == [rows - 2, rows - 1]

partitioning = ds.partitioning(pa.schema([("year", pa.int64()), ("month", pa.int64())]), flavor="hive")
write = {"format": "parquet", "filesystem": s3, "partitioning": partitioning}
ds.write_dataset(table, "arrow-bucket/set", **write, existing_data_behavior="error")
found = ds.dataset("arrow-bucket/set", filesystem=s3, format="parquet", partitioning=partitioning)
assert len(found.files) == 6
assert found.count_rows() == rows
part = found.to_table(filter=(pc.field("year") == 2021) & (pc.field("month") == 2), columns=["id", "amount"])
assert part.num_rows == sum(n % 3 == 1 and n % 2 == 1 for n in range(rows))
ds.write_dataset(table.slice(0, 6), "arrow-bucket/set", **write, existing_data_behavior="delete_matching")
assert ds.dataset("arrow-bucket/set", filesystem=s3, partitioning=partitioning).count_rows() == 6
names = {info.path for info in s3.get_file_info(fs.FileSelector("arrow-bucket/set", recursive=True)) if info.is_file}
assert len(names) == 6
s3.copy_file("arrow-bucket/one.parquet", "arrow-bucket/two.parquet")
s3.move("arrow-bucket/two.parquet", "arrow-bucket/three.parquet")
assert pq.read_metadata("arrow-bucket/three.parquet", filesystem=s3).num_rows == rows
s3.delete_dir_contents("arrow-bucket")
s3.delete_dir("arrow-bucket")
print("ok")
