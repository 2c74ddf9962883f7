"""Answers requests to the APIs of all accounts: finds the API and its stage, and goes through the steps."""

import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from fogbank.core.context import Context
from fogbank.core.moments import http_date
from fogbank.services.apigateway.addresses import Address
from fogbank.services.apigateway.execution import logs, narration, refusals, steps
from fogbank.services.apigateway.execution.authorizers import LambdaAuthorizers
from fogbank.services.apigateway.execution.call import Call, Incoming, Outgoing
from fogbank.services.apigateway.execution.compression import compress
from fogbank.services.apigateway.execution.metering import Metering
from fogbank.services.apigateway.execution.plan import PLANS_MAX, Plan
from fogbank.services.apigateway.execution.throttle import Throttle
from fogbank.services.apigateway.gateway_errors import Forbidden, GatewayError, Throttled
from fogbank.services.apigateway.records import Stage, Tables

if TYPE_CHECKING:
    from fogbank.core.cloud import Cloud


log = logging.getLogger("fogbank.apigateway")


class Execution:
    def __init__(self, cloud: "Cloud", tables: Tables) -> None:
        self._cloud = cloud
        self._tables = tables
        self._plans: OrderedDict[tuple[str, str], Plan] = OrderedDict()
        self._throttle = Throttle()
        self._metering = Metering(tables, self._throttle)
        self.authorizers = LambdaAuthorizers()

    async def answer(self, ctx: Context, address: Address, incoming: Incoming) -> Outgoing:
        """The answer to a request, whatever it is."""
        place = self._tables.places.peek((address.api_id,))
        api = self._tables.apis.peek((place.account, place.region, address.api_id)) if place is not None else None
        stage = self._tables.stages.peek((address.api_id, address.stage)) if api is not None else None
        if api is None or stage is None or api.settings["disableExecuteApiEndpoint"]:
            return _with_ids(refusals.bare_answer(Forbidden()), ctx.now_ms, ctx.request_id, "")
        there = ctx.at(account=api.account, region=api.region)
        call = Call(
            there,
            api,
            self._plan(api.id, stage.deployment_id),
            incoming,
            stage=stage.name,
            stage_variables=stage.settings.get("variables") or {},
            deployment_id=stage.deployment_id,
        )
        outgoing = await self._through(call, stage)
        compress(incoming, outgoing, api.settings.get("minimumCompressionSize"))
        await self._tell(call, stage, outgoing)
        return _with_ids(outgoing, ctx.now_ms, ctx.request_id, call.context["extendedRequestId"])

    async def _through(self, call: Call, stage: Stage) -> Outgoing:
        try:
            steps.find_method(call)
            narration.begin(call)
            await steps.authorize(call, self.authorizers)
            if call.method["apiKeyRequired"]:
                await self._metering.admit(call)
            self._admit(call, stage)
            outgoing = await steps.answer(call)
            narration.succeed(call, outgoing)
            return outgoing
        except GatewayError as error:
            return refused(call, error)

    def _admit(self, call: Call, stage: Stage) -> None:
        name, setting = method_setting(call, stage)
        owner = (call.api.id, stage.name, name)
        if setting is not None and not self._throttle.admits(owner, setting, call.ctx.now_ms):
            raise Throttled()

    def _plan(self, api_id: str, deployment_id: str) -> Plan:
        """A deployment never changes, so that what was made of it is kept."""
        key = (api_id, deployment_id)
        plan = self._plans.get(key)
        if plan is None:
            definition = self._tables.definitions.get(key)
            assert definition is not None, "a stage's deployment is there"
            plan = self._plans[key] = Plan(definition)
            while len(self._plans) > PLANS_MAX:
                self._plans.popitem(last=False)
        self._plans.move_to_end(key)
        return plan

    # ---- what is told of a request ----------------------------------------------------------------------------------

    async def _tell(self, call: Call, stage: Stage, outgoing: Outgoing) -> None:
        latency_ms = self._cloud.clock.now_ms() - call.ctx.now_ms
        call.context |= {
            "status": outgoing.status,
            "responseLength": len(outgoing.body),
            "responseLatency": latency_ms,
            "integrationLatency": call.integration_latency_ms,
        }
        self._count(call, stage, outgoing.status, latency_ms)
        narration.end(call, outgoing)
        await logs.write_access(call, stage)
        await logs.write_execution(call, stage, method_setting(call, stage)[1])

    def _count(self, call: Call, stage: Stage, status: int, latency_ms: int) -> None:
        """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html"""
        api_name = {"ApiName": call.api.settings["name"]}
        groups = [api_name, {**api_name, "Stage": stage.name}]
        setting = method_setting(call, stage)[1]
        if setting is not None and setting["metricsEnabled"] and call.resource is not None:
            groups.append({**groups[1], "Method": call.method["httpMethod"], "Resource": call.resource.path})
        values = [
            ("Count", 1, "Count"),
            ("4XXError", int(400 <= status < 500), "Count"),
            ("5XXError", int(status >= 500), "Count"),
            ("Latency", latency_ms, "Milliseconds"),
        ]
        if call.method:
            values.append(("IntegrationLatency", call.integration_latency_ms, "Milliseconds"))
        metrics = self._cloud.metrics
        for dimensions in groups:
            for name, value, unit in values:
                metrics.add(call.api.account, call.api.region, "AWS/ApiGateway", name, dimensions, value, unit)


def refused(call: Call, error: GatewayError) -> Outgoing:
    """The API's words for an error, which the execution log names."""
    if error.reason:
        call.say(error.reason, error=True)
        log.warning("%s %s of %s: %s", call.incoming.method, call.context["path"], call.api.id, error.reason)
    try:
        return refusals.answer(call, error)
    except GatewayError:
        return refusals.bare_answer(error)  # The API's own words cannot be read.


def method_setting(call: Call, stage: Stage) -> tuple[str, dict[str, Any] | None]:
    """The stage's setting for the method, or for all of them, with its name."""
    settings: dict[str, Any] = stage.settings["methodSettings"]
    if call.resource is not None:
        name = f"{call.resource.path.lstrip('/')}/{call.method['httpMethod']}"
        if name in settings:
            return name, settings[name]
    return "*/*", settings.get("*/*")


def _with_ids(outgoing: Outgoing, now_ms: int, request_id: str, extended_id: str) -> Outgoing:
    outgoing.headers += [("Date", http_date(now_ms)), ("x-amzn-RequestId", request_id)]
    if extended_id:
        outgoing.headers.append(("x-amz-apigw-id", extended_id))
    return outgoing
