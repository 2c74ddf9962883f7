"""The keys that groups are encrypted with, from when they get them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
"""

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Answer
from fogbank.services.logs.errors import InvalidParameter
from fogbank.services.logs.groups import Groups
from fogbank.services.logs.records import Group


class Encryption(Groups):
    """The operations on keys of `LogsService`."""

    def associate_kms_key(
        self, ctx: Context, *, kmsKeyId: str, logGroupName: str | None = None, resourceIdentifier: str | None = None
    ) -> Answer:
        return self._encrypt(ctx, logGroupName, resourceIdentifier, kmsKeyId)

    def disassociate_kms_key(
        self, ctx: Context, *, logGroupName: str | None = None, resourceIdentifier: str | None = None
    ) -> Answer:
        return self._encrypt(ctx, logGroupName, resourceIdentifier, "")

    def _encrypt(self, ctx: Context, name: str | None, identifier: str | None, key: str) -> Answer:
        group = self._encrypted(ctx, name, identifier)
        self._set_key(ctx, group, key)
        self._keep_group(ctx, group)
        return None

    def _encrypted(self, ctx: Context, name: str | None, identifier: str | None) -> Group:
        if (name is None) == (identifier is None):
            raise InvalidParameter("Either logGroupName or resourceIdentifier must be given, and not both.")
        if name is not None:
            return self._group(ctx, name)
        arn = parse_arn(identifier or "")
        if arn is not None and arn.resource.startswith("query-result:"):
            raise NotImplementedInFogbank("Fogbank's logs does not implement keys for the results of queries.")
        if arn is None or not arn.resource.startswith("log-group:"):
            raise InvalidParameter("The resourceIdentifier is not the ARN of a log group or of query results.")
        return self._group(ctx, arn.resource.removeprefix("log-group:").removesuffix(":*"))
