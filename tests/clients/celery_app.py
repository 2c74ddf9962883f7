"""A Celery application whose broker is SQS, pointed at Fogbank as its documentation says; run, it sends its tasks."""

import os
from typing import Any
from urllib.parse import urlsplit

import boto3
from celery import Celery

at = urlsplit(os.environ["AWS_ENDPOINT_URL"])
app = Celery("celery_app", broker=f"sqs://test:test@{at.hostname}:{at.port}//")
app.conf.update(
    broker_transport_options={
        "region": "us-east-1",
        "is_secure": False,
        "visibility_timeout": 60,
        "wait_time_seconds": 2,
    },
    worker_enable_remote_control=False,
    task_acks_late=True,
)


def note(name: str, value: int) -> None:
    boto3.resource("dynamodb").Table("results").put_item(Item={"id": name, "value": value})


@app.task
def double(number: int) -> None:
    note(f"double-{number}", 2 * number)


@app.task(bind=True, default_retry_delay=1)
def flaky(self: Any) -> None:
    """Fails twice, then succeeds."""
    if self.request.retries < 2:
        raise self.retry(exc=ValueError("not yet"))
    note("flaky", self.request.retries + 1)


@app.task
def later() -> None:
    note("later", 1)


if __name__ == "__main__":
    for number in range(20):
        double.delay(number)
    flaky.delay()
    later.apply_async(countdown=2)
