"""What CloudFormation stores.

A stack's key is its id; `names` maps the name of every stack that is not deleted to its id. Resources are keyed by
stack and logical id; a resource record exists from the moment its creation begins.
"""

from typing import Any

from fogbank.core.store import Record, Store


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


class Export(Record):
    stack_id: str
    value: str


class Tables:
    def __init__(self, store: Store) -> None:
        self.stacks = store.table("cloudformation.stacks", key=(str, str, str), value=Stack)
        self.names = store.table("cloudformation.names", key=(str, str, str), value=Named)
        self.resources = store.table("cloudformation.resources", key=(str, str), value=StackResource)
        self.events = store.table("cloudformation.events", key=(str, int), value=Event)
        self.change_sets = store.table("cloudformation.change_sets", key=(str, str), value=ChangeSet)
        self.exports = store.table("cloudformation.exports", key=(str, str, str), value=Export)


class Named(Record):
    stack_id: str
