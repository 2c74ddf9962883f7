"""Parameters: put, read, listed, labelled, shared; their policies act."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.services.scheduler.test_schedules import Inbox

Aws = Callable[..., Any]
DAY_S = 86_400


@pytest.fixture
def ssm(aws: Aws) -> Any:
    return aws("ssm")


def put(ssm: Any, name: str, value: str = "v", **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = ssm.put_parameter(Name=name, Value=value, **{"Type": "String", **more})
    return answer


def value(ssm: Any, name: str, **more: Any) -> str:
    found: str = ssm.get_parameter(Name=name, **more)["Parameter"]["Value"]
    return found


def described(ssm: Any, *filters: tuple[Any, ...]) -> list[str]:
    given = [
        {"Key": key} | ({"Option": option} if option else {}) | ({"Values": values} if values else {})
        for key, option, *values in filters
    ]
    pages = ssm.get_paginator("describe_parameters").paginate(ParameterFilters=given)
    return [parameter["Name"] for page in pages for parameter in page["Parameters"]]


# ---- names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("a b", "ValidationException"),
        ("a/b", "ValidationException"),
        ("/a//b", "ValidationException"),
        ("ssm-key", "ValidationException"),
        ("/aws/x", "AccessDeniedException"),
        ("/" + "/".join("abcdefghijklmnop"), "HierarchyLevelLimitExceededException"),
    ],
)
def test_names_that_cannot_be_are_refused(ssm: Any, name: str, code: str) -> None:
    with pytest.raises(ClientError) as refused:
        put(ssm, name)
    assert refused.value.response["Error"]["Code"] == code


def test_a_slash_before_a_name_at_the_top_means_nothing(ssm: Any) -> None:
    put(ssm, "top")
    assert ssm.get_parameter(Name="/top")["Parameter"]["Name"] == "/top"
    with pytest.raises(ssm.exceptions.ParameterAlreadyExists):
        put(ssm, "/top")
    ssm.delete_parameter(Name="/top")
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name="top")


def test_several_parameters_come_with_the_names_that_are_of_none(ssm: Any) -> None:
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/nobodys"
    put(ssm, "/a/b")
    answer = ssm.get_parameters(Names=["none", "/a/b", "/a/b:7", arn])
    assert [parameter["Name"] for parameter in answer["Parameters"]] == ["/a/b"]
    assert answer["InvalidParameters"] == ["none", "/a/b:7", arn]
    answer = ssm.delete_parameters(Names=["/a/b", "none"])
    assert (answer["DeletedParameters"], answer["InvalidParameters"]) == (["/a/b"], ["none"])


def test_public_parameters_are_refused_by_name(ssm: Any) -> None:
    with pytest.raises(ClientError, match=r"NotImplemented.*public parameters: /aws/service/x"):
        ssm.get_parameter(Name="/aws/service/x")


# ---- putting ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"Value": "x" * 4097}, "Standard tier parameters support a maximum parameter value of 4096"),
        ({"Value": "x" * 8193, "Tier": "Advanced"}, "8192 characters"),
        ({"Value": "{{ssm:other}}"}, "can't nest another parameter"),
        ({"AllowedPattern": "[0-9]+"}, "doesn't match the allowed pattern"),
        ({"AllowedPattern": "[0-9"}, "regular expression requirement"),
        ({"DataType": "nothing"}, "data type is not supported: nothing"),
        ({"DataType": "aws:ec2:image"}, "NotImplemented"),
        ({"KeyId": "alias/x"}, "KeyId is required for SecureString"),
        ({"Tags": [{"Key": "a", "Value": "b"}], "Overwrite": True}, "tags and overwrite can't be used together"),
    ],
)
def test_what_cannot_be_put_is_refused(ssm: Any, parameters: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ClientError, match=sentence):
        ssm.put_parameter(**{"Name": "p", "Value": "v", "Type": "String", **parameters})


def test_an_update_keeps_what_it_leaves_out(ssm: Any) -> None:
    put(ssm, "p", "1", Description="d", AllowedPattern="[0-9]+", Tier="Advanced", Tags=[{"Key": "a", "Value": "b"}])
    answer = ssm.put_parameter(Name="p", Value="2", Overwrite=True)
    assert (answer["Version"], answer["Tier"]) == (2, "Advanced")
    (found,) = ssm.describe_parameters()["Parameters"]
    assert (found["Description"], found["AllowedPattern"]) == ("d", "[0-9]+")
    assert ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="p")["TagList"] == [
        {"Key": "a", "Value": "b"}
    ]
    with pytest.raises(ssm.exceptions.ClientError, match="You can't downgrade"):
        ssm.put_parameter(Name="p", Value="3", Overwrite=True, Tier="Standard")


def test_the_tier_is_chosen_by_what_is_needed(ssm: Any) -> None:
    assert put(ssm, "small", Tier="Intelligent-Tiering")["Tier"] == "Standard"
    assert put(ssm, "large", "x" * 5000, Tier="Intelligent-Tiering")["Tier"] == "Advanced"
    setting = "/ssm/parameter-store/default-parameter-tier"
    assert ssm.get_service_setting(SettingId=setting)["ServiceSetting"]["Status"] == "Default"
    ssm.update_service_setting(SettingId=setting, SettingValue="Advanced")
    assert put(ssm, "by-default")["Tier"] == "Advanced"
    assert ssm.reset_service_setting(SettingId=setting)["ServiceSetting"]["SettingValue"] == "Standard"
    with pytest.raises(ssm.exceptions.ServiceSettingNotFound):
        ssm.get_service_setting(SettingId="/ssm/parameter-store/nothing")


def test_types_do_not_change_in_a_hierarchy(ssm: Any) -> None:
    put(ssm, "/a/b")
    with pytest.raises(ssm.exceptions.HierarchyTypeMismatchException):
        put(ssm, "/a/b", Type="StringList", Overwrite=True)


# ---- versions and labels ----------------------------------------------------------------------------------------


def test_versions_are_read_by_number_and_label(ssm: Any) -> None:
    for number in "123":
        put(ssm, "/a/p", number, Overwrite=True)
    ssm.label_parameter_version(Name="/a/p", ParameterVersion=2, Labels=["good", "stable"])
    found = ssm.get_parameter(Name="/a/p:good")["Parameter"]
    assert (found["Value"], found["Version"], found["Selector"]) == ("2", 2, ":good")
    assert value(ssm, "/a/p:1") == "1"
    assert value(ssm, found["ARN"] + ":stable") == "2"
    assert ssm.label_parameter_version(Name="/a/p", Labels=["good", "9th", "awsome"])["InvalidLabels"] == [
        "9th",
        "awsome",
    ]
    assert value(ssm, "/a/p:good") == "3"
    history = ssm.get_parameter_history(Name="/a/p")["Parameters"]
    assert [(each["Value"], each["Labels"]) for each in history] == [("1", []), ("2", ["stable"]), ("3", ["good"])]
    answer = ssm.unlabel_parameter_version(Name="/a/p", ParameterVersion=2, Labels=["stable", "good"])
    assert (answer["RemovedLabels"], answer["InvalidLabels"]) == (["stable"], ["good"])
    with pytest.raises(ssm.exceptions.ParameterVersionNotFound, match="could not find version stable"):
        ssm.get_parameter(Name="/a/p:stable")


def test_the_oldest_of_a_hundred_versions_goes_unless_it_has_a_label(ssm: Any) -> None:
    for number in range(1, 102):
        put(ssm, "p", str(number), Overwrite=True)
    pages = ssm.get_paginator("get_parameter_history").paginate(Name="p", MaxResults=50)
    versions = [parameter["Version"] for page in pages for parameter in page["Parameters"]]
    assert versions == list(range(2, 102))
    ssm.label_parameter_version(Name="p", ParameterVersion=2, Labels=["kept"])
    with pytest.raises(ssm.exceptions.ParameterMaxVersionLimitExceeded, match="Version 2, the oldest version"):
        put(ssm, "p", "102", Overwrite=True)
    ssm.label_parameter_version(Name="p", ParameterVersion=3, Labels=["kept"])
    assert put(ssm, "p", "102", Overwrite=True)["Version"] == 102


def test_a_version_has_ten_labels_at_most(ssm: Any) -> None:
    put(ssm, "p")
    ssm.label_parameter_version(Name="p", Labels=[f"l{number}" for number in range(10)])
    with pytest.raises(ssm.exceptions.ParameterVersionLabelLimitExceeded):
        ssm.label_parameter_version(Name="p", Labels=["more"])


# ---- lists ------------------------------------------------------------------------------------------------------


def test_a_path_is_read_level_by_level_or_whole(ssm: Any) -> None:
    for name in ("/a/1", "/a/2", "/a/b/3", "/ab/4", "top"):
        put(ssm, name)

    def names(path: str, **more: Any) -> list[str]:
        pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=path, MaxResults=1, **more)
        return [parameter["Name"] for page in pages for parameter in page["Parameters"]]

    assert names("/a") == ["/a/1", "/a/2"]
    assert names("/a/", Recursive=True) == ["/a/1", "/a/2", "/a/b/3"]
    assert names("/") == ["top"]
    assert len(names("/", Recursive=True)) == 5
    assert names("/a", ParameterFilters=[{"Key": "Type", "Values": ["StringList"]}]) == []
    with pytest.raises(ssm.exceptions.InvalidFilterKey):
        names("/a", ParameterFilters=[{"Key": "Tier", "Values": ["Standard"]}])
    with pytest.raises(ClientError, match="must begin with a forward slash"):
        names("a")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([("Name", "", "/prod/db")], ["/prod/db"]),
        ([("Name", "BeginsWith", "/prod")], ["/prod/api/key", "/prod/db"]),
        ([("Name", "Contains", "pi")], ["/prod/api/key"]),
        ([("Name", "Equals", "/top")], ["top"]),
        ([("Path", "", "/prod")], ["/prod/db"]),
        ([("Path", "Recursive", "/prod")], ["/prod/api/key", "/prod/db"]),
        ([("Type", "", "StringList", "SecureString")], ["/prod/api/key", "top"]),
        ([("Tier", "", "Advanced")], ["/prod/db"]),
        ([("KeyId", "BeginsWith", "alias/aws")], ["/prod/api/key"]),
        ([("tag:team", "", "blue")], ["/prod/db"]),
        ([("tag:team", "")], ["/prod/api/key", "/prod/db"]),
        ([("Type", "", "String"), ("DataType", "", "text")], ["/prod/db"]),
    ],
)
def test_lists_are_filtered(ssm: Any, given: list[tuple[str, ...]], wanted: list[str]) -> None:
    put(ssm, "/prod/db", Tier="Advanced", Tags=[{"Key": "team", "Value": "blue"}])
    put(ssm, "/prod/api/key", Type="SecureString", Tags=[{"Key": "team", "Value": "red"}])
    put(ssm, "top", "a,b", Type="StringList")
    assert described(ssm, *given) == wanted


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([("Label", "", "x")], "InvalidFilterKey"),
        ([("Name", "Recursive", "x")], "InvalidFilterOption"),
        ([("Type", "", "Number")], "InvalidFilterValue"),
        ([("Path", "", "x")], "ValidationException"),
        ([("Path", "", "/a"), ("Name", "", "b")], "ValidationException"),
        ([("Name", "", "a"), ("Name", "", "b")], "ValidationException"),
    ],
)
def test_filters_that_cannot_be_are_refused(ssm: Any, given: list[tuple[str, ...]], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        described(ssm, *given)
    assert refused.value.response["Error"]["Code"] == code


# ---- policies ---------------------------------------------------------------------------------------------------


def policy(kind: str, **attributes: str) -> dict[str, Any]:
    return {"Type": kind, "Version": "1.0", "Attributes": attributes}


def test_a_parameter_expires_and_tells_so_before(aws: Aws, ssm: Any, clock: Any) -> None:
    inbox = Inbox(aws("sqs"))
    events = aws("events")
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["aws.ssm"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": inbox.arn, "InputPath": "$.detail"}])
    expires = datetime.fromtimestamp(clock.now_ms() / 1000 + 10 * DAY_S, UTC)
    policies = [
        policy("Expiration", Timestamp=expires.isoformat()),
        policy("ExpirationNotification", Before="2", Unit="Days"),
        policy("NoChangeNotification", After="3", Unit="Days"),
    ]
    put(ssm, "/a/p", Tier="Advanced", Policies=json.dumps(policies), Description="short-lived")
    (created,) = inbox.bodies(1)
    assert json.loads(created) == {
        "operation": "Create",
        "name": "/a/p",
        "type": "String",
        "description": "short-lived",
    }
    clock.advance(s=2 * DAY_S)
    put(ssm, "/a/p", Overwrite=True)
    clock.advance(s=2 * DAY_S)

    def told() -> list[str]:
        changes = [json.loads(body) for body in inbox.bodies(1)]
        return [change.get("policy-type") or change["operation"] for change in changes]

    assert told() == ["Update"]
    clock.advance(s=DAY_S)
    assert told() == ["NoChangeNotification"]
    (found,) = ssm.describe_parameters()["Parameters"]
    assert [each["PolicyStatus"] for each in found["Policies"]] == ["Pending", "Pending", "Finished"]
    clock.advance(s=3 * DAY_S)
    assert told() == ["ExpirationNotification"]
    clock.advance(s=2 * DAY_S)
    assert sorted(told()) == ["Delete", "Expiration"]
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name="/a/p")


@pytest.mark.parametrize(
    ("policies", "code"),
    [
        ([policy("Other")], "InvalidPolicyTypeException"),
        ([policy("Expiration", Timestamp="soon")], "InvalidPolicyAttributeException"),
        ([policy("NoChangeNotification", After="0", Unit="Days")], "InvalidPolicyAttributeException"),
        ([policy("ExpirationNotification", Before="1", Unit="Days")], "IncompatiblePolicyException"),
        ([policy("Expiration", Timestamp="2099-01-01T00:00:00Z")] * 2, "IncompatiblePolicyException"),
        ([policy("NoChangeNotification", After="1", Unit="Days")] * 11, "PoliciesLimitExceededException"),
    ],
)
def test_policies_that_cannot_be_are_refused(ssm: Any, policies: list[Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        put(ssm, "p", Tier="Advanced", Policies=json.dumps(policies))
    assert refused.value.response["Error"]["Code"] == code


def test_policies_are_taken_away_by_an_empty_one(ssm: Any, clock: Any) -> None:
    expires = datetime.fromtimestamp(clock.now_ms() / 1000 + DAY_S, UTC).isoformat()
    put(ssm, "p", Tier="Advanced", Policies=json.dumps([policy("Expiration", Timestamp=expires)]))
    put(ssm, "p", Overwrite=True, Policies="[{}]")
    clock.advance(s=2 * DAY_S)
    assert value(ssm, "p") == "v"


# ---- secrets, sharing, tags -------------------------------------------------------------------------------------


def test_a_secret_is_read_as_a_parameter(aws: Aws, ssm: Any) -> None:
    manager = aws("secretsmanager")
    version = manager.create_secret(Name="app/db", SecretString="1")["VersionId"]
    manager.put_secret_value(SecretId="app/db", SecretString="2")
    name = "/aws/reference/secretsmanager/app/db"
    assert value(ssm, name, WithDecryption=True) == "2"
    assert value(ssm, f"{name}:AWSPREVIOUS", WithDecryption=True) == "1"
    assert value(ssm, f"{name}:{version}", WithDecryption=True) == "1"
    with pytest.raises(ClientError, match="WithDecryption flag must be True"):
        ssm.get_parameter(Name=name)


def test_a_parameter_that_is_shared_is_read_by_its_arn_from_elsewhere(aws: Aws, ssm: Any) -> None:
    other = aws("ssm", account="999988887777")
    put(ssm, "p", Tier="Advanced")
    arn = ssm.get_parameter(Name="p")["Parameter"]["ARN"]
    with pytest.raises(other.exceptions.ParameterNotFound):
        other.get_parameter(Name=arn)
    statement = {"Effect": "Allow", "Principal": {"AWS": "999988887777"}, "Action": "ssm:GetParameter*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    put_policy = ssm.put_resource_policy(ResourceArn=arn, Policy=document)
    assert value(other, arn) == "v"
    (found,) = ssm.get_resource_policies(ResourceArn=arn)["Policies"]
    assert found == {"Policy": document, "PolicyId": put_policy["PolicyId"], "PolicyHash": put_policy["PolicyHash"]}
    with pytest.raises(ssm.exceptions.ResourcePolicyConflictException):
        ssm.delete_resource_policy(ResourceArn=arn, PolicyId=found["PolicyId"], PolicyHash="other")
    ssm.delete_resource_policy(ResourceArn=arn, PolicyId=found["PolicyId"], PolicyHash=found["PolicyHash"])
    with pytest.raises(other.exceptions.ParameterNotFound):
        other.get_parameter(Name=arn)


def test_the_tagging_api_sees_parameters(aws: Aws, ssm: Any) -> None:
    put(ssm, "/a/b", Tags=[{"Key": "a", "Value": "1"}])
    arn = ssm.get_parameter(Name="/a/b")["Parameter"]["ARN"]
    tagging = aws("resourcegroupstaggingapi")
    tagging.tag_resources(ResourceARNList=[arn], Tags={"b": "2"})
    tagging.untag_resources(ResourceARNList=[arn], TagKeys=["a"])
    (found,) = tagging.get_resources(ResourceTypeFilters=["ssm:parameter"])["ResourceTagMappingList"]
    assert found == {"ResourceARN": arn, "Tags": [{"Key": "b", "Value": "2"}]}
    with pytest.raises(ssm.exceptions.InvalidResourceId):
        ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="none")
