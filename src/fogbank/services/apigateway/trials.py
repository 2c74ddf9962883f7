"""TestInvokeMethod: a method is tried as it is now, without a deployment, and tells what it did.

Authorization and API keys are not asked for, as on AWS.
"""

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.apigateway.execution import narration
from fogbank.services.apigateway.execution.call import Call, Caller, Incoming, Outgoing, Pairs, all_values, last_values
from fogbank.services.apigateway.execution.execution import refused
from fogbank.services.apigateway.execution.plan import Plan
from fogbank.services.apigateway.execution.steps import answer
from fogbank.services.apigateway.gateway_errors import GatewayError
from fogbank.services.apigateway.records import Resource
from fogbank.services.apigateway.requests import Requests

STAGE = "test-invoke-stage"


class Trials(Requests):
    """The operations that try something out, and forget what was remembered."""

    async def test_invoke_method(
        self,
        ctx: Context,
        *,
        restApiId: str,
        resourceId: str,
        httpMethod: str,
        pathWithQueryString: str | None = None,
        body: str | None = None,
        headers: dict[str, str] | None = None,
        multiValueHeaders: dict[str, list[str]] | None = None,
        stageVariables: dict[str, str] | None = None,
    ) -> Answer:
        resource = self._resource(ctx, restApiId, resourceId)
        name = httpMethod if httpMethod in resource.methods else "ANY"
        _, method = self._method(ctx, restApiId, resourceId, name)
        api = self._api(ctx, restApiId)
        path, _, query = (pathWithQueryString or resource.path).partition("?")
        pairs: Pairs = [(name, value) for name, values in (multiValueHeaders or {}).items() for value in values]
        incoming = Incoming(
            method="GET" if httpMethod == "ANY" else httpMethod,
            path=path if path.startswith("/") else f"/{path}",
            query=query,
            headers=[*(headers or {}).items(), *pairs],
            body=(body or "").encode(),
            peer="test-invoke-source-ip",
            caller=Caller(access_key=ctx.access_key or "", account=ctx.account, principal=ctx.principal_arn),
        )
        call = Call(
            ctx,
            api,
            Plan(self._tables.definition(api)),
            incoming,
            stage=STAGE,
            stage_variables=stageVariables or {},
            deployment_id="",
        )
        call.found(resource, _path_parameters(resource, path), method)
        outgoing = await _tried(call)
        return {
            "status": outgoing.status,
            "body": outgoing.body.decode("utf-8", "replace"),
            "headers": last_values(outgoing.headers),
            "multiValueHeaders": all_values(outgoing.headers),
            "log": call.log_text(),
            "latency": self.cloud.clock.now_ms() - ctx.now_ms,
        }

    def flush_stage_authorizers_cache(self, ctx: Context, *, restApiId: str, stageName: str) -> Answer:
        self._stage(ctx, restApiId, stageName)
        self._execution.authorizers.flush(restApiId, stageName)
        return None


async def _tried(call: Call) -> Outgoing:
    narration.begin(call)
    try:
        outgoing = await answer(call)
    except GatewayError as error:
        outgoing = refused(call, error)
        # As recorded, this has no type here.
        outgoing.headers = [pair for pair in outgoing.headers if pair[0] != "Content-Type"]
    else:
        narration.succeed(call, outgoing)
    narration.end(call, outgoing)
    return outgoing


def _path_parameters(resource: Resource, path: str) -> dict[str, str]:
    """As recorded, a path that is not the resource's has no parameters."""
    template, given = resource.path.strip("/").split("/"), path.strip("/").split("/")
    if template[-1].endswith("+}") and len(given) > len(template):
        given = [*given[: len(template) - 1], "/".join(given[len(template) - 1 :])]
    fits = len(template) == len(given) and all(
        wanted.startswith("{") or wanted == part for wanted, part in zip(template, given, strict=True)
    )
    if not fits:
        return {}
    return {
        wanted[1:-1].removesuffix("+"): part
        for wanted, part in zip(template, given, strict=True)
        if wanted.startswith("{")
    }
