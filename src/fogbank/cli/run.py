"""`fogbank run`: a solution deployed from its template, driven, and reported."""

import argparse
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fogbank
from fogbank.cli.client import credentials, endpoint
from fogbank.cli.deploy import deploy_stack
from fogbank.cli.failure import Failure

_BROKEN = 1  # a driver's exit code when a promise was not kept


def solutions_folder() -> Path:
    """Where the solutions are: in the installed package, or in the checkout beside it."""
    package = Path(fogbank.__file__).parent
    for folder in (package / "_solutions", package.parent.parent / "solutions"):
        if folder.is_dir():
            return folder
    raise Failure("this installation has no solutions: install Fogbank from its repository")


def run(options: argparse.Namespace) -> None:
    folder = solutions_folder()
    names = sorted(path.parent.name for path in folder.glob("*/template.yaml"))
    if options.name is None:
        print(json.dumps(names) if options.json else "\n".join(names))
        return
    if options.name not in names:
        raise Failure(f"there is no solution {options.name}: choose one of {', '.join(names)}")
    with _own_server(options) if options.ephemeral else contextlib.nullcontext():
        deploy_stack(options, folder / options.name / "template.yaml", options.name, {})
        arguments = ["--stack", options.name, *(["--json"] if options.json else []), *options.arguments]
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": endpoint(options),
            **credentials(),
            # What solutions share lies beside them.
            "PYTHONPATH": os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH")))),
        }
        driver = subprocess.run(
            [sys.executable, str(folder / options.name / "drive.py"), *arguments], env=environment, check=False
        )
    if driver.returncode == _BROKEN:
        raise Failure(f"{options.name} did not keep its promises: see its report above")
    if driver.returncode != 0:
        raise Failure(f"the driver of {options.name} ended with exit code {driver.returncode}: its reason is above")


@contextlib.contextmanager
def _own_server(options: argparse.Namespace) -> Iterator[None]:
    """A temporary Fogbank on a free port, for this run alone. Its clock can be moved, for the drivers that do so."""
    arguments = ["--ephemeral", "--virtual-clock", "--port", "0", "--json", "--log-level", "warning"]
    server = subprocess.Popen([sys.executable, "-m", "fogbank", "up", *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        if not line:
            raise Failure("the temporary Fogbank did not start: its reason is above")
        options.endpoint = json.loads(line)["endpoint"]
        print(f"A temporary Fogbank runs at {options.endpoint}", file=sys.stderr)
        yield
    finally:
        server.terminate()
        server.communicate(timeout=60)
