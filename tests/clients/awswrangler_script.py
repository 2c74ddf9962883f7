"""awswrangler: frames of pandas as files in a bucket, and S3 Select."""

import awswrangler as wr
import boto3
import pandas as pd

boto3.client("s3").create_bucket(Bucket="wrangler")
frame = pd.DataFrame(
    {"id": range(1000), "kind": [f"k{n % 3}" for n in range(1000)], "amount": [n / 4 for n in range(1000)]}
)
wr.s3.to_parquet(frame, path="s3://wrangler/one.parquet")
pd.testing.assert_frame_equal(wr.s3.read_parquet("s3://wrangler/one.parquet"), frame, check_dtype=False)
wr.s3.to_parquet(frame, path="s3://wrangler/set/", dataset=True, partition_cols=["kind"], mode="overwrite")
assert len(wr.s3.list_objects("s3://wrangler/set/")) == 3
read = wr.s3.read_parquet("s3://wrangler/set/", dataset=True, partition_filter=lambda part: part["kind"] == "k1")
assert len(read) == 333
wr.s3.to_parquet(frame.head(3), path="s3://wrangler/set/", dataset=True, partition_cols=["kind"], mode="append")
assert len(wr.s3.read_parquet("s3://wrangler/set/", dataset=True)) == 1003
wr.s3.to_csv(frame, path="s3://wrangler/one.csv", index=False)
assert wr.s3.read_csv("s3://wrangler/one.csv")["amount"].sum() == frame["amount"].sum()
wr.s3.to_json(frame, path="s3://wrangler/one.json", orient="records", lines=True)
assert len(wr.s3.read_json("s3://wrangler/one.json", orient="records", lines=True)) == 1000
assert wr.s3.does_object_exist("s3://wrangler/one.csv")
assert not wr.s3.does_object_exist("s3://wrangler/two.csv")
assert wr.s3.size_objects("s3://wrangler/one.csv")["s3://wrangler/one.csv"] > 0
assert wr.s3.list_directories("s3://wrangler/") == ["s3://wrangler/set/"]
wr.s3.copy_objects(["s3://wrangler/one.csv"], source_path="s3://wrangler/", target_path="s3://wrangler/copies/")

csv = {"input_serialization": "CSV", "input_serialization_params": {"FileHeaderInfo": "Use"}}
query = "SELECT s.id, s.amount FROM s3object s WHERE s.kind = 'k2' AND CAST(s.id AS INT) < 9"
selected = wr.s3.select_query(query, "s3://wrangler/one.csv", **csv)
assert selected["id"].tolist() == ["2", "5", "8"], selected
ranges = wr.s3.select_query("SELECT s.id FROM s3object s", "s3://wrangler/one.csv", **csv, scan_range_chunk_size=1_000)
# Its ranges have the byte between them in common, and so a record that begins with it.
assert set(map(int, ranges["id"])) == set(range(1000))
query = "SELECT * FROM s3object s WHERE s.amount >= 249.5"
selected = wr.s3.select_query(
    query, "s3://wrangler/one.parquet", input_serialization="Parquet", input_serialization_params={}
)
assert selected["id"].tolist() == [998, 999]
lines = {"input_serialization": "JSON", "input_serialization_params": {"Type": "LINES"}}
selected = wr.s3.select_query("SELECT s.kind FROM s3object[*] s WHERE s.id = 7", "s3://wrangler/one.json", **lines)
assert selected["kind"].tolist() == ["k1"]
wr.s3.delete_objects("s3://wrangler/")
assert wr.s3.list_objects("s3://wrangler/") == []
print("ok")
