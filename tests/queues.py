"""What has come into a queue."""

from typing import Any

from tests.patience import eventually


def taken(sqs: Any, url: str, count: int = 0) -> list[dict[str, Any]]:
    """The messages of a queue, once there are so many; they are deleted."""
    found: list[dict[str, Any]] = []

    def all_there() -> bool:
        asked = {"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
        while messages := sqs.receive_message(**asked).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found.extend(messages)
        return len(found) >= count

    eventually(all_there)
    return found
