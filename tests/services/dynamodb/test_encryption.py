"""A table under a key of KMS is open as long as its key is."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import MovableClock

SIMPLE: dict[str, Any] = {
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}
ITEM = {"id": {"S": "1"}}


def test_a_table_whose_key_is_disabled_lets_nobody_in(aws: Any, clock: MovableClock) -> None:
    # given
    dynamodb, kms = aws("dynamodb"), aws("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    dynamodb.create_table(
        TableName="table", SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}, **SIMPLE
    )
    dynamodb.put_item(TableName="table", Item=ITEM)
    # when
    kms.disable_key(KeyId=key)
    assert dynamodb.describe_table(TableName="table")["Table"]["TableStatus"] == "INACCESSIBLE_ENCRYPTION_CREDENTIALS"
    clock.advance(s=301)
    # then
    for use in (
        lambda: dynamodb.get_item(TableName="table", Key=ITEM),
        lambda: dynamodb.put_item(TableName="table", Item=ITEM),
        lambda: dynamodb.scan(TableName="table"),
        lambda: dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": "table", "Item": ITEM}}]),
    ):
        with pytest.raises(ClientError, match=r"AccessDeniedException.*KMS key access denied"):
            use()
    kms.enable_key(KeyId=key)
    assert dynamodb.get_item(TableName="table", Key=ITEM)["Item"] == ITEM


def test_a_table_without_a_key_of_its_own_gets_the_managed_one(aws: Any) -> None:
    dynamodb = aws("dynamodb")
    made = dynamodb.create_table(TableName="table", SSESpecification={"Enabled": True}, **SIMPLE)["TableDescription"]
    managed = aws("kms").describe_key(KeyId="alias/aws/dynamodb")["KeyMetadata"]["Arn"]
    assert made["SSEDescription"] == {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": managed}


def test_a_key_that_is_not_there_makes_no_table(aws: Any) -> None:
    dynamodb = aws("dynamodb")
    wanted = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": "alias/none"}
    with pytest.raises(ClientError, match=r"ValidationException.*KMS validation error"):
        dynamodb.create_table(TableName="table", SSESpecification=wanted, **SIMPLE)
    assert dynamodb.list_tables()["TableNames"] == []
