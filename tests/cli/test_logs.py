"""`fogbank logs`, followed."""

import os
import subprocess
import sys

from tests.conftest import Aws, LiveServer, MovableClock


def test_a_group_that_is_not_there_yet_is_waited_for(
    aws: Aws, account: str, server: LiveServer, clock: MovableClock
) -> None:
    follower = subprocess.Popen(
        [sys.executable, "-m", "fogbank", "logs", "-f", "later", "--endpoint", server.endpoint],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "AWS_ACCESS_KEY_ID": account},
    )
    assert follower.stdout is not None
    assert follower.stderr is not None
    try:
        assert follower.stderr.readline() == "there is no log group later yet: waiting for it\n"
        logs = aws("logs")
        logs.create_log_group(logGroupName="later")
        logs.create_log_stream(logGroupName="later", logStreamName="s")
        logs.put_log_events(
            logGroupName="later", logStreamName="s", logEvents=[{"timestamp": clock.now_ms(), "message": "here"}]
        )
        assert follower.stdout.readline().endswith("Z here\n")
    finally:
        follower.terminate()
        follower.communicate()
