"""`fogbank run`: a solution deployed from its template, driven, and reported."""

import argparse
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import fogbank
from fogbank.cli.client import credentials, endpoint
from fogbank.cli.deploy import deploy_stack
from fogbank.cli.failure import Failure
from fogbank.cli.package import load_template
from fogbank.cli.temporary import given, temporary_server

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
    template = folder / options.name / "template.yaml"
    if not options.ephemeral and (said := given(options)):
        names_said = " and ".join(f"--{name.replace('_', '-')}" for name in said)
        raise Failure(f"{names_said}: only for a temporary server (--ephemeral); start your own with it")
    with temporary_server(options, auth=_auth(template)) if options.ephemeral else contextlib.nullcontext():
        deploy_stack(options, template, options.name, {})
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


def _auth(template: Path) -> str:
    """Whether a solution is meant to run with policies enforced: `Metadata: {Fogbank: {Auth: iam}}` says so."""
    auth = load_template(template).get("Metadata", {}).get("Fogbank", {}).get("Auth", "off")
    return str(auth)
