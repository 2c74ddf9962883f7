"""From an event to the targets of the rules that match it.

A bus's rules are compiled once and kept for as long as its `Revision` has the same bytes. Targets are served
in the transaction of the PutEvents that causes them: an event that was acknowledged is in its queues. Only
another bus, and what is tried again, goes through the outbox.
"""

import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from fogbank.core import lineage
from fogbank.core.arn import Arn, parse_arn
from fogbank.core.context import Context
from fogbank.core.delegation import NotPermitted, acting_as, in_name_of, permit, permit_sending
from fogbank.core.errors import AwsError
from fogbank.core.http_client import HttpAnswer
from fogbank.core.ids import new_id
from fogbank.core.input_template import ABSENT, InvalidInput, compile_path
from fogbank.core.patterns import Match, compile_pattern
from fogbank.core.targets import PARTITION_KEY_MAX, as_text, deliver, queue_url
from fogbank.services.events.inputs import MakeInput, compile_input
from fogbank.services.events.records import Forward, Retry, Rule, Target
from fogbank.services.events.rule_index import RuleIndex

if TYPE_CHECKING:
    from fogbank.services.events.base import EventsBase

PRINCIPAL = "events.amazonaws.com"
log = logging.getLogger("fogbank.events")

DEFAULT_BUS = "default"
TARGET_SERVICES = frozenset({"sqs", "sns", "lambda", "events", "execute-api", "logs", "kinesis", "firehose"})
NAMESPACE = "AWS/Events"
# Compiled buses kept; far more than one data folder has in use at a time.
_COMPILED_MAX = 4096
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
_RETRY_ATTEMPTS_MAX = 185
_RETRY_AGE_MAX_S = 86_400

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class CompiledTarget(msgspec.Struct):
    id: str
    record: Target
    arn: Arn
    make_input: MakeInput
    verbatim: bool
    is_http: bool


class CompiledRule(msgspec.Struct):
    name: str
    arn: str
    match: Match
    targets: list[CompiledTarget]
    dimensions: dict[str, str]


_NO_RULES: RuleIndex[CompiledRule] = RuleIndex([])


class DeliveryError(Exception):
    """A target could not be served; `code` is what its dead letter says."""

    def __init__(self, code: str, message: str, *, passing: bool) -> None:
        super().__init__(message)
        self.code = code
        self.passing = passing


class Router:
    """Matches and delivers for one service instance."""

    def __init__(self, service: "EventsBase") -> None:
        self._service = service
        self._cloud = service.cloud
        self._compiled: dict[tuple[str, str, str], tuple[bytes, RuleIndex[CompiledRule]]] = {}
        self.call_destination: Callable[[Context, Retry], None]
        """Calls an API destination or an API; set by the operations on the former, which have the connections."""
        self.keep_event: Callable[[Context, str, str], None]
        """Adds an event (as text) to the archive of that name; set by the operations on archives."""
        self._cloud.outbox.handler("events.retry", self._retry, payload=Retry)
        self._cloud.outbox.handler("events.forward", self._forward, payload=Forward)

    # ---- in --------------------------------------------------------------------------------------------

    def route(self, ctx: Context, bus: str, event: dict[str, Any]) -> None:
        """Send the event to the targets of every enabled rule of the bus that matches it.

        As on AWS, loops of functions through buses are not counted.
        """
        ctx = ctx.traced(lineage.without(ctx.trace))
        text = ""
        for rule in self._rules(ctx, bus).candidates(event):
            if rule.match(event):
                text = text or _encode(event).decode()
                self.trigger(ctx, bus, rule, event, text)

    def route_to(self, ctx: Context, bus: str, event: dict[str, Any], rule_arns: Sequence[str]) -> None:
        """Send the event as `route` does, but only by the rules named, if any are."""
        for rule in self._rules(ctx, bus).candidates(event):
            if (not rule_arns or rule.arn in rule_arns) and rule.match(event):
                self.send(ctx, bus, rule, event)

    def trigger(self, ctx: Context, bus: str, rule: CompiledRule, event: Mapping[str, Any], text: str) -> None:
        """Send the event to the targets of one rule."""
        count = self._cloud.metrics.add
        count(ctx.account, ctx.region, NAMESPACE, "MatchedEvents", rule.dimensions, 1, "Count")
        count(ctx.account, ctx.region, NAMESPACE, "TriggeredRules", rule.dimensions, 1, "Count")
        for target in rule.targets:
            try:
                body = text if target.verbatim else target.make_input(event, text, timestamp(ctx.now_ms))
            except InvalidInput as error:
                log.info("rule %s: the filled template is not JSON: %s", rule.arn, error)
                self._count(ctx, rule.dimensions, failed=True)
                continue
            self._deliver(ctx, bus, rule, target, body, text)

    def send(self, ctx: Context, bus: str, rule: CompiledRule, event: dict[str, Any]) -> None:
        """Trigger one rule with an event of its own."""
        self.trigger(ctx, bus, rule, event, _encode(event).decode())

    def compiled_rule(self, ctx: Context, bus: str, name: str) -> CompiledRule | None:
        """One rule with its targets, for its schedule."""
        rule = self._service.rules.get((ctx.account, ctx.region, bus, name))
        return None if rule is None else self._compile(ctx, bus, name, rule)

    def _rules(self, ctx: Context, bus: str) -> RuleIndex[CompiledRule]:
        key = (ctx.account, ctx.region, bus)
        revision = self._service.revisions.get_raw(key)
        if revision is None:
            return _NO_RULES
        kept = self._compiled.get(key)
        if kept is not None and kept[0] == revision:
            return kept[1]
        rules = RuleIndex(
            [
                (rule.pattern, self._compile(ctx, bus, rule_key[-1], rule))
                for rule_key, rule in self._service.rules.scan(key)
                if rule.pattern and rule.enabled
            ]
        )
        if len(self._compiled) >= _COMPILED_MAX:
            self._compiled.clear()
        self._compiled[key] = (revision, rules)
        return rules

    def _compile(self, ctx: Context, bus: str, name: str, rule: Rule) -> CompiledRule:
        arn = rule_arn(ctx, bus, name)
        targets = [
            CompiledTarget(
                id=key[-1],
                record=target,
                arn=parse_arn(target.arn) or Arn("", "", "", ""),
                make_input=compile_input(target, rule_arn=arn, rule_name=name),
                verbatim=target.input is None and target.input_path in (None, "$") and target.transformer is None,
                is_http=is_http(target.arn),
            )
            for key, target in self._service.targets.scan((ctx.account, ctx.region, bus, name))
        ]
        return CompiledRule(
            name=name,
            arn=arn,
            match=compile_pattern(rule.pattern) if rule.pattern else _never,
            targets=targets,
            dimensions=dimensions(bus, name),
        )

    # ---- out -------------------------------------------------------------------------------------------

    def _deliver(
        self, ctx: Context, bus: str, rule: CompiledRule, target: CompiledTarget, body: str, text: str
    ) -> None:
        if target.is_http:
            self.call_destination(ctx, self._delivery(ctx, bus, rule, target, body, text))
            return
        try:
            self._send(ctx, target.record, target.arn, body, text, rule.arn)
        except DeliveryError as error:
            self.failed(ctx, self._delivery(ctx, bus, rule, target, body, text), error)
            return
        self._count(ctx, rule.dimensions, failed=False)

    def _delivery(
        self, ctx: Context, bus: str, rule: CompiledRule, target: CompiledTarget, body: str, text: str
    ) -> Retry:
        return Retry(rule.arn, bus, rule.name, target.id, target.record, body, text, ctx.now_ms, trace=ctx.trace)

    def _send(self, ctx: Context, target: Target, arn: Arn, body: str, text: str, rule_arn: str) -> None:
        """One delivery, all or nothing. Raises DeliveryError."""
        try:
            ctx = (
                acting_as(ctx, target.role_arn, PRINCIPAL) if target.role_arn else in_name_of(ctx, PRINCIPAL, rule_arn)
            )
            if not arn.resource.startswith("archive/"):
                permit_sending(ctx, target.arn)
            if arn.service == "sqs":
                there = at(ctx, arn)
                with self._cloud.store.transaction():
                    extra = {"MessageGroupId": target.message_group_id} if target.message_group_id else {}
                    url = queue_url(there, arn.account, arn.resource)
                    self._cloud.sqs.send_message(there, QueueUrl=url, MessageBody=body, **extra)
            elif arn.service == "events" and arn.resource.startswith("archive/"):
                self.keep_event(at(ctx, arn), arn.resource.removeprefix("archive/"), text)
            elif arn.service == "events":
                self._forward_to_bus(ctx, arn, text)
            elif arn.service == "logs":
                with self._cloud.store.transaction():
                    self._send_to_logs(at(ctx, arn), arn, body)
            else:
                with self._cloud.store.transaction():
                    key = _partition_key(target, text) if arn.service == "kinesis" else None
                    deliver(ctx, target.arn, body, partition_key=key)
        except AwsError as error:
            raise DeliveryError(error_code(error), error.message, passing=error.passing) from error

    def _forward_to_bus(self, ctx: Context, arn: Arn, text: str) -> None:
        # Through the outbox, so that two buses that feed each other do not recurse. A bus gets the event whatever
        # the input settings say; in another region it is a new event, as recorded.
        if arn.region != ctx.region:
            text = _encode({**_decode(text), "id": new_id()}).decode()
        forward = Forward(arn.resource.removeprefix("event-bus/"), text, trace=ctx.trace)
        self._cloud.outbox.put(at(ctx, arn), "events.forward", lane=str(arn), payload=forward)

    def _send_to_logs(self, ctx: Context, arn: Arn, body: str) -> None:
        group = arn.resource.removeprefix("log-group:").removesuffix(":*")
        stream = str(uuid.uuid4())
        self._cloud.logs.create_log_stream(ctx, logGroupName=group, logStreamName=stream)
        event = {"timestamp": ctx.now_ms, "message": body}
        self._cloud.logs.put_log_events(ctx, logGroupName=group, logStreamName=stream, logEvents=[event])

    def _forward(self, ctx: Context, payload: Forward) -> None:
        self.route(ctx.traced(payload.trace), payload.bus, _decode(payload.event))

    # ---- failures --------------------------------------------------------------------------------------

    def failed(self, ctx: Context, retry: Retry, error: DeliveryError) -> None:
        """Try again what may pass; else the dead letter, or nothing but a metric."""
        target = retry.target
        attempts_max = target.retry_attempts_max if target.retry_attempts_max is not None else _RETRY_ATTEMPTS_MAX
        age_max_s = target.retry_age_max_s if target.retry_age_max_s is not None else _RETRY_AGE_MAX_S
        tired = retry.attempts >= attempts_max
        old = ctx.now_ms - retry.first_ms >= age_max_s * 1000
        if error.passing and not tired and not old:
            delay_s = min(2.0**retry.attempts, 900.0)
            retry.attempts += 1
            lane = str(uuid.uuid4())
            self._cloud.outbox.put(ctx, "events.retry", lane=lane, payload=retry, delay_s=delay_s)
            return
        self._count(ctx, dimensions(retry.bus, retry.rule), failed=True)
        if not target.dead_letter_arn:
            log.info("rule %s: target %s failed: %s", retry.rule_arn, target.arn, error)
            return
        values = {
            "RULE_ARN": retry.rule_arn,
            "TARGET_ARN": target.arn,
            "ERROR_CODE": error.code,
            "ERROR_MESSAGE": str(error),
        }
        if error.passing:
            values["EXHAUSTED_RETRY_CONDITION"] = "MaximumRetryAttempts" if tired else "MaximumEventAgeInSeconds"
            values["RETRY_ATTEMPTS"] = str(retry.attempts)
        attributes = {name: {"DataType": "String", "StringValue": value} for name, value in values.items() if value}
        metric = "InvocationsSentToDlq"
        try:
            with self._cloud.store.transaction():
                own = in_name_of(ctx, PRINCIPAL, retry.rule_arn)
                deliver(own, target.dead_letter_arn, retry.event, message_attributes=attributes)
        except AwsError as dead:
            metric = "InvocationsFailedToBeSentToDlq"
            log.warning("rule %s: the dead letter could not be sent: %s", retry.rule_arn, dead)
        names = dimensions(retry.bus, retry.rule)
        self._cloud.metrics.add(ctx.account, ctx.region, NAMESPACE, metric, names, 1, "Count")

    def _retry(self, ctx: Context, retry: Retry) -> None:
        names = dimensions(retry.bus, retry.rule)
        self._cloud.metrics.add(ctx.account, ctx.region, NAMESPACE, "RetryInvocationAttempts", names, 1, "Count")
        if is_http(retry.target.arn):
            self.call_destination(ctx, retry)
            return
        ctx = ctx.traced(retry.trace)
        arn = parse_arn(retry.target.arn)
        assert arn is not None, "PutTargets has checked the ARN"
        try:
            self._send(ctx, retry.target, arn, retry.body, retry.event, retry.rule_arn)
        except DeliveryError as error:
            self.failed(ctx, retry, error)
            return
        self._count(ctx, names, failed=False)

    def count(self, ctx: Context, delivery: Retry, *, failed: bool) -> None:
        """Count a delivery that was made outside of the router."""
        self._count(ctx, dimensions(delivery.bus, delivery.rule), failed=failed)

    def _count(self, ctx: Context, names: Mapping[str, str], *, failed: bool) -> None:
        metric = "FailedInvocations" if failed else "Invocations"
        self._cloud.metrics.add(ctx.account, ctx.region, NAMESPACE, metric, names, 1, "Count")


def new_event(
    ctx: Context, source: str, detail_type: str, detail: dict[str, Any], resources: list[str], time: str
) -> dict[str, Any]:
    """An event as it is on a bus."""
    return {
        "version": "0",
        "id": new_id(),
        "detail-type": detail_type,
        "source": source,
        "account": ctx.account,
        "time": time,
        "region": ctx.region,
        "resources": resources,
        "detail": detail,
    }


def permit_calling(ctx: Context, target: Target) -> None:
    """Raises DeliveryError unless the target's role may call the API destination."""
    try:
        permit(acting_as(ctx, target.role_arn or "", PRINCIPAL), "events:InvokeApiDestination", target.arn)
    except NotPermitted as error:
        raise DeliveryError(error_code(error), error.message, passing=False) from error


def is_http(arn: str) -> bool:
    """Whether a target is called over HTTP."""
    return is_api_destination(arn) or is_api(arn)


def is_api_destination(arn: str) -> bool:
    return ":api-destination/" in arn


def is_api(arn: str) -> bool:
    """Whether it is an API of API Gateway."""
    return arn.split(":", 3)[2:3] == ["execute-api"]


def check_status(answer: HttpAnswer, called: str) -> None:
    """Raises DeliveryError for an answer that is none to a delivery."""
    if answer.status >= 300:
        passing = answer.status in (401, 407, 409, 429) or answer.status >= 500
        message = f"HTTP status {answer.status} received from {called}"
        raise DeliveryError("SDK_CLIENT_ERROR", message, passing=passing)


def at(ctx: Context, arn: Arn) -> Context:
    """The context of the ARN's account and region."""
    if arn.account == ctx.account and arn.region == ctx.region:
        return ctx
    return ctx.at(account=arn.account, region=arn.region)


def rule_arn(ctx: Context, bus: str, name: str) -> str:
    return ctx.arn("events", f"rule/{name}" if bus == DEFAULT_BUS else f"rule/{bus}/{name}")


def dimensions(bus: str, rule: str) -> dict[str, str]:
    return {"RuleName": rule} if bus == DEFAULT_BUS else {"EventBusName": bus, "RuleName": rule}


def _partition_key(target: Target, text: str) -> str:
    """What the target's path finds in the event, or the event's id."""
    event = _decode(text)
    lookup = compile_path(target.partition_key_path) if target.partition_key_path else None
    found = lookup(event) if lookup is not None else ABSENT
    value = event["id"] if found in (ABSENT, None, "") else found
    return (value if isinstance(value, str) else as_text(value))[:PARTITION_KEY_MAX]


def timestamp(ms: int) -> str:
    """An event's time: seconds, in UTC."""
    return _second(ms // 1000)


@lru_cache(maxsize=64)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def error_code(error: AwsError) -> str:
    """The dead letter's ERROR_CODE (EventBridge user guide, "Troubleshooting": rule DLQ error codes)."""
    if "AccessDenied" in error.code or error.status == 403:
        return "NO_PERMISSIONS"
    if "NotFound" in error.code or "DoesNotExist" in error.code or "NonExistent" in error.code:
        return "NO_RESOURCE"
    if "Throttl" in error.code or "TooManyRequests" in error.code:
        return "THROTTLING"
    return "INTERNAL_ERROR" if error.passing else "SDK_CLIENT_ERROR"


def _never(event: Mapping[str, Any]) -> bool:
    return False
