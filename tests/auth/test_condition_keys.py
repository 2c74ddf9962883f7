"""The condition keys of each action are told by the table that asks for it, as far as there is something to tell.

`condition_keys.txt` is of the Service Authorization Reference: a key of a service's own and the actions that know it,
those of its service without a prefix. API Gateway's, whose actions are HTTP methods, have none.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fogbank.core.authorization import Need
from fogbank.services import SERVICES
from fogbank.wire.guard import authorization_of

# What RequestFacts finds for every request.
EVERYWHERE = ("s3:ResourceAccount",)
TAGS_OF_RESOURCES = "resourcetag/"

BY_FUNCTIONS = {
    "dynamodb:Attributes", "dynamodb:EnclosingOperation", "dynamodb:FullTableScan", "dynamodb:LeadingKeys",
    "dynamodb:Select", "events:detail-type", "events:detail.eventTypeCode", "events:detail.service",
    "events:detail.userIdentity.principalId", "events:source", "kms:CallerAccount", "kms:EncryptionContext",
    "kms:EncryptionContextKeys", "kms:GrantConstraintType", "kms:GrantOperations", "kms:KeyOrigin", "kms:KeySpec",
    "kms:KeyUsage", "kms:MultiRegion", "kms:MultiRegionKeyType", "kms:ReEncryptOnSameKey", "kms:RequestAlias",
    "kms:ResourceAliases", "s3:ExistingObjectTag", "s3:RequestObjectTag", "s3:RequestObjectTagKeys", "sts:ExternalId",
}  # fmt: skip
"""Those that a need's `further` tells. Each has a test of its own."""

_WEB = "of web identities and SAML, whose operations are not signed and ask their trust policies themselves"
NOT_TOLD = {
    "cloudformation:StackPolicyUrl CreateChangeSet": "CreateChangeSet has no such parameter",
    "dynamodb:ReturnValues": "what reads, checks and is part of a transaction or a statement has no such parameter",
    "dynamodb:EnclosingOperation": "there is no enclosing operation",
    "glue:FederatedAuthorizationSource": "there are no federated catalogs",
    "glue:LakeFormationPermissions": "there is no Lake Formation",
    "iam:AssociatedResourceArn": "which services tell it, and of what, is not published",
    "iam:FIDO-FIPS-140-2-certification": "only virtual devices can be enabled",
    "iam:FIDO-FIPS-140-3-certification": "only virtual devices can be enabled",
    "iam:FIDO-certification": "only virtual devices can be enabled",
    "iam:RegisterSecurityKey": "only virtual devices can be enabled",
    "iam:ServiceSpecificCredentialAgeDays": "the parameter CredentialAgeDays is not there",
    "kms:EncryptionAlgorithm": "data keys are made under symmetric keys, for which the request names none",
    "kms:RecipientAttestation:": "there are no enclaves",
    "kms:ViaService": "told where services ask KMS: no request of a client comes through one",
    "lambda:EventSourceToken": "Invoke has no such parameter",
    "lambda:FunctionUrlAuthType ListFunctionUrlConfigs": "a function and its aliases may have several URLs",
    "lambda:InvokedViaFunctionUrl": "told by function URLs: Invoke is none",
    "lambda:SecurityGroupIds": "there are no VPCs",
    "lambda:SubnetIds": "there are no VPCs",
    "lambda:VpcIds": "there are no VPCs",
    "organizations:PolicyType": "what is tagged need be no policy",
    "organizations:TransferDirection": "there are no responsibility transfers",
    "organizations:TransferType": "there are no responsibility transfers",
    "s3:AccessGrantsInstanceArn": "there are no access grants",
    "s3:AccessPoint": "there are no access points",
    "s3:BucketTag/": "a bucket's tags are told as aws:ResourceTag",
    "s3:DataAccessPoint": "there are no access points",
    "s3:InventoryAccessibleOptionalFields": "what is deleted has no fields",
    "s3:TlsVersion": "Fogbank speaks plain HTTP",
    "s3:delimiter HeadBucket": "HeadBucket has no such parameter",
    "s3:isReplicationPauseRequest": "there is no fault injection service",
    "s3:max-keys HeadBucket": "HeadBucket has no such parameter",
    "s3:prefix HeadBucket": "HeadBucket has no such parameter",
    "secretsmanager:ExternalSecretRotationRoleArn": "there are no managed external secrets",
    "secretsmanager:Type": "there are no managed external secrets",
    "secretsmanager:resource/Type": "there are no managed external secrets",
    "ssm:DocumentCategories": "there are no documents",
    "ssm:DocumentType": "there are no documents",
    **dict.fromkeys(
        ("accounts.google.com:", "cognito-identity.amazonaws.com:", "graph.facebook.com:", "saml:", "www.amazon.com:"),
        _WEB,
    ),
}
"""Beginnings of keys, some for one operation only, with the reason why nothing tells them."""


def reference() -> dict[str, set[str]]:
    """The keys that each action knows."""
    keys: dict[str, set[str]] = {}
    for line in (Path(__file__).parent / "condition_keys.txt").read_text().splitlines():
        key, *actions = line.split()
        for action in actions:
            keys.setdefault(action if ":" in action else f"{key.partition(':')[0]}:{action}", set()).add(key)
    return keys


KEYS = reference()


def tables(package: str) -> Iterator[tuple[str, Need]]:
    table = authorization_of(SERVICES[package].module)
    return ((name, need) for name in table.operations for need in table.needs(name) or ())


def is_told(need: Need, key: str) -> bool:
    plain = key.partition("/$")[0].partition("/<")[0].partition(":$")[0]
    if plain in BY_FUNCTIONS and need.further is not None:
        return True
    told = {name.lower() for name in need.keys}
    return key.lower() in told or key in EVERYWHERE or TAGS_OF_RESOURCES in key.lower()


def is_excused(operation: str, key: str) -> str | None:
    """What excuses it in NOT_TOLD."""
    for excuse in NOT_TOLD:
        beginning, _, only = excuse.partition(" ")
        if key.startswith(beginning) and only in ("", operation):
            return excuse
    return None


# What is asked for in an operation that says nothing of what the action's own operation does.
ASKED_BESIDE = {
    "CreateSecret secretsmanager:": "the secret is not there yet",
    "GetParameter secretsmanager:GetSecretValue": "SSM asks for it, whose request names no secret as Secrets Manager's",
    "GetParameters secretsmanager:GetSecretValue": "the same",
    "RestoreTableFromBackup dynamodb:": "a table is filled: no request names an item",
    "RestoreTableToPointInTime dynamodb:": "the same",
    "CreateKey kms:TagResource": "the key is not there yet",
    "CreateAlias kms:CreateAlias": "on the alias, which is no key",
    "DeleteAlias kms:DeleteAlias": "the same",
    "UpdateAlias kms:UpdateAlias": "the same",
    "RetireGrant kms:RetireGrant": "who retires a grant need not name its key",
}


def is_asked_beside(operation: str, action: str) -> str | None:
    return next((each for each in ASKED_BESIDE if f"{operation} {action}".startswith(each)), None)


@pytest.mark.parametrize("package", sorted(SERVICES.keys() - {"apigateway"}))
def test_a_table_tells_the_condition_keys_of_its_actions(package: str) -> None:
    untold = {
        f"{operation}: {key} of {need.action}"
        for operation, need in tables(package)
        for key in KEYS.get(need.action, ())
        if not is_told(need, key)
        and is_excused(operation, key) is None
        and is_asked_beside(operation, need.action) is None
    }
    assert untold == set()


def test_what_is_not_told_is_still_not_told() -> None:
    used: set[str | None] = set()
    beside: set[str | None] = set()
    for package in SERVICES:
        for operation, need in tables(package):
            untold = [key for key in KEYS.get(need.action, ()) if not is_told(need, key)]
            excuses = {is_excused(operation, key) for key in untold}
            used |= excuses
            beside |= {is_asked_beside(operation, need.action)} if None in excuses else set()
    assert NOT_TOLD.keys() - used == set()
    assert ASKED_BESIDE.keys() - beside == set()


def test_api_gateway_tells_the_keys_of_what_it_has() -> None:
    told = {name for _, need in tables("apigateway") for name in need.keys if name.startswith("apigateway:")}
    of = {
        "Request": "AccessLoggingDestination AccessLoggingFormat ApiKeyRequired ApiName AuthorizerType AuthorizerUri "
        "DisableExecuteApiEndpoint EndpointType RouteAuthorizationType StageName",
        # All others are of domain names, portals, routing rules and VPC links, which are not there.
        "Resource": "AccessLoggingDestination AccessLoggingFormat ApiKeyRequired ApiName AuthorizerType AuthorizerUri "
        "DisableExecuteApiEndpoint EndpointType RouteAuthorizationType",
    }
    wanted = {f"apigateway:{kind}/{name}" for kind, names in of.items() for name in names.split()}
    assert told == wanted
