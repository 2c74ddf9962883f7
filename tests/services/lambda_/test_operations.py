"""Functions, versions, aliases, layers and settings as the API tells them."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import MovableClock
from tests.patience import eventually
from tests.services.lambda_.test_invocation import ECHO, create, damaged, package

EFS = "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0"


def revision(client: Any, **place: str) -> str:
    found: str = client.get_function(FunctionName="f", **place)["Configuration"]["RevisionId"]
    return found


def layer(client: Any, name: str = "shared") -> Any:
    return client.publish_layer_version(LayerName=name, Content={"ZipFile": package("x = 1")})


def test_a_revision_names_one_state_of_a_function(aws: Any) -> None:
    client = aws("lambda")
    made = create(client, "f", ECHO)["RevisionId"]
    active = revision(client)
    assert made != active
    version = client.publish_version(FunctionName="f", RevisionId=active)
    assert revision(client, Qualifier="1") == version["RevisionId"]
    published = revision(client)
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    assert revision(client) == published != active
    client.add_permission(
        FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal="*", RevisionId=published
    )
    assert client.get_policy(FunctionName="f")["RevisionId"] == revision(client) != published
    with pytest.raises(ClientError, match="PreconditionFailedException"):
        client.remove_permission(FunctionName="f", StatementId="s", RevisionId=published)


def test_only_a_change_makes_a_new_version(aws: Any, clock: Any) -> None:
    client = aws("lambda")
    create(client, "f", ECHO)
    assert client.publish_version(FunctionName="f", Description="one")["Version"] == "1"
    again = client.publish_version(FunctionName="f", Description="another")
    assert (again["Version"], again["Description"]) == ("1", "one")
    client.update_function_configuration(FunctionName="f", Description="changed")
    clock.advance(s=1)
    assert client.publish_version(FunctionName="f")["Version"] == "2"
    client.delete_function(FunctionName="f", Qualifier="77")
    versions = client.list_versions_by_function(FunctionName="f")["Versions"]
    assert [row["Version"] for row in versions] == ["$LATEST", "1", "2"]
    assert "State" not in versions[0]


def test_an_alias_is_named_in_the_arn_of_what_it_points_to(aws: Any) -> None:
    client = aws("lambda")
    create(client, "f", ECHO, Publish=True)
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    found = client.get_function(FunctionName="f", Qualifier="live")["Configuration"]
    assert (found["FunctionArn"].rpartition(":")[2], found["Version"]) == ("live", "1")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"Runtime": "python3.7"}, "The runtime parameter of python3.7 is no longer supported"),
        ({"Runtime": "python4"}, "Value python4 at 'runtime' failed to satisfy constraint"),
        ({"Layers": ["arn:aws:lambda:eu-west-1:123456789012:layer:a:1"]}, "Layers are not in the same region"),
        ({"Layers": [f"arn:aws:lambda:us-east-1:123456789012:layer:a:{n}" for n in range(1, 7)]}, "more than 5 layers"),
        ({"Tags": {str(number): "x" for number in range(51)}}, "Number of tags exceeds resource tag limit"),
        ({"FunctionName": "x" * 65}, "Member must have length less than or equal to 64"),
        ({"MemorySize": 10_241}, "'MemorySize' value failed to satisfy constraint: .* less than or equal to 10240"),
        ({"Environment": {"Variables": {"LONG": "x" * 4096}}}, "exceeded the 4KB limit"),
    ],
)
def test_a_function_that_cannot_be_is_refused(aws: Any, changes: Any, sentence: str) -> None:
    wanted = {
        "FunctionName": "f",
        "Runtime": "python3.12",
        "Handler": "app.handler",
        "Role": "arn:aws:iam::000000000000:role/r",
    }
    with pytest.raises(ClientError, match=f"InvalidParameterValueException.*{sentence}"):
        aws("lambda").create_function(**{**wanted, **changes}, Code={"ZipFile": package(ECHO)})


def test_an_invocation_takes_at_most_fifteen_minutes(aws: Any) -> None:
    create(aws("lambda"), "f", ECHO, Timeout=900)
    with pytest.raises(ClientError, match=r"'901' at 'timeout' .* less than or equal to 900"):
        aws("lambda").update_function_configuration(FunctionName="f", Timeout=901)


@pytest.mark.parametrize(
    ("alias", "sentence"),
    [
        ({"FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5}}}, "already included"),
        ({"FunctionVersion": "$LATEST", "RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5}}}, "is not supported"),
        ({"FunctionVersion": "9"}, "Function not found: .*:f:9"),
    ],
)
def test_an_alias_points_to_versions_that_are_there(aws: Any, alias: Any, sentence: str) -> None:
    client = aws("lambda")
    create(client, "f", ECHO, Publish=True)
    with pytest.raises(ClientError, match=sentence):
        client.create_alias(FunctionName="f", Name="live", **alias)


def test_a_policy_is_put_as_a_whole(aws: Any) -> None:
    client = aws("lambda")
    arn = create(client, "f", ECHO)["FunctionArn"]
    client.add_permission(FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal="*")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "lambda:*", "Resource": arn}
    put = client.put_resource_policy(ResourceArn=arn, Policy=json.dumps({"Statement": statement}))
    found = client.get_resource_policy(ResourceArn=arn)
    assert json.loads(found["Policy"])["Statement"] == [statement]
    assert found["RevisionId"] == put["RevisionId"] == revision(client)
    with pytest.raises(ClientError, match="PreconditionFailedException"):
        client.delete_resource_policy(ResourceArn=arn, RevisionId="00000000-0000-0000-0000-000000000000")
    for wrong in ("{", "[]", '{"Statement": []}', '{"Statement": {"Effect": "Allow"}}'):
        with pytest.raises(ClientError, match="InvalidParameterValueException"):
            client.put_resource_policy(ResourceArn=arn, Policy=wrong)
    size = len(json.dumps(statement)) + 2
    client.put_resource_policy(ResourceArn=arn, Policy=json.dumps({"Statement": [statement] * (20_400 // size)}))
    with pytest.raises(ClientError, match="PolicyLengthExceededException"):
        for sid in range(30):  # The policy was put with spaces between its parts, which do not count.
            client.add_permission(
                FunctionName="f", StatementId=f"s{sid}", Action="lambda:InvokeFunction", Principal="*"
            )
    client.delete_resource_policy(ResourceArn=arn)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.get_resource_policy(ResourceArn=arn)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}, "VpcConfig"),
        ({"PackageType": "Image"}, "container images"),
        ({"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}, "TenancyConfig"),
        ({"FileSystemConfigs": [{"Arn": EFS, "LocalMountPath": "/mnt/a"}]}, "FileSystemConfigs"),
    ],
)
def test_what_functions_cannot_have_here_is_refused_by_name(aws: Any, settings: Any, sentence: str) -> None:
    with pytest.raises(ClientError, match=f"NotImplemented.*{sentence}"):
        create(aws("lambda"), "f", ECHO, **settings)
    create(aws("lambda"), "f", ECHO, VpcConfig={"SubnetIds": [], "SecurityGroupIds": []})


def test_an_alias_with_weights_sends_invocations_to_both_of_its_versions(aws: Any, clock: Any) -> None:
    client = aws("lambda")
    create(client, "f", "def handler(event, context):\n    return context.function_version\n", Publish=True)
    client.update_function_configuration(FunctionName="f", Description="second")
    clock.advance(s=1)
    client.publish_version(FunctionName="f")
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1", RoutingConfig=weights)
    seen = {client.invoke(FunctionName="f:live")["ExecutedVersion"] for _ in range(60)}
    assert seen == {"1", "2"}
    assert {client.get_function(FunctionName="f:live")["Configuration"]["Version"] for _ in range(20)} == {"1"}
    found = aws("cloudwatch").list_metrics(Namespace="AWS/Lambda", MetricName="Invocations")["Metrics"]
    dimensions = [{row["Name"]: row["Value"] for row in metric["Dimensions"]} for metric in found]
    assert {row["ExecutedVersion"] for row in dimensions if "ExecutedVersion" in row} == {"1", "2"}
    client.update_alias(FunctionName="f", Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 1.0}})
    assert {client.invoke(FunctionName="f:live")["ExecutedVersion"] for _ in range(5)} == {"2"}


def test_the_versions_of_an_alias_act_as_one_role(aws: Any, clock: Any) -> None:
    client = aws("lambda")
    create(client, "f", ECHO, Publish=True)
    client.update_function_configuration(FunctionName="f", Role="arn:aws:iam::000000000000:role/other")
    clock.advance(s=1)
    client.publish_version(FunctionName="f")
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    with pytest.raises(ClientError, match=r"InvalidParameterValueException.*execution role"):
        client.create_alias(FunctionName="f", Name="live", FunctionVersion="1", RoutingConfig=weights)


def test_a_function_has_one_version_of_a_layer(aws: Any) -> None:
    client = aws("lambda")
    arns = [layer(client)["LayerVersionArn"] for _ in range(2)]
    with pytest.raises(ClientError, match="Two different versions of the same layer are not allowed"):
        create(client, "f", ECHO, Layers=arns)
    assert client.get_layer_version_by_arn(Arn=arns[1])["Version"] == 2


def test_a_layer_version_has_a_policy(aws: Any) -> None:
    client = aws("lambda")
    layer(client)
    place = {"LayerName": "shared", "VersionNumber": 1}
    statement = {"StatementId": "s", "Action": "lambda:GetLayerVersion", "Principal": "*"}
    added = client.add_layer_version_permission(**place, **statement)
    policy = client.get_layer_version_policy(**place)
    assert json.loads(policy["Policy"])["Statement"] == [json.loads(added["Statement"])]
    with pytest.raises(ClientError, match=r"The statement id \(s\) provided already exists"):
        client.add_layer_version_permission(**place, **statement)
    client.remove_layer_version_permission(**place, StatementId="s", RevisionId=policy["RevisionId"])
    with pytest.raises(ClientError, match="No policy is associated with the given resource"):
        client.get_layer_version_policy(**place)


def test_logging_levels_belong_to_json(aws: Any, clock: Any) -> None:
    client = aws("lambda")
    create(client, "f", ECHO)

    def change(**config: str) -> Any:
        clock.advance(s=1)
        return client.update_function_configuration(FunctionName="f", LoggingConfig=config)["LoggingConfig"]

    levels = {"ApplicationLogLevel": "DEBUG", "SystemLogLevel": "INFO"}
    assert change(LogFormat="JSON", ApplicationLogLevel="DEBUG") == {
        "LogFormat": "JSON",
        "LogGroup": "/aws/lambda/f",
        **levels,
    }
    assert change(LogGroup="other") == {"LogFormat": "JSON", "LogGroup": "other", **levels}
    assert change(LogFormat="Text") == {"LogFormat": "Text", "LogGroup": "other"}


def test_one_change_of_a_function_is_under_way_at_a_time(aws: Any, clock: Any) -> None:
    client = aws("lambda")
    create(client, "f", ECHO)
    with clock.standing():
        changed = client.update_function_code(FunctionName="f", ZipFile=package("x = 1"), Publish=True)
        assert (changed["Version"], changed["State"]) == ("1", "Pending")
        latest = client.get_function_configuration(FunctionName="f")
        assert (latest["State"], latest["LastUpdateStatus"]) == ("Active", "InProgress")
        for again in (
            lambda: client.update_function_code(FunctionName="f", ZipFile=package("x = 2")),
            lambda: client.update_function_configuration(FunctionName="f", Timeout=9),
            lambda: client.publish_version(FunctionName="f"),
        ):
            with pytest.raises(
                ClientError, match=r"ResourceConflictException.*An update is in progress for resource: .*:f"
            ):
                again()
    clock.advance(s=1)
    latest_after = client.get_function_configuration(FunctionName="f")
    assert latest_after["LastUpdateStatus"] == "Successful"
    assert latest_after["RevisionId"] != latest["RevisionId"]
    assert client.get_function_configuration(FunctionName="f", Qualifier="1")["State"] == "Active"
    client.update_function_configuration(FunctionName="f", Timeout=9)


def test_a_version_is_kept_while_an_alias_points_to_it(aws: Any) -> None:
    client = aws("lambda")
    create(client, "f", ECHO, Publish=True)
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    with pytest.raises(ClientError, match=r"ResourceConflictException.*aliases reference it: \[live\]"):
        client.delete_function(FunctionName="f", Qualifier="1")
    client.add_permission(
        FunctionName="f", Qualifier="live", StatementId="s", Action="lambda:InvokeFunction", Principal="*"
    )
    client.delete_alias(FunctionName="f", Name="live")
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.get_policy(FunctionName="f", Qualifier="live")
    client.delete_alias(FunctionName="f", Name="live")
    client.delete_function(FunctionName="f", Qualifier="1")
    assert [row["Version"] for row in client.list_versions_by_function(FunctionName="f")["Versions"]] == ["$LATEST"]


@pytest.mark.parametrize(
    ("destinations", "sentence"),
    [
        ({"OnSuccess": {"Destination": "arn:aws:lambda:us-east-1:{account}:function:none"}}, "is invalid"),
        ({"OnFailure": {"Destination": "arn:aws:lambda:us-east-1:{account}:function:f"}}, "destination for itself"),
        ({"OnSuccess": {"Destination": "arn:aws:s3:::bucket"}}, r"OnSuccess\(destination=arn:aws:s3:::bucket\)"),
    ],
)
def test_destinations_are_checked(aws: Any, account: str, destinations: Any, sentence: str) -> None:
    client = aws("lambda")
    create(client, "f", ECHO)
    given = json.loads(json.dumps(destinations).replace("{account}", account))
    with pytest.raises(ClientError, match=f"InvalidParameterValueException.*{sentence}"):
        client.put_function_event_invoke_config(FunctionName="f", DestinationConfig=given)


def test_a_failed_event_is_kept_in_a_bucket(aws: Any) -> None:
    client, s3 = aws("lambda"), aws("s3")
    s3.create_bucket(Bucket="failed-events")
    create(client, "f", "def handler(event, context):\n    raise ValueError('no')\n")
    client.put_function_event_invoke_config(
        FunctionName="f",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::failed-events"}},
    )
    client.invoke(FunctionName="f", InvocationType="Event", Payload=b'{"n": 1}')
    (row,) = eventually(lambda: s3.list_objects_v2(Bucket="failed-events").get("Contents"))
    assert row["Key"].startswith("aws/lambda/async/f/")
    record = json.load(s3.get_object(Bucket="failed-events", Key=row["Key"])["Body"])
    assert record["requestPayload"] == {"n": 1}
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert 'File "/var/task/app.py", line 2' in record["responsePayload"]["stackTrace"][0]


def test_an_event_that_has_become_too_old_is_not_tried_again(aws: Any, clock: MovableClock) -> None:
    client, logs, s3 = aws("lambda"), aws("logs"), aws("s3")
    s3.create_bucket(Bucket="events-past-their-age")
    create(client, "f", "def handler(event, context):\n    raise ValueError('no')\n")
    client.invoke(FunctionName="f", InvocationType="Event", Payload=b'{"n": 1}')

    def tried() -> Any:
        if not logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/f")["logGroups"]:
            return None
        return logs.filter_log_events(logGroupName="/aws/lambda/f", filterPattern="ValueError")["events"]

    eventually(tried)
    client.put_function_event_invoke_config(
        FunctionName="f",
        MaximumEventAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::events-past-their-age"}},
    )

    def kept() -> Any:
        clock.advance(s=61)
        return s3.list_objects_v2(Bucket="events-past-their-age").get("Contents")

    (row,) = eventually(kept)
    record = json.load(s3.get_object(Bucket="events-past-their-age", Key=row["Key"])["Body"])
    context = record["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == ("EventAgeExceeded", 1)


def test_events_of_an_alias_are_handled_as_its_own_configuration_says(aws: Any) -> None:
    client, s3 = aws("lambda"), aws("s3")
    create(client, "f", "def handler(event, context):\n    raise ValueError('no')\n", Publish=True)
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    for qualifier, bucket in (("$LATEST", "failed-latest"), ("live", "failed-live")):
        s3.create_bucket(Bucket=bucket)
        client.put_function_event_invoke_config(
            FunctionName="f",
            Qualifier=qualifier,
            MaximumRetryAttempts=0,
            DestinationConfig={"OnFailure": {"Destination": f"arn:aws:s3:::{bucket}"}},
        )
    client.invoke(FunctionName="f", Qualifier="live", InvocationType="Event")
    (row,) = eventually(lambda: s3.list_objects_v2(Bucket="failed-live").get("Contents"))
    record = json.load(s3.get_object(Bucket="failed-live", Key=row["Key"])["Body"])
    assert record["requestContext"]["functionArn"].endswith(":function:f:live")
    assert s3.list_objects_v2(Bucket="failed-latest")["KeyCount"] == 0


def test_versions_and_aliases_show_no_tags(aws: Any) -> None:
    client = aws("lambda")
    create(client, "f", ECHO, Publish=True, Tags={"team": "blue"})
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    assert client.get_function(FunctionName="f")["Tags"] == {"team": "blue"}
    for qualifier in ("1", "live"):
        assert "Tags" not in client.get_function(FunctionName="f", Qualifier=qualifier)


def test_an_architecture_is_kept_for_a_function_and_its_versions(aws: Any) -> None:
    client = aws("lambda")
    assert create(client, "f", ECHO, Publish=True)["Architectures"] == ["x86_64"]
    assert client.update_function_code(FunctionName="f", ZipFile=package(ECHO), Architectures=["arm64"])
    versions = ("1", "$LATEST")
    found = [client.get_function_configuration(FunctionName="f", Qualifier=version) for version in versions]
    assert [each["Architectures"] for each in found] == [["x86_64"], ["arm64"]]


def test_events_of_a_function_that_may_not_run_go_to_its_dead_letters(aws: Any) -> None:
    client, sqs = aws("lambda"), aws("sqs")
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    create(client, "f", ECHO, DeadLetterConfig={"TargetArn": arn})
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    client.invoke(FunctionName="f", InvocationType="Event", Payload=b'{"n": 1}')
    (message,) = eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
    assert json.loads(message["Body"]) == {"n": 1}


def test_a_package_that_cannot_be_unpacked_is_told_and_its_events_are_not_lost(aws: Any, clock: MovableClock) -> None:
    client, s3 = aws("lambda"), aws("s3")
    create(client, "f", ECHO)
    client.update_function_code(FunctionName="f", ZipFile=damaged(package(ECHO)))
    with pytest.raises(ClientError, match=r"InvalidZipFileException.*Lambda could not unzip the deployment package"):
        client.invoke(FunctionName="f")
    s3.create_bucket(Bucket="events-too-old")
    client.put_function_event_invoke_config(
        FunctionName="f",
        MaximumEventAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::events-too-old"}},
    )
    client.invoke(FunctionName="f", InvocationType="Event", Payload=b'{"n": 1}')

    def kept() -> Any:
        clock.advance(s=10)
        return s3.list_objects_v2(Bucket="events-too-old").get("Contents")

    (row,) = eventually(kept)
    record = json.load(s3.get_object(Bucket="events-too-old", Key=row["Key"])["Body"])
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
