"""Tables of other accounts, which are named by their ARNs."""

import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.auth.conftest import Client, GuardedServer, User
from tests.auth.test_sessions import key_of

KEY = {"id": {"S": "a"}}
WHERE_ID = {"KeyConditionExpression": "id = :id", "ExpressionAttributeValues": {":id": {"S": "a"}}}


@pytest.fixture
def table() -> str:
    return f"t-{secrets.token_hex(4)}"


def created(dynamodb: Any, table: str) -> str:
    arn: str = dynamodb.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )["TableDescription"]["TableArn"]
    return arn


@pytest.fixture
def there(guarded: GuardedServer, new_user: Callable[[], User], member: str, table: str) -> Any:
    """An administrator of another account with a table of that name."""
    role = f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"
    sts = new_user().may({"Action": "sts:AssumeRole", "Resource": role}).client("sts")
    dynamodb = guarded.as_caller("dynamodb", key_of(sts.assume_role(RoleArn=role, RoleSessionName="admin")))
    created(dynamodb, table)
    return dynamodb


def opened(there: Any, arn: str, user: User, **condition: Any) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": user.arn},
        "Action": "dynamodb:*",
        "Resource": arn,
        **({"Condition": condition} if condition else {}),
    }
    there.put_resource_policy(ResourceArn=arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def test_an_operation_acts_on_the_table_of_the_arn_if_both_accounts_allow_it(
    root: Client, new_user: Callable[[], User], there: Any, table: str
) -> None:
    created(root("dynamodb"), table)
    arn = there.describe_table(TableName=table)["Table"]["TableArn"]
    user = new_user()
    dynamodb = user.client("dynamodb")
    with pytest.raises(ClientError, match="because no resource-based policy allows the dynamodb:PutItem action"):
        dynamodb.put_item(TableName=arn, Item=KEY)
    opened(there, arn, user)
    with pytest.raises(ClientError, match="because no identity-based policy allows the dynamodb:PutItem action"):
        dynamodb.put_item(TableName=arn, Item=KEY)
    user.may({"Action": "dynamodb:*", "Resource": "*"})
    dynamodb.put_item(TableName=arn, Item=KEY)
    dynamodb.update_item(
        TableName=arn, Key=KEY, UpdateExpression="SET n = :n", ExpressionAttributeValues={":n": {"N": "1"}}
    )
    assert there.get_item(TableName=table, Key=KEY)["Item"]["n"] == {"N": "1"}
    assert dynamodb.get_item(TableName=arn, Key=KEY)["Item"] == {**KEY, "n": {"N": "1"}}
    assert dynamodb.query(TableName=arn, **WHERE_ID)["Count"] == dynamodb.scan(TableName=arn)["Count"] == 1
    assert dynamodb.describe_table(TableName=arn)["Table"]["TableArn"] == arn
    assert dynamodb.scan(TableName=table)["Count"] == 0
    dynamodb.delete_item(TableName=arn, Key=KEY)
    assert there.scan(TableName=table)["Count"] == 0


def test_what_is_not_there_for_other_accounts_tables_never_takes_ones_own(
    root: Client, new_user: Callable[[], User], there: Any, table: str
) -> None:
    own = created(root("dynamodb"), table)
    arn = there.describe_table(TableName=table)["Table"]["TableArn"]
    user = new_user().may({"Action": "dynamodb:*", "Resource": "*"})
    opened(there, arn, user)
    dynamodb = user.client("dynamodb")
    for operation, given in (
        ("batch_get_item", {"RequestItems": {arn: {"Keys": [KEY]}}}),
        ("batch_write_item", {"RequestItems": {arn: [{"PutRequest": {"Item": KEY}}]}}),
        ("transact_write_items", {"TransactItems": [{"Put": {"TableName": arn, "Item": KEY}}]}),
        ("delete_table", {"TableName": arn}),
        ("create_backup", {"TableName": arn, "BackupName": "backup"}),
    ):
        with pytest.raises(ClientError, match=r"NotImplemented.*another account's table"):
            getattr(dynamodb, operation)(**given)
    elsewhere = own.replace("us-east-1", "eu-west-1")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        dynamodb.get_item(TableName=elsewhere, Key=KEY)
    assert dynamodb.scan(TableName=table)["Count"] == 0


def test_keys_of_another_accounts_items_are_told(new_user: Callable[[], User], there: Any, table: str) -> None:
    arn = there.describe_table(TableName=table)["Table"]["TableArn"]
    user = new_user().may({"Action": "dynamodb:*", "Resource": "*"})
    opened(there, arn, user, **{"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["a"]}})
    dynamodb = user.client("dynamodb")
    dynamodb.put_item(TableName=arn, Item=KEY)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        dynamodb.put_item(TableName=arn, Item={"id": {"S": "b"}})
