"""Records on their way through functions, unpacking and dynamic partitions."""

import base64
import gzip
import json
from typing import Any

import pytest

from tests.conftest import Aws, MovableClock
from tests.patience import eventually
from tests.services.firehose.conftest import MakeStream, Objects, put
from tests.services.firehose.test_s3_delivery import metric
from tests.services.lambda_.test_invocation import create

MINUTE = {"SizeInMBs": 1, "IntervalInSeconds": 60}
LARGE = {"SizeInMBs": 64, "IntervalInSeconds": 60}
ERRORS = {"ErrorOutputPrefix": "errors/!{firehose:error-output-type}/"}

UPPER = """
import base64
def handler(event, context):
    answers = []
    for record in event["records"]:
        data = base64.b64decode(record["data"]).decode()
        result = {"drop": "Dropped", "fail": "ProcessingFailed"}.get(data, "Ok")
        data = base64.b64encode(data.upper().encode()).decode()
        answers.append({"recordId": record["recordId"], "result": result, "data": data})
    return {"records": answers}
"""
BY_PLACE = """
import base64, json
def handler(event, context):
    return {"records": [
        {
            "recordId": record["recordId"],
            "result": "Ok",
            "data": record["data"],
            "metadata": {"partitionKeys": {"place": json.loads(base64.b64decode(record["data"]))["place"]}},
        }
        for record in event["records"]
    ]}
"""
ECHO = "def handler(event, context):\n    return {'records': [{**r, 'result': 'Ok'} for r in event['records']]}\n"
BROKEN = {
    "raises": ("def handler(event, context):\n    raise ValueError\n", "Lambda.FunctionError"),
    "no records": ("def handler(event, context):\n    return {}\n", "Lambda.JsonProcessingException"),
    "no result": ("def handler(event, context):\n    return event\n", "Lambda.FunctionError"),
    "missing": ("def handler(event, context):\n    return {'records': []}\n", "Lambda.MissingRecordId"),
    "twice": (
        "def handler(event, context):\n    return {'records': [{**r, 'result': 'Ok'} for r in event['records'] * 2]}\n",
        "Lambda.DuplicatedRecordId",
    ),
    "no base64": (
        "def handler(event, context):\n"
        "    return {'records': [{**r, 'result': 'Ok', 'data': '!'} for r in event['records']]}\n",
        "Lambda.FunctionError",
    ),
}


def processing(*processors: dict[str, Any]) -> dict[str, Any]:
    return {"Enabled": True, "Processors": list(processors)}


def processor(kind: str, **parameters: str) -> dict[str, Any]:
    given = [{"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()]
    return {"Type": kind, "Parameters": given}


def function(aws: Aws, source: str, **parameters: str) -> dict[str, Any]:
    """A Lambda processor with a function of that source, which is invoked a second after a record."""
    arn = create(aws("lambda"), "transform", source)["FunctionArn"]
    return processor("Lambda", **{"LambdaArn": arn, "BufferIntervalInSeconds": "1"} | parameters)


def test_a_function_changes_drops_and_refuses_records(
    aws: Aws, firehose: Any, make_stream: MakeStream, objects: Objects, clock: MovableClock
) -> None:
    lambda_processor = function(aws, UPPER)
    make_stream(BufferingHints=MINUTE, ProcessingConfiguration=processing(lambda_processor), **ERRORS)
    put(firehose, "one", "drop", "fail", "two")
    arrived_ms = clock.now_ms()
    found = objects(2)
    (delivered,) = (body for key, body in found.items() if not key.startswith("errors/"))
    assert delivered == b"ONETWO"
    (failed,) = (json.loads(body) for key, body in found.items() if key.startswith("errors/processing-failed/"))
    assert arrived_ms - 5000 <= failed.pop("arrivalTimestamp") <= failed.pop("attemptEndingTimestamp")
    assert failed == {
        "attemptsMade": 1,
        "errorCode": "Lambda.ProcessingFailedStatus",
        "errorMessage": "ProcessingFailed status set for record",
        "rawData": base64.b64encode(b"fail").decode(),
        "lambdaArn": lambda_processor["Parameters"][0]["ParameterValue"],
    }
    assert metric(aws, clock, "ExecuteProcessing.Success") == 1
    assert metric(aws, clock, "SucceedProcessing.Records") == 3


@pytest.mark.parametrize("case", BROKEN)
def test_a_function_that_does_not_keep_the_contract_is_tried_again_and_its_records_are_kept(
    aws: Aws, firehose: Any, make_stream: MakeStream, objects: Objects, case: str
) -> None:
    source, code = BROKEN[case]
    logs = aws("logs")
    logs.create_log_group(logGroupName="/errors")
    logs.create_log_stream(logGroupName="/errors", logStreamName="s3")
    make_stream(
        BufferingHints=MINUTE,
        ProcessingConfiguration=processing(function(aws, source, NumberOfRetries="1")),
        CloudWatchLoggingOptions={"Enabled": True, "LogGroupName": "/errors", "LogStreamName": "s3"},
        **ERRORS,
    )
    put(firehose, "one", "two")
    ((key, body),) = objects().items()
    assert key.startswith("errors/processing-failed/")
    failed = [json.loads(line) for line in body.splitlines()]
    assert [(each["attemptsMade"], each["errorCode"]) for each in failed] == [(2, code), (2, code)]
    assert [base64.b64decode(each["rawData"]) for each in failed] == [b"one", b"two"]
    (event,) = logs.get_log_events(logGroupName="/errors", logStreamName="s3")["events"]
    told = json.loads(event["message"])
    assert (told["errorCode"], told["processor"]) == (code, failed[0]["lambdaArn"])


def test_a_function_that_is_not_there_is_told_of(
    firehose: Any, make_stream: MakeStream, objects: Objects, account: str
) -> None:
    arn = f"arn:aws:lambda:us-east-1:{account}:function:none"
    lambda_processor = processor("Lambda", LambdaArn=arn, NumberOfRetries="0", BufferIntervalInSeconds="0")
    make_stream(BufferingHints=MINUTE, ProcessingConfiguration=processing(lambda_processor))
    put(firehose, "one")
    ((key, body),) = objects().items()
    assert key.startswith("processing-failed/20")
    assert json.loads(body)["errorCode"] == "Lambda.ResourceNotFound"


def test_records_wait_for_a_function_until_its_own_buffer_is_full(
    aws: Aws, firehose: Any, make_stream: MakeStream, objects: Objects, clock: MovableClock
) -> None:
    lambda_processor = function(aws, ECHO, BufferSizeInMBs="0.2", BufferIntervalInSeconds="900")
    make_stream(BufferingHints=MINUTE, ProcessingConfiguration=processing(lambda_processor))
    put(firehose, "a" * 100_000)
    clock.advance(s=120)
    assert objects(0) == {}
    put(firehose, "b" * 150_000)
    assert list(objects().values()) == [b"a" * 100_000 + b"b" * 150_000]
    # One invocation takes no more than its buffer: here they are two.
    assert metric(aws, clock, "ExecuteProcessing.Success") == 2


def test_a_function_gives_partition_keys(
    aws: Aws, firehose: Any, make_stream: MakeStream, objects: Objects, clock: MovableClock
) -> None:
    make_stream(
        BufferingHints=LARGE,
        DynamicPartitioningConfiguration={"Enabled": True},
        Prefix="place=!{partitionKeyFromLambda:place}/!{timestamp:yyyy}/",
        ProcessingConfiguration=processing(
            processor("RecordDeAggregation", SubRecordType="JSON"),
            function(aws, BY_PLACE),
            processor("AppendDelimiterToRecord", Delimiter="\\n"),
        ),
        **ERRORS,
    )
    put(firehose, '{"place": "oslo"}{"place": "rome"}\n {"place": "oslo", "n": 2}', '{"place": ""}')
    found = {key.split("/")[0]: body for key, body in objects(3).items()}
    failed = json.loads(found.pop("errors"))
    assert failed["errorCode"] == "DynamicPartitioning.MetadataExtractionFailed"
    assert found == {
        "place=oslo": b'{"place": "oslo"}\n{"place": "oslo", "n": 2}\n',
        "place=rome": b'{"place": "rome"}\n',
    }
    assert metric(aws, clock, "PartitionCount", "Maximum") == 2
    assert metric(aws, clock, "DeliveryToS3.ObjectCount") == 2


def test_there_are_only_so_many_active_partitions(
    aws: Aws, firehose: Any, make_stream: MakeStream, objects: Objects
) -> None:
    make_stream(
        BufferingHints=LARGE,
        DynamicPartitioningConfiguration={"Enabled": True},
        Prefix="!{partitionKeyFromLambda:place}/!{timestamp:yyyy}/",
        ProcessingConfiguration=processing(
            processor("RecordDeAggregation", SubRecordType="DELIMITED", Delimiter=base64.b64encode(b"##").decode()),
            function(aws, BY_PLACE),
        ),
        **ERRORS,
    )
    places = [f'{{"place": "p{number:03d}"}}' for number in range(502)]
    put(firehose, "##".join(places[:300]), "##".join(places[300:]))
    found = objects(501)
    (failed,) = (body for key, body in found.items() if key.startswith("errors/"))
    codes = [json.loads(line)["errorCode"] for line in failed.splitlines()]
    assert codes == ["DynamicPartitioning.ActivePartitionsLimitExceeded"] * 2


def test_what_cannot_be_taken_apart_is_error_output(
    aws: Aws, firehose: Any, make_stream: MakeStream, objects: Objects
) -> None:
    make_stream(
        BufferingHints=LARGE,
        DynamicPartitioningConfiguration={"Enabled": True},
        Prefix="!{partitionKeyFromLambda:place}/",
        ProcessingConfiguration=processing(
            processor("RecordDeAggregation", SubRecordType="JSON"), function(aws, BY_PLACE)
        ),
        **ERRORS,
    )
    put(firehose, "[1]", '{"a":', b"\xff")
    ((key, body),) = objects().items()
    assert key.startswith("errors/processing-failed/")
    assert [base64.b64decode(json.loads(line)["rawData"]) for line in body.splitlines()] == [b"[1]", b'{"a":', b"\xff"]


@pytest.mark.parametrize(
    ("extraction", "delivered"),
    [("true", b"one\ntwo\n"), ("false", None)],
)
def test_what_cloudwatch_logs_sends_is_unpacked(
    firehose: Any, make_stream: MakeStream, objects: Objects, extraction: str, delivered: bytes | None
) -> None:
    make_stream(
        BufferingHints=MINUTE,
        ProcessingConfiguration=processing(
            processor("Decompression", CompressionFormat="GZIP"),
            processor("CloudWatchLogProcessing", DataMessageExtraction=extraction),
        ),
        **ERRORS,
    )
    events = [{"id": "1", "timestamp": 1, "message": "one"}, {"id": "2", "timestamp": 2, "message": "two"}]
    document = json.dumps({"messageType": "DATA_MESSAGE", "logGroup": "g", "logEvents": events}).encode()
    control = json.dumps({"messageType": "CONTROL_MESSAGE", "logEvents": [events[0]]}).encode()
    put(firehose, gzip.compress(control), gzip.compress(document), "no gzip")
    found = objects(2)
    (body,) = (body for key, body in found.items() if not key.startswith("errors/"))
    assert body == (delivered if delivered is not None else control + document)
    (failed,) = (json.loads(body) for key, body in found.items() if key.startswith("errors/decompression-failed/"))
    assert base64.b64decode(failed["rawData"]) == b"no gzip"


def test_records_that_wait_for_a_function_are_backed_up_too(
    aws: Aws, firehose: Any, make_stream: MakeStream, objects: Objects, s3_settings: dict[str, Any], clock: MovableClock
) -> None:
    backup = s3_settings | {"Prefix": "raw/", "BufferingHints": MINUTE}
    make_stream(
        BufferingHints=MINUTE,
        ProcessingConfiguration=processing(function(aws, UPPER)),
        S3BackupMode="Enabled",
        S3BackupConfiguration=backup,
    )
    put(firehose, "one", "drop")
    found = objects(2)
    assert {key.startswith("raw/"): body for key, body in found.items()} == {True: b"onedrop", False: b"ONE"}
    eventually(lambda: metric(aws, clock, "BackupToS3.Records") == 2)
