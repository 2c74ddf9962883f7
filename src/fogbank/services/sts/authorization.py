"""What STS's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html
"""

from fogbank.core.authorization import NOTHING, Authorization, Wording, need

_ROLE_FACTS = {
    "sts:ExternalId": "{ExternalId}",
    "sts:RoleSessionName": "{RoleSessionName}",
    "sts:SourceIdentity": "{SourceIdentity}",
    "sts:TransitiveTagKeys": "{TransitiveTagKeys[]}",
    "sts:DurationSeconds": "{DurationSeconds}",
}

AUTHORIZATION = Authorization(
    "sts",
    wording=Wording.SHORT,
    policy_decides=frozenset(("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")),
    unsigned=frozenset(("AssumeRoleWithSAML", "AssumeRoleWithWebIdentity")),
    operations={
        "AssumeRole": (
            need("{RoleArn}", tags="Tags", keys=_ROLE_FACTS),
            need("{RoleArn}", action="TagSession", when="Tags", tags="Tags", keys=_ROLE_FACTS),
            need("{RoleArn}", action="SetSourceIdentity", when="SourceIdentity", keys=_ROLE_FACTS),
        ),
        "AssumeRoleWithSAML": NOTHING,
        "AssumeRoleWithWebIdentity": NOTHING,
        "DecodeAuthorizationMessage": need("*"),
        "GetAccessKeyInfo": need("*"),
        "GetCallerIdentity": NOTHING,
        "GetFederationToken": need("arn:{partition}:sts::{account}:federated-user/{Name}", tags="Tags"),
        "GetSessionToken": NOTHING,
    },
)
