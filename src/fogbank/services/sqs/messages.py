"""What a message may contain, and the digests that clients check.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
"""

import hashlib
import re
import struct
from collections.abc import Mapping
from typing import Any

from fogbank.services.sqs.errors import InvalidMessageContents, InvalidParameterValue, MissingParameter

# All but #x9, #xA, #xD, #x20 to #xD7FF, #xE000 to #xFFFD and #x10000 to #x10FFFF (SendMessage).
_FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ID = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
_NAME = re.compile(r"[\w.-]{1,256}")  # Letters and digits of any script, as recorded from AWS.
_TYPE = re.compile(r"(String|Number|Binary)(\..{1,})?")
_LOGICAL_TYPES = ("String", "Number", "Binary")

Attributes = Mapping[str, Mapping[str, Any]]


def check_body(body: str) -> None:
    if not body:
        raise MissingParameter("The request must contain the parameter MessageBody.")
    # Plain ASCII text needs no look at each character; control characters are rare enough to search for.
    if not (body.isascii() and body.isprintable()) and _FORBIDDEN.search(body):
        raise InvalidMessageContents()


def check_id(name: str, value: str) -> None:
    """MessageGroupId and MessageDeduplicationId."""
    if not _ID.fullmatch(value):
        raise InvalidParameterValue(
            f"Value {value} for parameter {name} is invalid. Reason: {name} can only include alphanumeric "
            "and punctuation characters. 1 to 128 in length."
        )


def check_attributes(attributes: Attributes) -> None:
    if len(attributes) > 10:
        raise InvalidParameterValue(
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [10]."
        )
    for name, value in attributes.items():
        if not _NAME.fullmatch(name) or name.startswith(".") or name.endswith(".") or ".." in name:
            raise InvalidParameterValue(f"The message attribute name '{name}' is invalid.")
        if name.lower().startswith(("aws.", "amazon.")):
            raise InvalidParameterValue(
                f"Message (user) attribute name can not have the prefix AWS. or Amazon.: '{name}'."
            )
        data_type = value.get("DataType", "")
        if not data_type:
            raise InvalidParameterValue(f"Message (user) attribute '{name}' must contain a non-empty attribute type.")
        if len(data_type) > 256 or not _TYPE.fullmatch(data_type):
            raise InvalidParameterValue(
                f"The message attribute '{name}' has an invalid message attribute type, the set of supported type "
                "prefixes is Binary, Number, and String."
            )
        field = "BinaryValue" if data_type.startswith("Binary") else "StringValue"
        if not value.get(field):
            kind = data_type.partition(".")[0]
            raise InvalidParameterValue(
                f"Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'."
            )
        if data_type.startswith("Number"):
            _check_number(name, value["StringValue"])
        elif field == "StringValue" and _FORBIDDEN.search(value["StringValue"]):
            raise InvalidParameterValue(f"{InvalidMessageContents.message}: message (user) attribute '{name}'.")


def check_system_attributes(attributes: Attributes) -> None:
    """Only the header of X-Ray is one. AWS documents no sentence for others; this is in the style of its own."""
    for name, value in attributes.items():
        if name != "AWSTraceHeader":
            raise InvalidParameterValue(f"Message (system) attribute '{name}' is not supported.")
        if value["DataType"] != "String" or not value.get("StringValue"):
            raise InvalidParameterValue(
                f"Message (system) attribute '{name}' must contain a non-empty value of type 'String'."
            )


def check_max_results(limit: int | None, *, most: int) -> None:
    if limit is not None and not 1 <= limit <= most:
        raise InvalidParameterValue(
            f"Value {limit} for parameter MaxResults is invalid. Reason: Must be between 1 and {most}."
        )


def _check_number(name: str, text: str) -> None:
    try:
        float(text)
    except ValueError:
        raise InvalidParameterValue(f"Can't cast the value of message (user) attribute '{name}' to a number.") from None


def size_bytes(body: str, attributes: Attributes | None) -> int:
    """What counts towards the size limit: the body, and name, type and value of every attribute."""
    size = len(body) if body.isascii() else len(body.encode())
    for name, value in (attributes or {}).items():
        size += len(name.encode()) + len(value["DataType"].encode())
        size += len(value.get("BinaryValue") or b"") + len((value.get("StringValue") or "").encode())
    return size


def body_md5(body: str) -> str:
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def attributes_md5(attributes: Attributes) -> str:
    """AWS's digest of message attributes: sorted by name, every part preceded by its length."""
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        value = attributes[name]
        binary = value["DataType"].startswith("Binary")
        content = value["BinaryValue"] if binary else value["StringValue"].encode()
        for part in (name.encode(), value["DataType"].encode()):
            digest.update(struct.pack(">I", len(part)) + part)
        digest.update((b"\2" if binary else b"\1") + struct.pack(">I", len(content)) + content)
    return digest.hexdigest()


def chosen(names: list[str] | None, attributes: Attributes | None) -> dict[str, Any]:
    """The message attributes that a receiver asked for: `All`, `.*`, names, or prefixes that end with `.*`."""
    if not names or not attributes:
        return {}
    if not {"All", ".*", "*"}.isdisjoint(names):
        return dict(attributes)
    exact = frozenset(names)
    prefixes = tuple(name[:-2] for name in names if name.endswith(".*"))
    return {k: v for k, v in attributes.items() if k in exact or (prefixes and k.startswith(prefixes))}
