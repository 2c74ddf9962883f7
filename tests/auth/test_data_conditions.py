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


def _reading(table: str, name: str) -> dict[str, Any]:
    return {"TableName": table, "Key": OWN, "ProjectionExpression": name}


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("batch_get_item", lambda table, name: {"RequestItems": {table: {"Keys": [OWN], "AttributesToGet": [name]}}}),
        (
            "batch_get_item",
            lambda table, name: {
                "RequestItems": {
                    table: {"Keys": [OWN], "ProjectionExpression": "#n", "ExpressionAttributeNames": {"#n": name}}
                }
            },
        ),
        (
            "batch_write_item",
            lambda table, name: {"RequestItems": {table: [{"PutRequest": {"Item": OWN | {name: {"S": "x"}}}}]}},
        ),
        ("transact_get_items", lambda table, name: {"TransactItems": [{"Get": _reading(table, name)}]}),
        (
            "transact_write_items",
            lambda table, name: {
                "TransactItems": [{"Put": {"TableName": table, "Item": OWN | {name: {"S": "x"}}}}],
            },
        ),
    ],
)
def test_attributes_are_told_of_many_items_too(
    new_user: Callable[[], User], table: str, operation: str, parameters: Callable[..., dict[str, Any]]
) -> None:
    condition = {"ForAllValues:StringEquals": {"dynamodb:Attributes": ["owner", "note"]}}
    user = new_user().may({"Action": "dynamodb:*Item*", "Resource": "*", "Condition": condition})
    call = getattr(user.client("dynamodb"), operation)
    call(**parameters(table, "note"))
    with pytest.raises(ClientError, match="AccessDeniedException"):
        call(**parameters(table, "pay"))


def test_a_statement_of_partiql_needs_its_own_action(new_user: Callable[[], User], table: str) -> None:
    user = new_user().may({"Action": "dynamodb:PartiQLSelect", "Resource": "*"})
    user.client("dynamodb").execute_statement(Statement=f'SELECT * FROM "{table}" WHERE "owner" = \'x\'')
    with pytest.raises(ClientError, match="dynamodb:PartiQLInsert on resource"):
        user.client("dynamodb").execute_statement(Statement=f"INSERT INTO \"{table}\" VALUE {{'owner': 'x'}}")


MINE = "\"owner\" = 'ann'"


@pytest.mark.parametrize(
    ("own", "other"),
    [
        (f'SELECT * FROM "{{}}" WHERE {MINE}', "SELECT * FROM \"{}\" WHERE \"owner\" IN ('ann', 'bob')"),
        ("INSERT INTO \"{}\" VALUE {{'owner': 'ann'}}", "INSERT INTO \"{}\" VALUE {{'owner': 'bob'}}"),
        (f'UPDATE "{{}}" SET note = 1 WHERE {MINE}', 'UPDATE "{}" SET note = 1 WHERE "owner" = \'bob\''),
        (f'DELETE FROM "{{}}" WHERE {MINE}', 'DELETE FROM "{}" WHERE "owner" = \'bob\''),
    ],
)
def test_statements_of_partiql_tell_the_keys_of_their_items(
    root: Client, new_user: Callable[[], User], table: str, own: str, other: str
) -> None:
    root("dynamodb").put_item(TableName=table, Item=OWN)
    user = new_user().may(
        {
            "Action": "dynamodb:PartiQL*",
            "Resource": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{table}",
            "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["ann"]}},
        }
    )
    dynamodb, refused = user.client("dynamodb"), "AccessDeniedException.*dynamodb:PartiQL"
    with pytest.raises(ClientError, match=refused):
        dynamodb.execute_statement(Statement=other.format(table))
    for each in (own, other):
        with pytest.raises(ClientError, match=refused):
            dynamodb.batch_execute_statement(Statements=[{"Statement": s.format(table)} for s in (other, each)])
        with pytest.raises(ClientError, match=refused):
            dynamodb.execute_transaction(TransactStatements=[{"Statement": s.format(table)} for s in (each, other)])
    if own.startswith("INSERT"):
        root("dynamodb").delete_item(TableName=table, Key=OWN)
    dynamodb.execute_statement(Statement=own.format(table))


def test_statements_of_partiql_tell_what_they_look_at(new_user: Callable[[], User], table: str) -> None:
    user = new_user().may(
        {"Action": "dynamodb:PartiQLSelect", "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": "dynamodb:PartiQLSelect",
            "Resource": "*",
            "Condition": {"Bool": {"dynamodb:FullTableScan": "true"}},
        },
        {
            "Effect": "Deny",
            "Action": "dynamodb:PartiQLSelect",
            "Resource": "*",
            "Condition": {"ForAnyValue:StringEquals": {"dynamodb:Attributes": ["pay"]}},
        },
    )
    execute = user.client("dynamodb").execute_statement
    execute(Statement=f'SELECT note FROM "{table}" WHERE {MINE}')
    for statement in (
        f'SELECT * FROM "{table}"',
        f'SELECT * FROM "{table}" WHERE note = 1',
        f'SELECT pay.gross FROM "{table}" WHERE {MINE}',
        f'SELECT note FROM "{table}" WHERE {MINE} AND (size(pay) > 1 OR note = 1)',
    ):
        with pytest.raises(ClientError, match=r"AccessDeniedException.*explicit deny"):
            execute(Statement=statement)


def test_statements_of_partiql_can_be_kept_to_transactions(new_user: Callable[[], User], table: str) -> None:
    user = new_user().may(
        {
            "Action": "dynamodb:PartiQL*",
            "Resource": "*",
            "Condition": {"StringEquals": {"dynamodb:EnclosingOperation": "ExecuteTransaction"}},
        }
    )
    statement = {"Statement": f'SELECT * FROM "{table}" WHERE {MINE}'}
    user.client("dynamodb").execute_transaction(TransactStatements=[statement])
    with pytest.raises(ClientError, match="AccessDeniedException"):
        user.client("dynamodb").execute_statement(**statement)


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


def test_each_event_is_asked_for_with_its_own_source(new_user: Callable[[], User]) -> None:
    condition = {"StringEquals": {"events:source": "shop", "events:detail-type": ["Sold", "Returned"]}}
    events = new_user().may({"Action": "events:PutEvents", "Resource": "*", "Condition": condition}).client("events")

    def put(*kinds: tuple[str, str]) -> int:
        entries = [{"Source": source, "DetailType": kind, "Detail": "{}"} for source, kind in kinds]
        failed: int = events.put_events(Entries=entries)["FailedEntryCount"]
        return failed

    assert put(("shop", "Sold"), ("shop", "Returned"), ("shop", "Sold")) == 0
    for other in (("bank", "Sold"), ("shop", "Burnt")):
        with pytest.raises(ClientError, match="not authorized to perform: events:PutEvents"):
            put(("shop", "Sold"), other)
