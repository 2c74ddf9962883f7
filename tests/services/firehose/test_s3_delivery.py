import gzip
import re
from typing import Any

from tests.conftest import MovableClock
from tests.services.firehose.conftest import MakeStream, put


def test_what_was_put_is_one_object_when_the_interval_is_over(
    firehose: Any, make_stream: MakeStream, objects: Any, clock: MovableClock
) -> None:
    make_stream(BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 60})
    put(firehose, "one\n", "two\n")
    clock.advance(s=30)
    firehose.put_record(DeliveryStreamName="clicks", Record={"Data": b"three\n"})
    assert objects(0) == {}
    clock.advance(s=31)
    ((key, body),) = objects().items()
    assert body == b"one\ntwo\nthree\n"
    assert re.fullmatch(r"(\d{4})/(\d\d)/(\d\d)/(\d\d)/clicks-1-\1-\2-\3-\4-\d\d-\d\d-[0-9a-f-]{36}", key)


def test_a_full_buffer_is_delivered_at_once(firehose: Any, make_stream: MakeStream, objects: Any) -> None:
    make_stream(BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900}, CompressionFormat="GZIP")
    put(firehose, "a" * 600_000)
    put(firehose, "b" * 600_000)
    ((key, body),) = objects().items()
    assert key.endswith(".gz")
    assert gzip.decompress(body) == b"a" * 600_000 + b"b" * 600_000
