"""What requests tell to conditions, read in the messages about their denials."""

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.auth.conftest import Client, GuardedServer, User, fetch
from tests.auth.test_authorization_messages import HEADER, conditions, decoded, denied
from tests.services.s3.test_browser_posts import BOUNDARY, form

Told = Callable[..., dict[str, list[str]]]
LAMBDA = "arn:aws:lambda:us-east-1:000000000000:function:f"
KMS_KEY = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
# The clock of the server may be moved by some minutes.
IN_A_WEEK = datetime.now(UTC).replace(microsecond=0) + timedelta(days=6, hours=12)
API = {"name": "told", "disableExecuteApiEndpoint": True, "endpointConfiguration": {"types": ["REGIONAL"]}}
DOCUMENT = {
    "openapi": "3.0.1",
    "info": {"title": "imported"},
    "paths": {"/": {"get": {"security": [{"own": []}], "x-amazon-apigateway-auth": {"type": "NONE"}}}},
    "components": {
        "securitySchemes": {
            "own": {
                "type": "apiKey",
                "name": "Authorization",
                "in": "header",
                "x-amazon-apigateway-authtype": "custom",
                "x-amazon-apigateway-authorizer": {"type": "token", "authorizerUri": LAMBDA},
            }
        }
    },
}


@pytest.fixture
def told(root: Client, new_user: Callable[[], User]) -> Told:
    """The condition keys of a call by somebody who may nothing."""

    def tell(service: str, operation: str, **given: Any) -> dict[str, list[str]]:
        call = getattr(new_user().client(service), operation)
        return conditions(decoded(root("sts"), denied(call, **given)))

    return tell


@pytest.fixture
def bucket(root: Client) -> str:
    name = f"b-{secrets.token_hex(4)}"
    root("s3").create_bucket(Bucket=name)
    return name


@pytest.mark.parametrize(
    ("service", "operation", "given", "expected"),
    [
        ("apigateway", "create_rest_api", API,
         {"apigateway:Request/ApiName": ["told"], "apigateway:Request/EndpointType": ["REGIONAL"],
          "apigateway:Request/DisableExecuteApiEndpoint": ["true"]}),
        ("apigateway", "import_rest_api", {"body": json.dumps(DOCUMENT).encode()},
         {"apigateway:Request/ApiName": ["imported"], "apigateway:Request/AuthorizerType": ["TOKEN"],
          "apigateway:Request/AuthorizerUri": [LAMBDA]}),
        ("apigateway", "create_deployment", {"restApiId": "a", "stageName": "live"},
         {"apigateway:Request/StageName": ["live"]}),
        ("apigateway", "update_stage",
         {"restApiId": "a", "stageName": "live",
          "patchOperations": [{"op": "replace", "path": "/accessLogSettings/format", "value": "$context.requestId"}]},
         {"apigateway:Request/AccessLoggingFormat": ["$context.requestId"]}),
        ("dynamodb", "get_item", {"TableName": "t", "Key": {"k": {"S": "x"}}},
         {"dynamodb:Select": ["ALL_ATTRIBUTES"]}),
        ("dynamodb", "get_item", {"TableName": "t", "Key": {"k": {"S": "x"}}, "ProjectionExpression": "a"},
         {"dynamodb:Select": ["SPECIFIC_ATTRIBUTES"]}),
        ("dynamodb", "query", {"TableName": "t", "IndexName": "index", "KeyConditionExpression": "k = :k",
                               "ExpressionAttributeValues": {":k": {"S": "x"}}},
         {"dynamodb:Select": ["ALL_PROJECTED_ATTRIBUTES"]}),
        ("dynamodb", "scan", {"TableName": "t", "Select": "COUNT"}, {"dynamodb:Select": ["COUNT"]}),
        ("dynamodb", "batch_get_item",
         {"RequestItems": {"t": {"Keys": [{"k": {"S": "x"}}], "ProjectionExpression": "a"}},
          "ReturnConsumedCapacity": "TOTAL"},
         {"dynamodb:Select": ["SPECIFIC_ATTRIBUTES"], "dynamodb:ReturnConsumedCapacity": ["TOTAL"]}),
        ("dynamodb", "put_item", {"TableName": "t", "Item": {"k": {"S": "x"}}, "ReturnValues": "ALL_OLD"},
         {"dynamodb:ReturnValues": ["ALL_OLD"]}),
        ("events", "put_events", {"Entries": [{"Source": "s", "DetailType": "d", "Detail": "{}"}]},
         {"events:eventBusInvocation": ["false"]}),
        ("iam", "create_service_specific_credential", {"UserName": "u", "ServiceName": "codecommit.amazonaws.com"},
         {"iam:ServiceSpecificCredentialServiceName": ["codecommit.amazonaws.com"]}),
        ("kms", "list_grants", {"KeyId": KMS_KEY}, {"kms:GrantIsForAWSResource": ["false"]}),
        ("lambda", "add_permission",
         {"FunctionName": "f", "StatementId": "s", "Action": "lambda:InvokeFunctionUrl", "Principal": "*",
          "FunctionUrlAuthType": "NONE"},
         {"lambda:Principal": ["*"], "lambda:FunctionUrlAuthType": ["NONE"]}),
        ("logs", "put_delivery_source", {"name": "s", "resourceArn": LAMBDA, "logType": "ACCESS_LOGS"},
         {"logs:LogGeneratingResourceArns": [LAMBDA]}),
        ("organizations", "delete_policy", {"PolicyId": "p-examplepolicy1"},
         {"organizations:PolicyType": ["SERVICE_CONTROL_POLICY"]}),
        ("secretsmanager", "create_secret",
         {"Name": "n", "Description": "d", "KmsKeyId": KMS_KEY, "AddReplicaRegions": [{"Region": "eu-west-1"}],
          "ForceOverwriteReplicaSecret": True},
         {"secretsmanager:Name": ["n"], "secretsmanager:Description": ["d"], "secretsmanager:KmsKeyArn": [KMS_KEY],
          "secretsmanager:KmsKeyId": [KMS_KEY], "secretsmanager:AddReplicaRegions": ["eu-west-1"],
          "secretsmanager:ForceOverwriteReplicaSecret": ["true"]}),
        ("secretsmanager", "delete_secret", {"SecretId": "n", "RecoveryWindowInDays": 7},
         {"secretsmanager:RecoveryWindowInDays": ["7"], "secretsmanager:SecretId": ["n"]}),
        ("secretsmanager", "rotate_secret",
         {"SecretId": "n", "RotationRules": {"AutomaticallyAfterDays": 7}, "RotationLambdaARN": LAMBDA,
          "RotateImmediately": False},
         {"secretsmanager:ModifyRotationRules": ["true"], "secretsmanager:RotateImmediately": ["false"],
          "secretsmanager:RotationLambdaARN": [LAMBDA]}),
        ("secretsmanager", "rotate_secret", {"SecretId": "n"}, {"secretsmanager:ModifyRotationRules": ["false"]}),
        ("secretsmanager", "put_resource_policy", {"SecretId": "n", "ResourcePolicy": "{}", "BlockPublicPolicy": True},
         {"secretsmanager:BlockPublicPolicy": ["true"]}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_parameters_are_told(
    told: Told, service: str, operation: str, given: dict[str, Any], expected: dict[str, list[str]]
) -> None:
    found = told(service, operation, **given)
    assert {key: found.get(key) for key in expected} == expected


def test_what_an_api_is_now_is_told_beside_what_it_is_to_be(root: Client, told: Told) -> None:
    api = root("apigateway").create_rest_api(**API)
    change = {"op": "replace", "path": "/endpointConfiguration/types/REGIONAL", "value": "EDGE"}
    found = told("apigateway", "update_rest_api", restApiId=api["id"], patchOperations=[change])
    assert found["apigateway:Request/EndpointType"] == ["EDGE"]
    assert found["apigateway:Resource/EndpointType"] == ["REGIONAL"]
    assert found["apigateway:Resource/DisableExecuteApiEndpoint"] == ["true"]
    at = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    found = told("apigateway", "put_method", **at, authorizationType="NONE", apiKeyRequired=True)
    assert found["apigateway:Request/RouteAuthorizationType"] == ["NONE"]
    assert found["apigateway:Request/ApiKeyRequired"] == ["true"]
    root("apigateway").put_method(**at, authorizationType="AWS_IAM")
    assert told("apigateway", "delete_method", **at)["apigateway:Resource/RouteAuthorizationType"] == ["AWS_IAM"]


def test_what_is_wrong_with_a_document_is_told_to_who_may_import_it(new_user: Callable[[], User]) -> None:
    user = new_user()
    with pytest.raises(ClientError, match="AccessDenied"):
        user.client("apigateway").import_rest_api(body=b"no document")
    user.may({"Action": "apigateway:POST", "Resource": "*"})
    with pytest.raises(ClientError, match="BadRequest"):
        user.client("apigateway").import_rest_api(body=b"no document")


def test_a_secret_tells_its_primary_region(root: Client, told: Told) -> None:
    name = f"secret-{secrets.token_hex(4)}"
    root("secretsmanager").create_secret(Name=name, SecretString="x", AddReplicaRegions=[{"Region": "eu-west-1"}])
    found = told("secretsmanager", "get_secret_value", SecretId=name, VersionStage="AWSCURRENT")
    assert found["secretsmanager:SecretPrimaryRegion"] == ["us-east-1"]
    assert found["secretsmanager:VersionStage"] == ["AWSCURRENT"]


def test_of_several_secrets_each_is_asked_for_with_what_it_tells(root: Client, new_user: Callable[[], User]) -> None:
    name = f"secret-{secrets.token_hex(4)}"
    manager = root("secretsmanager")
    manager.create_secret(Name=name, SecretString="here")
    manager.create_secret(Name=f"{name}-2", SecretString="there", AddReplicaRegions=[{"Region": "eu-west-1"}])
    user = new_user().may(
        {"Action": "secretsmanager:BatchGetSecretValue", "Resource": "*"},
        {
            "Action": "secretsmanager:GetSecretValue",
            "Resource": "*",
            "Condition": {"StringEquals": {"secretsmanager:SecretPrimaryRegion": "us-east-1"}},
        },
    )
    wanted = [name, f"{name}-2", f"{name}-3"]
    answer = user.client("secretsmanager").batch_get_secret_value(SecretIdList=wanted)
    assert [value["SecretString"] for value in answer["SecretValues"]] == ["there"]
    # Whoever may not read a secret does not hear whether there is one.
    codes = {error["SecretId"]: error["ErrorCode"] for error in answer["Errors"]}
    assert codes == dict.fromkeys([name, f"{name}-3"], "AccessDeniedException")


# ---- S3 -----------------------------------------------------------------------------------------------------------


def test_s3_tells_how_a_request_is_signed(root: Client, new_user: Callable[[], User], bucket: str) -> None:
    user = new_user()
    header = conditions(decoded(root("sts"), denied(user.client("s3").get_object, Bucket=bucket, Key="a")))
    assert header["s3:authType"] == ["REST-HEADER"]
    assert header["s3:signatureversion"] == ["AWS4-HMAC-SHA256"]
    assert "s3:signatureAge" not in header
    for version, algorithm in (("s3v4", "AWS4-HMAC-SHA256"), ("s3", "AWS")):
        url = user.client("s3", signature=version).generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a"})
        found = conditions(decoded(root("sts"), message_of(urllib.request.Request(url))))
        assert found["s3:authType"] == ["REST-QUERY-STRING"]
        assert found["s3:signatureversion"] == [algorithm]
        assert ("s3:signatureAge" in found) == (version == "s3v4")
    made = user.client("s3", signature="s3v4").generate_presigned_post(bucket, "posted")
    sent = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    found = conditions(
        decoded(root("sts"), message_of(urllib.request.Request(made["url"], form(made["fields"], b"x"), sent)))
    )
    assert found["s3:authType"] == ["POST"]
    assert found["s3:signatureversion"] == ["AWS4-HMAC-SHA256"]


def message_of(request: urllib.request.Request) -> str:
    with pytest.raises(urllib.error.HTTPError, match="403") as refused, urllib.request.urlopen(request):
        pass
    with refused.value as answer:
        return str(answer.headers[HEADER])


def test_a_presigned_request_may_be_refused_for_its_age(
    guarded: GuardedServer, new_user: Callable[[], User], bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    young = {"NumericLessThan": {"s3:signatureAge": "600000"}}
    user = new_user().may({"Action": "s3:ListBucket", "Resource": "*", "Condition": young})

    def status(*, age: timedelta) -> int:
        signed = datetime.now(UTC).replace(tzinfo=None) - age
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *given: signed)
        made = AWSRequest(method="GET", url=f"{guarded.endpoint}/{bucket}", params={})
        botocore.auth.S3SigV4QueryAuth(Credentials(*user.key), "s3", "us-east-1").add_auth(made)
        return fetch(made.prepare().url)[0]

    assert status(age=timedelta(minutes=1)) == 200
    assert status(age=timedelta(minutes=11)) == 403


def test_s3_tells_what_is_written(told: Told, bucket: str) -> None:
    found = told(
        "s3", "put_object", Bucket=bucket, Key="a", Body=b"x", ACL="public-read", StorageClass="STANDARD_IA",
        ServerSideEncryption="AES256", IfNoneMatch="*", ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=IN_A_WEEK, ObjectLockLegalHoldStatus="ON", Tagging="a=b&c=d",
    )  # fmt: skip
    expected = {
        "x-amz-acl": "public-read",
        "x-amz-storage-class": "STANDARD_IA",
        "x-amz-server-side-encryption": "AES256",
        "if-none-match": "*",
        "ObjectCreationOperation": "true",
        "object-lock-mode": "GOVERNANCE",
        "object-lock-legal-hold": "ON",
        "object-lock-retain-until-date": IN_A_WEEK.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "object-lock-remaining-retention-days": "7",
        "RequestObjectTag/a": "b",
    }
    assert {key: found.get(f"s3:{key}") for key in expected} == {key: [value] for key, value in expected.items()}
    assert found["s3:RequestObjectTagKeys"] == ["a", "c"]
    part = told("s3", "create_multipart_upload", Bucket=bucket, Key="a")
    assert part["s3:ObjectCreationOperation"] == ["false"]


def test_a_retention_can_be_limited_in_days(new_user: Callable[[], User], root: Client) -> None:
    name = f"b-{secrets.token_hex(4)}"
    root("s3").create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    root("s3").put_object(Bucket=name, Key="a", Body=b"x")
    few = {"NumericLessThanEquals": {"s3:object-lock-remaining-retention-days": "10"}}
    user = new_user().may({"Action": "s3:PutObjectRetention", "Resource": "*", "Condition": few})
    put = user.client("s3").put_object_retention
    kept = {"Mode": "GOVERNANCE", "RetainUntilDate": IN_A_WEEK}
    put(Bucket=name, Key="a", Retention=kept)
    with pytest.raises(ClientError, match="AccessDenied"):
        put(Bucket=name, Key="a", Retention={**kept, "RetainUntilDate": IN_A_WEEK + timedelta(days=5)})


def test_s3_knows_the_account_of_a_bucket(new_user: Callable[[], User], root: Client, bucket: str) -> None:
    for account, may in (("000000000000", True), ("111111111111", False)):
        condition = {"StringEquals": {"s3:ResourceAccount": account}}
        user = new_user().may({"Action": "s3:ListBucket", "Resource": "*", "Condition": condition})
        listing = user.client("s3").list_objects_v2
        if may:
            assert listing(Bucket=bucket)["KeyCount"] == 0
        else:
            with pytest.raises(ClientError, match="AccessDenied"):
                listing(Bucket=bucket)


def test_each_key_that_is_to_be_deleted_tells_its_tags(new_user: Callable[[], User], root: Client, bucket: str) -> None:
    for key, color in (("a", "red"), ("b", "blue")):
        root("s3").put_object(Bucket=bucket, Key=key, Body=b"x", Tagging=f"color={color}")
    condition = {"StringEquals": {"s3:ExistingObjectTag/color": "red"}}
    user = new_user().may({"Action": "s3:DeleteObject", "Resource": "*", "Condition": condition})
    answer = user.client("s3").delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "b"}]})
    assert [row["Key"] for row in answer["Deleted"]] == ["a"]
    assert [(row["Key"], row["Code"]) for row in answer["Errors"]] == [("b", "AccessDenied")]
