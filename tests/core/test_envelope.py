"""Data keys are used again only if the key that they are under is there to stay."""

import asyncio
from pathlib import Path

import pytest

from fogbank.core.cloud import Cloud
from fogbank.core.envelope import Envelope
from fogbank.services import SERVICES

CONTEXT = {"of": "a test"}


class Undone(Exception):
    pass


def test_a_key_that_was_never_kept_seals_nothing(tmp_path: Path) -> None:
    async def check() -> None:
        cloud = Cloud(tmp_path, services=SERVICES, sync="process")
        ctx = cloud.context(account="123456789012", region="us-east-1")
        envelope = Envelope(cloud, "sqs")

        def fail() -> None:
            envelope.seal(ctx, "alias/aws/sqs", b"text", CONTEXT, reuse_s=300)
            raise Undone()

        # given: the first use of the managed key, which is rolled back
        with pytest.raises(Undone):
            await ctx.run(fail)
        # when
        sealed = await ctx.run(envelope.seal, ctx, "alias/aws/sqs", b"text", CONTEXT, reuse_s=300)
        # then
        assert Envelope(cloud, "sqs").open(ctx, sealed, CONTEXT) == b"text"
        # and from now on KMS is not asked each time
        first, second = (envelope.data_key(ctx, "alias/aws/sqs", CONTEXT, reuse_s=300) for _ in range(2))
        assert first is second
        await cloud.stop()

    asyncio.run(check())
