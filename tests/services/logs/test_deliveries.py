"""Delivery sources, delivery destinations and the deliveries between them."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

OTHER = "333344445555"
DENY = {"Effect": "Deny", "Principal": {"AWS": OTHER}, "Action": "logs:CreateDelivery"}


@pytest.fixture
def logs(aws: Any) -> Any:
    return aws("logs")


@pytest.fixture
def bus(aws: Any) -> str:
    arn: str = aws("events").create_event_bus(Name="orders")["EventBusArn"]
    return arn


def put_destination(logs: Any, name: str = "kept", arn: str = "arn:aws:s3:::kept", **given: Any) -> Any:
    return logs.put_delivery_destination(
        name=name, deliveryDestinationConfiguration={"destinationResourceArn": arn}, **given
    )["deliveryDestination"]


def put_source(logs: Any, bus: str, name: str = "bus", log_type: str = "ERROR_LOGS", **given: Any) -> Any:
    return logs.put_delivery_source(name=name, resourceArn=bus, logType=log_type, **given)["deliverySource"]


@pytest.mark.parametrize(
    ("arn", "kind"),
    [
        ("arn:aws:s3:::kept", "S3"),
        ("arn:aws:logs:us-east-1:111122223333:log-group:kept", "CWL"),
        ("arn:aws:firehose:us-east-1:111122223333:deliverystream/kept", "FH"),
    ],
)
def test_a_destination_has_the_type_of_its_resource(logs: Any, account: str, arn: str, kind: str) -> None:
    made = put_destination(logs, arn=arn, outputFormat="json", tags={"team": "core"})
    assert made == {
        "name": "kept",
        "arn": f"arn:aws:logs:us-east-1:{account}:delivery-destination:kept",
        "deliveryDestinationType": kind,
        "deliveryDestinationConfiguration": {"destinationResourceArn": arn},
        "outputFormat": "json",
    }
    assert logs.get_delivery_destination(name="kept")["deliveryDestination"] == made
    put_destination(logs, name="a")
    listed = logs.describe_delivery_destinations()["deliveryDestinations"]
    assert [found["name"] for found in listed] == ["kept", "a"]
    assert logs.list_tags_for_resource(resourceArn=made["arn"])["tags"] == {"team": "core"}


def test_a_destination_is_changed_and_deleted(logs: Any) -> None:
    put_destination(logs)
    assert put_destination(logs, arn="arn:aws:s3:::other")["deliveryDestinationConfiguration"] == {
        "destinationResourceArn": "arn:aws:s3:::other"
    }
    with pytest.raises(ClientError, match="ConflictException"):
        put_destination(logs, arn="arn:aws:firehose:us-east-1:111122223333:deliverystream/kept")
    logs.delete_delivery_destination(name="kept")
    for operation in (logs.get_delivery_destination, logs.delete_delivery_destination):
        with pytest.raises(ClientError, match="Requested Delivery Destination does not exist in this account"):
            operation(name="kept")


def test_a_destination_has_a_policy(logs: Any) -> None:
    put_destination(logs)
    assert logs.get_delivery_destination_policy(deliveryDestinationName="kept")["policy"] == {}
    with pytest.raises(ClientError, match="ValidationException"):
        logs.put_delivery_destination_policy(deliveryDestinationName="kept", deliveryDestinationPolicy="{}")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [DENY]})
    logs.put_delivery_destination_policy(deliveryDestinationName="kept", deliveryDestinationPolicy=policy)
    found = logs.get_delivery_destination_policy(deliveryDestinationName="kept")["policy"]
    assert found == {"deliveryDestinationPolicy": policy}
    logs.delete_delivery_destination_policy(deliveryDestinationName="kept")
    assert logs.get_delivery_destination_policy(deliveryDestinationName="kept")["policy"] == {}


def test_a_source_is_put_listed_and_deleted(logs: Any, bus: str, account: str) -> None:
    made = put_source(logs, bus, tags={"team": "core"})
    assert made == {
        "name": "bus",
        "arn": f"arn:aws:logs:us-east-1:{account}:delivery-source:bus",
        "resourceArns": [bus],
        "service": "events",
        "logType": "ERROR_LOGS",
        "tags": {"team": "core"},
    }
    assert logs.describe_delivery_sources()["deliverySources"] == [made]
    with pytest.raises(ClientError, match=r"ConflictException.*This ResourceId has already been used in another"):
        put_source(logs, bus, name="again")
    logs.delete_delivery_source(name="bus")
    with pytest.raises(ClientError, match="Requested Delivery Source does not exist in this account"):
        logs.get_delivery_source(name="bus")


@pytest.mark.parametrize(
    ("arn", "log_type", "sentence"),
    [
        ("arn:aws:s3:::bucket", "ACCESS_LOGS", "ResourceNotFoundException.*Cannot access provided service"),
        ("arn:aws:cloudfront::1:distribution/E1", "ACCESS_LOGS", "NotImplemented.*does not deliver logs of cloudfront"),
        ("arn:aws:events:us-east-1:111122223333:event-bus/none", "ERROR_LOGS", "ResourceNotFoundException"),
        ("orders", "ERROR_LOGS", "ValidationException"),
    ],
)
def test_what_vends_no_logs_is_no_source(logs: Any, arn: str, log_type: str, sentence: str) -> None:
    with pytest.raises(ClientError, match=sentence):
        put_source(logs, arn, log_type=log_type)


def test_a_delivery_joins_a_source_and_a_destination(logs: Any, bus: str, account: str) -> None:
    put_source(logs, bus)
    arn = put_destination(logs, outputFormat="plain")["arn"]
    made = logs.create_delivery(
        deliverySourceName="bus",
        deliveryDestinationArn=arn,
        fieldDelimiter=",",
        s3DeliveryConfiguration={"suffixPath": "logs/"},
        tags={"team": "core"},
    )["delivery"]
    assert made["arn"] == f"arn:aws:logs:us-east-1:{account}:delivery:{made['id']}"
    assert made["s3DeliveryConfiguration"] == {"suffixPath": "logs/", "enableHiveCompatiblePath": False}
    assert (made["deliveryDestinationType"], made["fieldDelimiter"]) == ("S3", ",")
    logs.update_delivery_configuration(id=made["id"], recordFields=["event_id", "message_type"])
    (found,) = logs.describe_deliveries(deliverySourceNames=["bus"])["deliveries"]
    assert found == made | {"recordFields": ["event_id", "message_type"]}
    with pytest.raises(ClientError, match="ConflictException"):
        logs.create_delivery(deliverySourceName="bus", deliveryDestinationArn=arn)
    for delete, name in ((logs.delete_delivery_source, "bus"), (logs.delete_delivery_destination, "kept")):
        with pytest.raises(ClientError, match="ConflictException"):
            delete(name=name)
    logs.delete_delivery(id=made["id"])
    with pytest.raises(ClientError, match="Requested Delivery does not exist in this account"):
        logs.get_delivery(id=made["id"])


@pytest.mark.parametrize(
    "given",
    [
        {"recordFields": ["none"]},
        {"fieldDelimiter": ","},
        {"s3DeliveryConfiguration": {"suffixPath": "x"}},
        {"recordFields": ["x" * 65]},
    ],
)
def test_a_delivery_must_fit_its_source_and_destination(logs: Any, bus: str, given: dict[str, Any]) -> None:
    put_source(logs, bus)
    arn = put_destination(logs, arn="arn:aws:logs:us-east-1:111122223333:log-group:g", outputFormat="json")["arn"]
    with pytest.raises(ClientError, match="ValidationException"):
        logs.create_delivery(deliverySourceName="bus", deliveryDestinationArn=arn, **given)


def test_another_account_delivers_if_the_policy_lets_it(aws: Any, logs: Any, account: str) -> None:
    arn = put_destination(logs)["arn"]
    other = aws("logs", account=OTHER)
    put_source(other, aws("events", account=OTHER).create_event_bus(Name=f"from-{account}")["EventBusArn"], account)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        other.create_delivery(deliverySourceName=account, deliveryDestinationArn=arn)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": OTHER},
        "Action": "logs:CreateDelivery",
        "Resource": arn,
    }
    logs.put_delivery_destination_policy(
        deliveryDestinationName="kept",
        deliveryDestinationPolicy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    assert other.create_delivery(deliverySourceName=account, deliveryDestinationArn=arn)["delivery"]["id"].isalnum()
