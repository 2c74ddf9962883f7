"""Repositories of ECR: their settings and policies. There are no images."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.core.tags import given, tag_map
from tests.conftest import Aws
from tests.services.cloudformation.test_stacks import create, wait

LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "sinceImagePushed",
                    "countUnit": "days",
                    "countNumber": 30,
                },
                "action": {"type": "expire"},
            }
        ]
    }
)
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}]}
)


def refusal(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_repository_is_what_it_was_made_as(aws: Aws, account: str) -> None:
    ecr = aws("ecr")
    made = ecr.create_repository(
        repositoryName="team/api", imageTagMutability="IMMUTABLE", imageScanningConfiguration={"scanOnPush": True}
    )["repository"]
    assert made["repositoryArn"] == f"arn:aws:ecr:us-east-1:{account}:repository/team/api"
    assert made["repositoryUri"] == f"{account}.dkr.ecr.us-east-1.amazonaws.com/team/api"
    assert made["imageTagMutability"] == "IMMUTABLE"
    assert made["imageScanningConfiguration"] == {"scanOnPush": True}
    assert ecr.describe_repositories(repositoryNames=["team/api"])["repositories"] == [made]
    assert refusal(ecr.create_repository, repositoryName="team/api") == (
        "RepositoryAlreadyExistsException",
        f"The repository with name 'team/api' already exists in the registry with id '{account}'",
    )
    ecr.delete_repository(repositoryName="team/api")
    assert refusal(ecr.describe_repositories, repositoryNames=["team/api"]) == (
        "RepositoryNotFoundException",
        f"The repository with name 'team/api' does not exist in the registry with id '{account}'",
    )


def test_policies_are_kept_until_they_are_deleted(aws: Aws) -> None:
    ecr = aws("ecr")
    ecr.create_repository(repositoryName="api")
    named = {"repositoryName": "api"}
    assert refusal(ecr.get_repository_policy, **named)[0] == "RepositoryPolicyNotFoundException"
    assert refusal(ecr.get_lifecycle_policy, **named)[0] == "LifecyclePolicyNotFoundException"
    ecr.set_repository_policy(policyText=POLICY, **named)
    ecr.put_lifecycle_policy(lifecyclePolicyText=LIFECYCLE, **named)
    assert ecr.get_repository_policy(**named)["policyText"] == POLICY
    assert ecr.delete_lifecycle_policy(**named)["lifecyclePolicyText"] == LIFECYCLE
    assert refusal(ecr.get_lifecycle_policy, **named)[0] == "LifecyclePolicyNotFoundException"
    assert refusal(ecr.set_repository_policy, policyText="{", **named)[0] == "InvalidParameterException"


def test_repositories_are_listed_by_pages(aws: Aws) -> None:
    ecr = aws("ecr")
    names = [f"api-{number}" for number in range(5)]
    for name in names:
        ecr.create_repository(repositoryName=name)
    pages = list(ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 2}))
    assert [[row["repositoryName"] for row in page["repositories"]] for page in pages] == [
        names[:2], names[2:4], names[4:],
    ]  # fmt: skip


@pytest.mark.parametrize("operation", ["get_authorization_token", "list_images"])
def test_what_needs_images_is_refused_by_name(aws: Aws, operation: str) -> None:
    ecr = aws("ecr")
    parameters = {"repositoryName": "api"} if operation == "list_images" else {}
    assert refusal(getattr(ecr, operation), **parameters)[0] == "NotImplemented"


def test_a_repository_in_a_stack_follows_its_template(aws: Aws) -> None:
    cloudformation, ecr = aws("cloudformation"), aws("ecr")

    def tags_of(arn: str) -> dict[str, str]:
        return given(tag_map(ecr.list_tags_for_resource(resourceArn=arn)["tags"]))

    def template(**properties: Any) -> dict[str, Any]:
        return {
            "Resources": {"R": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "api", **properties}}}
        }

    create(
        cloudformation,
        template(
            ImageTagMutability="IMMUTABLE",
            LifecyclePolicy={"LifecyclePolicyText": LIFECYCLE},
            RepositoryPolicyText=json.loads(POLICY),
            Tags=[{"Key": "a", "Value": "1"}],
        ),
    )
    (made,) = ecr.describe_repositories()["repositories"]
    assert made["imageTagMutability"] == "IMMUTABLE"
    assert json.loads(ecr.get_repository_policy(repositoryName="api")["policyText"]) == json.loads(POLICY)
    assert tags_of(made["repositoryArn"]) == {"a": "1"}
    body = json.dumps(template(ImageScanningConfiguration={"ScanOnPush": True}))
    cloudformation.update_stack(StackName="shop", TemplateBody=body)
    assert wait(cloudformation)["StackStatus"] == "UPDATE_COMPLETE"
    (changed,) = ecr.describe_repositories()["repositories"]
    assert changed["imageTagMutability"] == "MUTABLE"
    assert changed["imageScanningConfiguration"] == {"scanOnPush": True}
    assert refusal(ecr.get_lifecycle_policy, repositoryName="api")[0] == "LifecyclePolicyNotFoundException"
    assert tags_of(made["repositoryArn"]) == {}
    stack_id = cloudformation.describe_stacks(StackName="shop")["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName="shop")
    assert wait(cloudformation, stack_id)["StackStatus"] == "DELETE_COMPLETE"
    assert ecr.describe_repositories()["repositories"] == []


def test_who_locks_themselves_out_of_a_repository_must_force_it(aws: Aws) -> None:
    ecr = aws("ecr")
    ecr.create_repository(repositoryName="shop/web")
    locking = json.dumps({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "ecr:*"}]})
    code, message = refusal(ecr.set_repository_policy, repositoryName="shop/web", policyText=locking)
    assert (code, "force" in message) == ("InvalidParameterException", True)
    ecr.set_repository_policy(repositoryName="shop/web", policyText=locking, force=True)
    assert ecr.get_repository_policy(repositoryName="shop/web")["policyText"] == locking
