"""What tags a parameter may have."""

from fogbank.services.ssm.errors import TooManyTags, Validation

TAGS_MAX = 50


def check_tags(tags: list[dict[str, str]]) -> None:
    """AWS's sentences are not recorded."""
    keys = [tag["Key"] for tag in tags]
    if len(set(keys)) != len(keys):
        raise Validation("A tag key can't be given more than once.")
    if any(key.lower().startswith("aws:") for key in keys):
        raise Validation("Tag keys can't begin with aws:, which is reserved for AWS.")
    check_count(len(keys))


def check_count(count: int) -> None:
    if count > TAGS_MAX:
        raise TooManyTags()
