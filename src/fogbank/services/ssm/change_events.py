"""What Parameter Store tells on the event bus.

https://docs.aws.amazon.com/systems-manager/latest/userguide/monitoring-systems-manager-event-examples.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.services.ssm.names import parameter_arn
from fogbank.services.ssm.records import Parameter, Policy


def announce_change(ctx: Context, parameter: Parameter, operation: str) -> None:
    """`operation` is Create, Update, Delete or LabelParameterVersion."""
    detail: dict[str, Any] = {"operation": operation, "name": parameter.name, "type": parameter.type}
    if parameter.description:
        detail["description"] = parameter.description
    _announce(ctx, parameter, "Parameter Store Change", detail)


def announce_policy(ctx: Context, parameter: Parameter, policy: Policy) -> None:
    detail = {
        "parameter-name": parameter.name,
        "parameter-type": parameter.type,
        "policy-type": policy.type,
        "policy-content": policy.text,
        "action-status": "Success",
    }
    _announce(ctx, parameter, "Parameter Store Policy Action", detail)


def _announce(ctx: Context, parameter: Parameter, detail_type: str, detail: dict[str, Any]) -> None:
    if "events" not in ctx.cloud.running_services():
        return  # Nobody has ever made a rule, and the service need not be there for this.
    ctx.cloud.events.put_service_event(
        ctx,
        source="aws.ssm",
        detail_type=detail_type,
        detail=detail,
        resources=[parameter_arn(ctx.account, ctx.region, parameter.name)],
        time_ms=ctx.now_ms,
    )
