"""Session tags: what a session says about itself, and what it passes on to the roles that it assumes.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
"""

from fogbank.core.cloud import AccessKey
from fogbank.services.sts.errors import InvalidParameterValue


def session_tags(
    caller: AccessKey | None, given: list[dict[str, str]], transitive: list[str]
) -> tuple[dict[str, str], list[str]]:
    """The tags of a new session and which of them are transitive. Keys are told apart whatever their case."""
    tags = {tag["Key"]: tag["Value"] for tag in given}
    lower = [tag["Key"].lower() for tag in given]
    if len(set(lower)) != len(lower):
        raise InvalidParameterValue("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if not {key.lower() for key in transitive} <= set(lower):
        raise InvalidParameterValue("The specified transitive tag key must be included in the requested tags.")
    inherited = {key: caller.tags[key] for key in caller.transitive} if caller is not None else {}
    if {key.lower() for key in inherited} & set(lower):
        raise InvalidParameterValue(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
            "from the calling session."
        )
    return inherited | tags, [*inherited, *transitive]
