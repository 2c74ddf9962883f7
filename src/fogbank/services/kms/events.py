"""What KMS tells on the event bus: https://docs.aws.amazon.com/kms/latest/developerguide/kms-events.html"""

from fogbank.core.context import Context
from fogbank.services.kms.records import Key


def announce(ctx: Context, key: Key, detail_type: str) -> None:
    if "events" not in ctx.cloud.running_services():
        return  # Nobody has ever made a rule, and the service need not be there for this.
    ctx.cloud.events.put_service_event(
        ctx.at(account=key.account, region=key.region),
        source="aws.kms",
        detail_type=detail_type,
        detail={"key-id": key.id},
        resources=[key.arn],
        time_ms=ctx.now_ms,
    )
