"""The cloud: one store, one clock, and every service, imported when first used."""

import importlib
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from fogbank.core import expired_keys
from fogbank.core.api import ApiDirectory, NoModels
from fogbank.core.audit import Audit
from fogbank.core.blobs import Blobs
from fogbank.core.clock import Clock
from fogbank.core.context import Context
from fogbank.core.front_door import FrontDoor
from fogbank.core.function_rules import FunctionRules
from fogbank.core.garbage import Garbage
from fogbank.core.ids import new_id
from fogbank.core.last_used import LastUsed
from fogbank.core.master_key import MasterKey
from fogbank.core.metrics import Metrics
from fogbank.core.outbox import Outbox
from fogbank.core.resource import ResourceType
from fogbank.core.sequence import Sequence
from fogbank.core.service import Service
from fogbank.core.store import Record, Store, Sync
from fogbank.core.tasks import Tasks

if TYPE_CHECKING:
    from fogbank.core.authorizer import Authorizer

DEFAULT_ACCOUNT = "000000000000"
DEFAULT_REGION = "us-east-1"


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """A way into a service beside its API: requests to hosts or paths of its own.

    The request's `resource` becomes what the pattern's groups hold: of a host with its path behind them, of a path
    joined by slashes. What is signed for another service than `signed_as` passes by a door of paths.
    """

    operation: str
    """What handles such requests, named as operations are; it takes `request` and gives a `ResponseData`."""
    mark: str
    """What every such host or path contains: a look for it is all that other requests cost."""
    host: str = ""
    path: str = ""
    signed_as: str = ""
    protocol: Literal["bare", "plain"] = "bare"
    """`plain` if the handler takes a `Codec`, too."""


class ServiceEntry(msgspec.Struct, frozen=True):
    """Where a service lives: its module, and the CloudFormation namespaces it declares types for."""

    module: str
    cloudformation: tuple[str, ...] = ()
    model: str = ""
    """The name of the service in botocore's data."""
    doors: tuple[Door, ...] = ()


class UsedService(Record):
    """A service that was used in this data folder: it is started with the server."""


class Moved(Record):
    """How far a virtual clock was moved in all."""

    offset_ms: int


class AccessKey(Record):
    """Whom an issued access key belongs to."""

    account: str
    principal_arn: str
    user_id: str
    expires_ms: int = 0
    secret: str = ""
    session_token: str = ""
    tags: dict[str, str] = {}
    """The session's tags; those in `transitive` pass on to the roles that the session assumes."""
    transitive: list[str] = []
    active: bool = True
    issued_ms: int = 0
    """Since when temporary credentials are."""
    issuer_arn: str = ""
    """Whose permissions a session has, where the session itself is called otherwise."""
    session_policies: list[str] | None = None
    """The documents of the session's own policies; None, as below, if it was made without."""
    session_policy_arns: list[str] | None = None
    mfa: bool = False
    source_identity: str = ""
    issuer_id: str = ""
    """The unique id of the user whose `issuer_arn` that is: another one of that name is somebody else."""


class Cloud:
    """Everything of one data folder. Services are attributes by package name: `cloud.sqs`, `cloud.lambda_`."""

    def __init__(
        self,
        folder: Path,
        *,
        services: Mapping[str, ServiceEntry],
        sync: Sync = "disk",
        clock: Clock | None = None,
        endpoint: str = "http://localhost:4566",
        account: str = DEFAULT_ACCOUNT,
        front_door: FrontDoor | None = None,
        function_rules: FunctionRules | None = None,
    ) -> None:
        self.folder = folder
        self.front_door = front_door
        self.function_rules = function_rules or FunctionRules()
        self.endpoint = endpoint
        self.account = account
        self.clock = clock or Clock()
        self.store = Store(folder, sync=sync)
        self._moved = self.store.table("core.clock", key=(str,), value=Moved)
        moved = self._moved.get(("offset",))
        self.clock.go_on_from(moved.offset_ms if moved is not None else 0)
        self.tasks = Tasks()
        self.master_key = MasterKey(folder)
        self.blobs = Blobs(folder / "blobs", self.store, sync=sync)
        self.sequence = Sequence(self)
        self.metrics = Metrics(self)
        self.audit = Audit(self)
        self.last_used = LastUsed(self)
        self.outbox = Outbox(self)
        self.garbage = Garbage(self.store, self.tasks)
        self.apis: ApiDirectory = NoModels()
        """Operations by the names of AWS's SDKs; set by the wire."""
        self.authorizer: Authorizer | None = None
        """Asks policies; set by the wire with `--auth iam`, else nothing is asked."""
        self._registry = services
        self._services: dict[str, Service] = {}
        self._used = self.store.table("core.used_services", key=(str,), value=UsedService)
        self.access_keys = self.store.table("core.access_keys", key=(str,), value=AccessKey)

    # ---- services -----------------------------------------------------------------------------------------------

    def service(self, package: str) -> Service:
        """The service of that package name, imported and started at first use. KeyError if there is none."""
        found = self._services.get(package)
        return found if found is not None else self._load(package)

    def has(self, package: str) -> bool:
        return package in self._registry

    def __getattr__(self, package: str) -> Any:
        if package.startswith("_") or package not in self._registry:
            raise AttributeError(f"the cloud has no service {package!r}")
        return self.service(package)

    def every_service(self) -> Iterator[Service]:
        """All services that there are, imported if need be."""
        return (self.service(package) for package in self._registry)

    def running_services(self) -> Mapping[str, Service]:
        return self._services

    def _load(self, package: str) -> Service:
        module = importlib.import_module(self._registry[package].module)
        (service_class,) = (getattr(module, name) for name in module.__all__)
        service: Service = service_class(self)
        self._services[package] = service
        if type(service).start is not Service.start:
            if self._used.get((package,)) is None:
                with self.store.transaction():
                    self._used.put((package,), UsedService())
            self.tasks.spawn(f"start {package}", service.start())
        return service

    def resource_type(self, type_name: str) -> ResourceType | None:
        """The handler of a CloudFormation type; None if Fogbank has none."""
        namespace = type_name.rpartition("::")[0]
        for entry in self._registry.values():
            if namespace in entry.cloudformation:
                for resource in importlib.import_module(f"{entry.module}.resources").RESOURCES:
                    if resource.type_name == type_name:
                        handler: ResourceType = resource()
                        return handler
        return None

    # ---- life ---------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Sweep what a crash left, wake the services with background work, go on with pending deliveries."""
        self.tasks.spawn("sweep blobs", self.blobs.sweep())
        self.tasks.spawn("sweep access keys", expired_keys.sweep(self))
        self.tasks.spawn("sweep audit", self.audit.sweep())
        for (package,), _ in list(self._used.scan()):
            if package in self._registry:
                self.service(package)
        self.outbox.start()
        self.garbage.start()

    async def stop(self) -> None:
        for service in tuple(self._services.values()):
            await service.stop()
        await self.tasks.stop()
        self.audit.flush()
        self.last_used.flush()
        self.metrics.flush()
        await self.tasks.stop()  # That flush may have been the first use of cloudwatch, which starts it.
        self.clock.cancel_timers()
        self.store.flush()
        self.blobs.close()
        self.store.close()

    def advance_clock(self, ms: int) -> None:
        """Move the virtual clock forward, in the current transaction: after a restart it goes on from there."""
        self.clock.advance(ms)
        if ms:
            self._moved.put(("offset",), Moved(self.clock.offset_ms))

    # ---- who and where ------------------------------------------------------------------------------------------

    def context(
        self, *, account: str, region: str, endpoint: str | None = None, access_key: str | None = None
    ) -> Context:
        """A context for background work."""
        return Context(
            self,
            account=account,
            region=region,
            now_ms=self.clock.now_ms(),
            request_id=new_id(),
            endpoint=endpoint or self.endpoint,
            access_key=access_key,
        )

    def account_of(self, access_key: str | None) -> str:
        """A 12-digit access key is the account; an issued one belongs to its account; any other is the default's."""
        if access_key is None:
            return self.account
        if len(access_key) == 12 and access_key.isdigit():
            return access_key
        if not access_key.startswith(("AKIA", "ASIA")):
            return self.account
        issued = self.access_keys.peek((access_key,))
        return issued.account if issued is not None else self.account

    def issue_access_key(self, prefix: str, key: AccessKey) -> str:
        """Store a new access key (`ASIA…` temporary, `AKIA…` lasting) in the current transaction; its id."""
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
        access_key = prefix + "".join(secrets.choice(alphabet) for _ in range(16))
        self.access_keys.put((access_key,), key)
        return access_key
