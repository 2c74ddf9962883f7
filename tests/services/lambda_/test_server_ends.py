"""What becomes of invocations that are under way when their server ends."""

from functools import partial
from pathlib import Path

import pytest

from tests.conftest import LiveServer
from tests.patience import eventually
from tests.services.lambda_.test_invocation import create, written

WAITS = (
    "import boto3, time\n"
    "def handler(event, context):\n"
    "    print('begun')\n"
    "    while not boto3.client('sqs').list_queues(QueueNamePrefix='go-on').get('QueueUrls'):\n"
    "        time.sleep(0.01)\n"
)
WHOLE = ["INIT_START", "START", "begun", "END", "REPORT"]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_an_event_that_was_being_processed_is_processed_by_the_next_server(tmp_path: Path, end: str) -> None:
    first = LiveServer("--data", str(tmp_path))
    aws = partial(first.client, account="000000000000")
    aws("s3").create_bucket(Bucket="failed-events")
    create(aws("lambda"), "f", WAITS, Timeout=60)
    aws("lambda").put_function_event_invoke_config(
        FunctionName="f",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::failed-events"}},
    )
    aws("lambda").invoke(FunctionName="f", InvocationType="Event")
    eventually(lambda: "begun" in written(aws, "f"))
    getattr(first, end)()
    second = LiveServer("--data", str(tmp_path))
    try:
        aws = partial(second.client, account="000000000000")
        aws("sqs").create_queue(QueueName="go-on")
        eventually(lambda: written(aws, "f")[-len(WHOLE) :] == WHOLE)
        assert aws("s3").list_objects_v2(Bucket="failed-events")["KeyCount"] == 0
    finally:
        second.stop()
