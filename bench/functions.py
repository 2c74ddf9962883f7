"""What running functions costs: `python -m bench.functions --help`.

Warm invocations, cold starts by runtime, the memory of many environments, provisioned concurrency, SnapStart, function
URLs and streamed answers. Functions are sandboxed as they always are. A runtime that the machine lacks has no figures,
and the exit code is 1.
"""

import argparse
import itertools
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from bench.load import Outcome, Session, Unexpected, drive
from bench.packages import package
from bench.recording import Recorder, client
from bench.servers import PEERS, Running, running
from bench.table import Figure, Row, keep, render

ROLE = "arn:aws:iam::000000000000:role/bench"
EVENT = b'{"n": 1}'
INIT_S = 0.5
PAUSE_S = 0.2
"""How long the function that streams is silent before the last piece of its answer."""
LIMIT_S = 60.0
_URL_ID = re.compile(r"//([a-z0-9-]+)\.lambda-url\.|/lambda-url/([a-z0-9-]+)/")
_INSTANCE = re.compile(rb"[0-9a-f]{32}")


@dataclass(frozen=True)
class Amount:
    """How much is measured."""

    seconds: float
    cold_starts: int
    environments: int
    provisioned: int
    restores: int
    streams: int


WHOLE = Amount(seconds=2.0, cold_starts=20, environments=200, provisioned=100, restores=5, streams=20)
QUICK = Amount(seconds=0.5, cold_starts=3, environments=20, provisioned=10, restores=2, streams=5)


# ---- packages --------------------

PYTHON = "def handler(event, context):\n    return event\n"
NODE = "exports.handler = async (event) => event;\n"
JAVA = """
import java.util.Map;
public class Index {
    public Map<String, Object> handler(Map<String, Object> event) { return event; }
}
"""
# AWS's own example of a custom runtime is a shell script with curl, too.
BOOTSTRAP = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
    event=$(curl -sS -D /tmp/head "$api/next")
    id=$(sed -n 's/^lambda-runtime-aws-request-id: *\\([^[:space:]]*\\).*/\\1/Ip' /tmp/head)
    curl -sS -o /dev/null -d "$event" "$api/$id/response"
done
"""
INSTANCE = """
import time, uuid
INSTANCE = uuid.uuid4().hex
def handler(event, context):
    time.sleep(event["s"])
    return INSTANCE
"""
HOW_IT_WAS_INITIALIZED = """
import os
def handler(event, context):
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE")
"""
WEB = 'def handler(event, context):\n    return {"statusCode": 200, "body": "served"}\n'
SLOW_TO_INITIALIZE = f"import time\ntime.sleep({INIT_S})\n{PYTHON}"
STREAM = f"""
exports.handler = awslambda.streamifyResponse(async (event, stream) => {{
    stream.write("first");
    await new Promise((resolve) => setTimeout(resolve, {PAUSE_S * 1000}));
    stream.end("last");
}});
"""


def compiled(source: str) -> bytes:
    if shutil.which("javac") is None:
        raise Unexpected("there is no javac on the PATH")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Index.java").write_text(source)
        subprocess.run(["javac", "--release", "8", "-nowarn", "-Xlint:-options", "Index.java"], cwd=folder, check=True)
        return (Path(folder) / "Index.class").read_bytes()


@dataclass(frozen=True)
class Runtime:
    """A way to run the function that answers its event."""

    label: str
    name: str
    handler: str
    file: str
    content: Callable[[], str | bytes]
    memory_mb: int = 128


RUNTIMES = (
    Runtime("Python", "python3.11", "index.handler", "index.py", lambda: PYTHON),
    Runtime("Node.js", "nodejs20.x", "index.handler", "index.js", lambda: NODE),
    Runtime("Java", "java17", "Index::handler", "Index.class", lambda: compiled(JAVA), memory_mb=512),
    Runtime("provided, sh and curl", "provided.al2023", "any", "bootstrap", lambda: BOOTSTRAP),
)


class Functions:
    """Functions of one server."""

    def __init__(self, server: Running) -> None:
        self.server = server
        self.aws = client("lambda", server.endpoint)
        self.record = Recorder("lambda", server.endpoint).request

    def create(self, name: str, runtime: str, zipped: bytes, handler: str = "index.handler", **others: Any) -> None:
        self.aws.create_function(
            FunctionName=name, Runtime=runtime, Role=ROLE, Handler=handler, Code={"ZipFile": zipped}, **others
        )

    def await_active(self, name: str, **which: str) -> None:
        until(lambda: self.aws.get_function_configuration(FunctionName=name, **which)["State"] == "Active", name)

    def timed(self, name: str, **which: str) -> float:
        """Milliseconds of one invocation through boto3."""
        started = time.perf_counter()
        answer = self.aws.invoke(FunctionName=name, Payload=EVENT, **which)
        payload = answer["Payload"].read()
        spent = (time.perf_counter() - started) * 1000
        if answer.get("FunctionError") or json.loads(payload) != json.loads(EVENT):
            raise Unexpected(f"the function answered {payload[:90]!r}")
        return spent

    def load(self, request: bytes, must_have: bytes, *, connections: int, seconds: float) -> Outcome:
        """Send the same over and over; each connection has had answers before the clock runs."""

        def session(times: Iterable[int], _: int) -> Session:
            for _ in times:
                answer = yield request
                if must_have not in answer:
                    raise Unexpected(shortened(answer))

        self.drive(partial(session, range(5)), connections)
        return self.drive(partial(session, itertools.repeat(0)), connections, seconds=seconds, warm_up=0.5)

    def drive(
        self, session: Callable[[int], Session], connections: int, *, seconds: float = LIMIT_S, warm_up: float = 0
    ) -> Outcome:
        """Raises Unexpected if there was any error."""
        outcome = drive(self.server, session, connections=connections, seconds=seconds, warm_up=warm_up)
        if outcome.errors:
            raise Unexpected(outcome.first_error)
        return outcome


def shortened(answer: bytes) -> str:
    return answer[:120].decode(errors="replace")


def until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        if time.monotonic() > deadline:
            raise Unexpected(f"{what}: not ready after {LIMIT_S:.0f} s")
        time.sleep(0.005)


# ---- what is measured --------------------


def warm(runtime: Runtime, functions: Functions, amount: Amount) -> Iterator[Figure]:
    """Whole requests to a function that answers its event."""
    zipped = package(runtime.file, runtime.content())
    functions.create("warm", runtime.name, zipped, runtime.handler, MemorySize=runtime.memory_mb)
    functions.await_active("warm")
    request = functions.record("invoke", FunctionName="warm", Payload=EVENT)
    for connections in (1, 16):
        seen = functions.load(request, b'"n"', connections=connections, seconds=amount.seconds)
        name = f"warm invoke, {runtime.label}, {connections} at once"
        yield Figure(name, "invokes/s", seen.rate, higher_is_better=True)
        yield Figure(f"{name}, p50", "ms", seen.percentile_ms(0.5))
        yield Figure(f"{name}, p99", "ms", seen.percentile_ms(0.99))
        yield Figure(f"{name}, processor time of server and function", "us", seen.server_us)


def cold(runtime: Runtime, functions: Functions, amount: Amount) -> Iterator[Figure]:
    """The first invocation of functions that have never run, on a server that has run the runtime once."""
    names = [f"cold-{number}" for number in range(amount.cold_starts + 1)]
    content = runtime.content()
    for name in names:
        zipped = package(runtime.file, content, also=name)
        functions.create(name, runtime.name, zipped, runtime.handler, MemorySize=runtime.memory_mb)
    for name in names:
        functions.await_active(name)
    _, *spent = (functions.timed(name) for name in names)
    yield Figure(f"cold start, {runtime.label}, p50", "ms", statistics.median(spent))
    yield Figure(f"cold start, {runtime.label}, slowest", "ms", max(spent))


def memory(functions: Functions, amount: Amount) -> Iterator[Figure]:
    """Environments in Python that have each had an invocation."""
    functions.create("memory", "python3.11", package("index.py", INSTANCE), Timeout=60)
    functions.await_active("memory")
    instances: set[bytes] = set()

    def session(request: bytes, _: int) -> Session:
        answer = yield request
        found = _INSTANCE.search(answer)
        if found is None:
            raise Unexpected(shortened(answer))
        instances.add(found[0])

    at_once, one_second = (
        functions.record("invoke", FunctionName="memory", Payload=b'{"s": %d}' % wait_s) for wait_s in (0, 1)
    )
    functions.drive(partial(session, at_once), 1)
    first, before_mb = len(instances), functions.server.memory_mb()
    started = time.perf_counter()
    functions.drive(partial(session, one_second), amount.environments)
    spent_s = time.perf_counter() - started
    there = len(instances) - first
    each_mb = (functions.server.memory_mb() - before_mb) / max(there, 1)
    yield Figure("memory of an environment, Python (PSS)", "MB", each_mb, f"of {there} that were started at once")
    yield Figure(f"{amount.environments} invocations of 1 s at once, until the last answer", "ms", spent_s * 1000)


def provisioning(functions: Functions, amount: Amount) -> Iterator[Figure]:
    """From PutProvisionedConcurrencyConfig to READY."""
    functions.create("ahead", "python3.11", package("index.py", HOW_IT_WAS_INITIALIZED), Publish=True)
    functions.await_active("ahead", Qualifier="1")
    which = {"FunctionName": "ahead", "Qualifier": "1"}
    started = time.perf_counter()
    functions.aws.put_provisioned_concurrency_config(**which, ProvisionedConcurrentExecutions=amount.provisioned)
    until(lambda: functions.aws.get_provisioned_concurrency_config(**which)["Status"] == "READY", "provisioning")
    spent_ms = (time.perf_counter() - started) * 1000
    found = functions.aws.invoke(**which)["Payload"].read()
    if found != b'"provisioned-concurrency"':
        raise Unexpected(f"READY is answered, but the environment says of itself {shortened(found)}")
    yield Figure(f"provisioning {amount.provisioned} environments", "ms", spent_ms)


def restoring(functions: Functions, amount: Amount) -> Iterator[Figure]:
    """The first invocation of versions that take their time to initialize, without SnapStart and with it."""
    what = f"an initialization of {INIT_S * 1000:.0f} ms"
    for name, snap_start in (("cold start with", "None"), ("SnapStart's restore behind", "PublishedVersions")):
        versions = [f"{snap_start}-{number}" for number in range(amount.restores)]
        for version in versions:
            zipped = package("index.py", SLOW_TO_INITIALIZE, also=version)
            functions.create(version, "python3.12", zipped, SnapStart={"ApplyOn": snap_start}, Publish=True)
        for version in versions:
            functions.await_active(version, Qualifier="1")
        spent = statistics.median(functions.timed(version, Qualifier="1") for version in versions)
        yield Figure(f"{name} {what}, p50", "ms", spent)


def urls(functions: Functions, amount: Amount) -> Iterator[Figure]:
    """A public function URL, asked by its path (both servers have the same)."""
    functions.create("web", "python3.11", package("index.py", WEB))
    functions.await_active("web")
    given = functions.aws.create_function_url_config(FunctionName="web", AuthType="NONE")["FunctionUrl"]
    for action, how in (
        ("lambda:InvokeFunctionUrl", {"FunctionUrlAuthType": "NONE"}),
        ("lambda:InvokeFunction", {"InvokedViaFunctionUrl": True}),
    ):
        statement = action.partition(":")[2]
        functions.aws.add_permission(FunctionName="web", StatementId=statement, Action=action, Principal="*", **how)
    found = _URL_ID.search(given)
    if found is None:
        raise Unexpected(f"no function URL: {given}")
    url_id, host = found[1] or found[2], functions.server.endpoint.partition("//")[2]
    request = f"GET /_aws/lambda-url/{url_id}/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    seen = functions.load(request, b"served", connections=16, seconds=amount.seconds)
    yield Figure("function URL, 16 at once", "requests/s", seen.rate, higher_is_better=True)
    yield Figure("function URL, 16 at once, p99", "ms", seen.percentile_ms(0.99))


def streaming(functions: Functions, amount: Amount) -> Iterator[Figure]:
    """How soon the first piece of an answer is there whose last piece takes its time."""
    functions.create("stream", "nodejs20.x", package("index.js", STREAM))
    functions.await_active("stream")
    spent = []
    for _ in range(amount.streams + 1):
        started = time.perf_counter()
        events = functions.aws.invoke_with_response_stream(FunctionName="stream")["EventStream"]
        first, *others = ((event, (time.perf_counter() - started) * 1000) for event in events)
        if not first[0].get("PayloadChunk", {}).get("Payload", b"").startswith(b"first"):
            raise Unexpected(f"the stream began with {str(first[0])[:90]}")
        if not any("InvokeComplete" in event for event, _ in others):
            raise Unexpected("the stream had no end")
        spent.append(first[1])
    name = f"streamed answer, first byte ({PAUSE_S * 1000:.0f} ms before the last), p50"
    yield Figure(name, "ms", statistics.median(spent[1:]))


Measure = Callable[[Functions, Amount], Iterator[Figure]]
MEASURES: dict[str, tuple[tuple[str, Measure], ...]] = {
    "warm": tuple((f"warm invoke, {runtime.label}", partial(warm, runtime)) for runtime in RUNTIMES[:3]),
    "cold": tuple((f"cold start, {runtime.label}", partial(cold, runtime)) for runtime in RUNTIMES),
    "memory": (("memory of an environment", memory),),
    "provisioned": (("provisioning", provisioning),),
    "snapstart": (("cold start with", restoring),),
    "urls": (("function URL", urls),),
    "streaming": (("streamed answer", streaming),),
}


def main() -> None:
    options = _parse()
    amount = QUICK if options.quick else WHOLE
    peers = [peer for peer in PEERS if peer.name in options.peers]
    rows: dict[str, Row] = {}
    failed = False
    for peer in peers:
        print(f"{peer.label} ...", file=sys.stderr)
        for what, measure in (each for group in options.only for each in MEASURES[group]):
            # A server for each: no environments of others are in the way.
            with running(peer) as server:
                try:
                    for figure in measure(Functions(server), amount):
                        keep(rows, peer.name, figure)
                except (ClientError, BotoCoreError, Unexpected) as error:
                    name = next((name for name in rows if name.startswith(what)), what)
                    keep(rows, peer.name, Figure(name, "", None, str(error)[:120]))
                    failed = failed or peer.ours
    print(render(list(rows.values()), [(peer.name, peer.label) for peer in peers]))
    if failed:
        sys.exit("some of Fogbank's functions could not be measured")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.functions", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few of everything: whether it works, not how well")
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES), help="measure these only")
    names = ("fogbank", "ministack")
    parser.add_argument("--peers", nargs="+", choices=names, default=names, help="the servers to measure")
    return parser.parse_args()


if __name__ == "__main__":
    main()
