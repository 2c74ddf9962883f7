"""What CloudFormation stores.

A stack's key is its id; `names` maps the name of every stack that is not deleted to its id. Resources are keyed by
stack and logical id; a resource record exists from the moment its creation begins. While an update is under way,
`formers` holds the stack as it was, which is what a rollback returns to, and `replaced` the resources that the update
replaced: an update deletes them at its end, a rollback takes them back.
"""

from typing import Any

from fogbank.core.cloud import AccessKey
from fogbank.core.store import Record, Store

STACK_TYPE = "AWS::CloudFormation::Stack"


class Stack(Record):
    id: str
    name: str
    account: str
    region: str
    created_ms: int
    status: str
    original: str = ""
    template: dict[str, Any] = {}
    parameters: dict[str, str] = {}
    resolved: dict[str, Any] = {}
    tags: dict[str, str] = {}
    capabilities: list[str] = []
    outputs: list[dict[str, Any]] = []
    reason: str = ""
    updated_ms: int = 0
    deleted_ms: int = 0
    on_failure: str = "ROLLBACK"
    protected: bool = False
    role_arn: str = ""
    notification_arns: list[str] = []
    policy: str = ""
    rollback_configuration: dict[str, Any] = {}
    token: str = ""
    change_set_id: str = ""
    parent_id: str = ""
    root_id: str = ""
    imports: list[str] = []
    endpoint: str = ""
    timeout_minutes: int = 0
    retain_except_on_create: bool = False
    update_policy: str = ""
    """The stack policy of the update under way (StackPolicyDuringUpdateBody)."""
    caller: AccessKey | None = None
    """Who asked for the operation under way, or the last one; without secrets."""


class StackResource(Record):
    logical_id: str
    type: str
    status: str
    updated_ms: int
    physical_id: str = ""
    properties: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    reason: str = ""
    deletion_policy: str = ""
    replace_policy: str = ""
    needs: list[str] = []
    no_echo: bool = False
    """Whether its attributes are masked in outputs (custom resources can ask for that)."""
    seed: str = ""
    """Of its generated name, so that what a crash left of its making can be found."""
    begun: bool = False
    """Whether its handler has written something while it was being made."""


class Event(Record):
    id: str
    at_ms: int
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str = ""
    properties: str = ""
    token: str = ""


class ChangeSet(Record):
    id: str
    name: str
    stack_id: str
    stack_name: str
    kind: str
    created_ms: int
    status: str
    execution_status: str
    reason: str = ""
    description: str = ""
    original: str = ""
    template: dict[str, Any] = {}
    parameters: dict[str, str] = {}
    resolved: dict[str, Any] = {}
    tags: dict[str, str] = {}
    capabilities: list[str] = []
    changes: list[dict[str, Any]] = []
    role_arn: str = ""
    notification_arns: list[str] = []
    rollback_configuration: dict[str, Any] = {}
    on_failure: str = ""
    imports: bool = False
    include_nested: bool = False
    parent_id: str = ""
    root_id: str = ""
    nested: dict[str, str] = {}
    """Logical id of a nested stack -> its change set's id."""
    token: str = ""


class ChangeSetPlace(Record):
    """The key of a change set."""

    stack_id: str
    name: str


class Macro(Record):
    function: str
    stack_id: str


class Signal(Record):
    """What SignalResource, or a PUT to a wait condition's handle, told about a resource."""

    status: str
    reason: str = ""
    data: str = ""


class SigningKey(Record):
    secret: bytes


class Export(Record):
    stack_id: str
    value: str


class Named(Record):
    stack_id: str


class Tables:
    def __init__(self, store: Store) -> None:
        self.stacks = store.table("cloudformation.stacks", key=(str, str, str), value=Stack)
        self.names = store.table("cloudformation.names", key=(str, str, str), value=Named)
        self.resources = store.table("cloudformation.resources", key=(str, str), value=StackResource)
        self.events = store.table("cloudformation.events", key=(str, int), value=Event)
        self.change_sets = store.table("cloudformation.change_sets", key=(str, str), value=ChangeSet)
        self.change_set_places = store.table("cloudformation.change_set_places", key=(str,), value=ChangeSetPlace)
        """By a change set's id."""
        self.exports = store.table("cloudformation.exports", key=(str, str, str), value=Export)
        self.formers = store.table("cloudformation.formers", key=(str,), value=Stack)
        self.replaced = store.table("cloudformation.replaced", key=(str, str), value=StackResource)
        self.macros = store.table("cloudformation.macros", key=(str, str, str), value=Macro)
        self.signals = store.table("cloudformation.signals", key=(str, str, str), value=Signal)
        self.signing_keys = store.table("cloudformation.signing_keys", key=(str,), value=SigningKey)
