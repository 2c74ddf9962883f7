"""How long a stream keeps its records."""

from tests.conftest import Aws, MovableClock
from tests.patience import eventually
from tests.services.dynamodb.conftest import MakeTable


def test_records_older_than_a_day_are_forgotten_also_where_nobody_reads(
    aws: Aws, clock: MovableClock, make_table: MakeTable
) -> None:
    table = make_table("pk", StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    arn = aws("dynamodb").describe_table(TableName=table)["Table"]["LatestStreamArn"]
    for number in range(3):
        aws("dynamodb").put_item(TableName=table, Item={"pk": {"S": str(number)}})

    def first_sequence() -> str:
        (shard,) = aws("dynamodbstreams").describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        return str(shard["SequenceNumberRange"]["StartingSequenceNumber"])

    before = first_sequence()
    clock.advance(s=23 * 3600)
    assert first_sequence() == before
    clock.advance(s=2 * 3600)
    eventually(lambda: first_sequence() != before)
