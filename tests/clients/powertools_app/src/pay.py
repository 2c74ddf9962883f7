"""Takes a payment once, however often it is asked to: idempotency, logger, metrics, tracer and parameters."""

import os
import uuid
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent,
)

logger = Logger()
metrics = Metrics()
tracer = Tracer()
memory = DynamoDBPersistenceLayer(table_name=os.environ["TABLE"])


@logger.inject_lambda_context(log_event=True)
@metrics.log_metrics
@tracer.capture_lambda_handler
@idempotent(config=IdempotencyConfig(event_key_jmespath="order"), persistence_store=memory)
def handler(event: dict[str, Any], context: object) -> dict[str, str]:
    if event.get("fail"):
        raise ValueError("the card was refused")
    tracer.put_annotation(key="order", value=event["order"])
    metrics.add_metric(name="Payments", unit=MetricUnit.Count, value=1)
    logger.info("paid", order=event["order"])
    return {"payment": str(uuid.uuid4()), "mode": parameters.get_parameter(os.environ["MODE"])}
