"""`fogbank status`, `env`, `reset` and `snapshot`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from fogbank.cli.client import admin, credentials, endpoint
from fogbank.cli.failure import Failure

BUCKETS_SHOWN = 20


def status(options: argparse.Namespace) -> None:
    found = json.loads(admin(options, "GET", "status"))
    if options.json:
        print(json.dumps(found))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("endpoint", endpoint(options))
    for name, value in found.items():
        if name == "store_bytes":
            name, value = "store", _size(value)
        elif name == "buckets":
            value = _buckets(value)
        text = ", ".join(value) or "none yet" if isinstance(value, list) else str(value)
        table.add_row(name.replace("_", " "), text)
    Console(highlight=False).print(table)


def _buckets(rows: list[dict[str, Any]]) -> str:
    """The largest buckets, a line each."""
    shown = [f"{row['name']}  {row['objects']} objects, {_size(row['bytes'])}" for row in rows[:BUCKETS_SHOWN]]
    if len(rows) > BUCKETS_SHOWN:
        shown.append(f"and {len(rows) - BUCKETS_SHOWN} more")
    return "\n".join(shown) or "none yet"


def _size(size: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} TB"


def env(options: argparse.Namespace) -> None:
    values = {"AWS_ENDPOINT_URL": endpoint(options), **credentials()}
    if options.json:
        print(json.dumps(values))
        return
    for name, value in values.items():
        print(f"export {name}={value}")


def reset(options: argparse.Namespace) -> None:
    if not options.yes:
        if not sys.stdin.isatty():
            raise Failure("reset removes everything: say --yes to do it without being asked")
        try:
            said = input(f"Remove everything in the Fogbank at {endpoint(options)}? [y/N] ")
        except EOFError:
            said = ""
        if said.strip().lower() not in ("y", "yes"):
            raise Failure("nothing was removed")
    admin(options, "POST", "reset", b"")
    print(json.dumps({"status": "reset"}) if options.json else "All state is removed.")


def snapshot(options: argparse.Namespace) -> None:
    file = Path(options.file)
    if options.action == "save":
        data = admin(options, "GET", "snapshot")
        partial = file.with_name(file.name + ".part")
        try:
            partial.write_bytes(data)
            partial.replace(file)
        except OSError as error:
            raise Failure(f"cannot write {file}: {error.strerror}") from None
        text = f"Saved {_size(len(data))} to {file}."
    else:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise Failure(f"cannot read {file}: {error.strerror}") from None
        try:
            admin(options, "PUT", "snapshot", data)
        except Failure as failure:
            raise Failure(f"{file}: {failure}") from None
        text = f"Loaded {file}; the state is what it was when it was saved."
    print(json.dumps({"file": str(file), "bytes": len(data)}) if options.json else text)
