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


def test_a_query_names_its_key_in_either_order(new_user: Callable[[], User], table: str) -> None:
    user = new_user().may(
        {
            "Action": "dynamodb:Query",
            "Resource": "*",
            "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["ann"]}},
        }
    )
    for expression in ("#o = :o", "(#o=:o)", ":o = #o"):
        asked = {**QUERY, "KeyConditionExpression": expression, "ExpressionAttributeValues": {":o": OTHER["owner"]}}
        with pytest.raises(ClientError, match="AccessDeniedException"):
            user.client("dynamodb").query(TableName=table, **asked)


def test_a_table_is_asked_for_by_what_its_arn_leads_to(new_user: Callable[[], User], table: str) -> None:
    arns = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/"
    user = new_user().may(
        {"Action": "dynamodb:GetItem", "Resource": [f"{arns}*", "arn:aws:dynamodb:eu-west-1:*"]},
        {"Effect": "Deny", "Action": "dynamodb:GetItem", "Resource": f"{arns}{table}"},
    )
    for name in (
        table,
        f"{arns}{table}",
        f"{arns}{table}/index/i",
        f"{arns}open:table/{table}",
        f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/{table}",
    ):
        with pytest.raises(ClientError, match=r"AccessDeniedException.*explicit deny"):
            user.client("dynamodb").get_item(TableName=name, Key=OWN)


def test_attributes_are_told_wherever_an_expression_names_them(new_user: Callable[[], User], table: str) -> None:
    user = new_user().may(
        {
            "Action": "dynamodb:UpdateItem",
            "Resource": "*",
            "Condition": {"ForAllValues:StringEquals": {"dynamodb:Attributes": ["owner", "note"]}},
        }
    )
    update = user.client("dynamodb").update_item
    given = {"TableName": table, "Key": OWN, "ExpressionAttributeValues": {":v": {"S": "x"}}}
    update(**given, UpdateExpression="SET note = if_not_exists(note, :v)", ConditionExpression="note.pay <> :v")
    for more in (
        {"UpdateExpression": "SET pay = :v"},
        {"UpdateExpression": "SET note = :v REMOVE pay"},
        {"UpdateExpression": "SET note = :v", "ConditionExpression": "attribute_exists(pay) OR note = :v"},
    ):
        with pytest.raises(ClientError, match="AccessDeniedException"):
            update(**given, **more)


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
