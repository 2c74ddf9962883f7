"""DuckDB, with s3fs below it: httpfs, its own way to S3, is fetched from its makers' server when it is first used."""

import duckdb
import s3fs

files = s3fs.S3FileSystem()
files.mkdir("duckdb-bucket")
connection = duckdb.connect()
connection.register_filesystem(files)
connection.execute(
    "CREATE TABLE numbers AS SELECT n AS id, n % 5 AS part, 'row ' || n AS name FROM range(50000) AS all_numbers(n)"
)
connection.execute("COPY numbers TO 's3://duckdb-bucket/numbers.parquet' (FORMAT parquet, ROW_GROUP_SIZE 10000)")
connection.execute("COPY numbers TO 's3://duckdb-bucket/numbers.csv' (HEADER)")


def ask(query):
    return connection.execute(query).fetchall()


assert ask("SELECT count(*), sum(id) FROM 's3://duckdb-bucket/numbers.parquet'") == [(50_000, 1_249_975_000)]
assert ask("SELECT name FROM read_parquet('s3://duckdb-bucket/*.parquet') WHERE id = 49999") == [("row 49999",)]
assert ask("SELECT count(*) FROM read_csv('s3://duckdb-bucket/numbers.csv') WHERE part = 3") == [(10_000,)]
for part in range(5):
    rows = f"SELECT id, name FROM numbers WHERE part = {part}"
    connection.execute(f"COPY ({rows}) TO 's3://duckdb-bucket/set/part={part}/rows.parquet' (FORMAT parquet)")
parts = "read_parquet('s3://duckdb-bucket/set/*/*.parquet', hive_partitioning = true)"
assert sorted(ask(f"SELECT part, count(*) FROM {parts} GROUP BY part")) == [(part, 10_000) for part in range(5)]
print("ok")
