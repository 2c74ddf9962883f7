"""SQS's older face. The model that botocore carries is for JSON; these are the names that the query protocol
uses.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/ (examples of each action, query tab)
"""

from collections.abc import Collection
from typing import Any

import msgspec

from fogbank.wire.errors import InvalidAction
from fogbank.wire.model import Ref, ServiceModel, Shape
from fogbank.wire.protocols.request import RequestData

_NAMESPACE = "http://queue.amazonaws.com/doc/2012-11-05/"
# List shapes: the name of an element.
_ELEMENTS = {
    "AWSAccountIdList": "AWSAccountId",
    "ActionNameList": "ActionName",
    "AttributeNameList": "AttributeName",
    "BatchResultErrorEntryList": "BatchResultErrorEntry",
    "BinaryList": "BinaryListValue",
    "ChangeMessageVisibilityBatchRequestEntryList": "ChangeMessageVisibilityBatchRequestEntry",
    "ChangeMessageVisibilityBatchResultEntryList": "ChangeMessageVisibilityBatchResultEntry",
    "DeleteMessageBatchRequestEntryList": "DeleteMessageBatchRequestEntry",
    "DeleteMessageBatchResultEntryList": "DeleteMessageBatchResultEntry",
    "ListMessageMoveTasksResultEntryList": "ListMessageMoveTasksResultEntry",
    "MessageAttributeNameList": "MessageAttributeName",
    "MessageList": "Message",
    "MessageSystemAttributeList": "MessageSystemAttributeName",
    "QueueUrlList": "QueueUrl",
    "SendMessageBatchRequestEntryList": "SendMessageBatchRequestEntry",
    "SendMessageBatchResultEntryList": "SendMessageBatchResultEntry",
    "StringList": "StringListValue",
    "TagKeyList": "TagKey",
}
# Map shapes: the names of the map, its keys and its values.
_MAPS = {
    "MessageBodyAttributeMap": ("MessageAttribute", "Name", "Value"),
    "MessageBodySystemAttributeMap": ("MessageSystemAttribute", "Name", "Value"),
    "MessageSystemAttributeMap": ("Attribute", "Name", "Value"),
    "QueueAttributeMap": ("Attribute", "Name", "Value"),
    "TagMap": ("Tag", "Key", "Value"),
}


# Actions without a queue that AWS takes at a queue's address all the same.
_AT_QUEUES = frozenset(("GetQueueUrl",))


def sqs_query_model(service: ServiceModel) -> ServiceModel:
    """The same service with the names of its query protocol."""
    found: ServiceModel | None = service.compiled.get("sqs_query")
    if found is None:
        found = service.compiled["sqs_query"] = service.with_shapes(
            {name: _renamed(name, shape) for name, shape in service.shapes.items()}, namespace=_NAMESPACE
        )
    return found


def _renamed(name: str, shape: Shape) -> Shape:
    replace = msgspec.structs.replace
    if name in _ELEMENTS and shape.member is not None:
        return replace(shape, flattened=True, member=replace(shape.member, location_name=_ELEMENTS[name]))
    if name in _MAPS and shape.key is not None and shape.value is not None:
        _, key, value = _MAPS[name]
        return replace(
            shape,
            flattened=True,
            key=replace(shape.key, location_name=key),
            value=replace(shape.value, location_name=value),
        )
    members = {member: _named(ref) for member, ref in shape.members.items()}
    return replace(shape, members=members) if members else shape


def _named(ref: Ref) -> Ref:
    if ref.shape not in _MAPS:
        return ref
    return msgspec.structs.replace(ref, location_name=_MAPS[ref.shape][0])


def complete(value: dict[str, Any], request: RequestData, action: str, members: Collection[str]) -> None:
    """Add what a form says by other means: its queue by the request's path, and an empty list by its absence."""
    if "Entries" in members:
        value.setdefault("Entries", [])
    steps = request.path.strip("/").split("/")
    if len(steps) < 2 or not all(steps[-2:]):
        return
    if "QueueUrl" in members:
        value.setdefault("QueueUrl", f"http://{request.headers.get('host', 'localhost')}{request.path}")
    elif action not in _AT_QUEUES:
        raise InvalidAction(f"The action {action} is not valid for this endpoint.")
