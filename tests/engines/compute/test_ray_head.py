"""A server whose cluster loses its head node. The long form, as the cluster is one of its own: `make cluster`."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import LiveServer
from tests.engines.compute.ray_cluster import ray_cluster
from tests.packages import zipped
from tests.patience import eventually

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]
SOURCE = "import time\ndef handler(event, context):\n    time.sleep(event)\n    return 'slept'\n"
ROLE = "arn:aws:iam::000000000000:role/r"


def invoked(functions: Any, seconds: str = "0") -> tuple[str, str]:
    """What an invocation gave, and how it failed: "", the function's error, or Lambda's."""
    try:
        answer = functions.invoke(FunctionName="f", Payload=seconds)
    except ClientError as error:
        return error.response["Error"]["Message"], error.response["Error"]["Code"]
    return answer["Payload"].read().decode(), answer.get("FunctionError", "")


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not there for this Python")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP], ids=["gone", "silent"])
def test_a_server_without_the_head_of_its_cluster_says_so_and_does_all_else(
    end: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ray_cluster() as cluster:
        for name, value in cluster.settings.items():
            monkeypatch.setenv(name, value)
        live = LiveServer("--ephemeral", "--compute", cluster.compute)
        try:
            functions, queues = (live.client(service, account="000000000000") for service in ("lambda", "sqs"))
            functions.create_function(
                FunctionName="f",
                Runtime="python3.12",
                Handler="app.handler",
                Role=ROLE,
                Code={"ZipFile": zipped({"app.py": SOURCE})},
                Timeout=60,
            )
            eventually(lambda: functions.get_function(FunctionName="f")["Configuration"]["State"] == "Active")
            assert invoked(functions) == ('"slept"', "")
            os.killpg(cluster.head_group, end)
            with ThreadPoolExecutor() as threads:
                warm = threads.submit(invoked, functions)
                queues.create_queue(QueueName="q")
            assert warm.result()[1] in ("Unhandled", "InvalidRuntimeException")
            told, code = invoked(functions)
            assert code == "InvalidRuntimeException"
            assert told.startswith("The cluster that functions run on cannot be reached: ")
            assert live.stop() == 0
        except BaseException:
            live.kill()
            raise
