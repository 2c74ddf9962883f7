"""`fogbank up` and `fogbank down`."""

import argparse
import gc
import ipaddress
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fogbank.cli.failure import Failure

_DETACH_WAIT_S = 20.0
_STOP_WAIT_S = 20.0


def data_folder(given: str | None) -> Path:
    """The data folder: the option's, $FOGBANK_DATA, or ~/.fogbank."""
    return Path(given or os.environ.get("FOGBANK_DATA") or Path.home() / ".fogbank").expanduser().resolve()


def up(options: argparse.Namespace) -> None:
    """Start the server, here or detached, and say what is in force."""
    _check(options)
    if options.detach:
        _detach(options)
        return
    from fogbank.server import DataFolderInUse, Server, ServerConfig, lock_data_folder

    temporary = Path(tempfile.mkdtemp(prefix="fogbank-")) if options.ephemeral else None
    folder = temporary or data_folder(options.data)
    config = ServerConfig(
        data=folder,
        host=options.host,
        port=options.port,
        sync=options.sync,
        ephemeral=options.ephemeral,
        virtual_clock=options.virtual_clock,
        account=options.account,
        region=options.region,
    )
    logging.basicConfig(level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")

    # What start-up made lives as long as the process: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)

    async def serve() -> None:
        await Server(config).run(ready=lambda port: _announce(options, folder, port))

    try:
        import uvloop

        with lock_data_folder(folder):
            uvloop.run(serve())
    except DataFolderInUse as error:
        raise Failure(str(error)) from None
    except OSError as error:
        raise Failure(
            f"cannot listen on {options.host}:{options.port} or use {folder}: {error.strerror or error}; "
            "choose another with --port or --data"
        ) from None
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _check(options: argparse.Namespace) -> None:
    if options.auth == "iam":
        raise Failure("--auth iam is not implemented yet: leave it out, any credentials are accepted")
    if len(options.account) != 12 or not options.account.isdecimal():
        raise Failure(f"--account {options.account}: an account id has 12 digits")
    if not _is_loopback(options.host) and not options.insecure:
        raise Failure(
            f"--host {options.host} would let other machines in without authentication: say --insecure if you mean it"
        )
    if options.ephemeral and options.data:
        raise Failure("--ephemeral keeps nothing in --data: leave one of them out")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _announce(options: argparse.Namespace, folder: Path, port: int) -> None:
    durability = {
        "disk": "disk (every answer is flushed to disk first)",
        "process": "process (survives kill -9, not a power cut)",
    }[options.sync]
    if options.ephemeral:
        durability = "ephemeral (gone when Fogbank stops)"
    url = f"http://{options.host}:{port}"
    if options.json:
        print(
            json.dumps({"endpoint": url, "data": str(folder), "sync": options.sync, "pid": os.getpid()}),
            flush=True,
        )
        return
    print(f"Fogbank is ready at {url}")
    print(f"  data        {folder}")
    print(f"  durability  {durability}")
    print("  auth        off (any credentials are accepted; a 12-digit access key is the account)")
    if options.virtual_clock:
        print("  clock       virtual (POST /_fogbank/clock moves it)")
    if not _is_loopback(options.host):
        print("  WARNING     other machines can reach this server, and nothing is authenticated")
    print("  next        eval $(fogbank env), then use the AWS CLI or boto3 as usual", flush=True)


def _detach(options: argparse.Namespace) -> None:
    arguments = [argument for argument in sys.argv[1:] if argument not in ("-d", "--detach")]
    folder = data_folder(options.data)
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "fogbank.log"
    with log.open("ab") as output:
        start = output.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "fogbank", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + _DETACH_WAIT_S
    marker = '"endpoint"' if options.json else "next  "
    while time.monotonic() < deadline:
        said = log.read_bytes()[start:].decode(errors="replace")
        if process.poll() is not None:
            lines = said.strip().splitlines() or ["it ended without a word"]
            raise Failure(lines[-1].removeprefix("fogbank: "))
        if marker in said:
            print(said.strip())
            if not options.json:
                print(f"  log         {log}")
            return
        time.sleep(0.02)
    raise Failure(f"the server did not get ready in {_DETACH_WAIT_S:.0f} s: see {log}")


def down(options: argparse.Namespace) -> None:
    """Stop the server of a data folder and wait until it is gone."""
    folder = data_folder(options.data)
    try:
        pid = int((folder / "lock").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        raise Failure(f"no Fogbank runs on {folder}: choose its data folder with --data") from None
    if not _holds_lock(folder):
        raise Failure(f"no Fogbank runs on {folder}: choose its data folder with --data")
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_WAIT_S
    while _holds_lock(folder):
        if time.monotonic() > deadline:
            raise Failure(f"process {pid} did not stop in {_STOP_WAIT_S:.0f} s: look at {folder / 'fogbank.log'}")
        time.sleep(0.02)
    print(json.dumps({"stopped": pid}) if options.json else f"Fogbank (process {pid}) has stopped.")


def _holds_lock(folder: Path) -> bool:
    from fogbank.server import DataFolderInUse, lock_data_folder

    try:
        with lock_data_folder(folder):
            return False
    except DataFolderInUse:
        return True
