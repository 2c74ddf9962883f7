"""The AWS CLI, version 1: everyday commands of every service, transfers, waiters and `deploy`."""

import json
import tempfile
from pathlib import Path

from tests.clients.aws_cli_objects import objects
from tests.clients.aws_cli_program import Aws
from tests.clients.tools import HERE, python_version
from tests.packages import zipped

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def aws_cli(endpoint: str) -> str:
    aws = Aws(endpoint)
    assert aws("sts", "get-caller-identity")["Account"] == "000000000000"
    with tempfile.TemporaryDirectory() as folder:
        _queues_and_topics(aws)
        _tables(aws)
        objects(aws, Path(folder))
        _functions_and_logs(aws, Path(folder))
    _events_and_metrics(aws)
    _settings(aws)
    _stacks(aws)
    return python_version(aws.programs, "awscli")


def _queues_and_topics(aws: Aws) -> None:
    url = aws("sqs", "create-queue", "--queue-name", "cli")["QueueUrl"]
    aws("sqs", "send-message", "--queue-url", url, "--message-body", "hello")
    assert _take(aws, url) == "hello"
    assert "cli" in aws.text("sqs", "list-queues", "--output", "table")
    topic = aws("sns", "create-topic", "--name", "cli")["TopicArn"]
    queue = "arn:aws:sqs:us-east-1:000000000000:cli"
    aws("sns", "subscribe", "--topic-arn", topic, "--protocol", "sqs", "--notification-endpoint", queue)
    aws("sns", "publish", "--topic-arn", topic, "--message", "news", "--subject", "daily")
    assert json.loads(_take(aws, url))["Message"] == "news"


def _take(aws: Aws, url: str) -> str:
    (message,) = aws("sqs", "receive-message", "--queue-url", url, "--wait-time-seconds", "5")["Messages"]
    aws("sqs", "delete-message", "--queue-url", url, "--receipt-handle", message["ReceiptHandle"])
    return str(message["Body"])


def _tables(aws: Aws) -> None:
    schema = [
        "--attribute-definitions",
        "AttributeName=k,AttributeType=S",
        "--key-schema",
        "AttributeName=k,KeyType=HASH",
    ]
    aws("dynamodb", "create-table", "--table-name", "cli", *schema, "--billing-mode", "PAY_PER_REQUEST",
        "--stream-specification", "StreamEnabled=true,StreamViewType=NEW_IMAGE")  # fmt: skip
    aws("dynamodb", "wait", "table-exists", "--table-name", "cli")
    aws("dynamodb", "put-item", "--table-name", "cli", "--item", '{"k": {"S": "a"}, "n": {"N": "1"}}')
    values = ["--expression-attribute-values", '{":k": {"S": "a"}}']
    found = aws("dynamodb", "query", "--table-name", "cli", "--key-condition-expression", "k = :k", *values)
    assert found["Items"][0]["n"]["N"] == "1"
    assert "a" in aws.text("dynamodb", "scan", "--table-name", "cli", "--output", "text")
    (stream,) = aws("dynamodbstreams", "list-streams", "--table-name", "cli")["Streams"]
    assert stream["TableName"] == "cli"
    aws("dynamodb", "delete-table", "--table-name", "cli")
    aws("dynamodb", "wait", "table-not-exists", "--table-name", "cli")


def _functions_and_logs(aws: Aws, folder: Path) -> None:
    role = aws("iam", "create-role", "--role-name", "cli", "--assume-role-policy-document", TRUST)["Role"]["Arn"]
    source = "def handler(event, context):\n    print('I was called')\n    return event['n'] + 1\n"
    (folder / "code.zip").write_bytes(zipped({"main.py": source}))
    code = ["--zip-file", f"fileb://{folder / 'code.zip'}", "--handler", "main.handler", "--runtime", "python3.11"]
    aws("lambda", "create-function", "--function-name", "cli", "--role", role, *code)
    aws("lambda", "wait", "function-active-v2", "--function-name", "cli")
    out = folder / "out.json"
    aws("lambda", "invoke", "--function-name", "cli", "--payload", '{"n": 41}', str(out))
    assert out.read_text() == "42"
    aws("lambda", "update-function-code", "--function-name", "cli", "--zip-file", f"fileb://{folder / 'code.zip'}")
    aws("lambda", "wait", "function-updated-v2", "--function-name", "cli")
    read = ["logs", "filter-log-events", "--log-group-name", "/aws/lambda/cli", "--filter-pattern", "called"]
    assert aws(*read)["events"][0]["message"].strip() == "I was called"
    aws("lambda", "delete-function", "--function-name", "cli")


def _events_and_metrics(aws: Aws) -> None:
    queue = "arn:aws:sqs:us-east-1:000000000000:cli"
    aws("events", "put-rule", "--name", "cli", "--event-pattern", '{"source": ["cli"]}')
    aws("events", "put-targets", "--rule", "cli", "--targets", f"Id=queue,Arn={queue}")
    aws("events", "put-events", "--entries", '[{"Source": "cli", "DetailType": "d", "Detail": "{\\"n\\": 1}"}]')
    url = aws("sqs", "get-queue-url", "--queue-name", "cli")["QueueUrl"]
    assert json.loads(_take(aws, url))["detail"] == {"n": 1}
    aws("cloudwatch", "put-metric-data", "--namespace", "cli", "--metric-name", "m", "--value", "7")
    (metric,) = aws("cloudwatch", "list-metrics", "--namespace", "cli")["Metrics"]
    assert metric["MetricName"] == "m"


def _settings(aws: Aws) -> None:
    aws("ssm", "put-parameter", "--name", "/cli/mode", "--value", "fast", "--type", "String")
    assert aws("ssm", "get-parameter", "--name", "/cli/mode")["Parameter"]["Value"] == "fast"
    aws("secretsmanager", "create-secret", "--name", "cli", "--secret-string", "first")
    aws("secretsmanager", "put-secret-value", "--secret-id", "cli", "--secret-string", "second")
    get = ("secretsmanager", "get-secret-value", "--secret-id", "cli", "--version-stage")
    assert [aws(*get, stage)["SecretString"] for stage in ("AWSCURRENT", "AWSPREVIOUS")] == ["second", "first"]
    aws("ecr", "create-repository", "--repository-name", "cli")
    assert aws("ecr", "describe-repositories")["repositories"][0]["repositoryName"] == "cli"


def _stacks(aws: Aws) -> None:
    with tempfile.TemporaryDirectory() as folder:
        packaged = f"{folder}/packaged.yaml"
        aws.text("s3", "mb", "s3://cli-artifacts")
        template = str(HERE / "sam_app" / "template.yaml")
        aws.text("cloudformation", "package", "--template-file", template, "--s3-bucket", "cli-artifacts",
                 "--output-template-file", packaged)  # fmt: skip
        deploy = ["cloudformation", "deploy", "--template-file", packaged, "--stack-name", "cli-stack"]
        aws.text(*deploy, "--capabilities", "CAPABILITY_IAM")
        again = aws.text(*deploy, "--capabilities", "CAPABILITY_IAM", "--no-fail-on-empty-changeset")
        assert "No changes to deploy" in again
    described = aws("cloudformation", "describe-stacks", "--stack-name", "cli-stack")
    assert described["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    aws("cloudformation", "delete-stack", "--stack-name", "cli-stack")
    aws("cloudformation", "wait", "stack-delete-complete", "--stack-name", "cli-stack")
