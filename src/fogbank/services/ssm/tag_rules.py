"""What tags a parameter may have."""

from collections.abc import Mapping

from fogbank.core.context import Context
from fogbank.core.tags import given, reserved, tag_map
from fogbank.services.ssm.errors import TooManyTags, Validation

TAGS_MAX = 50


def check_tags(ctx: Context, tags: list[dict[str, str]]) -> None:
    """AWS's sentences are not recorded."""
    keys = [tag["Key"] for tag in tags]
    if len(set(keys)) != len(keys):
        raise Validation("A tag key can't be given more than once.")
    if reserved(ctx, keys) is not None:
        raise Validation("Tag keys can't begin with aws:, which is reserved for AWS.")
    check_count(tag_map(tags))


def check_count(tags: Mapping[str, str]) -> None:
    if len(given(tags)) > TAGS_MAX:
        raise TooManyTags()
