"""Search expressions of metric math."""

import pytest

from fogbank.services.cloudwatch.math_syntax import InvalidExpression
from fogbank.services.cloudwatch.search import Candidate, compile_search

SENT = Candidate("AWS/SQS", "NumberOfMessagesSent", {"QueueName": "orders-prod"})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{AWS/SQS,QueueName} MetricName="NumberOfMessagesSent"', True),
        ("{AWS/SQS,QueueName}", True),
        ("{AWS/SQS} MessagesSent", False),
        ('{AWS/SQS,QueueName} MetricName="MessagesSent"', False),
        ("{AWS/SQS,QueueName} MetricName=messages", True),
        ("orders AND NOT test", True),
        ("orders NOT prod", False),
        ("(test OR prod) messages", True),
        ('QueueName="orders-prod"', True),
        ('"orders"', False),
        ('Namespace="AWS/SNS"', False),
        ("Other=prod", False),
    ],
)
def test_a_search_finds_a_metric(text: str, found: bool) -> None:
    assert compile_search(text).matches(SENT) is found


@pytest.mark.parametrize("text", ["(orders", "AND", "orders OR", "a = ="])
def test_a_search_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidExpression):
        compile_search(text)
