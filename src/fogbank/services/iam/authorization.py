"""What IAM's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from collections.abc import Mapping

from fogbank.core.authorization import Authorization, Need, Needs, Parameters, Source, need
from fogbank.core.context import Context
from fogbank.core.policy_evaluation import Identity, Kind
from fogbank.services.iam.errors import InvalidClientTokenId


def _found(kind: str, parameter: str) -> Source:
    """The ARN of what a parameter names: its path is not in the parameters."""

    def arn(ctx: Context, parameters: Parameters) -> str:
        return str(ctx.cloud.iam.arn_of(ctx, kind, str(parameters.get(parameter, "*"))))

    return arn


def _user(ctx: Context, parameters: Parameters) -> str:
    """Without a name it is the caller."""
    if "UserName" not in parameters:
        return ctx.principal_arn if ":user/" in ctx.principal_arn else "*"
    return str(ctx.cloud.iam.arn_of(ctx, "user", str(parameters["UserName"])))


def _new(kind: str, parameter: str) -> Source:
    def arn(ctx: Context, parameters: Parameters) -> str:
        return f"arn:aws:iam::{ctx.account}:{kind}{parameters.get('Path', '/')}{parameters.get(parameter, '*')}"

    return arn


def _boundary(kind: str) -> Source:
    """The boundary that a user or a role has already."""

    def arn(ctx: Context, parameters: Parameters) -> str | None:
        found = ctx.cloud.iam.boundary_arn(ctx, kind, str(parameters.get(f"{kind.title()}Name", "")))
        return str(found) if found else None

    return arn


_GROUP, _ROLE = _found("group", "GroupName"), _found("role", "RoleName")
_PROFILE = _found("instance-profile", "InstanceProfileName")
_CERTIFICATE = _found("server-certificate", "ServerCertificateName")
_OIDC, _SAML = "{OpenIDConnectProviderArn}", "{SAMLProviderArn}"
_POLICY, _MFA = "{PolicyArn}", "{SerialNumber}"
_OIDC_NEW = "arn:aws:iam::{account}:oidc-provider/*"
_SAML_NEW = "arn:aws:iam::{account}:saml-provider/{Name}"

_CREDENTIAL_OF = "iam:ServiceSpecificCredentialServiceName"
_ATTACHED = {"iam:PolicyARN": "{PolicyArn}"}
_OF_USER, _OF_ROLE = ({"iam:PermissionsBoundary": _boundary(kind)} for kind in ("user", "role"))
_GIVEN = {"iam:PermissionsBoundary": "{PermissionsBoundary}"}


def _service_of_credential(ctx: Context, parameters: Parameters) -> str | None:
    credential = str(parameters.get("ServiceSpecificCredentialId", ""))
    found = ctx.cloud.iam.service_of_credential(ctx, parameters.get("UserName"), credential)
    return str(found) if found else None


def _each(names: str, needs: Needs) -> Mapping[str, Needs]:
    return dict.fromkeys(names.split(), needs)


def _tagging(kind: str, resource: Source) -> Mapping[str, Needs]:
    return {
        f"Tag{kind}": need(resource, tags="Tags"),
        f"Untag{kind}": need(resource, tag_keys="TagKeys"),
        f"List{kind}Tags": need(resource),
    }


def _made(resource: Source, tag_action: str, keys: Mapping[str, Source] | None = None) -> tuple[Need, Need]:
    """Making something, and giving it tags."""
    return need(resource, tags="Tags", keys=keys), need(resource, action=tag_action, when="Tags", tags="Tags")


def _closed_to(identity: Identity, operation: str) -> InvalidClientTokenId | None:
    """IAM does not know temporary credentials but those of roles, and of users who showed a second factor.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html
    """
    known = identity.mfa or not identity.is_plain_session
    return None if known and identity.kind is not Kind.FEDERATED else InvalidClientTokenId()


AUTHORIZATION = Authorization(
    "iam",
    closed_to=_closed_to,
    operations={
        **_each(
            "CreateAccountAlias DeleteAccountAlias DeleteAccountPasswordPolicy GenerateCredentialReport "
            "GetAccountAuthorizationDetails GetAccountPasswordPolicy GetAccountSummary GetContextKeysForCustomPolicy "
            "GetCredentialReport ListAccountAliases ListGroups ListInstanceProfiles ListOpenIDConnectProviders "
            "ListPolicies ListRoles ListSAMLProviders ListServerCertificates ListUsers ListVirtualMFADevices "
            "SimulateCustomPolicy UpdateAccountPasswordPolicy GetAccessKeyLastUsed",
            need("*"),
        ),
        # ---- users ----
        **_each(
            "CreateAccessKey CreateLoginProfile DeactivateMFADevice DeleteAccessKey "
            "DeleteLoginProfile DeleteSSHPublicKey DeleteSigningCertificate DeleteUser "
            "EnableMFADevice GetLoginProfile GetSSHPublicKey GetUser GetUserPolicy ListAccessKeys "
            "ListAttachedUserPolicies ListGroupsForUser ListMFADevices ListSSHPublicKeys "
            "ListServiceSpecificCredentials ListSigningCertificates ListUserPolicies "
            "ResyncMFADevice UpdateAccessKey UpdateLoginProfile UpdateSSHPublicKey "
            "UpdateSigningCertificate UpdateUser UploadSSHPublicKey UploadSigningCertificate",
            need(_user),
        ),
        "CreateServiceSpecificCredential": need(_user, keys={_CREDENTIAL_OF: "{ServiceName}"}),
        **_each(
            "DeleteServiceSpecificCredential ResetServiceSpecificCredential UpdateServiceSpecificCredential",
            need(_user, keys={_CREDENTIAL_OF: _service_of_credential}),
        ),
        **_tagging("User", _user),
        "CreateUser": _made(_new("user", "UserName"), "TagUser", _GIVEN),
        **_each("AttachUserPolicy DetachUserPolicy", need(_user, keys=_ATTACHED | _OF_USER)),
        **_each("DeleteUserPermissionsBoundary DeleteUserPolicy PutUserPolicy", need(_user, keys=_OF_USER)),
        "PutUserPermissionsBoundary": need(_user, keys=_GIVEN),
        # ---- groups ----
        "CreateGroup": need(_new("group", "GroupName")),
        **_each(
            "AddUserToGroup DeleteGroup DeleteGroupPolicy GetGroup GetGroupPolicy ListAttachedGroupPolicies "
            "ListGroupPolicies PutGroupPolicy RemoveUserFromGroup UpdateGroup",
            need(_GROUP),
        ),
        **_each("AttachGroupPolicy DetachGroupPolicy", need(_GROUP, keys=_ATTACHED)),
        # ---- roles ----
        "CreateRole": _made(_new("role", "RoleName"), "TagRole", _GIVEN),
        "CreateServiceLinkedRole": need(
            "arn:aws:iam::{account}:role/aws-service-role/{AWSServiceName}/*",
            keys={"iam:AWSServiceName": "{AWSServiceName}"},
        ),
        "GetServiceLinkedRoleDeletionStatus": need("arn:aws:iam::{account}:role/*"),
        **_each(
            "DeleteServiceLinkedRole GetRolePolicy ListAttachedRolePolicies ListInstanceProfilesForRole "
            "ListRolePolicies",
            need(_ROLE),
        ),
        **_tagging("Role", _ROLE),
        **_each("AttachRolePolicy DetachRolePolicy", need(_ROLE, keys=_ATTACHED | _OF_ROLE)),
        **_each(
            "DeleteRole DeleteRolePermissionsBoundary DeleteRolePolicy GetRole PutRolePolicy UpdateAssumeRolePolicy "
            "UpdateRole UpdateRoleDescription",
            need(_ROLE, keys=_OF_ROLE),
        ),
        "PutRolePermissionsBoundary": need(_ROLE, keys=_GIVEN),
        # ---- policies ----
        "CreatePolicy": _made(_new("policy", "PolicyName"), "TagPolicy"),
        **_each(
            "CreatePolicyVersion DeletePolicy DeletePolicyVersion GetPolicy GetPolicyVersion ListEntitiesForPolicy "
            "ListPolicyVersions SetDefaultPolicyVersion",
            need(_POLICY),
        ),
        **_tagging("Policy", _POLICY),
        **_each("GetContextKeysForPrincipalPolicy SimulatePrincipalPolicy", need("{PolicySourceArn}")),
        # ---- instance profiles ----
        "CreateInstanceProfile": _made(_new("instance-profile", "InstanceProfileName"), "TagInstanceProfile"),
        "AddRoleToInstanceProfile": (
            need(_PROFILE),
            need(_ROLE, action="PassRole", keys={"iam:PassedToService": "ec2.amazonaws.com"}),
        ),
        **_each("DeleteInstanceProfile GetInstanceProfile RemoveRoleFromInstanceProfile", need(_PROFILE)),
        **_tagging("InstanceProfile", _PROFILE),
        # ---- identity providers ----
        "CreateOpenIDConnectProvider": _made(_OIDC_NEW, "TagOpenIDConnectProvider"),
        **_each(
            "AddClientIDToOpenIDConnectProvider DeleteOpenIDConnectProvider GetOpenIDConnectProvider "
            "RemoveClientIDFromOpenIDConnectProvider UpdateOpenIDConnectProviderThumbprint",
            need(_OIDC),
        ),
        **_tagging("OpenIDConnectProvider", _OIDC),
        "CreateSAMLProvider": _made(_SAML_NEW, "TagSAMLProvider"),
        **_each("DeleteSAMLProvider GetSAMLProvider UpdateSAMLProvider", need(_SAML)),
        **_tagging("SAMLProvider", _SAML),
        # ---- MFA devices and certificates ----
        "CreateVirtualMFADevice": _made(_new("mfa", "VirtualMFADeviceName"), "TagMFADevice"),
        **_each("DeleteVirtualMFADevice GetMFADevice", need(_MFA)),
        **_tagging("MFADevice", _MFA),
        "UploadServerCertificate": _made(_new("server-certificate", "ServerCertificateName"), "TagServerCertificate"),
        **_each("DeleteServerCertificate GetServerCertificate UpdateServerCertificate", need(_CERTIFICATE)),
        **_tagging("ServerCertificate", _CERTIFICATE),
    },
)
