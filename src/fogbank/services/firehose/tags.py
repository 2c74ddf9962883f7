"""Tags in requests. https://docs.aws.amazon.com/firehose/latest/dev/firehose-tagging.html"""

from fogbank.services.firehose.errors import LimitExceeded

TAGS_MAX = 50


def tags_of(given: list[dict[str, str]] | None) -> dict[str, str]:
    """A tag need not have a value."""
    return {tag["Key"]: tag.get("Value", "") for tag in given or ()}


def check_tags(tags: dict[str, str]) -> None:
    if len(tags) > TAGS_MAX:
        raise LimitExceeded(f"A Firehose stream can have {TAGS_MAX} tags.")
