"""Policies of resources, whichever service has them: they say whose, and they mean who was there when they were put."""

import json
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws
from tests.packages import zipped

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    }
)


class Holder(NamedTuple):
    """A resource whose policy is put and read."""

    action: str
    put: Callable[[str], Any]
    get: Callable[[], str]
    resource: str = "*"


def bucket(aws: Aws, name: str) -> Holder:
    s3 = aws("s3")
    s3.create_bucket(Bucket=name)
    return Holder(
        "s3:GetObject",
        lambda policy: s3.put_bucket_policy(Bucket=name, Policy=policy),
        lambda: s3.get_bucket_policy(Bucket=name)["Policy"],
        f"arn:aws:s3:::{name}/*",
    )


def queue(aws: Aws, name: str) -> Holder:
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return Holder(
        "sqs:SendMessage",
        lambda policy: sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy}),
        lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"],
    )


def new_queue(aws: Aws, name: str) -> Holder:
    sqs = aws("sqs")

    def get() -> str:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["Policy"])

    return Holder(
        "sqs:SendMessage", lambda policy: sqs.create_queue(QueueName=name, Attributes={"Policy": policy}), get
    )


def topic(aws: Aws, name: str) -> Holder:
    sns = aws("sns")
    arn = sns.create_topic(Name=name)["TopicArn"]
    return Holder(
        "sns:Publish",
        lambda policy: sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy),
        lambda: sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"],
    )


def key(aws: Aws, name: str) -> Holder:
    kms = aws("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    return Holder(
        "kms:Decrypt",
        lambda policy: kms.put_key_policy(KeyId=key_id, Policy=policy, BypassPolicyLockoutSafetyCheck=True),
        lambda: kms.get_key_policy(KeyId=key_id)["Policy"],
    )


def new_key(aws: Aws, name: str) -> Holder:
    kms, made = aws("kms"), []

    def put(policy: str) -> None:
        made.append(kms.create_key(Policy=policy, BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]["KeyId"])

    return Holder("kms:Decrypt", put, lambda: kms.get_key_policy(KeyId=made[0])["Policy"])


def secret(aws: Aws, name: str) -> Holder:
    secrets = aws("secretsmanager")
    secrets.create_secret(Name=name, SecretString="a")
    return Holder(
        "secretsmanager:GetSecretValue",
        lambda policy: secrets.put_resource_policy(SecretId=name, ResourcePolicy=policy),
        lambda: secrets.get_resource_policy(SecretId=name)["ResourcePolicy"],
    )


def table(aws: Aws, name: str) -> Holder:
    dynamodb = aws("dynamodb")
    arn = dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )["TableDescription"]["TableArn"]
    return Holder(
        "dynamodb:GetItem",
        lambda policy: dynamodb.put_resource_policy(ResourceArn=arn, Policy=policy),
        lambda: dynamodb.get_resource_policy(ResourceArn=arn)["Policy"],
    )


def stream(aws: Aws, name: str) -> Holder:
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    return Holder(
        "kinesis:PutRecord",
        lambda policy: kinesis.put_resource_policy(ResourceARN=arn, Policy=policy),
        lambda: kinesis.get_resource_policy(ResourceARN=arn)["Policy"],
    )


def catalog(aws: Aws, name: str) -> Holder:
    glue = aws("glue")
    return Holder(
        "glue:GetTable",
        lambda policy: glue.put_resource_policy(PolicyInJson=policy),
        lambda: glue.get_resource_policy()["PolicyInJson"],
    )


def repository(aws: Aws, name: str) -> Holder:
    ecr = aws("ecr")
    ecr.create_repository(repositoryName=name)
    return Holder(
        "ecr:BatchGetImage",
        lambda policy: ecr.set_repository_policy(repositoryName=name, policyText=policy),
        lambda: ecr.get_repository_policy(repositoryName=name)["policyText"],
    )


def parameter(aws: Aws, name: str) -> Holder:
    ssm = aws("ssm")
    ssm.put_parameter(Name=name, Type="String", Tier="Advanced", Value="a")
    arn = ssm.get_parameter(Name=name)["Parameter"]["ARN"]
    return Holder(
        "ssm:GetParameter",
        lambda policy: ssm.put_resource_policy(ResourceArn=arn, Policy=policy),
        lambda: ssm.get_resource_policies(ResourceArn=arn)["Policies"][0]["Policy"],
    )


def sink(aws: Aws, name: str) -> Holder:
    oam = aws("oam")
    arn = oam.create_sink(Name=name)["Arn"]
    return Holder(
        "oam:CreateLink",
        lambda policy: oam.put_sink_policy(SinkIdentifier=arn, Policy=policy),
        lambda: oam.get_sink_policy(SinkIdentifier=arn)["Policy"],
    )


def bus(aws: Aws, name: str) -> Holder:
    events = aws("events")
    events.create_event_bus(Name=name)
    return Holder(
        "events:PutEvents",
        lambda policy: events.put_permission(EventBusName=name, Policy=policy),
        lambda: events.describe_event_bus(Name=name)["Policy"],
    )


def delivery_destination(aws: Aws, name: str) -> Holder:
    logs, s3 = aws("logs"), aws("s3")
    s3.create_bucket(Bucket=name)
    logs.put_delivery_destination(
        name=name, deliveryDestinationConfiguration={"destinationResourceArn": f"arn:aws:s3:::{name}"}
    )
    return Holder(
        "logs:CreateDelivery",
        lambda policy: logs.put_delivery_destination_policy(
            deliveryDestinationName=name, deliveryDestinationPolicy=policy
        ),
        lambda: logs.get_delivery_destination_policy(deliveryDestinationName=name)["policy"][
            "deliveryDestinationPolicy"
        ],
    )


def function(aws: Aws, name: str) -> Holder:
    functions, role = aws("lambda"), aws("iam").create_role(RoleName=f"{name}-lambda", AssumeRolePolicyDocument=TRUST)
    arn = functions.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="handler.handler",
        Role=role["Role"]["Arn"],
        Code={"ZipFile": zipped({"handler.py": "def handler(event, context): ..."})},
    )["FunctionArn"]
    return Holder(
        "lambda:InvokeFunction",
        lambda policy: functions.put_resource_policy(ResourceArn=arn, Policy=policy),
        lambda: functions.get_policy(FunctionName=name)["Policy"],
    )


class Case(NamedTuple):
    make: Callable[[Aws, str], Holder]
    nobody: str
    """What a statement is refused with that names no principal."""
    unknown: str
    """What one is refused with that names somebody who is not there."""


_KMS = "MalformedPolicyDocumentException.* Policy contains a statement with one or more invalid principals."
_SQS = "InvalidAttributeValue.* Invalid value for the parameter Policy."
_SNS = "InvalidParameter.* Invalid parameter: Policy Error: "
_TABLE = "ValidationException.* One or more parameter values were invalid: Invalid "
_ECR = "InvalidParameterException.* Invalid parameter at 'PolicyText' failed to satisfy constraint: "
_SSM = "MalformedResourcePolicyDocumentException.* The specified policy document is malformed or invalid."
_NOBODY, _UNKNOWN = "Missing required field Principal", 'Invalid principal in policy: "AWS":"'
CASES = [
    Case(bucket, "MalformedPolicy.* Missing required field Principal", "MalformedPolicy.* Invalid principal in policy"),
    Case(queue, _SQS, _SQS),
    Case(new_queue, _SQS, _SQS),
    Case(topic, f"{_SNS}null", f"{_SNS}PrincipalNotFound"),
    Case(key, _KMS, _KMS),
    Case(new_key, _KMS, _KMS),
    Case(
        secret,
        "MalformedPolicyDocumentException.* This policy has invalid syntax.",
        "MalformedPolicyDocumentException.* This resource policy contains an unsupported principal.",
    ),
    Case(table, f"{_TABLE}policy document: {_NOBODY}", f"{_TABLE}principal in policy document."),
    Case(stream, f"InvalidArgumentException.* {_NOBODY}", f"InvalidArgumentException.* {_UNKNOWN}"),
    Case(catalog, f"InvalidInputException.* {_NOBODY}", f"InvalidInputException.* {_UNKNOWN}"),
    Case(repository, f"{_ECR}'Invalid repository policy provided'", f"{_ECR}'Principal not found'"),
    Case(parameter, _SSM, _SSM),
    Case(sink, f"InvalidParameterException.* {_NOBODY}", f"InvalidParameterException.* {_UNKNOWN}"),
    Case(bus, f"ValidationException.* {_NOBODY}", f"ValidationException.* {_UNKNOWN}"),
    Case(delivery_destination, f"ValidationException.* {_NOBODY}", f"ValidationException.* {_UNKNOWN}"),
    Case(
        function,
        "InvalidParameterValueException.* The provided policy is not a valid resource-based policy.",
        "InvalidParameterValueException.* The provided principal was invalid.",
    ),
]
every_holder = pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.make.__name__))


@pytest.fixture
def name() -> str:
    return f"policies-{secrets.token_hex(6)}"


def policy(holder: Holder, principal: Any) -> str:
    statement = {"Sid": "one", "Effect": "Allow", "Action": holder.action, "Resource": holder.resource}
    named = {} if principal is None else {"Principal": {"AWS": principal}}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **named}]}, separators=(",", ":"))


def principal_of(text: str) -> Any:
    return json.loads(text)["Statement"][0]["Principal"]["AWS"]


@every_holder
def test_a_policy_shows_the_id_of_a_role_that_is_gone(aws: Aws, name: str, case: Case) -> None:
    iam, holder = aws("iam"), case.make(aws, name)
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]
    put = policy(holder, role["Arn"])
    holder.put(put)
    assert json.loads(holder.get())["Statement"] == json.loads(put)["Statement"]

    iam.delete_role(RoleName=name)
    assert principal_of(holder.get()) == role["RoleId"]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    assert principal_of(holder.get()) == role["RoleId"]


@every_holder
def test_a_policy_says_whose_it_is(aws: Aws, name: str, case: Case) -> None:
    holder = case.make(aws, name)
    with pytest.raises(ClientError, match=case.nobody):
        holder.put(policy(holder, None))


@every_holder
def test_a_policy_names_nobody_who_is_not_there(aws: Aws, account: str, name: str, case: Case) -> None:
    holder = case.make(aws, name)
    for nobody in (f"arn:aws:iam::{account}:user/nobody", "AROAAAAAAAAAAAAAAAAAA"):
        with pytest.raises(ClientError, match=case.unknown):
            holder.put(policy(holder, [account, nobody]))


@every_holder
def test_of_an_account_that_is_elsewhere_a_policy_names_anybody(aws: Aws, name: str, case: Case) -> None:
    holder, elsewhere = case.make(aws, name), "arn:aws:iam::999900000000:role/path/of/theirs"
    holder.put(policy(holder, elsewhere))
    assert principal_of(holder.get()) == elsewhere


def test_a_grant_of_a_key_is_its_grantees_alone(aws: Aws, account: str, name: str) -> None:
    iam, kms = aws("iam"), aws("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]
    given = {"KeyId": key_id, "GranteePrincipal": role["Arn"], "Operations": ["Decrypt"], "Name": name}
    grant_id = kms.create_grant(**given, RetiringPrincipal=role["Arn"])["GrantId"]
    assert kms.create_grant(**given, RetiringPrincipal=role["Arn"])["GrantId"] == grant_id
    for found in (
        kms.list_grants(KeyId=key_id, GranteePrincipal=role["Arn"])["Grants"],
        kms.list_retirable_grants(RetiringPrincipal=role["Arn"])["Grants"],
    ):
        assert [(each["GranteePrincipal"], each["RetiringPrincipal"]) for each in found] == [(role["Arn"],) * 2]

    iam.delete_role(RoleName=name)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    (found,) = kms.list_grants(KeyId=key_id)["Grants"]
    assert (found["GranteePrincipal"], found["RetiringPrincipal"]) == (role["RoleId"],) * 2
    assert kms.list_grants(KeyId=key_id, GranteePrincipal=role["Arn"])["Grants"] == []
    with pytest.raises(ClientError, match="InvalidArnException"):
        kms.create_grant(**{**given, "GranteePrincipal": f"arn:aws:iam::{account}:role/nobody"})


def test_a_permission_of_a_function_is_for_who_is_there(aws: Aws, account: str, name: str) -> None:
    iam, functions = aws("iam"), aws("lambda")
    holder = function(aws, name)
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]
    wanted = {"FunctionName": name, "Action": holder.action}
    functions.add_permission(**wanted, StatementId="one", Principal=role["Arn"])
    assert principal_of(holder.get()) == role["Arn"]
    with pytest.raises(ClientError, match="The provided principal was invalid"):
        functions.add_permission(**wanted, StatementId="two", Principal=f"arn:aws:iam::{account}:user/nobody")
    iam.delete_role(RoleName=name)
    assert principal_of(holder.get()) == role["RoleId"]
    # As AWS has it, somebody who is gone must be taken out before another is let in.
    with pytest.raises(ClientError, match="The provided principal was invalid"):
        functions.add_permission(**wanted, StatementId="two", Principal=account)
    functions.remove_permission(FunctionName=name, StatementId="one")
    functions.add_permission(**wanted, StatementId="two", Principal=account)


def test_statements_of_a_bus_are_for_who_is_there(aws: Aws, account: str, name: str) -> None:
    iam, events, holder = aws("iam"), aws("events"), bus(aws, name)
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]
    holder.put(policy(holder, role["Arn"]))
    iam.delete_role(RoleName=name)
    events.put_permission(EventBusName=name, StatementId="two", Action=holder.action, Principal=account)
    assert principal_of(holder.get()) == role["RoleId"]
    events.remove_permission(EventBusName=name, StatementId="two")
    assert principal_of(holder.get()) == role["RoleId"]


@pytest.mark.parametrize(
    ("principal", "sentence"),
    [
        (None, "Could not convert to persistable policy."),
        ({"AWS": "es.amazonaws.com"}, "Could not convert to persistable policy."),
        ({"AWS": "arn:aws:iam::111122223333:root"}, "Principal section of policy contains ARN instead of account ID"),
    ],
)
def test_logs_are_written_by_services_and_accounts(aws: Aws, name: str, principal: Any, sentence: str) -> None:
    logs = aws("logs")
    statement = {"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}

    def put(named: Any) -> None:
        document = json.dumps(
            {"Version": "2012-10-17", "Statement": [statement | ({"Principal": named} if named else {})]}
        )
        logs.put_resource_policy(policyName=name, policyDocument=document)

    with pytest.raises(ClientError, match=f"InvalidParameterException.* {sentence}"):
        put(principal)
    put({"AWS": "111122223333", "Service": "es.amazonaws.com"})
