"""`fogbank status`, `env`, `reset` and `snapshot`."""

import argparse
import json
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

from fogbank.cli.client import admin, admin_stream, credentials, endpoint
from fogbank.cli.failure import Failure
from fogbank.cli.place import data_folder
from fogbank.core.private_files import create_private

BUCKETS_SHOWN = 20
_CHUNK_BYTES = 1 << 20


def status(options: argparse.Namespace) -> None:
    found = json.loads(admin(options, "GET", "status"))
    if options.json:
        print(json.dumps(found))
        return
    rows = {"endpoint": [endpoint(options)]}
    for name, value in found.items():
        match name:
            case "store_bytes":
                rows["store"] = [_size(value)]
            case "buckets":
                rows[name] = _buckets(value)
            case _:
                text = ", ".join(value) if isinstance(value, list) else str(value)
                rows[name.replace("_", " ")] = [text or "none yet"]
    width = max(map(len, rows))
    for name, lines in rows.items():
        for line in lines:
            print(f"{name:<{width}}  {line}")
            name = ""


def _buckets(rows: list[dict[str, Any]]) -> list[str]:
    """The largest buckets, a line each."""
    shown = [f"{row['name']}  {row['objects']} objects, {_size(row['bytes'])}" for row in rows[:BUCKETS_SHOWN]]
    if len(rows) > BUCKETS_SHOWN:
        shown.append(f"and {len(rows) - BUCKETS_SHOWN} more")
    return shown or ["none yet"]


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


def show_credentials(options: argparse.Namespace) -> None:
    """`fogbank credentials`: where the root's key lies, and how to use it."""
    from fogbank.core.root_key import FILE, read_root_key

    folder = data_folder(options.data)
    key = read_root_key(folder)
    if key is None:
        raise Failure(f'{folder} has no root key that you may read: "fogbank up --auth iam" makes one')
    if options.json:
        print(json.dumps({"file": str(folder / FILE), "AccessKeyId": key.access_key, "SecretAccessKey": key.secret}))
        return
    print(f"the root of the default account: AWS tools read {folder / FILE} as it is", file=sys.stderr)
    print(f"export AWS_SHARED_CREDENTIALS_FILE={shlex.quote(str(folder / FILE))}")


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
        size = _save(options, file)
        text = f"Saved {_size(size)} to {file}."
    else:
        size = _load(options, file)
        text = f"Loaded {file}; the state is what it was when it was saved."
    print(json.dumps({"file": str(file), "bytes": size}) if options.json else text)


def _save(options: argparse.Namespace, file: Path) -> int:
    partial = file.with_name(file.name + ".part")
    try:
        try:
            with create_private(partial) as out, admin_stream(options, "GET", "snapshot") as answer:
                shutil.copyfileobj(answer, out, _CHUNK_BYTES)
                size = out.tell()
                if size != int(answer.headers["Content-Length"]):
                    raise Failure("the connection ended before the snapshot was complete: try again")
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise Failure(f"cannot write {file}: {error.strerror}") from None
    return size


def _load(options: argparse.Namespace, file: Path) -> int:
    try:
        source = file.open("rb")
    except OSError as error:
        raise Failure(f"cannot read {file}: {error.strerror}") from None
    with source:
        try:
            with admin_stream(options, "PUT", "snapshot", source) as answer:
                answer.read()
        except Failure as failure:
            raise Failure(f"{file}: {failure}") from None
        return source.tell()
