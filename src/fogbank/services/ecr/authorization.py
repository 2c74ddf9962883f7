"""What the Elastic Container Registry's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
"""

from collections.abc import Iterator

from fogbank.core.authorization import Authorization, Parameters, alike, need
from fogbank.core.context import Context


def _repository(ctx: Context, parameters: Parameters) -> str:
    return _arn(ctx, parameters, str(parameters.get("repositoryName", "*")))


def _repositories(ctx: Context, parameters: Parameters) -> Iterator[str]:
    return (_arn(ctx, parameters, str(name)) for name in parameters.get("repositoryNames") or ("*",))


def _arn(ctx: Context, parameters: Parameters, name: str) -> str:
    return ctx.at(account=parameters.get("registryId")).arn("ecr", f"repository/{name}")


AUTHORIZATION = Authorization(
    "ecr",
    operations={
        **alike(
            "DeleteLifecyclePolicy DeleteRepository DeleteRepositoryPolicy GetLifecyclePolicy GetRepositoryPolicy "
            "PutImageScanningConfiguration PutImageTagMutability PutLifecyclePolicy SetRepositoryPolicy",
            need(_repository),
        ),
        "CreateRepository": (
            need(_repository, tags="tags"),
            need(_repository, action="TagResource", when="tags", tags="tags"),
        ),
        "DescribeRepositories": need(_repositories),
        "ListTagsForResource": need("{resourceArn}"),
        "TagResource": need("{resourceArn}", tags="tags"),
        "UntagResource": need("{resourceArn}", tag_keys="tagKeys"),
    },
)
