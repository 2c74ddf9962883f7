"""Amazon ECR. https://docs.aws.amazon.com/AmazonECR/latest/APIReference/Welcome.html"""

import json
from collections.abc import Iterator
from typing import Any

from fogbank.core import named_principals
from fogbank.core.arn import parse_arn
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.policies import Effect, Request, read_policy
from fogbank.core.policy_grammar import MalformedPolicy
from fogbank.core.service import Answer, Service, Tagged
from fogbank.core.tags import tag_list
from fogbank.services.ecr.errors import (
    InvalidParameter,
    LifecyclePolicyNotFound,
    RepositoryAlreadyExists,
    RepositoryNotFound,
    RepositoryPolicyNotFound,
)
from fogbank.services.ecr.records import Repository

PAGE = 100  # what DescribeRepositories answers when maxResults is not given


class EcrService(Service):
    """Repositories with their settings and policies, as far as deployment tools need them.

    NotImplemented: images. There is no registry to push to or to pull from, so that every repository is empty, no
    lifecycle policy has anything to expire and no policy anything to guard.
    """

    name = "ecr"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.repositories = cloud.store.table("ecr.repositories", key=(str, str, str), value=Repository)

    # ---- operations, in the order of the API reference ----------------------------------------------------------

    def create_repository(
        self, ctx: Context, *, repositoryName: str, registryId: str | None = None,
        tags: list[dict[str, str]] | None = None, imageTagMutability: str = "MUTABLE",
        imageScanningConfiguration: dict[str, Any] | None = None,
        encryptionConfiguration: dict[str, Any] | None = None,
    ) -> Answer:  # fmt: skip
        _check_registry(ctx, registryId)
        _check_mutability(imageTagMutability)
        if (encryptionConfiguration or {}).get("encryptionType", "AES256") != "AES256":
            raise NotImplementedInFogbank("Fogbank's CreateRepository of ecr does not implement encryption with KMS.")
        if self.repositories.get((ctx.account, ctx.region, repositoryName)) is not None:
            raise RepositoryAlreadyExists(
                f"The repository with name '{repositoryName}' already exists in the registry with id '{ctx.account}'"
            )
        repository = Repository(
            name=repositoryName, created_ms=ctx.now_ms, tag_mutability=imageTagMutability,
            scan_on_push=(imageScanningConfiguration or {}).get("scanOnPush", False),
            tags={tag["Key"]: tag["Value"] for tag in tags or ()},
        )  # fmt: skip
        self._put(ctx, repository)
        return {"repository": _answer(ctx, repository)}

    def delete_lifecycle_policy(self, ctx: Context, *, repositoryName: str, registryId: str | None = None) -> Answer:
        repository = self._with_lifecycle_policy(ctx, repositoryName, registryId)
        answer = _lifecycle_answer(ctx, repository)
        repository.lifecycle_policy = ""
        self._put(ctx, repository)
        return answer

    def delete_repository(
        self, ctx: Context, *, repositoryName: str, registryId: str | None = None, force: bool = False
    ) -> Answer:
        """`force` is for repositories with images, which there are none of."""
        repository = self._get(ctx, repositoryName, registryId)
        self.repositories.delete((ctx.account, ctx.region, repositoryName))
        return {"repository": _answer(ctx, repository)}

    def delete_repository_policy(self, ctx: Context, *, repositoryName: str, registryId: str | None = None) -> Answer:
        repository = self._with_policy(ctx, repositoryName, registryId)
        answer = _policy_answer(ctx, repository)
        repository.policy = ""
        self._put(ctx, repository)
        return answer

    def describe_repositories(
        self, ctx: Context, *, registryId: str | None = None, repositoryNames: list[str] | None = None,
        nextToken: str | None = None, maxResults: int = PAGE,
    ) -> Answer:  # fmt: skip
        _check_registry(ctx, registryId)
        if repositoryNames:
            found = [self._get(ctx, name, registryId) for name in repositoryNames]
            return {"repositories": [_answer(ctx, repository) for repository in found]}
        place = (ctx.account, ctx.region)
        after = (*place, nextToken) if nextToken else None
        found = [row for _, row in self.repositories.scan(place, after=after, limit=maxResults + 1)]
        answer: dict[str, Any] = {"repositories": [_answer(ctx, repository) for repository in found[:maxResults]]}
        if len(found) > maxResults:
            answer["nextToken"] = found[maxResults - 1].name
        return answer

    def get_lifecycle_policy(self, ctx: Context, *, repositoryName: str, registryId: str | None = None) -> Answer:
        return _lifecycle_answer(ctx, self._with_lifecycle_policy(ctx, repositoryName, registryId))

    def get_repository_policy(self, ctx: Context, *, repositoryName: str, registryId: str | None = None) -> Answer:
        return _policy_answer(ctx, self._with_policy(ctx, repositoryName, registryId))

    def list_tags_for_resource(self, ctx: Context, *, resourceArn: str) -> Answer:
        tags = self._by_arn(ctx, resourceArn).tags
        return {"tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def put_image_scanning_configuration(
        self, ctx: Context, *, repositoryName: str, imageScanningConfiguration: dict[str, Any],
        registryId: str | None = None,
    ) -> Answer:  # fmt: skip
        repository = self._get(ctx, repositoryName, registryId)
        repository.scan_on_push = imageScanningConfiguration.get("scanOnPush", False)
        self._put(ctx, repository)
        return _named(ctx, repository, imageScanningConfiguration={"scanOnPush": repository.scan_on_push})

    def put_image_tag_mutability(
        self, ctx: Context, *, repositoryName: str, imageTagMutability: str, registryId: str | None = None
    ) -> Answer:
        _check_mutability(imageTagMutability)
        repository = self._get(ctx, repositoryName, registryId)
        repository.tag_mutability = imageTagMutability
        self._put(ctx, repository)
        return _named(ctx, repository, imageTagMutability=imageTagMutability)

    def put_lifecycle_policy(
        self, ctx: Context, *, repositoryName: str, lifecyclePolicyText: str, registryId: str | None = None
    ) -> Answer:
        repository = self._get(ctx, repositoryName, registryId)
        _check_json("lifecyclePolicyText", lifecyclePolicyText)
        repository.lifecycle_policy = lifecyclePolicyText
        self._put(ctx, repository)
        return _named(ctx, repository, lifecyclePolicyText=lifecyclePolicyText)

    def set_repository_policy(
        self, ctx: Context, *, repositoryName: str, policyText: str, registryId: str | None = None,
        force: bool = False,
    ) -> Answer:  # fmt: skip
        repository = self._get(ctx, repositoryName, registryId)
        _check_json("policyText", policyText)
        kept = named_principals.checked(ctx, policyText, _policy_refusal)
        arn = ctx.arn("ecr", f"repository/{repositoryName}")
        change = "ecr:SetRepositoryPolicy"
        asked = Request(ctx.principal_arn, change, arn, user_id=ctx.user_id)
        if not force and read_policy(policyText).decide(asked) is Effect.DENY:
            # AWS's sentence is not published.
            raise InvalidParameter(
                f"Invalid parameter at 'policyText' failed to satisfy constraint: 'the policy denies {change} to "
                f"{ctx.principal_arn}: set force to lock yourself out'"
            )
        repository.policy = kept
        self._put(ctx, repository)
        return _policy_answer(ctx, repository)

    def tag_resource(self, ctx: Context, *, resourceArn: str, tags: list[dict[str, str]]) -> Answer:
        repository = self._by_arn(ctx, resourceArn)
        repository.tags |= {tag["Key"]: tag["Value"] for tag in tags}
        self._put(ctx, repository)
        return {}

    def untag_resource(self, ctx: Context, *, resourceArn: str, tagKeys: list[str]) -> Answer:
        repository = self._by_arn(ctx, resourceArn)
        repository.tags = {key: value for key, value in repository.tags.items() if key not in tagKeys}
        self._put(ctx, repository)
        return {}

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        for _, repository in self.repositories.scan((ctx.account, ctx.region)):
            yield Tagged(ctx.arn("ecr", f"repository/{repository.name}"), "ecr:repository", repository.tags)

    def resource_policy(self, ctx: Context, arn: str) -> str | None:
        repository = self.repositories.peek((ctx.account, ctx.region, arn.partition(":repository/")[2]))
        return repository.policy or None if repository is not None else None

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        self.tag_resource(ctx, resourceArn=arn, tags=tag_list(tags))

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        self.untag_resource(ctx, resourceArn=arn, tagKeys=keys)

    # ---- what they share ----------------------------------------------------------------------------------------

    def _put(self, ctx: Context, repository: Repository) -> None:
        self.repositories.put((ctx.account, ctx.region, repository.name), repository)

    def _get(self, ctx: Context, name: str, registry: str | None) -> Repository:
        _check_registry(ctx, registry)
        repository = self.repositories.get((ctx.account, ctx.region, name))
        if repository is None:
            raise _not_found(ctx, name)
        return repository

    def _by_arn(self, ctx: Context, arn: str) -> Repository:
        parsed = parse_arn(arn)
        if parsed is None or parsed.service != "ecr" or not parsed.resource.startswith("repository/"):
            raise InvalidParameter("Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'")
        name = parsed.resource.removeprefix("repository/")
        if parsed.region != ctx.region:  # The ARN is what was allowed: it is not a repository of here.
            raise _not_found(ctx, name)
        return self._get(ctx, name, parsed.account)

    def _with_policy(self, ctx: Context, name: str, registry: str | None) -> Repository:
        repository = self._get(ctx, name, registry)
        if not repository.policy:
            raise RepositoryPolicyNotFound(
                f"Repository policy does not exist for the repository with name '{name}' in the registry with id "
                f"'{ctx.account}'"
            )
        return repository

    def _with_lifecycle_policy(self, ctx: Context, name: str, registry: str | None) -> Repository:
        repository = self._get(ctx, name, registry)
        if not repository.lifecycle_policy:
            raise LifecyclePolicyNotFound(
                f"Lifecycle policy does not exist for the repository with name '{name}' in the registry with id "
                f"'{ctx.account}'"
            )
        return repository


def _not_found(ctx: Context, name: str) -> RepositoryNotFound:
    return RepositoryNotFound(
        f"The repository with name '{name}' does not exist in the registry with id '{ctx.account}'"
    )


def _check_registry(ctx: Context, registry: str | None) -> None:
    if registry not in (None, ctx.account):
        raise NotImplementedInFogbank("Fogbank's ecr does not implement the registries of other accounts.")


def _check_mutability(value: str) -> None:
    if value.endswith("_WITH_EXCLUSION"):
        raise NotImplementedInFogbank(f"Fogbank's ecr does not implement the tag mutability {value}.")


def _check_json(parameter: str, text: str) -> None:
    try:
        json.loads(text)
    except ValueError:
        raise InvalidParameter(
            f"Invalid parameter at '{parameter}' failed to satisfy constraint: 'Invalid JSON'"
        ) from None


def _policy_refusal(fault: MalformedPolicy) -> InvalidParameter:
    unknown = isinstance(fault, named_principals.NoSuchPrincipal)
    reason = "Principal not found" if unknown else "Invalid repository policy provided"
    return InvalidParameter(f"Invalid parameter at 'PolicyText' failed to satisfy constraint: '{reason}'")


def _named(ctx: Context, repository: Repository, **more: Any) -> dict[str, Any]:
    return {"registryId": ctx.account, "repositoryName": repository.name, **more}


def _policy_answer(ctx: Context, repository: Repository) -> dict[str, Any]:
    return _named(ctx, repository, policyText=named_principals.shown(ctx, repository.policy))


def _lifecycle_answer(ctx: Context, repository: Repository) -> dict[str, Any]:
    return _named(ctx, repository, lifecyclePolicyText=repository.lifecycle_policy)


def _answer(ctx: Context, repository: Repository) -> dict[str, Any]:
    return _named(
        ctx,
        repository,
        repositoryArn=ctx.arn("ecr", f"repository/{repository.name}"),
        repositoryUri=f"{ctx.account}.dkr.ecr.{ctx.region}.amazonaws.com/{repository.name}",
        createdAt=repository.created_ms / 1000,
        imageTagMutability=repository.tag_mutability,
        imageScanningConfiguration={"scanOnPush": repository.scan_on_push},
        encryptionConfiguration={"encryptionType": "AES256"},
    )
