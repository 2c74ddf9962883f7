"""What CloudFormation's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html
"""

from fogbank.core.authorization import Authorization, Parameters, alike, need, pass_role
from fogbank.core.context import Context

_PASS_ROLE = pass_role("RoleARN", to="cloudformation.amazonaws.com")
_KEY = "cloudformation:"
_TEMPLATE = {_KEY + "TemplateUrl": "{TemplateURL}"}
_ROLE = {_KEY + "RoleArn": "{RoleARN}"}
_CONTENT = {**_TEMPLATE, **_ROLE, _KEY + "ResourceTypes": "{ResourceTypes[]}"}
_POLICY = {_KEY + "StackPolicyUrl": "{StackPolicyURL}"}
_CHANGE_SET = {_KEY + "ChangeSetName": "{ChangeSetName}"}


def _stack(ctx: Context, parameters: Parameters) -> str:
    """The stack by its id, which a change set's ARN also tells; one that is not there yet may get any."""
    found: str = ctx.cloud.cloudformation.arn_of(ctx, parameters.get("StackName"), parameters.get("ChangeSetName"))
    return found


AUTHORIZATION = Authorization(
    "cloudformation",
    operations={
        **alike(
            "CancelUpdateStack DescribeStackEvents DescribeStackResource DescribeStackResources "
            "GetStackPolicy ListChangeSets ListStackResources SignalResource UpdateTerminationProtection",
            need(_stack),
        ),
        **alike("ContinueUpdateRollback DeleteStack RollbackStack", (need(_stack, keys=_ROLE), _PASS_ROLE)),
        **alike("DeleteChangeSet DescribeChangeSet ExecuteChangeSet", need(_stack, keys=_CHANGE_SET)),
        **alike("CreateStack UpdateStack", (need(_stack, tags="Tags", keys={**_CONTENT, **_POLICY}), _PASS_ROLE)),
        **alike("DescribeAccountLimits ListExports ListImports ListStacks", need("*")),
        "CreateChangeSet": (
            need(
                _stack,
                tags="Tags",
                keys={
                    **_CONTENT,
                    **_CHANGE_SET,
                    _KEY + "ImportResourceTypes": "{ResourcesToImport[].ResourceType}",
                },
            ),
            _PASS_ROLE,
        ),
        "DescribeStacks": (
            need(_stack),
            need(action="ListStacks", when=lambda ctx, parameters: not parameters.get("StackName")),
        ),
        "GetTemplate": need(_stack),
        "GetTemplateSummary": need(_stack, keys=_TEMPLATE),
        "SetStackPolicy": need(_stack, keys=_POLICY),
        "ValidateTemplate": need("*", keys=_TEMPLATE),
    },
)
