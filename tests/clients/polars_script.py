"""polars: frames scanned from objects and written to them."""

import os
from datetime import date

import boto3
import polars as pl

boto3.client("s3").create_bucket(Bucket="polars-bucket")
options = {
    "aws_endpoint_url": os.environ["AWS_ENDPOINT_URL"],
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
    "aws_region": "us-east-1",
    "aws_allow_http": "true",
}
frame = pl.DataFrame(
    {
        "id": range(100_000),
        "group": [f"g{n % 4}" for n in range(100_000)],
        "amount": [n / 8 for n in range(100_000)],
        "day": [date(2024, 1, 1 + n % 28) for n in range(100_000)],
    }
)
frame.write_parquet("s3://polars-bucket/one.parquet", storage_options=options)
assert pl.read_parquet("s3://polars-bucket/one.parquet", storage_options=options).equals(frame)
scan = pl.scan_parquet("s3://polars-bucket/one.parquet", storage_options=options)
top = scan.filter(pl.col("group") == "g1").group_by("day").agg(pl.col("amount").sum()).sort("day").collect()
assert top.height == 7
assert scan.select(pl.len()).collect().item() == frame.height
frame.lazy().filter(pl.col("id") < 10).sink_parquet("s3://polars-bucket/sunk.parquet", storage_options=options)
frame.lazy().sink_csv("s3://polars-bucket/all.csv", storage_options=options)
assert (
    pl.scan_csv("s3://polars-bucket/all.csv", storage_options=options).select(pl.col("id").max()).collect().item()
    == 99_999
)
frame.head(8).write_parquet(
    pl.PartitionBy("s3://polars-bucket/set/", key="group", include_key=False), storage_options=options, mkdir=True
)
parts = pl.scan_parquet("s3://polars-bucket/set/", storage_options=options, hive_partitioning=True).collect()
assert sorted(parts["id"].to_list()) == list(range(8))
assert set(parts["group"].to_list()) == {"g0", "g1", "g2", "g3"}
both = pl.scan_parquet("s3://polars-bucket/*.parquet", storage_options=options).select(pl.len()).collect().item()
assert both == frame.height + 10
print("ok")
