"""What a resource's own service asks of whoever changes its tags, which the Tagging API asks for each resource.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/overview.html
"""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from fogbank.core.arn import Arn
from fogbank.core.context import Context
from fogbank.core.delegation import NotPermitted
from fogbank.core.service import Service

# Where it is not TagResource and UntagResource.
_ACTIONS = {
    "apigateway": ("PUT", "DELETE"),
    "cloudformation": ("UpdateStack", "UpdateStack"),
    "cloudtrail": ("AddTags", "RemoveTags"),
    "firehose": ("TagDeliveryStream", "UntagDeliveryStream"),
    "kinesis": ("AddTagsToStream", "RemoveTagsFromStream"),
    "s3": ("PutBucketTagging", "PutBucketTagging"),
    "sqs": ("TagQueue", "UntagQueue"),
    "ssm": ("AddTagsToResource", "RemoveTagsFromResource"),
}
# Nobody has anything on their resources unless the resource's policy says so.
_SHUT = ("kms",)
_OF_IAM = {
    "instance-profile": "InstanceProfile",
    "mfa": "MFADevice",
    "oidc-provider": "OpenIDConnectProvider",
    "policy": "Policy",
    "role": "Role",
    "saml-provider": "SAMLProvider",
    "server-certificate": "ServerCertificate",
    "user": "User",
}


def permit_tagging(ctx: Context, service: Service, arn: Arn, *, tags: Mapping[str, str]) -> None:
    """Raises NotPermitted unless the caller may add those tags."""
    told: dict[str, str | Sequence[str]] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    _permit(ctx, service, arn, 0, {**told, "aws:tagkeys": list(tags)})


def permit_untagging(ctx: Context, service: Service, arn: Arn, *, keys: Sequence[str]) -> None:
    """Raises NotPermitted unless the caller may remove the tags of those keys."""
    _permit(ctx, service, arn, 1, {"aws:tagkeys": keys})


def _permit(ctx: Context, service: Service, arn: Arn, number: int, told: Mapping[str, str | Sequence[str]]) -> None:
    authorizer, identity = ctx.cloud.authorizer, ctx.identity
    if authorizer is None or identity is None:
        return
    name = _ACTIONS.get(arn.service, ("TagResource", "UntagResource"))[number]
    if arn.service == "iam":
        name = ("Tag", "Untag")[number] + _OF_IAM.get(arn.resource.partition("/")[0], "Resource")
    resource = str(arn)
    if arn.service == "apigateway":
        resource = f"arn:aws:apigateway:{ctx.region}::/tags/{quote(resource, safe='')}"
    action = f"{arn.service}:{name}"
    shut = arn.service in _SHUT
    if not authorizer.decide(ctx, identity, action, resource, told, service, policy_decides=shut).allowed:
        raise NotPermitted(f"User: {identity.arn} is not authorized to perform: {action} on resource: {resource}")
