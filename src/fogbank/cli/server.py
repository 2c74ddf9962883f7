"""`fogbank up` and `fogbank down`."""

import argparse
import contextlib
import gc
import ipaddress
import json
import logging
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from fogbank.cli.failure import Failure
from fogbank.cli.place import DEFAULT_PORT, data_folder
from fogbank.core.data_folder import DataFolderInUse, holder, lock_data_folder

_DETACH_WAIT_S = 20.0
_STOP_WAIT_S = 20.0


def up(options: argparse.Namespace) -> None:
    """Start the server, here or detached, and say what is in force."""
    _check(options)
    if options.detach:
        _detach(options)
        return
    from fogbank.core.function_rules import FunctionRules
    from fogbank.core.root_key import RootKeyUnusable
    from fogbank.core.store import StoreDamaged
    from fogbank.server import Server, ServerConfig

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
        auth=options.auth,
        functions=FunctionRules(network=options.function_network, untrusted=options.untrusted, compute=options.compute),
        audit=options.audit,
    )
    logging.basicConfig(level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")

    # What start-up made lives as long as the process: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)

    _allow_descriptors()

    async def serve() -> None:
        await Server(config).run(ready=lambda port: _announce(options, folder, port))

    try:
        import uvloop

        with contextlib.ExitStack() as held:
            try:
                held.enter_context(lock_data_folder(folder))
            except OSError as error:
                raise Failure(f"cannot use {folder}: {error.strerror}; choose another folder with --data") from None
            if options.compute != "process":
                held.enter_context(_cluster(options.compute))
            uvloop.run(serve())
    except RootKeyUnusable as error:
        raise Failure(str(error)) from None
    except DataFolderInUse as error:
        raise Failure(f'{error}: run "{_down_command(folder)}", or choose another with --data') from None
    except StoreDamaged as error:
        raise Failure(f"{error}; choose another folder with --data, or load a snapshot into a new one") from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise Failure(
            f"cannot listen on {_address(options.host, options.port)}: {reason}; choose another --port"
        ) from None
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def _cluster(address: str) -> Iterator[None]:
    """The connection to the cluster that functions run on."""
    from fogbank.engines.compute.ray.cluster import ClusterUnavailable, connect, disconnect

    try:
        connect(address)
    except ClusterUnavailable as error:
        raise Failure(f"--compute {address}: {error}") from None
    try:
        yield
    finally:
        disconnect()


def _check(options: argparse.Namespace) -> None:
    if not 0 <= options.port <= 65535:
        raise Failure(f"--port {options.port}: a port is a number from 0 to 65535")
    if not re.fullmatch(r"[a-z]{2,4}(-[a-z]+)+-[0-9]+", options.region):
        raise Failure(f"--region {options.region}: a region has a name such as us-east-1")
    if not re.fullmatch(r"[0-9]{12}", options.account):
        raise Failure(f"--account {options.account}: an account id has 12 digits")
    if not re.fullmatch(r"process|ray|ray://[^/:@]+(:[0-9]{1,5})?", options.compute):
        raise Failure(f"--compute {options.compute}: functions run in process, on ray, or on ray://HOST:PORT")
    beyond = not _is_loopback(options.host)
    if beyond and options.auth == "off" and not options.insecure:
        raise Failure(
            f"--host {options.host} would let other machines in without authentication: say --insecure if you mean it"
        )
    if options.auth is None:
        options.auth = "iam" if beyond and not options.insecure else "off"
    if options.ephemeral and options.data:
        raise Failure("--ephemeral keeps nothing in --data: leave one of them out")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _allow_descriptors() -> None:
    """A download takes two, a function's process a few: the usual soft limit of 1,024 would soon be reached."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError, OSError):  # Where the hard limit is more than the system can give.
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _announce(options: argparse.Namespace, folder: Path, port: int) -> None:
    durability = {
        "disk": "disk (every answer is flushed to disk first)",
        "process": "process (survives kill -9, not a power cut)",
    }[options.sync]
    if options.ephemeral:
        durability = "ephemeral (gone when Fogbank stops)"
    url = f"http://{_address(options.host, port)}"
    if options.json:
        print(
            json.dumps(
                {
                    "endpoint": url,
                    "data": str(folder),
                    "sync": options.sync,
                    "pid": os.getpid(),
                    "auth": options.auth,
                    "compute": options.compute,
                    "functions": {
                        "network": options.function_network,
                        "untrusted": options.untrusted,
                        "lacks": _lacks(options),
                    },
                }
            ),
            flush=True,
        )
        return
    print(f"Fogbank is ready at {url}")
    print(f"  data        {folder}")
    print(f"  durability  {durability}")
    if options.auth == "iam":
        from fogbank.core.root_key import FILE

        print("  auth        iam (signatures are verified and policies enforced)")
        print(f"  root keys   {folder / FILE} (yours alone to read)")
    else:
        print("  auth        off (any credentials are accepted; a 12-digit access key is the account)")
    _tell_of_functions(options)
    if options.virtual_clock:
        print("  clock       virtual (POST /_fogbank/clock moves it)")
    if not _is_loopback(options.host) and options.auth == "off":
        print("  WARNING     other machines can reach this server, and nothing is authenticated")
    if options.auth == "iam" and options.ephemeral:
        print(f"  next        export AWS_ENDPOINT_URL={url} AWS_SHARED_CREDENTIALS_FILE={folder / FILE}", flush=True)
        return
    own = port == DEFAULT_PORT or (folder == data_folder(None))
    env = "fogbank env" if own else f"fogbank env --endpoint http://localhost:{port}"
    print(f"  next        eval $({env}), then use the AWS CLI or boto3 as usual", flush=True)


def _lacks(options: argparse.Namespace) -> list[str]:
    """What this machine has not got of sandboxes; a node of a cluster tells it when it is first used."""
    from fogbank.engines.compute.machine import lacks

    return lacks() if options.compute == "process" else []


def _tell_of_functions(options: argparse.Namespace) -> None:
    here = options.compute == "process"
    whose = "this machine's" if here else "their node's"
    reach = {"none": "no network", "cloud": "this server as their network", "full": f"{whose} network"}
    missing = _lacks(options)
    if options.untrusted == "strict" and options.auth == "off":
        print("  WARNING     functions are not trusted, and may use any credentials: say --auth iam")
    if not missing:
        place = "" if here else f" on the nodes of {options.compute}"
        print(f"  functions   in sandboxes{place}, with {reach[options.function_network]}")
        return
    for line in missing:
        print(f"  functions   {line}")
    who = "no function runs" if options.untrusted == "strict" else "functions tagged fogbank:untrusted do not run"
    print(f"              so {who} (see docs/security.md)")


def _detach(options: argparse.Namespace) -> None:
    arguments = [argument for argument in sys.argv[1:] if argument not in ("-d", "--detach")]
    log = _log_file(options)
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
                print(f"  log         {log}\n  stop        {_stop_command(options, process.pid)}")
            return
        time.sleep(0.02)
    raise Failure(f"the server did not get ready in {_DETACH_WAIT_S:.0f} s: see {log}")


def _log_file(options: argparse.Namespace) -> Path:
    if options.ephemeral:
        handle, name = tempfile.mkstemp(prefix="fogbank-", suffix=".log")
        os.close(handle)
        return Path(name)
    folder = data_folder(options.data)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"cannot use {folder}: {error.strerror}; choose another folder with --data") from None
    return folder / "fogbank.log"


def _stop_command(options: argparse.Namespace, pid: int) -> str:
    if options.ephemeral:
        return f"kill {pid}"
    return _down_command(data_folder(options.data))


def _down_command(folder: Path) -> str:
    return "fogbank down" if folder == data_folder(None) else f"fogbank down --data {shlex.quote(str(folder))}"


def down(options: argparse.Namespace) -> None:
    """Stop the server of a data folder and wait until it is gone."""
    folder = data_folder(options.data)
    found = holder(folder)
    if found is None:
        raise Failure(f"no Fogbank runs on {folder}: choose its data folder with --data")
    if not found.pid:
        raise Failure(f"a Fogbank is just starting on {folder}: try again")
    os.kill(found.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_WAIT_S
    while holder(folder) is not None:
        if time.monotonic() > deadline:
            raise Failure(f"process {found.pid} did not stop in {_STOP_WAIT_S:.0f} s: see {folder / 'fogbank.log'}")
        time.sleep(0.02)
    print(json.dumps({"stopped": found.pid}) if options.json else f"Fogbank (process {found.pid}) has stopped.")
