"""The clients, each in an environment of its own that is made at first use and kept in a cache folder."""

import hashlib
import json
import os
import shutil
import subprocess
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("FOGBANK_CLIENTS_CACHE", Path.home() / ".cache" / "fogbank-clients"))
PATIENCE_S = 30.0


class Missing(Exception):
    """A program that cannot be had on this machine."""


def python_tool(name: str, *requirements: str) -> Path:
    """The folder with the programs of an environment that has these distributions."""

    def install(folder: Path) -> None:
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-q", *requirements], check=True)

    return installed(name, requirements, install) / "bin"


def python_version(programs: Path, distribution: str) -> str:
    """The installed version of a distribution."""
    code = f"from importlib.metadata import version; print(version('{distribution}'))"
    return run([str(programs / "python"), "-c", code], env=dict(os.environ)).strip()


def node_packages(name: str, *packages: str) -> Path:
    """A folder with `node_modules` in it."""
    if shutil.which("npm") is None:
        raise Missing("npm is not installed")

    def install(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(json.dumps({"name": name, "private": True, "type": "module"}))
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", *packages], cwd=folder, check=True)

    return installed(name, packages, install)


def node_version(folder: Path, package: str) -> str:
    version: str = json.loads((folder / "node_modules" / package / "package.json").read_text())["version"]
    return version


def installed(name: str, wanted: tuple[str, ...], install: Callable[[Path], None]) -> Path:
    """A folder in the cache; another list of packages gets a folder of its own."""
    folder = CACHE / f"{name}-{hashlib.sha256(' '.join(wanted).encode()).hexdigest()[:8]}"
    if not (folder / "installed").exists():
        install(folder)
        (folder / "installed").touch()
    return folder


def environment(endpoint: str, **more: str) -> dict[str, str]:
    """As `fogbank env` exports it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHONPATH"))}
    return kept | {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_PAGER": "",
        **more,
    }


def run(command: list[str], *, env: dict[str, str], cwd: Path | None = None, given: str = "") -> str:
    """What the command prints when this is given to it; its failure is an AssertionError with all it said."""
    done = subprocess.run(
        command, env=env, cwd=cwd, input=given, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def look(endpoint: str, service: str) -> Any:
    """A boto3 client that looks at what the client under test did."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def eventually(read: Callable[[], Any], what: str, *, patience_s: float = PATIENCE_S) -> Any:
    """The first true answer of `read`; the clients' machinery works in the background."""
    deadline = time.monotonic() + patience_s
    while not (found := read()):
        assert time.monotonic() < deadline, f"not within {patience_s:.0f} s: {what}"
        time.sleep(0.1)
    return found
