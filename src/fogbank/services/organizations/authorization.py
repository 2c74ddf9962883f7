"""What Organizations' operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html
"""

from fogbank.core.authorization import Authorization, Parameters, Source, need
from fogbank.core.context import Context

_TYPE = {"organizations:PolicyType": "{PolicyType}"}
# There are policies of no other type.
_OF_POLICY = {"organizations:PolicyType": "SERVICE_CONTROL_POLICY"}
_FILTER = {"organizations:PolicyType": "{Filter}"}


def _found(parameter: str) -> Source:
    """The ARN of a root, a unit, an account or a policy, which the parameter tells the id of."""

    def arn(ctx: Context, parameters: Parameters) -> str:
        return str(ctx.cloud.organizations.arn_of(ctx, str(parameters.get(parameter, "*"))))

    return arn


_ACCOUNT, _UNIT, _PARENT = _found("AccountId"), _found("OrganizationalUnitId"), _found("ParentId")
_POLICY, _TARGET, _ROOT, _RESOURCE = _found("PolicyId"), _found("TargetId"), _found("RootId"), _found("ResourceId")

AUTHORIZATION = Authorization(
    "organizations",
    operations={
        "AttachPolicy": (need(_POLICY, keys=_OF_POLICY), need(_TARGET, keys=_OF_POLICY)),
        "CloseAccount": need(_ACCOUNT),
        "CreateAccount": (need("*", tags="Tags"), need("*", action="TagResource", when="Tags", tags="Tags")),
        "CreateOrganization": need("*"),
        "CreateOrganizationalUnit": need(_PARENT, tags="Tags"),
        "CreatePolicy": need("*", tags="Tags", keys={"organizations:PolicyType": "{Type}"}),
        "DeleteOrganization": need("*"),
        "DeleteOrganizationalUnit": need(_UNIT),
        "DeletePolicy": need(_POLICY, keys=_OF_POLICY),
        "DescribeAccount": need(_ACCOUNT),
        "DescribeCreateAccountStatus": need("*"),
        "DescribeOrganization": need("*"),
        "DescribeOrganizationalUnit": need(_UNIT),
        "DescribePolicy": need(_POLICY, keys=_OF_POLICY),
        "DetachPolicy": (need(_POLICY, keys=_OF_POLICY), need(_TARGET, keys=_OF_POLICY)),
        "DisablePolicyType": need(_ROOT, keys=_TYPE),
        "EnablePolicyType": need(_ROOT, keys=_TYPE),
        "LeaveOrganization": need("*"),
        "ListAccounts": need("*"),
        "ListAccountsForParent": need(_PARENT),
        "ListChildren": need(_PARENT),
        "ListCreateAccountStatus": need("*"),
        "ListOrganizationalUnitsForParent": need(_PARENT),
        "ListParents": need(_found("ChildId")),
        "ListPolicies": need("*", keys=_FILTER),
        "ListPoliciesForTarget": need(_TARGET, keys=_FILTER),
        "ListRoots": need("*"),
        "ListTagsForResource": need(_RESOURCE),
        "ListTargetsForPolicy": need(_POLICY, keys=_OF_POLICY),
        "MoveAccount": (need(_ACCOUNT), need(_found("SourceParentId")), need(_found("DestinationParentId"))),
        "RemoveAccountFromOrganization": need(_ACCOUNT),
        "TagResource": need(_RESOURCE, tags="Tags"),
        "UntagResource": need(_RESOURCE, tag_keys="TagKeys"),
        "UpdateOrganizationalUnit": need(_UNIT),
        "UpdatePolicy": need(_POLICY, keys=_OF_POLICY),
    },
)
