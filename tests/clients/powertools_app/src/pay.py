"""Takes a payment once, however often it is asked to; uses Powertools' idempotency, logger, metrics, parameters."""

import os
import uuid
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent,
)

logger = Logger()
metrics = Metrics()
memory = DynamoDBPersistenceLayer(table_name=os.environ["TABLE"])


@logger.inject_lambda_context(log_event=True)
@metrics.log_metrics
@idempotent(config=IdempotencyConfig(event_key_jmespath="order"), persistence_store=memory)
def handler(event: dict[str, Any], context: object) -> dict[str, str]:
    if event.get("fail"):
        raise ValueError("the card was refused")
    metrics.add_metric(name="Payments", unit=MetricUnit.Count, value=1)
    logger.info("paid", order=event["order"])
    return {"payment": str(uuid.uuid4()), "mode": parameters.get_parameter(os.environ["MODE"])}
