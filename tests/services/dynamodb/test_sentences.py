"""What DynamoDB says of requests that are wrong by themselves, whatever their table is.

Writes of single items say so as requests of other services do; reads and transactions keep their older words.
"""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws
from tests.services.dynamodb.conftest import MakeTable

DETECTED = "1 validation error detected: "
UNUSED = "Value provided in ExpressionAttributeNames unused in expressions: keys: {#b}"
NAMES: dict[str, Any] = {"ExpressionAttributeNames": {"#b": "b"}}
KEY: dict[str, Any] = {"Key": {"pk": {"S": "a"}}}
ITEM: dict[str, Any] = {"Item": {"pk": {"S": "a"}}}
CONDITION: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(a)"}
OF_KEY: dict[str, Any] = {"KeyConditionExpression": "pk = :k", "ExpressionAttributeValues": {":k": {"S": "a"}}}
ONLY_WITH_INDEX = "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"
WHICH = "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"
COUNTED = "Cannot specify the ProjectionExpression when choosing to get only the Count"


def update(expression: str, **values: Any) -> dict[str, Any]:
    bound = {f":{name}": value for name, value in values.items()}
    return KEY | {"UpdateExpression": expression} | ({"ExpressionAttributeValues": bound} if bound else {})


def put(**item: Any) -> dict[str, Any]:
    return {"Item": {"pk": {"S": "a"}, **item}}


@pytest.mark.parametrize(
    ("operation", "parameters", "sentence"),
    [
        ("put_item", ITEM | CONDITION | NAMES, DETECTED + UNUSED),
        (
            "put_item",
            put(of={"SS": []}),
            DETECTED + "One or more parameter values were invalid: An string set  may not be empty",
        ),
        ("delete_item", KEY | CONDITION | NAMES, DETECTED + UNUSED),
        ("update_item", update("SET a = :v", v={"S": "x"}, unused={"S": "y"}) | NAMES, DETECTED + UNUSED),
        ("update_item", update(""), DETECTED + "Invalid UpdateExpression: The expression can not be empty;"),
        (
            "update_item",
            update("SET a = :v") | {"ExpressionAttributeValues": {}},
            DETECTED + "ExpressionAttributeValues must not be empty",
        ),
        (
            "update_item",
            update("ADD a :v", v={"NS": []}),
            DETECTED + "One or more parameter values were invalid: An number set  may not be empty",
        ),
        (
            "update_item",
            update("SET a = :v SET b = :v", v={"S": "x"}),
            DETECTED + 'Invalid UpdateExpression: The "SET" section can only be used once in an update expression;',
        ),
        (
            "get_item",
            {"Key": {"other": {"S": "a"}}} | NAMES,
            "ExpressionAttributeNames can only be specified when using expressions",
        ),
        ("get_item", KEY | NAMES | {"ProjectionExpression": "a"}, UNUSED),
        ("scan", NAMES | {"ProjectionExpression": "a"}, UNUSED),
        ("scan", {"Select": "ALL_PROJECTED_ATTRIBUTES"}, ONLY_WITH_INDEX),
        ("scan", {"Select": "COUNT", "ProjectionExpression": "a"}, COUNTED),
        (
            "scan",
            {"TotalSegments": 2},
            "The Segment parameter is required but was not present in the request when parameter TotalSegments is "
            "present",
        ),
        ("query", OF_KEY | {"Select": "ALL_PROJECTED_ATTRIBUTES"}, DETECTED + ONLY_WITH_INDEX),
        ("query", OF_KEY | {"Select": "SPECIFIC_ATTRIBUTES"}, DETECTED + WHICH),
        ("query", OF_KEY | {"Select": "COUNT", "ProjectionExpression": "a"}, DETECTED + COUNTED),
        (
            "query",
            {"KeyConditionExpression": "pk = name", "FilterExpression": ""},
            "Invalid FilterExpression: The expression can not be empty;",
        ),
        (
            "query",
            {"KeyConditionExpression": "pk = name"},
            "Invalid KeyConditionExpression: Invalid condition in KeyConditionExpression: Multiple attribute names "
            "used in one condition",
        ),
    ],
)
def test_a_request_that_is_wrong_by_itself_is_refused_in_its_operations_words(
    aws: Aws, make_table: MakeTable, operation: str, parameters: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(aws("dynamodb"), operation)(TableName=make_table("pk"), **parameters)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert refused.value.response["Error"]["Message"] == sentence


def test_what_is_wrong_by_itself_is_told_before_a_table_is_looked_for(aws: Aws) -> None:
    wanted = {"Keys": [{"pk": {"S": "a"}}], "ProjectionExpression": "a"} | NAMES
    with pytest.raises(ClientError, match=r"ValidationException.*unused in expressions"):
        aws("dynamodb").batch_get_item(RequestItems={"missing": wanted})


@pytest.mark.parametrize(("name", "code"), [("", "ValidationException"), ("missing", "ResourceNotFoundException")])
def test_partiql_does_not_name_an_index_that_is_not_there(
    aws: Aws, make_table: MakeTable, name: str, code: str
) -> None:
    with pytest.raises(ClientError) as refused:
        aws("dynamodb").execute_statement(Statement=f'SELECT * FROM "{name or make_table("pk")}"."none"')
    assert refused.value.response["Error"]["Code"] == code
    if not name:
        assert refused.value.response["Error"]["Message"] == "The table does not have the specified index"
