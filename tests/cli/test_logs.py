"""`fogbank logs`, followed and queried."""

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


def queried(server: LiveServer, account: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "fogbank", "logs", "/app", "--endpoint", server.endpoint, "--query", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "AWS_ACCESS_KEY_ID": account},
        timeout=60,
        check=False,
    )


def test_a_query_prints_a_table(aws: Aws, account: str, server: LiveServer, clock: MovableClock) -> None:
    logs = aws("logs")
    logs.create_log_group(logGroupName="/app")
    logs.create_log_stream(logGroupName="/app", logStreamName="s")
    messages = ('{"level": "INFO", "ms": 5}', '{"level": "ERROR", "ms": 1200}', '{"level": "INFO"}')
    events = [{"timestamp": clock.now_ms(), "message": message} for message in messages]
    logs.put_log_events(logGroupName="/app", logStreamName="s", logEvents=events)
    table = queried(server, account, "stats count(*) as n, max(ms) as slowest by level | sort n")
    assert table.stdout == "level  n  slowest\nERROR  1  1200\nINFO   2  5\n"
    lines = queried(server, account, "stats count(*) as n", "--json")
    assert lines.stdout == '{"n": "3"}\n'
    refused = queried(server, account, "nonsense")
    assert refused.stderr == "fogbank: /app: unexpected symbol found nonsense at line 1 and position 1\n"
    assert "--query cannot be combined" in queried(server, account, "limit 1", "-f").stderr
