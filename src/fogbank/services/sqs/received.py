"""Messages as their receivers see them, and what receivers ask for."""

from typing import Any

import msgspec

from fogbank.services.sqs import messages, receipts
from fogbank.services.sqs.receipts import Receipt
from fogbank.services.sqs.records import Message


class Wanted(msgspec.Struct, frozen=True):
    """What a receiver asked for."""

    limit: int
    timeout_s: int
    system_names: frozenset[str]
    attribute_names: list[str] | None
    attempt: str | None
    waits: bool


def received(receipt: Receipt, message: Message, body: str, wanted: Wanted) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "MessageId": message.id,
        "ReceiptHandle": receipts.encode(receipt),
        "MD5OfBody": message.md5,
        "Body": body,
    }
    if wanted.system_names:
        system = _system_attributes(receipt, message)
        if "All" not in wanted.system_names:
            system = {name: value for name, value in system.items() if name in wanted.system_names}
        if system:
            answer["Attributes"] = system
    chosen = messages.chosen(wanted.attribute_names, message.attributes)
    if chosen:
        answer["MessageAttributes"] = chosen
        answer["MD5OfMessageAttributes"] = (
            message.attributes_md5 if len(chosen) == len(message.attributes or ()) else messages.attributes_md5(chosen)
        )
    return answer


def sequence_number(sequence: int) -> str:
    return str(10**19 + sequence)


def _system_attributes(receipt: Receipt, message: Message) -> dict[str, str]:
    system = {
        "SenderId": message.sender,
        "SentTimestamp": str(message.sent_ms),
        "ApproximateReceiveCount": str(message.receives),
        "ApproximateFirstReceiveTimestamp": str(message.first_received_ms),
    }
    if message.group is not None:
        system["MessageGroupId"] = message.group
    if message.deduplication_id is not None:
        system["MessageDeduplicationId"] = message.deduplication_id
        system["SequenceNumber"] = sequence_number(receipt.sequence)
    if message.trace_header:
        system["AWSTraceHeader"] = message.trace_header
    if message.dead_letter_source:
        system["DeadLetterQueueSourceArn"] = message.dead_letter_source
    return system
