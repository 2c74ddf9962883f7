import os
import random

import pytest

from tests.conftest import LiveServer
from tests.fuzz.campaign import campaign


@pytest.mark.timeout(300)
def test_spoilt_requests_are_answered_or_refused_and_harm_nobody() -> None:
    seed = int(os.environ.get("SEED") or random.randrange(100_000))
    server = LiveServer("--ephemeral", "--virtual-clock")
    try:
        result = campaign(server.endpoint, requests=2_000, seed=seed)
    finally:
        code = server.stop()
    assert not result.failures, f"SEED={seed}: {result.failures[:5]}"
    assert code == 0
