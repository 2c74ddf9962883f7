"""CloudFormation: AWS::ECR::Repository.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-ecr-repository.html
"""

import json
from typing import Any

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.services.ecr.errors import RepositoryNotFound


class RepositoryResource(ResourceType):
    """Ref is the repository's name. Each handler is one transaction."""

    type_name = "AWS::ECR::Repository"
    supported = frozenset(
        (
            "EmptyOnDelete",
            "ImageScanningConfiguration",
            "ImageTagMutability",
            "LifecyclePolicy",
            "RepositoryName",
            "RepositoryPolicyText",
            "Tags",
        )
    )
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await ctx.run(self._create, ctx, request)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await ctx.run(self._update, ctx, request)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.ecr.delete_repository, repositoryName=request.physical_id)
        except RepositoryNotFound:
            return

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.properties.get("RepositoryName") or request.generated_name(length_max=256, lower=True)
        ctx.cloud.ecr.create_repository(ctx, repositoryName=name)
        return self._configure(ctx, name, request)

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        ecr, name = ctx.cloud.ecr, request.physical_id
        if _lifecycle(request.previous) and not _lifecycle(request.properties):
            ecr.delete_lifecycle_policy(ctx, repositoryName=name)
        if "RepositoryPolicyText" in request.previous and "RepositoryPolicyText" not in request.properties:
            ecr.delete_repository_policy(ctx, repositoryName=name)
        return self._configure(ctx, name, request)

    def _configure(self, ctx: Context, name: str, request: ResourceRequest) -> ResourceState:
        ecr, given = ctx.cloud.ecr, request.properties
        arn = ctx.arn("ecr", f"repository/{name}")
        scan_on_push = given.get("ImageScanningConfiguration", {}).get("ScanOnPush", False)
        ecr.put_image_scanning_configuration(
            ctx, repositoryName=name, imageScanningConfiguration={"scanOnPush": scan_on_push}
        )
        mutability = given.get("ImageTagMutability", "MUTABLE")
        ecr.put_image_tag_mutability(ctx, repositoryName=name, imageTagMutability=mutability)
        if lifecycle := _lifecycle(given):
            ecr.put_lifecycle_policy(ctx, repositoryName=name, lifecyclePolicyText=lifecycle)
        if "RepositoryPolicyText" in given:
            policy = given["RepositoryPolicyText"]
            text = policy if isinstance(policy, str) else json.dumps(policy)
            ecr.set_repository_policy(ctx, repositoryName=name, policyText=text)
        tags = request.tags()
        gone = [
            tag["Key"] for tag in ecr.list_tags_for_resource(ctx, resourceArn=arn)["tags"] if tag["Key"] not in tags
        ]
        ecr.untag_resource(ctx, resourceArn=arn, tagKeys=gone)
        ecr.tag_resource(ctx, resourceArn=arn, tags=[{"Key": key, "Value": value} for key, value in tags.items()])
        uri = f"{ctx.account}.dkr.ecr.{ctx.region}.amazonaws.com/{name}"
        return ResourceState(physical_id=name, attributes={"Arn": arn, "RepositoryUri": uri})


def _lifecycle(properties: dict[str, Any]) -> str:
    text: str = properties.get("LifecyclePolicy", {}).get("LifecyclePolicyText", "")
    return text


RESOURCES: list[type[ResourceType]] = [RepositoryResource]
