"""Tag sets, as requests write them and as they are kept.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/tagging.html
"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from fogbank.services.s3.errors import BadRequest, InvalidArgument, InvalidTag, MalformedXML

KEY_MAX = 128
VALUE_MAX = 256
OBJECT_TAGS_MAX = 10
# Letters, digits and spaces of any script, and a few signs.
_TEXT = re.compile(r"[\w\s.:/=+\-@]*")


def tag_map(
    tags: Sequence[Mapping[str, str]],
    *,
    reserved: str = "Your TagKey cannot be prefixed with aws:",
    system: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The tags as a map. `reserved` is what is said of keys that only AWS may use, but for those `system` tags."""
    found: dict[str, str] = {}
    for tag in tags:
        key, value = tag.get("Key"), tag.get("Value")
        if key is None or value is None:
            raise MalformedXML()
        if key in found:
            raise InvalidTag("Cannot provide multiple Tags with the same key", members={"TagKey": key})
        if key.lower().startswith("aws:") and (system or {}).get(key) != value:
            raise InvalidTag(reserved, members={"TagKey": key})
        if not 1 <= len(key) <= KEY_MAX or _TEXT.fullmatch(key) is None:
            raise InvalidTag("The TagKey you have provided is invalid", members={"TagKey": key})
        if len(value) > VALUE_MAX or _TEXT.fullmatch(value) is None:
            raise InvalidTag("The TagValue you have provided is invalid", members={"TagKey": key, "TagValue": value})
        found[key] = value
    return found


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def object_tag_map(tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The tags of an object as a map; it has fewer than a bucket may have."""
    if len(tags) > OBJECT_TAGS_MAX:
        raise BadRequest(f"Object tags cannot be greater than {OBJECT_TAGS_MAX}")
    return tag_map(tags)


def header_tag_map(header: str | None) -> dict[str, str]:
    """The tags of an object as the header x-amz-tagging has them, which is a query string."""
    pairs = parse_qsl(header or "", keep_blank_values=True)
    if len({key for key, _ in pairs}) < len(pairs) or any(
        _TEXT.fullmatch(text) is None for pair in pairs for text in pair
    ):
        raise InvalidArgument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag "
            "name duplicates.",
            members={"ArgumentName": "x-amz-tagging", "ArgumentValue": header},
        )
    return object_tag_map([{"Key": key, "Value": value} for key, value in pairs])
