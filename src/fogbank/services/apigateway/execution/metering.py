"""Whether a caller's API key may: its usage plan, that plan's throttling and its quota.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
"""

from datetime import UTC, datetime

from fogbank.services.apigateway.execution.authorizers import api_key_of
from fogbank.services.apigateway.execution.call import Call
from fogbank.services.apigateway.execution.throttle import Throttle
from fogbank.services.apigateway.gateway_errors import InvalidApiKey, QuotaExceeded, Throttled
from fogbank.services.apigateway.records import ApiKey, Document, Tables, UsagePlan
from fogbank.services.apigateway.usage_plans import remaining


class Metering:
    def __init__(self, tables: Tables, throttle: Throttle) -> None:
        self._tables = tables
        self._throttle = throttle

    async def admit(self, call: Call) -> None:
        """Count the request for the caller's key. Raises InvalidApiKey, Throttled, QuotaExceeded."""
        place = (call.api.account, call.api.region)
        key, plan, stage = self._find(call, place)
        call.context["identity"] |= {"apiKey": key.value, "apiKeyId": key.id}
        assert call.resource is not None
        own = (stage.get("throttle") or {}).get(f"{call.resource.path}/{call.incoming.method}")
        limits = own or plan.throttle
        if limits:
            owner = (plan.id, key.id, call.api.id, call.stage, *((call.resource.id,) if own else ()))
            setting = {"throttlingBurstLimit": limits["burstLimit"], "throttlingRateLimit": limits["rateLimit"]}
            if not self._throttle.admits(owner, setting, call.ctx.now_ms):
                raise Throttled()
        await call.ctx.run(self._count, call, place, plan, key)

    def _find(self, call: Call, place: tuple[str, str]) -> tuple[ApiKey, UsagePlan, Document]:
        value = api_key_of(call)
        key_id = self._tables.key_values.get((*place, value)) if value else None
        key = self._tables.api_keys.get((*place, key_id)) if key_id is not None else None
        if key is None or not key.enabled:
            raise InvalidApiKey()
        for _, plan in self._tables.usage_plans.scan(place):
            for stage in plan.stages:
                named = (stage["apiId"], stage["stage"]) == (call.api.id, call.stage)
                if named and self._tables.plan_keys.get((*place, plan.id, key.id)) is not None:
                    return key, plan, stage
        raise InvalidApiKey()

    def _count(self, call: Call, place: tuple[str, str], plan: UsagePlan, key: ApiKey) -> None:
        day = datetime.fromtimestamp(call.ctx.now_ms / 1000, UTC).date()
        if plan.quota and remaining(self._tables, place, plan, key.id, day) == 0:
            raise QuotaExceeded()
        row = (*place, plan.id, key.id, day.isoformat())
        self._tables.usage.put(row, (self._tables.usage.get(row) or 0) + 1)
