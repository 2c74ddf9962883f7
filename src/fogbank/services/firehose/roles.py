"""What Firehose does with a role. https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html"""

from fogbank.core.context import Context
from fogbank.core.delegation import Permission, acting_as, permission_of
from fogbank.core.roles import may_assume
from fogbank.services.firehose.errors import InvalidArgument
from fogbank.services.firehose.records import DeliveryStream

_SERVICE = "firehose.amazonaws.com"


def check_role(ctx: Context, role_arn: str, stream_arn: str) -> None:
    """The role must be there, and its trust policy let Firehose in on behalf of the stream."""
    if not may_assume(ctx, _SERVICE, role_arn, _conditions(ctx.account, stream_arn)):
        raise InvalidArgument(f"Firehose is unable to assume role {role_arn}. Please check the role provided.")


def as_role(ctx: Context, role_arn: str, stream: DeliveryStream) -> Context:
    """The context as the role has it. Raises NotPermitted."""
    return acting_as(ctx, role_arn, _SERVICE, _conditions(stream.account, stream.arn))


def reading_as(role_arn: str, stream: DeliveryStream) -> Permission:
    """What is asked before each look at the stream's source."""
    return permission_of(role_arn, _SERVICE, _conditions(stream.account, stream.arn))


def _conditions(account: str, stream_arn: str) -> dict[str, str]:
    return {"sts:externalid": account, "aws:sourceaccount": account, "aws:sourcearn": stream_arn}
