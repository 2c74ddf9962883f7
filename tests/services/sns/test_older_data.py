"""Data folders that older versions wrote."""

from pathlib import Path

import msgspec

from fogbank.core.outbox import Row
from fogbank.core.store import Store
from fogbank.services.sns.records import OlderPost
from tests.conftest import LiveServer
from tests.services.sns.http_endpoint import Endpoint

TOPIC = "arn:aws:sns:us-east-1:111111111111:t"


def test_a_post_that_was_pending_is_delivered_and_tried_again(tmp_path: Path) -> None:
    with Endpoint(500) as endpoint:
        store = Store(tmp_path, sync="process")
        pending = store.table("core.outbox", key=(str, str, int), value=Row)
        older = OlderPost(TOPIC, f"{TOPIC}:1", endpoint.url, "Notification", "m", "hello", "text/plain", 3, 20, 20)
        with store.transaction():
            row = Row("111111111111", "us-east-1", msgspec.msgpack.encode(older), created_ms=0, endpoint="")
            pending.put(("sns.http", older.subscription_arn, 1), row)
        store.close()
        server = LiveServer("--data", str(tmp_path), "--virtual-clock", "--sync", "process")
        try:
            assert [body for _, body in endpoint.take(1)] == ["hello"]
            while len(endpoint.posts) < 2:
                server.admin("POST", "clock", {"advance_seconds": 20})
                endpoint.wait(0.2)
            assert endpoint.posts[0] == endpoint.posts[1]
        finally:
            server.stop()
