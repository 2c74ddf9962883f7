"""What a function says of a batch when it reports failures item by item.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html
"""

import json


class BadReport(Exception):
    """The answer is no valid report: the whole batch counts as failed."""


def failed_identifiers(payload: bytes) -> frozenset[str]:
    """The identifiers that the answer names. An empty answer means success; a report that is wrong raises."""
    try:
        answer = json.loads(payload or b"null")
    except ValueError as error:
        raise BadReport from error
    if answer is None or answer == {}:
        return frozenset()
    failures = answer.get("batchItemFailures") if isinstance(answer, dict) else None
    if failures is None:
        return frozenset()
    if not isinstance(failures, list):
        raise BadReport
    identifiers = set()
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        if not isinstance(identifier, str) or not identifier:
            raise BadReport
        identifiers.add(identifier)
    return frozenset(identifiers)
