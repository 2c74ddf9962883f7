"""AWS's own runtime interface clients, unchanged, as the runtimes of functions."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.clients.tools import HERE, Missing, eventually, installed, look, node_packages, node_version
from tests.packages import zipped

APP = HERE / "runtime_app"
ROLE = "arn:aws:iam::000000000000:role/worker"


def python_runtime_client(endpoint: str) -> str:
    """`awslambdaric` as the bootstrap of a function."""

    def install(folder: Path) -> None:
        pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(folder / "package"), "awslambdaric"]
        subprocess.run(pip, check=True)

    package = installed("awslambdaric", ("awslambdaric", sys.version), install) / "package"
    # The interpreter for which the client's native part is made.
    start = (
        f'#!/bin/sh\nexport PYTHONPATH=/var/task\nexec {os.path.realpath(sys.executable)} -m awslambdaric "$_HANDLER"\n'
    )
    _check(endpoint, "awslambdaric", {**_files(package), "bootstrap": start, **_files(APP / "python")})
    return next(package.glob("awslambdaric-*.dist-info")).name.removesuffix(".dist-info").partition("-")[2]


def node_runtime_client(endpoint: str) -> str:
    """`aws-lambda-ric`, whose native part is built here."""
    lacking = [name for name in ("autoreconf", "libtoolize", "cmake", "g++", "make") if shutil.which(name) is None]
    if lacking:
        raise Missing(f"its native part cannot be built without {', '.join(lacking)}")
    folder = node_packages("aws-lambda-ric", "aws-lambda-ric")
    client = Path("node_modules") / "aws-lambda-ric"
    start = '#!/bin/sh\nexec /usr/bin/env node /var/task/node_modules/aws-lambda-ric/bin/index.mjs "$_HANDLER"\n'
    files = {
        str(client / part / name): content
        for part in ("bin", "dist")
        for name, content in _files(folder / client / part).items()
    }
    files[str(client / "package.json")] = (folder / client / "package.json").read_bytes()
    _check(endpoint, "aws-lambda-ric", {**files, "bootstrap": start, **_files(APP / "node")})
    return node_version(folder, "aws-lambda-ric")


def java_runtime_client(endpoint: str) -> str:
    """`aws-lambda-java-runtime-interface-client`, which a function of a Java runtime brings."""
    maven, javac = shutil.which("mvn"), shutil.which("javac")
    if maven is None or javac is None:
        raise Missing("Maven or a JDK is not installed")

    def install(folder: Path) -> None:
        copy = ["dependency:copy-dependencies", f"-DoutputDirectory={folder / 'lib'}", "-DincludeScope=runtime"]
        subprocess.run([maven, "-q", "-B", "-f", str(APP / "java" / "pom.xml"), *copy], check=True)
        compile_handler = ["--release", "17", "-cp", f"{folder / 'lib'}/*", "-d", str(folder)]
        subprocess.run([javac, *compile_handler, str(APP / "java" / "Handler.java")], check=True)

    sources = ((APP / "java" / name).read_text() for name in ("pom.xml", "Handler.java"))
    folder = installed("java-runtime-client", tuple(sources), install)
    files = {name: content for name, content in _files(folder).items() if name != "installed"}
    _check(endpoint, "java-client", files, runtime="java17", handler="Handler")
    (jar,) = folder.glob("lib/aws-lambda-java-runtime-interface-client-*.jar")
    return jar.stem.rpartition("-")[2]


def _files(folder: Path) -> dict[str, bytes]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def _check(
    endpoint: str,
    name: str,
    files: Mapping[str, bytes | str],
    *,
    runtime: str = "provided.al2023",
    handler: str = "app.handler",
) -> None:
    """Deploy a function that echoes what it gets, fails when asked to, and logs; see that it does."""
    client = look(endpoint, "lambda")
    code = {"ZipFile": zipped(files, mode=0o755)}
    common = {"FunctionName": name, "Role": ROLE, "Timeout": 30, "MemorySize": 512}
    client.create_function(**common, Runtime=runtime, Handler=handler, Code=code)
    client.get_waiter("function_active_v2").wait(FunctionName=name)

    def invoke(payload: Any) -> tuple[str | None, Any]:
        answer = client.invoke(FunctionName=name, Payload=json.dumps(payload))
        return answer.get("FunctionError"), json.load(answer["Payload"])

    error, answer = invoke({"text": "é"})
    assert (error, answer["event"], answer["function"]) == (None, {"text": "é"}, name), answer
    assert answer["request"]
    assert 0 < answer["remaining_ms"] <= 30_000
    error, answer = invoke({"fail": "no such order"})
    assert (error, answer["errorMessage"]) == ("Unhandled", "no such order"), answer
    assert invoke({"text": "again"})[0] is None
    eventually(lambda: _logged(endpoint, name, "handled é"), "what the function wrote")


def _logged(endpoint: str, name: str, text: str) -> bool:
    logs = look(endpoint, "logs")
    if not logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]:
        return False
    events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    return any(text in event["message"] for event in events)
