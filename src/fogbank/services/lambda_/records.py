"""What Lambda stores.

A function's version 0 is `$LATEST`; published versions count from 1 and never change. A code blob may be
shared by
versions of one function and is released with the last of them.
"""

from typing import Any

import msgspec

from fogbank.core.sources.stream_reader import Checkpoint
from fogbank.core.store import Record, Store


class Function(Record):
    """What belongs to a function whatever the version."""

    created_ms: int
    next_version: int = 1
    tags: dict[str, str] = {}
    reserved: int | None = None
    recursive_loop: str = "Terminate"
    code_signing_arn: str = ""


class Configuration(Record):
    """One version of a function."""

    name: str
    version: int
    runtime: str
    role: str
    handler: str
    blob: str
    code_size: int
    code_sha256: str
    description: str
    timeout_s: int
    memory_mb: int
    environment: dict[str, str] | None
    modified_ms: int
    revision: str
    layers: list[str] = []
    architectures: list[str] = msgspec.field(default_factory=lambda: ["x86_64"])
    ephemeral_mb: int = 512
    tracing: str = "PassThrough"
    dead_letter_arn: str = ""
    logging: dict[str, str] = {}
    build: str = ""
    """Changes with code and settings: environments of another build are not used again. Revisions change more often."""
    latest_description: str = ""
    """Of a published version: the description that `$LATEST` had; the version may have been given another."""
    settles_ms: int = 0
    """Until then a change shows as under way, with a revision of its own."""
    interim_revision: str = ""
    unzipped_bytes: int = 0
    kms_key_arn: str = ""
    sealed_environment: bytes = b""
    """The variables, encrypted; `environment` is None then."""
    snap_start: bool = False

    @property
    def label(self) -> str:
        return str(self.version) if self.version else "$LATEST"


class Alias(Record):
    name: str
    version: str
    description: str
    revision: str
    weights: dict[str, float] = {}


class Policy(Record):
    """A resource policy, statements as in the JSON document."""

    statements: list[dict[str, Any]]
    revision: str


class Provisioned(Record):
    """The provisioned concurrency that a version or an alias is to have."""

    requested: int
    modified_ms: int
    moving_from: str = ""
    """Of an alias: the version whose environments serve it until those of its version are there."""


class Snapshot(Record):
    """Of a published version with SnapStart: `Pending`, `Active` or `Failed`, and why it failed."""

    state: str
    failure: str = ""


class InvokeConfig(Record):
    """How asynchronous invocations of a function, version or alias are handled."""

    modified_ms: int
    retries_max: int | None = None
    age_max_s: int | None = None
    destinations: dict[str, Any] = {}


class FunctionUrl(Record):
    """An HTTP address of a function or an alias; `cors` as the API has it."""

    url_id: str
    auth_type: str
    created_ms: int
    modified_ms: int
    invoke_mode: str = ""
    """Empty until it is said: `BUFFERED`."""
    cors: dict[str, Any] | None = None


class UrlOwner(Record):
    """Whose a URL's id is."""

    account: str
    region: str
    function: str
    alias: str


class CodeSigning(Record):
    """A code signing configuration."""

    config_id: str
    publishers: list[str]
    modified_ms: int
    untrusted: str = "Warn"
    description: str = ""
    tags: dict[str, str] = {}


class RuntimeManagement(Record):
    """When a version's runtime is to be updated."""

    mode: str
    runtime_arn: str = ""


class Layer(Record):
    description: str
    blob: str
    code_size: int
    code_sha256: str
    created_ms: int
    runtimes: list[str] | None = None
    architectures: list[str] | None = None
    license: str = ""
    policy: list[dict[str, Any]] = []
    policy_revision: str = ""
    unzipped_bytes: int = 0
    deleted: bool = False
    """It is no longer there but for the functions that have it."""


class LayerCounter(Record):
    """The last version number of a layer: numbers are not used again."""

    last: int


class Mapping(Record):
    """An event source mapping; `state` is `Enabled` or `Disabled`."""

    uuid: str
    source_arn: str
    function_name: str
    qualifier: str
    state: str
    batch_size: int
    created_ms: int
    modified_ms: int
    window_s: int = 0
    filters: list[str] = []
    concurrency_max: int | None = None
    response_types: list[str] = []
    starting_position: str = ""
    starting_ms: int = 0
    retries_max: int = -1
    age_max_s: int = -1
    bisect: bool = False
    parallelization: int = 1
    on_failure: str = ""
    last_result: str = ""
    tags: dict[str, str] = {}
    tumbling_s: int = 0
    metrics: list[str] = []


class Window(Record):
    """The last tumbling window of a lane of a shard, and what its records have come to so far.

    `sequence` is the last record that is in `state`: after a crash it is not added again, also if the window has ended.
    """

    start_ms: int
    end_ms: int
    state: bytes = b"{}"
    sequence: str = ""
    ended: bool = False


class Tables:
    """Lambda's tables. Keys begin with account and region."""

    def __init__(self, store: Store) -> None:
        self.functions = store.table("lambda.functions", key=(str, str, str), value=Function)
        self.configurations = store.table("lambda.configurations", key=(str, str, str, int), value=Configuration)
        self.aliases = store.table("lambda.aliases", key=(str, str, str, str), value=Alias)
        self.policies = store.table("lambda.policies", key=(str, str, str, str), value=Policy)
        self.provisioned = store.table("lambda.provisioned", key=(str, str, str, str), value=Provisioned)
        self.snapshots = store.table("lambda.snapshots", key=(str, str, str, int), value=Snapshot)
        self.invoke_configs = store.table("lambda.invoke_configs", key=(str, str, str, str), value=InvokeConfig)
        self.urls = store.table("lambda.urls", key=(str, str, str, str), value=FunctionUrl)
        self.url_owners = store.table("lambda.url_owners", key=(str,), value=UrlOwner)
        self.code_signing = store.table("lambda.code_signing", key=(str, str, str), value=CodeSigning)
        self.runtime_management = store.table(
            "lambda.runtime_management", key=(str, str, str, int), value=RuntimeManagement
        )
        self.layers = store.table("lambda.layers", key=(str, str, str, int), value=Layer)
        self.layer_counters = store.table("lambda.layer_counters", key=(str, str, str), value=LayerCounter)
        self.mappings = store.table("lambda.mappings", key=(str, str, str), value=Mapping)
        self.windows = store.table("lambda.windows", key=(str, str, int), value=Window)
        self.checkpoints = store.table("lambda.checkpoints", key=(str, str), value=Checkpoint)
