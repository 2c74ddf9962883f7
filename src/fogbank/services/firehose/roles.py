"""Whether Firehose may assume a role. https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html"""

from fogbank.core.context import Context
from fogbank.core.roles import may_assume
from fogbank.services.firehose.errors import InvalidArgument


def check_role(ctx: Context, role_arn: str, stream_arn: str) -> None:
    """The role must be there, and its trust policy let Firehose in on behalf of the stream."""
    conditions = {"sts:externalid": ctx.account, "aws:sourceaccount": ctx.account, "aws:sourcearn": stream_arn}
    if not may_assume(ctx, "firehose.amazonaws.com", role_arn, conditions):
        raise InvalidArgument(f"Firehose is unable to assume role {role_arn}. Please check the role provided.")
