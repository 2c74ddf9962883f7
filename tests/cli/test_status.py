"""`fogbank status` says what is there."""

from tests.cli.test_wrong_use import fogbank
from tests.conftest import Aws, LiveServer


def test_it_shows_the_largest_buckets_first(server: LiveServer, aws: Aws, account: str) -> None:
    s3 = aws("s3")
    for kind, size in (("small", 10), ("large", 50_000_000)):
        s3.create_bucket(Bucket=f"{kind}-{account}")
        s3.put_object(Bucket=f"{kind}-{account}", Key="k", Body=bytes(size))
    said = fogbank("status", "--endpoint", server.endpoint).stdout
    assert f"buckets             large-{account}  1 objects, 48 MB" in said
    assert said.index(f"large-{account}") < said.index(f"small-{account}")
