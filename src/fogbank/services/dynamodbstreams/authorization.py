"""What DynamoDB Streams' operations ask of IAM, by the names that DynamoDB's actions have.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
"""

from fogbank.core.authorization import Authorization, Parameters, need
from fogbank.core.context import Context


def _stream_of_iterator(ctx: Context, parameters: Parameters) -> str:
    arn: str = ctx.cloud.dynamodb.streams.of_iterator(str(parameters.get("ShardIterator", "")))
    return arn


AUTHORIZATION = Authorization(
    "dynamodb",
    operations={
        "DescribeStream": need("{StreamArn}"),
        "GetRecords": need(_stream_of_iterator),
        "GetShardIterator": need("{StreamArn}"),
        "ListStreams": need("arn:{partition}:dynamodb:{region}:{account}:table/{TableName}/stream/*"),
    },
)
