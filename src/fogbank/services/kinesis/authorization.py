"""What Kinesis Data Streams' operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonkinesisdatastreams.html
https://docs.aws.amazon.com/streams/latest/dev/controlling-access.html
"""

from fogbank.core.authorization import Authorization, Parameters, alike, need
from fogbank.core.context import Context
from fogbank.services.kinesis.reading import stream_of_iterator
from fogbank.services.kinesis.shard_lists import stream_of_token


def _stream(ctx: Context, parameters: Parameters) -> str:
    return str(parameters.get("StreamARN") or ctx.arn("kinesis", f"stream/{parameters.get('StreamName', '*')}"))


def _listed_stream(ctx: Context, parameters: Parameters) -> str:
    """A further page is asked for without the stream's name."""
    token = parameters.get("NextToken")
    if token is None or "StreamARN" in parameters:
        return _stream(ctx, parameters)
    return ctx.arn("kinesis", f"stream/{stream_of_token(str(token))}")


def _read_stream(ctx: Context, parameters: Parameters) -> str:
    """The stream of an iterator, which need not be said."""
    return stream_of_iterator(ctx, str(parameters.get("ShardIterator", "")))


def _consumer(ctx: Context, parameters: Parameters) -> str:
    if given := parameters.get("ConsumerARN"):
        return str(given)
    arn: str = ctx.cloud.kinesis.consumer_arn(
        ctx, str(parameters.get("StreamARN", "*")), parameters.get("ConsumerName")
    )
    return arn


AUTHORIZATION = Authorization(
    "kinesis",
    operations={
        # For some of these the reference knows no resource; the policies in the developer guide name the stream.
        **alike(
            "DecreaseStreamRetentionPeriod DeleteStream DescribeStream DescribeStreamSummary "
            "DisableEnhancedMonitoring EnableEnhancedMonitoring GetShardIterator IncreaseStreamRetentionPeriod "
            "ListStreamConsumers ListTagsForStream MergeShards PutRecord PutRecords SplitShard StartStreamEncryption "
            "StopStreamEncryption UpdateMaxRecordSize UpdateShardCount UpdateStreamMode UpdateStreamWarmThroughput",
            need(_stream),
        ),
        **alike("DeregisterStreamConsumer DescribeStreamConsumer", need(_consumer)),
        **alike("DeleteResourcePolicy GetResourcePolicy ListTagsForResource PutResourcePolicy", need("{ResourceARN}")),
        **alike("DescribeAccountSettings DescribeLimits ListStreams UpdateAccountSettings", need("*")),
        "AddTagsToStream": need(_stream, tags="Tags"),
        "CreateStream": (need(_stream, tags="Tags"), need(_stream, action="AddTagsToStream", when="Tags", tags="Tags")),
        "GetRecords": need(_read_stream),
        "ListShards": need(_listed_stream),
        "RegisterStreamConsumer": (
            need(_stream, tags="Tags"),
            need(_consumer, action="TagResource", when="Tags", tags="Tags"),
        ),
        "RemoveTagsFromStream": need(_stream, tag_keys="TagKeys"),
        "SubscribeToShard": need("{ConsumerARN}"),
        "TagResource": need("{ResourceARN}", tags="Tags"),
        "UntagResource": need("{ResourceARN}", tag_keys="TagKeys"),
    },
)
