"""Amazon DynamoDB Streams: reading what the dynamodb service recorded.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB_Streams.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer, Service


class DynamoDBStreamsService(Service):
    """The whole API. A stream has one shard, which has no children."""

    name = "dynamodbstreams"
    data_operations = frozenset(("GetRecords", "GetShardIterator"))
    raw_shapes = frozenset(("AttributeValue",))

    def describe_stream(
        self,
        ctx: Context,
        *,
        StreamArn: str,
        Limit: int = 100,
        ExclusiveStartShardId: str | None = None,
        ShardFilter: dict[str, str] | None = None,
    ) -> Answer:
        description = self.cloud.dynamodb.streams.describe(StreamArn)
        if ExclusiveStartShardId is not None:
            description["Shards"] = [s for s in description["Shards"] if s["ShardId"] > ExclusiveStartShardId]
        if ShardFilter is not None:
            children = [s for s in description["Shards"] if s.get("ParentShardId") == ShardFilter.get("ShardId")]
            description["Shards"] = children
        if len(description["Shards"]) > Limit:
            description["Shards"] = description["Shards"][:Limit]
            description["LastEvaluatedShardId"] = description["Shards"][-1]["ShardId"]
        return {"StreamDescription": description}

    def get_records(self, ctx: Context, *, ShardIterator: str, Limit: int = 1000) -> Answer:
        answer: dict[str, Any] = self.cloud.dynamodb.streams.records(ctx, ShardIterator, Limit)
        return answer

    def get_shard_iterator(
        self,
        ctx: Context,
        *,
        StreamArn: str,
        ShardId: str,
        ShardIteratorType: str,
        SequenceNumber: str | None = None,
    ) -> Answer:
        return {
            "ShardIterator": self.cloud.dynamodb.streams.iterator(
                ctx, StreamArn, ShardId, ShardIteratorType, SequenceNumber
            )
        }

    def list_streams(
        self,
        ctx: Context,
        *,
        TableName: str | None = None,
        Limit: int = 100,
        ExclusiveStartStreamArn: str | None = None,
    ) -> Answer:
        found = self.cloud.dynamodb.streams.list(ctx, TableName)
        if ExclusiveStartStreamArn is not None:
            arns = [stream["StreamArn"] for stream in found]
            found = found[arns.index(ExclusiveStartStreamArn) + 1 :] if ExclusiveStartStreamArn in arns else []
        answer: dict[str, Any] = {"Streams": found[:Limit]}
        if len(found) > Limit:
            answer["LastEvaluatedStreamArn"] = found[Limit - 1]["StreamArn"]
        return answer
