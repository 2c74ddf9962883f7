"""The documents that SNS delivers, in the layout in which AWS writes them."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from fogbank.services.sns.signatures import Seal

_quote = msgspec.json.Encoder().encode


class Message(msgspec.Struct):
    """A message being published."""

    id: str
    topic_arn: str
    body: str
    timestamp: str
    endpoint: str
    seal: Seal
    subject: str | None = None
    attributes: dict[str, dict[str, Any]] = {}
    bodies: dict[str, Any] | None = None
    group_id: str | None = None
    deduplication_id: str | None = None
    sequence_number: str | None = None

    def body_for(self, protocol: str) -> str:
        """With MessageStructure json each protocol may have its own body."""
        if self.bodies is None:
            return self.body
        text: str = self.bodies.get(protocol, self.bodies["default"])
        return text

    def signature(self, protocol: str) -> str:
        document = {
            "Type": "Notification",
            "MessageId": self.id,
            "TopicArn": self.topic_arn,
            "Message": self.body_for(protocol),
            "Timestamp": self.timestamp,
        }
        if self.subject is not None:
            document["Subject"] = self.subject
        return self.seal.sign(document)


def timestamp(ms: int) -> str:
    """`2012-03-29T05:12:16.901Z`"""
    return f"{_second(ms // 1000)}.{ms % 1000:03d}Z"


@lru_cache(maxsize=64)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def unsubscribe_url(endpoint: str, subscription_arn: str) -> str:
    return f"{endpoint}/?Action=Unsubscribe&SubscriptionArn={subscription_arn}"


def notification(message: Message, protocol: str, subscription_arn: str) -> str:
    """What queues and HTTP endpoints get unless they take the message raw."""
    lines = ['{\n  "Type" : "Notification",\n  "MessageId" : "', message.id, '",\n']
    if message.sequence_number is not None:
        lines += ['  "SequenceNumber" : "', message.sequence_number, '",\n']
    lines += ['  "TopicArn" : "', message.topic_arn, '",\n']
    if message.subject is not None:
        lines += ['  "Subject" : ', _quote(message.subject).decode(), ",\n"]
    lines += [
        '  "Message" : ',
        _quote(message.body_for(protocol)).decode(),
        ',\n  "Timestamp" : "',
        message.timestamp,
    ]
    if message.sequence_number is None:
        lines += [
            '",\n  "SignatureVersion" : "',
            message.seal.version,
            '",\n  "Signature" : "',
            message.signature(protocol),
            '",\n  "SigningCertURL" : "',
            message.seal.certificate_url,
        ]
    lines += ['",\n  "UnsubscribeURL" : "', unsubscribe_url(message.endpoint, subscription_arn), '"']
    if message.attributes:
        written = ",\n".join(
            f'    {_quote(name).decode()} : {{"Type":{_quote(value["DataType"]).decode()},'
            f'"Value":{_quote(_text(value)).decode()}}}'
            for name, value in message.attributes.items()
        )
        lines += [',\n  "MessageAttributes" : {\n', written, "\n  }"]
    lines.append("\n}")
    return "".join(lines)


def lambda_event(message: Message, subscription_arn: str) -> bytes:
    """What a function is invoked with."""
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription_arn,
        "Sns": {
            "Type": "Notification",
            "MessageId": message.id,
            "TopicArn": message.topic_arn,
            "Subject": message.subject,
            "Message": message.body_for("lambda"),
            "Timestamp": message.timestamp,
            # Functions are always told 1, also where the signature is of version 2, as recorded from AWS.
            "SignatureVersion": "1",
            "Signature": message.signature("lambda"),
            "SigningCertUrl": message.seal.certificate_url,
            "UnsubscribeUrl": unsubscribe_url(message.endpoint, subscription_arn),
            "MessageAttributes": {
                name: {"Type": value["DataType"], "Value": _text(value)} for name, value in message.attributes.items()
            },
        },
    }
    return _quote({"Records": [record]})


def archived(message: Message, subscription_arn: str) -> str:
    """What a Firehose stream gets unless it takes the message raw: a line of JSON, without a signature.

    https://docs.aws.amazon.com/sns/latest/dg/firehose-archived-message-format-S3.html
    """
    document: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": message.id,
        "TopicArn": message.topic_arn,
        **({"Subject": message.subject} if message.subject is not None else {}),
        "Message": message.body_for("firehose"),
        "Timestamp": message.timestamp,
        "UnsubscribeURL": unsubscribe_url(message.endpoint, subscription_arn),
    }
    if message.attributes:
        document["MessageAttributes"] = {
            name: {"Type": value["DataType"], "Value": _text(value)} for name, value in message.attributes.items()
        }
    return _quote(document).decode()


def confirmation(
    *, kind: str, message_id: str, topic_arn: str, token: str, sentence: str, time: str, endpoint: str, seal: Seal
) -> str:
    """`SubscriptionConfirmation` or `UnsubscribeConfirmation`."""
    fields = {
        "Type": kind,
        "MessageId": message_id,
        "Token": token,
        "TopicArn": topic_arn,
        "Message": sentence,
        "SubscribeURL": f"{endpoint}/?Action=ConfirmSubscription&TopicArn={topic_arn}&Token={token}",
        "Timestamp": time,
        "SignatureVersion": seal.version,
    }
    fields |= {"Signature": seal.sign(fields), "SigningCertURL": seal.certificate_url}
    written = ",\n".join(f'  "{name}" : {_quote(value).decode()}' for name, value in fields.items())
    return f"{{\n{written}\n}}"


def queue_attributes(attributes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Message attributes as SQS takes them; SQS knows no String.Array, which arrives as it is named."""
    return {name: dict(value) for name, value in attributes.items()}


def _text(value: Mapping[str, Any]) -> str:
    if "BinaryValue" in value:
        return base64.b64encode(value["BinaryValue"]).decode()
    text: str = value["StringValue"]
    return text
