"""Conditions on what the parameters say: the keys of items, the tags of requests and resources."""

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.auth.conftest import ACCOUNT, Client, User


@pytest.fixture
def table(root: Client) -> str:
    name = f"t-{secrets.token_hex(4)}"
    root("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "owner", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "owner", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


OWN, OTHER = {"owner": {"S": "ann"}}, {"owner": {"S": "bob"}}
QUERY = {"KeyConditionExpression": "#o = :o", "ExpressionAttributeNames": {"#o": "owner"}}


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("get_item", lambda table, key: {"TableName": table, "Key": key}),
        ("put_item", lambda table, key: {"TableName": table, "Item": key}),
        ("query", lambda table, key: {"TableName": table, **QUERY, "ExpressionAttributeValues": {":o": key["owner"]}}),
        ("batch_get_item", lambda table, key: {"RequestItems": {table: {"Keys": [key]}}}),
        ("batch_write_item", lambda table, key: {"RequestItems": {table: [{"PutRequest": {"Item": key}}]}}),
        ("transact_get_items", lambda table, key: {"TransactItems": [{"Get": {"TableName": table, "Key": key}}]}),
        ("transact_write_items", lambda table, key: {"TransactItems": [{"Put": {"TableName": table, "Item": key}}]}),
    ],
)
def test_everybody_has_the_items_of_its_own_key(
    new_user: Callable[[], User], table: str, operation: str, parameters: Callable[..., dict[str, Any]]
) -> None:
    user = new_user().may(
        {
            "Action": "dynamodb:*Item*",
            "Resource": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{table}",
            "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["ann"]}},
        },
        {
            "Action": "dynamodb:Query",
            "Resource": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{table}",
            "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["ann"]}},
        },
    )
    call = getattr(user.client("dynamodb"), operation)
    call(**parameters(table, OWN))
    with pytest.raises(ClientError, match=r"AccessDeniedException.*because no identity-based policy allows"):
        call(**parameters(table, OTHER))


def test_a_statement_of_partiql_needs_its_own_action(new_user: Callable[[], User], table: str) -> None:
    user = new_user().may({"Action": "dynamodb:PartiQLSelect", "Resource": "*"})
    user.client("dynamodb").execute_statement(Statement=f'SELECT * FROM "{table}" WHERE "owner" = \'x\'')
    with pytest.raises(ClientError, match="dynamodb:PartiQLInsert on resource"):
        user.client("dynamodb").execute_statement(Statement=f"INSERT INTO \"{table}\" VALUE {{'owner': 'x'}}")


def test_tags_of_the_request_and_of_the_resource_are_told(root: Client, new_user: Callable[[], User]) -> None:
    user = new_user().may(
        {
            "Action": ["sqs:CreateQueue", "sqs:TagQueue"],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:RequestTag/team": "red"}},
        },
        {
            "Action": "sqs:SendMessage",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/team": "red"}},
        },
    )
    sqs, name = user.client("sqs"), f"q-{secrets.token_hex(4)}"
    with pytest.raises(ClientError, match="AccessDenied"):
        sqs.create_queue(QueueName=name, tags={"team": "blue"})
    red = sqs.create_queue(QueueName=name, tags={"team": "red"})["QueueUrl"]
    blue = root("sqs").create_queue(QueueName=f"{name}-blue", tags={"team": "blue"})["QueueUrl"]
    sqs.send_message(QueueUrl=red, MessageBody="x")
    with pytest.raises(ClientError, match="AccessDenied"):
        sqs.send_message(QueueUrl=blue, MessageBody="x")
