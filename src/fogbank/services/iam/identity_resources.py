"""CloudFormation: AWS::IAM::GroupPolicy, OIDCProvider, RolePolicy, SAMLProvider, ServerCertificate, UserPolicy and
UserToGroupAddition.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_IAM.html
"""

from typing import Any, ClassVar

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, TransactionalResourceType
from fogbank.core.tags import tag_list
from fogbank.services.iam.errors import NoSuchEntity
from fogbank.services.iam.user_resources import policy_text


class _InlinePolicy(TransactionalResourceType):
    """One inline policy of one holder. Ref is `name|holder`."""

    kind: ClassVar[str]

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        given = request.properties
        document = policy_text(given.get("PolicyDocument", {}))
        put = getattr(ctx.cloud.iam, f"put_{self.kind.lower()}_policy")
        put(ctx, **self._holder(given), PolicyName=given["PolicyName"], PolicyDocument=document)
        return ResourceState(physical_id=f"{given['PolicyName']}|{given[f'{self.kind}Name']}")

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return self._create(ctx, request)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        given = request.properties
        try:
            remove = getattr(ctx.cloud.iam, f"delete_{self.kind.lower()}_policy")
            remove(ctx, **self._holder(given), PolicyName=given["PolicyName"])
        except NoSuchEntity:
            return

    def _holder(self, given: dict[str, Any]) -> dict[str, str]:
        return {f"{self.kind}Name": given[f"{self.kind}Name"]}


class GroupPolicyResource(_InlinePolicy):
    type_name, kind = "AWS::IAM::GroupPolicy", "Group"
    supported = frozenset(("GroupName", "PolicyDocument", "PolicyName"))


class RolePolicyResource(_InlinePolicy):
    type_name, kind = "AWS::IAM::RolePolicy", "Role"
    supported = frozenset(("PolicyDocument", "PolicyName", "RoleName"))


class UserPolicyResource(_InlinePolicy):
    type_name, kind = "AWS::IAM::UserPolicy", "User"
    supported = frozenset(("PolicyDocument", "PolicyName", "UserName"))


class UserToGroupAdditionResource(TransactionalResourceType):
    """Ref is a name that nothing else has."""

    type_name = "AWS::IAM::UserToGroupAddition"
    supported = frozenset(("GroupName", "Users"))

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        for user in request.properties["Users"]:
            ctx.cloud.iam.add_user_to_group(ctx, GroupName=request.properties["GroupName"], UserName=user)
        return ResourceState(physical_id=request.physical_id or request.generated_name())

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        self._remove(ctx, request.previous)
        return self._create(ctx, request)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        self._remove(ctx, request.properties)

    def _remove(self, ctx: Context, given: dict[str, Any]) -> None:
        for user in given["Users"]:
            try:
                ctx.cloud.iam.remove_user_from_group(ctx, GroupName=given["GroupName"], UserName=user)
            except NoSuchEntity:
                continue


class ServerCertificateResource(TransactionalResourceType):
    """Ref is the certificate's name."""

    type_name = "AWS::IAM::ServerCertificate"
    supported = frozenset(
        ("CertificateBody", "CertificateChain", "Path", "PrivateKey", "ServerCertificateName", "Tags")
    )
    taggable = True

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.properties.get("ServerCertificateName") or request.generated_name(length_max=128)
        plain = ("CertificateBody", "CertificateChain", "Path", "PrivateKey")
        given = {key: request.properties[key] for key in plain if key in request.properties}
        made = ctx.cloud.iam.upload_server_certificate(
            ctx, ServerCertificateName=name, **given, Tags=tag_list(request.tags())
        )
        return ResourceState(physical_id=name, attributes={"Arn": made["ServerCertificateMetadata"]["Arn"]})

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        iam, name = ctx.cloud.iam, request.physical_id
        iam.update_server_certificate(ctx, ServerCertificateName=name, NewPath=request.properties.get("Path", "/"))
        found = iam.get_server_certificate(ctx, ServerCertificateName=name)["ServerCertificate"]
        iam.untag_server_certificate(ctx, ServerCertificateName=name, TagKeys=[tag["Key"] for tag in found["Tags"]])
        iam.tag_server_certificate(ctx, ServerCertificateName=name, Tags=tag_list(request.tags()))
        found = iam.get_server_certificate(ctx, ServerCertificateName=name)["ServerCertificate"]
        return ResourceState(physical_id=name, attributes={"Arn": found["ServerCertificateMetadata"]["Arn"]})

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            ctx.cloud.iam.delete_server_certificate(ctx, ServerCertificateName=request.physical_id)
        except NoSuchEntity:
            return


class OpenIdProviderResource(TransactionalResourceType):
    """Ref is the provider's ARN."""

    type_name = "AWS::IAM::OIDCProvider"
    supported = frozenset(("ClientIdList", "Tags", "ThumbprintList", "Url"))
    taggable = True

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        given = request.properties
        arn = ctx.cloud.iam.create_open_id_connect_provider(
            ctx,
            Url=given["Url"],
            ClientIDList=given.get("ClientIdList"),
            ThumbprintList=given.get("ThumbprintList"),
            Tags=tag_list(request.tags()),
        )["OpenIDConnectProviderArn"]
        return ResourceState(physical_id=arn, attributes={"Arn": arn})

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        iam, given = ctx.cloud.iam, request.properties
        named = {"OpenIDConnectProviderArn": request.physical_id}
        before = iam.get_open_id_connect_provider(ctx, **named)
        wanted = given.get("ClientIdList", [])
        for client in before["ClientIDList"]:
            if client not in wanted:
                iam.remove_client_id_from_open_id_connect_provider(ctx, **named, ClientID=client)
        for client in wanted:
            iam.add_client_id_to_open_id_connect_provider(ctx, **named, ClientID=client)
        iam.update_open_id_connect_provider_thumbprint(ctx, **named, ThumbprintList=given.get("ThumbprintList", []))
        iam.untag_open_id_connect_provider(ctx, **named, TagKeys=[tag["Key"] for tag in before.get("Tags", ())])
        iam.tag_open_id_connect_provider(ctx, **named, Tags=tag_list(request.tags()))
        return ResourceState(physical_id=request.physical_id, attributes={"Arn": request.physical_id})

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        ctx.cloud.iam.delete_open_id_connect_provider(ctx, OpenIDConnectProviderArn=request.physical_id)


class SamlProviderResource(TransactionalResourceType):
    """Ref is the provider's ARN."""

    type_name = "AWS::IAM::SAMLProvider"
    supported = frozenset(("Name", "SamlMetadataDocument", "Tags"))
    taggable = True

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        arn = ctx.cloud.iam.create_saml_provider(
            ctx,
            Name=request.properties.get("Name") or request.generated_name(length_max=128),
            SAMLMetadataDocument=request.properties["SamlMetadataDocument"],
            Tags=tag_list(request.tags()),
        )["SAMLProviderArn"]
        return ResourceState(physical_id=arn, attributes={"Arn": arn})

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        iam, named = ctx.cloud.iam, {"SAMLProviderArn": request.physical_id}
        iam.update_saml_provider(ctx, **named, SAMLMetadataDocument=request.properties["SamlMetadataDocument"])
        before = iam.get_saml_provider(ctx, **named).get("Tags", ())
        iam.untag_saml_provider(ctx, **named, TagKeys=[tag["Key"] for tag in before])
        iam.tag_saml_provider(ctx, **named, Tags=tag_list(request.tags()))
        return ResourceState(physical_id=request.physical_id, attributes={"Arn": request.physical_id})

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            ctx.cloud.iam.delete_saml_provider(ctx, SAMLProviderArn=request.physical_id)
        except NoSuchEntity:
            return
