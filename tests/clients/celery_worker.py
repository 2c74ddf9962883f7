"""Celery over SQS: a worker takes tasks from queues, retries what fails, and waits for what is due later."""

import json
import subprocess

from tests.clients.tools import HERE, environment, eventually, look, python_tool, python_version

APP = "celery_app"


def celery_worker(endpoint: str) -> str:
    programs = python_tool("celery", "celery[sqs]")
    env = environment(endpoint, PYTHONPATH=str(HERE))
    dynamodb = look(endpoint, "dynamodb")
    dynamodb.create_table(
        TableName="results",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    worker = subprocess.Popen(
        [programs / "celery", "-A", APP, "worker", "--loglevel", "warning", "--concurrency", "2"],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        sent = [str(programs / "python"), "-m", APP]
        subprocess.run(sent, env=env, check=True, timeout=60, capture_output=True)

        def results() -> dict[str, int] | None:
            items = dynamodb.scan(TableName="results")["Items"]
            found = {item["id"]["S"]: json.loads(item["value"]["N"]) for item in items}
            return found if len(found) == 22 else None

        found = eventually(results, "all tasks done")
    finally:
        worker.terminate()
        said, _ = worker.communicate(timeout=30)
    assert found == {**{f"double-{n}": 2 * n for n in range(20)}, "flaky": 3, "later": 1}, said
    (url,) = look(endpoint, "sqs").list_queues()["QueueUrls"]
    counts = look(endpoint, "sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (counts["ApproximateNumberOfMessages"], counts["ApproximateNumberOfMessagesNotVisible"]) == ("0", "0")
    return f"{python_version(programs, 'celery')} (kombu {python_version(programs, 'kombu')})"
