"""A mapping of a table's stream as a template makes it and as the API shows it."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, MovableClock
from tests.patience import eventually
from tests.services.cloudformation.stacks import create, outputs, update
from tests.services.lambda_.test_invocation import ECHO
from tests.services.lambda_.test_invocation import create as create_function

SUM = """
def handler(event, context):
    state = {"count": event["state"].get("count", 0) + len(event["Records"])}
    if event["isFinalInvokeForWindow"]:
        print("TOTAL", state["count"])
    return {"state": state}
"""


def template(**mapping: Any) -> dict[str, Any]:
    return {
        "Resources": {
            "Table": {
                "Type": "AWS::DynamoDB::Table",
                "Properties": {
                    "BillingMode": "PAY_PER_REQUEST",
                    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                    "StreamSpecification": {"StreamViewType": "KEYS_ONLY"},
                },
            },
            "Feed": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {
                    "FunctionName": "sum",
                    "EventSourceArn": {"Fn::GetAtt": ["Table", "StreamArn"]},
                    "StartingPosition": "TRIM_HORIZON",
                    **mapping,
                },
            },
        },
        "Outputs": {"Table": {"Value": {"Ref": "Table"}}, "Feed": {"Value": {"Ref": "Feed"}}},
    }


def test_a_template_gives_a_mapping_windows_and_takes_them_away(aws: Aws, clock: MovableClock) -> None:
    functions, cloudformation = aws("lambda"), aws("cloudformation")
    create_function(functions, "sum", SUM)
    made = outputs(create(cloudformation, template(TumblingWindowInSeconds=60)))
    shown = functions.get_event_source_mapping(UUID=made["Feed"])
    assert (shown["TumblingWindowInSeconds"], shown["LastProcessingResult"]) == (60, "No records processed")
    clock.advance(s=60 - clock.now_ms() / 1000 % 60)
    for number in range(3):
        aws("dynamodb").put_item(TableName=made["Table"], Item={"id": {"S": str(number)}})

    def result() -> bool:
        processed: bool = functions.get_event_source_mapping(UUID=made["Feed"])["LastProcessingResult"] == "OK"
        return processed

    eventually(result)
    clock.advance(s=70)

    def totals() -> list[str]:
        try:
            found = aws("logs").filter_log_events(logGroupName="/aws/lambda/sum", filterPattern="TOTAL")["events"]
        except ClientError:
            return []
        return [event["message"].strip() for event in found]

    eventually(totals)
    assert totals() == ["TOTAL 3"]
    update(cloudformation, template())
    assert functions.get_event_source_mapping(UUID=made["Feed"])["TumblingWindowInSeconds"] == 0


def test_queues_have_no_windows(aws: Aws, account: str) -> None:
    create_function(aws("lambda"), "f", ECHO)
    aws("sqs").create_queue(QueueName="in")
    with pytest.raises(ClientError, match="Unsupported TumblingWindowInSeconds parameter for given event source"):
        aws("lambda").create_event_source_mapping(
            FunctionName="f", EventSourceArn=f"arn:aws:sqs:us-east-1:{account}:in", TumblingWindowInSeconds=1
        )


def test_a_streams_position_is_none_of_the_clock(aws: Aws) -> None:
    functions = aws("lambda")
    create_function(functions, "f", ECHO)
    table = {
        "TableName": "items",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    }
    arn = aws("dynamodb").create_table(**table)["TableDescription"]["LatestStreamArn"]
    position = {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1_700_000_000}
    with pytest.raises(ClientError, match=f"Unsupported starting position for arn type: {arn}"):
        functions.create_event_source_mapping(FunctionName="f", EventSourceArn=arn, **position)
