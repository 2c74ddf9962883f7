"""What Firehose's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonkinesisfirehose.html
"""

from fogbank.core.authorization import Authorization, alike, need, pass_roles, values_named

_STREAM = "arn:{partition}:firehose:{region}:{account}:deliverystream/{DeliveryStreamName}"


# The source and all parts of a destination have one.
_PASS_ROLES = pass_roles(lambda ctx, parameters: values_named(parameters, "RoleARN"), to="firehose.amazonaws.com")

AUTHORIZATION = Authorization(
    "firehose",
    operations={
        **alike(
            "DeleteDeliveryStream DescribeDeliveryStream ListTagsForDeliveryStream PutRecord PutRecordBatch "
            "StartDeliveryStreamEncryption StopDeliveryStreamEncryption",
            need(_STREAM),
        ),
        "CreateDeliveryStream": (
            need(_STREAM, tags="Tags"),
            need(_STREAM, action="TagDeliveryStream", when="Tags", tags="Tags"),
            _PASS_ROLES,
        ),
        "ListDeliveryStreams": need("*"),
        "TagDeliveryStream": need(_STREAM, tags="Tags"),
        "UntagDeliveryStream": need(_STREAM, tag_keys="TagKeys"),
        "UpdateDestination": (need(_STREAM), _PASS_ROLES),
    },
)
