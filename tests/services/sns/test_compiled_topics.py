"""What is compiled from a topic's subscriptions is never of a state that was taken back."""

from pathlib import Path

import pytest

from fogbank.core.cloud import Cloud
from fogbank.services import SERVICES


def test_subscriptions_that_are_taken_back_are_not_published_to(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, services=SERVICES, sync="process")
    ctx, sns, store = cloud.context(account="1" * 12, region="us-east-1"), cloud.sns, cloud.store

    def subscribed(name: str) -> list[str]:
        """Subscribe the queue; the endpoints that a Publish would go to."""
        sns.subscribe(ctx, TopicArn=topic, Protocol="sqs", Endpoint=ctx.arn("sqs", name))
        return [found.target.resource for found in sns.publisher.topic(ctx, "t").subscriptions]

    with store.transaction():
        topic = sns.create_topic(ctx, Name="t")["TopicArn"]
    store.flush()
    with pytest.raises(ZeroDivisionError), store.transaction():
        assert subscribed("lost") == ["lost"]
        raise ZeroDivisionError
    store.flush()
    with store.transaction():
        assert subscribed("kept") == ["kept"]
    store.flush()
    compiled = sns.publisher.topic(ctx, "t")
    assert compiled is sns.publisher.topic(ctx, "t"), "what is settled is compiled once"
    store.close()
