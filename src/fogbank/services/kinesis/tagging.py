"""Tags and resource policies of streams and consumers."""

from collections.abc import Iterator, Mapping

from fogbank.core import named_principals
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.service import Answer, Tagged
from fogbank.core.tags import tag_list
from fogbank.services.kinesis.consumers import Consumers
from fogbank.services.kinesis.errors import InvalidArgument, ResourceNotFound
from fogbank.services.kinesis.records import Consumer, Stream
from fogbank.services.kinesis.stream_operations import check_tags


class Tagging(Consumers):
    """The operations on tags and policies, of `KinesisService`."""

    def add_tags_to_stream(
        self, ctx: Context, *, Tags: dict[str, str], StreamName: str | None = None, StreamARN: str | None = None
    ) -> Answer:
        stream = self._stream(ctx, StreamName, StreamARN)
        check_tags(ctx, Tags, stream.tags)
        stream.tags |= Tags
        self._save(stream)
        return None

    def remove_tags_from_stream(
        self, ctx: Context, *, TagKeys: list[str], StreamName: str | None = None, StreamARN: str | None = None
    ) -> Answer:
        stream = self._stream(ctx, StreamName, StreamARN)
        stream.tags = {key: value for key, value in stream.tags.items() if key not in TagKeys}
        self._save(stream)
        return None

    def list_tags_for_stream(
        self,
        ctx: Context,
        *,
        StreamName: str | None = None,
        StreamARN: str | None = None,
        ExclusiveStartTagKey: str | None = None,
        Limit: int = 50,
    ) -> Answer:
        stream = self._stream(ctx, StreamName, StreamARN, shared=True)
        keys = [key for key in sorted(stream.tags) if key > (ExclusiveStartTagKey or "")]
        shown = {key: stream.tags[key] for key in keys[:Limit]}
        return {"Tags": tag_list(shown), "HasMoreTags": len(keys) > Limit}

    def tag_resource(self, ctx: Context, *, ResourceARN: str, Tags: dict[str, str]) -> Answer:
        stream, consumer = self._resource(ctx, ResourceARN)
        owner = consumer or stream
        check_tags(ctx, Tags, owner.tags)
        owner.tags |= Tags
        self._save_resource(stream, consumer)
        return None

    def untag_resource(self, ctx: Context, *, ResourceARN: str, TagKeys: list[str]) -> Answer:
        stream, consumer = self._resource(ctx, ResourceARN)
        owner = consumer or stream
        owner.tags = {key: value for key, value in owner.tags.items() if key not in TagKeys}
        self._save_resource(stream, consumer)
        return None

    def list_tags_for_resource(self, ctx: Context, *, ResourceARN: str) -> Answer:
        stream, consumer = self._resource(ctx, ResourceARN)
        return {"Tags": tag_list((consumer or stream).tags)}

    def put_resource_policy(self, ctx: Context, *, ResourceARN: str, Policy: str) -> Answer:
        stream, consumer = self._resource(ctx, ResourceARN)
        # Kinesis's own sentences are not recorded.
        kept = named_principals.checked(ctx, Policy, lambda fault: InvalidArgument(str(fault)))
        (consumer or stream).policy = kept
        self._save_resource(stream, consumer)
        return None

    def get_resource_policy(self, ctx: Context, *, ResourceARN: str) -> Answer:
        stream, consumer = self._resource(ctx, ResourceARN)
        return {"Policy": named_principals.shown(ctx, (consumer or stream).policy) or "{}"}

    def delete_resource_policy(self, ctx: Context, *, ResourceARN: str) -> Answer:
        stream, consumer = self._resource(ctx, ResourceARN)
        owner = consumer or stream
        if not owner.policy:
            raise ResourceNotFound(f"No resource policy found for resource ARN {ResourceARN}")
        owner.policy = ""
        self._save_resource(stream, consumer)
        return None

    def resource_policy(self, ctx: Context, arn: str) -> str | None:
        holder = self._holder(ctx, arn)
        return holder.policy or None if holder is not None else None

    def resource_tags(self, ctx: Context, arn: str) -> Mapping[str, str]:
        holder = self._holder(ctx, arn)
        return holder.tags if holder is not None else {}

    # ---- the tagging API ----------------------------------------------------------------------------------------

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        for _, stream in self._tables.streams.scan((ctx.account, ctx.region)):
            yield Tagged(stream.arn, "kinesis:stream", stream.tags)

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        self.tag_resource(ctx, ResourceARN=arn, Tags=tags)

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        self.untag_resource(ctx, ResourceARN=arn, TagKeys=keys)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _holder(self, ctx: Context, arn: str) -> Stream | Consumer | None:
        """What an ARN of the context's account and region names, not to be changed."""
        if "/consumer/" not in arn:
            return self._tables.streams.peek((ctx.account, ctx.region, arn.partition(":stream/")[2]))
        try:
            return self._consumer(ctx, None, None, arn)[1]
        except AwsError:
            return None

    def _resource(self, ctx: Context, arn: str) -> tuple[Stream, Consumer | None]:
        if "/consumer/" in arn:
            return self._consumer(ctx, None, None, arn)
        return self._stream(ctx, None, arn), None

    def _save_resource(self, stream: Stream, consumer: Consumer | None) -> None:
        if consumer is None:
            self._save(stream)
        else:
            self._tables.consumers.put((stream.id, consumer.name), consumer)
