"""Usage plans: which keys may call which stages, how fast and how often.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
"""

from datetime import date, timedelta
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.apigateway import patches
from fogbank.services.apigateway.api_keys import ApiKeys
from fogbank.services.apigateway.base import new_id, page, with_values
from fogbank.services.apigateway.errors import BadRequest, Conflict, NotFound
from fogbank.services.apigateway.patches import Patch
from fogbank.services.apigateway.records import ApiKey, Document, UsagePlan
from fogbank.services.apigateway.tags import check_tags

PERIODS = ("DAY", "WEEK", "MONTH")
USAGE_DAYS_MAX = 90


class UsagePlans(ApiKeys):
    """The operations on usage plans, their keys and their usage."""

    def create_usage_plan(
        self,
        ctx: Context,
        *,
        name: str,
        description: str | None = None,
        apiStages: list[dict[str, Any]] | None = None,
        throttle: dict[str, Any] | None = None,
        quota: dict[str, Any] | None = None,
        tags: dict[str, str] | None = None,
    ) -> Answer:
        plan = UsagePlan(new_id(6), name, description, [], check_tags(tags), sequence=self.cloud.sequence.next())
        for stage in apiStages or ():
            self._check_stage(ctx, plan, stage.get("apiId", ""), stage.get("stage", ""))
            limits = {method: _limits(given) for method, given in (stage.get("throttle") or {}).items()}
            plan.stages.append({**stage, **({"throttle": limits} if limits else {})})
        if throttle is not None:
            plan.throttle = _limits(throttle)
        if quota is not None:
            plan.quota = {"offset": 0, **quota}
            _check_quota(plan.quota)
        self._save_plan(ctx, plan)
        return described(plan)

    def delete_usage_plan(self, ctx: Context, *, usagePlanId: str) -> Answer:
        plan = self._plan(ctx, usagePlanId)
        place = (ctx.account, ctx.region, plan.id)
        for table in (self._tables.plan_keys, self._tables.usage):
            for key, _ in list(table.scan(place)):
                table.delete(key)
        self._tables.usage_plans.delete(place)
        return None

    def get_usage_plan(self, ctx: Context, *, usagePlanId: str) -> Answer:
        return {"tags": {}, **described(self._plan(ctx, usagePlanId))}

    def get_usage_plans(
        self, ctx: Context, *, position: str | None = None, keyId: str | None = None, limit: int | None = None
    ) -> Answer:
        plans = [plan for _, plan in self._tables.usage_plans.scan((ctx.account, ctx.region))]
        if keyId is not None:
            plans = [
                plan
                for plan in plans
                if self._tables.plan_keys.get((ctx.account, ctx.region, plan.id, keyId)) is not None
            ]
        plans.sort(key=lambda plan: -plan.sequence)
        return page([described(plan) for plan in plans], position, limit)

    def update_usage_plan(
        self, ctx: Context, *, usagePlanId: str, patchOperations: list[dict[str, Any]] | None = None
    ) -> Answer:
        plan = self._plan(ctx, usagePlanId)
        for patch in patches.parsed(patchOperations):
            self._change_plan(ctx, plan, patch)
        if plan.quota:
            _check_quota(plan.quota)
        self._save_plan(ctx, plan)
        return {"tags": {}, **described(plan)}

    def _change_plan(self, ctx: Context, plan: UsagePlan, patch: Patch) -> None:
        match patch.steps:
            case ["name"] if patch.op == "replace":
                plan.name = patch.value or ""
            case ["description"]:
                plan.description = None if patch.op == "remove" else patch.value
            case ["apiStages"]:
                self._change_stages(ctx, plan, patch)
            case ["apiStages", stage, "throttle", *rest]:
                _change_method_throttle(plan, stage, rest, patch)
            case ["throttle"] if patch.op == "remove":
                plan.throttle = {}
            case ["throttle", "burstLimit" | "rateLimit" as name] if patch.op != "remove":
                plan.throttle = {**_limits(plan.throttle), name: _number(patch, whole=name == "burstLimit")}
            case ["quota"] if patch.op == "remove":
                plan.quota = {}
            case ["quota", "limit" | "offset" as name] if patch.op != "remove":
                plan.quota = {"offset": 0, **plan.quota, name: _number(patch, whole=True)}
            case ["quota", "period"] if patch.op != "remove":
                plan.quota = {"offset": 0, **plan.quota, "period": patch.value}
            case _:
                raise patches.invalid_path(patch.path)

    def _change_stages(self, ctx: Context, plan: UsagePlan, patch: Patch) -> None:
        api_id, colon, stage = (patch.value or "").partition(":")
        if not colon:
            raise BadRequest("Invalid API Stage specified")
        self._check_stage(ctx, plan, api_id, stage)
        there = [each for each in plan.stages if (each["apiId"], each["stage"]) != (api_id, stage)]
        plan.stages = there if patch.op == "remove" else [*there, {"apiId": api_id, "stage": stage}]

    def _check_stage(self, ctx: Context, plan: UsagePlan, api_id: str, stage: str) -> None:
        known = self._tables.apis.peek((ctx.account, ctx.region, api_id)) is not None
        if not known or self._tables.stages.peek((api_id, stage)) is None:
            raise NotFound(f"Invalid API Stage {{api: {api_id}, stage: {stage}}} specified for usageplan {plan.id}")

    def _plan(self, ctx: Context, plan_id: str) -> UsagePlan:
        plan = self._tables.usage_plans.get((ctx.account, ctx.region, plan_id))
        if plan is None:
            raise NotFound("Invalid Usage Plan ID specified")
        return plan

    def _save_plan(self, ctx: Context, plan: UsagePlan) -> None:
        self._tables.usage_plans.put((ctx.account, ctx.region, plan.id), plan)

    # ---- the keys of a plan -----------------------------------------------------------------------------------------

    def create_usage_plan_key(self, ctx: Context, *, usagePlanId: str, keyId: str, keyType: str) -> Answer:
        plan = self._plan(ctx, usagePlanId)
        if keyType != "API_KEY":
            # The sentence is not recorded.
            raise BadRequest(f"Invalid key type: {keyType}. Valid values are [API_KEY]")
        key = self._api_key(ctx, keyId)
        place = (ctx.account, ctx.region, plan.id, key.id)
        if self._tables.plan_keys.get(place) is not None:
            raise Conflict(f"Usage Plan already has key {keyId}")  # Nor is this one.
        self._tables.plan_keys.put(place, True)
        return _described_key(key)

    def delete_usage_plan_key(self, ctx: Context, *, usagePlanId: str, keyId: str) -> Answer:
        self._plan_key(ctx, usagePlanId, keyId)
        self._tables.plan_keys.delete((ctx.account, ctx.region, usagePlanId, keyId))
        return None

    def get_usage_plan_key(self, ctx: Context, *, usagePlanId: str, keyId: str) -> Answer:
        return _described_key(self._plan_key(ctx, usagePlanId, keyId))

    def get_usage_plan_keys(
        self,
        ctx: Context,
        *,
        usagePlanId: str,
        position: str | None = None,
        limit: int | None = None,
        nameQuery: str | None = None,
    ) -> Answer:
        """As recorded, a plan that is not there has no keys."""
        place = (ctx.account, ctx.region)
        there = [
            self._tables.api_keys.get((*place, str(key[3])))
            for key, _ in self._tables.plan_keys.scan((*place, usagePlanId))
        ]
        keys = [key for key in there if key is not None and (key.name or "").startswith(nameQuery or "")]
        keys.sort(key=lambda key: -key.sequence)
        return page([_described_key(key) for key in keys], position, limit)

    def _plan_key(self, ctx: Context, plan_id: str, key_id: str) -> ApiKey:
        self._plan(ctx, plan_id)
        if self._tables.plan_keys.get((ctx.account, ctx.region, plan_id, key_id)) is None:
            raise NotFound("Invalid Usage Plan Key identifier specified")  # The sentence is not recorded.
        return self._api_key(ctx, key_id)

    def get_usage(
        self,
        ctx: Context,
        *,
        usagePlanId: str,
        startDate: str,
        endDate: str,
        keyId: str | None = None,
        position: str | None = None,
        limit: int | None = None,
    ) -> Answer:
        plan = self._plan(ctx, usagePlanId)
        first, last = _date(startDate), _date(endDate)
        if not 0 <= (last - first).days <= USAGE_DAYS_MAX:
            raise BadRequest(f"Usage Date Range exceeds {USAGE_DAYS_MAX} days")  # The sentence is not recorded.
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        place = (ctx.account, ctx.region, plan.id)
        keys = [str(key[3]) for key, _ in self._tables.plan_keys.scan(place) if keyId in (None, key[3])]
        paged = page([{"id": key} for key in keys], position, limit)
        items = {each["id"]: self._usage_of(ctx, plan, each["id"], days) for each in paged.pop("items")}
        return {"usagePlanId": plan.id, "startDate": startDate, "endDate": endDate, "items": items, **paged}

    def _usage_of(self, ctx: Context, plan: UsagePlan, key_id: str, days: list[date]) -> list[list[int]]:
        """For each day what was used, and what is left of the quota."""
        found = []
        for day in days:
            used = self._tables.usage.get((ctx.account, ctx.region, plan.id, key_id, day.isoformat())) or 0
            left = remaining(self._tables, (ctx.account, ctx.region), plan, key_id, day) if plan.quota else 0
            found.append([used, left])
        return found


def _described_key(key: ApiKey) -> dict[str, Any]:
    return with_values({"id": key.id, "type": "API_KEY", "name": key.name, "value": key.value})


def period_of(quota: Document, day: date) -> date:
    """The first day of the quota's period that the day is in."""
    match quota["period"]:
        case "DAY":
            return day
        case "WEEK":
            return day - timedelta(days=(day.isoweekday() % 7 - quota["offset"]) % 7)
        case _:
            begin = day.replace(day=1) + timedelta(days=quota["offset"])
            if begin > day:
                begin = (day.replace(day=1) - timedelta(days=1)).replace(day=1) + timedelta(days=quota["offset"])
            return begin


def remaining(tables: Any, place: tuple[str, str], plan: UsagePlan, key_id: str, day: date) -> int:
    """What is left of the plan's quota for the key on that day."""
    row = (*place, plan.id, key_id)
    since = (*row, period_of(plan.quota, day).isoformat())
    used = sum(count for key, count in tables.usage.scan(row, start=since) if str(key[4]) <= day.isoformat())
    return int(max(plan.quota["limit"] - used, 0))


def _limits(given: Document) -> Document:
    return {"burstLimit": given.get("burstLimit", 0), "rateLimit": given.get("rateLimit", 0.0)}


def _check_quota(quota: Document) -> None:
    if quota.get("period") not in PERIODS:
        raise BadRequest(f"Invalid period specified. Valid values are {', '.join(PERIODS)}")  # Not recorded.
    if quota.get("limit") is None:
        raise BadRequest("Usage Plan quota limit must be specified")  # Not recorded.


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:  # The sentence is not recorded.
        raise BadRequest(f"Invalid date specified: {text}. Dates have the form YYYY-MM-DD") from None


def _number(patch: Patch, *, whole: bool) -> int | float:
    number = patches.number(patch.value, whole=whole)
    if number is None:  # The sentence is not recorded.
        raise BadRequest(f"Invalid value {patch.value} for {patch.path}")
    return number


def _change_method_throttle(plan: UsagePlan, stage: str, rest: list[str], patch: Patch) -> None:
    """`/apiStages/{api}:{stage}/throttle/{resource path}/{method}/rateLimit`"""
    api_id, _, name = stage.partition(":")
    for each in plan.stages:
        if (each["apiId"], each["stage"]) != (api_id, name):
            continue
        throttles = dict(each.get("throttle") or {})
        match rest:
            case [] if patch.op == "remove":
                throttles = {}
            case [resource, http_method] if patch.op == "remove":
                throttles.pop(f"{resource}/{http_method}", None)
            case [resource, http_method, "burstLimit" | "rateLimit" as limit]:
                place = f"{resource}/{http_method}"
                throttles[place] = {
                    **_limits(throttles.get(place) or {}),
                    limit: _number(patch, whole=limit == "burstLimit"),
                }
            case _:
                raise patches.invalid_path(patch.path)
        each.pop("throttle", None)
        if throttles:
            each["throttle"] = throttles
        return
    raise BadRequest("Invalid API Stage specified")


def described(plan: UsagePlan) -> dict[str, Any]:
    return with_values(
        {
            "id": plan.id,
            "name": plan.name,
            "description": plan.description,
            "apiStages": plan.stages,
            "throttle": plan.throttle or None,
            "quota": plan.quota or None,
            "tags": plan.tags or None,
        }
    )
