"""What the caller of a stack operation asked for, whichever operation it was, and its checks."""

from typing import Any

import msgspec

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.roles import may_assume
from fogbank.services.cloudformation import (
    notifications,
    prepare,
    rights,
    rollback_triggers,
    s3_text,
    stack_policy,
    template,
)
from fogbank.services.cloudformation.errors import ValidationError
from fogbank.services.cloudformation.prepare import Plan
from fogbank.services.cloudformation.records import Stack

NO_CHANGES = "No updates are to be performed."


class Settings(msgspec.Struct, kw_only=True):
    """Of CreateStack, UpdateStack, CreateChangeSet or a nested stack. None: not given, so an update keeps it."""

    template_body: str | None = None
    template_url: str | None = None
    use_previous_template: bool = False
    parameters: list[dict[str, Any]] | None = None
    capabilities: list[str] | None = None
    resource_types: list[str] | None = None
    tags: list[dict[str, str]] | None = None
    notification_arns: list[str] | None = None
    rollback_configuration: dict[str, Any] | None = None
    role_arn: str | None = None
    on_failure: str = "ROLLBACK"
    timeout_minutes: int = 0
    protected: bool = False
    policy_body: str | None = None
    policy_url: str | None = None
    update_policy_body: str | None = None
    update_policy_url: str | None = None
    retain_except_on_create: bool = False
    token: str = ""
    reviewed: bool = False
    """Whether a change set shows what transforms made, so that CAPABILITY_AUTO_EXPAND is not needed."""


async def check(ctx: Context, given: Settings) -> None:
    """Refuse what can be told without the template."""
    notifications.check(given.notification_arns or [])
    rollback_triggers.check(given.rollback_configuration or {})
    if given.role_arn:
        check_role(ctx, given.role_arn)
    if any("ParameterKey" not in parameter for parameter in given.parameters or ()):
        raise ValidationError("Each of the Parameters must have a ParameterKey.")  # AWS's sentence is not recorded.
    for tag in given.tags or ():
        if tag["Key"].startswith("aws:"):
            raise ValidationError("aws: prefixed tag key names are not allowed for external use.")


def keeps_failed(config: dict[str, Any] | None) -> bool:
    """Whether a deployment configuration disables the rollback."""
    config = config or {}
    mode = config.get("Mode", "STANDARD")
    if mode != "STANDARD":
        raise NotImplementedInFogbank(f"Fogbank's cloudformation does not implement the deployment mode {mode}.")
    return bool(config.get("DisableRollback"))


def check_role(ctx: Context, role_arn: str) -> None:
    """The role must be there, and CloudFormation one of those who may assume it."""
    if not may_assume(ctx, rights.PRINCIPAL, role_arn):
        raise ValidationError(f"Role {role_arn} is invalid or cannot be assumed")


async def text_of(ctx: Context, given: Settings, former: Stack | None) -> str:
    """The template's text."""
    if given.use_previous_template and former is not None and given.template_body is None and not given.template_url:
        return former.original
    return await template_text(ctx, given.template_body, given.template_url)


async def template_text(ctx: Context, body: str | None, url: str | None) -> str:
    if (body is None) == (url is None):
        raise ValidationError("Either Template URL or Template Body must be specified.")
    if body is None:
        return await s3_text.fetch(ctx, str(url))
    if len(body.encode()) > template.BODY_BYTES_MAX:
        raise ValidationError(
            f"1 validation error detected: Value '{body}' at 'templateBody' failed to satisfy constraint: Member must "
            "have length less than or equal to 51200"
        )
    return body


async def policy_text(ctx: Context, body: str | None, url: str | None, *, name: str) -> str | None:
    """A stack policy, checked; None if none was given."""
    if body is not None and url is not None:
        raise ValidationError(f"You cannot specify both {name}URL and {name}Body")
    text = body if url is None else await s3_text.fetch(ctx, url)
    if text is not None:
        stack_policy.parse(text)
    return text


def plan(ctx: Context, stack: Stack, text: str, given: Settings, former: Stack | None) -> Plan:
    parameters = given.parameters or []
    for parameter in parameters:
        if parameter.get("UsePreviousValue") and parameter.get("ParameterValue"):
            raise ValidationError(
                f"Invalid input for parameter key {parameter['ParameterKey']}. Cannot specify usePreviousValue as true "
                "and non empty value for a parameter"
            )
    arns = given.notification_arns
    if arns is None:
        arns = former.notification_arns if former is not None else []
    return Plan(
        original=text,
        template={},
        pseudo=prepare.pseudo(ctx, name=stack.name, stack_id=stack.id, notification_arns=arns),
        given={p["ParameterKey"]: p.get("ParameterValue", "") for p in parameters if not p.get("UsePreviousValue")},
        previous=former.parameters if former else {},
        use_previous=frozenset(p["ParameterKey"] for p in parameters if p.get("UsePreviousValue")),
        capabilities=given.capabilities or [],
        reviewed=given.reviewed,
        resource_types=given.resource_types or [],
    )


def tags_of(tags: list[dict[str, str]] | None) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags or ()}


def applied(stack: Stack, plan: Plan, given: Settings, *, updating: bool, **changes: Any) -> Stack:
    """The stack's record with what the plan and the settings say."""
    found = msgspec.structs.replace(
        stack, original=plan.original, template=plan.template, parameters=plan.parameters,
        resolved=plan.resolved, capabilities=given.capabilities or [], token=given.token,
        on_failure=given.on_failure, retain_except_on_create=given.retain_except_on_create, **changes,
    )  # fmt: skip
    if given.tags is not None or not updating:
        found.tags = tags_of(given.tags)
    if given.notification_arns is not None:
        found.notification_arns = given.notification_arns
    if given.rollback_configuration is not None:
        found.rollback_configuration = given.rollback_configuration
    if given.role_arn is not None:
        found.role_arn = given.role_arn
    if not updating:
        found.timeout_minutes, found.protected = given.timeout_minutes, given.protected
    return found
