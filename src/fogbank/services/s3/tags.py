"""Tag sets, as requests write them and as they are kept."""

from fogbank.services.s3.errors import InvalidTag


def tag_map(tags: list[dict[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for tag in tags:
        if tag["Key"] in found:
            raise InvalidTag("Cannot provide multiple Tags with the same key", members={"TagKey": tag["Key"]})
        found[tag["Key"]] = tag["Value"]
    return found


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
