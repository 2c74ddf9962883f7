"""Secrets, their versions and stages, deletion, lists and policies."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Aws = Callable[..., Any]
DAY_S = 86_400


@pytest.fixture
def manager(aws: Aws) -> Any:
    return aws("secretsmanager")


def stages(manager: Any, name: str = "s") -> dict[str, list[str]]:
    found: dict[str, list[str]] = manager.describe_secret(SecretId=name)["VersionIdsToStages"]
    return found


def names(answer: dict[str, Any]) -> set[str]:
    return {secret["Name"] for secret in answer["SecretList"]}


# ---- ids --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "is_found_without_suffix"),
    [("db", True), ("app/db-a1b2", True), ("app/db-a1b2c3", False), ("app/db-a1b2c3-", True)],
)
def test_an_arn_may_lack_its_random_end_unless_the_name_looks_as_if_it_had_one(
    manager: Any, name: str, is_found_without_suffix: bool
) -> None:
    arn = manager.create_secret(Name=name, SecretString="x")["ARN"]
    for whole in (name, arn):
        assert manager.get_secret_value(SecretId=whole)["SecretString"] == "x"
    if is_found_without_suffix:
        assert manager.get_secret_value(SecretId=arn[:-7])["Name"] == name
    else:
        with pytest.raises(manager.exceptions.ResourceNotFoundException):
            manager.get_secret_value(SecretId=arn[:-7])


def test_a_secret_that_is_made_anew_has_another_arn(manager: Any) -> None:
    old = manager.create_secret(Name="s", SecretString="x")["ARN"]
    manager.delete_secret(SecretId="s", ForceDeleteWithoutRecovery=True)
    new = manager.create_secret(Name="s", SecretString="y")["ARN"]
    assert new != old
    with pytest.raises(manager.exceptions.ResourceNotFoundException):
        manager.get_secret_value(SecretId=old)


# ---- versions and stages ----------------------------------------------------------------------------------------


def test_a_put_that_comes_again_with_its_token_is_done_once(manager: Any) -> None:
    token = str(uuid.uuid4())
    first = manager.create_secret(Name="s", SecretString="x", ClientRequestToken=token)
    assert manager.create_secret(Name="s", SecretString="x", ClientRequestToken=token)["ARN"] == first["ARN"]
    assert manager.put_secret_value(SecretId="s", SecretString="x", ClientRequestToken=token)["VersionId"] == token
    with pytest.raises(ClientError, match=f"can't use ClientRequestToken {token} because that value is already in use"):
        manager.create_secret(Name="s", SecretString="y", ClientRequestToken=token)
    assert stages(manager) == {token: ["AWSCURRENT"]}
    with pytest.raises(manager.exceptions.ResourceExistsException, match="already in use for a version"):
        manager.put_secret_value(SecretId="s", SecretString="y", ClientRequestToken=token)


def test_labels_move_as_values_are_put(manager: Any) -> None:
    first = manager.create_secret(Name="s", SecretString="1")["VersionId"]
    second = manager.put_secret_value(SecretId="s", SecretString="2", VersionStages=["AWSPENDING", "blue"])["VersionId"]
    manager.update_secret_version_stage(
        SecretId="s", VersionStage="AWSCURRENT", MoveToVersionId=second, RemoveFromVersionId=first
    )
    assert stages(manager) == {first: ["AWSPREVIOUS"], second: ["AWSCURRENT", "AWSPENDING", "blue"]}
    third = manager.put_secret_value(SecretId="s", SecretString="3")["VersionId"]
    assert stages(manager) == {second: ["AWSPREVIOUS", "blue"], third: ["AWSCURRENT"]}
    assert manager.get_secret_value(SecretId="s", VersionStage="blue")["SecretString"] == "2"
    listed = manager.list_secret_version_ids(SecretId="s", IncludeDeprecated=True)["Versions"]
    assert [version["VersionId"] for version in listed] == [first, second, third]


@pytest.mark.parametrize(
    ("remove", "move", "sentence"),
    [
        (None, "new", "The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently"),
        ("new", "new", "AWSCURRENT is not attached to version"),
        ("old", None, "You can only move staging label AWSCURRENT to a different secret version"),
        (None, None, "You must specify"),
    ],
)
def test_awscurrent_moves_from_the_version_that_has_it_and_is_never_lost(
    manager: Any, remove: str | None, move: str | None, sentence: str
) -> None:
    ids = {"old": manager.create_secret(Name="s", SecretString="1")["VersionId"]}
    ids["new"] = manager.put_secret_value(SecretId="s", SecretString="2", VersionStages=["x"])["VersionId"]
    given = {"RemoveFromVersionId": ids.get(remove or ""), "MoveToVersionId": ids.get(move or "")}
    with pytest.raises(manager.exceptions.InvalidParameterException, match=sentence):
        manager.update_secret_version_stage(
            SecretId="s", VersionStage="AWSCURRENT", **{name: value for name, value in given.items() if value}
        )


def test_versions_without_labels_are_forgotten_when_there_are_many_and_a_day_has_passed(
    manager: Any, clock: Any
) -> None:
    first = manager.create_secret(Name="s", SecretString="0")["VersionId"]
    for number in range(1, 100):
        manager.put_secret_value(SecretId="s", SecretString=str(number))
    with pytest.raises(manager.exceptions.LimitExceededException):
        manager.put_secret_value(SecretId="s", SecretString="too many")
    clock.advance(s=DAY_S)
    manager.put_secret_value(SecretId="s", SecretString="100")
    versions = manager.list_secret_version_ids(SecretId="s", IncludeDeprecated=True)["Versions"]
    assert len(versions) == 100
    assert first not in {version["VersionId"] for version in versions}


def test_a_secret_has_no_more_than_twenty_labels(manager: Any) -> None:
    manager.create_secret(Name="s", SecretString="x")
    manager.put_secret_value(SecretId="s", SecretString="y", VersionStages=[f"l{i}" for i in range(19)])
    with pytest.raises(manager.exceptions.LimitExceededException):
        manager.put_secret_value(SecretId="s", SecretString="z", VersionStages=["one-more"])


def test_several_values_come_with_the_errors_of_those_that_cannot_be_read(manager: Any) -> None:
    manager.create_secret(Name="app/a", SecretString="1")
    manager.create_secret(Name="app/b", SecretBinary=b"\x00\xff")
    manager.create_secret(Name="empty")
    answer = manager.batch_get_secret_value(SecretIdList=["app/a", "none", "empty"])
    assert [value["SecretString"] for value in answer["SecretValues"]] == ["1"]
    assert [(error["SecretId"], error["ErrorCode"]) for error in answer["Errors"]] == [
        ("none", "ResourceNotFoundException"),
        ("empty", "ResourceNotFoundException"),
    ]
    filters = [{"Key": "name", "Values": ["app/"]}]
    page = manager.batch_get_secret_value(Filters=filters, MaxResults=1)
    rest = manager.batch_get_secret_value(Filters=filters, MaxResults=1, NextToken=page["NextToken"])
    assert sorted(value["Name"] for value in page["SecretValues"] + rest["SecretValues"]) == ["app/a", "app/b"]
    assert "NextToken" not in rest


# ---- deletion ---------------------------------------------------------------------------------------------------


def test_a_deleted_secret_can_be_restored_until_its_window_ends(manager: Any, clock: Any) -> None:
    manager.create_secret(Name="s", SecretString="x")
    manager.delete_secret(SecretId="s", RecoveryWindowInDays=7)
    with pytest.raises(manager.exceptions.InvalidRequestException, match="because it was marked for deletion"):
        manager.get_secret_value(SecretId="s")
    assert names(manager.list_secrets()) == set()
    assert names(manager.list_secrets(IncludePlannedDeletion=True)) == {"s"}
    clock.advance(s=6 * DAY_S)
    manager.restore_secret(SecretId="s")
    clock.advance(s=2 * DAY_S)
    assert manager.get_secret_value(SecretId="s")["SecretString"] == "x"
    manager.delete_secret(SecretId="s", RecoveryWindowInDays=7)
    clock.advance(s=7 * DAY_S)
    with pytest.raises(manager.exceptions.ResourceNotFoundException):
        manager.describe_secret(SecretId="s")


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"RecoveryWindowInDays": 6}, "between 7 and 30 days"),
        ({"RecoveryWindowInDays": 31}, "between 7 and 30 days"),
        ({"RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": True}, "in conjunction with"),
    ],
)
def test_a_recovery_window_has_7_to_30_days(manager: Any, parameters: dict[str, Any], sentence: str) -> None:
    manager.create_secret(Name="s", SecretString="x")
    with pytest.raises(manager.exceptions.InvalidParameterException, match=sentence):
        manager.delete_secret(SecretId="s", **parameters)


# ---- lists ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ([("name", "prod/")], {"prod/db", "prod/Api"}),
        ([("name", "PROD/")], set()),
        ([("name", "!prod/")], {"dev/db"}),
        ([("description", "data of")], {"prod/db", "dev/db"}),
        ([("description", "ata")], set()),
        ([("tag-key", "team")], {"prod/db", "dev/db"}),
        ([("tag-key", "team"), ("tag-value", "blue")], {"prod/db"}),
        ([("all", "GATEWAY")], {"prod/Api"}),
        ([("all", "!db")], {"prod/Api"}),
        ([("name", "prod/", "dev/")], {"prod/db", "prod/Api", "dev/db"}),
    ],
)
def test_lists_are_filtered(manager: Any, filters: list[tuple[str, ...]], wanted: set[str]) -> None:
    blue, red = [{"Key": "team", "Value": "blue"}], [{"Key": "team", "Value": "red"}]
    manager.create_secret(Name="prod/db", SecretString="x", Description="Database of orders", Tags=blue)
    manager.create_secret(Name="dev/db", SecretString="x", Description="database of tests", Tags=red)
    manager.create_secret(Name="prod/Api", SecretString="x", Description="For the gateway")
    given = [{"Key": key, "Values": list(values)} for key, *values in filters]
    assert names(manager.list_secrets(Filters=given)) == wanted


def test_lists_are_sorted_and_paged(manager: Any, clock: Any) -> None:
    for name in ("b", "c", "a"):
        manager.create_secret(Name=name, SecretString="x")
        clock.advance(s=1)

    def listed(**order: Any) -> list[str]:
        pages = manager.get_paginator("list_secrets").paginate(MaxResults=2, **order)
        return [secret["Name"] for page in pages for secret in page["SecretList"]]

    assert listed() == ["a", "c", "b"]
    assert listed(SortBy="name", SortOrder="asc") == ["a", "b", "c"]
    with pytest.raises(manager.exceptions.InvalidNextTokenException):
        manager.list_secrets(NextToken="nonsense")


# ---- passwords --------------------------------------------------------------------------------------------------


def test_passwords_have_the_types_that_are_asked_for(manager: Any) -> None:
    password = manager.get_random_password(PasswordLength=8, ExcludePunctuation=True, IncludeSpace=True)[
        "RandomPassword"
    ]
    assert len(password) == 8
    kinds = (str.islower, str.isupper, str.isdigit, str.isspace)
    assert all(any(kind(character) for character in password) for kind in kinds)
    assert all(character.isalnum() or character == " " for character in password)
    only = manager.get_random_password(
        PasswordLength=500, ExcludeCharacters="02468", ExcludeUppercase=True, ExcludeLowercase=True,
        ExcludePunctuation=True,
    )["RandomPassword"]  # fmt: skip
    assert set(only) == set("13579")
    with pytest.raises(manager.exceptions.InvalidParameterException, match="Password length 3 is too short"):
        manager.get_random_password(PasswordLength=3)


# ---- policies, tags, others' accounts ---------------------------------------------------------------------------


def policy(principal: Any, **more: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "secretsmanager:*", "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_public_policy_is_refused_where_that_is_asked_for(manager: Any) -> None:
    manager.create_secret(Name="s", SecretString="x")
    with pytest.raises(manager.exceptions.PublicPolicyException):
        manager.put_resource_policy(SecretId="s", ResourcePolicy=policy("*"), BlockPublicPolicy=True)
    narrow = policy("*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})
    manager.put_resource_policy(SecretId="s", ResourcePolicy=narrow, BlockPublicPolicy=True)
    assert manager.get_resource_policy(SecretId="s")["ResourcePolicy"] == narrow
    assert manager.validate_resource_policy(ResourcePolicy=narrow)["PolicyValidationPassed"] is True
    assert manager.validate_resource_policy(ResourcePolicy=policy({"AWS": "*"}))["PolicyValidationPassed"] is False
    for anybody in ({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}, {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}):
        wide = policy("*", Condition=anybody)
        assert manager.validate_resource_policy(ResourcePolicy=wide)["PolicyValidationPassed"] is False
    manager.delete_resource_policy(SecretId="s")
    assert "ResourcePolicy" not in manager.get_resource_policy(SecretId="s")


@pytest.mark.parametrize("document", ["{", "[]", '{"Version": "2019-10-19", "Statement": []}', policy({"Who": "x"})])
def test_a_malformed_policy_is_refused(manager: Any, document: str) -> None:
    manager.create_secret(Name="s", SecretString="x")
    with pytest.raises(manager.exceptions.MalformedPolicyDocumentException):
        manager.put_resource_policy(SecretId="s", ResourcePolicy=document)


def test_another_account_does_not_read_what_the_default_key_encrypts(aws: Aws, manager: Any) -> None:
    arn = manager.create_secret(Name="s", SecretString="x")["ARN"]
    other = aws("secretsmanager", account="999988887777")
    assert other.describe_secret(SecretId=arn)["Name"] == "s"
    with pytest.raises(other.exceptions.InvalidRequestException, match="from a different AWS account"):
        other.get_secret_value(SecretId=arn)
    assert other.list_secrets()["SecretList"] == []


def test_the_tagging_api_sees_secrets(aws: Aws, manager: Any) -> None:
    arn = manager.create_secret(Name="s", SecretString="x", Tags=[{"Key": "a", "Value": "1"}])["ARN"]
    tagging = aws("resourcegroupstaggingapi")
    tagging.tag_resources(ResourceARNList=[arn], Tags={"b": "2"})
    tagging.untag_resources(ResourceARNList=[arn], TagKeys=["a"])
    (found,) = tagging.get_resources(ResourceTypeFilters=["secretsmanager"])["ResourceTagMappingList"]
    assert found == {"ResourceARN": arn, "Tags": [{"Key": "b", "Value": "2"}]}


def test_what_is_not_there_is_refused_by_name(manager: Any) -> None:
    manager.create_secret(Name="s", SecretString="x")
    with pytest.raises(ClientError, match=r"NotImplemented.*ExternalSecretRotationRoleArn"):
        manager.rotate_secret(SecretId="s", ExternalSecretRotationRoleArn="arn:aws:iam::123456789012:role/r")


# ---- replicas ---------------------------------------------------------------------------------------------------


def test_a_replica_follows_its_secret_until_it_is_let_go(aws: Aws, manager: Any) -> None:
    there = aws("secretsmanager", region="eu-west-1")
    created = manager.create_secret(
        Name="s", SecretString="1", Tags=[{"Key": "a", "Value": "b"}], AddReplicaRegions=[{"Region": "eu-west-1"}]
    )
    assert [status["Status"] for status in created["ReplicationStatus"]] == ["InSync"]
    version = manager.put_secret_value(SecretId="s", SecretString="2")["VersionId"]
    replica = there.get_secret_value(SecretId="s")
    assert (replica["SecretString"], replica["VersionId"]) == ("2", version)
    assert replica["ARN"] == created["ARN"].replace("us-east-1", "eu-west-1")
    assert there.describe_secret(SecretId="s")["PrimaryRegion"] == "us-east-1"
    assert there.describe_secret(SecretId="s")["Tags"] == [{"Key": "a", "Value": "b"}]
    with pytest.raises(there.exceptions.InvalidRequestException, match="not permitted on a replica secret"):
        there.put_secret_value(SecretId="s", SecretString="3")
    with pytest.raises(manager.exceptions.InvalidParameterException, match="still has replica regions"):
        manager.delete_secret(SecretId="s")
    there.stop_replication_to_replica(SecretId="s")
    there.put_secret_value(SecretId="s", SecretString="3")
    assert manager.get_secret_value(SecretId="s")["SecretString"] == "2"
    assert "ReplicationStatus" not in manager.describe_secret(SecretId="s")


def test_a_replica_does_not_replace_a_secret_unless_it_is_told_to(aws: Aws, manager: Any) -> None:
    there = aws("secretsmanager", region="eu-west-1")
    there.create_secret(Name="s", SecretString="own")
    manager.create_secret(Name="s", SecretString="1")
    wanted = [{"Region": "eu-west-1"}]
    (status,) = manager.replicate_secret_to_regions(SecretId="s", AddReplicaRegions=wanted)["ReplicationStatus"]
    assert status["Status"] == "Failed"
    assert there.get_secret_value(SecretId="s")["SecretString"] == "own"
    manager.replicate_secret_to_regions(SecretId="s", AddReplicaRegions=wanted, ForceOverwriteReplicaSecret=True)
    assert there.get_secret_value(SecretId="s")["SecretString"] == "1"
    answer = manager.remove_regions_from_replication(SecretId="s", RemoveReplicaRegions=["eu-west-1"])
    assert answer["ReplicationStatus"] == []
    with pytest.raises(there.exceptions.ResourceNotFoundException):
        there.describe_secret(SecretId="s")


def test_a_secret_that_a_replica_replaces_is_forgotten_with_all_its_plans(aws: Aws, manager: Any, clock: Any) -> None:
    there = aws("secretsmanager", region="eu-west-1")
    there.create_secret(Name="s", SecretString="own")
    there.delete_secret(SecretId="s", RecoveryWindowInDays=7)
    replicas = [{"Region": "eu-west-1"}]
    manager.create_secret(Name="s", SecretString="1", AddReplicaRegions=replicas, ForceOverwriteReplicaSecret=True)
    clock.advance(s=8 * DAY_S)
    assert there.get_secret_value(SecretId="s")["SecretString"] == "1"
    assert len(there.list_secret_version_ids(SecretId="s", IncludeDeprecated=True)["Versions"]) == 1


def test_a_replica_that_is_asked_for_again_gets_another_key(aws: Aws, manager: Any) -> None:
    there, kms = aws("secretsmanager", region="eu-west-1"), aws("kms", region="eu-west-1")
    manager.create_secret(Name="s", SecretString="1", AddReplicaRegions=[{"Region": "eu-west-1"}])
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    replicas = [{"Region": "eu-west-1", "KmsKeyId": key}]
    (status,) = manager.replicate_secret_to_regions(SecretId="s", AddReplicaRegions=replicas)["ReplicationStatus"]
    assert (status["KmsKeyId"], status["Status"]) == (key, "InSync")
    kms.disable_key(KeyId=key)
    with pytest.raises(there.exceptions.DecryptionFailure):
        there.get_secret_value(SecretId="s")
    manager.put_secret_value(SecretId="s", SecretString="2")
    (status,) = manager.describe_secret(SecretId="s")["ReplicationStatus"]
    assert status["Status"] == "Failed"
