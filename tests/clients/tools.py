"""The clients, each in an environment of its own that is made at first use and kept in a cache folder."""

import json
import os
import shutil
import subprocess
import venv
from pathlib import Path

CACHE = Path(os.environ.get("FOGBANK_CLIENTS_CACHE", Path.home() / ".cache" / "fogbank-clients"))
JAVASCRIPT_PACKAGES = (
    "client-sqs",
    "client-dynamodb",
    "client-s3",
    "client-sns",
    "client-lambda",
    "client-sts",
)


class Missing(Exception):
    """A program that cannot be had on this machine."""


def python_tool(name: str, requirement: str) -> Path:
    """The folder with the programs of a Python distribution."""
    folder = CACHE / name
    if not (folder / "installed").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-q", requirement], check=True)
        (folder / "installed").touch()
    return folder / "bin"


def node_packages(name: str, *packages: str) -> Path:
    """A folder with `node_modules` in it."""
    if shutil.which("npm") is None:
        raise Missing("npm is not installed")
    folder = CACHE / name
    if not (folder / "installed").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(json.dumps({"name": name, "private": True, "type": "module"}))
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", *packages], cwd=folder, check=True)
        (folder / "installed").touch()
    return folder


def environment(endpoint: str, **more: str) -> dict[str, str]:
    """As `fogbank env` exports it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_PAGER": "",
        **more,
    }


def run(command: list[str], *, env: dict[str, str], cwd: Path | None = None) -> str:
    """What the command prints; its failure is an AssertionError with all it said."""
    done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout
