"""Works off a batch with Powertools' batch processor, each record once; the bad ones are reported, not the batch."""

import os
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

processor = BatchProcessor(event_type=EventType.SQS)
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def work(record: SQSRecord) -> None:
    if record.body.startswith("bad"):
        raise ValueError(record.body)
    table.put_item(Item={"id": record.body, "attempts": int(record.attributes.approximate_receive_count)})


def handler(event: dict[str, Any], context: Any) -> Any:
    return process_partial_response(event=event, record_handler=work, processor=processor, context=context)
