"""Deployments: an API as it is now, kept for stages to serve."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.apigateway import patches
from fogbank.services.apigateway.base import new_id, page, with_values
from fogbank.services.apigateway.errors import BadRequest, NotFound
from fogbank.services.apigateway.records import Deployment, RestApi
from fogbank.services.apigateway.stages import Stages


class Deployments(Stages):
    """The operations on deployments."""

    def create_deployment(
        self,
        ctx: Context,
        *,
        restApiId: str,
        stageName: str | None = None,
        stageDescription: str | None = None,
        description: str | None = None,
        cacheClusterEnabled: bool = False,
        variables: dict[str, str] | None = None,
        tracingEnabled: bool = False,
    ) -> Answer:
        api = self._api(ctx, restApiId)
        self._check_deployable(api)
        deployment = Deployment(new_id(6), ctx.now_ms, description)
        self._tables.deployments.put((api.id, deployment.id), deployment)
        self._tables.definitions.put((api.id, deployment.id), self._tables.definition(api))
        if stageName:
            stage = self._tables.stages.get((api.id, stageName))
            if stage is None:
                settings = {
                    "stageName": stageName,
                    "description": stageDescription,
                    "cacheClusterEnabled": cacheClusterEnabled,
                    "variables": variables,
                    "tracingEnabled": tracingEnabled,
                }
                self._make_stage(ctx, api.id, deployment.id, settings)
            else:
                self._redeploy(ctx, api.id, stage, deployment.id, description=stageDescription, variables=variables)
        return _described(deployment)

    def _check_deployable(self, api: RestApi) -> None:
        methods = [
            method for _, resource in self._tables.resources.scan((api.id,)) for method in resource.methods.values()
        ]
        if not methods:
            raise BadRequest("The REST API doesn't contain any methods")
        if any("methodIntegration" not in method for method in methods):
            raise BadRequest("No integration defined for method")

    def delete_deployment(self, ctx: Context, *, restApiId: str, deploymentId: str) -> Answer:
        self._deployment(ctx, restApiId, deploymentId)
        if any(stage.deployment_id == deploymentId for _, stage in self._tables.stages.scan((restApiId,))):
            raise BadRequest("Active stages pointing to this deployment must be moved or deleted")
        self._tables.deployments.delete((restApiId, deploymentId))
        self._tables.definitions.delete((restApiId, deploymentId))
        return None

    def get_deployment(
        self, ctx: Context, *, restApiId: str, deploymentId: str, embed: list[str] | None = None
    ) -> Answer:
        answer = _described(self._deployment(ctx, restApiId, deploymentId))
        if "apisummary" in (embed or ()):
            answer["apiSummary"] = self._summary(restApiId, deploymentId)
        return answer

    def _summary(self, api_id: str, deployment_id: str) -> dict[str, Any]:
        definition = self._tables.definitions.get((api_id, deployment_id))
        assert definition is not None, "a deployment has its definition"
        return {
            resource.path: {
                name: {"authorizationType": method["authorizationType"], "apiKeyRequired": method["apiKeyRequired"]}
                for name, method in resource.methods.items()
            }
            for resource in definition.resources
            if resource.methods
        }

    def get_deployments(
        self, ctx: Context, *, restApiId: str, position: str | None = None, limit: int | None = None
    ) -> Answer:
        self._api(ctx, restApiId)
        deployments = [deployment for _, deployment in self._tables.deployments.scan((restApiId,))]
        deployments.sort(key=lambda deployment: (deployment.created_ms, deployment.id))
        return page([_described(deployment) for deployment in deployments], position, limit)

    def update_deployment(
        self, ctx: Context, *, restApiId: str, deploymentId: str, patchOperations: list[dict[str, Any]] | None = None
    ) -> Answer:
        deployment = self._deployment(ctx, restApiId, deploymentId)
        values = patches.replaced(patchOperations, ("description",))
        deployment.description = values.get("description", deployment.description)
        self._tables.deployments.put((restApiId, deploymentId), deployment)
        return _described(deployment)

    def _deployment(self, ctx: Context, api_id: str, deployment_id: str) -> Deployment:
        self._api(ctx, api_id)
        deployment = self._tables.deployments.get((api_id, deployment_id))
        if deployment is None:
            raise NotFound("Invalid Deployment identifier specified")
        return deployment


def _described(deployment: Deployment) -> dict[str, Any]:
    return with_values(
        {
            "id": deployment.id,
            "createdDate": deployment.created_ms // 1000,
            "description": deployment.description,
        }
    )
