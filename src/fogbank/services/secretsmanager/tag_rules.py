"""What tags a secret may have. https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_TagResource.html"""

from collections.abc import Mapping

from fogbank.core.context import Context
from fogbank.core.tags import given, reserved, tag_map
from fogbank.services.secretsmanager.errors import InvalidParameter

TAGS_MAX = 50


def check_tags(ctx: Context, tags: list[dict[str, str]]) -> None:
    """AWS's sentences are not recorded."""
    keys = [tag.get("Key") for tag in tags]
    if None in keys or any("Value" not in tag for tag in tags):
        raise InvalidParameter("Each tag must have a Key and a Value.")
    if len(set(keys)) != len(keys):
        raise InvalidParameter("A tag key must not be given more than once.")
    if reserved(ctx, map(str, keys)) is not None:
        raise InvalidParameter("Tag keys must not begin with aws:, which is reserved for AWS.")
    check_count(tag_map(tags))


def check_count(tags: Mapping[str, str]) -> None:
    if len(given(tags)) > TAGS_MAX:
        raise InvalidParameter(f"A secret can have no more than {TAGS_MAX} tags.")
