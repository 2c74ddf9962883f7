"""The tags of secrets."""

from collections.abc import Iterator

from fogbank.core.context import Context
from fogbank.core.service import Answer, Tagged
from fogbank.core.tags import tag_list, tag_map
from fogbank.services.secretsmanager.base import Found
from fogbank.services.secretsmanager.tag_rules import check_count, check_tags
from fogbank.services.secretsmanager.value_operations import ValueOperations


class Tagging(ValueOperations):
    """The operations on tags, of `SecretsManagerService`."""

    def tag_resource(self, ctx: Context, *, SecretId: str, Tags: list[dict[str, str]]) -> Answer:
        found = self._writable(ctx, SecretId)
        check_tags(ctx, Tags)
        found.secret.tags = (found.secret.tags or {}) | tag_map(Tags)
        check_count(found.secret.tags)
        self._save(ctx, found)
        return None

    def untag_resource(self, ctx: Context, *, SecretId: str, TagKeys: list[str]) -> Answer:
        found = self._writable(ctx, SecretId)
        if found.secret.tags is not None:
            found.secret.tags = {key: value for key, value in found.secret.tags.items() if key not in TagKeys}
        self._save(ctx, found)
        return None

    # ---- the tagging API ----------------------------------------------------------------------------------------

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        for key, secret in self._tables.secrets.scan((ctx.account, ctx.region)):
            found = Found(ctx, (key[0], key[1], key[2]), secret)
            yield Tagged(found.arn, "secretsmanager:secret", secret.tags or {})

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        self.tag_resource(ctx, SecretId=arn, Tags=tag_list(tags))

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        self.untag_resource(ctx, SecretId=arn, TagKeys=keys)
