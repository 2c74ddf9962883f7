"""A running Fogbank: one data folder, one listening socket, one event loop."""

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import tarfile
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

import msgspec

from fogbank import __version__
from fogbank.core import master_key
from fogbank.core.audit import Entry
from fogbank.core.body import BodyStream, BodyTruncated
from fogbank.core.clock import Clock
from fogbank.core.cloud import DEFAULT_ACCOUNT, DEFAULT_REGION, Cloud
from fogbank.core.data_folder import write_holder
from fogbank.core.errors import AwsError
from fogbank.core.function_rules import FunctionRules
from fogbank.core.http_client import is_loopback
from fogbank.core.service import Respond
from fogbank.core.store import StoreDamaged, Sync, check_snapshot
from fogbank.services import SERVICES
from fogbank.wire.gateway import Gateway
from fogbank.wire.http import Connections
from fogbank.wire.protocols.request import RequestData, ResponseData

log = logging.getLogger("fogbank.server")

DRAIN_S = 10.0
# Most threads wait for HTTP endpoints of the user: a few that hang must not hold up the others.
THREADS_MAX = 64
# An environment has 1,024 descriptors on AWS.
CONNECTIONS_OF_A_FUNCTION_MAX = 1024
BODY_BYTES_MAX = 64 * 1024  # of a request to /_fogbank/ that is no snapshot
_STATE = ("store.lmdb", "blobs", master_key.FILE)
_CHUNK_BYTES = 1 << 20
_FREE = ("lambda/code/", "/SimpleNotificationService-")


class ServerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How to run; the defaults are those of `fogbank up`."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 4566
    sync: Sync = "disk"
    ephemeral: bool = False
    virtual_clock: bool = False
    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION
    auth: Literal["off", "iam"] = "off"
    functions: FunctionRules = FunctionRules()
    audit: Literal["management", "all"] = "management"


class ClockMove(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /_fogbank/clock."""

    advance_seconds: float = 0
    running: bool | None = None


# What of /_fogbank/ is for functions: their answers as custom resources, and what AWS has addresses for, too.
_FOR_FUNCTIONS = ("/_fogbank/cloudformation/", "/_fogbank/lambda/code/", "/_fogbank//SimpleNotificationService-")


class FunctionsDoor:
    """The server as functions have it: the cloud, and no way to change, save or reset the server itself."""

    def __init__(self, server: "Server") -> None:
        self._server = server

    def streams(self, request: RequestData) -> bool:
        return self._server.streams(request)

    def handle(self, request: RequestData, respond: Respond) -> None:
        if request.path.startswith("/_fogbank/") and not request.path.startswith(_FOR_FUNCTIONS):
            if isinstance(request.body, BodyStream):
                request.body.drop()
            respond(_json(403, {"message": "functions cannot administer the server that they run on"}))
            return
        self._server.handle(request, respond)


class Server:
    """Serves one cloud until it is told to stop."""

    def __init__(self, config: ServerConfig) -> None:
        self.config = config
        self.port = config.port
        self._clock = Clock(virtual=config.virtual_clock)
        self._endpoint = f"http://localhost:{config.port}"
        self._stopping = asyncio.Event()
        self._changing = asyncio.Lock()
        self._background: set[asyncio.Task[None]] = set()
        self._packages = {entry.model: package for package, entry in SERVICES.items()}
        self._open()

    def _open(self) -> None:
        config = self.config
        self.cloud = Cloud(
            config.data,
            services=SERVICES,
            sync="process" if config.ephemeral else config.sync,
            clock=self._clock,
            endpoint=self._endpoint,
            account=config.account,
            front_door=self,
            function_rules=config.functions,
        )
        self.cloud.audit.everything = config.audit == "all"
        self._guard = None
        if config.auth == "iam":
            from fogbank.core.root_key import install_root_key, open_root_key
            from fogbank.wire.guard import Guard

            self._guard = Guard(self.cloud, {entry.model: entry.module for entry in SERVICES.values()})
            install_root_key(self.cloud, open_root_key(config.data, os.environ))
        doors = {entry.model: entry.doors for entry in SERVICES.values() if entry.doors}
        self.gateway = Gateway(
            self.cloud, packages=self._packages, admin=self.admin, region=config.region, doors=doors, guard=self._guard
        )

    # ---- life ---------------------------------------------------------------------------------------------------

    async def run(self, *, ready: Callable[[int], None]) -> None:
        """Serve until SIGTERM or SIGINT; `ready` is called with the port once requests are answered."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="fogbank"))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        connections = Connections(self)
        self._functions_connections = Connections(FunctionsDoor(self))
        listener = await loop.create_server(
            connections.protocol, self.config.host, self.config.port, backlog=1024, reuse_address=True
        )
        self.port = port = listener.sockets[0].getsockname()[1]
        self.cloud.endpoint = self._endpoint = f"http://localhost:{port}"
        write_holder(self.config.data, port=port)
        await self.cloud.start()
        watchers = [loop.create_task(each.watch()) for each in (connections, self._functions_connections)]
        ready(port)
        await self._stopping.wait()
        listener.close()
        await connections.drain(DRAIN_S)
        for watcher in watchers:
            watcher.cancel()
        await self.cloud.stop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)  # Told to stop once more, it still ends as it was going to.

    def stop(self) -> None:
        self._stopping.set()

    async def serve(self, listener: socket.socket) -> asyncio.AbstractServer:
        """Answer requests on another listening socket: that of a function in its own network."""
        protocol = self._functions_connections.limited(CONNECTIONS_OF_A_FUNCTION_MAX)
        return await asyncio.get_running_loop().create_server(protocol, sock=listener)

    # ---- Application: the gateway may be replaced while the server runs ------------------------------------------

    def streams(self, request: RequestData) -> bool:
        return self.gateway.streams(request)

    def handle(self, request: RequestData, respond: Respond) -> None:
        self.gateway.handle(request, respond)

    # ---- /_fogbank/ ---------------------------------------------------------------------------------------------

    def admin(self, request: RequestData, respond: Respond) -> None:
        """Fogbank's own endpoints; see docs/admin.md."""
        task = asyncio.get_running_loop().create_task(self._admin(request, respond))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _admin(self, request: RequestData, respond: Respond) -> None:
        name = request.path.removeprefix("/_fogbank/").rstrip("/")
        method = "GET" if request.method == "HEAD" else request.method
        signed = method == "PUT" and name.startswith("cloudformation/")
        if "x-fogbank" not in request.headers and method != "GET" and not signed:
            # A web page that the user visits can send simple requests to loopback, but no header of its own.
            respond(_json(403, {"message": "send the header X-Fogbank: 1 with this request"}))
            return
        # These say little, or who knows their names was told them in an answer.
        free = signed or (method == "GET" and (name == "health" or name.startswith(_FREE)))
        try:
            if self._guard is not None and not free:
                self._guard.admit_root(request)
            elif not free and not self._is_meant(request):
                respond(_json(403, {"message": "reach Fogbank's own endpoints by localhost or a loopback address"}))
                return
            match (method, name):
                case ("GET", "health"):
                    respond(
                        _json(
                            200,
                            {
                                "status": "running",
                                "version": __version__,
                                "services": sorted(self._packages),
                                "auth": self.config.auth,
                            },
                        )
                    )
                case ("GET", "status"):
                    respond(_json(200, self.status()))
                case ("GET", "metrics"):
                    respond(ResponseData(200, [("content-type", "text/plain; version=0.0.4")], self._prometheus()))
                case ("GET", "audit"):
                    respond(ResponseData(200, [("content-type", "application/x-ndjson")], self._audit(request)))
                case ("POST", "clock"):
                    respond(await self._move_clock(await _body(request)))
                case ("POST", "reset"):
                    await self._rebuild(self._wipe)
                    respond(_json(200, {"status": "reset"}))
                case ("GET", "snapshot"):
                    respond(await self._save_snapshot())
                case ("PUT", "snapshot"):
                    respond(await self._load_snapshot(request))
                case ("PUT", _) if signed:
                    respond(await self._accept_callback(name, request))
                case ("GET", _) if name.startswith("lambda/code/"):
                    respond(self._code(name.removeprefix("lambda/code/")))
                case ("GET", _) if name.startswith("/SimpleNotificationService-"):
                    respond(self._certificate(name[1:]))
                case _:
                    respond(_json(404, {"message": f"there is no {request.method} /_fogbank/{name}"}))
        except AwsError as error:
            respond(_json(403, {"message": error.message}))
        except BodyTruncated:
            respond(_json(400, {"message": "the request ended before its body was complete"}))
        except (ValueError, msgspec.DecodeError, OSError) as error:
            respond(_json(400, {"message": str(error)}))
        except Exception:  # An edge: the caller always gets an answer.
            log.exception("%s %s failed", request.method, request.path)
            respond(_json(500, {"message": "Fogbank failed: its log has the reason"}))
        finally:
            if isinstance(request.body, BodyStream):
                request.body.drop()

    def _is_meant(self, request: RequestData) -> bool:
        """Whether a request to a loopback address was sent to one. A web page can have a name of its own that leads to
        this machine, and is then no stranger to what answers there; but its requests say that name.
        """
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname
        return host is None or is_loopback(host) or not is_loopback(self.config.host)

    def status(self) -> dict[str, object]:
        config = self.config
        services = self.cloud.running_services()
        return {
            "version": __version__,
            "pid": os.getpid(),
            "data": str(config.data),
            "durability": "ephemeral" if config.ephemeral else config.sync,
            "auth": config.auth,
            "compute": config.functions.compute,
            "clock": "virtual" if config.virtual_clock else "real",
            "account": config.account,
            "region": config.region,
            "store_bytes": self.cloud.store.used_bytes(),
            "pending_deliveries": self.cloud.outbox.pending(),
            "services_running": sorted(package.removesuffix("_") for package in services),
            **{name: value for service in services.values() for name, value in service.status().items()},
        }

    def _audit(self, request: RequestData) -> bytes:
        """Lines of JSON: the entries that fit the query, the oldest first."""
        asked = dict(parse_qsl(request.query))
        since_ms = int(asked.get("since_ms", "0"))
        limit = int(asked.get("limit", "1000"))
        denied = asked.get("denied") == "true"
        found = (
            (place, entry)
            for place, entry in self.cloud.audit.everywhere(since_ms=since_ms)
            if asked.get("principal", "") in entry.principal
            and entry.operation.lower().startswith(asked.get("action", "").rpartition(":")[2].lower())
            and entry.service.startswith(asked.get("action", "").rpartition(":")[0])
            and (not denied or any(not reason.allowed for reason in entry.reasons))
        )
        lines = (
            {"account": place[0], "region": place[1], "time_ms": place[2], **_named(entry)} for place, entry in found
        )
        return b"".join(json.dumps(line).encode() + b"\n" for line in deque(lines, maxlen=limit))

    def _code(self, blob: str) -> ResponseData:
        """A function's or layer's archive: where GetFunction's Code.Location points."""
        if not blob.isalnum() or not self.cloud.blobs.path(blob).is_file():
            return _json(404, {"message": "there is no such archive"})
        return ResponseData(200, [("content-type", "application/zip")], self.cloud.blobs.read(blob))

    async def _accept_callback(self, name: str, request: RequestData) -> ResponseData:
        """The answer of a custom resource or a wait condition's signal: the URL's signature is its leave."""
        cloud = self.cloud
        ctx = cloud.context(account=cloud.account, region=self.config.region)
        try:
            await ctx.run(cloud.cloudformation.accept, ctx, name, request.query, await _body(request))
        except AwsError as error:
            return _json(error.status, {"code": error.code, "message": error.message})
        return ResponseData(200, [], b"")

    def _certificate(self, file_name: str) -> ResponseData:
        """The certificate of SNS's signatures: where SigningCertURL points."""
        certificate = self.cloud.sns.publisher.signer.certificate(file_name)
        if certificate is None:
            return _json(404, {"message": "there is no such certificate"})
        return ResponseData(200, [("content-type", "application/x-pem-file")], certificate)

    async def _move_clock(self, body: bytes) -> ResponseData:
        if not self._clock.virtual:
            return _json(409, {"message": "the clock is real: start Fogbank with --virtual-clock to move it"})
        wanted = msgspec.json.decode(body or b"{}", type=ClockMove)
        if wanted.running is not None:
            (self._clock.run_on if wanted.running else self._clock.stand_still)()
        await self.cloud.store.run(self.cloud.advance_clock, int(wanted.advance_seconds * 1000))
        return _json(200, {"now_ms": self._clock.now_ms()})

    def _prometheus(self) -> bytes:
        lines = [
            "# HELP fogbank_requests_total Answered API requests.",
            "# TYPE fogbank_requests_total counter",
        ]
        for (service, operation, status), count in sorted(self.gateway.answers.items()):
            labels = f'service="{service}",operation="{operation}",status="{status}"'
            lines.append(f"fogbank_requests_total{{{labels}}} {count}")
        gauges = {
            "fogbank_commits_total": ("counter", "Committed store transactions.", self.cloud.store.commits),
            "fogbank_requests_in_progress": ("gauge", "Requests that wait.", self.gateway.in_progress),
            "fogbank_store_bytes": ("gauge", "Size of the store on disk.", self.cloud.store.used_bytes()),
            "fogbank_task_failures_total": (
                "counter",
                "Background tasks that failed.",
                self.cloud.tasks.failures,
            ),
        }
        for name, (kind, text, value) in gauges.items():
            lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}", f"{name} {value}"]
        return ("\n".join(lines) + "\n").encode()

    # ---- replacing the state ------------------------------------------------------------------------------------

    async def _rebuild(self, change: Callable[[Path], None]) -> None:
        """Stop the cloud, change its folder, open it again. Requests that wait are answered with 503."""
        async with self._changing:
            await self.cloud.stop()
            try:
                change(self.config.data)
            finally:
                self._open()
                await self.cloud.start()

    @staticmethod
    def _wipe(folder: Path) -> None:
        (folder / "store.lmdb").unlink(missing_ok=True)
        (folder / "store.lmdb-lock").unlink(missing_ok=True)
        shutil.rmtree(folder / "blobs", ignore_errors=True)
        (folder / master_key.FILE).unlink(missing_ok=True)

    async def _save_snapshot(self) -> ResponseData:
        """The state of this moment as an archive; other requests are served while it is packed and sent."""
        async with self._changing:
            return await self._pack_snapshot()

    async def _pack_snapshot(self) -> ResponseData:
        with contextlib.ExitStack() as cleanup:
            temporary = tempfile.TemporaryDirectory(dir=self.config.data)
            cleanup.callback(temporary.cleanup)
            folder = Path(temporary.name)
            self.cloud.metrics.flush()
            copy_store = self.cloud.store.copier(folder / "store.lmdb")
            await self.cloud.blobs.link_to(folder / "blobs")
            if (key := self.config.data / master_key.FILE).exists():
                os.link(key, folder / key.name)
            archive = folder / "snapshot.tar"

            def pack() -> None:
                copy_store()
                with tarfile.open(archive, "w") as tar:
                    for name in _STATE:
                        if (folder / name).exists():
                            tar.add(folder / name, name)

            await asyncio.to_thread(pack)
            cleanup.pop_all()
        headers = [("content-type", "application/x-tar"), ("content-length", str(archive.stat().st_size))]
        return ResponseData(200, headers, _contents(archive, temporary))

    async def _load_snapshot(self, request: RequestData) -> ResponseData:
        with tempfile.TemporaryDirectory(dir=self.config.data) as temporary:
            archive = Path(temporary) / "snapshot.tar"
            with archive.open("wb") as file:
                async for chunk in _chunks(request):
                    file.write(chunk)
            unpacked = Path(temporary) / "unpacked"
            try:
                with tarfile.open(archive) as tar:
                    tar.extractall(unpacked, filter="data")
                check_snapshot(unpacked)
            except (tarfile.TarError, StoreDamaged):
                raise ValueError("this file is not a Fogbank snapshot") from None

            def replace(folder: Path) -> None:
                self._wipe(folder)
                for name in _STATE:
                    if (unpacked / name).exists():
                        shutil.move(unpacked / name, folder / name)

            await self._rebuild(replace)
        return _json(200, {"status": "loaded"})


async def _contents(file: Path, folder: tempfile.TemporaryDirectory[str]) -> AsyncIterator[bytes]:
    """The file's bytes; its folder goes when they have been sent, or cannot be."""
    with folder, file.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk


def _named(entry: Entry) -> dict[str, object]:
    """An entry with its fields' names, which it is stored without."""
    told = msgspec.structs.asdict(entry)
    return told | {"reasons": [msgspec.structs.asdict(reason) for reason in entry.reasons]}


def _json(status: int, value: object) -> ResponseData:
    return ResponseData(status, [("content-type", "application/json")], json.dumps(value).encode() + b"\n")


async def _body(request: RequestData) -> bytes:
    content = b""
    async for chunk in _chunks(request):
        content += chunk
        if len(content) > BODY_BYTES_MAX:
            raise ValueError(f"the body is longer than {BODY_BYTES_MAX} bytes")
    return content


async def _chunks(request: RequestData) -> AsyncIterator[bytes]:
    if isinstance(request.body, BodyStream):
        async for chunk in request.body:
            yield chunk
    else:
        yield request.body
