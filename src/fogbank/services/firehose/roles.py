"""Whether Firehose may assume a role. https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html"""

from urllib.parse import unquote

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.policies import Effect, Request, read_policy
from fogbank.services.firehose.errors import InvalidArgument


def check_role(ctx: Context, role_arn: str, stream_arn: str) -> None:
    """The role must be there, and its trust policy let Firehose in on behalf of the stream."""
    refusal = InvalidArgument(f"Firehose is unable to assume role {role_arn}. Please check the role provided.")
    role = parse_arn(role_arn)
    if role is None:
        raise refusal
    try:
        name = role.resource.rpartition("/")[2]
        found = ctx.cloud.iam.get_role(ctx.at(account=role.account), RoleName=name)["Role"]
    except AwsError:
        raise refusal from None
    context = {
        "sts:externalid": ctx.account,
        "aws:sourceaccount": ctx.account,
        "aws:sourcearn": stream_arn,
    }
    request = Request("firehose.amazonaws.com", "sts:AssumeRole", role_arn, context)
    if read_policy(unquote(str(found["AssumeRolePolicyDocument"]))).decide(request) is not Effect.ALLOW:
        raise refusal
