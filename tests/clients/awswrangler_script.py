"""awswrangler: frames of pandas as files in a bucket and as tables of the Data Catalog, what Firehose converted, and S3
Select.
"""

import json
import time

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

wr.catalog.create_database("lake", description="of a test")
wr.catalog.create_database("lake", exist_ok=True)
assert "lake" in wr.catalog.databases()["Database"].tolist()
columns = {"id": "bigint", "total": "double"}
where = {"database": "lake", "table": "orders"}
wr.catalog.create_parquet_table(**where, path="s3://wrangler/orders/", columns_types=columns)
assert wr.catalog.does_table_exist(**where)
assert wr.catalog.get_table_types(**where) == columns
assert wr.catalog.get_table_location(**where) == "s3://wrangler/orders/"
days = pd.DataFrame({"id": range(4), "total": [0.5, 1.5, 2.5, 3.5], "day": ["2026-01-01", "2026-01-02"] * 2})
by_day = {"database": "lake", "table": "by_day", "path": "s3://wrangler/by_day/", "partition_cols": ["day"]}
wr.s3.to_parquet(days, dataset=True, mode="overwrite", glue_table_settings={"description": "d"}, **by_day)
wr.s3.to_parquet(days.head(1).assign(day="2026-01-03"), dataset=True, mode="append", **by_day)
partitions = wr.catalog.get_partitions("lake", "by_day")
assert sorted(values[0] for values in partitions.values()) == ["2026-01-01", "2026-01-02", "2026-01-03"]
found = wr.catalog.get_partitions("lake", "by_day", expression="day > '2026-01-02'")
assert list(found.values()) == [["2026-01-03"]]
assert len(wr.s3.read_parquet_table(database="lake", table="by_day")) == 5
later = wr.s3.read_parquet_table(
    database="lake", table="by_day", partition_filter=lambda part: part["day"] >= "2026-01-02"
)
assert sorted(later["id"]) == [0, 1, 3]
wr.s3.to_parquet(days.assign(note="n"), dataset=True, mode="overwrite_partitions", schema_evolution=True, **by_day)
assert wr.catalog.get_table_types("lake", "by_day") == {**columns, "note": "string", "day": "string"}
assert wr.catalog.get_table_number_of_versions("lake", "by_day") >= 1
wr.catalog.upsert_table_parameters({"owner": "me"}, database="lake", table="by_day")
assert wr.catalog.get_table_parameters("lake", "by_day")["owner"] == "me"
wr.catalog.add_column("lake", "by_day", "extra", column_type="int", column_comment="c")
wr.catalog.delete_column("lake", "by_day", "extra")
assert wr.catalog.tables(database="lake")["Table"].tolist() == ["by_day", "orders"]
assert [table["Name"] for table in wr.catalog.get_tables(database="lake", name_prefix="ord")] == ["orders"]
assert [table["Name"] for table in wr.catalog.get_tables(database="lake", name_contains="_")] == ["by_day"]
assert [table["Name"] for table in wr.catalog.search_tables("by_day")] == ["by_day"]
assert len(wr.catalog.table("lake", "by_day")) == 4
wr.s3.store_parquet_metadata("s3://wrangler/by_day/", database="lake", table="crawled", dataset=True)
assert len(wr.catalog.get_partitions("lake", "crawled")) == 3
wr.catalog.delete_partitions("by_day", "lake", [["2026-01-01"]])
assert len(wr.catalog.delete_all_partitions("by_day", "lake")) == 2
assert wr.catalog.delete_table_if_exists("lake", "orders")
assert not wr.catalog.delete_table_if_exists("lake", "orders")

trust = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
role = boto3.client("iam").create_role(RoleName="lake", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
types = {"id": "bigint", "at": "timestamp", "price": "decimal(10,2)", "tags": "array<string>"}
wr.catalog.create_parquet_table("lake", "clicks", path="s3://wrangler/clicks/", columns_types=types)
firehose = boto3.client("firehose")
firehose.create_delivery_stream(
    DeliveryStreamName="clicks",
    ExtendedS3DestinationConfiguration={
        "RoleARN": role,
        "BucketARN": "arn:aws:s3:::wrangler",
        "Prefix": "clicks/",
        "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 1},
        "DataFormatConversionConfiguration": {
            "SchemaConfiguration": {"RoleARN": role, "DatabaseName": "lake", "TableName": "clicks"},
            "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
            "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}},
        },
    },
)
while (
    firehose.describe_delivery_stream(DeliveryStreamName="clicks")["DeliveryStreamDescription"]["DeliveryStreamStatus"]
    != "ACTIVE"
):
    time.sleep(0.1)
clicks = [{"id": n, "at": f"2026-01-01 00:00:{n:02}", "price": n / 4, "tags": [str(n)]} for n in range(60)]
records = [{"Data": json.dumps(click)} for click in clicks]
firehose.put_record_batch(DeliveryStreamName="clicks", Records=records)
while not wr.s3.list_objects("s3://wrangler/clicks/"):
    time.sleep(0.1)
read = wr.s3.read_parquet_table(database="lake", table="clicks")
assert read["id"].tolist() == list(range(60)), read
assert read["at"].tolist() == [pd.Timestamp(click["at"]) for click in clicks]
assert [float(price) for price in read["price"]] == [click["price"] for click in clicks]
assert [list(tags) for tags in read["tags"]] == [click["tags"] for click in clicks]
firehose.delete_delivery_stream(DeliveryStreamName="clicks")

wr.catalog.delete_database("lake")
assert "lake" not in wr.catalog.databases()["Database"].tolist()

wr.s3.delete_objects("s3://wrangler/")
assert wr.s3.list_objects("s3://wrangler/") == []
print("ok")
