"""What is made and deleted leaves nothing in a server's memory, but for what is kept up to a number."""

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any
from weakref import WeakValueDictionary

from fogbank.core.clock import Clock
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.services import SERVICES
from tests.packages import zipped
from tests.patience import PATIENCE_S

ACCOUNT, REGION = "111122223333", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/lambda"
MADE = 20
FAR = "at(2040-01-01T00:00:00)"
KEPT_UP_TO_A_NUMBER = {
    "Meters._kept",
    "Meter._values",
    "Publisher._compiled",
    "CompiledTopic.subscriptions",
    "CompiledTopic.dimensions",
    "Router._compiled",
    "RuleIndex.rules",
    "CompiledRule.targets",
    "CompiledRule.dimensions",
    "S3Service._parsed_rules",
    "Clock._timers",
}

Life = Callable[[Context, str], Awaitable[object]]


async def queue(ctx: Context, name: str) -> None:
    call, sqs = ctx.call, ctx.cloud.sqs
    url = (await call(sqs.create_queue, QueueName=name))["QueueUrl"]
    for delay_s in (0, 900):
        await call(sqs.send_message, QueueUrl=url, MessageBody="a", DelaySeconds=delay_s)
    await call(sqs.receive_message, QueueUrl=url)
    waiting = asyncio.ensure_future(call(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20))
    await asyncio.sleep(0)
    await call(sqs.delete_queue, QueueUrl=url)
    await asyncio.gather(waiting, return_exceptions=True)


async def fifo_queue(ctx: Context, name: str) -> None:
    call, sqs = ctx.call, ctx.cloud.sqs
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url = (await call(sqs.create_queue, QueueName=f"{name}.fifo", Attributes=attributes))["QueueUrl"]
    for group in ("1", "2"):
        await call(sqs.send_message, QueueUrl=url, MessageBody="a", MessageGroupId=group)
    await call(sqs.receive_message, QueueUrl=url)
    await call(sqs.delete_queue, QueueUrl=url)


async def topic(ctx: Context, name: str) -> None:
    call, sns = ctx.call, ctx.cloud.sns
    arn = (await call(sns.create_topic, Name=name))["TopicArn"]
    await call(sns.subscribe, TopicArn=arn, Protocol="sqs", Endpoint=ctx.arn("sqs", "none"))
    await call(sns.publish, TopicArn=arn, Message="a")
    await call(sns.delete_topic, TopicArn=arn)


async def bucket(ctx: Context, name: str) -> None:
    call, s3 = ctx.call, ctx.cloud.s3
    rule = {"ID": "a", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    await call(s3.create_bucket, Bucket=name)
    await call(s3.put_bucket_lifecycle_configuration, Bucket=name, LifecycleConfiguration={"Rules": [rule]})
    await call(s3.put_object, Bucket=name, Key="a", Body=b"a")
    await call(s3.put_object, Bucket=name, Key="b", Body=b"b" * 100_000)
    for key in ("a", "b"):
        await call(s3.delete_object, Bucket=name, Key=key)
    await call(s3.delete_bucket, Bucket=name)


async def table(ctx: Context, name: str) -> None:
    call, dynamodb = ctx.call, ctx.cloud.dynamodb
    await call(
        dynamodb.create_table,
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    await call(dynamodb.put_item, TableName=name, Item={"id": {"S": "a"}})
    await call(dynamodb.scan, TableName=name)
    await call(dynamodb.delete_table, TableName=name)


async def stream(ctx: Context, name: str) -> None:
    call, kinesis = ctx.call, ctx.cloud.kinesis
    await call(kinesis.create_stream, StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    await call(kinesis.put_record, StreamName=name, Data=b"a", PartitionKey="a")
    await call(kinesis.delete_stream, StreamName=name)


async def log_group(ctx: Context, name: str) -> None:
    call, logs = ctx.call, ctx.cloud.logs
    await call(logs.create_log_group, logGroupName=name)
    await call(logs.create_log_stream, logGroupName=name, logStreamName="a")
    event = {"timestamp": ctx.cloud.clock.now_ms(), "message": "a"}
    await call(logs.put_log_events, logGroupName=name, logStreamName="a", logEvents=[event])
    await call(logs.delete_log_group, logGroupName=name)


async def live_tail(ctx: Context, name: str) -> None:
    there, logs = ctx.at(account=f"{int(name.partition('-')[2]):012}"), ctx.cloud.logs
    await there.call(logs.create_log_group, logGroupName=name)
    groups = [there.arn("logs", f"log-group:{name}")]
    session = (await there.call(logs.start_live_tail, logGroupIdentifiers=groups))["responseStream"]
    assert "sessionStart" in await anext(session)
    await session.aclose()
    await there.call(logs.delete_log_group, logGroupName=name)


async def rule(ctx: Context, name: str) -> None:
    call, events = ctx.call, ctx.cloud.events
    await call(events.create_event_bus, Name=name)
    await call(events.put_rule, Name="a", EventBusName=name, EventPattern=json.dumps({"source": ["a"]}))
    targets = [{"Id": "a", "Arn": ctx.arn("sqs", "none")}]
    await call(events.put_targets, Rule="a", EventBusName=name, Targets=targets)
    entry = {"Source": "a", "DetailType": "a", "Detail": "{}", "EventBusName": name}
    await call(events.put_events, Entries=[entry])
    await call(events.remove_targets, Rule="a", EventBusName=name, Ids=["a"])
    await call(events.delete_rule, Name="a", EventBusName=name)
    await call(events.delete_event_bus, Name=name)
    await call(events.put_rule, Name=name, ScheduleExpression="rate(30 days)")
    await call(events.delete_rule, Name=name)


async def schedule(ctx: Context, name: str) -> None:
    call, scheduler = ctx.call, ctx.cloud.scheduler
    target = {"Arn": ctx.arn("sqs", "none"), "RoleArn": ROLE}
    window = {"Mode": "OFF"}
    await call(scheduler.create_schedule, Name=name, ScheduleExpression=FAR, FlexibleTimeWindow=window, Target=target)
    await call(scheduler.delete_schedule, Name=name)


async def alarm(ctx: Context, name: str) -> None:
    call, cloudwatch = ctx.call, ctx.cloud.cloudwatch
    await call(cloudwatch.put_metric_data, Namespace="own", MetricData=[{"MetricName": name, "Value": 1.0}])
    await call(
        cloudwatch.put_metric_alarm,
        AlarmName=name,
        Namespace="own",
        MetricName=name,
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    await call(cloudwatch.delete_alarms, AlarmNames=[name])


async def function(ctx: Context, name: str) -> None:
    call, functions = ctx.call, ctx.cloud.lambda_
    await call(
        functions.create_function,
        FunctionName=name,
        Role=ROLE,
        Runtime="python3.12",
        Handler="index.handler",
        Code={"ZipFile": zipped({"index.py": "def handler(event, context): pass\n"})},
        Publish=True,
    )
    await call(functions.create_alias, FunctionName=name, Name="live", FunctionVersion="1")
    await call(functions.delete_function, FunctionName=name)


async def secret(ctx: Context, name: str) -> None:
    call, secrets = ctx.call, ctx.cloud.secretsmanager
    await call(secrets.create_secret, Name=name, SecretString="a", ClientRequestToken="a" * 32)
    await call(secrets.get_secret_value, SecretId=name)
    await call(secrets.delete_secret, SecretId=name, ForceDeleteWithoutRecovery=True)


async def parameter(ctx: Context, name: str) -> None:
    call, ssm = ctx.call, ctx.cloud.ssm
    await call(ssm.put_parameter, Name=name, Value="a", Type="SecureString")
    await call(ssm.get_parameter, Name=name, WithDecryption=True)
    await call(ssm.delete_parameter, Name=name)


async def role(ctx: Context, name: str) -> None:
    call, iam = ctx.call, ctx.cloud.iam
    statement = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    await call(iam.create_role, RoleName=name, AssumeRolePolicyDocument=trust)
    await call(iam.delete_role, RoleName=name)


async def wait_condition(ctx: Context, name: str) -> None:
    call, cloudformation = ctx.call, ctx.cloud.cloudformation
    handle = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
    properties = {"Handle": {"Ref": "Handle"}, "Timeout": "60"}
    condition = {"Type": "AWS::CloudFormation::WaitCondition", "Properties": properties}
    template = json.dumps({"Resources": {"Handle": handle, "Condition": condition}})
    await call(cloudformation.create_stack, StackName=name, TemplateBody=template, OnFailure="DELETE")
    while cloudformation.find(ctx, name) is not None:
        ctx.cloud.clock.advance(10_000)
        await asyncio.sleep(0)


LIVES: list[Life] = [
    queue,
    fifo_queue,
    topic,
    bucket,
    table,
    stream,
    log_group,
    live_tail,
    rule,
    schedule,
    alarm,
    function,
    secret,
    parameter,
    role,
    wait_condition,
]


def sizes(cloud: Cloud) -> Counter[str]:
    """How much is held in collections, by the class and attribute that they are found under."""
    found: Counter[str] = Counter()
    seen: set[int] = set()
    waiting: list[Any] = [cloud]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        kind = type(each)
        if isinstance(each, dict):
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, list | tuple | set | frozenset | deque):
            waiting += each
        elif isinstance(each, MethodType):
            waiting.append(each.__self__)
        elif isinstance(each, FunctionType):
            waiting += [cell.cell_contents for cell in each.__closure__ or ()]
        elif isinstance(each, partial):
            waiting += [each.func, *each.args, *each.keywords.values()]
        elif kind.__module__.startswith("fogbank."):
            for name in (*getattr(each, "__dict__", ()), *(slot for base in kind.__mro__ for slot in _slots(base))):
                held = getattr(each, name, None)
                waiting.append(held)
                if isinstance(held, dict | list | set | deque | WeakValueDictionary):
                    found[f"{kind.__name__}.{name}"] += len(held)
    return found


def _slots(kind: type) -> tuple[str, ...]:
    slots = kind.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


def test_what_is_deleted_leaves_nothing_in_memory(tmp_path: Path) -> None:
    async def scenario() -> None:
        cloud = Cloud(tmp_path, services=SERVICES, sync="process", clock=Clock(virtual=True))
        await cloud.start()

        async def live_and_die(first: int) -> None:
            for number in range(first, first + MADE):
                ctx = cloud.context(account=ACCOUNT, region=REGION, access_key=ACCOUNT)
                for life in LIVES:
                    await life(ctx, f"made-{number}")

        async def rest() -> None:
            """Let an hour pass, and what is due in it begin."""
            cloud.clock.advance(3_600_000)
            await asyncio.sleep(0.01)

        def grown() -> dict[str, int]:
            more = sizes(cloud) - before
            return {name: more[name] for name in more.keys() - KEPT_UP_TO_A_NUMBER if more[name] >= MADE / 2}

        try:
            await live_and_die(0)  # What is there once for all comes with the first.
            await rest()
            before = sizes(cloud)
            await live_and_die(MADE)
            until = time.monotonic() + PATIENCE_S
            while grown() and time.monotonic() < until:
                await rest()
            assert not grown()
        finally:
            await cloud.stop()

    asyncio.run(scenario())
