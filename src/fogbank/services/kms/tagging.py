"""Tags of keys: https://docs.aws.amazon.com/kms/latest/developerguide/tagging-keys.html"""

from collections.abc import Iterator

from fogbank.core.context import Context
from fogbank.core.service import Answer, Tagged
from fogbank.services.kms.base import KmsBase, check_not, paged_names
from fogbank.services.kms.errors import Tagging
from fogbank.services.kms.records import PENDING_DELETION

_TAGS_MAX = 50


class Tags(KmsBase):
    """The tags of `KmsService`."""

    def list_resource_tags(
        self, ctx: Context, *, KeyId: str, Limit: int | None = None, Marker: str | None = None
    ) -> Answer:
        tags = self._key(ctx, KeyId).tags
        names, rest = paged_names(sorted(tags), Marker, Limit)
        return {"Tags": [{"TagKey": name, "TagValue": tags[name]} for name in names], **rest}

    def tag_resource(self, ctx: Context, *, KeyId: str, Tags: list[dict[str, str]]) -> Answer:
        key = self._key_to_change(ctx, KeyId)
        check_not(key, PENDING_DELETION)
        key.tags |= tags_given(Tags)
        _check_count(key.tags)
        self._save(key)
        return None

    def untag_resource(self, ctx: Context, *, KeyId: str, TagKeys: list[str]) -> Answer:
        key = self._key_to_change(ctx, KeyId)
        check_not(key, PENDING_DELETION)
        _check_names(TagKeys)
        for name in TagKeys:
            key.tags.pop(name, None)
        self._save(key)
        return None

    # ---- for the tagging API -------------------------------------------------------------------------------------

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        for _, key in self._tables.keys.scan((ctx.account, ctx.region)):
            if not key.managed:
                yield Tagged(key.arn, "kms:key", key.tags)

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        self.tag_resource(ctx, KeyId=arn, Tags=[{"TagKey": name, "TagValue": tags[name]} for name in tags])

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        self.untag_resource(ctx, KeyId=arn, TagKeys=keys)


def tags_given(tags: list[dict[str, str]] | None) -> dict[str, str]:
    """Tags as they are stored. Raises what AWS answers to bad ones."""
    found = {tag["TagKey"]: tag["TagValue"] for tag in tags or ()}
    if len(found) != len(tags or ()):
        raise Tagging("Duplicate tag keys")
    _check_names(list(found))
    _check_count(found)
    return found


def _check_names(names: list[str]) -> None:
    if any(name.lower().startswith("aws:") for name in names):
        raise Tagging("Tags beginning with aws: are reserved")


def _check_count(tags: dict[str, str]) -> None:
    if len(tags) > _TAGS_MAX:
        raise Tagging("Too many tags")
